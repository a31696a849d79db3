//! Generates an Entra tenant. The tenant contains all groups that the input names, and the requested number of users.
//! The same input always generates the same tenant.
//!
//! The users have names as in real directories, for example Japanese names in kanji, in kana, and in kana with
//! combining voicing marks (as macOS writes them). Some users are shared accounts, which have neither a given name nor
//! a surname.

use std::collections::BTreeMap;

use local_cloud::stand_in::Tenant;
use onboarding_core::{onboarding::Onboarding, parse::Problem, text::Quoted};
use serde_json::{Value, json};

use crate::{
    args::{bad_input::BadInput, input::JsonFile},
    words::Words,
};

/// Surnames, each with the form that is used in an email address.
const SURNAMES: [(&str, &str); 16] = [
    ("佐藤", "sato"),
    ("Tanaka", "tanaka"),
    ("高橋", "takahashi"),
    ("Smith", "smith"),
    ("渡辺", "watanabe"),
    ("O'Brien", "obrien"),
    ("小林", "kobayashi"),
    ("Nguyen", "nguyen"),
    ("山田", "yamada"),
    ("Müller", "mueller"),
    ("吉田", "yoshida"),
    ("García", "garcia"),
    ("松本", "matsumoto"),
    ("Johnson", "johnson"),
    ("井上", "inoue"),
    ("van den Berg", "vandenberg"),
];

/// Given names, each with the form that is used in an email address.
const GIVEN_NAMES: [(&str, &str); 15] = [
    ("陽菜", "haruna"),
    ("James", "james"),
    ("さくら", "sakura"),
    ("Emma", "emma"),
    // か and a combining voiced sound mark, which is the decomposed form of が, as macOS writes it.
    ("か\u{3099}く", "gaku"),
    ("大輔", "daisuke"),
    ("Olivia", "olivia"),
    ("健太", "kenta"),
    ("Noah", "noah"),
    ("美咲", "misaki"),
    ("ハ\u{309a}ウラ", "paura"),
    ("Lucía", "lucia"),
    ("翔", "sho"),
    ("Liam", "liam"),
    ("結衣", "yui"),
];

/// Generates the tenant in the JSON format of Microsoft Graph, which `--tenant` also accepts.
#[must_use]
pub fn made_up(onboarding: &Onboarding, users: u32) -> Value {
    let requested = &onboarding.users.groups;
    let mut members: Vec<Vec<Value>> = vec![Vec::new(); requested.len()];
    let mut taken = BTreeMap::new();
    for (index, number) in (0..users).enumerate() {
        let group = index % requested.len().max(1);
        let user = person(number, &mut taken);
        // Some users are members of two groups.
        if index % 10 == 9 && requested.len() > 1 {
            members[(group + 1) % requested.len()].push(user.clone());
        }
        if let Some(members) = members.get_mut(group) {
            members.push(user);
        }
    }
    let groups: Vec<Value> = requested
        .iter()
        .zip(members)
        .enumerate()
        .map(|(index, (requested, members))| {
            let given = is_object_id(&requested.group);
            json!({
                "id": if given { requested.group.clone() } else { object_id(0x6700_0000, index) },
                "displayName": if given { format!("Group {}", index + 1) } else { requested.group.clone() },
                "securityEnabled": true,
                "mailEnabled": false,
                "groupTypes": [],
                "members": members,
            })
        })
        .collect();
    json!({ "groups": groups })
}

fn person(number: u32, taken: &mut BTreeMap<String, u32>) -> Value {
    let index = number as usize;
    let (given, given_in_address) = GIVEN_NAMES[index % GIVEN_NAMES.len()];
    let (surname, surname_in_address) = SURNAMES[index % SURNAMES.len()];
    // A shared account has a display name, but neither a given name nor a surname.
    let function = index % 12 == 7;
    let plain =
        if function { format!("desk.{}", index / 12 + 1) } else { format!("{given_in_address}.{surname_in_address}") };
    let namesakes = taken.entry(plain.clone()).or_insert(0);
    *namesakes += 1;
    let local = if *namesakes == 1 { plain } else { format!("{plain}{namesakes}") };
    let address = format!("{local}@contoso.example");
    let display = match (function, surname.is_ascii()) {
        (true, _) => format!("受付 Desk {}", index / 12 + 1),
        (false, true) => format!("{given} {surname}"),
        (false, false) => format!("{surname} {given}"),
    };
    json!({
        "@odata.type": "#microsoft.graph.user",
        "id": object_id(0x7500_0000, index),
        "userPrincipalName": address,
        "mail": address,
        "displayName": display,
        "givenName": if function { Value::Null } else { given.into() },
        "surname": if function { Value::Null } else { surname.into() },
        "accountEnabled": true,
        "userType": "Member",
    })
}

fn object_id(kind: u32, index: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{index:012x}")
}

/// Checks the object ids of the groups in a tenant file, because Microsoft Graph accepts only GUIDs.
///
/// # Errors
/// Fails if an id is invalid. The error lists all invalid ids and their paths.
pub fn check(file: &JsonFile, tenant: &Tenant) -> Result<(), BadInput> {
    let ids = tenant.groups.iter().enumerate().filter_map(|(index, group)| Some((index, group.id.as_deref()?)));
    let problems: Vec<Problem> = ids
        .filter(|(_, id)| !is_object_id(id))
        .map(|(index, id)| {
            let [message, japanese] = Words::BOTH.map(|words| words.no_object_id(Quoted(id)));
            Problem::new(format!("$.groups[{index}].id"), message, japanese)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(file.bad(problems)) }
}

fn is_object_id(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn onboarding(groups: &[&str]) -> Onboarding {
        let groups: Vec<Value> =
            groups.iter().map(|group| json!({"group": group, "securityProfiles": ["Agent"]})).collect();
        Onboarding::parse(&json!({"instance": {"alias": "acme"}, "users": {"groups": groups}})).unwrap()
    }

    fn members(tenant: &Value) -> Vec<Value> {
        let groups = tenant["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["members"].as_array().unwrap().clone()).collect()
    }

    #[test]
    fn every_group_of_the_input_exists_by_name_or_by_id() {
        let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let tenant = made_up(&onboarding(&["Agents", id]), 0);
        assert_eq!(tenant["groups"][0]["displayName"], "Agents");
        assert_eq!(tenant["groups"][1]["id"], id);
    }

    #[test]
    fn the_requested_number_of_users_is_spread_over_the_groups() {
        let tenant = made_up(&onboarding(&["A", "B", "C"]), 2_000);
        let members = members(&tenant);
        let ids: BTreeSet<String> = members.iter().map(|user| user["id"].to_string()).collect();
        let addresses: BTreeSet<String> = members.iter().map(|user| user["userPrincipalName"].to_string()).collect();
        assert_eq!((ids.len(), addresses.len()), (2_000, 2_000));
        assert!(
            tenant["groups"].as_array().unwrap().iter().all(|group| group["members"].as_array().unwrap().len() > 600)
        );
        assert!(members.len() > 2_000, "some users are in two groups");
    }

    #[test]
    fn an_invalid_object_id_of_a_group_is_reported_with_its_path() {
        let tenant = r#"{"groups": [{"displayName": "A"}, {"displayName": "B", "id": "67000000-0000"}]}"#;
        let file = JsonFile::parse(Path::new("tenant.json"), tenant).unwrap();
        let error = check(&file, &file.shaped().unwrap()).unwrap_err();
        assert_eq!(error.problems[0].path, "$.groups[1].id");
    }

    #[test]
    fn every_address_can_be_a_connect_username() {
        for user in members(&made_up(&onboarding(&["A"]), 500)) {
            let name = user["userPrincipalName"].as_str().unwrap();
            assert!(
                name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c)),
                "{name}"
            );
        }
    }

    #[test]
    fn the_generated_names_cover_difficult_cases() {
        let members = members(&made_up(&onboarding(&["A"]), 25));
        assert!(members.iter().any(|user| user["givenName"].is_null() && user["surname"].is_null()));
        assert!(members.iter().any(|user| user["givenName"].as_str().is_some_and(|name| name.contains('\u{3099}'))));
    }

    #[test]
    fn the_same_input_generates_the_same_tenant() {
        assert_eq!(made_up(&onboarding(&["A"]), 50), made_up(&onboarding(&["A"]), 50));
    }
}
