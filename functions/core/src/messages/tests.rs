#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::Value;

use super::*;

/// Returns the sample message for this kind of notification.
fn sample(kind: &str) -> Message {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/events/notify");
    let text = std::fs::read_to_string(format!("{folder}/{kind}.json")).unwrap();
    serde_json::from_str::<NotifyInput>(&text).unwrap().message
}

fn every_notification() -> impl Iterator<Item = (Message, Language, Notification)> {
    Message::KINDS.into_iter().flat_map(|kind| {
        [Language::En, Language::Ja].map(|language| {
            let message = sample(kind);
            let notification = message.compose(language);
            (message, language, notification)
        })
    })
}

/// The notification as it is published: the subject, the text and the message for chat applications.
fn shown(notification: &Notification) -> String {
    format!(
        "{}\n\n{}\n{}",
        notification.subject,
        notification.text,
        serde_json::to_string_pretty(&notification.chat).unwrap()
    )
}

#[test]
fn every_message_matches_its_snapshots_in_both_languages() {
    for (message, language, notification) in every_notification() {
        let language = if language == Language::En { "en" } else { "ja" };
        insta::assert_snapshot!(format!("{}_{language}", message.kind()), shown(&notification));
    }
}

#[test]
fn messages_of_failures_match_their_snapshots_too() {
    let failed = |mut message: Message| {
        match &mut message {
            Message::SignInReady { passed, .. } => *passed = false,
            Message::OnboardingFinished { failed, .. } => *failed = true,
            Message::ExecutionFailed { detail } => {
                *detail = ExecutionDetail {
                    execution_arn: detail.execution_arn.clone(),
                    state_machine_arn: detail.state_machine_arn.clone(),
                    status: "TIMED_OUT".into(),
                    ..ExecutionDetail::default()
                };
            }
            Message::DriftFound { findings, .. } => findings.iter_mut().for_each(|finding| finding.reverted = true),
            Message::TelephonyNews { .. }
            | Message::UnsafePlan { .. }
            | Message::CertificateRotated { .. }
            | Message::RotationNeedsPerson { .. }
            | Message::TeardownFinished { .. } => {}
        }
        message
    };
    for kind in ["signInReady", "onboardingFinished", "driftFound", "executionFailed"] {
        for (language, name) in [(Language::En, "en"), (Language::Ja, "ja")] {
            insta::assert_snapshot!(format!("{kind}_failed_{name}"), failed(sample(kind)).compose(language).text);
        }
    }
}

#[test]
fn a_kind_in_json_is_the_name_of_its_variant() {
    for kind in Message::KINDS {
        assert_eq!(sample(kind).kind(), kind);
    }
    assert!(serde_json::from_str::<NotifyInput>(r#"{"kind":"nonsense"}"#).is_err());
}

#[test]
fn a_subject_stays_within_the_limits_of_sns_for_names_of_any_length() {
    let mut message = sample("unsafePlan");
    if let Message::UnsafePlan { alias, .. } = &mut message {
        *alias = format!("{}\n{}", "a".repeat(60), "b".repeat(90));
    }
    for language in [Language::En, Language::Ja] {
        let subject = message.compose(language).subject;
        assert!(subject.chars().count() <= MAX_SUBJECT && !subject.chars().any(char::is_control), "{subject}");
    }
}

#[test]
fn the_body_is_text_for_mail_and_a_custom_notification_for_chat() {
    for (message, _, notification) in every_notification() {
        let body: Value = serde_json::from_str(&notification.body()).unwrap();
        assert_eq!(body["default"], notification.text);
        // For HTTPS subscriptions, the value is a string that contains a second JSON document.
        let chat: Value = serde_json::from_str(body["https"].as_str().unwrap()).unwrap();
        assert_eq!((&chat["version"], &chat["source"]), (&"1.0".into(), &"custom".into()));
        assert_eq!(
            (&chat["content"]["textType"], &chat["metadata"]["eventType"]),
            (&"client-markdown".into(), &message.kind().into())
        );
        assert!(notification.body().len() < 262_144);
    }
}

#[test]
fn equal_messages_have_equal_references_and_other_messages_have_others() {
    let reference = |message: &Message| message.compose(Language::En).reference;
    let first = sample("unsafePlan");
    let (mut again, mut other) = (first.clone(), first.clone());
    if let (Message::UnsafePlan { reasons, .. }, Message::UnsafePlan { digest, .. }) = (&mut again, &mut other) {
        reasons.push("another attempt".into());
        *digest = "another request".into();
    }
    assert_eq!(reference(&first), reference(&again));
    assert_ne!(reference(&first), reference(&other));
    let all: std::collections::BTreeSet<String> = Message::KINDS.iter().map(|kind| reference(&sample(kind))).collect();
    assert_eq!(all.len(), Message::KINDS.len());
}

#[test]
fn a_message_that_is_too_long_is_cut_and_marked() {
    let mut message = sample("telephonyNews");
    if let Message::TelephonyNews { message, .. } = &mut message {
        *message = "語".repeat(300_000);
    }
    let notification = message.compose(Language::Ja);
    assert!(notification.body().len() < 262_144 && notification.text.contains("[…]"));
    assert!(notification.text.contains(&notification.reference), "the reference after the text is not cut");
}
