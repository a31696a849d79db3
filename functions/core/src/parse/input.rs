//! Checks `onboarding.json`, section by section.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    channels,
    check::{Location, any_text, boolean, choice, integer, list, object, optional, required, text, text_up_to},
    quotas::quotas,
    sign_in::{approved_origins, sign_in},
    skills,
};
use crate::{iam, names, onboarding::Users, sync::check_username, text::nfc};

pub(super) fn onboarding(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("$schema", any_text),
            required("instance", instance),
            optional("quotas", quotas),
            optional("phoneNumbers", phone_numbers),
            optional("documents", documents),
            optional("telephony", telephony),
            optional("entra", entra),
            optional("iam", iam_objects),
            optional("signIn", sign_in),
            required("users", users),
            optional("drift", |at, value| {
                object(at, value, &[optional("mend", |at, value| choice(at, value, &["report", "mend"]))])
            }),
            optional("language", |at, value| choice(at, value, &["en", "ja"])),
        ],
    );
    combinations(at, value);
}

/// Checks the rules that combine several fields.
fn combinations(at: &Location<'_>, value: &Value) {
    let (users, entra, telephony) = (&value["users"], &value["entra"], &value["telephony"]);
    if users["nestedGroups"] == "flatten" && entra["assignment"] != "users" {
        at.key("users").key("nestedGroups").fault(
            "\"flatten\" requires entra.assignment \"users\": in Entra, only direct members of an assigned \
             group can sign in",
            "\"flatten\" は entra.assignment が \"users\" の場合にのみ使用できます。Entra でサインインできるのは、\
             割り当てたグループの直接のメンバーだけです",
        );
    }
    if users["guests"] == true && users["username"] != "mail" && users["username"] != "objectId" {
        at.key("users").key("guests").fault(
            "guests can't sign in with their user principal name (it contains `#EXT#`); set users.username to \
             \"mail\" or \"objectId\"",
            "ゲストは、`#EXT#` を含むユーザープリンシパル名ではサインインできません。\
             users.username に \"mail\" または \"objectId\" を指定してください",
        );
    }
    let documents_missing = value.get("documents").is_none() && telephony["order"] != "manual";
    let numbers = value["phoneNumbers"].as_array().into_iter().flatten().enumerate();
    for (index, _) in numbers.filter(|(_, number)| documents_missing && number["country"] == "JP") {
        at.key("phoneNumbers").index(index).fault(
            "an order of Japanese numbers needs three documents: name them in `documents`, or set \
             telephony.order to \"manual\"",
            "日本の電話番号の申請には 3 種類の書類が必要です。`documents` で指定するか、\
             telephony.order に \"manual\" を指定してください",
        );
    }
    starter_flow(at, value);
    let outbound = value["instance"].get("outboundCalls");
    if telephony["outboundToJapaneseMobiles"] == true && outbound.is_some_and(|outbound| outbound != true) {
        at.key("telephony").key("outboundToJapaneseMobiles").fault(
            "requires that instance.outboundCalls is true",
            "instance.outboundCalls を true にする必要があります",
        );
    }
}

/// Checks the fields that a starter flow needs: the instance must allow inbound calls, and at least one phone number
/// must have no other flow.
fn starter_flow(at: &Location<'_>, value: &Value) {
    if value["telephony"]["starterFlow"] != true {
        return;
    }
    let at = at.key("telephony");
    let at = at.key("starterFlow");
    if value["instance"].get("inboundCalls").is_some_and(|inbound| inbound != true) {
        at.fault("requires that instance.inboundCalls is true", "instance.inboundCalls を true にする必要があります");
    }
    let mut numbers = value["phoneNumbers"].as_array().into_iter().flatten();
    if numbers.all(|number| number.get("contactFlow").is_some()) {
        at.fault(
            "needs a phone number without contactFlow in phoneNumbers",
            "phoneNumbers に contactFlow を指定しない電話番号が必要です",
        );
    }
}

fn instance(at: &Location<'_>, value: &Value) {
    let storage = |at: &Location<'_>, value: &Value| {
        let kinds = ["callRecordings", "chatTranscripts", "scheduledReports"];
        object(at, value, &kinds.map(|kind| optional(kind, boolean)));
    };
    object(
        at,
        value,
        &[
            required("alias", alias),
            optional("inboundCalls", boolean),
            optional("outboundCalls", boolean),
            optional("flowLogs", boolean),
            optional("contactLens", boolean),
            optional("earlyMedia", boolean),
            optional("approvedOrigins", approved_origins),
            optional("storage", storage),
        ],
    );
}

/// Checks Connect's rule for an alias: 1 to 45 characters, `^(?!d-)([\da-zA-Z]+)([-]*[\da-zA-Z])*$`.
fn alias(at: &Location<'_>, value: &Value) {
    let Some(alias) = text(at, value) else { return };
    let inner = alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !inner || alias.starts_with('-') || alias.ends_with('-') || alias.len() > 45 {
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
}

fn phone_numbers(at: &Location<'_>, value: &Value) {
    list(at, value, phone_number);
}

fn phone_number(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            required("country", country),
            required("type", |at, value| choice(at, value, &["DID", "TOLL_FREE", "UIFN"])),
            optional("prefix", prefix),
            optional("quantity", integer::<1, 100>),
            optional("description", text_up_to::<500>),
            optional("contactFlow", any_text),
        ],
    );
}

fn country(at: &Location<'_>, value: &Value) {
    let valid = |country: &str| country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase());
    if text(at, value).is_some_and(|country| !valid(country)) {
        at.fault(
            "must be an ISO 3166-1 country code of two capital letters, for example \"JP\"",
            "大文字 2 文字の ISO 3166-1 国コード (例: \"JP\") で指定してください",
        );
    }
}

fn prefix(at: &Location<'_>, value: &Value) {
    let valid = |prefix: &str| {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        (1..=14).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit())
    };
    if text(at, value).is_some_and(|prefix| !valid(prefix)) {
        at.fault(
            "must be `+` and 1 to 14 digits, for example \"+813\"",
            "`+` と 1〜14 桁の数字で指定してください (例: \"+813\")",
        );
    }
}

fn documents(at: &Location<'_>, value: &Value) {
    let key = |at: &Location<'_>, value: &Value| {
        if text(at, value).is_some_and(|key| key.len() > 1024) {
            at.fault(
                "must be an object key of at most 1,024 bytes",
                "1,024 バイト以内のオブジェクトキーを指定してください",
            );
        }
    };
    object(at, value, &["identity", "address", "relationship"].map(|kind| required(kind, key)));
}

fn telephony(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("order", |at, value| choice(at, value, &["automatic", "manual"])),
            optional("outboundToJapaneseMobiles", boolean),
            optional("starterFlow", boolean),
        ],
    );
}

fn entra(at: &Location<'_>, value: &Value) {
    let emails = |at: &Location<'_>, value: &Value| {
        if list(at, value, email).len() > 5 {
            at.fault("must not have more than five addresses", "指定できるアドレスは 5 件までです");
        }
    };
    object(
        at,
        value,
        &[
            optional("applicationName", text_up_to::<120>),
            optional("assignment", |at, value| choice(at, value, &["groups", "users"])),
            optional("notificationEmails", emails),
        ],
    );
}

fn email(at: &Location<'_>, value: &Value) {
    let valid =
        |email: &str| email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'));
    if text(at, value).is_some_and(|email| !valid(email)) {
        at.fault("must be an email address", "メールアドレスを指定してください");
    }
}

fn iam_objects(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("samlProviderName", |at, value| iam_name(at, value, 128, "._-")),
            optional("policyName", |at, value| iam_name(at, value, 128, "+=,.@_-")),
            optional("roleName", |at, value| iam_name(at, value, 64, "+=,.@_-")),
            optional("sessionDuration", session_duration),
        ],
    );
}

fn iam_name(at: &Location<'_>, value: &Value, most: usize, signs: &str) {
    let valid = |name: &str| name.len() <= most && name.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c));
    if text(at, value).is_some_and(|name| !valid(name)) {
        at.fault(
            format!("must be at most {most} letters, digits and {signs}"),
            format!("{most} 文字以内の英数字と {signs} で指定してください"),
        );
    }
}

fn session_duration(at: &Location<'_>, value: &Value) {
    if text(at, value).is_some_and(|duration| iam::session_seconds(duration).is_err()) {
        at.fault(
            "must be an ISO 8601 duration from PT1H to PT12H, for example \"PT12H\"",
            "ISO 8601 形式の期間 (PT1H〜PT12H) を指定してください (例: \"PT12H\")",
        );
    }
}

fn users(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("username", |at, value| choice(at, value, &["userPrincipalName", "mail", "objectId"])),
            required("groups", groups),
            optional("nestedGroups", |at, value| choice(at, value, &["report", "flatten"])),
            optional("guests", boolean),
            optional("removed", removed),
            optional("brake", removal_limit),
        ],
    );
}

fn groups(at: &Location<'_>, value: &Value) {
    let groups = list(at, value, group);
    if value.as_array().is_some_and(Vec::is_empty) {
        at.fault("must name at least one group", "グループを 1 つ以上指定してください");
    }
    let (count, most) = (groups.len(), Users::MAX_GROUPS);
    if count > most {
        return at.fault(
            format!(
                "names {count} groups, but the maximum is {most}; name parent groups instead, with users.nestedGroups \
                 \"flatten\""
            ),
            format!(
                "グループが {count} 個指定されています。指定できるのは {most} 個までです。親グループを指定し、\
                 users.nestedGroups に \"flatten\" を指定してください"
            ),
        );
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        let Some(name) = group["group"].as_str().filter(|name| !name.is_empty()) else { continue };
        let earlier = *seen.entry(nfc(name).to_ascii_lowercase()).or_insert(index);
        if earlier != index {
            at.index(index).key("group").fault(
                format!("is the same group as groups[{earlier}]"),
                format!("groups[{earlier}] と同じグループが指定されています"),
            );
        }
    }
    skills::spellings(at, groups);
}

fn group(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            required("group", text_up_to::<256>),
            required("securityProfiles", security_profiles),
            optional("routingProfile", text_up_to::<127>),
            optional("hierarchyGroup", any_text),
            optional("phone", phone),
            optional("channels", channels::channels),
            optional("proficiencies", skills::proficiencies),
        ],
    );
    channels::contradictions(at, value);
}

fn security_profiles(at: &Location<'_>, value: &Value) {
    let profiles = list(at, value, text_up_to::<128>);
    if value.is_array() && !(1..=10).contains(&profiles.len()) {
        at.fault(
            "must name one to ten security profiles; there is no default, because the profiles decide which permissions \
             the users have",
            "セキュリティプロファイルを 1〜10 個指定してください。ユーザーの権限を決める設定のため、デフォルト値はありません",
        );
    }
    for (index, profile) in profiles.iter().enumerate() {
        let named = profile.as_str().is_some_and(|name| !name.is_empty());
        if named && profiles[..index].contains(profile) {
            at.index(index).fault("is named twice", "重複して指定されています");
        }
        if profile == names::NO_ACCESS_PROFILE {
            // A member who has only this profile looks like a user who left all groups and whose permissions are
            // already removed. When the member leaves, the sync would therefore not remove the profile, even if another
            // administrator created the profile with permissions.
            at.index(index).fault(
                "is reserved for users who left; name another security profile, without permissions if that is intended",
                "このプロファイルは、グループから外れたユーザー用に予約されています。別のセキュリティプロファイルを\
                 指定してください",
            );
        }
    }
}

fn phone(at: &Location<'_>, value: &Value) {
    object(at, value, &[optional("autoAccept", boolean), optional("afterContactWorkSeconds", integer::<0, 2_000_000>)]);
}

fn removed(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("action", |at, value| choice(at, value, &["keep", "strip", "delete"])),
            optional("graceDays", integer::<0, 3650>),
            optional("signOut", boolean),
            optional("quickConnects", quick_connects),
        ],
    );
    grace_days(at, value);
    if value["quickConnects"].is_object() && value["action"] != "delete" {
        at.key("quickConnects").fault(
            "has no effect, because users are deleted only with the action \"delete\"; set users.removed.action to \
             \"delete\", or remove quickConnects",
            "action が \"delete\" の場合にのみ指定できます。それ以外の場合、ユーザーは削除されません。\
             users.removed.action に \"delete\" を指定するか、quickConnects を削除してください",
        );
    }
}

/// Checks the setting for the quick connects of deleted users. The value is `"delete"`, or an object that contains the
/// username of the user to whom the quick connects are transferred.
fn quick_connects(at: &Location<'_>, value: &Value) {
    if value.is_object() {
        object(at, value, &[required("transferTo", connect_username)]);
    } else if value != "delete" {
        at.fault(
            "must be \"delete\" or { \"transferTo\": \"<username>\" }",
            "\"delete\" または { \"transferTo\": \"<ユーザー名>\" } を指定してください",
        );
    }
}

fn connect_username(at: &Location<'_>, value: &Value) {
    if let Some(Err(fault)) = text(at, value).map(check_username) {
        at.fault(
            format!("is not the username of a Connect user: it {fault}"),
            "Connect のユーザー名を指定してください (英数字と . _ - @ からなる 2〜64 文字。@ は user@example.com の形式\
             でのみ使用できます)",
        );
    }
}

/// Checks that `graceDays` is not set together with the action `strip`, which has no grace period.
fn grace_days(at: &Location<'_>, removed: &Value) {
    if removed["action"] == "strip" && removed.get("graceDays").is_some() {
        at.key("graceDays").fault(
            "has no meaning for the action \"strip\", which removes all rights immediately and is reverted when the \
             member returns; remove graceDays",
            "action が \"strip\" の場合は指定できません。権限はすぐに削除され、メンバーが戻ると復元されます。graceDays を\
             削除してください",
        );
    }
}

fn removal_limit(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[optional("maxRemovals", integer::<0, 1_000_000>), optional("maxRemovalsPercent", integer::<0, 100>)],
    );
}
