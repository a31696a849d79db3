#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
use super::*;
use crate::onboarding::{QuickConnects, RemovalAction};
use serde_json::json;

fn smallest() -> Value {
    json!({ "instance": { "alias": "acme" }, "users": { "groups": [{ "group": "Agents", "securityProfiles": ["Agent"] }] } })
}

fn faults(value: &Value) -> String {
    let problems = Onboarding::parse(value).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_smallest_input_gets_the_defaults_of_the_how_to() {
    let onboarding = Onboarding::parse(&smallest()).unwrap();
    assert_eq!(onboarding.users.groups[0].routing_profile, "Basic Routing Profile");
    assert_eq!(onboarding.entra.application_name, "Amazon Connect acme");
    assert_eq!(onboarding.iam.role_name, "AmazonConnect-acme");
    assert_eq!(onboarding.iam.session_duration, "PT12H");
    assert!(onboarding.instance.inbound_calls && onboarding.instance.flow_logs);
    assert_eq!(onboarding.users.removed.action, RemovalAction::Keep);
}

#[test]
fn a_parsed_input_survives_a_round_trip_through_the_state() {
    let onboarding = Onboarding::parse(&smallest()).unwrap();
    let state = serde_json::to_value(&onboarding).unwrap();
    assert_eq!(serde_json::from_value::<Onboarding>(state.clone()).unwrap(), onboarding);
    assert_eq!(Onboarding::parse(&state).unwrap(), onboarding, "and is itself a valid input");
}

#[test]
fn one_wrong_field_in_each_section_is_reported_each_with_its_path() {
    let value = json!({
        "instance": { "alias": "d-acme", "inboundCall": true, "storage": { "callRecordings": "yes" } },
        "quotas": { "concurrentCalls": 20, "users": -1 },
        "phoneNumbers": [{ "country": "jp", "type": "MOBILE", "quantity": 0 }],
        "documents": { "identity": "a", "address": "" },
        "telephony": { "order": "pigeon" },
        "entra": { "assignment": 1, "notificationEmails": ["x"] },
        "iam": { "samlProviderName": "a b", "sessionDuration": "PT13H" },
        "users": {
            "username": "nickname",
            "groups": [
                { "group": "A", "securityProfiles": [] },
                { "group": "a", "securityProfiles": ["Agent", "Agent"], "phone": { "autoAccept": "no" } },
                { "securityProfiles": "Admin" }
            ],
            "removed": { "action": "delete", "graceDays": -1 },
            "brake": { "maxRemovalsPercent": 101 }
        },
        "language": "fr",
        "color": "red"
    });
    insta::assert_snapshot!(faults(&value));
    let problems = Onboarding::parse(&value).unwrap_err();
    let japanese = problems.iter().map(|problem| problem.text(Language::Ja)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("the_same_in_japanese", japanese);
}

#[test]
fn an_input_that_is_not_an_object_is_rejected() {
    insta::assert_snapshot!(faults(&json!([])), @r"
    $: must be an object, not a list
    $.instance: is required
    $.users: is required
    ");
}

#[test]
fn channel_settings_that_connect_does_not_have_are_rejected_with_their_path() {
    let mut value = smallest();
    value["users"]["groups"][0]["phone"] = json!({ "autoAccept": false });
    value["users"]["groups"][0]["channels"] = json!({
        "VOICE": { "autoAccept": true, "voiceEnhancement": "LOUD", "persistentConnection": "yes" },
        "CHAT": { "afterContactWorkSeconds": 5401, "persistentConnection": true },
        "TASK": { "voiceEnhancement": "NONE", "afterContactWorkSeconds": 2_000_000 },
        "SMS": { "autoAccept": true },
    });
    insta::assert_snapshot!(faults(&value));
    value["users"]["groups"][0]["phone"] = json!({ "autoAccept": true });
    value["users"]["groups"][0]["channels"] = json!({
        "VOICE": { "autoAccept": true, "voiceEnhancement": "VOICE_ISOLATION" },
        "EMAIL": { "autoAccept": true, "afterContactWorkSeconds": 0 },
    });
    let onboarding = Onboarding::parse(&value).unwrap();
    let state = serde_json::to_value(&onboarding).unwrap();
    assert_eq!(Onboarding::parse(&state).unwrap(), onboarding);
}

#[test]
fn proficiencies_that_connect_does_not_accept_are_rejected_with_their_path() {
    let mut value = smallest();
    let one =
        |attribute: &str, value: &str, level: u64| json!({ "attribute": attribute, "value": value, "level": level });
    value["users"]["groups"] = json!([
        { "group": "A", "securityProfiles": ["Agent"], "proficiencies": [
            one("Language", "Japanese", 3),
            one("Language", "Japanese", 5),
            one("Language", "Japanese", 3),
            one("Language", "日本語・英語", 1),
            json!({ "attribute": "Language", "value": "English", "level": 6 }),
            json!({ "attribute": "Language", "value": "English!", "level": 0 }),
            json!({ "attribute": "Language", "level": 1.5 }),
        ] },
        { "group": "B", "securityProfiles": ["Agent"], "proficiencies": [
            { "attribute": "language", "value": "japanese", "level": 1, "color": "red" },
        ] },
    ]);
    insta::assert_snapshot!(faults(&value));
    let most: Vec<Value> =
        (0..25).map(|index| json!({ "attribute": "A", "value": index.to_string(), "level": 1 })).collect();
    value["users"]["groups"] = json!([{ "group": "A", "securityProfiles": ["Agent"], "proficiencies": most }]);
    assert_eq!(faults(&value), "$.users.groups[0].proficiencies: must not have more than 24 proficiencies");
}

#[test]
fn combinations_that_can_not_work_are_rejected() {
    let mut value = smallest();
    value["users"]["nestedGroups"] = json!("flatten");
    value["users"]["guests"] = json!(true);
    value["phoneNumbers"] = json!([{ "country": "JP", "type": "DID", "prefix": "+813" }]);
    value["instance"]["outboundCalls"] = json!(false);
    value["telephony"] = json!({ "outboundToJapaneseMobiles": true });
    let faults = faults(&value);
    for path in ["$.users.nestedGroups", "$.users.guests", "$.phoneNumbers[0]", "$.telephony.outboundToJapaneseMobiles"]
    {
        assert!(faults.contains(path), "{path} in {faults}");
    }
}

#[test]
fn a_starter_flow_needs_inbound_calls_and_a_number_without_a_flow() {
    let number = json!({ "country": "US", "type": "DID" });
    let named = json!({ "country": "US", "type": "DID", "contactFlow": "Main" });
    let refused = |numbers: Value, inbound: bool| {
        let mut value = smallest();
        value["telephony"] = json!({ "starterFlow": true });
        value["phoneNumbers"] = numbers;
        value["instance"]["inboundCalls"] = json!(inbound);
        Onboarding::parse(&value).err().map(|problems| problems[0].path.clone())
    };
    let path = Some("$.telephony.starterFlow".to_owned());
    assert_eq!(refused(json!([named, number]), true), None);
    for (numbers, inbound) in [(json!([number]), false), (json!([named]), true), (json!([]), true)] {
        assert_eq!(refused(numbers.clone(), inbound), path, "{numbers}");
    }
}

#[test]
fn quotas_are_accepted_by_name_by_code_with_options_and_as_a_list() {
    let mut value = smallest();
    value["quotas"] = json!({ "users": 600, "L-12AB7C57": { "value": 20, "required": true } });
    let by_name = Onboarding::parse(&value).unwrap().quotas;
    value["quotas"] =
        json!([{ "code": "L-12AB7C57", "value": 20, "required": true }, { "code": "users", "value": 600 }]);
    let mut listed = Onboarding::parse(&value).unwrap().quotas;
    listed.0.sort_by(|a, b| a.code.cmp(&b.code));
    let mut named = by_name;
    named.0.sort_by(|a, b| a.code.cmp(&b.code));
    assert_eq!(named, listed);
    value["quotas"] = json!([{ "code": "users", "value": 1 }, { "code": "L-9A46857E", "value": 2 }]);
    assert!(faults(&value).contains("twice"));
}

#[test]
fn more_than_300_groups_are_one_fault_that_names_the_alternative() {
    let groups = |count: usize| {
        let group = |number: usize| json!({ "group": format!("Agents {number}"), "securityProfiles": ["Agent"] });
        let mut value = smallest();
        value["users"]["groups"] = (0..count).map(group).collect();
        value
    };
    assert!(Onboarding::parse(&groups(300)).is_ok());
    let faults = faults(&groups(301));
    assert!(faults.starts_with("$.users.groups: names 301 groups, but the maximum is 300"), "{faults}");
    assert!(faults.contains("\"flatten\"") && faults.lines().count() == 1, "{faults}");
}

#[test]
fn group_names_are_equal_in_both_forms_of_a_voicing_mark() {
    let mut value = smallest();
    let group = |name: &str| json!({ "group": name, "securityProfiles": ["Agent"] });
    value["users"]["groups"] = json!([group("がく部"), group("か\u{3099}く部")]);
    assert!(faults(&value).contains("$.users.groups[1].group: is the same group as groups[0]"));
}

#[test]
fn quota_codes_are_compared_without_case() {
    let mut value = smallest();
    value["quotas"] = json!({ "L-12ab7c57": 20 });
    assert_eq!(Onboarding::parse(&value).unwrap().quotas.0[0].code, "L-12AB7C57");
    value["quotas"] = json!({ "L-12ab7c57": 20, "concurrentActiveCalls": 30 });
    assert!(faults(&value).contains("$.quotas: names the quota concurrentActiveCalls (L-12AB7C57) twice"));
    value["quotas"] = json!({ "L-0123abcd": 20, "L-0123ABCD": 30 });
    assert!(faults(&value).contains("$.quotas: names the quota L-0123ABCD twice"));
    // This JSON document is stored in the state of executions that an older release started.
    let kept: crate::onboarding::Quota = serde_json::from_value(json!({ "code": "L-12ab7c57", "value": 20 })).unwrap();
    assert_eq!(kept.code, "L-12AB7C57");
}

#[test]
fn a_misspelt_field_is_reported_with_the_right_name() {
    let mut value = smallest();
    value["users"]["groups"][0]["securityProfile"] = json!(["Agent"]);
    assert!(
        faults(&value)
            .contains("$.users.groups[0].securityProfile: is not a field of the input; did you mean securityProfiles?")
    );
}

#[test]
fn aliases_follow_the_rule_of_connect() {
    for (alias, good) in [
        ("a", true),
        ("acme-support", true),
        ("a--b", true),
        ("-a", false),
        ("a-", false),
        ("a_b", false),
        ("d-x", false),
    ] {
        let mut value = smallest();
        value["instance"]["alias"] = json!(alias);
        assert_eq!(Onboarding::parse(&value).is_ok(), good, "{alias}");
    }
    let mut value = smallest();
    value["instance"]["alias"] = json!("x".repeat(46));
    assert!(Onboarding::parse(&value).is_err());
}

#[test]
fn days_of_grace_are_rejected_for_an_action_that_does_not_wait() {
    let mut value = json!({
        "instance": { "alias": "acme" },
        "users": {
            "groups": [{ "group": "A", "securityProfiles": ["Agent"] }],
            "removed": { "action": "strip", "graceDays": 7 },
        },
    });
    let faults = faults(&value);
    assert!(faults.contains("$.users.removed.graceDays") && faults.lines().count() == 1, "{faults}");
    value["users"]["removed"] = json!({ "action": "strip" });
    assert_eq!(Onboarding::parse(&value).unwrap().users.removed.action, RemovalAction::Strip);
}

#[test]
fn quick_connects_are_deleted_or_transferred_to_a_possible_username() {
    let with = |removed: serde_json::Value| {
        let mut value = smallest();
        value["users"]["removed"] = removed;
        value
    };
    let parsed = |removed| Onboarding::parse(&with(removed)).unwrap().users.removed.quick_connects;
    assert_eq!(parsed(json!({ "action": "delete" })), QuickConnects::Delete);
    assert_eq!(parsed(json!({ "action": "keep", "quickConnects": "delete" })), QuickConnects::Delete);
    let transfer = json!({ "transferTo": "boss@example.com" });
    let to = parsed(json!({ "action": "delete", "quickConnects": transfer }));
    assert_eq!(to, QuickConnects::TransferTo("boss@example.com".into()));
    for (removed, path) in [
        (json!({ "quickConnects": "keep" }), "$.users.removed.quickConnects: must be \"delete\""),
        (json!({ "quickConnects": null }), "$.users.removed.quickConnects: must be \"delete\""),
        (json!({ "action": "delete", "quickConnects": {} }), "$.users.removed.quickConnects.transferTo: is required"),
        (
            json!({ "action": "delete", "quickConnects": { "transferTo": "a b" } }),
            "$.users.removed.quickConnects.transferTo: is not the username of a Connect user: it contains",
        ),
        (
            json!({ "action": "delete", "quickConnects": { "transferTo": "boss", "delete": true } }),
            "$.users.removed.quickConnects.delete: is not a field",
        ),
        (json!({ "quickConnects": transfer }), "$.users.removed.quickConnects: has no effect"),
        (json!({ "action": "strip", "quickConnects": transfer }), "$.users.removed.quickConnects: has no effect"),
    ] {
        let faults = faults(&with(removed));
        assert!(faults.starts_with(path) && faults.lines().count() == 1, "{path}: {faults}");
    }
}

#[test]
fn the_profile_of_users_who_left_is_rejected_as_the_profile_of_a_group() {
    let mut value = smallest();
    value["users"]["groups"][0]["securityProfiles"] = json!(["Agent", crate::names::NO_ACCESS_PROFILE]);
    let faults = faults(&value);
    assert!(faults.starts_with("$.users.groups[0].securityProfiles[1]: is reserved"), "{faults}");
    assert_eq!(faults.lines().count(), 1, "{faults}");
    value["users"]["groups"][0]["securityProfiles"] = json!(["connect onboarding no access"]);
    assert!(Onboarding::parse(&value).is_ok(), "names of security profiles are case-sensitive");
}
