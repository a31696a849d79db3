//! Tests of the proficiencies that users get from their groups.

use aws_sdk_connect::types::{
    InputPredefinedAttributeConfiguration, PredefinedAttribute, PredefinedAttributeValues, UserProficiency,
};
use onboarding_core::{StepErrorKind, sync::SyncStatus};
use serde_json::{Value, json};

use super::fixture::{Fixture, GROUP_NAME, member, member_id};

fn language(value: &str, level: u8) -> Value {
    json!({ "attribute": "Language", "value": value, "level": level })
}

/// Starts with synced users who get these proficiencies from their group.
async fn synced(members: usize, proficiencies: &[Value]) -> Fixture {
    let fixture = Fixture::with_members(members).await;
    fixture.set_users("/groups/0/proficiencies", json!(proficiencies));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.failed), (SyncStatus::Done, 0), "{output:?}");
    fixture
}

/// The proficiencies of the user with this number, as `value level`, in alphabetical order.
async fn proficiencies(fixture: &Fixture, number: usize) -> Vec<String> {
    let user = fixture.users().await.remove(number);
    let list = fixture.ctx.connect().list_user_proficiencies().instance_id(&fixture.instance_id);
    let list = list.user_id(user.id.unwrap()).send().await.unwrap();
    let mut found: Vec<String> =
        list.user_proficiency_list().iter().map(|one| format!("{} {}", one.attribute_value, one.level)).collect();
    found.sort();
    fixture.calls();
    found
}

/// The value of the tag `proficiencies` of the first user.
async fn tag(fixture: &Fixture) -> Option<String> {
    fixture.users().await.remove(0).tags.and_then(|mut tags| tags.remove("proficiencies"))
}

async fn attribute(fixture: &Fixture) -> PredefinedAttribute {
    let describe = fixture.ctx.connect().describe_predefined_attribute().instance_id(&fixture.instance_id);
    describe.name("Language").send().await.unwrap().predefined_attribute.unwrap()
}

/// The values of the attribute, in the order in which Connect returns them.
fn values(attribute: &PredefinedAttribute) -> Vec<String> {
    attribute.values().unwrap().as_string_list().unwrap().clone()
}

/// Assigns a proficiency to the first user, as a supervisor does.
async fn assign_by_hand(fixture: &Fixture, value: &str, level: f32) {
    let one = UserProficiency::builder().attribute_name("Language").attribute_value(value).level(level);
    let user = fixture.users().await.remove(0).id.unwrap();
    let call = fixture.ctx.connect().associate_user_proficiencies().instance_id(&fixture.instance_id).user_id(user);
    call.user_proficiencies(one.build().unwrap()).send().await.unwrap();
    fixture.calls();
}

#[tokio::test]
async fn new_users_get_the_proficiencies_and_the_next_sync_reads_no_user() {
    let fixture = synced(2, &[language("Japanese", 5), language("English", 2)]).await;
    let mut writes = fixture.writes();
    writes.sort();
    assert_eq!(
        writes,
        [
            "AssociateUserProficiencies",
            "AssociateUserProficiencies",
            "CreatePredefinedAttribute",
            "CreateUser",
            "CreateUser",
            "TagResource",
            "TagResource",
        ]
    );
    assert_eq!(proficiencies(&fixture, 0).await, ["English 2", "Japanese 5"]);
    assert_eq!(values(&attribute(&fixture).await), ["English", "Japanese"]);
    fixture.calls();
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 0);
    let calls = fixture.calls();
    for operation in ["ListUserProficiencies", "DescribePredefinedAttribute", "TagResource"] {
        assert!(!calls.iter().any(|call| call == operation), "{operation}: {calls:?}");
    }
}

#[tokio::test]
async fn a_changed_input_changes_exactly_the_proficiencies_that_the_group_gave() {
    let fixture = synced(1, &[language("Japanese", 5), language("English", 2)]).await;
    let update = fixture.ctx.connect().update_predefined_attribute().instance_id(&fixture.instance_id).name("Language");
    let list = ["Japanese", "English", "French"].map(ToOwned::to_owned).to_vec();
    let validated = InputPredefinedAttributeConfiguration::builder().enable_value_validation_on_association(true);
    let update = update.values(PredefinedAttributeValues::StringList(list)).purposes("routing");
    update.attribute_configuration(validated.build()).send().await.unwrap();
    assign_by_hand(&fixture, "French", 4.0).await;

    fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 3), language("Chinese", 1)]));
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 1);
    assert_eq!(
        fixture.writes(),
        [
            "UpdatePredefinedAttribute",
            "TagResource",
            "DisassociateUserProficiencies",
            "TagResource",
            "AssociateUserProficiencies",
            "UpdateUserProficiencies",
            "TagResource",
        ]
    );
    assert_eq!(proficiencies(&fixture, 0).await, ["Chinese 1", "French 4", "Japanese 3"]);
    let attribute = attribute(&fixture).await;
    assert_eq!(values(&attribute), ["Japanese", "English", "French", "Chinese"]);
    assert_eq!(attribute.purposes(), ["routing"]);
    assert!(attribute.attribute_configuration().unwrap().enable_value_validation_on_association());

    fixture.set_users("/groups/0/proficiencies", json!([]));
    fixture.sync().await.unwrap();
    assert_eq!(proficiencies(&fixture, 0).await, ["French 4"]);
    assert_eq!(tag(&fixture).await, None);
}

#[tokio::test]
async fn an_attribute_whose_response_was_lost_is_not_reported_as_a_conflict() {
    let fixture = Fixture::with_members(1).await;
    fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 5)]));
    fixture.fault(json!({ "match": "^CreatePredefinedAttribute$", "break": true, "times": 1 }));
    assert_eq!(fixture.sync().await.unwrap_err().kind, StepErrorKind::Unavailable);
    // The state machine retries the step.
    fixture.sync().await.unwrap();
    assert_eq!(proficiencies(&fixture, 0).await, ["Japanese 5"]);
}

#[tokio::test]
async fn a_lost_response_is_followed_by_a_read_and_not_by_the_same_request() {
    for operation in ["AssociateUserProficiencies", "UpdateUserProficiencies", "DisassociateUserProficiencies"] {
        let fixture = synced(1, &[language("Japanese", 5), language("English", 2)]).await;
        fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 3), language("Chinese", 1)]));
        fixture.fault(json!({ "match": format!("^{operation}$"), "break": true, "times": 1 }));
        fixture.calls();
        let output = fixture.sync().await.unwrap();
        assert_eq!((output.counts.done.updated, output.counts.done.failed), (1, 0), "{operation}: {output:?}");
        let calls = fixture.calls();
        let of = |name: &str| calls.iter().filter(|call| *call == name).count();
        assert_eq!((of(operation), of("ListUserProficiencies")), (1, 2), "{operation}: {calls:?}");
        assert_eq!(proficiencies(&fixture, 0).await, ["Chinese 1", "Japanese 3"], "{operation}");
    }
}

#[tokio::test]
async fn a_user_whose_change_was_interrupted_is_completed_by_the_next_sync() {
    let fixture = Fixture::with_members(1).await;
    fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 5)]));
    fixture.fault(json!({ "match": "^AssociateUserProficiencies$", "status": 503, "times": 6 }));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.created, output.counts.done.failed), (1, 1), "{output:?}");
    assert!(tag(&fixture).await.unwrap().starts_with("pending:"));
    // Before the next sync, the input assigns another proficiency to the group.
    fixture.set_users("/groups/0/proficiencies", json!([language("English", 1)]));
    fixture.sync().await.unwrap();
    assert_eq!(proficiencies(&fixture, 0).await, ["English 1"]);
    assert!(!tag(&fixture).await.unwrap().starts_with("pending:"));
}

#[tokio::test]
async fn without_its_tag_a_user_is_compared_again_and_a_manual_change_is_reverted() {
    let fixture = synced(2, &[language("Japanese", 5)]).await;
    let user = fixture.users().await.remove(0);
    let one = UserProficiency::builder().attribute_name("Language").attribute_value("Japanese").level(1.0);
    let update = fixture.ctx.connect().update_user_proficiencies().instance_id(&fixture.instance_id);
    update.user_id(user.id.unwrap()).user_proficiencies(one.build().unwrap()).send().await.unwrap();
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 0, "no sync reads the user");
    fixture
        .ctx
        .connect()
        .untag_resource()
        .resource_arn(user.arn.unwrap())
        .tag_keys("proficiencies")
        .send()
        .await
        .unwrap();
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 1);
    assert_eq!(proficiencies(&fixture, 0).await, ["Japanese 5"]);
}

#[tokio::test]
async fn an_attribute_that_differs_only_in_case_is_a_finding_and_stops_nothing_else() {
    let fixture = Fixture::with_members(2).await;
    let create = fixture.ctx.connect().create_predefined_attribute().instance_id(&fixture.instance_id).name("language");
    create.values(PredefinedAttributeValues::StringList(vec!["japanese".into()])).send().await.unwrap();
    fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 5)]));
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 2), "{output:?}");
    assert!(output.findings[0].contains("the proficiencies of 2 users were not changed"), "{:?}", output.findings);
    assert!(output.findings[0].contains("only in case"), "{:?}", output.findings);
    assert_eq!(tag(&fixture).await, None);

    let value = json!({ "attribute": "language", "value": "Japanese", "level": 5 });
    fixture.set_users("/groups/0/proficiencies", json!([value]));
    let output = fixture.sync().await.unwrap();
    assert!(output.findings[0].contains("has the value \"japanese\""), "{:?}", output.findings);

    let value = json!({ "attribute": "language", "value": "japanese", "level": 5 });
    fixture.set_users("/groups/0/proficiencies", json!([value]));
    assert_eq!(fixture.sync().await.unwrap().counts.done.updated, 2);
    assert_eq!(proficiencies(&fixture, 1).await, ["japanese 5"]);
}

#[tokio::test]
async fn an_attribute_of_aws_is_used_if_it_has_the_value_and_is_a_finding_otherwise() {
    let of_aws = |attribute: &str, value: &str| json!([{ "attribute": attribute, "value": value, "level": 5 }]);
    let fixture = Fixture::with_members(1).await;
    for (attribute, value, finding) in [
        ("connect:Unknown", "a", "only AWS can create attributes with this prefix"),
        ("connect:Subtype", "connect:Fax", "is read-only and does not have the value"),
    ] {
        fixture.set_users("/groups/0/proficiencies", of_aws(attribute, value));
        let output = fixture.sync().await.unwrap();
        assert!(output.findings[0].contains(finding), "{:?}", output.findings);
    }
    fixture.set_users("/groups/0/proficiencies", of_aws("connect:Subtype", "connect:Chat"));
    fixture.sync().await.unwrap();
    assert_eq!(proficiencies(&fixture, 0).await, ["connect:Chat 5"]);
}

#[tokio::test]
async fn more_proficiencies_than_the_quota_fail_the_user_until_the_quota_is_raised() {
    let fixture = Fixture::with_members(1).await;
    let many: Vec<Value> = (0..11).map(|index| language(&format!("Language {index}"), 1)).collect();
    fixture.set_users("/groups/0/proficiencies", json!(many));
    let output = fixture.sync().await.unwrap();
    assert_eq!(output.counts.done.created, 1);
    assert!(output.failures[0].reason.contains("at most 10 proficiencies"), "{:?}", output.failures);
    fixture.cloud.set_quota("L-50375162", None, 11.0);
    assert_eq!(fixture.sync().await.unwrap().counts.done.failed, 0);
    assert_eq!(proficiencies(&fixture, 0).await.len(), 11);
}

#[tokio::test]
async fn without_permission_for_proficiencies_all_other_changes_are_applied_before_the_error() {
    for operation in ["CreatePredefinedAttribute", "AssociateUserProficiencies"] {
        let fixture = Fixture::with_members(12).await;
        fixture.sync().await.unwrap();
        fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
        fixture.cloud.add_member(GROUP_NAME, member(20)).unwrap();
        fixture.set_users("/groups/0/proficiencies", json!([language("Japanese", 5)]));
        let fault =
            json!({ "match": format!("^{operation}$"), "times": 0, "status": 403, "code": "AccessDeniedException" });
        fixture.fault(fault);
        let error = fixture.sync().await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::AccessDenied, "{operation}: {error}");
        let usernames = fixture.usernames().await;
        assert_eq!(usernames.len(), 12, "{operation}: {usernames:?}");
        assert_eq!(proficiencies(&fixture, 0).await, [""; 0]);
    }
}
