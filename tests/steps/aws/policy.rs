//! Tests of the step `create-policy`.

use onboarding_core::{contract::CreatePolicyInput, iam::federation_policy};
use serde_json::Value;

use super::fake_iam::{FakeIam, Policy, ours};
use connect_onboarding::onboarding::create_policy::run;

const KEY: &str = "/connect-onboarding/AmazonConnect-acme-Federation";
const ARN: &str = "arn:aws:iam::111122223333:policy/connect-onboarding/AmazonConnect-acme-Federation";

fn input() -> CreatePolicyInput {
    CreatePolicyInput { alias: "acme".into(), name: "AmazonConnect-acme-Federation".into(), instance_id: "i-1".into() }
}

fn policy(document: &Value, tags: std::collections::BTreeMap<String, String>) -> Policy {
    Policy { versions: vec![(1, document.to_string())], default: 1, tags }
}

#[tokio::test]
async fn a_new_policy_is_created_under_our_path_with_our_tags_and_a_second_run_only_reads() {
    let iam = FakeIam::start().await;
    let created = run(&iam.ctx, input()).await.unwrap();
    assert_eq!(created.policy_arn, ARN);
    assert_eq!(iam.writes(), ["CreatePolicy"]);
    assert_eq!(iam.state().policies[KEY].tags, ours("acme"));
    assert_eq!(iam.state().policies[KEY].versions[0].1, federation_policy("i-1").to_string());

    assert_eq!(run(&iam.ctx, input()).await.unwrap(), created);
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn another_instance_id_creates_a_new_default_version() {
    let iam = FakeIam::start().await;
    iam.state().policies.insert(KEY.into(), policy(&federation_policy("i-0"), ours("acme")));
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.writes(), ["CreatePolicyVersion"]);
    assert_eq!(iam.state().policies[KEY].default, 2);
}

#[tokio::test]
async fn at_five_versions_the_oldest_that_is_not_the_default_is_deleted() {
    let iam = FakeIam::start().await;
    let full = Policy {
        versions: [9, 2, 11, 10, 12].map(|number| (number, federation_policy("i-0").to_string())).into(),
        default: 2,
        tags: ours("acme"),
    };
    iam.state().policies.insert(KEY.into(), full);
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.writes(), ["DeletePolicyVersion", "CreatePolicyVersion"]);
    let numbers: Vec<u32> = iam.state().policies[KEY].versions.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [2, 11, 10, 12, 13], "v9 is the oldest by number, and v2 is the default");
}

#[tokio::test]
async fn a_version_whose_response_was_lost_is_not_created_again() {
    for (lost, outcome) in [("CreatePolicyVersion", Err("Unavailable")), ("DeletePolicyVersion", Ok(()))] {
        for versions in [4, 5] {
            let iam = FakeIam::start_with_retries().await;
            let numbers = (1..=versions).map(|number| (number, federation_policy("i-0").to_string()));
            let policy = Policy { versions: numbers.collect(), default: 1, tags: ours("acme") };
            iam.state().policies.insert(KEY.into(), policy);
            iam.state().lose = Some(lost);
            let first = run(&iam.ctx, input()).await.map(|_| ()).map_err(|error| error.name());
            assert_eq!(first, outcome, "{lost}, {versions} versions");
            // The state machine retries the step.
            run(&iam.ctx, input()).await.unwrap();
            let count = iam.writes().iter().filter(|call| *call == "CreatePolicyVersion").count();
            assert_eq!((count, iam.state().policies[KEY].versions.len()), (1, 5), "{lost}");
        }
    }
}

#[tokio::test]
async fn a_foreign_policy_is_used_if_it_is_equivalent_and_rejected_if_not() {
    for (tags, instance, outcome) in [
        (Default::default(), "i-1", Ok(())),
        (Default::default(), "i-0", Err("Conflict")),
        (ours("other"), "i-1", Err("Conflict")),
    ] {
        let iam = FakeIam::start().await;
        iam.state().policies.insert(KEY.into(), policy(&federation_policy(instance), tags));
        let result = run(&iam.ctx, input()).await;
        assert_eq!(result.map(|_| ()).map_err(|error| error.name()), outcome, "{instance}");
        assert_eq!(iam.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_policy_with_this_name_on_another_path_is_a_conflict_that_names_it() {
    let iam = FakeIam::start().await;
    iam.state()
        .policies
        .insert("/AmazonConnect-acme-Federation".into(), policy(&federation_policy("i-1"), Default::default()));
    let error = run(&iam.ctx, input()).await.unwrap_err();
    assert_eq!(error.name(), "Conflict");
    assert!(error.message.contains("policy/AmazonConnect-acme-Federation"), "{error}");
}

#[tokio::test]
async fn a_policy_that_iam_does_not_show_yet_is_read_again() {
    let iam = FakeIam::start().await;
    iam.state().fail = Some(("CreatePolicy", 409, "EntityAlreadyExists", "exists"));
    assert_eq!(run(&iam.ctx, input()).await.unwrap_err().name(), "NotConsistentYet");
}

#[tokio::test]
async fn a_version_that_iam_does_not_show_yet_is_read_again() {
    for (action, instance) in [("GetPolicyVersion", "i-1"), ("ListPolicyVersions", "i-0")] {
        let iam = FakeIam::start().await;
        iam.state().policies.insert(KEY.into(), policy(&federation_policy(instance), ours("acme")));
        iam.state().fail = Some((action, 404, "NoSuchEntity", "It does not exist."));
        assert_eq!(run(&iam.ctx, input()).await.unwrap_err().name(), "NotConsistentYet", "{action}");
        run(&iam.ctx, input()).await.unwrap();
    }
}
