//! Tests that the quick connects of a deleted user are deleted or transferred, and that no other quick connects are
//! changed.

use aws_sdk_connect::types::{
    ContactFlowType, PhoneNumberQuickConnectConfig, QuickConnectConfig, QuickConnectType, UserQuickConnectConfig,
};
use local_cloud::stand_in::Behaviour;
use onboarding_core::{
    StepErrorKind,
    sync::{SyncMode, SyncStatus, SyncUsersInput},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use test_support::http;

use super::fixture::{Fixture, GROUP_NAME, member, member_id, username};

/// An instance with twelve synced users, and quick connects to the first two of them and to a phone number.
struct QuickConnects {
    fixture: Fixture,
    flow: String,
}

impl QuickConnects {
    async fn start(deletion_is_blocked: bool) -> Self {
        let behave = |behaviour: &mut Behaviour| behaviour.quick_connects_block_deletion = deletion_is_blocked;
        let fixture = Fixture::with_short_waits(12, behave).await;
        fixture.sync().await.unwrap();
        let flows = fixture.ctx.connect().list_contact_flows().instance_id(&fixture.instance_id);
        let flows = flows.contact_flow_types(ContactFlowType::AgentTransfer).send().await.unwrap();
        let flow = flows.contact_flow_summary_list()[0].id().unwrap().to_owned();
        let this = Self { fixture, flow };
        this.create("front desk", &this.user_id(0).await).await;
        this.create("night desk", &this.user_id(0).await).await;
        this.create("sales", &this.user_id(1).await).await;
        let phone = PhoneNumberQuickConnectConfig::builder().phone_number("+81312345678").build().unwrap();
        let config = QuickConnectConfig::builder().quick_connect_type(QuickConnectType::PhoneNumber);
        this.create_with("taxi", config.phone_config(phone).build().unwrap()).await;
        this.fixture.calls();
        this
    }

    /// Starts the fixture, and then removes the first member from the group.
    async fn with_leaver() -> Self {
        let this = Self::start(false).await;
        this.leave(0);
        this
    }

    fn leave(&self, number: usize) {
        self.fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
    }

    fn config(&self, user_id: &str) -> QuickConnectConfig {
        let user = UserQuickConnectConfig::builder().user_id(user_id).contact_flow_id(&self.flow).build().unwrap();
        QuickConnectConfig::builder().quick_connect_type(QuickConnectType::User).user_config(user).build().unwrap()
    }

    async fn create(&self, name: &str, user_id: &str) {
        self.create_with(name, self.config(user_id)).await;
    }

    async fn create_with(&self, name: &str, config: QuickConnectConfig) {
        let create = self.fixture.ctx.connect().create_quick_connect().instance_id(&self.fixture.instance_id);
        create.name(name).quick_connect_config(config).send().await.unwrap();
    }

    async fn user_id(&self, number: usize) -> String {
        let users = self.fixture.users().await;
        users.iter().find(|user| user.username() == Some(&username(number))).unwrap().id().unwrap().to_owned()
    }

    /// The quick connects by name, each with its user. The user of a quick connect to a phone number is empty.
    async fn all(&self) -> BTreeMap<String, String> {
        let users = self.fixture.users().await;
        let found = self.fixture.ctx.connect().search_quick_connects().instance_id(&self.fixture.instance_id);
        let found = found.send().await.unwrap().quick_connects.unwrap();
        self.fixture.calls();
        let of = |config: &QuickConnectConfig| {
            let Some(user) = config.user_config() else { return String::new() };
            assert_eq!(user.contact_flow_id(), self.flow, "the flow stays");
            let named = users.iter().find(|one| one.id() == Some(user.user_id()));
            named.map_or_else(|| "deleted".into(), |one| one.username().unwrap().to_owned())
        };
        found.iter().map(|one| (one.name().unwrap().into(), of(one.quick_connect_config().unwrap()))).collect()
    }

    /// Changes the setting `quickConnects` of the removal. The other removal settings remain those of the test's
    /// registry entry.
    fn set(&self, setting: Value) {
        let removed = json!({ "action": "delete", "graceDays": 0, "quickConnects": setting });
        self.fixture.set_users("removed", removed);
    }

    fn is_deleted(&self, usernames: &[String]) {
        assert!(!usernames.contains(&username(0)), "{usernames:?}");
    }
}

fn expected(rows: &[(&str, String)]) -> BTreeMap<String, String> {
    rows.iter().map(|(name, user)| ((*name).to_owned(), user.clone())).collect()
}

#[tokio::test]
async fn the_quick_connects_of_a_deleted_user_are_deleted_before_the_user_under_both_readings() {
    for deletion_is_blocked in [false, true] {
        let quick = QuickConnects::start(deletion_is_blocked).await;
        quick.leave(0);
        let output = quick.fixture.sync().await.unwrap();
        let (planned, done) = (output.counts.planned, output.counts.done);
        assert_eq!((output.status, done.removed), (SyncStatus::Done, 1), "{output:?}");
        assert_eq!((planned.quick_connects, done.quick_connects_deleted), (2, 2), "{output:?}");
        let calls = quick.fixture.calls();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        assert_eq!(
            (count("SearchQuickConnects"), count("DescribeQuickConnect"), count("DeleteQuickConnect")),
            (1, 2, 2)
        );
        let last = |name: &str| calls.iter().rposition(|call| call == name).unwrap();
        assert!(last("DeleteAllEntitySessions") < last("DeleteQuickConnect"), "access ends first: {calls:?}");
        assert!(last("DeleteQuickConnect") < last("DeleteUser"), "{calls:?}");
        assert_eq!(quick.all().await, expected(&[("sales", username(1)), ("taxi", String::new())]));
        quick.is_deleted(&quick.fixture.usernames().await);
    }
}

#[tokio::test]
async fn a_sync_that_deletes_no_user_reads_no_quick_connects() {
    let quick = QuickConnects::start(false).await;
    quick.fixture.cloud.add_member(GROUP_NAME, member(20)).unwrap();
    quick.fixture.sync().await.unwrap();
    quick.fixture.set_users("removed", json!({ "action": "delete", "graceDays": 7 }));
    quick.leave(0);
    let output = quick.fixture.sync().await.unwrap();
    assert_eq!(output.counts.done.deletions_scheduled, 1, "{output:?}");
    let calls = quick.fixture.calls();
    assert!(!calls.iter().any(|call| call.contains("QuickConnect")), "{calls:?}");
    assert_eq!(quick.all().await.len(), 4);
}

#[tokio::test]
async fn a_plan_counts_the_quick_connects_and_changes_none() {
    let quick = QuickConnects::with_leaver().await;
    let input = SyncUsersInput { mode: SyncMode::Plan, ..quick.fixture.input() };
    let output = quick.fixture.round(input, Duration::from_secs(300)).await.unwrap();
    assert_eq!((output.status, output.counts.planned.quick_connects), (SyncStatus::Planned, 2));
    assert_eq!(quick.fixture.writes(), [""; 0]);
}

#[tokio::test]
async fn the_quick_connects_are_transferred_to_the_user_that_the_input_names() {
    for deletion_is_blocked in [false, true] {
        let quick = QuickConnects::start(deletion_is_blocked).await;
        quick.set(json!({ "transferTo": username(5) }));
        quick.leave(0);
        let output = quick.fixture.sync().await.unwrap();
        let done = output.counts.done;
        assert_eq!(
            (done.removed, done.quick_connects_transferred, done.quick_connects_deleted),
            (1, 2, 0),
            "{output:?}"
        );
        let rows =
            [("front desk", username(5)), ("night desk", username(5)), ("sales", username(1)), ("taxi", String::new())];
        assert_eq!(quick.all().await, expected(&rows));
        quick.is_deleted(&quick.fixture.usernames().await);
    }
}

#[tokio::test]
async fn a_missing_user_for_the_quick_connects_is_a_finding_and_does_not_stop_the_deletion() {
    let quick = QuickConnects::with_leaver().await;
    quick.set(json!({ "transferTo": "absent@example.com" }));
    let output = quick.fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.removed), (SyncStatus::Done, 1), "{output:?}");
    for text in ["\"front desk\", \"night desk\" of", "users.removed.quickConnects names absent@example.com"] {
        assert!(output.findings.iter().any(|finding| finding.contains(text)), "{text}: {:?}", output.findings);
    }
    assert_eq!(quick.all().await.len(), 4);
}

#[tokio::test]
async fn the_quick_connects_of_a_renamed_member_move_to_the_new_user() {
    let quick = QuickConnects::with_leaver().await;
    let mut renamed = member(0);
    renamed.insert("userPrincipalName".into(), json!("married@contoso.onmicrosoft.com"));
    quick.fixture.cloud.add_member(GROUP_NAME, renamed).unwrap();
    let output = quick.fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((done.created, done.removed, done.quick_connects_transferred), (1, 1, 2), "{output:?}");
    let quick_connects = quick.all().await;
    assert_eq!(quick_connects["front desk"], "married@contoso.onmicrosoft.com");
    assert_eq!(quick_connects["night desk"], "married@contoso.onmicrosoft.com");
}

#[tokio::test]
async fn a_missing_permission_for_quick_connects_is_one_finding_and_users_are_still_deleted() {
    for (operation, code) in [
        ("SearchQuickConnects", "AccessDeniedException"),
        ("DeleteQuickConnect", "AccessDeniedException"),
        ("DescribeQuickConnect", "UnknownOperationException"),
    ] {
        let quick = QuickConnects::with_leaver().await;
        quick.fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
        quick.leave(1);
        let status = if code.starts_with("Access") { 403 } else { 404 };
        quick.fixture.fault(json!({ "match": format!("^{operation}$"), "times": 0, "status": status, "code": code }));
        let output = quick.fixture.sync().await.unwrap();
        assert_eq!((output.status, output.counts.done.removed), (SyncStatus::Done, 2), "{operation}: {output:?}");
        assert!(output.failures.is_empty(), "{operation}: {output:?}");
        let of_quick_connects = output.findings.iter().filter(|finding| finding.contains("quick connects"));
        assert_eq!(of_quick_connects.count(), 1, "{operation}: {:?}", output.findings);
        assert_eq!(output.counts.done.quick_connects_deleted, 0);
        assert_eq!(quick.fixture.writes().iter().filter(|call| *call == "DeleteUser").count(), 2);
    }
}

#[tokio::test]
async fn lost_responses_and_temporary_errors_change_each_quick_connect_exactly_once() {
    let faults = [
        json!({ "break": true, "times": 2 }),
        json!({ "status": 503, "times": 3 }),
        json!({ "status": 429, "times": 3 }),
        json!({ "status": 400, "code": "InvalidRequestException", "times": 3 }),
    ];
    for setting in [json!("delete"), json!({ "transferTo": username(5) })] {
        for fault in &faults {
            for operation in ["DescribeQuickConnect", "DeleteQuickConnect|UpdateQuickConnectConfig"] {
                let quick = QuickConnects::with_leaver().await;
                quick.set(setting.clone());
                let mut fault = fault.clone();
                fault["match"] = json!(format!("^({operation})$"));
                quick.fixture.fault(fault.clone());
                let output = quick.fixture.sync().await.unwrap();
                let done = output.counts.done;
                let changed = done.quick_connects_deleted + done.quick_connects_transferred;
                assert_eq!((output.status, done.removed, changed), (SyncStatus::Done, 1, 2), "{fault}: {output:?}");
                let left = if setting == "delete" { 2 } else { 4 };
                assert_eq!(quick.all().await.len(), left, "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn a_quick_connect_that_can_never_be_changed_is_named_and_the_others_are_changed() {
    let quick = QuickConnects::with_leaver().await;
    let fault =
        json!({ "match": "^DeleteQuickConnect$", "times": 6, "status": 400, "code": "InvalidRequestException" });
    quick.fixture.fault(fault);
    let output = quick.fixture.sync().await.unwrap();
    let done = output.counts.done;
    assert_eq!((done.removed, done.quick_connects_deleted), (1, 1), "{output:?}");
    assert!(output.findings[0].contains("the quick connects \"front desk\" of deleted users are kept"), "{output:?}");
    assert_eq!(quick.all().await["front desk"], "deleted");
}

#[tokio::test]
async fn while_connect_is_unavailable_no_user_is_deleted_without_its_quick_connects() {
    let quick = QuickConnects::with_leaver().await;
    quick.fixture.fault(json!({ "match": "^SearchQuickConnects$", "times": 40, "status": 503 }));
    let error = quick.fixture.sync().await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
    assert_eq!(quick.fixture.writes(), [""; 0]);
    while quick.fixture.sync().await.is_err() {}
    assert_eq!(quick.all().await.len(), 2);

    // The deletion fails after the quick connects were deleted. The next sync deletes the user.
    let quick = QuickConnects::with_leaver().await;
    quick.fixture.fault(json!({ "match": "^DeleteUser$", "times": 6, "status": 503 }));
    let output = quick.fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.removed, output.counts.done.quick_connects_deleted), (0, 2), "{output:?}");
    assert_eq!(quick.fixture.sync().await.unwrap().counts.done.removed, 1);
}

#[tokio::test]
async fn without_permission_to_delete_users_no_further_quick_connect_is_changed() {
    let quick = QuickConnects::start(false).await;
    quick.fixture.set_users("brake", json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 }));
    quick.leave(2);
    quick.leave(0);
    // The gate holds the deletion of the quick connect until the deletion of the other user has been denied.
    let gate = json!({ "match": "^DeleteQuickConnect$", "times": 0, "gate": "quick connects" });
    quick.fixture.fault(gate);
    quick.fixture.fault(json!({ "match": "^DeleteUser$", "times": 0, "status": 403, "code": "AccessDeniedException" }));
    let (synced, ()) = tokio::join!(quick.fixture.sync(), async {
        until_held(&quick.fixture, "quick connects").await;
        while !quick.fixture.cloud.calls().iter().any(|call| call.operation == "DeleteUser") {
            tokio::task::yield_now().await;
        }
        open(&quick.fixture, "quick connects").await;
    });
    assert_eq!(synced.unwrap_err().kind, StepErrorKind::AccessDenied);
    let deletions = quick.fixture.writes().iter().filter(|call| *call == "DeleteQuickConnect").count();
    assert_eq!(deletions, 1, "the second quick connect of the user is not deleted");
}

#[tokio::test]
async fn a_quick_connect_that_an_administrator_reassigns_during_the_sync_stays() {
    let quick = QuickConnects::with_leaver().await;
    let other = quick.user_id(7).await;
    let found = quick.fixture.ctx.connect().search_quick_connects().instance_id(&quick.fixture.instance_id);
    let found = found.send().await.unwrap().quick_connects.unwrap();
    let id = found.iter().find(|one| one.name() == Some("front desk")).unwrap().quick_connect_id().unwrap();
    quick.fixture.fault(json!({ "match": "^DeleteAllEntitySessions$", "times": 1, "gate": "sign-out" }));
    let (output, ()) = tokio::join!(quick.fixture.sync(), async {
        until_held(&quick.fixture, "sign-out").await;
        let update = quick.fixture.ctx.connect().update_quick_connect_config();
        let update = update.instance_id(&quick.fixture.instance_id).quick_connect_id(id);
        update.quick_connect_config(quick.config(&other)).send().await.unwrap();
        open(&quick.fixture, "sign-out").await;
    });
    let output = output.unwrap();
    assert_eq!((output.counts.done.removed, output.counts.done.quick_connects_deleted), (1, 1), "{output:?}");
    assert_eq!(quick.all().await["front desk"], username(7));
}

/// Waits until a call is held at the gate.
async fn until_held(fixture: &Fixture, gate: &str) {
    let url = format!("{}/_admin/gates", fixture.cloud.aws_url());
    loop {
        let waiting: Value = http().get(&url).send().await.unwrap().json().await.unwrap();
        if waiting[gate].as_u64() > Some(0) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn open(fixture: &Fixture, gate: &str) {
    let url = format!("{}/_admin/gates", fixture.cloud.aws_url());
    let opened = http().post(url).json(&json!({ "open": gate })).send().await.unwrap();
    assert!(opened.status().is_success());
}
