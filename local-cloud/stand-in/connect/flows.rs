//! Flows that `CreateContactFlow` creates. Sources: the service model; developer guide, "Flow language"; public reports
//! of rejected flows, from which the validation rules are derived.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::profiles::{self, NamedThing};
use super::{Instance, tags};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::world::{Setting, State};

/// The only version of the flow language.
const VERSION: &str = "2019-10-30";
/// The maximum length of a flow's content.
const MOST_CONTENT: usize = 256_000;

/// Runs an operation on a flow.
pub(super) fn call(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    match operation {
        "CreateContactFlow" => create(setting, instance, input),
        "DescribeContactFlow" => {
            let flow = profiles::find(&instance.named.flows, input.need("ContactFlowId")?)?;
            answer(json!({ "ContactFlow": shape(setting, flow) }))
        }
        _ => update(setting, instance, input),
    }
}

fn create(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    if input.need("Type")? != "CONTACT_FLOW" {
        return Err(Refusal::invalid_request("The local cloud creates only flows of the type CONTACT_FLOW."));
    }
    if input.text("Status") == Some("SAVED") {
        return Err(Refusal::invalid_request("The local cloud creates only published flows."));
    }
    let (name, content) = (input.need("Name")?, valid(input.need("Content")?)?);
    let tags = input.object("Tags").cloned().unwrap_or_default();
    tags::check(&tags)?;
    let made = profiles::create(setting, &instance.arn, "contact-flow", name, &mut instance.named.flows)?;
    if let Some(flow) = instance.named.flows.last_mut() {
        flow.kind = "CONTACT_FLOW";
        flow.content = content;
        flow.tags = tags;
    }
    answer(json!({ "ContactFlowId": made.id, "ContactFlowArn": made.arn }))
}

fn update(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let content = valid(input.need("Content")?)?;
    let id = profiles::find(&instance.named.flows, input.need("ContactFlowId")?)?.id.clone();
    if let Some(flow) = instance.named.flows.iter_mut().find(|flow| flow.id == id) {
        flow.content = content;
        flow.at = setting.clock.now();
    }
    nothing()
}

/// Deletes a flow, unless a phone number uses it.
pub(super) fn delete(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    let id = profiles::find(&instance.named.flows, input.need("ContactFlowId")?)?.id.clone();
    let arn = instance.arn.clone();
    if state.connect.numbers.values().any(|number| number.target == arn && number.has_flow(&id)) {
        return Err(Refusal::invalid_request("The flow is associated with a phone number."));
    }
    state.connect.ready(setting, &arn)?.named.flows.retain(|flow| flow.id != id);
    nothing()
}

/// A flow as `DescribeContactFlow` returns it.
fn shape(setting: &Setting, flow: &NamedThing) -> Value {
    let mut shape = json!({
        "Id": flow.id, "Arn": flow.arn, "Name": flow.name, "Type": flow.kind, "State": "ACTIVE", "Status": "PUBLISHED",
        "Content": stored(setting, &flow.content), "LastModifiedTime": epoch(flow.at),
        "LastModifiedRegion": setting.region,
    });
    if !flow.tags.is_empty() {
        shape["Tags"] = json!(flow.tags);
    }
    shape
}

/// The content as Connect returns it: either unchanged, or with the members that the flow designer adds.
fn stored(setting: &Setting, content: &str) -> String {
    let mut parsed: Value = serde_json::from_str(content).unwrap_or_default();
    if !setting.behaviour.flow_content_completed || !parsed.is_object() {
        return content.to_owned();
    }
    parsed["Metadata"] = json!({ "entryPointPosition": { "x": 40, "y": 40 }, "ActionMetadata": {} });
    for action in parsed["Actions"].as_array_mut().into_iter().flatten() {
        for member in ["Errors", "Conditions"] {
            if action["Transitions"].get(member).is_none() {
                action["Transitions"][member] = json!([]);
            }
        }
    }
    parsed.to_string()
}

/// The flow as the inventory shows it. `None` for a default flow, whose content is not emulated.
pub(super) fn inventory(flow: &NamedThing) -> Option<Value> {
    let content: Value = serde_json::from_str(&flow.content).ok()?;
    Some(json!({ "Name": flow.name, "Content": content, "Tags": flow.tags }))
}

/// Validates the content of a published flow.
fn valid(content: &str) -> Result<String, Refusal> {
    let parsed: Value = serde_json::from_str(content).unwrap_or_default();
    match problem(&parsed) {
        Some(problem) => Err(Refusal::new(400, "InvalidContactFlowException", problem)),
        None if content.len() > MOST_CONTENT => Err(Refusal::invalid_parameter("The content is too long.")),
        None => Ok(content.to_owned()),
    }
}

fn problem(flow: &Value) -> Option<String> {
    let Some(actions) = flow["Actions"].as_array().filter(|actions| !actions.is_empty()) else {
        return Some("The flow is no valid JSON object with actions. Path: Actions".into());
    };
    if flow["Version"] != VERSION {
        return Some("Invalid version. Path: Version".into());
    }
    let identifiers: BTreeSet<&str> = actions.iter().filter_map(|action| action["Identifier"].as_str()).collect();
    if identifiers.len() != actions.len() || !identifiers.iter().all(|identifier| is_identifier(identifier)) {
        return Some("Each action needs its own valid identifier. Path: Actions".into());
    }
    let known = |value: &Value| value.as_str().is_some_and(|name| identifiers.contains(name));
    if !known(&flow["StartAction"]) {
        return Some("The start action does not exist. Path: StartAction".into());
    }
    actions.iter().enumerate().find_map(|(index, action)| {
        action_problem(action, &known).map(|problem| format!("{problem}, Path: Actions[{index}]"))
    })
}

/// Whether an identifier has a valid length and only allowed characters. The rules are derived from public reports of
/// rejected flows.
fn is_identifier(identifier: &str) -> bool {
    (1..=50).contains(&identifier.chars().count()) && !identifier.contains(|c| "%:(\\/)=$,;[]{}".contains(c))
}

fn action_problem(action: &Value, known: &impl Fn(&Value) -> bool) -> Option<String> {
    let (parameters, transitions) = (action["Parameters"].as_object(), action["Transitions"].as_object());
    let (Some(parameters), Some(transitions)) = (parameters, transitions) else {
        return Some("Action needs parameters and transitions".into());
    };
    let texts = |names: &[&str]| {
        let given = |name: &&&str| parameters.get(**name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        names.iter().filter(given).count()
    };
    let fits = match action["Type"].as_str().unwrap_or_default() {
        "MessageParticipant" => texts(&["Text", "SSML", "PromptId"]) == 1,
        "UpdateContactTextToSpeechVoice" => texts(&["TextToSpeechVoice"]) == 1,
        "DisconnectParticipant" => return ends(parameters, transitions),
        other => return Some(format!("The local cloud has no action of the type {other}")),
    };
    if !fits {
        return Some("Action parameters are not valid".into());
    }
    let errors = transitions.get("Errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !errors.iter().any(|error| error["ErrorType"] == "NoMatchingError") {
        return Some("Action is missing required error. Error: NoMatchingError".into());
    }
    let targets = errors.iter().map(|error| &error["NextAction"]).chain(transitions.get("NextAction"));
    let all = transitions.contains_key("NextAction") && targets.into_iter().all(known);
    (!all).then(|| "The next action does not exist".into())
}

fn ends(parameters: &Map<String, Value>, transitions: &Map<String, Value>) -> Option<String> {
    let ends = parameters.is_empty() && !transitions.contains_key("NextAction");
    (!ends).then(|| "DisconnectParticipant has neither parameters nor a next action".into())
}

/// The messages that a caller hears, as a test case observes them. Consecutive messages are joined to one message. Only
/// English messages are recognized. The result is in lower case.
pub(super) fn heard(content: &str) -> Vec<String> {
    let flow: Value = serde_json::from_str(content).unwrap_or_default();
    let actions = flow["Actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (mut messages, mut continues, mut at) = (Vec::<String>::new(), false, flow["StartAction"].clone());
    // A flow can contain a loop, so the number of actions is limited.
    for _ in 0..100 {
        let Some(action) = actions.iter().find(|action| action["Identifier"] == at) else { break };
        let text = action["Parameters"]["Text"].as_str().filter(|text| text.is_ascii()).map(str::to_lowercase);
        match (text, messages.last_mut().filter(|_| continues)) {
            (Some(text), Some(message)) => *message = format!("{message} {text}"),
            (Some(text), None) => messages.push(text),
            (None, _) => {}
        }
        continues = action["Type"] == "MessageParticipant";
        at = action["Transitions"]["NextAction"].clone();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Value {
        let next = |next: &str| json!({ "NextAction": next, "Errors": [{ "NextAction": next, "ErrorType": "NoMatchingError" }] });
        json!({ "Version": VERSION, "StartAction": "a", "Actions": [
            { "Identifier": "a", "Type": "MessageParticipant", "Parameters": { "Text": "Hello." }, "Transitions": next("b") },
            { "Identifier": "b", "Type": "MessageParticipant", "Parameters": { "Text": "Bye." }, "Transitions": next("v") },
            { "Identifier": "v", "Type": "UpdateContactTextToSpeechVoice", "Parameters": { "TextToSpeechVoice": "Takumi" },
              "Transitions": next("c") },
            { "Identifier": "c", "Type": "MessageParticipant", "Parameters": { "Text": "はい" }, "Transitions": next("d") },
            { "Identifier": "d", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {} },
        ] })
    }

    #[test]
    fn each_fault_of_a_flow_is_a_problem() {
        assert_eq!(problem(&flow()), None);
        let with = |pointer: &str, value: Value| {
            let mut flow = flow();
            if let Some(place) = flow.pointer_mut(pointer) {
                *place = value;
            }
            problem(&flow)
        };
        for (pointer, value) in [
            ("/Version", json!("2020-01-01")),
            ("/StartAction", json!("x")),
            ("/Actions", json!([])),
            ("/Actions/0/Identifier", json!("b")),
            ("/Actions/0/Identifier", json!("a:b")),
            ("/Actions/0/Type", json!("Say")),
            ("/Actions/0/Parameters", json!({})),
            ("/Actions/0/Transitions/Errors", json!([])),
            ("/Actions/0/Transitions/NextAction", json!("x")),
            ("/Actions/4/Transitions", json!({ "NextAction": "a" })),
        ] {
            assert!(with(pointer, value.clone()).is_some(), "{pointer} {value}");
        }
    }

    #[test]
    fn consecutive_english_messages_are_heard_as_one_message() {
        assert_eq!(heard(&flow().to_string()), ["hello. bye."]);
    }
}
