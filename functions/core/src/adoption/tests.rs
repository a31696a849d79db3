#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::json;

use super::*;
use crate::{
    iam::session_seconds,
    onboarding::{Channel, Language, UserGroup, Users, VoiceSettings},
    saml::claims_definition,
    sync::{ConnectUser, GroupRead, Member, Profiles, UserChannels},
};

const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/Entra";
const ROLE: &str = "arn:aws:iam::111122223333:role/connect-onboarding/Agents";

fn instance() -> FoundInstance {
    let attributes = [("INBOUND_CALLS", "true"), ("OUTBOUND_CALLS", "false"), ("CONTACT_LENS", "true")];
    FoundInstance {
        alias: "acme".into(),
        attributes: attributes.map(|(kind, value)| (kind.to_owned(), value.to_owned())).into(),
        storage: Storage { call_recordings: true, chat_transcripts: false, scheduled_reports: false },
        origins: vec!["https://CRM.example.com/".into(), "http://old.example.com".into()],
    }
}

#[test]
fn the_section_of_an_instance_contains_its_settings_and_names_what_the_input_cannot_express() {
    let (section, open_items) = instance().section(None);
    assert_eq!((section.inbound_calls, section.outbound_calls, section.flow_logs), (true, false, false));
    assert_eq!((section.contact_lens, section.early_media), (Some(true), None));
    assert_eq!(section.approved_origins, Some(vec!["https://crm.example.com".to_owned()]));
    assert_eq!(section.storage, instance().storage);
    assert_eq!(open_items.len(), 1, "{open_items:?}");
    assert_eq!(open_items[0].subject, "approved origin http://old.example.com");
}

#[test]
fn an_optional_setting_that_the_last_input_did_not_name_stays_absent() {
    let (section, _) = instance().section(Some(&Instance::default()));
    assert_eq!((section.contact_lens, section.approved_origins), (None, None));
    let named = Instance {
        contact_lens: Some(false),
        approved_origins: Some(vec!["https://desk.example".into(), "https://crm.example.com".into()]),
        ..Instance::default()
    };
    let mut found = instance();
    found.origins.push("https://desk.example".into());
    let (section, _) = found.section(Some(&named));
    assert_eq!((section.contact_lens, section.approved_origins), (Some(true), named.approved_origins));
}

#[test]
fn numbers_are_counted_by_country_and_type_and_japanese_numbers_need_no_documents() {
    let number = |phone_number: &str, country: &str, kind: &str| NumberResult {
        phone_number: phone_number.into(),
        country: country.into(),
        kind: kind.into(),
        ..NumberResult::default()
    };
    let mut onboarding = Onboarding::with_defaults("acme", Users::default(), Language::En);
    let us = [number("+12065550100", "US", "DID"), number("+12065550101", "US", "DID")];
    assert_eq!(add_phone_numbers(&mut onboarding, &us), []);
    assert_eq!((onboarding.phone_numbers[0].quantity, onboarding.telephony.order), (2, NumberOrder::Automatic));

    let jp = [number("+81312345678", "JP", "DID"), number("+1", "US", "SHORT_CODE")];
    let open_items = add_phone_numbers(&mut onboarding, &jp);
    let subjects: Vec<&str> = open_items.iter().map(|item| item.subject.as_str()).collect();
    assert_eq!(subjects, ["phone number +1", "documents"]);
    onboarding.users.groups =
        vec![UserGroup { group: "A".into(), security_profiles: vec!["Agent".into()], ..UserGroup::default() }];
    onboarding.users.groups[0].routing_profile = "Basic Routing Profile".into();
    Onboarding::parse(&document(&onboarding).unwrap()).unwrap();
}

#[test]
fn the_claims_of_an_onboarding_and_of_a_guide_are_read() {
    let found = FoundClaims::of(&claims_definition(ROLE, PROVIDER, UsernameAttribute::Mail, 28_800));
    let expected = FoundClaims {
        role: Some(ROLE.into()),
        saml_provider: Some(PROVIDER.into()),
        username: Some(UsernameAttribute::Mail),
        session_seconds: Some(28_800),
    };
    assert_eq!(found, expected);
    let reversed = json!({ "ClaimsMappingPolicy": { "ClaimsSchema": [
        { "Value": format!("{PROVIDER}, {ROLE}"), "SamlClaimType": ROLE_CLAIM },
        { "Source": "user", "ID": "userPrincipalName", "SamlClaimType": ROLE_SESSION_NAME_CLAIM },
    ] } });
    let expected =
        FoundClaims { username: Some(UsernameAttribute::UserPrincipalName), session_seconds: None, ..expected };
    assert_eq!(FoundClaims::of(&reversed), expected);
    assert_eq!(FoundClaims::of(&json!("no policy")), FoundClaims::default());
}

#[test]
fn a_relay_state_leads_to_exactly_one_instance_and_names_its_page() {
    let at = |destination: Option<&Destination>| relay_state("ap-northeast-1", "abc-1", destination);
    for page in [None, Some(Destination::Page(Page::Ccp)), Some(Destination::Path("/real-time-metrics?a=b".into()))] {
        let relay = at(page.as_ref());
        assert!(leads_to(&relay, "abc-1") && !leads_to(&relay, "abc-12") && !leads_to(&relay, "abc"), "{relay}");
        assert_eq!(destination(&relay, "ap-northeast-1", "abc-1"), page, "{relay}");
    }
    let other_way = "https://ap-northeast-1.console.aws.amazon.com/connect/federate/abc-1?destination=%2Fhome";
    assert!(leads_to(other_way, "abc-1"));
    assert_eq!(destination(other_way, "ap-northeast-1", "abc-1"), None, "an onboarding would change this relay state");
    assert!(!leads_to("https://example.com", "") && !leads_to("", ""));
}

#[test]
fn a_duration_is_written_as_the_input_accepts_it() {
    for (seconds, text) in [(43_200, "PT12H"), (5_400, "PT1H30M"), (3_601, "PT1H1S")] {
        assert_eq!(iso_duration(seconds), text);
        assert_eq!(session_seconds(text).unwrap(), seconds);
    }
}

#[test]
fn sections_with_only_defaults_are_omitted_and_the_document_is_the_same_input() {
    let mut onboarding = Onboarding::with_defaults(
        "acme",
        Users { groups: vec![group("Agents", "Agent")], ..Users::default() },
        Language::En,
    );
    let text = document(&onboarding).unwrap();
    assert_eq!(text.as_object().unwrap().keys().collect::<Vec<_>>(), ["instance", "users"]);
    assert_eq!(Onboarding::parse(&text).unwrap(), onboarding);
    onboarding.iam.session_duration = "PT8H".into();
    onboarding.language = Language::Ja;
    onboarding.entra.application_name = "Contact centre".into();
    assert_eq!(Onboarding::parse(&document(&onboarding).unwrap()).unwrap(), onboarding);
}

fn group(name: &str, profile: &str) -> UserGroup {
    UserGroup {
        group: name.into(),
        security_profiles: vec![profile.into()],
        routing_profile: "Basic Routing Profile".into(),
        ..UserGroup::default()
    }
}

fn member(number: usize) -> Member {
    Member {
        id: format!("id-{number}"),
        user_principal_name: Some(format!("user{number}@acme.example")),
        mail: Some(format!("mail{number}@acme.example")),
        ..Member::default()
    }
}

fn read(name: &str, members: &[usize]) -> GroupRead {
    GroupRead {
        group_id: format!("group-{name}"),
        display_name: name.into(),
        settings: UserGroup { group: name.into(), ..UserGroup::default() },
        members: members.iter().map(|number| member(*number)).collect(),
        ..GroupRead::default()
    }
}

/// A Connect user with these security profiles. The id of each profile is its name in lower case.
fn user(username: String, profiles: &[&str]) -> ConnectUser {
    ConnectUser {
        id: username.clone(),
        username,
        security_profile_ids: profiles.iter().map(|name| name.to_lowercase()).collect(),
        routing_profile_id: "basic".into(),
        ..ConnectUser::default()
    }
}

fn named(number: usize, profiles: &[&str]) -> ConnectUser {
    user(format!("user{number}@acme.example"), profiles)
}

fn profiles() -> Profiles {
    let by_name = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), name.to_lowercase())).collect();
    Profiles {
        security: by_name(&["Admin", "Agent", "Quality"]),
        routing: [("Basic Routing Profile".to_owned(), "basic".to_owned()), ("Night".into(), "night".into())].into(),
        ..Profiles::default()
    }
}

#[test]
fn each_group_gets_what_most_of_its_own_users_have() {
    let groups = [read("Agents", &[1, 2, 3, 4]), read("Leads", &[4, 5])];
    let users = [
        named(1, &["Agent"]),
        named(2, &["Agent"]),
        named(3, &["Agent", "Admin"]),
        named(4, &["Agent", "Quality"]),
        named(5, &["Quality"]),
        named(6, &["Admin"]),
    ];
    let derived = derive(&groups, &users, &profiles(), Some(UsernameAttribute::UserPrincipalName));
    let settings: Vec<(&str, Vec<String>)> = derived
        .groups
        .iter()
        .map(|group| (group.settings.group.as_str(), group.settings.security_profiles.clone()))
        .collect();
    assert_eq!(settings, [("Leads", vec!["Quality".to_owned()]), ("Agents", vec!["Agent".to_owned()])]);
    let whats: Vec<&str> = derived.open_items.iter().map(|item| item.what.as_str()).collect();
    assert_eq!(whats.len(), 2, "{whats:?}");
    assert!(whats[0].starts_with("1 of its 4 users have other security profiles"), "user 3: {whats:?}");
    assert!(whats[1].starts_with("1 of 6 Connect users are not members"), "user 6: {whats:?}");
}

#[test]
fn a_group_whose_users_are_all_in_other_groups_gets_only_what_all_of_them_have() {
    let groups = [read("Everyone", &[1, 2, 3]), read("Leads", &[1, 2])];
    let users = [named(1, &["Agent", "Quality"]), named(2, &["Admin", "Agent", "Quality"]), named(3, &["Agent"])];
    let derived = derive(&groups, &users, &profiles(), None);
    assert_eq!(derived.groups[0].settings.security_profiles, ["Agent", "Quality"]);
    assert_eq!(derived.groups[1].settings.security_profiles, ["Agent"]);
}

#[test]
fn an_unknown_username_attribute_is_the_one_that_matches_most_users() {
    let groups = [read("Agents", &[1, 2])];
    let by_mail = [
        user("mail1@acme.example".into(), &["Agent"]),
        named(2, &["Agent"]),
        user("mail2@acme.example".into(), &["Agent"]),
    ];
    assert_eq!(derive(&groups, &by_mail, &profiles(), None).username, UsernameAttribute::Mail);
    assert_eq!(derive(&groups, &[], &profiles(), None).username, UsernameAttribute::UserPrincipalName);
    let claimed = derive(&groups, &by_mail, &profiles(), Some(UsernameAttribute::UserPrincipalName));
    assert_eq!(claimed.username, UsernameAttribute::UserPrincipalName, "the claims decide");
}

#[test]
fn a_group_without_users_is_left_out_with_an_open_item() {
    let derived = derive(&[read("Agents", &[1]), read("Guests", &[])], &[named(1, &["Agent"])], &profiles(), None);
    assert_eq!(derived.groups.len(), 1);
    assert_eq!(derived.open_items[0].subject, "group Guests");
}

#[test]
fn phone_channels_and_hierarchy_come_from_the_users() {
    let mut first = named(1, &["Agent"]);
    first.routing_profile_id = "night".into();
    first.hierarchy_group_id = Some("tokyo".into());
    let voice = VoiceSettings {
        auto_accept: Some(true),
        after_contact_work_seconds: Some(30),
        persistent_connection: Some(true),
        ..VoiceSettings::default()
    };
    let chat = VoiceSettings { auto_accept: Some(true), ..VoiceSettings::default() };
    first.channels = UserChannels::default();
    first.channels.complete(Channel::Voice, voice);
    first.channels.complete(Channel::Chat, chat);
    let mut second = ConnectUser { username: "user2@acme.example".into(), ..first.clone() };
    let groups = [read("Agents", &[1, 2])];
    let derived = |users: &[ConnectUser]| derive(&groups, users, &profiles(), None);
    let agreed = derived(&[first.clone(), second.clone()]);
    let group = &agreed.groups[0];
    assert_eq!(
        (group.settings.routing_profile.as_str(), group.hierarchy_group_id.as_deref()),
        ("Night", Some("tokyo"))
    );
    assert_eq!((group.settings.phone.auto_accept, group.settings.phone.after_contact_work_seconds), (true, 30));
    assert_eq!(group.settings.channels.voice.unwrap().persistent_connection, Some(true));
    assert_eq!(group.settings.channels.voice.unwrap().auto_accept, None, "`phone` contains it");
    assert_eq!(group.settings.channels.chat.unwrap().auto_accept, Some(true));

    second.hierarchy_group_id = None;
    second.channels = UserChannels::default();
    let disagreed = derived(&[first, second]);
    assert_eq!(disagreed.groups[0].hierarchy_group_id, None);
    assert!(disagreed.groups[0].settings.channels.is_empty());
    assert!(disagreed.open_items[0].what.starts_with("1 of its 2 users"), "{:?}", disagreed.open_items);
}

#[test]
fn the_starter_flow_sets_the_field_and_the_language_only_if_the_onboarding_would_leave_the_flow_unchanged() {
    let number = NumberResult {
        phone_number: "+12065550100".into(),
        country: "US".into(),
        kind: "DID".into(),
        ..NumberResult::default()
    };
    let described = |numbers: &[NumberResult], content: &str| {
        let mut onboarding = Onboarding::with_defaults("acme", Users::default(), Language::En);
        onboarding.instance.inbound_calls = true;
        add_phone_numbers(&mut onboarding, numbers);
        let open_item = add_starter_flow(&mut onboarding, content);
        (onboarding.telephony.starter_flow, onboarding.language, open_item)
    };
    let numbers = [number];
    for language in [Language::En, Language::Ja] {
        let content = flow_content(language).to_string();
        assert_eq!(described(&numbers, &content), (true, language, None));
        let (starter_flow, _, open_item) = described(&[], &content);
        assert!(!starter_flow && open_item.is_some_and(|item| item.what.contains("no phone number")));
    }
    let changed = flow_content(Language::En).to_string().replace("Thank you", "Thanks");
    let (starter_flow, language, open_item) = described(&numbers, &changed);
    assert_eq!((starter_flow, language), (false, Language::En));
    assert!(open_item.is_some_and(|item| item.what.starts_with("its content was changed")));
}
