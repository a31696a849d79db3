//! Tests that the state machines, the template, the handlers of the binary, the error names and the sample events are
//! consistent. The tests need no cloud. Each failure message states what is missing and where.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap fails the test")]

mod costs;
mod deployment;
mod forgotten;
mod imports;
mod language;
mod layers;
mod lessons;
mod loops;
mod sizes;
mod watching;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use onboarding_core::{
    StepErrorKind,
    contract::*,
    messages::{Message, NotifyInput},
    sync::SyncUsersInput,
    telephony::{CreateStarterFlowInput, OrderNumbersInput, TestFirstCallInput},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The directories of `functions/` that contain steps.
const WORKFLOWS: [&str; 6] = ["onboarding", "user_sync", "notifications", "certificates", "drift", "teardown"];

/// The environment variable that names another root directory. The tests in `forgotten` set this variable to check a
/// modified copy of the source.
const ROOT: &str = "CONNECT_ONBOARDING_CONTRACT_ROOT";

fn root() -> PathBuf {
    std::env::var_os(ROOT).map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The template. CloudFormation's tags (`!Ref`, `!GetAtt`, …) become objects with one field.
pub(crate) fn template() -> Value {
    fn plain(value: serde_norway::Value) -> Value {
        use serde_norway::Value as Yaml;
        match value {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => value.into(),
            Yaml::Number(number) => serde_json::to_value(number).unwrap(),
            Yaml::String(text) => text.into(),
            Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
            Yaml::Mapping(fields) => fields
                .into_iter()
                .map(|(key, value)| (key.as_str().map_or_else(|| format!("{key:?}"), ToOwned::to_owned), plain(value)))
                .collect(),
            Yaml::Tagged(tagged) => serde_json::json!({ tagged.tag.to_string(): plain(tagged.value) }),
        }
    }
    static TEMPLATE: LazyLock<Value> =
        LazyLock::new(|| plain(serde_norway::from_str(&read("template.yaml")).expect("template.yaml is YAML")));
    TEMPLATE.clone()
}

fn resources_of_type(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().unwrap().iter();
    resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect()
}

/// Maps the logical id of every function to the function's handler.
fn functions(template: &Value) -> BTreeMap<String, String> {
    resources_of_type(template, "AWS::Serverless::Function")
        .into_iter()
        .map(|(name, resource)| (name, resource["Properties"]["Handler"].as_str().expect("a Handler").to_owned()))
        .collect()
}

/// The handlers in `main.rs`.
fn handlers() -> BTreeSet<String> {
    read("functions/main.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>").map(|(name, _)| name.to_owned()))
        .collect()
}

/// Maps each file name to the state machine in that file.
fn machines() -> BTreeMap<String, Value> {
    fs::read_dir(root().join("statemachine"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), serde_json::from_str(&read(path)).unwrap())
        })
        .collect()
}

/// Every state of a state machine by name, including the states in branches.
fn states(machine: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let Some(states) = machine["States"].as_object() else { return found };
    for (name, state) in states {
        found.insert(name.clone(), state.clone());
        for branch in state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor")) {
            found.extend(self::states(branch));
        }
    }
    found
}

fn lambda_tasks() -> Vec<(String, String, Value)> {
    let mut tasks = Vec::new();
    for (file, machine) in machines() {
        for (name, mut state) in states(&machine) {
            // With `.waitForTaskToken`, the function name and the payload are separate arguments.
            if state["Resource"].as_str().is_some_and(|resource| resource.starts_with("arn:aws:states:::lambda:invoke"))
            {
                state["Resource"] = state["Arguments"]["FunctionName"].clone();
                state["Arguments"] = state["Arguments"]["Payload"].take();
            }
            let function = state["Resource"]
                .as_str()
                .and_then(|resource| resource.strip_prefix("${")?.strip_suffix("FunctionArn}"));
            if let Some(function) = function {
                tasks.push((format!("{file}: {name}"), format!("{function}Function"), state));
            }
        }
    }
    tasks
}

/// The sample event of a handler. `notify` has one sample event for each kind of notification.
fn sample_event(handler: &str, kind: &Value) -> Value {
    let file = kind.as_str().map_or_else(|| handler.to_owned(), |kind| format!("{handler}/{kind}"));
    serde_json::from_str(&read(format!("tests/events/{file}.json"))).unwrap()
}

fn error_names<'a>(state: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    let entries = state[list].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().flat_map(|entry| entry["ErrorEquals"].as_array().into_iter().flatten()).filter_map(Value::as_str)
}

#[test]
fn every_handler_in_the_template_is_in_the_binary_and_vice_versa() {
    let wanted: BTreeSet<String> = functions(&template()).into_values().collect();
    assert_eq!(wanted, handlers(), "handlers in template.yaml (left) and lines in main.rs (right)");
}

#[test]
fn every_function_is_named_after_its_handler_and_every_handler_after_a_file() {
    for (function, handler) in functions(&template()) {
        let pascal: String = handler.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(function, format!("{pascal}Function"));
        let name = handler.replace('-', "_");
        let files = WORKFLOWS.map(|workflow| [format!("{workflow}/{name}.rs"), format!("{workflow}/{name}/mod.rs")]);
        let found = files.as_flattened().iter().filter(|file| root().join("functions").join(file).is_file()).count();
        assert_eq!(found, 1, "{handler} has no functions/<workflow>/{name}.rs, or more than one");
    }
}

#[test]
fn every_function_has_the_same_build_so_that_sam_builds_once() {
    let functions = resources_of_type(&template(), "AWS::Serverless::Function");
    let builds: BTreeSet<String> = functions.values().map(|function| function["Metadata"].to_string()).collect();
    assert_eq!(builds.len(), 1, "{builds:?}");
}

#[test]
fn every_lambda_task_invokes_a_function_of_the_template_and_is_named_after_it() {
    let functions = functions(&template());
    for (task, function, _) in lambda_tasks() {
        assert!(functions.contains_key(&function), "{task} invokes {function}, which template.yaml does not have");
    }
}

#[test]
fn every_substitution_is_used_and_every_placeholder_is_substituted() {
    for (name, machine) in resources_of_type(&template(), "AWS::Serverless::StateMachine") {
        let definition = read(machine["Properties"]["DefinitionUri"].as_str().unwrap());
        let given: BTreeSet<String> = machine["Properties"]["DefinitionSubstitutions"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect();
        let used: BTreeSet<String> = definition
            .split("${")
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()))
            .collect();
        assert_eq!(given, used, "{name}: DefinitionSubstitutions (left) and placeholders (right)");
    }
}

#[test]
fn every_error_name_in_a_state_machine_is_ours_or_from_aws() {
    for (file, machine) in machines() {
        for (name, state) in states(&machine) {
            for error in error_names(&state, "Retry").chain(error_names(&state, "Catch")) {
                let known = StepErrorKind::from_name(error).is_some()
                    || ["States.", "Lambda.", "Sandbox.", "Runtime.", "StepFunctions.", "DynamoDB.", "SNS.", "Sfn."]
                        .iter()
                        .any(|prefix| error.starts_with(prefix));
                assert!(known, "{file}: {name} names {error}");
            }
        }
    }
}

#[test]
fn every_lambda_task_retries_temporary_errors_and_no_final_errors() {
    let aws = [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
        "Runtime.ExitError",
        "Sandbox.Timedout",
    ];
    for (task, _, state) in lambda_tasks() {
        let retried: BTreeSet<&str> = error_names(&state, "Retry").collect();
        for name in StepErrorKind::RETRIED.map(StepErrorKind::name).into_iter().chain(aws) {
            assert!(retried.contains(name), "{task} does not retry {name}");
        }
        for kind in StepErrorKind::ALL.into_iter().filter(|kind| !StepErrorKind::RETRIED.contains(kind)) {
            assert!(!retried.contains(kind.name()), "{task} retries {kind}, which is final");
        }
        assert!(state["TimeoutSeconds"].is_number(), "{task} has no TimeoutSeconds");
    }
}

#[test]
fn the_timeout_of_every_lambda_task_is_at_least_that_of_its_function() {
    let template = template();
    let functions = resources_of_type(&template, "AWS::Serverless::Function");
    let default = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    for (task, function, state) in lambda_tasks() {
        let timeout = functions[&function]["Properties"]["Timeout"].as_u64().unwrap_or(default);
        let waits = state["TimeoutSeconds"].as_u64().unwrap();
        assert!(waits >= timeout, "{task} waits {waits} s for a function that may run {timeout} s");
    }
}

#[test]
fn every_state_machine_may_invoke_exactly_the_functions_that_it_calls() {
    for (name, machine) in resources_of_type(&template(), "AWS::Serverless::StateMachine") {
        let arn = |value: &Value| value["!GetAtt"].as_str().map(ToOwned::to_owned);
        let properties = &machine["Properties"];
        let substitutions = properties["DefinitionSubstitutions"].as_object().into_iter().flatten();
        let called: BTreeSet<String> = substitutions
            .filter(|(name, _)| name.ends_with("FunctionArn"))
            .filter_map(|(_, value)| arn(value))
            .collect();
        let statements = properties["Policies"].as_array().into_iter().flatten();
        let allowed: BTreeSet<String> = statements
            .flat_map(|policy| policy["Statement"].as_array().into_iter().flatten())
            .filter(|statement| statement["Action"] == "lambda:InvokeFunction")
            .flat_map(|statement| match &statement["Resource"] {
                Value::Array(resources) => resources.clone(),
                one => vec![one.clone()],
            })
            .filter_map(|resource| arn(&resource))
            .collect();
        assert_eq!(called, allowed, "{name}: functions that it calls (left) and may invoke (right)");
    }
}

/// Decodes an event as the handler's current step does. Returns the error if the step rejects the event.
fn decoded(handler: &str, event: Value) -> Result<(), String> {
    fn decode<T: DeserializeOwned>(value: Value) -> Result<(), String> {
        serde_path_to_error::deserialize::<_, T>(value).map(drop).map_err(|error| error.to_string())
    }
    match handler {
        "plan-teardown" => decode::<PlanTeardownInput>(event),
        "unsubscribe-groups"
        | "delete-users"
        | "delete-starter-flow"
        | "delete-federation"
        | "remove-entra-application"
        | "delete-instance" => decode::<RemoveInput>(event),
        "detect-drift" => decode::<DetectDriftInput>(event),
        "plan-onboarding" => decode::<PlanOnboardingInput>(event),
        "describe-onboarding" => decode::<DescribeOnboardingInput>(event),
        "preflight" => decode::<PreflightInput>(event),
        "instance-quota" => decode::<InstanceQuotaInput>(event),
        "lock-alias" => decode::<LockAliasInput>(event),
        "create-instance" => decode::<CreateInstanceInput>(event),
        "configure-instance" => decode::<ConfigureInstanceInput>(event),
        "request-quotas" => decode::<RequestQuotasInput>(event),
        "notify" => decode::<NotifyInput>(event),
        "create-starter-flow" => decode::<CreateStarterFlowInput>(event),
        "test-first-call" => decode::<TestFirstCallInput>(event),
        "order-numbers" => decode::<OrderNumbersInput>(event),
        "create-entra-application" => decode::<CreateEntraApplicationInput>(event),
        "configure-entra-sign-on" => decode::<ConfigureEntraSignOnInput>(event),
        "create-saml-provider" => decode::<CreateSamlProviderInput>(event),
        "create-policy" => decode::<CreatePolicyInput>(event),
        "create-role" => decode::<CreateRoleInput>(event),
        "configure-entra-claims" => decode::<ConfigureEntraClaimsInput>(event),
        "assign-groups" => decode::<AssignGroupsInput>(event),
        "rotate-certificate" => decode::<RotateCertificateInput>(event),
        "register-instance" => decode::<RegisterInstanceInput>(event),
        "subscribe-groups" => decode::<SubscribeGroupsInput>(event),
        "receive-notification" => decode::<LambdaFunctionUrlRequest>(event),
        "sync-members" => decode::<SyncMembersInput>(event),
        "sync-users" => decode::<SyncUsersInput>(event),
        "verify-sign-in" => decode::<VerifySignInInput>(event),
        "watch-expiry" => decode::<WatchExpiryInput>(event),
        "report" => decode::<ReportInput>(event),
        other => Err(format!("tests/contract.rs has no input type for {other}")),
    }
}

#[test]
fn every_sample_event_is_an_input_of_its_step() {
    for handler in handlers() {
        let event: Value = serde_json::from_str(&read(format!("tests/events/{handler}.json"))).unwrap();
        decoded(&handler, event).unwrap_or_else(|error| panic!("tests/events/{handler}.json: {error}"));
    }
}

/// An execution can run for weeks. The execution keeps the state machine definition with which it started, but each
/// task calls the currently deployed function. So the current steps must accept the input that definitions of earlier
/// releases send.
#[test]
fn every_step_accepts_the_input_from_state_machines_of_earlier_releases() {
    for release in fs::read_dir(root().join("tests/compat")).unwrap().map(|entry| entry.unwrap().path()) {
        let files: Vec<PathBuf> = fs::read_dir(release).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 10, "{files:?}");
        for file in files {
            let handler = file.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(handlers().contains(&handler), "{}: running executions still call it", file.display());
            for event in serde_json::from_str::<Vec<Value>>(&read(&file)).unwrap() {
                decoded(&handler, event).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            }
        }
    }
}

#[test]
fn the_arguments_of_every_lambda_task_are_the_fields_of_its_sample_event() {
    for (task, function, state) in lambda_tasks() {
        let handler = &functions(&template())[&function];
        let event = sample_event(handler, &state["Arguments"]["kind"]);
        let fields = |value: &Value| {
            value.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default()
        };
        if state["Arguments"].is_object() {
            let mut given = fields(&state["Arguments"]);
            // No step receives these fields: `context` is only logged, and the adapter checks `lease`.
            given.remove("context");
            given.remove("lease");
            let unknown: Vec<_> = given.difference(&fields(&event)).cloned().collect();
            assert!(unknown.is_empty(), "{task}: tests/events/{handler}.json does not have {unknown:?}");
        }
    }
}

#[test]
fn every_lambda_task_has_the_execution_in_its_context() {
    for (task, _, state) in lambda_tasks() {
        let execution = &state["Arguments"]["context"]["execution"];
        assert_eq!(
            execution, "{% $states.context.Execution.Id %}",
            r#"{task} needs "context": {{"execution": "{{% $states.context.Execution.Id %}}"}} (and "alias" where it is known) in its Arguments, for the log"#
        );
    }
}

#[test]
fn every_state_can_be_reached_and_every_next_exists() {
    fn walk(file: &str, machine: &Value) {
        let states = machine["States"].as_object().unwrap();
        let mut next: BTreeSet<&str> = machine["StartAt"].as_str().into_iter().collect();
        for (name, state) in states {
            let ways = [state, &state["Default"]].into_iter();
            let targets = ways.filter_map(|way| way.get("Next").or(Some(way)).and_then(Value::as_str)).chain(
                ["Choices", "Catch"]
                    .iter()
                    .flat_map(|list| state[*list].as_array().into_iter().flatten())
                    .filter_map(|way| way["Next"].as_str()),
            );
            for target in targets {
                assert!(states.contains_key(target), "{file}: {name} leads to {target}, which is not a state");
                // A transition from a state to itself does not make the state reachable.
                if target != name {
                    next.insert(target);
                }
            }
            for branch in state["Branches"].as_array().into_iter().flatten().chain(state.get("ItemProcessor")) {
                walk(file, branch);
            }
        }
        for name in states.keys() {
            assert!(next.contains(name.as_str()), "{file}: no state leads to {name}");
        }
    }
    for (file, machine) in machines() {
        walk(&file, &machine);
    }
}

#[test]
fn every_notification_from_a_state_machine_or_rule_has_a_text_and_all_its_fields() {
    let template = read("template.yaml");
    let rules = template.lines().filter_map(|line| line.split_once(r#"{"kind": ""#)?.1.split_once('"'));
    let mut sent: BTreeSet<String> = rules.map(|(kind, _)| kind.to_owned()).collect();
    for (task, _, state) in lambda_tasks().into_iter().filter(|(_, function, _)| function == "NotifyFunction") {
        let kind = state["Arguments"]["kind"].as_str().expect("a kind");
        sent.insert(kind.to_owned());
        let mut event = sample_event("notify", &kind.into());
        event.as_object_mut().unwrap().retain(|field, _| state["Arguments"].get(field).is_some());
        let input = serde_json::from_value::<NotifyInput>(event);
        assert!(input.is_ok_and(|input| input.message.kind() == kind), "{task} omits fields that {kind} requires");
    }
    let known: BTreeSet<String> = Message::KINDS.into_iter().map(ToOwned::to_owned).collect();
    assert_eq!(sent, known, "messages that are sent (left) and messages with texts (right)");
}

#[test]
fn only_the_step_notify_publishes_to_the_topic() {
    for (file, machine) in machines() {
        assert!(!machine.to_string().contains(":sns:"), "{file} publishes by itself");
    }
}

#[test]
fn deleting_the_stack_deletes_neither_an_instance_nor_its_stored_data() {
    let template = template();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        assert!(!kind.starts_with("AWS::Connect"), "{name}: the workflow creates Connect resources, not the stack");
        assert_ne!(kind, "AWS::IAM::SAMLProvider", "{name} is the workflow's");
        if ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"].contains(&kind) {
            let kept = ["DeletionPolicy", "UpdateReplacePolicy"].map(|policy| resource[policy].as_str());
            // `RetainExceptOnCreate` deletes the resource if the first deployment fails, so that no unused resource is
            // left.
            assert_eq!(kept, [Some("RetainExceptOnCreate"), Some("Retain")], "{name}");
        }
    }
}

#[test]
fn only_the_teardown_functions_may_delete_objects_of_an_onboarding() {
    let removing = [
        "iam:DeleteRole",
        "iam:DeletePolicy",
        "iam:DeleteSAMLProvider",
        "connect:DeleteInstance",
        "connect:DeleteContactFlow",
        "connect:DeleteTestCase",
        "iam:DetachRolePolicy",
    ];
    let teardown = ["DeleteFederationFunction", "DeleteInstanceFunction", "DeleteStarterFlowFunction"];
    for (name, function) in resources_of_type(&template(), "AWS::Serverless::Function") {
        let policies = function["Properties"]["Policies"].to_string();
        for action in removing.iter().filter(|action| policies.contains(&format!("\"{action}\""))) {
            assert!(teardown.contains(&name.as_str()), "{name} may {action}");
        }
    }
}
