//! Tests of the step `delete-federation`.

use connect_onboarding::teardown::delete_federation::run;
use onboarding_core::contract::{RemoveInput, TeardownTarget};

use super::fake_iam::{FakeIam, Policy, Role, ours};

const KEY: &str = "/connect-onboarding/AmazonConnect-acme-Federation";

fn input() -> RemoveInput {
    let target = TeardownTarget {
        alias: "acme".into(),
        policy_arn: format!("arn:aws:iam::111122223333:policy{KEY}"),
        role_arn: "arn:aws:iam::111122223333:role/connect-onboarding/AmazonConnect-acme".into(),
        saml_provider_arn: "arn:aws:iam::111122223333:saml-provider/acme".into(),
        ..TeardownTarget::default()
    };
    RemoveInput { target, previous: None }
}

#[tokio::test]
async fn a_policy_whose_other_users_are_on_the_second_page_is_kept_with_all_its_versions() {
    let iam = FakeIam::start().await;
    let versions = vec![(1, "{}".to_owned()), (2, "{}".to_owned())];
    iam.state().policies.insert(KEY.into(), Policy { versions, default: 2, tags: ours("acme") });
    iam.state().policy_users.push("auditor".into());
    let output = run(&iam.ctx, input()).await.unwrap();
    assert_eq!((output.removed, output.open_items.len()), (0, 1), "{:?}", output.open_items);
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn an_unattached_policy_is_deleted_after_its_other_versions() {
    let iam = FakeIam::start().await;
    let versions = [1, 2, 3, 4].map(|number| (number, "{}".to_owned())).into();
    iam.state().policies.insert(KEY.into(), Policy { versions, default: 3, tags: ours("acme") });
    assert_eq!(run(&iam.ctx, input()).await.unwrap().removed, 1);
    assert!(iam.state().policies.is_empty());
}

#[tokio::test]
async fn an_object_that_iam_finds_in_one_call_and_not_in_the_next_is_read_again() {
    for action in ["ListAttachedRolePolicies", "ListPolicyVersions"] {
        let iam = FakeIam::start().await;
        let versions = vec![(1, "{}".to_owned())];
        iam.state().policies.insert(KEY.into(), Policy { versions, default: 1, tags: ours("acme") });
        if action.contains("Role") {
            iam.state().roles.insert("AmazonConnect-acme".into(), Role { tags: ours("acme"), ..Role::default() });
        }
        iam.state().fail = Some((action, 404, "NoSuchEntity", "It does not exist."));
        assert_eq!(run(&iam.ctx, input()).await.unwrap_err().name(), "NotConsistentYet", "{action}");
        // By now, the other replicas no longer return the role either.
        iam.state().roles.clear();
        assert_eq!(run(&iam.ctx, input()).await.unwrap().removed, 1, "{action}");
    }
}
