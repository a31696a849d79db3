//! Tests of the ownership of an Entra application. An onboarding sets the properties of an application only if an
//! onboarding has created this application. A teardown deletes only such an application.

use connect_onboarding::{entra::ServicePrincipal, teardown};
use local_cloud::stand_in::GraphBehaviour;
use onboarding_core::{
    StepErrorKind,
    contract::{ApplicationDisposition, EntraApplication, EntraGroup, RemoveInput, RemoveOutput, TeardownTarget},
    names,
    onboarding::{Assignment, UsernameAttribute},
};
use serde_json::json;
use wiremock::{Mock, ResponseTemplate, matchers::header};

use super::{AGENTS, ALIAS, Cloud, MEMBERS, NAME};

/// Registers an application completely, ready for sign-in.
async fn registered(cloud: &Cloud) -> EntraApplication {
    registered_for(cloud, Some(Assignment::Groups)).await
}

/// Registers an application, and assigns the groups or their members, if any.
async fn registered_for(cloud: &Cloud, assignment: Option<Assignment>) -> EntraApplication {
    let application = cloud.application().await;
    let sign_on = cloud.sign_on(&application).await.unwrap();
    cloud.claims(&application, &sign_on.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap();
    if let Some(assignment) = assignment {
        cloud.assign(&application, assignment, false).await.unwrap();
    }
    application
}

/// An application that an administrator created before the onboarding.
async fn made_by_hand(cloud: &Cloud) -> String {
    let (_, principal) = cloud.ctx.graph().instantiate(names::GALLERY_APPLICATION_ID, NAME).await.unwrap();
    cloud.local.advance(60.0);
    principal.id
}

async fn switch(cloud: &Cloud, application: &EntraApplication) {
    let graph = cloud.ctx.graph();
    let off = json!({ "accountEnabled": false, "appRoleAssignmentRequired": false });
    graph.update_service_principal(&application.service_principal_id, off).await.unwrap();
    graph.update_application(&application.application_id, json!({ "isDisabled": true })).await.unwrap();
}

async fn principal(cloud: &Cloud, application: &EntraApplication) -> ServicePrincipal {
    cloud.ctx.graph().seen_service_principal(&application.service_principal_id).await.unwrap()
}

async fn remove(cloud: &Cloud, application: &EntraApplication, fate: ApplicationDisposition) -> RemoveOutput {
    let target = TeardownTarget {
        alias: ALIAS.into(),
        application_fate: fate,
        application: Some(application.clone()),
        groups: vec![EntraGroup { id: AGENTS.into(), display_name: "Support agents".into(), users: 0 }],
        ..TeardownTarget::default()
    };
    teardown::remove_entra_application::run(&cloud.ctx, RemoveInput { target, previous: None }).await.unwrap()
}

fn items(output: &RemoveOutput) -> Vec<&str> {
    output.open_items.iter().map(|item| item.subject.as_str()).collect()
}

#[tokio::test]
async fn the_properties_of_an_application_that_we_created_are_set() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = registered(&cloud).await;
    switch(&cloud, &application).await;
    cloud.sign_on(&application).await.unwrap();
    let principal = principal(&cloud, &application).await;
    assert_eq!(
        (principal.account_enabled, principal.is_disabled, principal.app_role_assignment_required),
        (Some(true), Some(false), Some(true))
    );
    cloud.writes();
    cloud.sign_on(&application).await.unwrap();
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_adopted_application_stays_adopted_and_keeps_its_properties() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let id = made_by_hand(&cloud).await;
    let application = cloud.application().await;
    assert_eq!((application.service_principal_id.as_str(), application.adopted), (id.as_str(), true));
    switch(&cloud, &application).await;
    cloud.sign_on(&application).await.unwrap();
    let principal = principal(&cloud, &application).await;
    assert_eq!(
        (principal.account_enabled, principal.is_disabled, principal.app_role_assignment_required),
        (Some(false), Some(true), Some(false))
    );
    assert!(principal.tags.contains(&names::ADOPTED_TAG.to_owned()), "{:?}", principal.tags);
    // The next onboarding also recognizes the application as adopted.
    assert!(cloud.application().await.adopted);
}

#[tokio::test]
async fn a_teardown_empties_an_adopted_application_regardless_of_the_input() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    made_by_hand(&cloud).await;
    let application = registered(&cloud).await;
    let output = remove(&cloud, &application, ApplicationDisposition::Delete).await;
    assert_eq!(items(&output), [format!("enterprise application {}", application.app_id)]);
    let graph = cloud.ctx.graph();
    let left = principal(&cloud, &application).await;
    assert_eq!(
        (left.tags, left.saml_single_sign_on_settings.and_then(|saml| saml.relay_state)),
        (vec!["WindowsAzureActiveDirectoryIntegratedApp".to_owned()], None)
    );
    let registration = graph.application(&application.application_id).await.unwrap().unwrap();
    assert_eq!(registration.identifier_uris, ["https://signin.aws.amazon.com/saml"]);
    assert_eq!(graph.assignments(&application.service_principal_id).await.unwrap(), []);
    assert_eq!(graph.claims_policies_named(&names::claims_policy(ALIAS)).await.unwrap(), []);
}

#[tokio::test]
async fn a_teardown_keeps_the_assignments_that_an_adopted_application_had_before() {
    for adopted in [true, false] {
        let cloud = Cloud::start(GraphBehaviour::default()).await;
        if adopted {
            made_by_hand(&cloud).await;
        }
        let application = registered(&cloud).await;
        let (graph, principal) = (cloud.ctx.graph(), application.service_principal_id.as_str());
        graph.assign(principal, MEMBERS[0], &application.app_role_id).await.unwrap();
        let output = remove(&cloud, &application, ApplicationDisposition::Empty).await;
        let left: Vec<String> = graph.assigned(principal).await.unwrap().into_iter().collect();
        assert_eq!(left, &MEMBERS[..usize::from(adopted)]);
        assert_eq!(remain_assigned(&output, 1), adopted, "{:?}", output.open_items);
    }
}

/// The users who are assigned to the application.
async fn assigned(cloud: &Cloud, application: &EntraApplication) -> Vec<String> {
    cloud.ctx.graph().assigned(&application.service_principal_id).await.unwrap().into_iter().collect()
}

/// An adopted application: an administrator assigned the first member, and the onboarding the two others.
async fn with_assigned_users(cloud: &Cloud) -> EntraApplication {
    let principal = made_by_hand(cloud).await;
    let application = registered_for(cloud, None).await;
    assert_eq!((&application.service_principal_id, application.adopted), (&principal, true));
    cloud.ctx.graph().assign(&principal, MEMBERS[0], &application.app_role_id).await.unwrap();
    let made = cloud.assign(&application, Assignment::Users, true).await.unwrap();
    assert_eq!((made.assigned, made.existing), (2, 1));
    assert_eq!(assigned(cloud, &application).await, MEMBERS);
    application
}

#[tokio::test]
async fn a_teardown_removes_exactly_the_assignments_of_users_that_the_onboarding_created() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = with_assigned_users(&cloud).await;
    // An administrator has removed one of these assignments and assigned the user again.
    let (graph, principal) = (cloud.ctx.graph(), application.service_principal_id.as_str());
    let all = graph.assignments(principal).await.unwrap();
    let replaced = all.iter().find(|one| one.principal_id == MEMBERS[2]).unwrap().id.clone().unwrap();
    graph.unassign(principal, &replaced).await.unwrap();
    cloud.local.advance(60.0);
    graph.assign(principal, MEMBERS[2], &application.app_role_id).await.unwrap();

    let output = remove(&cloud, &application, ApplicationDisposition::Delete).await;
    assert_eq!(assigned(&cloud, &application).await, [MEMBERS[0], MEMBERS[2]]);
    assert!(remain_assigned(&output, 2), "{:?}", output.open_items);
}

/// Returns whether the open items of a teardown state this number of assignments.
fn remain_assigned(output: &RemoveOutput, number: usize) -> bool {
    let what = format!("{number} groups or users remain assigned");
    output.open_items.iter().any(|item| item.what.starts_with(&what))
}

#[tokio::test]
async fn a_recorded_assignment_that_a_replica_does_not_have_counts_as_removed_only_if_the_list_does_not_contain_it() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = with_assigned_users(&cloud).await;
    cloud.writes();
    cloud.fault(json!({
        "service": "graph", "match": "GET .*/appRoleAssignedTo/[^/]+$", "times": 0, "status": 404,
        "code": "Request_ResourceNotFound",
    }));
    let output = remove(&cloud, &application, ApplicationDisposition::Empty).await;
    assert_eq!(assigned(&cloud, &application).await, MEMBERS);
    assert!(remain_assigned(&output, 3), "{:?}", output.open_items);
    let removed = cloud.writes().into_iter().filter(|write| write.contains("appRoleAssignedTo")).count();
    assert_eq!(removed, 0, "an assignment that was not read again is kept");
}

#[tokio::test]
async fn a_recorded_assignment_that_a_replica_does_not_have_at_first_is_removed() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = with_assigned_users(&cloud).await;
    cloud.fault(json!({
        "service": "graph", "match": "GET .*/appRoleAssignedTo/[^/]+$", "times": 2, "status": 404,
        "code": "Request_ResourceNotFound",
    }));
    let output = remove(&cloud, &application, ApplicationDisposition::Empty).await;
    assert_eq!(assigned(&cloud, &application).await, [MEMBERS[0]]);
    assert!(remain_assigned(&output, 1), "{:?}", output.open_items);
}

#[tokio::test]
async fn an_error_in_one_assignment_does_not_prevent_the_records_of_the_assignments_that_are_being_created() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    made_by_hand(&cloud).await;
    let application = registered_for(&cloud, None).await;
    let post = "POST .*/appRoleAssignedTo$";
    cloud.fault(json!({ "service": "graph", "match": post, "delayMs": 200, "status": 403,
        "code": "Authorization_RequestDenied" }));
    cloud.fault(json!({ "service": "graph", "match": post, "times": 2, "answerDelayMs": 500 }));
    let error = cloud.assign(&application, Assignment::Users, true).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied, "{error:?}");
    cloud.assign(&application, Assignment::Users, true).await.unwrap();
    assert_eq!(assigned(&cloud, &application).await, MEMBERS);
    remove(&cloud, &application, ApplicationDisposition::Empty).await;
    assert_eq!(assigned(&cloud, &application).await, [""; 0]);
}

#[tokio::test]
async fn an_assignment_whose_record_can_not_be_written_does_not_prevent_the_other_assignments() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    made_by_hand(&cloud).await;
    let application = registered_for(&cloud, None).await;
    let denied = json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "Message": "no" });
    Mock::given(header("x-amz-target", "DynamoDB_20120810.UpdateItem"))
        .respond_with(ResponseTemplate::new(400).set_body_json(denied))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&cloud.registry)
        .await;
    let made = cloud.assign(&application, Assignment::Users, true).await.unwrap();
    assert_eq!((made.assigned, made.existing), (3, 0));
    let output = remove(&cloud, &application, ApplicationDisposition::Empty).await;
    assert_eq!(assigned(&cloud, &application).await.len(), 1);
    assert!(remain_assigned(&output, 1), "{:?}", output.open_items);
}

#[tokio::test]
async fn a_claims_policy_is_deleted_although_graph_still_lists_its_removed_assignment() {
    let behaviour = GraphBehaviour { policy_removal_seconds: 1_000_000.0, ..GraphBehaviour::default() };
    let cloud = Cloud::start(behaviour).await;
    made_by_hand(&cloud).await;
    let application = registered(&cloud).await;
    let output = remove(&cloud, &application, ApplicationDisposition::Empty).await;
    assert_eq!(items(&output), [format!("enterprise application {}", application.app_id)]);
    let graph = cloud.ctx.graph();
    assert_eq!(graph.claims_policies_named(&names::claims_policy(ALIAS)).await.unwrap(), []);
}

#[tokio::test]
async fn a_saml_application_that_entra_does_not_delete_at_once_is_deleted_in_parts() {
    let cloud = Cloud::start(GraphBehaviour { refuses_saml_deletion: true, ..GraphBehaviour::default() }).await;
    let application = registered(&cloud).await;
    let output = remove(&cloud, &application, ApplicationDisposition::Delete).await;
    assert_eq!(items(&output), [""; 0]);
    let graph = cloud.ctx.graph();
    assert_eq!(graph.service_principal(&application.service_principal_id).await.unwrap(), None);
    assert_eq!(graph.application(&application.application_id).await.unwrap(), None);
}

/// Makes Graph reject every deletion of these objects.
fn refused(cloud: &Cloud, collection: &str) {
    cloud.fault(
        json!({ "service": "graph", "match": format!("DELETE .*/{collection}/[^/]+$"), "times": 0, "status": 400,
        "code": "DeletingSamlSpNotAllowed", "message": "Property appId is invalid." }),
    );
}

#[tokio::test]
async fn an_application_that_entra_never_deletes_is_an_open_item_and_the_rest_is_removed() {
    for collections in [&["applications"][..], &["applications", "servicePrincipals"]] {
        let cloud = Cloud::start(GraphBehaviour::default()).await;
        let application = registered(&cloud).await;
        collections.iter().for_each(|collection| refused(&cloud, collection));
        // A repeated call has the same result.
        for _ in 0..2 {
            let output = remove(&cloud, &application, ApplicationDisposition::Delete).await;
            let [item] = output.open_items.as_slice() else { panic!("{:?}", output.open_items) };
            assert!(item.subject.contains(&application.app_id), "{item:?}");
        }
        let graph = cloud.ctx.graph();
        assert_eq!(graph.claims_policies_named(&names::claims_policy(ALIAS)).await.unwrap(), []);
        if let Some(left) = graph.service_principal(&application.service_principal_id).await.unwrap() {
            assert_eq!(left.preferred_single_sign_on_mode.as_deref(), Some("notSupported"));
            assert_eq!(graph.assignments(&left.id).await.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn a_registration_without_service_principal_is_deleted_only_if_we_created_it() {
    for adopted in [false, true] {
        let cloud = Cloud::start(GraphBehaviour::default()).await;
        let application = EntraApplication { adopted, ..registered(&cloud).await };
        let graph = cloud.ctx.graph();
        graph.delete_service_principal(&application.service_principal_id).await.unwrap();
        let output = remove(&cloud, &application, ApplicationDisposition::Delete).await;
        let left = graph.application(&application.application_id).await.unwrap();
        assert_eq!((left.is_some(), output.open_items.len()), (adopted, usize::from(adopted)));
    }
}

#[tokio::test]
async fn objects_are_read_without_the_newer_fields_if_graph_does_not_have_them() {
    let cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = registered(&cloud).await;
    for kind in ["servicePrincipals", "applications"] {
        cloud.fault(
            json!({ "service": "graph", "match": format!("GET .*/{kind}/"), "status": 400, "code": "BadRequest",
            "message": "Parsing OData Select and Expand failed: Could not find a property named 'isDisabled'." }),
        );
    }
    let read = principal(&cloud, &application).await;
    assert_eq!(read.app_id, application.app_id);
    let registration = cloud.ctx.graph().application(&application.application_id).await.unwrap().unwrap();
    assert_eq!(registration.app_id, application.app_id);
}

#[tokio::test]
async fn a_gallery_template_is_offered_until_its_deprecation_date() {
    for (day, offered) in [(None, true), (Some("2999-01-01"), true), (Some("2020-01-01"), false)] {
        let template_deprecation = day.map(str::to_owned);
        let cloud = Cloud::start(GraphBehaviour { template_deprecation, ..GraphBehaviour::default() }).await;
        let template = cloud.ctx.graph().template(names::GALLERY_APPLICATION_ID).await.unwrap();
        assert_eq!(template.is_some(), offered);
        assert_eq!(template.and_then(|template| template.deprecation_date), day.filter(|_| offered).map(str::to_owned));
    }
}
