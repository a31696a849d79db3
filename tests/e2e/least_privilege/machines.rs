//! Checks that the role of each state machine allows exactly the calls in the definition of the state machine.

use std::collections::BTreeSet;

use serde_json::Value;

use super::allowed::{resources, template};
use crate::common::root;

/// Actions that Step Functions itself performs with the role: delivering logs, and using the KMS key of the stack.
const ITS_OWN: [&str; 10] = [
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// Actions needed to start another state machine and wait until it finishes.
const NESTED: [&str; 6] = [
    "events:DescribeRule",
    "events:PutRule",
    "events:PutTargets",
    "states:DescribeExecution",
    "states:StartExecution",
    "states:StopExecution",
];

fn tasks<'a>(machine: &'a Value, found: &mut Vec<&'a Value>) {
    for state in machine["States"].as_object().into_iter().flatten().map(|(_, state)| state) {
        if state["Type"] == "Task" {
            found.push(state);
        }
        let inner = state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor"));
        inner.for_each(|branch| tasks(branch, found));
    }
}

/// Returns the placeholder that stands for the function in the definition of a task, and the IAM actions that the task
/// needs.
fn needs(task: &Value) -> (Option<String>, Vec<String>) {
    let resource = task["Resource"].as_str().unwrap();
    let placeholder = |text: &str| text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).map(str::to_owned);
    if let Some(function) = placeholder(resource) {
        return (Some(function), vec!["lambda:InvokeFunction".into()]);
    }
    let service = resource.strip_prefix("arn:aws:states:::").unwrap_or_else(|| panic!("{resource}"));
    if service.starts_with("lambda:invoke") {
        let function = task["Arguments"]["FunctionName"].as_str().and_then(placeholder);
        return (Some(function.unwrap_or_else(|| panic!("{task}"))), vec!["lambda:InvokeFunction".into()]);
    }
    if service == "states:startExecution.sync:2" {
        return (None, NESTED.map(str::to_owned).into());
    }
    let mut parts = service.trim_start_matches("aws-sdk:").splitn(2, ':');
    let (name, operation) = (parts.next().unwrap(), parts.next().unwrap());
    let operation = operation.split('.').next().unwrap();
    let namespace = if name == "sfn" { "states" } else { name };
    let action = format!("{namespace}:{}{}", operation[..1].to_uppercase(), &operation[1..]);
    (None, vec![action])
}

fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned);
    let list = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    one.into_iter().chain(list).collect()
}

/// The statements of the state machine's own policy and of the policies attached to the state machine's role.
fn statements(name: &str, properties: &Value) -> Vec<Value> {
    let role = serde_json::json!({ "!Ref": format!("{name}Role") });
    let attached =
        resources(&template(), &["AWS::IAM::Policy"]).into_iter().map(|(_, policy)| policy["Properties"].clone());
    let attached = attached.filter(|policy| policy["Roles"].as_array().unwrap().contains(&role));
    let documents = attached.map(|policy| policy["PolicyDocument"].clone()).chain([properties["Policies"][0].clone()]);
    documents.flat_map(|document| document["Statement"].as_array().unwrap().clone()).collect()
}

/// With unrestricted use of the KMS key, a state machine could read the encrypted data of any service.
#[test]
fn state_machines_may_use_the_key_only_through_dynamodb() {
    let condition = serde_json::json!({
        "StringEquals": { "kms:ViaService": { "!Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}" } },
    });
    for (name, machine) in resources(&template(), &["AWS::Serverless::StateMachine"]) {
        for statement in statements(&name, &machine["Properties"]) {
            if texts(&statement["Action"]).iter().any(|action| action.starts_with("kms:")) {
                assert_eq!(statement["Condition"], condition, "{name}: {statement}");
            }
        }
    }
}

#[test]
fn state_machine_roles_allow_exactly_the_calls_of_their_definitions() {
    for (name, machine) in resources(&template(), &["AWS::Serverless::StateMachine"]) {
        let properties = &machine["Properties"];
        let file = root().join(properties["DefinitionUri"].as_str().unwrap());
        let definition: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut all = Vec::new();
        tasks(&definition, &mut all);
        let (mut functions, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        for (function, actions) in all.into_iter().map(needs) {
            let substitution =
                |name| properties["DefinitionSubstitutions"][&name]["!GetAtt"].as_str().map(str::to_owned);
            functions.extend(function.and_then(substitution));
            wanted.extend(actions);
        }
        let (mut invoked, mut allowed) = (BTreeSet::new(), BTreeSet::new());
        for statement in statements(&name, properties) {
            let actions = texts(&statement["Action"]);
            if actions == ["lambda:InvokeFunction"] {
                let resource = &statement["Resource"];
                let list = resource.as_array().cloned().unwrap_or_else(|| vec![resource.clone()]);
                invoked.extend(list.iter().map(|one| one["!GetAtt"].as_str().unwrap().to_owned()));
            }
            allowed.extend(actions.into_iter().filter(|action| !ITS_OWN.contains(&action.as_str())));
        }
        assert_eq!(allowed, wanted, "{name}: what its role allows (left), what its definition does (right)");
        assert_eq!(invoked, functions, "{name}: the functions that its role may invoke (left), and those that it does");
    }
}
