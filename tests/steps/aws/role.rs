//! Tests of the step `create-role`.

use onboarding_core::{contract::CreateRoleInput, iam::trust_policy, replication::GlobalSignIn};
use serde_json::{Value, json};

use super::fake_iam::{FakeIam, Role, ours};
use connect_onboarding::{onboarding::create_role::run, runtime::settings::Settings};
use local_cloud::stand_in::made_up::REGION;

const NAME: &str = "AmazonConnect-acme";
const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/AmazonConnect-acme";
const POLICY: &str = "arn:aws:iam::111122223333:policy/connect-onboarding/AmazonConnect-acme-Federation";

fn input() -> CreateRoleInput {
    CreateRoleInput {
        alias: "acme".into(),
        name: NAME.into(),
        region: REGION.into(),
        saml_provider_arn: PROVIDER.into(),
        policy_arn: POLICY.into(),
        session_duration: "PT12H".into(),
        global_sign_in_endpoint: None,
    }
}

/// The role that the step should create.
fn good() -> Role {
    Role {
        trust: trust_policy(PROVIDER, REGION, None).to_string(),
        seconds: 43_200,
        description: "set manually".into(),
        attached: vec![POLICY.into()],
        boundary: None,
        tags: ours("acme"),
    }
}

/// A trust policy that was changed manually and also trusts an AWS account.
fn opened() -> String {
    let mut trust = trust_policy(PROVIDER, REGION, None);
    if let Some(statements) = trust["Statement"].as_array_mut() {
        statements.push(json!({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}));
    }
    trust.to_string()
}

#[tokio::test]
async fn a_new_role_trusts_the_provider_alone_and_a_second_run_only_reads() {
    let iam = FakeIam::start().await;
    let created = run(&iam.ctx, input()).await.unwrap();
    assert_eq!(created.role_arn, "arn:aws:iam::111122223333:role/connect-onboarding/AmazonConnect-acme");
    assert_eq!(iam.writes(), ["CreateRole", "AttachRolePolicy"]);
    {
        let state = iam.state();
        let role = &state.roles[NAME];
        assert_eq!(serde_json::from_str::<Value>(&role.trust).unwrap(), trust_policy(PROVIDER, REGION, None));
        assert_eq!((role.seconds, &role.attached, &role.tags), (43_200, &vec![POLICY.to_owned()], &ours("acme")));
        assert!(role.description.is_ascii());
    }
    assert_eq!(run(&iam.ctx, input()).await.unwrap(), created);
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn manual_changes_to_our_role_are_reverted_and_nothing_else_is_changed() {
    for (changed, write) in [
        (Role { trust: opened(), ..good() }, "UpdateAssumeRolePolicy"),
        (Role { seconds: 3600, ..good() }, "UpdateRole"),
        (Role { attached: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()], ..good() }, "AttachRolePolicy"),
    ] {
        let iam = FakeIam::start().await;
        iam.state().roles.insert(NAME.into(), changed);
        run(&iam.ctx, input()).await.unwrap();
        assert_eq!(iam.writes(), [write]);
        let state = iam.state();
        let role = &state.roles[NAME];
        assert_eq!(serde_json::from_str::<Value>(&role.trust).unwrap(), trust_policy(PROVIDER, REGION, None));
        assert_eq!((role.seconds, role.description.as_str()), (43_200, "set manually"));
        assert!(role.attached.contains(&POLICY.into()));
    }
}

#[tokio::test]
async fn the_permissions_boundary_of_the_stack_is_set_on_the_role_and_restored_if_removed() {
    let boundary = "arn:aws:iam::111122223333:policy/company-boundary";
    let mut iam = FakeIam::start().await;
    iam.ctx.settings = Settings::read(|name| (name == Settings::PERMISSIONS_BOUNDARY).then(|| boundary.to_owned()));
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.state().roles[NAME].boundary.as_deref(), Some(boundary));
    assert_eq!(iam.writes(), ["CreateRole", "AttachRolePolicy"]);
    iam.state().roles.insert(NAME.into(), good());
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.writes(), ["PutRolePermissionsBoundary"]);
    assert_eq!(iam.state().roles[NAME].boundary.as_deref(), Some(boundary));
}

#[tokio::test]
async fn without_a_boundary_of_the_stack_a_manually_set_boundary_stays() {
    let iam = FakeIam::start().await;
    iam.state()
        .roles
        .insert(NAME.into(), Role { boundary: Some("arn:aws:iam::111122223333:policy/b".into()), ..good() });
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.writes(), [""; 0]);
}

#[tokio::test]
async fn a_foreign_role_is_used_only_if_it_matches_exactly() {
    let unmarked = || Role { tags: Default::default(), ..good() };
    for (role, outcome) in [
        (unmarked(), Ok(())),
        (Role { trust: opened(), ..unmarked() }, Err("trusts other principals")),
        (Role { seconds: 3600, ..unmarked() }, Err("session duration")),
        (Role { attached: vec![], ..unmarked() }, Err("policies")),
        (Role { tags: ours("other"), ..good() }, Err("another onboarding")),
    ] {
        let iam = FakeIam::start().await;
        iam.state().roles.insert(NAME.into(), role);
        match (run(&iam.ctx, input()).await, outcome) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => {
                assert_eq!(error.name(), "Conflict");
                assert!(error.message.contains(part) && error.message.contains("iam.roleName"), "{error}");
            }
            (result, outcome) => panic!("{result:?} instead of {outcome:?}"),
        }
        assert_eq!(iam.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_change_that_iam_does_not_show_yet_is_retried() {
    for (action, status, code, message) in [
        ("CreateRole", 400, "MalformedPolicyDocument", "Invalid principal in policy: \"FEDERATED\":\"arn\""),
        ("CreateRole", 409, "EntityAlreadyExists", "exists"),
        ("AttachRolePolicy", 404, "NoSuchEntity", "Policy does not exist or is not attachable."),
    ] {
        let iam = FakeIam::start().await;
        iam.state().fail = Some((action, status, code, message));
        assert_eq!(run(&iam.ctx, input()).await.unwrap_err().name(), "NotConsistentYet", "{action} {code}");
        // The retry has the same result as a successful first attempt.
        run(&iam.ctx, input()).await.unwrap();
        assert_eq!(iam.state().roles[NAME].attached, [POLICY], "{action} {code}");
    }
}

#[tokio::test]
async fn a_session_duration_outside_the_limits_of_iam_is_rejected_before_any_call() {
    let iam = FakeIam::start().await;
    let error = run(&iam.ctx, CreateRoleInput { session_duration: "PT13H".into(), ..input() }).await.unwrap_err();
    assert_eq!(error.name(), "InvalidInput");
    assert_eq!(iam.calls(), [""; 0]);
}

#[tokio::test]
async fn a_role_that_iam_does_not_show_everywhere_yet_is_read_again() {
    let actions = ["ListAttachedRolePolicies", "UpdateAssumeRolePolicy", "UpdateRole", "AttachRolePolicy"];
    for action in actions {
        let iam = FakeIam::start().await;
        let role = Role { trust: opened(), seconds: 3600, attached: Vec::new(), ..good() };
        iam.state().roles.insert(NAME.into(), role);
        iam.state().fail = Some((action, 404, "NoSuchEntity", "It does not exist."));
        assert_eq!(run(&iam.ctx, input()).await.unwrap_err().name(), "NotConsistentYet", "{action}");
        run(&iam.ctx, input()).await.unwrap();
        assert_eq!(iam.state().roles[NAME].attached, [POLICY], "{action}");
    }
}

const ENDPOINT: &str = "https://11111111-2222-3333-4444-555555555555.ap-northeast-1.sign-in.connect.aws/saml";

fn input_of_a_replicated_instance() -> CreateRoleInput {
    CreateRoleInput { global_sign_in_endpoint: Some(ENDPOINT.into()), ..input() }
}

#[tokio::test]
async fn the_role_of_a_replicated_instance_keeps_the_trust_for_its_global_sign_in() {
    let iam = FakeIam::start().await;
    let global = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": [PROVIDER] },
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": { "StringLike": { "SAML:aud": [format!("{ENDPOINT}*")] } }
        }]
    });
    iam.state().roles.insert(NAME.into(), Role { trust: global.to_string(), ..good() });
    run(&iam.ctx, input_of_a_replicated_instance()).await.unwrap();
    assert_eq!(iam.writes(), [""; 0]);
    // The role of an instance that is not replicated must not trust the global sign-in endpoint.
    run(&iam.ctx, input()).await.unwrap();
    assert_eq!(iam.writes(), ["UpdateAssumeRolePolicy"]);
}

#[tokio::test]
async fn a_role_that_trusts_more_is_reset_without_breaking_the_global_sign_in() {
    let iam = FakeIam::start().await;
    iam.state().roles.insert(NAME.into(), Role { trust: opened(), ..good() });
    run(&iam.ctx, input_of_a_replicated_instance()).await.unwrap();
    assert_eq!(iam.writes(), ["UpdateAssumeRolePolicy"]);
    let trust = iam.state().roles[NAME].trust.clone();
    let global = GlobalSignIn::new(ENDPOINT);
    assert_eq!(serde_json::from_str::<Value>(&trust).unwrap(), trust_policy(PROVIDER, REGION, Some(&global)));
    assert!(trust.contains(&global.audience()), "{trust}");
}
