//! Checks the parts of the template on which deployments depend: the parameter values that the template accepts, and
//! the names of the resources that it creates in the account.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::{resources_of_type, template};

/// Whether the parameter accepts the value. The pattern must match the whole value, as in CloudFormation.
fn accepts(parameter: &str, value: &str) -> bool {
    let pattern = template()["Parameters"][parameter]["AllowedPattern"].as_str().unwrap().to_owned();
    Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(value)
}

#[test]
fn a_schedule_is_accepted_by_eventbridge_scheduler_and_runs_more_than_once() {
    for parameter in ["SyncSchedule", "DriftSchedule"] {
        for good in [
            "rate(1 minute)",
            "rate(15 minutes)",
            "rate(1 hour)",
            "rate(24 hours)",
            "rate(1 day)",
            "rate(10 days)",
            "cron(0 3 * * ? *)",
            "cron(*/15 * * * ? *)",
            "cron(0/5 8-17 ? * MON-FRI *)",
            "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)",
            "cron(15 10 L * ? 2026-2030)",
            "cron(15 10 15W JAN,DEC ? *)",
            "cron(15 10 ? * 6L *)",
            "cron(0 9 ? 1-12 TUE#2 *)",
        ] {
            assert!(accepts(parameter, good), "{parameter} refuses {good}");
        }
        for bad in [
            "",
            "rate()",
            "rate(minutes)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(10 seconds)",
            "rate(10minutes)",
            "rate( 10 minutes )",
            "rate(-5 minutes)",
            "rate(1.5 hours)",
            "cron()",
            "cron(0 3 * * *)",
            "cron(0 3 * * * *)",
            "cron(0 3 ? * ? *)",
            "cron(71 3 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 3 32 * ? *)",
            "cron(0 3 * 13 ? *)",
            "cron(0 3 ? * MOO *)",
            "cron(0 3 ? * 8 *)",
            "cron(0 3 ? * 2#6 *)",
            "cron(0 3 * * ? 1969)",
            "0 3 * * ? *",
            // A schedule that runs only once is rejected, because no further sync or check would run.
            "at(2027-01-01T00:00:00)",
        ] {
            assert!(!accepts(parameter, bad), "{parameter} accepts {bad:?}");
        }
        let default = template()["Parameters"][parameter]["Default"].as_str().unwrap().to_owned();
        assert!(accepts(parameter, &default), "{parameter} rejects its own default {default}");
    }
}

#[test]
fn a_key_may_be_multi_region_and_is_never_an_alias() {
    let arn = |key: &str| format!("arn:aws:kms:ap-northeast-1:111122223333:{key}");
    for good in ["key/1234abcd-12ab-34cd-56ef-1234567890ab", "key/mrk-1234abcd12ab34cd56ef1234567890ab"] {
        assert!(accepts("KeyArn", &arn(good)), "{good}");
    }
    assert!(
        accepts("KeyArn", "")
            && accepts("KeyArn", &arn("key/1234abcd-12ab-34cd-56ef-1234567890ab").replace("aws", "aws-cn"))
    );
    for bad in ["alias/mine", "key/mrk-1234", "key/1234abcd", "key/-", "key/1234abcd-12ab-34cd-56ef-1234567890ab/x"] {
        assert!(!accepts("KeyArn", &arn(bad)), "{bad}");
    }
}

/// The ARN of a secret ends in a random suffix. A policy that contains the ARN without this suffix grants no
/// permissions, and the error occurs only when a function runs.
#[test]
fn a_secret_is_named_by_its_complete_arn() {
    let arn = |name: &str| format!("arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:{name}");
    for parameter in ["GraphCredentialSecret", "SetupCredentialSecret", "RuntimeCredentialSecret"] {
        for good in ["connect-onboarding/graph-AbCd12", "graph_1.x@y-a1B2c3"] {
            assert!(accepts(parameter, &arn(good)), "{parameter} refuses {good}");
        }
        for bad in ["connect-onboarding/graph", "graph", "graph-AbCd1", "graph-AbCd12*", "-AbCd12", "graph AbCd12"] {
            assert!(!accepts(parameter, &arn(bad)), "{parameter} accepts {bad}");
        }
        assert!(accepts(parameter, "") && !accepts(parameter, "connect-onboarding/graph-AbCd12"), "{parameter}");
    }
}

/// A new account has a quota of ten concurrent executions, and Lambda does not allow reserving any of them.
#[test]
fn a_new_account_deploys_with_the_defaults() {
    assert_eq!(template()["Parameters"]["NotificationConcurrency"]["Default"], 0);
}

#[test]
fn every_name_in_the_account_contains_the_stack_name_or_is_generated() {
    let names = [
        "RoleName",
        "Name",
        "LogGroupName",
        "DashboardName",
        "QueueName",
        "TableName",
        "BucketName",
        "TopicName",
        "FunctionName",
        "StateMachineName",
        "AlarmName",
        "ManagedPolicyName",
    ];
    let template = template();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        // In resources of these types, a property whose name contains "name" refers to another resource.
        let refers = [
            "AWS::Lambda::EventSourceMapping",
            "AWS::Lambda::Permission",
            "AWS::Logs::MetricFilter",
            "AWS::SNS::Subscription",
        ];
        if refers.contains(&resource["Type"].as_str().unwrap()) {
            continue;
        }
        for name in names.iter().filter_map(|name| resource["Properties"].get(name)) {
            assert!(
                name.to_string().contains("AWS::StackName"),
                "the name {name} of {id} does not contain the stack name, so it is unique in the account"
            );
        }
        for (event, schedule) in resource["Properties"]["Events"].as_object().into_iter().flatten() {
            if schedule["Type"] == "ScheduleV2" {
                assert_eq!(schedule["Properties"]["OmitName"], json!(true), "{event} of {id}");
            }
        }
    }
}

/// CloudFormation shortens the stack name in generated names, so a pattern that contains the stack name does not match
/// every generated name.
#[test]
fn no_pattern_matches_generated_names() {
    fn walk(value: &Value, path: &str) {
        match value {
            Value::String(text) => {
                assert!(!text.contains("${AWS::StackName}-*"), "{path}: {text}");
                assert!(!text.contains("StateMachine-*"), "{path}: {text}");
            }
            Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(value, &format!("{path}.{name}"))),
            Value::Array(items) => items.iter().for_each(|value| walk(value, path)),
            _ => {}
        }
    }
    walk(&template()["Resources"], "Resources");
}

#[test]
fn a_stack_name_that_makes_a_role_name_too_long_is_rejected_before_anything_is_created() {
    let template = template();
    let check = &template["Resources"]["StackNameFitsRoleNames"]["Properties"];
    let limit = Regex::new(check["AllowedPattern"].as_str().unwrap()).unwrap();
    assert!(limit.is_match(&"x".repeat(64)) && !limit.is_match(&"x".repeat(65)));
    let checked = check["Value"]["!Sub"].as_str().unwrap();
    let roles: BTreeSet<String> = resources_of_type(&template, "AWS::IAM::Role")
        .into_values()
        .filter_map(|role| role["Properties"]["RoleName"]["!Sub"].as_str().map(ToOwned::to_owned))
        .collect();
    assert_eq!(roles.len(), 2);
    assert!(
        roles.contains(checked) && roles.iter().all(|role| role.len() <= checked.len()),
        "{checked} is not the longest name"
    );
}

/// The AWS Serverless Application Repository does not support all resource types of this template.
#[test]
fn the_template_does_not_claim_that_it_can_be_published() {
    assert!(template()["Metadata"].get("AWS::ServerlessRepo::Application").is_none());
}
