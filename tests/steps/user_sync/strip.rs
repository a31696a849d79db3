//! Tests that users who left are kept without rights (`strip`).

use onboarding_core::{names::NO_ACCESS_PROFILE, sync::SyncStatus};
use serde_json::json;

use super::fixture::{Fixture, GROUP_NAME, member, member_id};

/// Starts with twelve synced users and the removal action `strip`. Then removes the first member from the group.
async fn leaver() -> Fixture {
    let fixture = Fixture::with_members(12).await;
    fixture.set_users("removed", json!({ "action": "strip" }));
    fixture.sync().await.unwrap();
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    fixture.calls();
    fixture
}

/// The names of the security profiles of the first user.
async fn profiles(fixture: &Fixture) -> Vec<String> {
    let all = fixture.ctx.connect().list_security_profiles().instance_id(&fixture.instance_id).send().await.unwrap();
    let user = fixture.users().await.remove(0);
    let of = all
        .security_profile_summary_list()
        .iter()
        .filter(|one| user.security_profile_ids().contains(&one.id().unwrap().to_owned()));
    of.map(|one| one.name().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_leaver_keeps_the_user_without_rights_and_a_return_restores_them() {
    let fixture = leaver().await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.stripped), (SyncStatus::Done, 1), "{output:?}");
    let writes = fixture.writes();
    assert_eq!(writes, ["CreateSecurityProfile", "DeleteAllEntitySessions", "UpdateUserSecurityProfiles"]);
    assert_eq!(profiles(&fixture).await, [NO_ACCESS_PROFILE]);
    fixture.sync().await.unwrap();
    assert_eq!(fixture.writes(), [""; 0], "a second run changes nothing");

    fixture.cloud.add_member(GROUP_NAME, member(0)).unwrap();
    fixture.sync().await.unwrap();
    assert_eq!(profiles(&fixture).await, ["Agent"]);

    // The security profile already exists when the next member leaves.
    fixture.cloud.remove_member(GROUP_NAME, &member_id(0)).unwrap();
    fixture.calls();
    fixture.sync().await.unwrap();
    assert_eq!(fixture.writes(), ["DeleteAllEntitySessions", "UpdateUserSecurityProfiles"]);
}

#[tokio::test]
async fn permissions_that_were_added_to_the_profile_are_removed_before_a_user_gets_it() {
    let fixture = leaver().await;
    fixture.sync().await.unwrap();
    let (connect, instance) = (fixture.ctx.connect(), fixture.instance_id.as_str());
    let all = connect.list_security_profiles().instance_id(instance).send().await.unwrap();
    let ours = all.security_profile_summary_list().iter().find(|one| one.name() == Some(NO_ACCESS_PROFILE)).unwrap();
    let id = ours.id().unwrap();
    connect
        .update_security_profile()
        .instance_id(instance)
        .security_profile_id(id)
        .permissions("Users.Edit")
        .send()
        .await
        .unwrap();
    fixture.cloud.remove_member(GROUP_NAME, &member_id(1)).unwrap();
    assert_eq!(fixture.sync().await.unwrap().counts.done.stripped, 1);
    let left = connect.list_security_profile_permissions().instance_id(instance).security_profile_id(id).send().await;
    assert!(left.unwrap().permissions().is_empty());
}

#[tokio::test]
async fn a_profile_of_another_owner_is_a_finding_and_stops_nothing() {
    let fixture = leaver().await;
    let made = fixture.ctx.connect().create_security_profile().instance_id(&fixture.instance_id);
    made.security_profile_name(NO_ACCESS_PROFILE).permissions("Users.Edit").send().await.unwrap();
    fixture.cloud.add_member(GROUP_NAME, member(20)).unwrap();
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.counts.done.stripped, output.counts.done.created), (0, 1), "{output:?}");
    assert!(output.findings[0].contains("was not created by this onboarding"), "{:?}", output.findings);
    assert_eq!(profiles(&fixture).await, ["Agent"]);
}
