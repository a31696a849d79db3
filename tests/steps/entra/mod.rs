//! Tests of the steps that register Amazon Connect in Entra ID, with Graph and the login service of the stand-in.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod certificates;
mod global_sign_in;
mod ownership;
mod replication;
mod rotation;

use std::time::Duration;

use crate::steps::{
    support::{StandIn, clients},
    user_sync::fixture::Emulator,
};
use connect_onboarding::{context::Context, onboarding};
use local_cloud::stand_in::{Behaviour, GraphBehaviour, Options, Tenant, made_up::REGION};
use onboarding_core::{
    StepError, StepErrorKind,
    contract::{
        AssignGroupsInput, AssignGroupsOutput, ConfigureEntraClaimsInput, ConfigureEntraClaimsOutput,
        ConfigureEntraSignOnInput, CreateEntraApplicationInput, EntraApplication, EntraGroup, EntraSignOn,
    },
    names,
    onboarding::{Assignment, Destination, Page, SignIn, UsernameAttribute},
};
use serde_json::{Value, json};
use test_support::member;
use wiremock::{Mock, MockServer, matchers::any};

const ALIAS: &str = "acme-support";
const NAME: &str = "Amazon Connect acme-support";
const AGENTS: &str = "7c0b1d0e-0000-4000-8000-000000000001";
const INNER: &str = "7c0b1d0e-0000-4000-8000-000000000002";
const MEMBERS: [&str; 3] = [
    "5f000000-0000-4000-8000-000000000001",
    "5f000000-0000-4000-8000-000000000002",
    "5f000000-0000-4000-8000-000000000003",
];

/// A local cloud, a mock of the registry and of the secret with the Graph credential, and the clients of the steps.
struct Cloud {
    local: StandIn,
    /// The mock of the registry and of the secret.
    registry: MockServer,
    ctx: Context,
    /// The global sign-in endpoint that the tests pass to the steps. This endpoint is set only for a replicated
    /// instance.
    global_sign_in_endpoint: Option<String>,
}

fn user(id: &str) -> Value {
    member(id, &format!("{id}@contoso.com"), id)
}

impl Cloud {
    async fn start(behaviour: GraphBehaviour) -> Self {
        let tenant: Tenant = serde_json::from_value(json!({ "groups": [
            { "id": AGENTS, "displayName": "Support agents", "members": [
                user(MEMBERS[0]), user(MEMBERS[1]),
                { "@odata.type": "#microsoft.graph.group", "id": INNER, "displayName": "Inner" } ] },
            { "id": INNER, "displayName": "Inner", "members": [user(MEMBERS[2])] } ] }))
        .unwrap();
        let registry = MockServer::start().await;
        Mock::given(any()).respond_with(Emulator::default()).mount(&registry).await;
        let behaviour = Behaviour { graph: behaviour, ..Behaviour::default() };
        let options = Options { clock_scale: 0.02, behaviour, ..Options::made_up(registry.uri(), tenant) };
        let local = StandIn::start(options).await;
        Self { ctx: clients(&local, |_| None), local, registry, global_sign_in_endpoint: None }
    }

    fn fault(&self, rule: Value) {
        self.local.fault(rule);
    }

    /// The write requests to Graph since the last call of this method.
    fn writes(&self) -> Vec<String> {
        self.local.graph_writes()
    }

    async fn create_once(
        &self,
        previous: Option<EntraApplication>,
        retry_count: u32,
    ) -> Result<EntraApplication, StepError> {
        let input =
            CreateEntraApplicationInput { alias: ALIAS.into(), application_name: NAME.into(), previous, retry_count };
        onboarding::create_entra_application::run(&self.ctx, input).await
    }

    /// Polls as the state machine does, until the application is ready.
    async fn until_ready(&self, mut application: EntraApplication) -> EntraApplication {
        while application.status != "READY" {
            self.local.advance(f64::from(u32::try_from(application.wait_seconds).unwrap()));
            application = self.create_once(Some(application), 0).await.unwrap();
        }
        application
    }

    async fn application(&self) -> EntraApplication {
        self.until_ready(self.create_once(None, 0).await.unwrap()).await
    }

    async fn sign_on(&self, application: &EntraApplication) -> Result<EntraSignOn, StepError> {
        self.sign_on_after(0, application).await
    }

    async fn sign_on_after(&self, attempts: u32, application: &EntraApplication) -> Result<EntraSignOn, StepError> {
        let input = ConfigureEntraSignOnInput {
            alias: ALIAS.into(),
            region: REGION.into(),
            application: application.clone(),
            notification_emails: vec!["it@contoso.com".into()],
            attempts,
            global_sign_in_endpoint: self.global_sign_in_endpoint.clone(),
        };
        onboarding::configure_entra_sign_on::run(&self.ctx, input).await
    }

    async fn claims(
        &self,
        application: &EntraApplication,
        thumbprint: &str,
        username: UsernameAttribute,
    ) -> Result<ConfigureEntraClaimsOutput, StepError> {
        self.claims_with(application, thumbprint, username, SignIn::default()).await
    }

    async fn claims_with(
        &self,
        application: &EntraApplication,
        thumbprint: &str,
        username: UsernameAttribute,
        sign_in: SignIn,
    ) -> Result<ConfigureEntraClaimsOutput, StepError> {
        let input = ConfigureEntraClaimsInput {
            alias: ALIAS.into(),
            region: REGION.into(),
            instance_id: "11111111-0000-4000-8000-000000000001".into(),
            application: application.clone(),
            certificate_thumbprint: thumbprint.into(),
            role_arn: "arn:aws:iam::111122223333:role/connect-onboarding/AmazonConnect-acme-support".into(),
            saml_provider_arn: "arn:aws:iam::111122223333:saml-provider/AmazonConnect-acme-support".into(),
            username,
            session_duration: "PT12H".into(),
            sign_in,
            global_sign_in_endpoint: self.global_sign_in_endpoint.clone(),
        };
        onboarding::configure_entra_claims::run(&self.ctx, input).await
    }

    async fn assign(
        &self,
        application: &EntraApplication,
        assignment: Assignment,
        nested: bool,
    ) -> Result<AssignGroupsOutput, StepError> {
        let groups = vec![EntraGroup { id: AGENTS.into(), display_name: "Support agents".into(), users: 0 }];
        let input = AssignGroupsInput { application: application.clone(), groups, assignment, nested };
        onboarding::assign_groups::run(&self.ctx, input).await
    }

    /// The number of applications whose display name is [`NAME`], after the lists have been updated.
    async fn applications(&self) -> usize {
        self.local.advance(1_000_000.0);
        let graph = self.ctx.graph();
        graph.service_principals_named(names::GALLERY_APPLICATION_ID, NAME).await.unwrap().len()
    }
}

#[tokio::test]
async fn the_whole_registration_is_ready_for_sign_in_and_a_second_run_only_reads() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let graph = cloud.ctx.graph();
    let first = cloud.application().await;
    assert!(!first.adopted && !first.app_role_id.is_empty());
    let sign_on = cloud.sign_on(&first).await.unwrap();
    let claims = cloud.claims(&first, &sign_on.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap();
    let assigned = cloud.assign(&first, Assignment::Groups, false).await.unwrap();
    assert_eq!(assigned, AssignGroupsOutput { assigned: 1, existing: 0 });

    let principal = graph.service_principal(&first.service_principal_id).await.unwrap().unwrap();
    assert_eq!(principal.preferred_single_sign_on_mode.as_deref(), Some("saml"));
    assert_eq!(
        principal.preferred_token_signing_key_thumbprint.as_deref(),
        Some(sign_on.certificate_thumbprint.as_str())
    );
    assert_eq!(principal.relay_state(), Some(claims.relay_state.as_str()));
    assert_eq!(principal.notification_email_addresses, ["it@contoso.com"]);
    assert_eq!(principal.tags, ["WindowsAzureActiveDirectoryIntegratedApp", "connect-onboarding:acme-support"]);
    let application = graph.application(&first.application_id).await.unwrap().unwrap();
    assert_eq!(application.identifier_uris, ["https://signin.aws.amazon.com/saml"]);
    let replies = ["https://ap-northeast-1.signin.aws.amazon.com/saml", "https://signin.aws.amazon.com/saml"];
    assert_eq!(application.web.redirect_uris, replies);
    assert_eq!(graph.claims_policies_of(&principal.id).await.unwrap()[0].id, claims.claims_policy_id);

    cloud.writes();
    cloud.local.advance(60.0);
    let again = cloud.application().await;
    assert_eq!(again, EntraApplication { attempt: 0, ..first }, "the repeated step finds the same application");
    assert_eq!(cloud.sign_on(&again).await.unwrap(), sign_on);
    assert_eq!(cloud.claims(&again, &sign_on.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap(), claims);
    let assigned = cloud.assign(&again, Assignment::Groups, false).await.unwrap();
    assert_eq!(assigned, AssignGroupsOutput { assigned: 0, existing: 1 });
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn another_destination_changes_only_the_relay_state() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    let thumbprint = cloud.sign_on(&application).await.unwrap().certificate_thumbprint;
    let name = UsernameAttribute::Mail;
    let plain = cloud.claims(&application, &thumbprint, name).await.unwrap();
    assert_eq!(plain.destination_url, None);
    cloud.writes();
    let workspace = SignIn { destination: Some(Destination::Page(Page::AgentWorkspace)) };
    let patch = "PATCH /v1.0/servicePrincipals/{id}";
    for (sign_in, query, url, writes) in [
        (&workspace, "?destination=%2Fagent-app-v2&new_domain=true", Some("/agent-app-v2"), &[patch][..]),
        (&workspace, "?destination=%2Fagent-app-v2&new_domain=true", Some("/agent-app-v2"), &[]),
        (&SignIn::default(), "", None, &[patch]),
    ] {
        cloud.local.advance(60.0);
        let claims = cloud.claims_with(&application, &thumbprint, name, sign_in.clone()).await.unwrap();
        assert_eq!(claims.relay_state, format!("{}{query}", plain.relay_state));
        assert_eq!(claims.destination_url, url.map(|path| format!("https://{ALIAS}.my.connect.aws{path}")));
        assert_eq!(cloud.writes(), writes);
    }
}

/// A tenant whose lists show changes only after the test moves the clock.
fn late_lists() -> GraphBehaviour {
    GraphBehaviour { list_replication_seconds: 40.0 * 50.0, ..GraphBehaviour::default() }
}

#[tokio::test]
async fn an_application_whose_response_was_lost_is_found_although_lists_are_delayed() {
    let cloud = Cloud::start(late_lists()).await;
    cloud.fault(json!({ "service": "graph", "match": "instantiate", "truncate": true }));
    let searched = cloud.create_once(None, 0).await.unwrap();
    assert_eq!(cloud.create_once(Some(searched.clone()), 0).await.unwrap_err().kind, StepErrorKind::Unavailable);
    let mut polled = cloud.create_once(Some(searched), 1).await.unwrap();
    for _ in 0..5 {
        assert_eq!((polled.status.as_str(), polled.application_id.as_str()), ("REPLICATING", ""));
        polled = cloud.create_once(Some(polled), 0).await.unwrap();
    }
    cloud.local.advance(2000.0);
    let found = cloud.until_ready(polled).await;
    assert!(!found.adopted, "no application had this name before");
    assert_eq!(cloud.applications().await, 1);
}

#[tokio::test]
async fn an_application_that_was_never_created_is_created_after_the_polls() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    cloud.fault(json!({ "service": "graph", "match": "instantiate", "status": 500, "code": "InternalServerError" }));
    let searched = cloud.create_once(None, 0).await.unwrap();
    assert_eq!(cloud.create_once(Some(searched.clone()), 0).await.unwrap_err().kind, StepErrorKind::Unavailable);
    let polled = cloud.create_once(Some(searched), 1).await.unwrap();
    let made = cloud.until_ready(polled).await;
    assert!(!made.adopted);
    assert_eq!(cloud.applications().await, 1);
}

#[tokio::test]
async fn two_applications_with_the_name_are_a_conflict_unless_one_has_our_tag() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let graph = cloud.ctx.graph();
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(graph.instantiate(names::GALLERY_APPLICATION_ID, NAME).await.unwrap().1.id);
    }
    cloud.local.advance(60.0);
    let error = cloud.create_once(None, 0).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Conflict);
    assert!(ids.iter().all(|id| error.message.contains(id)), "{error}");
    let tags = json!({ "tags": [names::service_principal_tag(ALIAS)] });
    graph.update_service_principal(&ids[1], tags).await.unwrap();
    assert_eq!(cloud.application().await.service_principal_id, ids[1]);
}

#[tokio::test]
async fn the_application_of_another_instance_is_not_adopted() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let graph = cloud.ctx.graph();
    let (_, principal) = graph.instantiate(names::GALLERY_APPLICATION_ID, NAME).await.unwrap();
    cloud.local.advance(60.0);
    graph
        .update_service_principal(&principal.id, json!({ "tags": [names::service_principal_tag("other")] }))
        .await
        .unwrap();
    let error = cloud.create_once(None, 0).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Conflict);
    assert!(error.message.contains("the onboarding of other"), "{error}");
}

#[tokio::test]
async fn a_taken_identifier_gets_a_number() {
    let taken =
        ["https://signin.aws.amazon.com/saml", "https://signin.aws.amazon.com/saml#1"].map(String::from).to_vec();
    let cloud = Cloud::start(GraphBehaviour { taken_identifier_uris: taken, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    assert_eq!(cloud.sign_on(&application).await.unwrap().identifier_uri, "https://signin.aws.amazon.com/saml#2");
}

#[tokio::test]
async fn a_certificate_whose_response_was_lost_is_not_created_again_although_entra_shows_it_late() {
    let cloud = Cloud::start(GraphBehaviour { certificate_seconds: 1500.0, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    cloud.fault(json!({ "service": "graph", "match": "addTokenSigningCertificate", "truncate": true }));
    assert_eq!(cloud.sign_on(&application).await.unwrap_err().kind, StepErrorKind::Unavailable);
    assert_eq!(cloud.sign_on_after(1, &application).await.unwrap_err().kind, StepErrorKind::NotConsistentYet);
    cloud.local.advance(1500.0);
    let sign_on = cloud.sign_on_after(2, &application).await.unwrap();
    let principal = cloud.ctx.graph().service_principal(&application.service_principal_id).await.unwrap().unwrap();
    assert_eq!(principal.key_credentials.len(), 2, "one certificate has two key credentials");
    assert_eq!(principal.preferred_token_signing_key_thumbprint, Some(sign_on.certificate_thumbprint));
}

#[tokio::test]
async fn a_certificate_that_no_attempt_has_created_is_created_by_a_later_attempt() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    assert_eq!(cloud.sign_on_after(3, &application).await.unwrap_err().kind, StepErrorKind::NotConsistentYet);
    cloud.sign_on_after(4, &application).await.unwrap();
}

#[tokio::test]
async fn metadata_without_the_active_certificate_is_not_consistent_yet() {
    let behaviour = GraphBehaviour { metadata_seconds: 30.0 * 50.0, ..GraphBehaviour::default() };
    let cloud = Cloud::start(behaviour).await;
    let application = cloud.application().await;
    assert_eq!(cloud.sign_on(&application).await.unwrap_err().kind, StepErrorKind::NotConsistentYet);
    cloud.local.advance(1500.0);
    cloud.sign_on(&application).await.unwrap();
    let principal = cloud.ctx.graph().service_principal(&application.service_principal_id).await.unwrap().unwrap();
    assert_eq!(principal.key_credentials.len(), 2, "a second certificate must not be created");
}

#[tokio::test]
async fn a_permission_for_owned_applications_only_is_reported_with_that_reason() {
    let roles = ["Application.ReadWrite.OwnedBy", "Application.Read.All"].map(String::from).to_vec();
    let cloud = Cloud::start(GraphBehaviour { roles, ..GraphBehaviour::default() }).await;
    let application = cloud.application().await;
    let error = cloud.sign_on(&application).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("OwnedBy is not enough"), "{error}");
}

#[tokio::test]
async fn our_claims_policy_follows_the_input_and_keeps_its_id() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    let thumbprint = cloud.sign_on(&application).await.unwrap().certificate_thumbprint;
    let before = cloud.claims(&application, &thumbprint, UsernameAttribute::UserPrincipalName).await.unwrap();
    let after = cloud.claims(&application, &thumbprint, UsernameAttribute::ObjectId).await.unwrap();
    assert_eq!(before, after);
    let policies = cloud.ctx.graph().claims_policies_of(&application.service_principal_id).await.unwrap();
    assert_eq!(policies.len(), 1);
    assert!(policies[0].definition[0].contains("objectid"));
}

#[tokio::test]
async fn a_claims_policy_that_was_created_and_not_assigned_is_reused() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    let thumbprint = cloud.sign_on(&application).await.unwrap().certificate_thumbprint;
    cloud.fault(json!({ "service": "graph", "match": "POST /v1.0/policies", "truncate": true }));
    assert!(cloud.claims(&application, &thumbprint, UsernameAttribute::Mail).await.is_err());
    let made = cloud.ctx.graph().claims_policies_named(&names::claims_policy(ALIAS)).await.unwrap();
    let claims = cloud.claims(&application, &thumbprint, UsernameAttribute::Mail).await.unwrap();
    assert_eq!(made.iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(), [claims.claims_policy_id.as_str()]);
}

#[tokio::test]
async fn a_foreign_claims_policy_is_a_conflict_and_stays() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let graph = cloud.ctx.graph();
    let application = cloud.application().await;
    let thumbprint = cloud.sign_on(&application).await.unwrap().certificate_thumbprint;
    let definition =
        json!({ "ClaimsMappingPolicy": { "Version": 1, "IncludeBasicClaimSet": "true", "ClaimsSchema": [] } });
    let foreign = graph.create_claims_policy("Finance", &definition).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    graph.assign_claims_policy(&application.service_principal_id, &foreign.id).await.unwrap();
    let error = cloud.claims(&application, &thumbprint, UsernameAttribute::Mail).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Conflict);
    assert!(error.message.contains("Finance") && error.message.contains(&foreign.id), "{error}");
    assert_eq!(graph.claims_policies_of(&application.service_principal_id).await.unwrap(), [foreign]);
}

#[tokio::test]
async fn members_are_assigned_one_by_one_with_or_without_nested_groups() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    let direct = cloud.assign(&application, Assignment::Users, false).await.unwrap();
    assert_eq!(direct, AssignGroupsOutput { assigned: 2, existing: 0 });
    let nested = cloud.assign(&application, Assignment::Users, true).await.unwrap();
    assert_eq!(nested, AssignGroupsOutput { assigned: 1, existing: 2 });
    let assignments = cloud.ctx.graph().assignments(&application.service_principal_id).await.unwrap();
    let mut assigned: Vec<&str> = assignments.iter().map(|assignment| assignment.principal_id.as_str()).collect();
    assigned.sort_unstable();
    assert_eq!(assigned, MEMBERS);
}
