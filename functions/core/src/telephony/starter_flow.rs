//! The starter flow, which answers calls to phone numbers that have no other flow, and the test case that calls this
//! flow.
//!
//! Sources: Amazon Connect developer guide, "Flow language" and "Testing language"; administrator guide, "Execute test
//! cases".

use serde_json::{Value, json};

use crate::onboarding::Language;

/// The version of the flow language.
const FLOW_VERSION: &str = "2019-10-30";
/// The versions of the testing language, in the order in which they are tried. The developer guide uses `2025-06-21`.
/// According to public projects that use Amazon Connect, the service accepts only `2019-10-30`.
pub const TEST_VERSIONS: [&str; 2] = ["2019-10-30", "2025-06-21"];
/// The English greeting. In test cases, Amazon Connect recognizes only English speech, so every starter flow plays this
/// greeting.
const ENGLISH: &str = "Thank you for calling. This number is being set up. Please call again later.";
/// The part of the English greeting that the test case expects. The recognized text can differ from the greeting in
/// capital letters, punctuation and numerals, and several messages can be recognized as one text. The test case
/// therefore expects only a part of the greeting without capital letters, punctuation and numerals.
const EXPECTED: &str = "number is being set up";
const JAPANESE: &str =
    "お電話ありがとうございます。この電話番号は現在準備中です。恐れ入りますが、後ほどおかけ直しください。";

/// The content of the starter flow. The flow plays a greeting in the language of the input, then the English greeting,
/// and then ends the call.
#[must_use]
pub fn flow_content(language: Language) -> Value {
    let english = |next: &str| message("greeting", ENGLISH, next);
    let mut actions = match language {
        Language::En => vec![english("end")],
        // `Takumi` and `Joanna` are available in each Region of Amazon Connect.
        Language::Ja => vec![
            voice("japanese-voice", "Takumi", "japanese-greeting"),
            message("japanese-greeting", JAPANESE, "english-voice"),
            voice("english-voice", "Joanna", "greeting"),
            english("end"),
        ],
    };
    let start = actions[0]["Identifier"].clone();
    actions.push(json!({ "Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {} }));
    json!({ "Version": FLOW_VERSION, "StartAction": start, "Metadata": {}, "Actions": actions })
}

fn message(identifier: &str, text: &str, next: &str) -> Value {
    json!({
        "Identifier": identifier, "Type": "MessageParticipant", "Parameters": { "Text": text },
        "Transitions": transitions(next),
    })
}

fn voice(identifier: &str, voice: &str, next: &str) -> Value {
    json!({
        "Identifier": identifier, "Type": "UpdateContactTextToSpeechVoice", "Parameters": { "TextToSpeechVoice": voice },
        "Transitions": transitions(next),
    })
}

fn transitions(next: &str) -> Value {
    json!({ "NextAction": next, "Errors": [{ "NextAction": next, "ErrorType": "NoMatchingError" }] })
}

/// The content of the test case in a version of the testing language. The test passes if the flow plays the greeting.
/// The field `Usage` of an observation and the field `Transitions` of the last action are omitted, because the service
/// rejects the values that the developer guide contains for these fields.
#[must_use]
pub fn test_content(version: &str) -> Value {
    let observation = |identifier: &str, event: Value, actions: Value, next: &[&str]| {
        json!({
            "Identifier": identifier, "Event": event, "Actions": actions,
            "Transitions": { "NextObservations": next },
        })
    };
    let start = json!({ "Identifier": "started", "Type": "TestInitiated", "Actor": "System", "Properties": {} });
    let heard = json!({
        "Identifier": "heard", "Type": "MessageReceived", "Actor": "System", "Properties": { "Text": EXPECTED },
        "MatchingCriteria": "Inclusion",
    });
    let end = json!([{
        "Identifier": "end", "Type": "TestControl",
        "Parameters": { "ActionType": "TestControl", "Command": { "Type": "EndTest" } },
    }]);
    json!({ "Version": version, "Metadata": {}, "Observations": [
        observation("start", start, json!([]), &["greeting"]),
        observation("greeting", heard, end, &[]),
    ] })
}

/// Whether the content that Amazon Connect returned matches the wanted content. Amazon Connect may add metadata and
/// empty fields.
#[must_use]
pub fn is_same_content(found: &str, wanted: &Value) -> bool {
    serde_json::from_str(found).is_ok_and(|found: Value| is_same(&found, wanted))
}

fn is_same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let all = wanted.iter().filter(|(key, _)| *key != "Metadata");
            let extra = found.iter().filter(|(key, _)| *key != "Metadata" && !wanted.contains_key(*key));
            let equal = |(key, value): (&String, &Value)| match found.get(key) {
                Some(found) => is_same(found, value),
                None => is_empty(value),
            };
            all.into_iter().all(equal) && extra.into_iter().all(|(_, value)| is_empty(value))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| is_same(found, wanted))
        }
        _ => found == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_plays_the_greeting_that_the_test_case_expects_and_then_ends_the_call() {
        for (language, actions) in [(Language::En, 2), (Language::Ja, 5)] {
            let content = flow_content(language);
            let all = content["Actions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let (mut at, mut texts, mut passed) = (content["StartAction"].clone(), String::new(), 0);
            while let Some(action) = all.iter().find(|action| action["Identifier"] == at) {
                texts.push_str(action["Parameters"]["Text"].as_str().unwrap_or_default());
                at = action["Transitions"]["NextAction"].clone();
                passed += 1;
            }
            assert_eq!((passed, all.len()), (actions, actions), "the path through the flow contains every action");
            let expected = &test_content(TEST_VERSIONS[0])["Observations"][1]["Event"]["Properties"]["Text"];
            assert!(expected.as_str().is_some_and(|expected| texts.to_lowercase().contains(expected)), "{texts}");
            assert_eq!(all.last().map(|action| &action["Type"]), Some(&json!("DisconnectParticipant")));
        }
    }

    #[test]
    fn added_metadata_and_empty_members_are_no_difference_and_every_other_change_is() {
        let wanted = flow_content(Language::En);
        let with = |change: &dyn Fn(&mut Value)| {
            let mut found = wanted.clone();
            change(&mut found);
            is_same_content(&found.to_string(), &wanted)
        };
        assert!(with(&|_| {}));
        assert!(with(&|found| found["Metadata"] = json!({ "entryPointPosition": { "x": 1 } })));
        assert!(with(&|found| found["Actions"][1]["Transitions"] = json!({ "Errors": [], "Conditions": [] })));
        assert!(with(&|found| {
            found["Actions"][1].as_object_mut().map(|action| action.remove("Parameters"));
        }));
        assert!(!with(&|found| found["Actions"][0]["Parameters"]["Text"] = json!("Hello.")));
        assert!(!with(&|found| found["Actions"][1]["Parameters"]["Key"] = json!("value")));
        assert!(!with(&|found| found["Actions"] = json!([])));
        assert!(!is_same_content("no JSON", &wanted));
        assert!(!is_same_content(&test_content(TEST_VERSIONS[0]).to_string(), &test_content(TEST_VERSIONS[1])));
    }
}
