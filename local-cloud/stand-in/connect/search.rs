//! The operation `SearchUsers`.

use serde_json::{Map, Value, json};

use super::users::{User, common};
use super::{Instance, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

pub(super) fn users(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let filter = input.object("SearchFilter");
    let part = |name: &str| filter.and_then(|filter| filter.get(name)).and_then(Value::as_object);
    if part("TagFilter").is_some() && part("UserAttributeFilter").is_some() {
        return Err(Refusal::invalid_request("TagFilter and UserAttributeFilter cannot be combined."));
    }
    let criteria = input.object("SearchCriteria");
    if let Some(criteria) = criteria {
        check(criteria)?;
    }
    let fits = |user: &User| {
        part("TagFilter").is_none_or(|filter| by_tags(filter, user))
            && part("UserAttributeFilter").is_none_or(|filter| by_attributes(filter, user))
            && criteria.is_none_or(|criteria| by_criteria(criteria, user))
    };
    let all: Vec<(u64, &User)> = instance.users.listed(setting.clock.now()).filter(|(_, user)| fits(user)).collect();
    let total = all.len();
    let scope = format!("SearchUsers {} {:x}", instance.id, fingerprint(input));
    let size = input.page_size(100, 500);
    let (found, next) = page(all.into_iter(), &scope, input.text("NextToken"), size, setting.paging(), bad_token)?;
    let found: Vec<Value> = found.into_iter().map(|user| summary(setting, user)).collect();
    let mut shape = json!({ "Users": found, "ApproximateTotalCount": total });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

/// A hash of the search criteria. With this hash, a next token is accepted only for the search that returned the token.
fn fingerprint(input: &Input) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    json!([input.0.get("SearchFilter"), input.0.get("SearchCriteria")]).to_string().hash(&mut hasher);
    hasher.finish()
}

/// A user in the format of `SearchUsers`: names without email addresses, and after-contact work time in milliseconds
/// instead of seconds.
fn summary(setting: &Setting, user: &User) -> Value {
    let mut shape = common(user);
    let names = ["FirstName", "LastName"].into_iter();
    let names: Map<String, Value> =
        names.filter_map(|name| Some((name.to_owned(), user.identity.get(name)?.clone()))).collect();
    shape.insert("IdentityInfo".into(), json!(names));
    let mut settings = user.settings.clone();
    if let Some(limit) = settings.get_mut("PhoneConfig").and_then(|phone| phone.get_mut("AfterContactWorkTimeLimit")) {
        *limit = json!(limit.as_u64().unwrap_or_default() * 1000);
    }
    let channels = settings.get_mut("AfterContactWorkConfigs").and_then(Value::as_array_mut);
    for config in channels.into_iter().flatten().filter(|_| setting.behaviour.channel_work_in_milliseconds) {
        if let Some(limit) = config.pointer_mut("/AfterContactWorkConfig/AfterContactWorkTimeLimit") {
            *limit = json!(limit.as_u64().unwrap_or_default() * 1000);
        }
    }
    shape.extend(settings);
    Value::Object(shape)
}

fn text<'a>(condition: &'a Value, name: &str) -> Option<&'a str> {
    condition.get(name).and_then(Value::as_str)
}

/// Whether the user has a tag with the key and, if given, the value in the condition.
fn has_tag(condition: &Value, user: &User) -> bool {
    let Some(value) = text(condition, "TagKey").and_then(|key| user.tags.get(key)) else { return false };
    text(condition, "TagValue").is_none_or(|wanted| value.as_str() == Some(wanted))
}

fn all(conditions: Option<&Value>, holds: impl Fn(&Value) -> bool) -> bool {
    conditions.and_then(Value::as_array).is_none_or(|conditions| conditions.iter().all(holds))
}

fn any(conditions: Option<&Value>, holds: impl Fn(&Value) -> bool) -> bool {
    conditions.and_then(Value::as_array).is_none_or(|conditions| conditions.is_empty() || conditions.iter().any(holds))
}

fn by_tags(filter: &Map<String, Value>, user: &User) -> bool {
    filter.get("TagCondition").is_none_or(|condition| has_tag(condition, user))
        && all(filter.get("AndConditions"), |condition| has_tag(condition, user))
        && any(filter.get("OrConditions"), |group| all(Some(group), |condition| has_tag(condition, user)))
}

fn by_attributes(filter: &Map<String, Value>, user: &User) -> bool {
    let group = |conditions: &Value| {
        all(conditions.get("TagConditions"), |condition| has_tag(condition, user))
            && conditions.get("HierarchyGroupCondition").is_none_or(|condition| in_group(condition, user))
    };
    filter.get("TagCondition").is_none_or(|condition| has_tag(condition, user))
        && filter.get("HierarchyGroupCondition").is_none_or(|condition| in_group(condition, user))
        && filter.get("AndCondition").is_none_or(group)
        && any(filter.get("OrConditions"), group)
}

/// Whether the user is in the hierarchy group that the condition names. There are no child groups to check, because the
/// local cloud supports only one level of hierarchy groups.
fn in_group(condition: &Value, user: &User) -> bool {
    text(condition, "Value") == user.hierarchy.as_deref()
}

/// Rejects search criteria that are valid in Connect but not supported here. Without the check of the criteria, the
/// search would return the wrong users.
fn check(criteria: &Map<String, Value>) -> Result<(), Refusal> {
    if criteria.contains_key("ListCondition") {
        return Err(Refusal::invalid_request("The local cloud does not support a search by proficiencies."));
    }
    if let Some(condition) = criteria.get("StringCondition") {
        let field = text(condition, "FieldName").unwrap_or_default();
        let known = ["Username", "FirstName", "LastName", "RoutingProfileId", "SecurityProfileId", "resourceId"];
        if !known.iter().any(|known| known.eq_ignore_ascii_case(field)) {
            return Err(Refusal::invalid_parameter(format!("Users cannot be searched by {field}.")));
        }
    }
    for name in ["OrConditions", "AndConditions"] {
        for inner in criteria.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            check(inner)?;
        }
    }
    Ok(())
}

fn by_criteria(criteria: &Map<String, Value>, user: &User) -> bool {
    let inner = |criteria: &Value| criteria.as_object().is_none_or(|criteria| by_criteria(criteria, user));
    criteria.get("StringCondition").is_none_or(|condition| by_string(condition, user))
        && criteria.get("HierarchyGroupCondition").is_none_or(|condition| in_group(condition, user))
        && all(criteria.get("AndConditions"), inner)
        && any(criteria.get("OrConditions"), inner)
}

fn by_string(condition: &Value, user: &User) -> bool {
    let name = |name: &str| user.identity.get(name).and_then(Value::as_str).unwrap_or_default();
    let values: Vec<&str> = match text(condition, "FieldName").unwrap_or_default().to_ascii_lowercase().as_str() {
        "username" => vec![&user.username],
        "firstname" => vec![name("FirstName")],
        "lastname" => vec![name("LastName")],
        "routingprofileid" => vec![&user.routing],
        "securityprofileid" => user.security.iter().map(String::as_str).collect(),
        _ => vec![&user.id],
    };
    let wanted = text(condition, "Value").unwrap_or_default();
    let folded = wanted.to_lowercase();
    values.into_iter().any(|value| match text(condition, "ComparisonType") {
        Some("STARTS_WITH") => value.to_lowercase().starts_with(&folded),
        Some("CONTAINS") => value.to_lowercase().contains(&folded),
        _ => value == wanted,
    })
}
