//! Reads the start input strictly: reports every fault at once, each with its JSON path. All other inputs are read
//! leniently by serde.

mod duplicates;
mod fields;
mod teardown;

use std::{cell::RefCell, fmt};

use serde_json::Value;

pub use self::duplicates::duplicate_keys;
use self::fields::{At, Fields, Read, boolean, choice, kind, kind_ja, list, text, whole};
use crate::{
    StepError, iam, names,
    onboarding::{
        Assignment, Brake, Documents, Drift, Entra, Iam, Instance, Language, Mend, NestedGroups, NumberOrder,
        Onboarding, Phone, PhoneNumber, PhoneNumberType, QUOTA_NAMES, Quota, Quotas, RemovalAction, Removed, Storage,
        Telephony, UserGroup, UsernameAttribute, Users, basic_routing_profile, quota_name,
    },
    text::nfc,
};

/// One fault of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON path, for example `$.users.groups[0].securityProfiles`.
    pub path: String,
    /// The fault and the correction, in English.
    pub message: String,
    /// The fault and the correction, in Japanese.
    pub japanese: String,
}

impl Problem {
    /// The fault with its path, in one language.
    #[must_use]
    pub fn told(&self, language: Language) -> String {
        let message = match language {
            Language::En => &self.message,
            Language::Ja => &self.japanese,
        };
        format!("{}: {message}", self.path)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Language::En))
    }
}

impl Onboarding {
    /// Reads and checks a start input and fills in all defaults.
    ///
    /// # Errors
    /// All faults of the input, in the order of the fields.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let problems = RefCell::new(Vec::new());
        let onboarding = onboarding(&At { path: "$".into(), problems: &problems }, value);
        let problems = problems.into_inner();
        if problems.is_empty() { Ok(onboarding) } else { Err(problems) }
    }

    /// Like [`Onboarding::parse`], with the error of a step.
    ///
    /// # Errors
    /// `InvalidInput` with one line per fault.
    pub fn parse_step(value: &Value) -> Result<Self, StepError> {
        Self::parse(value).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            StepError::invalid_input(format!("the input has {} fault(s):\n{}", lines.len(), lines.join("\n")))
        })
    }
}

impl Onboarding {
    /// An input with defaults for everything except alias, users and language.
    #[must_use]
    pub fn with_defaults(alias: &str, users: Users, language: Language) -> Self {
        let instance = Instance {
            alias: alias.into(),
            inbound_calls: true,
            outbound_calls: true,
            flow_logs: true,
            ..Instance::default()
        };
        let mut onboarding = Self {
            schema: None,
            instance,
            quotas: Quotas::default(),
            phone_numbers: Vec::new(),
            documents: None,
            telephony: Telephony::default(),
            entra: Entra::default(),
            iam: Iam::default(),
            users,
            drift: Drift::default(),
            language,
        };
        onboarding.name_everything();
        onboarding
    }

    /// Sets the default names.
    fn name_everything(&mut self) {
        let alias = self.instance.alias.clone();
        for (name, default) in [
            (&mut self.entra.application_name, names::application(&alias)),
            (&mut self.iam.saml_provider_name, names::saml_provider(&alias)),
            (&mut self.iam.policy_name, names::policy(&alias)),
            (&mut self.iam.role_name, names::role(&alias)),
        ] {
            if name.is_empty() {
                *name = default;
            }
        }
    }
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
        drift: fields.or("drift", drift, Drift::default()),
        language: fields.or(
            "language",
            |at, value| choice(at, value, &[("en", Language::En), ("ja", Language::Ja)]),
            Language::En,
        ),
    };
    fields.done();
    together(at, &onboarding);
    onboarding.name_everything();
    onboarding
}

/// Checks rules that involve several fields.
fn together(at: &At, onboarding: &Onboarding) {
    let users = &onboarding.users;
    if users.nested_groups == NestedGroups::Flatten && onboarding.entra.assignment == Assignment::Groups {
        at.key("users").key("nestedGroups").fault(
            "\"flatten\" requires entra.assignment \"users\": in Entra, only direct members of an assigned \
             group can sign in",
            "\"flatten\" は entra.assignment が \"users\" の場合にのみ使用できます。Entra でサインインできるのは、\
             割り当てたグループの直接のメンバーだけです",
        );
    }
    if users.guests && users.username == UsernameAttribute::UserPrincipalName {
        at.key("users").key("guests").fault(
            "guests can't sign in with their user principal name (it contains `#EXT#`); set users.username to \
             \"mail\" or \"objectId\"",
            "ゲストは、`#EXT#` を含むユーザープリンシパル名ではサインインできません。\
             users.username に \"mail\" または \"objectId\" を指定してください",
        );
    }
    for (index, number) in onboarding.phone_numbers.iter().enumerate() {
        let documents_missing = onboarding.documents.is_none() && onboarding.telephony.order == NumberOrder::Automatic;
        if number.country == "JP" && documents_missing {
            at.key("phoneNumbers").index(index).fault(
                "an order of Japanese numbers needs three documents: name them in `documents`, or set \
                 telephony.order to \"manual\"",
                "日本の電話番号の申請には 3 種類の書類が必要です。`documents` で指定するか、\
                 telephony.order に \"manual\" を指定してください",
            );
        }
    }
    if onboarding.telephony.outbound_to_japanese_mobiles && !onboarding.instance.outbound_calls {
        at.key("telephony")
            .key("outboundToJapaneseMobiles")
            .fault("needs instance.outboundCalls", "instance.outboundCalls を true にする必要があります");
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

/// The rule for an alias in Connect: 1 to 45 characters, `^(?!d-)([\da-zA-Z]+)([-]*[\da-zA-Z])*$`.
fn alias(at: &At, value: &Value) -> String {
    let alias = text(at, value);
    let inner = alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !alias.is_empty() && (!inner || alias.starts_with('-') || alias.ends_with('-') || alias.len() > 45) {
        at.fault(
            "must be 1 to 45 letters, digits and hyphens, with no hyphen at either end",
            "1〜45 文字の英数字とハイフンで指定してください。先頭と末尾にハイフンは使用できません",
        );
    } else if alias.starts_with("d-") {
        at.fault(
            "must not begin with `d-`, which Amazon Connect reserves",
            "`d-` で始まるエイリアスは使用できません (Amazon Connect で予約されています)",
        );
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
            at.fault(
                format!("must be an object or a list, not {}", kind(other)),
                format!("オブジェクトまたはリストで指定してください ({}が指定されています)", kind_ja(other)),
            );
            Vec::new()
        }
    };
    for (index, quota) in quotas.iter().enumerate() {
        if !quota.code.is_empty() && quotas[..index].iter().any(|earlier| earlier.code == quota.code) {
            let quota = match quota_name(&quota.code) {
                name if name == quota.code => name.to_owned(),
                name => format!("{name} ({})", quota.code),
            };
            at.fault(
                format!("names the quota {quota} twice; keep only one of the entries"),
                format!("クォータ {quota} が 2 回指定されています。いずれか一方だけを指定してください"),
            );
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
        return name.to_ascii_uppercase();
    }
    QUOTA_NAMES.iter().find(|(known, _, _)| *known == name).map_or_else(
        || {
            let known = QUOTA_NAMES.iter().map(|(known, _, _)| *known).collect::<Vec<_>>().join(", ");
            at.fault(
                format!("is not a known quota; use a code (`L-` and eight hexadecimal digits) or one of {known}"),
                format!(
                    "クォータの名前またはコードが正しくありません。\
                     コード (`L-` と 8 桁の 16 進数) または次のいずれかの名前を指定してください: {known}"
                ),
            );
            String::new()
        },
        |(_, code, _)| (*code).to_owned(),
    )
}

fn quota_value(at: &At, value: &Value) -> f64 {
    value.as_f64().filter(|number| (1.0..=10_000_000_000.0).contains(number)).unwrap_or_else(|| {
        at.fault("must be a number from 1 to 10,000,000,000", "1〜10,000,000,000 の数値を指定してください");
        1.0
    })
}

fn phone_number(at: &At, value: &Value) -> PhoneNumber {
    let mut fields = Fields::of(at, value);
    let number = PhoneNumber {
        country: fields.required("country", |at, value| {
            let country = text(at, value);
            if !country.is_empty() && (country.len() != 2 || !country.chars().all(|c| c.is_ascii_uppercase())) {
                at.fault(
                    "must be an ISO 3166-1 country code of two capital letters, for example \"JP\"",
                    "大文字 2 文字の ISO 3166-1 国コード (例: \"JP\") で指定してください",
                );
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
                at.fault(
                    "must be `+` and 1 to 14 digits, for example \"+813\"",
                    "`+` と 1〜14 桁の数字で指定してください (例: \"+813\")",
                );
            }
            prefix
        }),
        quantity: fields.or("quantity", |at, value| whole(at, value, 1, 100), 1),
        description: fields.optional("description", |at, value| {
            let description = text(at, value);
            if description.chars().count() > 500 {
                at.fault("must have at most 500 characters", "500 文字以内で指定してください");
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
            at.fault(
                "must be an object key of at most 1,024 bytes",
                "1,024 バイト以内のオブジェクトキーを指定してください",
            );
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

fn drift(at: &At, value: &Value) -> Drift {
    let mut fields = Fields::of(at, value);
    let drift = Drift {
        mend: fields.or(
            "mend",
            |at, value| choice(at, value, &[("report", Mend::Report), ("mend", Mend::Mend)]),
            Mend::Report,
        ),
    };
    fields.done();
    drift
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
                        at.fault("must be an email address", "メールアドレスを指定してください");
                    }
                    email
                });
                if emails.len() > 5 {
                    at.fault("must not have more than five addresses", "指定できるアドレスは 5 件までです");
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
        at.fault(format!("must have at most {most} characters"), format!("{most} 文字以内で指定してください"));
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
                    at.fault(
                        "must be an ISO 8601 duration from PT1H to PT12H, for example \"PT12H\"",
                        "ISO 8601 形式の期間 (PT1H〜PT12H) を指定してください (例: \"PT12H\")",
                    );
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
        at.fault(
            format!("must be at most {most} letters, digits and {signs}"),
            format!("{most} 文字以内の英数字と {signs} で指定してください"),
        );
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
        at.fault("must name at least one group", "グループを 1 つ以上指定してください");
    }
    if groups.len() > Users::MAX_GROUPS {
        at.fault(
            format!(
                "names {} groups, but the maximum is {}; name parent groups instead, with users.nestedGroups \
                 \"flatten\"",
                groups.len(),
                Users::MAX_GROUPS
            ),
            format!(
                "グループが {} 個指定されています。指定できるのは {} 個までです。親グループを指定し、\
                 users.nestedGroups に \"flatten\" を指定してください",
                groups.len(),
                Users::MAX_GROUPS
            ),
        );
        return groups;
    }
    for (index, group) in groups.iter().enumerate() {
        let earlier =
            groups[..index].iter().position(|earlier| nfc(&earlier.group).eq_ignore_ascii_case(&nfc(&group.group)));
        if let Some(earlier) = earlier.filter(|_| !group.group.is_empty()) {
            at.index(index).key("group").fault(
                format!("is the same group as groups[{earlier}]"),
                format!("groups[{earlier}] と同じグループが指定されています"),
            );
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
        at.fault(
            "must name one to ten security profiles; there is no default, because they decide which permissions \
             the users have",
            "セキュリティプロファイルを 1〜10 個指定してください。ユーザーの権限が決まるため、デフォルト値はありません",
        );
    }
    for (index, profile) in profiles.iter().enumerate() {
        if !profile.is_empty() && profiles[..index].contains(profile) {
            at.index(index).fault("is named twice", "2 回指定されています");
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
mod tests;
