#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
//! Tests of the planner, with one test for each situation.

use insta::assert_snapshot;

use super::testkit::*;
use super::*;
use crate::onboarding::{NestedGroups, Phone, Proficiency, UsernameAttribute};

fn reason(plan: &Plan) -> String {
    assert_eq!(plan.skipped.len(), 1, "{plan}");
    plan.skipped[0].to_string()
}

#[test]
fn new_members_become_users_with_names_and_profiles() {
    let plan = run(&[group("Support", vec![member("hanako"), member("taro")])], &[]);
    assert_snapshot!(plan, @r#"
        Plan 1891bb16ad8bd507005ac322d2cc0ff4d8ee8d62bc7c3197a1e2c2ee60589d16: create 2, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          + create hanako@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
          + create taro@example.com (taro Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
        "#);
}

#[test]
fn a_synchronized_instance_has_an_empty_plan() {
    let plan = run(&[group("Support", vec![member("hanako"), member("taro")])], &[user("taro"), user("hanako")]);
    assert!(plan.is_empty());
    assert_eq!(plan.counts().unchanged, 2);
    assert_snapshot!(plan, @r#"
        Nothing to do: 2 users are in sync.
        "#);
}

#[test]
fn each_kind_of_difference_becomes_one_change_with_its_operation() {
    let mut support = group("Support", vec![member("hanako")]);
    support.settings.security_profiles = vec!["Agent".into(), "QualityAnalyst".into()];
    support.settings.routing_profile = "Night".into();
    support.settings.hierarchy_group = Some("Japan / Tokyo".into());
    support.settings.phone = Phone { auto_accept: true, after_contact_work_seconds: 30 };
    support.members[0].surname = Some("Yamada".into());
    let plan = run(&[support], &[user("hanako")]);
    assert_eq!(plan.update.len(), 1);
    assert_eq!(plan.update[0].changes.len(), 5);
    assert_snapshot!(plan, @r#"
        Plan 9930b47ff58bb8a16b8f65c89e6bccae57b9f50ebfcc38ce823db38483b7dfd8: create 0, adopt 0, update 1, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          ~ update hanako@example.com: name hanako Yamada, security profile Agent (from "Support"), security profile QualityAnalyst (from "Support"), routing profile Night (from "Support"), hierarchy group Japan / Tokyo (from "Support"), VOICE auto-accept true (from "Support"), VOICE seconds of after-contact work 30 (from "Support")
        "#);
}

fn with_proficiencies(mut group: GroupRead, given: &[(&str, u8)]) -> GroupRead {
    let one = |(value, level): &(&str, u8)| Proficiency {
        attribute: "Language".into(),
        value: (*value).into(),
        level: *level,
    };
    group.settings.proficiencies = given.iter().map(one).collect();
    group
}

#[test]
fn a_user_in_several_groups_gets_all_proficiencies_and_the_plan_names_the_groups() {
    let both = || vec![member("hanako")];
    let support = with_proficiencies(group("Support", both()), &[("Japanese", 3), ("English", 2)]);
    let experts = with_proficiencies(group("Experts", both()), &[("Japanese", 5)]);
    let plan = run(&[support.clone(), experts.clone()], &[user("hanako")]);
    let text =
        "proficiency Language: English 2 (from \"Support\"), proficiency Language: Japanese 5 (from \"Experts\")";
    assert!(plan.to_string().contains(&format!("~ update hanako@example.com: {text}\n")), "{plan}");
    let created = run(&[support.clone(), experts], &[]);
    assert!(created.to_string().contains(&format!("work 0 (from \"Support\"), {text}\n")), "{created}");
    let attributes = plan.predefined_attributes();
    assert_eq!(attributes["Language"].iter().copied().collect::<Vec<_>>(), ["English", "Japanese"]);

    // If the second group no longer defines a level, the level of the first group is used.
    let after = apply(&plan, &[user("hanako")]);
    assert!(
        run(&[support.clone(), with_proficiencies(group("Experts", both()), &[("Japanese", 5)])], &after).is_empty()
    );
    let left = run(&[support], &after);
    assert!(left.to_string().contains("Language: Japanese 3 (from \"Support\")"), "{left}");
}

#[test]
fn too_many_proficiencies_are_a_finding_and_leave_those_of_the_user_unchanged() {
    let many: Vec<String> = (0..25).map(|index| index.to_string()).collect();
    let given: Vec<(&str, u8)> = many.iter().map(|value| (value.as_str(), 1)).collect();
    let support = with_proficiencies(group("Support", vec![member("hanako")]), &given[..13]);
    let experts = with_proficiencies(group("Experts", vec![member("hanako")]), &given[13..]);
    let recorded = ConnectUser { proficiencies: Some("aaaaaaaa1".into()), ..user("hanako") };
    let plan = run(&[support, experts], &[recorded]);
    assert!(plan.is_empty(), "{plan}");
    assert!(
        plan.to_string().contains("the groups Support + Experts together have more than 24 proficiencies"),
        "{plan}"
    );
}

#[test]
fn a_user_who_needs_an_unusable_attribute_keeps_all_other_changes() {
    let mut support = with_proficiencies(group("Support", vec![member("hanako"), member("taro")]), &[("Japanese", 3)]);
    support.settings.routing_profile = "Night".into();
    let plan = run(&[support], &[user("hanako")]);
    let (without, users) = plan.clone().without_attributes(&["Language".to_owned()].into());
    assert_eq!((without.update[0].changes.as_slice(), users), (&[Change::RoutingProfile("id:Night".into())][..], 2));
    assert_eq!(without.create[0].assignment.proficiencies, None);
    assert_eq!(plan.clone().without_attributes(&["Product".to_owned()].into()), (plan, 0));
}

#[test]
fn a_hierarchy_group_that_the_input_does_not_name_is_kept() {
    let by_hand = ConnectUser { hierarchy_group_id: Some("id:made by hand".into()), ..user("hanako") };
    assert!(run(&[group("Support", vec![member("hanako")])], &[by_hand]).is_empty());
}

#[test]
fn the_order_of_security_profiles_is_no_difference() {
    let mut support = group("Support", vec![member("hanako")]);
    support.settings.security_profiles = vec!["QualityAnalyst".into(), "Agent".into()];
    let user =
        ConnectUser { security_profile_ids: vec!["id:QualityAnalyst".into(), "id:Agent".into()], ..user("hanako") };
    assert!(run(&[support], &[user]).is_empty());
}

#[test]
fn a_member_of_several_groups_gets_all_security_profiles_and_otherwise_the_first_groups_settings() {
    let mut supervisors = group("Supervisors", vec![member("hanako")]);
    supervisors.settings.security_profiles = vec!["CallCenterManager".into()];
    supervisors.settings.routing_profile = "Night".into();
    let plan = run(&[supervisors, group("Support", vec![member("hanako")])], &[]);
    assert_snapshot!(plan, @r#"
        Plan 22d027fefd16647729bec2a2a5ca45772d032dda217e29500820976555e5518b: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          + create hanako@example.com (hanako Sato): security profile Agent (from "Support"), security profile CallCenterManager (from "Supervisors"), routing profile Night (from "Supervisors"), VOICE auto-accept false (from "Supervisors"), VOICE seconds of after-contact work 0 (from "Supervisors")
        "#);
}

#[test]
fn an_unmanaged_user_with_exactly_this_name_is_adopted_and_updated() {
    let by_hand = ConnectUser { routing_profile_id: "id:Night".into(), ..unmanaged("hanako") };
    let plan = run(&[group("Support", vec![member("hanako")])], &[by_hand]);
    assert_snapshot!(plan, @r#"
        Plan a30d5cd9ccd5942e67ed13609fda0084890b5050c46dbd253bfae58a52caa8d1: create 0, adopt 1, update 1, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          = adopt hanako@example.com (object id id-hanako)
          ~ update hanako@example.com: routing profile Basic Routing Profile (from "Support")
        "#);
}

#[test]
fn unmanaged_users_and_users_of_another_onboarding_are_never_changed() {
    let other = ConnectUser { ownership: Ownership::OtherOnboarding("acme-other".into()), ..user("taro") };
    let plan = run(&[group("Support", vec![member("taro")])], &[unmanaged("admin"), other]);
    assert!(plan.is_empty());
    assert_snapshot!(plan, @r#"
        Nothing to do: 0 users are in sync.
        Skipped (1):
          - taro@example.com: the Connect user belongs to the onboarding "acme-other"
        "#);
}

#[test]
fn a_username_that_differs_only_in_case_is_reported_and_does_not_match() {
    let by_hand = ConnectUser { username: "Hanako@example.com".into(), ..unmanaged("hanako") };
    let plan = run(&[group("Support", vec![member("hanako")])], &[by_hand]);
    assert_snapshot!(plan, @r#"
        Plan 56682b8d1ee27d6f926e7a6719a1ff270dd6bfc528c1a8e140685f481aa9c804: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          + create hanako@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
        Findings (1):
          * hanako@example.com and Hanako@example.com differ only in case; Entra ID emits hanako@example.com, so only hanako@example.com can sign in
        "#);
}

#[test]
fn a_rename_creates_a_new_user_and_applies_the_removal_policy_to_the_old_one() {
    let mut renamed = member("hanako");
    renamed.user_principal_name = Some("hanako.yamada@example.com".into());
    let groups = [group("Support", vec![renamed])];
    assert_snapshot!(run(&groups, &[user("hanako")]), @r#"
        Plan 135fcefb977e79a71f0b5da1fe9cc60e0daa51e0c158999bb1e6a86e8bbb9124: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 1, strip 0, sign out 0; 0 unchanged.
          + create hanako.yamada@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
          - delete hanako@example.com once hanako.yamada@example.com exists
        Findings (1):
          * hanako@example.com is now hanako.yamada@example.com; Amazon Connect can't rename users, so hanako.yamada@example.com is created and the removal policy applies to hanako@example.com
        "#);
    assert_snapshot!(run_with(&removing(7), &groups, &[user("hanako")]), @r#"
        Plan d9bd2410b21a0b6db2cd88aa97f5a3285b61b8ef82103fbd0dadba46046e2c21: create 1, adopt 0, update 0, schedule deletion 1, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          + create hanako.yamada@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
          - schedule the deletion of hanako@example.com on 2026-11-29
        Findings (1):
          * hanako@example.com is now hanako.yamada@example.com; Amazon Connect can't rename users, so hanako.yamada@example.com is created and the removal policy applies to hanako@example.com
        "#);
    assert_snapshot!(run_with(&Policy::default(), &groups, &[user("hanako")]), @r#"
        Plan d924f63c490322e00bdecc0399a3cc41f501dfeb1e8f51e09e700996079af16b: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 1; 0 unchanged.
          + create hanako.yamada@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
          - sign out hanako@example.com and keep the user
        Findings (2):
          * hanako@example.com is now hanako.yamada@example.com; Amazon Connect can't rename users, so hanako.yamada@example.com is created and the removal policy applies to hanako@example.com
          * hanako@example.com left the groups; the user is kept
        "#);
}

#[test]
fn two_members_who_swap_their_usernames_keep_both_users() {
    let (mut one, mut two) = (member("one"), member("two"));
    std::mem::swap(&mut one.user_principal_name, &mut two.user_principal_name);
    let plan = run(&[group("Support", vec![one, two])], &[user("one"), user("two")]);
    assert_eq!((plan.create.len(), plan.adopt.len(), plan.removals()), (0, 2, 0), "{plan}");
}

#[test]
fn a_recreated_account_with_the_old_name_takes_over_the_user() {
    let again = Member { id: "id-anew".into(), ..member("hanako") };
    let plan = run(&[group("Support", vec![again])], &[user("hanako")]);
    assert_snapshot!(plan, @r#"
        Plan 5dc6fff78694d3334eda5ba1ad44adf5805958802212905ae8bfbb283244ee77: create 0, adopt 1, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 0 unchanged.
          = adopt hanako@example.com (object id id-anew)
        Findings (1):
          * hanako@example.com is now another account (object id id-anew instead of id-hanako), which takes over the Connect user
        "#);
}

#[test]
fn members_with_illegal_usernames_are_skipped_with_the_reason_and_keep_their_users() {
    let long = "x".repeat(60);
    for (name, expected) in [
        (
            "o'neil@example.com",
            r#"o'neil@example.com: the username contains "'"; only letters A to Z, digits and . _ - @ are allowed"#,
        ),
        (
            "taro@example",
            "taro@example: the username has an @ but is not a complete email address such as user@example.com",
        ),
        (&format!("{long}@example.com"), "has 72 characters, but Amazon Connect and AWS STS accept at most 64"),
        ("x", "x: the username is shorter than 2 characters"),
    ] {
        let person = Member { user_principal_name: Some(name.into()), ..member("hanako") };
        let plan = run(&[group("Support", vec![person])], &[user("hanako")]);
        assert!(plan.is_empty(), "{plan}");
        assert!(reason(&plan).contains(expected), "{}", reason(&plan));
    }
}

#[test]
fn one_invalid_member_does_not_stop_the_others() {
    let mut members: Vec<Member> = (0..500).map(|index| member(&format!("agent{index}"))).collect();
    members[250].user_principal_name = Some("o'neil@example.com".into());
    let plan = run(&[group("Support", members)], &[]);
    assert_eq!((plan.create.len(), plan.skipped.len()), (499, 1));
}

#[test]
fn a_member_with_an_empty_username_attribute_is_skipped() {
    let policy = Policy { username: UsernameAttribute::Mail, ..policy() };
    let plan = run_with(&policy, &[group("Support", vec![member("hanako")])], &[]);
    assert_eq!(reason(&plan), "hanako@example.com: its mail is empty");
}

#[test]
fn guests_become_users_only_if_the_input_allows_it() {
    let guest = Member { guest: true, mail: Some("guest@partner.example.org".into()), ..member("guest") };
    let groups = [group("Support", vec![guest])];
    assert!(reason(&run(&groups, &[])).contains("the account is a guest"));
    let policy = Policy { guests: true, username: UsernameAttribute::Mail, ..policy() };
    assert_eq!(run_with(&policy, &groups, &[]).create[0].username, "guest@partner.example.org");
}

#[test]
fn the_object_id_as_username_survives_a_rename() {
    let policy = Policy { username: UsernameAttribute::ObjectId, ..policy() };
    let existing = ConnectUser { username: "id-hanako".into(), ..user("hanako") };
    let renamed = Member { user_principal_name: Some("someone.else@example.com".into()), ..member("hanako") };
    assert!(run_with(&policy, &[group("Support", vec![renamed])], &[existing]).is_empty());
}

#[test]
fn disabled_members_are_not_created_and_count_as_leavers() {
    let disabled = Member { account_enabled: Some(false), ..member("hanako") };
    let groups = [group("Support", vec![disabled, member("taro")])];
    assert!(run(&groups, &[user("taro")]).is_empty());
    let plan = run(&groups, &[user("hanako"), user("taro")]);
    assert_eq!(plan.removed_usernames().collect::<Vec<_>>(), ["hanako@example.com"]);
}

#[test]
fn members_whose_fields_are_all_null_are_unreadable_and_keep_their_users() {
    let null = Member { id: "id-hanako".into(), ..Member::default() };
    let plan = run(&[group("Support", vec![null])], &[user("hanako")]);
    assert!(plan.is_empty());
    assert!(reason(&plan).contains("User.Read.All"), "{plan}");
}

#[test]
fn a_username_claimed_by_two_members_goes_to_its_owner_or_to_neither() {
    let shared = |name: &str| Member { mail: Some("shared@example.com".into()), ..member(name) };
    let policy = Policy { username: UsernameAttribute::Mail, ..policy() };
    let groups = [group("Support", vec![shared("one"), shared("two")])];
    let plan = run_with(&policy, &groups, &[]);
    assert!(plan.is_empty());
    assert_eq!(plan.skipped.len(), 2);
    let owned = ConnectUser { username: "shared@example.com".into(), first_name: "two".into(), ..user("two") };
    let plan = run_with(&policy, &groups, &[owned]);
    assert!(plan.is_empty(), "{plan}");
    assert!(reason(&plan).contains("2 members have this username"));
    let foreign = ConnectUser { username: "shared@example.com".into(), ..user("three") };
    let plan = run_with(&policy, &groups, &[foreign]);
    assert!(plan.is_empty(), "a user with a disputed name stays unchanged: {plan}");
}

#[test]
fn more_than_ten_security_profiles_skip_the_member_and_keep_the_user() {
    let mut profiles = profiles();
    let names: Vec<String> = (0..11).map(|index| format!("Profile {index:02}")).collect();
    profiles.security.extend(names.iter().map(|name| (name.clone(), format!("id:{name}"))));
    let mut one = group("One", vec![member("hanako")]);
    one.settings.security_profiles = names[..6].to_vec();
    let mut two = group("Two", vec![member("hanako")]);
    two.settings.security_profiles = names[5..].to_vec();
    let plan = plan(&[one, two], &[user("hanako")], &profiles, &policy(), TODAY);
    assert!(plan.is_empty());
    assert!(reason(&plan).contains("have 11 security profiles in total, but the maximum is 10"));
}

#[test]
fn a_profile_that_the_instance_lacks_is_reported_once_and_skips_the_groups_members_only() {
    let mut night = group("Night shift", vec![member("taro"), member("jiro")]);
    night.settings.routing_profile = "Nightly".into();
    night.settings.security_profiles = vec!["Agents".into()];
    let plan = run(&[group("Support", vec![member("hanako")]), night], &[user("taro")]);
    assert_snapshot!(plan, @r#"
        Plan 56682b8d1ee27d6f926e7a6719a1ff270dd6bfc528c1a8e140685f481aa9c804: create 1, adopt 0, update 0, schedule deletion 0, cancel deletion 0, delete 0, strip 0, sign out 0; 1 unchanged.
          + create hanako@example.com (hanako Sato): security profile Agent (from "Support"), routing profile Basic Routing Profile (from "Support"), VOICE auto-accept false (from "Support"), VOICE seconds of after-contact work 0 (from "Support")
        Skipped (2):
          - jiro@example.com: its group names the security profile "Agents", which the instance does not have
          - taro@example.com: its group names the security profile "Agents", which the instance does not have
        Findings (2):
          * the group "Night shift" names the security profile "Agents", which the instance does not have
          * the group "Night shift" names the routing profile "Nightly", which the instance does not have
        "#);
}

#[test]
fn nested_groups_and_members_of_other_types_are_reported() {
    let mut support = group("Support", vec![member("hanako")]);
    support.nested_groups = vec![NestedGroup { id: "id-night".into(), display_name: Some("Night shift".into()) }];
    support.other_objects = [("agentUser".to_owned(), 1), ("device".to_owned(), 2)].into();
    assert_snapshot!(run(&[support.clone()], &[user("hanako")]), @r#"
        Nothing to do: 1 users are in sync.
        Findings (2):
          * the group "Night shift" inside "Support" is ignored: the assignment in Entra ID does not include members of nested groups
          * some members of "Support" are not users and get no Connect user: 1 of type agentUser, 2 of type device
        "#);
    let policy = Policy { nested_groups: NestedGroups::Flatten, ..policy() };
    assert!(!run_with(&policy, &[support], &[]).to_string().contains("Night shift"));
}

#[test]
fn step_contracts_are_camel_case_and_ignore_unknown_fields() {
    let input: SyncUsersInput = serde_json::from_str(r#"{"instanceId":"i","mode":"plan","new":1}"#).unwrap();
    assert_eq!((input.instance_id.as_str(), input.mode, input.carry), ("i", SyncMode::Plan, None));
    let output = SyncUsersOutput { status: SyncStatus::UnsafePlan, ..SyncUsersOutput::default() };
    let json = serde_json::to_value(&output).unwrap();
    assert_eq!(json["status"], "UNSAFE_PLAN");
    assert_eq!(json["counts"]["waitingForQuota"], 0);
    assert_eq!(json["counts"]["heldBack"], 0);
    assert_eq!(serde_json::from_value::<SyncUsersOutput>(json).unwrap(), output);
}

#[test]
fn a_hundred_thousand_users_are_planned_within_seconds() {
    let members: Vec<Member> = (0..100_000).map(|index| member(&format!("agent{index:06}"))).collect();
    let users: Vec<ConnectUser> = (0..100_000).map(|index| user(&format!("agent{:06}", index + 50))).collect();
    let groups = [group("Support", members)];
    let start = std::time::Instant::now();
    let plan = run(&groups, &users);
    assert_eq!((plan.create.len(), plan.delete.len(), plan.unchanged), (50, 50, 99_950));
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}

#[test]
fn a_user_that_already_exists_is_updated_instead_of_created() {
    let plan = run(&[group("Support", vec![member("hanako")])], &[]);
    let made = user("hanako");
    assert!(changes_instead_of_creation(&plan.create[0], &made).is_empty());
    let other = ConnectUser { last_name: "Yamada".into(), routing_profile_id: "id:Night".into(), ..made };
    assert_eq!(changes_instead_of_creation(&plan.create[0], &other).len(), 2);
}

#[test]
fn the_users_of_a_replicated_instance_join_its_group_once() {
    let joins = Policy { traffic_group: Some("g".into()), ..policy() };
    let groups = [group("Support", vec![member("hanako"), member("taro")])];
    let users = [user("hanako"), ConnectUser { traffic_group: Some("former".into()), ..user("taro") }, user("jiro")];
    let plan = run_with(&joins, &groups, &users);
    let changes: Vec<_> = plan.update.iter().map(|update| update.changes.as_slice()).collect();
    assert_eq!(changes, [[Change::TrafficGroup("g".into())], [Change::TrafficGroup("g".into())]]);
    let after = apply(&plan, &users);
    assert!(run_with(&joins, &groups, &after).update.is_empty());
    // If the instance is no longer replicated, the users are not changed.
    assert!(run(&groups, &after).update.is_empty());
    assert_ne!(run_with(&joins, &groups, &[]).digest(), run(&groups, &[]).digest());
}
