//! Verifies least privilege: the permissions in template.yaml are exactly the permissions that the recorded calls of
//! the local cloud need. The local cloud also rejects calls that the policies of a role do not allow, and evaluates the
//! resources and conditions of the policies.

mod allowed;
mod fixture;
mod machines;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cloud::Cloud;
use fixture::Fixture;

/// Maps each function to the IAM actions that it requested.
type Actions = BTreeMap<String, BTreeSet<String>>;

/// The actions that each function requested since the cloud started, including denied ones.
async fn used(cloud: &Cloud) -> Actions {
    let calls = cloud.admin("GET", "calls", &Value::Null).await;
    let mut used = Actions::new();
    for call in calls.as_array().unwrap() {
        // The name has the form `stack-XyzFunction-suffix`.
        let Some(name) = call["function"].as_str() else { continue };
        let function = name.strip_prefix("connect-onboarding-").unwrap().split('-').next().unwrap();
        let permissions = call["permissions"].as_array().unwrap().iter();
        let actions = permissions.map(|permission| permission["action"].as_str().unwrap().to_owned());
        used.entry(function.to_owned()).or_default().extend(actions);
    }
    used
}

fn pairs(actions: &Actions) -> BTreeSet<(&str, &str)> {
    actions.iter().flat_map(|(function, all)| all.iter().map(|one| (function.as_str(), one.as_str()))).collect()
}

#[tokio::test]
async fn every_permission_of_a_function_is_used_or_has_a_documented_reason() {
    let fixture = Fixture::onboarded().await;
    fixture.changed_by_hand_and_onboarded_again().await;
    fixture.without_room_for_another_instance().await;
    fixture.schedules_and_notifications().await;
    fixture.inspected_and_torn_down().await;

    let (allowed, used) = (allowed::by_function(), used(&fixture.cloud).await);
    let (allowed, used) = (pairs(&allowed), pairs(&used));
    let beyond: Vec<_> = used.difference(&allowed).collect();
    assert!(beyond.is_empty(), "called, but not allowed in template.yaml: {beyond:#?}");
    let unused: BTreeSet<_> = allowed.difference(&used).copied().collect();
    let excused: BTreeSet<_> =
        unused.iter().filter(|(function, action)| reasons::of(function, action).is_some()).copied().collect();
    let missing: Vec<_> = unused.difference(&excused).collect();
    assert!(missing.is_empty(), "allowed in template.yaml, but neither called nor listed with a reason: {missing:#?}");
    let stale: Vec<_> = reasons::all().filter(|(names, action, _)| !reasons::needed(names, action, &unused)).collect();
    assert!(stale.is_empty(), "reasons for actions that are now called or no longer allowed: {stale:#?}");

    fixture.denied_by_name().await;
}

#[test]
fn no_permission_of_a_function_contains_a_wildcard_action() {
    for (function, action) in pairs(&allowed::by_function()) {
        assert!(!action.contains('*'), "{function} may do {action}");
    }
}

#[test]
fn only_actions_without_resource_level_permissions_use_all_resources() {
    for (function, action) in allowed::everywhere() {
        assert!(reasons::KNOWS_NO_RESOURCE.contains(&action.as_str()), "{function} may do {action} on everything");
    }
}

/// In an account that requires a permissions boundary, even a single role without the boundary makes the deployment
/// fail.
#[test]
fn every_role_of_the_stack_has_the_permissions_boundary() {
    let template = allowed::template();
    let boundary = json!({ "!If": ["HasBoundary", { "!Ref": "PermissionsBoundaryArn" }, { "!Ref": "AWS::NoValue" }] });
    assert_eq!(template["Globals"]["Function"]["PermissionsBoundary"], boundary);
    for (name, resource) in allowed::resources(&template, &["AWS::IAM::Role", "AWS::Serverless::StateMachine"]) {
        assert_eq!(resource["Properties"]["PermissionsBoundary"], boundary, "{name}");
    }
    for (name, resource) in
        allowed::resources(&template, &["AWS::Serverless::Function", "AWS::Serverless::StateMachine"])
    {
        for (event, wanted) in resource["Properties"]["Events"].as_object().into_iter().flatten() {
            if ["Schedule", "ScheduleV2"].contains(&wanted["Type"].as_str().unwrap()) {
                assert_eq!(wanted["Properties"]["PermissionsBoundary"], boundary, "{event} of {name}");
            }
        }
    }
}

#[test]
fn with_an_external_key_the_template_does_not_reference_its_own_key() {
    fn walk(value: &Value, path: &str) {
        let own = [json!({ "!GetAtt": "Key.Arn" }), json!({ "!Ref": "Key" })];
        assert!(!own.contains(value), "{path} references the stack's own key, which does not always exist");
        match value {
            Value::Object(fields) if fields.get("!If").is_some_and(|choice| choice[0] == "OwnKey") => {}
            Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, &format!("{path}.{name}"))),
            Value::Array(items) => items.iter().for_each(|value| walk(value, path)),
            _ => {}
        }
    }
    let template = allowed::template();
    walk(&template, "template.yaml");
}

/// If a role's trust policy names a principal in the same account, this principal can assume the role without any
/// policy that allows it.
#[test]
fn each_entra_identity_trusts_exactly_the_functions_that_use_it() {
    /// This function reads public metadata without a token. The function uses an identity only to get the tenant id,
    /// which can be part of the identity's secret.
    const WITHOUT_TOKEN: &str = "CreateSamlProviderFunction";
    let template = allowed::template();
    for identity in ["Setup", "Runtime"] {
        let role = &template["Resources"][format!("{identity}IdentityRole")]["Properties"];
        let trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"].as_array().unwrap().iter();
        let trusted: BTreeSet<String> =
            trusted.map(|arn| arn["!GetAtt"].as_str().unwrap().trim_end_matches("Role.Arn").to_owned()).collect();
        let policy = json!({ "!Ref": format!("{identity}IdentityPolicy") });
        let users = allowed::resources(&template, &["AWS::Serverless::Function"]).into_iter();
        let users = users.filter(|(_, function)| {
            function["Properties"]["Policies"].as_array().is_some_and(|policies| policies.contains(&policy))
        });
        let users: BTreeSet<String> = users.map(|(name, _)| name).filter(|name| name != WITHOUT_TOKEN).collect();
        assert_eq!(trusted, users, "{identity}: functions that the role trusts (left), functions that use it (right)");
    }
}

/// For an SQS event source, SAM attaches a managed policy to the function's role. The managed policy allows the
/// function to receive messages from every queue of the account.
#[test]
fn no_function_has_an_event_source_that_adds_permissions() {
    for (name, function) in allowed::resources(&allowed::template(), &["AWS::Serverless::Function"]) {
        for (event, wanted) in function["Properties"]["Events"].as_object().into_iter().flatten() {
            let without = ["ScheduleV2", "EventBridgeRule"].contains(&wanted["Type"].as_str().unwrap());
            assert!(without, "{event} of {name}: map it with AWS::Lambda::EventSourceMapping");
        }
    }
}

/// The policies use tags to restrict which resources Connect Onboarding may delete, so no function may set other tags.
#[test]
fn functions_that_tag_users_or_phone_numbers_may_set_only_this_applications_tags() {
    let mut bounded = 0;
    for (name, function) in allowed::resources(&allowed::template(), &["AWS::Serverless::Function"]) {
        let policies = function["Properties"]["Policies"].as_array().cloned().unwrap_or_default();
        for statement in policies.iter().flat_map(|policy| policy["Statement"].as_array().into_iter().flatten()) {
            let actions = statement["Action"].to_string();
            if !["TagUsers", "TagNumbers"].contains(&statement["Sid"].as_str().unwrap_or_default()) {
                continue;
            }
            assert!(actions.contains("connect:TagResource"), "{name}: {statement}");
            let keys = &statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"];
            let named = keys.as_array().is_some_and(|keys| keys.contains(&json!("managed-by")));
            assert!(named, "{name}: {statement}");
            bounded += 1;
        }
    }
    assert_eq!(bounded, 2, "users and phone numbers");
}

/// The registry also contains the entries of the instances and the locks, so a function that only records assignments
/// may write no other item.
#[test]
fn functions_that_only_record_assignments_may_write_only_the_records() {
    let template = allowed::template();
    for name in ["AssignGroupsFunction", "RemoveEntraApplicationFunction"] {
        let policies = template["Resources"][name]["Properties"]["Policies"].as_array().unwrap().iter();
        let statements = policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten());
        let writes: Vec<&Value> =
            statements.filter(|statement| statement["Action"].to_string().contains("dynamodb:UpdateItem")).collect();
        let [write] = writes.as_slice() else { panic!("{name}: {writes:#?}") };
        let condition = json!({
            "ForAllValues:StringLike": { "dynamodb:LeadingKeys": "approval#assigned#*" },
            "Null": { "dynamodb:LeadingKeys": "false" },
        });
        assert_eq!(write["Condition"], condition, "{name}");
    }
}

/// Lambda uses the function's role to send a failed event to the queue, and the queue is encrypted with a customer
/// managed key.
#[test]
fn every_function_with_a_queue_for_failed_events_may_use_its_key() {
    let template = allowed::template();
    let condition = json!({ "kms:ViaService": { "!Sub": "sqs.${AWS::Region}.${AWS::URLSuffix}" } });
    for (name, function) in allowed::resources(&template, &["AWS::Serverless::Function"]) {
        let properties = &function["Properties"];
        if properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"].is_null() {
            continue;
        }
        let policies = properties["Policies"].as_array().unwrap().iter();
        let mut statements = policies.flat_map(|policy| policy["Statement"].as_array().into_iter().flatten());
        let key = statements.find(|statement| statement["Condition"]["StringEquals"] == condition);
        let actions = key.map(|statement| &statement["Action"]);
        assert_eq!(actions, Some(&json!(["kms:Decrypt", "kms:GenerateDataKey"])), "{name}");
    }
}

/// An event that Lambda could not process must be kept in a queue.
#[test]
fn every_function_with_events_keeps_its_failed_events() {
    for (name, function) in allowed::resources(&allowed::template(), &["AWS::Serverless::Function"]) {
        let events = function["Properties"]["Events"].as_object().cloned().unwrap_or_default();
        if events.values().any(|event| event["Type"] != "SQS") {
            let kept = &function["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Type"];
            assert_eq!(kept, "SQS", "{name} has no OnFailure destination");
        }
        for (event, wanted) in events.iter().filter(|(_, event)| event["Type"] == "EventBridgeRule") {
            assert!(!wanted["Properties"]["DeadLetterConfig"].is_null(), "{event} of {name} has no DeadLetterConfig");
        }
    }
}

impl Fixture {
    /// Denies one permission of a function, and checks that the workflow fails with an error that names this
    /// permission.
    async fn denied_by_name(&self) {
        let role = self.cloud.function("InstanceQuotaFunction").await.1;
        let deny = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Deny", "Action": "connect:ListInstances", "Resource": "*" },
        ] });
        let policy = [("RoleName", role.as_str()), ("PolicyName", "deny"), ("PolicyDocument", &deny.to_string())];
        self.cloud.iam("PutRolePolicy", &policy).await;
        let execution = self.cloud.start("OnboardingStateMachineArn", &fixture::input()).await;
        assert_eq!(self.cloud.end_of(&execution).await.status, "FAILED");
        let last = self.cloud.history(&execution).await.last().unwrap().to_string();
        for part in ["AccessDenied", "connect:ListInstances", "explicit deny"] {
            assert!(last.contains(part), "{part} is not in {last}");
        }
    }
}
