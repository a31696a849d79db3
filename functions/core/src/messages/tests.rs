#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::Value;

use super::*;

/// The sample event of a kind.
fn sample(kind: &str) -> Message {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/events/notify");
    let text = std::fs::read_to_string(format!("{folder}/{kind}.json")).unwrap();
    serde_json::from_str::<NotifyInput>(&text).unwrap().message
}

fn every_letter() -> impl Iterator<Item = (Message, Language, Letter)> {
    Message::KINDS.into_iter().flat_map(|kind| {
        [Language::En, Language::Ja].map(|language| {
            let message = sample(kind);
            let letter = message.compose(language);
            (message, language, letter)
        })
    })
}

/// As it arrives: the subject, the text, the chat form.
fn shown(letter: &Letter) -> String {
    format!("{}\n\n{}\n{}", letter.subject, letter.text, serde_json::to_string_pretty(&letter.chat).unwrap())
}

#[test]
fn every_message_reads_well_in_both_languages() {
    for (message, language, letter) in every_letter() {
        let language = if language == Language::En { "en" } else { "ja" };
        insta::assert_snapshot!(format!("{}_{language}", message.kind()), shown(&letter));
    }
}

#[test]
fn the_other_sides_of_messages_read_well_too() {
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
            Message::DriftFound { findings, .. } => findings.iter_mut().for_each(|finding| finding.mended = true),
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
fn a_subject_is_what_sns_takes_however_long_the_names_are() {
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
    for (message, _, letter) in every_letter() {
        let body: Value = serde_json::from_str(&letter.body()).unwrap();
        assert_eq!(body["default"], letter.text);
        // What an HTTPS subscription gets is a string that holds JSON.
        let chat: Value = serde_json::from_str(body["https"].as_str().unwrap()).unwrap();
        assert_eq!((&chat["version"], &chat["source"]), (&"1.0".into(), &"custom".into()));
        assert_eq!(
            (&chat["content"]["textType"], &chat["metadata"]["eventType"]),
            (&"client-markdown".into(), &message.kind().into())
        );
        assert!(letter.body().len() < 262_144);
    }
}

#[test]
fn the_same_thing_has_the_same_reference_and_another_thing_has_not() {
    let reference = |message: &Message| message.compose(Language::En).reference;
    let first = sample("unsafePlan");
    let (mut again, mut other) = (first.clone(), first.clone());
    if let (Message::UnsafePlan { task_token, .. }, Message::UnsafePlan { digest, .. }) = (&mut again, &mut other) {
        *task_token = "another attempt".into();
        *digest = "another plan".into();
    }
    assert_eq!(reference(&first), reference(&again));
    assert_ne!(reference(&first), reference(&other));
    let all: std::collections::BTreeSet<String> = Message::KINDS.iter().map(|kind| reference(&sample(kind))).collect();
    assert_eq!(all.len(), Message::KINDS.len());
}

#[test]
fn a_message_without_bounds_is_cut_and_says_so() {
    let mut message = sample("telephonyNews");
    if let Message::TelephonyNews { message, .. } = &mut message {
        *message = "語".repeat(300_000);
    }
    let letter = message.compose(Language::Ja);
    assert!(letter.body().len() < 262_144 && letter.text.contains("[…]"));
    assert!(letter.text.contains(&letter.reference), "what follows the text is still there");
}
