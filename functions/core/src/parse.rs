//! Reads the start input strictly: every fault at once, each with the JSON path of what is wrong. The state machine's
//! other inputs are read leniently by serde.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use serde_json::Value;

use crate::{
    StepError, iam, names,
    onboarding::{
        Assignment, Brake, Documents, Entra, Iam, Instance, Language, NestedGroups, NumberOrder, Onboarding, Phone,
        PhoneNumber, PhoneNumberType, QUOTA_NAMES, Quota, Quotas, RemovalAction, Removed, Storage, Telephony,
        UserGroup, UsernameAttribute, Users, basic_routing_profile,
    },
};

/// One fault of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a JSON path such as `$.users.groups[0].securityProfiles`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Onboarding {
    /// Reads and checks a start input and fills in every default.
    ///
    /// # Errors
    /// All faults of the input, in the order of their paths in the file's own structure.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = RefCell::new(Vec::new());
        let onboarding = onboarding(&At { path: "$".into(), problems: &problems }, value);
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(onboarding) } else { Err(problems) }
    }

    /// Like [`Onboarding::parse`], as the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with every fault on a line of its own.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            StepError::invalid_input(format!("the input has {} fault(s):\n{}", lines.len(), lines.join("\n")))
        })
    }
}

/// A place in the input.
struct At<'a> {
    path: String,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> At<'a> {
    fn fault(&self, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { path: self.path.clone(), message: message.into() });
    }

    fn key(&self, key: &str) -> At<'a> {
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$' || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "$_-".contains(c));
        let path = if plain { format!("{}.{key}", self.path) } else { format!("{}[{key:?}]", self.path) };
        At { path, problems: self.problems }
    }

    fn index(&self, index: usize) -> At<'a> {
        At { path: format!("{}[{index}]", self.path), problems: self.problems }
    }
}

/// How a value is read at a place; a value that can't be read gives its type's default and a fault.
type Read<T> = fn(&At, &Value) -> T;

/// The fields of an object; every field is asked for once, and what was never asked for is unknown.
struct Fields<'v, 'a> {
    at: At<'a>,
    left: BTreeMap<&'v str, &'v Value>,
    known: Vec<&'static str>,
}

impl<'v, 'a> Fields<'v, 'a> {
    fn of(at: &At<'a>, value: &'v Value) -> Self {
        let left = match value.as_object() {
            Some(map) => map.iter().map(|(key, value)| (key.as_str(), value)).collect(),
            None => {
                at.fault(format!("must be an object, not {}", kind(value)));
                BTreeMap::new()
            }
        };
        Self { at: At { path: at.path.clone(), problems: at.problems }, left, known: Vec::new() }
    }

    fn optional<T>(&mut self, key: &'static str, read: Read<T>) -> Option<T> {
        self.known.push(key);
        match self.left.remove(key) {
            None => None,
            Some(value) => Some(read(&self.at.key(key), value)),
        }
    }

    fn or<T>(&mut self, key: &'static str, read: Read<T>, default: T) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    fn required<T: Default>(&mut self, key: &'static str, read: Read<T>) -> T {
        self.optional(key, read).unwrap_or_else(|| {
            self.at.key(key).fault("is required");
            T::default()
        })
    }

    fn done(self) {
        for key in self.left.keys() {
            let nearest =
                self.known.iter().min_by_key(|known| distance(known, key)).filter(|known| distance(known, key) <= 3);
            let hint = nearest.map_or_else(
                || format!("; the fields here are {}", self.known.join(", ")),
                |known| format!("; did you mean {known}?"),
            );
            self.at.key(key).fault(format!("is not a field of the input{hint}"));
        }
    }
}

/// How many letters two names differ by (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let cost = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text(at: &At, value: &Value) -> String {
    match value.as_str() {
        Some("") => at.fault("must not be empty"),
        Some(text) if text.trim() != text => at.fault("must not begin or end with white space"),
        Some(_) => {}
        None => at.fault(format!("must be a string, not {}", kind(value))),
    }
    value.as_str().unwrap_or_default().to_owned()
}

fn boolean(at: &At, value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| {
        at.fault(format!("must be true or false, not {}", kind(value)));
        false
    })
}

fn whole(at: &At, value: &Value, least: u32, most: u32) -> u32 {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (least..=most).contains(number)).unwrap_or_else(|| {
        at.fault(format!("must be a whole number from {least} to {most}"));
        least
    })
}

fn list<T>(at: &At, value: &Value, read: Read<T>) -> Vec<T> {
    match value.as_array() {
        Some(items) => items.iter().enumerate().map(|(index, item)| read(&at.index(index), item)).collect(),
        None => {
            at.fault(format!("must be a list, not {}", kind(value)));
            Vec::new()
        }
    }
}

fn choice<T: Copy + Default>(at: &At, value: &Value, choices: &[(&str, T)]) -> T {
    let chosen = value.as_str().and_then(|text| choices.iter().find(|(name, _)| *name == text));
    chosen.map_or_else(
        || {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            at.fault(format!("must be {}", names.join(" or ")));
            T::default()
        },
        |(_, choice)| *choice,
    )
}

fn onboarding(at: &At, value: &Value) -> Onboarding {
    let mut fields = Fields::of(at, value);
    let mut onboarding = Onboarding {
        schema: fields.optional("$schema", text),
        instance: fields.required("instance", instance),
        quotas: fields.or("quotas", quotas, Quotas::default()),
        phone_numbers: fields.or("phoneNumbers", |at, value| list(at, value, phone_number), Vec::new()),
        documents: fields.optional("documents", documents),
        telephony: fields.or("telephony", telephony, Telephony::default()),
        entra: fields.or("entra", entra, Entra::default()),
        iam: fields.or("iam", iam_names, Iam::default()),
        users: fields.required("users", users),
        language: fields.or(
            "language",
            |at, value| choice(at, value, &[("en", Language::En), ("ja", Language::Ja)]),
            Language::En,
        ),
    };
    fields.done();
    together(at, &onboarding);
    let alias = onboarding.instance.alias.clone();
    for (name, default) in [
        (&mut onboarding.entra.application_name, names::application(&alias)),
        (&mut onboarding.iam.saml_provider_name, names::saml_provider(&alias)),
        (&mut onboarding.iam.policy_name, names::policy(&alias)),
        (&mut onboarding.iam.role_name, names::role(&alias)),
    ] {
        if name.is_empty() {
            *name = default;
        }
    }
    onboarding
}

/// What is wrong only when looked at together.
fn together(at: &At, onboarding: &Onboarding) {
    let users = &onboarding.users;
    if users.nested_groups == NestedGroups::Flatten && onboarding.entra.assignment == Assignment::Groups {
        at.key("users").key("nestedGroups").fault(
            "\"flatten\" goes only with entra.assignment \"users\": Entra lets in direct members of an assigned group only",
        );
    }
    if users.guests && users.username == UsernameAttribute::UserPrincipalName {
        at.key("users").key("guests").fault(
            "guests can't sign in by their user principal name (it holds `#EXT#`); set users.username to \"mail\" or \"objectId\"",
        );
    }
    for (index, number) in onboarding.phone_numbers.iter().enumerate() {
        let documents_missing = onboarding.documents.is_none() && onboarding.telephony.order == NumberOrder::Automatic;
        if number.country == "JP" && documents_missing {
            at.key("phoneNumbers").index(index).fault(
                "a Japanese number is ordered with three documents: name them in `documents`, or set telephony.order to \"manual\"",
            );
        }
    }
    if onboarding.telephony.outbound_to_japanese_mobiles && !onboarding.instance.outbound_calls {
        at.key("telephony").key("outboundToJapaneseMobiles").fault("needs instance.outboundCalls");
    }
}

fn instance(at: &At, value: &Value) -> Instance {
    let mut fields = Fields::of(at, value);
    let instance = Instance {
        alias: fields.required("alias", alias),
        inbound_calls: fields.or("inboundCalls", boolean, true),
        outbound_calls: fields.or("outboundCalls", boolean, true),
        flow_logs: fields.or("flowLogs", boolean, true),
        contact_lens: fields.optional("contactLens", boolean),
        early_media: fields.optional("earlyMedia", boolean),
        storage: fields.or("storage", storage, Storage::default()),
    };
    fields.done();
    instance
}

/// Connect: 1 to 45 characters, `^(?!d-)([\da-zA-Z]+)([-]*[\da-zA-Z])*$`.
fn alias(at: &At, value: &Value) -> String {
    let alias = text(at, value);
    let inner = alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !alias.is_empty() && (!inner || alias.starts_with('-') || alias.ends_with('-') || alias.len() > 45) {
        at.fault("must be 1 to 45 letters, digits and hyphens, with no hyphen at either end");
    } else if alias.starts_with("d-") {
        at.fault("must not begin with `d-`: Connect keeps that for itself");
    }
    alias
}

fn storage(at: &At, value: &Value) -> Storage {
    let mut fields = Fields::of(at, value);
    let storage = Storage {
        call_recordings: fields.or("callRecordings", boolean, true),
        chat_transcripts: fields.or("chatTranscripts", boolean, true),
        scheduled_reports: fields.or("scheduledReports", boolean, true),
    };
    fields.done();
    storage
}

fn quotas(at: &At, value: &Value) -> Quotas {
    let quotas: Vec<Quota> = match value {
        Value::Object(map) => map.iter().map(|(name, wish)| named_quota(&at.key(name), name, wish)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| listed_quota(&at.index(index), item)).collect()
        }
        other => {
            at.fault(format!("must be an object or a list, not {}", kind(other)));
            Vec::new()
        }
    };
    for (index, quota) in quotas.iter().enumerate() {
        if !quota.code.is_empty() && quotas[..index].iter().any(|earlier| earlier.code == quota.code) {
            at.fault(format!("names the quota {} twice", quota.code));
        }
    }
    Quotas(quotas)
}

fn named_quota(at: &At, name: &str, value: &Value) -> Quota {
    let code = quota_code(at, name);
    if value.is_object() {
        let mut fields = Fields::of(at, value);
        let quota = Quota {
            code,
            value: fields.required("value", quota_value),
            required: fields.or("required", boolean, false),
        };
        fields.done();
        quota
    } else {
        Quota { code, value: quota_value(at, value), required: false }
    }
}

fn listed_quota(at: &At, value: &Value) -> Quota {
    let mut fields = Fields::of(at, value);
    let name = fields.required("code", text);
    let code = if name.is_empty() { name } else { quota_code(&at.key("code"), &name) };
    let quota =
        Quota { code, value: fields.required("value", quota_value), required: fields.or("required", boolean, false) };
    fields.done();
    quota
}

fn quota_code(at: &At, name: &str) -> String {
    let is_code =
        name.strip_prefix("L-").is_some_and(|hex| hex.len() == 8 && hex.chars().all(|c| c.is_ascii_hexdigit()));
    if is_code {
        return name.to_owned();
    }
    QUOTA_NAMES.iter().find(|(known, _, _)| *known == name).map_or_else(
        || {
            let known: Vec<&str> = QUOTA_NAMES.iter().map(|(known, _, _)| *known).collect();
            at.fault(format!(
                "is no quota; use a code (`L-` and eight hexadecimal digits) or one of {}",
                known.join(", ")
            ));
            String::new()
        },
        |(_, code, _)| (*code).to_owned(),
    )
}

fn quota_value(at: &At, value: &Value) -> f64 {
    value.as_f64().filter(|number| (1.0..=10_000_000_000.0).contains(number)).unwrap_or_else(|| {
        at.fault("must be a number from 1 to 10,000,000,000");
        1.0
    })
}

fn phone_number(at: &At, value: &Value) -> PhoneNumber {
    let mut fields = Fields::of(at, value);
    let number = PhoneNumber {
        country: fields.required("country", |at, value| {
            let country = text(at, value);
            if !country.is_empty() && (country.len() != 2 || !country.chars().all(|c| c.is_ascii_uppercase())) {
                at.fault("must be an ISO 3166-1 country code of two capital letters, for example \"JP\"");
            }
            country
        }),
        kind: fields.required("type", |at, value| {
            let kinds = [
                ("DID", PhoneNumberType::Did),
                ("TOLL_FREE", PhoneNumberType::TollFree),
                ("UIFN", PhoneNumberType::Uifn),
            ];
            choice(at, value, &kinds)
        }),
        prefix: fields.optional("prefix", |at, value| {
            let prefix = text(at, value);
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            if !prefix.is_empty() && (!(1..=14).contains(&digits.len()) || !digits.chars().all(|c| c.is_ascii_digit()))
            {
                at.fault("must be `+` and 1 to 14 digits, for example \"+813\"");
            }
            prefix
        }),
        quantity: fields.or("quantity", |at, value| whole(at, value, 1, 100), 1),
        description: fields.optional("description", |at, value| {
            let description = text(at, value);
            if description.chars().count() > 500 {
                at.fault("must have at most 500 characters");
            }
            description
        }),
        contact_flow: fields.optional("contactFlow", text),
    };
    fields.done();
    number
}

fn documents(at: &At, value: &Value) -> Documents {
    let mut fields = Fields::of(at, value);
    let key: Read<String> = |at, value| {
        let key = text(at, value);
        if key.len() > 1024 {
            at.fault("must be an object key of at most 1,024 bytes");
        }
        key
    };
    let documents = Documents {
        identity: fields.required("identity", key),
        address: fields.required("address", key),
        relationship: fields.required("relationship", key),
    };
    fields.done();
    documents
}

fn telephony(at: &At, value: &Value) -> Telephony {
    let mut fields = Fields::of(at, value);
    let telephony = Telephony {
        order: fields.or(
            "order",
            |at, value| choice(at, value, &[("automatic", NumberOrder::Automatic), ("manual", NumberOrder::Manual)]),
            NumberOrder::Automatic,
        ),
        outbound_to_japanese_mobiles: fields.or("outboundToJapaneseMobiles", boolean, false),
    };
    fields.done();
    telephony
}

fn entra(at: &At, value: &Value) -> Entra {
    let mut fields = Fields::of(at, value);
    let entra = Entra {
        application_name: fields.or("applicationName", |at, value| shorter(at, text(at, value), 120), String::new()),
        assignment: fields.or(
            "assignment",
            |at, value| choice(at, value, &[("groups", Assignment::Groups), ("users", Assignment::Users)]),
            Assignment::Groups,
        ),
        notification_emails: fields.or(
            "notificationEmails",
            |at, value| {
                let emails = list(at, value, |at, value| {
                    let email = text(at, value);
                    if !email.is_empty() && !matches!(email.split_once('@'), Some((name, domain)) if !name.is_empty() && domain.contains('.')) {
                        at.fault("must be a mail address");
                    }
                    email
                });
                if emails.len() > 5 {
                    at.fault("must have at most five addresses");
                }
                emails
            },
            Vec::new(),
        ),
    };
    fields.done();
    entra
}

fn shorter(at: &At, text: String, most: usize) -> String {
    if text.chars().count() > most {
        at.fault(format!("must have at most {most} characters"));
    }
    text
}

fn iam_names(at: &At, value: &Value) -> Iam {
    let mut fields = Fields::of(at, value);
    let default = Iam::default();
    let iam = Iam {
        saml_provider_name: fields.or(
            "samlProviderName",
            |at, value| iam_name(at, value, 128, "._-"),
            default.saml_provider_name,
        ),
        policy_name: fields.or("policyName", |at, value| iam_name(at, value, 128, "+=,.@_-"), default.policy_name),
        role_name: fields.or("roleName", |at, value| iam_name(at, value, 64, "+=,.@_-"), default.role_name),
        session_duration: fields.or(
            "sessionDuration",
            |at, value| {
                let duration = text(at, value);
                if !duration.is_empty() && iam::session_seconds(&duration).is_err() {
                    at.fault("must be an ISO 8601 duration from PT1H to PT12H, for example \"PT12H\"");
                }
                duration
            },
            default.session_duration,
        ),
    };
    fields.done();
    iam
}

fn iam_name(at: &At, value: &Value, most: usize, signs: &str) -> String {
    let name = text(at, value);
    if name.len() > most || !name.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c)) {
        at.fault(format!("must be at most {most} letters, digits and {signs}"));
    }
    name
}

fn users(at: &At, value: &Value) -> Users {
    let mut fields = Fields::of(at, value);
    let users = Users {
        username: fields.or(
            "username",
            |at, value| {
                let attributes = [
                    ("userPrincipalName", UsernameAttribute::UserPrincipalName),
                    ("mail", UsernameAttribute::Mail),
                    ("objectId", UsernameAttribute::ObjectId),
                ];
                choice(at, value, &attributes)
            },
            UsernameAttribute::UserPrincipalName,
        ),
        groups: fields.required("groups", groups),
        nested_groups: fields.or(
            "nestedGroups",
            |at, value| choice(at, value, &[("report", NestedGroups::Report), ("flatten", NestedGroups::Flatten)]),
            NestedGroups::Report,
        ),
        guests: fields.or("guests", boolean, false),
        removed: fields.or("removed", removed, Removed::default()),
        brake: fields.or("brake", brake, Brake::default()),
    };
    fields.done();
    users
}

fn groups(at: &At, value: &Value) -> Vec<UserGroup> {
    let groups = list(at, value, group);
    if value.as_array().is_some_and(Vec::is_empty) {
        at.fault("must name at least one group");
    }
    for (index, group) in groups.iter().enumerate() {
        let earlier = groups[..index].iter().position(|earlier| earlier.group.eq_ignore_ascii_case(&group.group));
        if let Some(earlier) = earlier.filter(|_| !group.group.is_empty()) {
            at.index(index).key("group").fault(format!("is the same group as groups[{earlier}]"));
        }
    }
    groups
}

fn group(at: &At, value: &Value) -> UserGroup {
    let mut fields = Fields::of(at, value);
    let group = UserGroup {
        group: fields.required("group", |at, value| shorter(at, text(at, value), 256)),
        security_profiles: fields.required("securityProfiles", security_profiles),
        routing_profile: fields.or(
            "routingProfile",
            |at, value| shorter(at, text(at, value), 127),
            basic_routing_profile(),
        ),
        hierarchy_group: fields.optional("hierarchyGroup", text),
        phone: fields.or("phone", phone, Phone::default()),
    };
    fields.done();
    group
}

fn security_profiles(at: &At, value: &Value) -> Vec<String> {
    let profiles = list(at, value, |at, value| shorter(at, text(at, value), 128));
    if value.is_array() && !(1..=10).contains(&profiles.len()) {
        at.fault("must name one to ten security profiles: there is no default, since it decides what people may do");
    }
    for (index, profile) in profiles.iter().enumerate() {
        if !profile.is_empty() && profiles[..index].contains(profile) {
            at.index(index).fault("is named twice");
        }
    }
    profiles
}

fn phone(at: &At, value: &Value) -> Phone {
    let mut fields = Fields::of(at, value);
    let phone = Phone {
        auto_accept: fields.or("autoAccept", boolean, false),
        after_contact_work_seconds: fields.or("afterContactWorkSeconds", |at, value| whole(at, value, 0, 2_000_000), 0),
    };
    fields.done();
    phone
}

fn removed(at: &At, value: &Value) -> Removed {
    let mut fields = Fields::of(at, value);
    let default = Removed::default();
    let removed = Removed {
        action: fields.or(
            "action",
            |at, value| choice(at, value, &[("keep", RemovalAction::Keep), ("delete", RemovalAction::Delete)]),
            default.action,
        ),
        grace_days: fields.or("graceDays", |at, value| whole(at, value, 0, 3650), default.grace_days),
    };
    fields.done();
    removed
}

fn brake(at: &At, value: &Value) -> Brake {
    let mut fields = Fields::of(at, value);
    let default = Brake::default();
    let brake = Brake {
        max_removals: fields.or("maxRemovals", |at, value| whole(at, value, 0, 1_000_000), default.max_removals),
        max_removals_percent: fields.or(
            "maxRemovalsPercent",
            |at, value| whole(at, value, 0, 100),
            default.max_removals_percent,
        ),
    };
    fields.done();
    brake
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
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
    fn what_was_parsed_reads_again_as_the_same_from_the_state() {
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
    }

    #[test]
    fn an_input_that_is_no_object_says_so() {
        insta::assert_snapshot!(faults(&json!([])), @r"
        $: must be an object, not a list
        $.instance: is required
        $.users: is required
        ");
    }

    #[test]
    fn combinations_that_could_never_work_are_refused() {
        let mut value = smallest();
        value["users"]["nestedGroups"] = json!("flatten");
        value["users"]["guests"] = json!(true);
        value["phoneNumbers"] = json!([{ "country": "JP", "type": "DID", "prefix": "+813" }]);
        value["instance"]["outboundCalls"] = json!(false);
        value["telephony"] = json!({ "outboundToJapaneseMobiles": true });
        let faults = faults(&value);
        for path in
            ["$.users.nestedGroups", "$.users.guests", "$.phoneNumbers[0]", "$.telephony.outboundToJapaneseMobiles"]
        {
            assert!(faults.contains(path), "{path} in {faults}");
        }
    }

    #[test]
    fn quotas_are_taken_by_name_by_code_with_options_and_as_a_list() {
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
    fn a_misspelt_field_is_met_with_the_right_one() {
        let mut value = smallest();
        value["users"]["groups"][0]["securityProfile"] = json!(["Agent"]);
        assert!(faults(&value).contains(
            "$.users.groups[0].securityProfile: is not a field of the input; did you mean securityProfiles?"
        ));
    }

    #[test]
    fn aliases_follow_connects_own_rule() {
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
}
