//! The guarantees about access also hold for incremental syncs: leavers lose their access, approvals are requested, and
//! a function without a lease stores nothing.

use std::{collections::BTreeSet, time::Duration};

use connect_onboarding::runtime::fence::{Confirmation, Fence, Turn};
use futures_util::FutureExt as _;
use onboarding_core::{
    contract::Lease,
    names,
    onboarding::{Assignment, Language, Onboarding, Users},
    sync::{Checkpoint, SyncStatus, SyncUsersInput},
};
use serde_json::{Value, json};

use super::{
    fixture::{Fixture, GROUP_NAME, member, member_id, username},
    incremental::{incremental, scheduled, settle, try_incremental, update},
};

const SIGN_OUT: &str = "DeleteAllEntitySessions";

/// An application in Entra that requires an assignment, as the onboarding registers it.
struct Application<'a> {
    fixture: &'a Fixture,
    principal: String,
    role: String,
}

impl<'a> Application<'a> {
    async fn register(fixture: &'a Fixture, assignment: Assignment) -> Self {
        let graph = fixture.ctx.graph();
        let name = "Amazon Connect acme-support";
        let (application, principal) = graph.instantiate(names::GALLERY_APPLICATION_ID, name).await.unwrap();
        fixture.cloud.advance(600.0);
        let principal = graph.service_principal(&principal.id).await.unwrap().unwrap();
        let role = principal.app_roles[0].id.clone();
        let this = Self { fixture, principal: principal.id.clone(), role: role.clone() };
        this.require_assignment(true).await;
        fixture.set_entry(|entry| {
            let users: Users = serde_json::from_value(entry["users"].clone()).unwrap();
            let mut onboarding = Onboarding::with_defaults("acme-support", users, Language::default());
            onboarding.entra.assignment = assignment;
            entry["onboarding"] = serde_json::to_value(onboarding).unwrap();
            entry["application"] = json!({
                "applicationId": application.id, "appId": application.app_id, "status": "READY",
                "servicePrincipalId": principal.id, "appRoleId": role,
            });
        });
        this
    }

    async fn require_assignment(&self, required: bool) {
        let change = json!({ "appRoleAssignmentRequired": required });
        self.fixture.ctx.graph().update_service_principal(&self.principal, change).await.unwrap();
    }

    async fn assign(&self, number: usize) {
        self.fixture.ctx.graph().assign(&self.principal, &member_id(number), &self.role).await.unwrap();
    }

    async fn assigned(&self) -> BTreeSet<String> {
        self.fixture.ctx.graph().assigned(&self.principal).await.unwrap()
    }
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(member_id).collect()
}

/// An instance with users for twelve members, after full comparisons. Users of members who leave are kept.
async fn keeping(assignment: Assignment) -> Fixture {
    with_removal(assignment, "keep").await
}

async fn with_removal(assignment: Assignment, action: &str) -> Fixture {
    let fixture = scheduled(12, 0.0).await;
    fixture.set_users("removed", json!({ "action": action }));
    Application::register(&fixture, assignment).await;
    compare(&fixture).await;
    fixture
}

/// Makes a full comparison that finds no further change.
async fn compare(fixture: &Fixture) {
    let output = incremental(fixture).await;
    assert_eq!((output.incremental, output.status), (false, SyncStatus::Done), "{output:?}");
    settle(fixture);
    fixture.calls();
}

fn application<'a>(fixture: &'a Fixture) -> Application<'a> {
    let mut principal = Value::Null;
    fixture.set_entry(|entry| principal = entry["application"].clone());
    let text = |name: &str| principal[name].as_str().unwrap().to_owned();
    Application { fixture, principal: text("servicePrincipalId"), role: text("appRoleId") }
}

#[tokio::test]
async fn a_leaver_and_a_disabled_member_also_lose_the_assignment_and_the_sessions() {
    let fixture = keeping(Assignment::Users).await;
    let application = application(&fixture);
    assert_eq!(application.assigned().await, ids(0..12));
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    let output = incremental(&fixture).await;
    assert_eq!((output.incremental, output.counts.done.signed_out), (false, 1), "{output:?}");
    assert_eq!(application.assigned().await, ids(1..12));
    update(&fixture, 1, json!({ "accountEnabled": false }));
    let output = incremental(&fixture).await;
    assert_eq!((output.incremental, output.counts.done.signed_out), (false, 1), "{output:?}");
    assert_eq!(application.assigned().await, ids(2..12));
    settle(&fixture);
    assert!(incremental(&fixture).await.incremental);

    // When the leaver returns, the sync removes the tag that records the sign-out, and assigns the member to the
    // application again.
    fixture.cloud.add_member(GROUP_NAME, member(0)).unwrap();
    fixture.calls();
    assert!(!incremental(&fixture).await.incremental);
    assert_eq!(fixture.writes(), ["UntagResource"]);
    assert!(application.assigned().await.contains(&member_id(0)));
}

#[tokio::test]
async fn the_next_sync_compares_everything_if_an_assignment_a_session_or_all_rights_could_not_be_taken_away() {
    let denied = |service: &str, pattern: &str, code: &str| json!({ "service": service, "match": pattern, "status": 403, "code": code, "times": 1 });
    let faults = [
        ("keep", denied("graph", "^DELETE .*/appRoleAssignedTo/", "Authorization_RequestDenied")),
        ("keep", denied("graph", "^POST .*/appRoleAssignedTo$", "Authorization_RequestDenied")),
        ("keep", denied("connect", "^DeleteAllEntitySessions$", "AccessDeniedException")),
        ("strip", denied("connect", "^CreateSecurityProfile$", "AccessDeniedException")),
    ];
    for (action, fault) in faults {
        let fixture = with_removal(Assignment::Users, action).await;
        fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
        fixture.cloud.add_member(GROUP_NAME, member(12)).unwrap();
        fixture.fault(fault.clone());
        let output = incremental(&fixture).await;
        assert_eq!((output.status, output.counts.done.failed), (SyncStatus::Done, 0), "{fault}: {output:?}");
        assert_eq!(fixture.tracking(), None, "{fault}: {output:?}");
        assert!(!incremental(&fixture).await.incremental, "{fault}");
        assert!(fixture.tracking().is_some(), "{fault}");
        assert_eq!(application(&fixture).assigned().await, ids(1..13), "{fault}");
        let tags = fixture.users().await[0].tags().cloned().unwrap_or_default();
        assert!(action == "strip" || tags.contains_key("signed-out"), "{fault}");
    }
}

#[tokio::test]
async fn a_leaver_is_removed_although_the_application_no_longer_exists_or_is_not_visible_for_a_moment() {
    for exists in [false, true] {
        let fixture = with_removal(Assignment::Users, "delete").await;
        fixture.set_users("/removed/graceDays", json!(0));
        fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
        if exists {
            let missing = json!({ "service": "graph", "match": "^GET .*/appRoleAssignedTo", "status": 404, "code": "Request_ResourceNotFound", "times": 8 });
            fixture.fault(missing);
        } else {
            let principal = application(&fixture).principal;
            fixture.ctx.graph().delete_service_principal(&principal).await.unwrap();
        }
        let done = fixture.sync().await.unwrap().counts.done;
        assert_eq!((done.removed, done.signed_out, done.failed), (1, 1, 0), "{exists}: {done:?}");
    }
}

#[tokio::test]
async fn a_reported_leaver_whose_assignment_was_removed_keeps_the_rights_and_is_no_finding() {
    let fixture = keeping(Assignment::Users).await;
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    let input = SyncUsersInput { leavers: vec![member_id(0)], ..fixture.input() };
    let output = fixture.round(input, Duration::from_secs(300)).await.unwrap();
    let done = output.counts.done;
    assert_eq!((output.status, done.signed_out, done.stripped), (SyncStatus::Done, 1, 0), "{output:?}");
    assert!(!output.findings.iter().any(|finding| finding.contains("still lets")), "{output:?}");
    assert_eq!(application(&fixture).assigned().await, ids(1..12));
}

#[tokio::test]
async fn members_are_assigned_although_the_run_fails_or_the_assignment_of_another_member_fails() {
    let fixture = with_removal(Assignment::Users, "delete").await;
    fixture.set_users("/removed/graceDays", json!(0));
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    (12..40).for_each(|number| fixture.cloud.add_member(GROUP_NAME, member(number)).unwrap());
    fixture.fault(json!({ "match": "^DeleteUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let assignment = "^POST .*/appRoleAssignedTo$";
    let rejected =
        json!({ "service": "graph", "match": assignment, "status": 400, "code": "Request_BadRequest", "times": 1 });
    fixture.fault(rejected.clone());
    assert!(try_incremental(&fixture).await.is_err());
    let assigned = application(&fixture).assigned().await;
    assert_eq!(assigned.len(), 11 + 27, "all members but the rejected one are assigned: {assigned:?}");

    // If a round has no time left to create the assignments, the next round creates them.
    let fixture = keeping(Assignment::Users).await;
    (12..40).for_each(|number| fixture.cloud.add_member(GROUP_NAME, member(number)).unwrap());
    fixture.fault(json!({ "service": "graph", "match": assignment, "times": 8, "delayMs": 3_000 }));
    let output = fixture.round(fixture.input(), Duration::from_secs(2)).await.unwrap();
    assert_eq!(output.status, SyncStatus::More, "{output:?}");
    let input = SyncUsersInput { carry: output.carry, ..fixture.input() };
    let output = fixture.round(input, Duration::from_secs(300)).await.unwrap();
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 28), "{output:?}");
    assert_eq!(application(&fixture).assigned().await, ids(0..40));

    // A temporary error is retried in the same run.
    fixture.cloud.add_member(GROUP_NAME, member(40)).unwrap();
    fixture.fault(json!({ "service": "graph", "match": assignment, "times": 4, "status": 503 }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.failed), (SyncStatus::More, 0), "{output:?}");
    let input = SyncUsersInput { carry: output.carry, ..fixture.input() };
    assert_eq!(fixture.round(input, Duration::from_secs(300)).await.unwrap().status, SyncStatus::Done);
    assert!(application(&fixture).assigned().await.contains(&member_id(40)));
}

#[tokio::test]
async fn a_kept_user_loses_all_rights_as_soon_as_entra_lets_the_user_in_without_a_change_of_users_or_groups() {
    for open in [true, false] {
        let fixture = keeping(Assignment::Groups).await;
        let application = application(&fixture);
        fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
        compare(&fixture).await;
        let output = incremental(&fixture).await;
        assert!(output.incremental, "the user who left can't sign in: {output:?}");
        match open {
            true => application.require_assignment(false).await,
            false => application.assign(0).await,
        }
        fixture.calls();
        let output = incremental(&fixture).await;
        assert_eq!((output.incremental, output.counts.done.stripped), (false, 1), "{open}: {output:?}");
        settle(&fixture);
        assert!(incremental(&fixture).await.incremental, "{open}: a user without rights can't do anything");
    }
}

#[tokio::test]
async fn while_a_request_for_approval_is_open_every_sync_compares_everything() {
    let fixture = keeping(Assignment::Groups).await;
    for number in 0..5 {
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }
    for _ in 0..2 {
        let output = incremental(&fixture).await;
        assert_eq!((output.status, output.incremental), (SyncStatus::UnsafePlan, false), "{output:?}");
        assert_eq!((output.counts.done.signed_out, fixture.tracking()), (0, None));
        assert!(output.waiting.unwrap().notify, "no notification was sent");
    }
    // With one leaver fewer, the removals do not exceed the removal limit. No leaver is signed out yet, because the
    // request is still open.
    fixture.cloud.add_member(GROUP_NAME, member(4)).unwrap();
    assert_eq!(incremental(&fixture).await.status, SyncStatus::UnsafePlan);
    fixture.approve();
    let output = incremental(&fixture).await;
    assert_eq!((output.status, output.counts.done.signed_out), (SyncStatus::Done, 4), "{output:?}");
    settle(&fixture);
    assert!(incremental(&fixture).await.incremental);
}

#[tokio::test]
async fn a_request_for_approval_of_another_sync_also_ends_incremental_syncs() {
    let fixture = keeping(Assignment::Groups).await;
    assert!(incremental(&fixture).await.incremental);
    // Only Connect changes: an administrator replaces a user with a user who has other rights.
    let users = fixture.users().await;
    let first = users[0].id().unwrap();
    fixture.ctx.connect().delete_user().instance_id(&fixture.instance_id).user_id(first).send().await.unwrap();
    fixture.user_by_hand(&username(0), "Admin").await;
    let stored = fixture.tracking();
    let another_pass = Some(Checkpoint { another_pass: true, ..Checkpoint::default() });
    for carry in [None, another_pass] {
        fixture.set_tracking(stored.as_ref().unwrap());
        let input = SyncUsersInput { carry, ..fixture.input() };
        let output = fixture.round(input, Duration::from_secs(300)).await.unwrap();
        assert_eq!((output.status, fixture.tracking()), (SyncStatus::UnsafePlan, None));
    }
    let output = incremental(&fixture).await;
    assert_eq!((output.status, output.incremental), (SyncStatus::UnsafePlan, false), "{output:?}");
}

/// A fence that always confirms that the function holds the lease.
fn fence(number: u64) -> std::sync::Arc<Fence> {
    let lease = Lease { key: "i".into(), holder: "arn:execution:one".into(), number };
    let confirm = |lease: Lease, _: Turn| -> Confirmation { async move { Ok(Some(lease)) }.boxed() };
    Fence::new(lease, Duration::from_secs(10), Box::new(confirm))
}

#[tokio::test]
async fn a_function_that_has_lost_its_lease_neither_stores_nor_deletes_the_state_and_changes_nothing() {
    let fixture = keeping(Assignment::Groups).await;
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    fence(7).guard(try_incremental(&fixture)).await.unwrap();
    settle(&fixture);
    let stored = fixture.tracking();
    assert!(stored.is_some());
    fixture.cloud.remove_member(GROUP_NAME, &member_id(1)).unwrap();
    fixture.calls();
    let late = fence(6).guard(try_incremental(&fixture)).await;
    assert!(late.is_err_and(|error| error.name() == "LeaseLost"));
    assert!(!fixture.calls().iter().any(|call| call == SIGN_OUT));
    assert_eq!(fixture.tracking(), stored);
    let output = fence(8).guard(try_incremental(&fixture)).await.unwrap();
    assert_eq!((output.incremental, output.counts.done.signed_out), (false, 1));
}
