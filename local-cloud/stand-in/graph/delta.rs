//! Delta queries for groups with their members, and for users. A delta query returns the changes since a token was
//! issued.
//!
//! Sources: "Use delta query to track changes in Microsoft Graph data", "Get incremental changes for groups" and
//! "group: delta". As in the real service, only `$select` and a `$filter` by up to 50 IDs are supported. A membership
//! contains only the member's ID, and a change can be returned twice. If a user is deleted, the delta query for groups
//! does not report that the user was removed from a group.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{Answer, Call, Graph, directory::Logged, error::GraphError};

/// The maximum number of objects in a filter.
const FILTERED: usize = 50;
/// The number of objects in a page.
const PAGE: usize = 100;

/// The content of a token. The token contains all query options, so a link has no other parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Token {
    path: String,
    select: Option<Vec<String>>,
    ids: Option<Vec<String>>,
    /// The time after which changes are returned. `None`: all objects are returned.
    since: Option<i128>,
    /// The time up to which changes are returned.
    until: i128,
    /// The number of objects in the previous pages.
    after: usize,
}

impl Token {
    fn seal(&self, graph: &Graph) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = Sha256::new().chain_update(&graph.salt).chain_update(&json).finalize();
        URL_SAFE_NO_PAD.encode([&hash[..12], &json].concat())
    }

    fn open(graph: &Graph, path: &str, text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (seal, json) = bytes.split_at_checked(12)?;
        let hash = Sha256::new().chain_update(&graph.salt).chain_update(json).finalize();
        let token: Self = serde_json::from_slice(json).ok()?;
        (seal == &hash[..12] && token.path == path).then_some(token)
    }
}

impl Call<'_> {
    pub(super) fn delta(&self) -> Result<Answer, GraphError> {
        let token = self.delta_token()?;
        let rows = if self.endpoint.path.starts_with("/groups") {
            self.changed_groups(&token)
        } else {
            self.changed_users(&token)
        };
        let mut page = json!({
            "@odata.context": format!("{}/v1.0/$metadata#{}", self.graph.base(), self.endpoint.path.trim_matches('/').split('/').next().unwrap_or_default()),
        });
        let link = |name: &str, token: &Token| {
            format!("{}{}?{name}={}", self.graph.base(), self.request.path, token.seal(self.graph))
        };
        let next = token.after + PAGE;
        if rows.len() > next {
            page["@odata.nextLink"] = json!(link("$skiptoken", &Token { after: next, ..token.clone() }));
        } else {
            let later = Token { since: Some(token.until), after: 0, ..token.clone() };
            page["@odata.deltaLink"] = json!(link("$deltatoken", &later));
        }
        page["value"] = rows.into_iter().skip(token.after).take(PAGE).collect();
        Ok(Answer::json(200, page))
    }

    /// The token in the request. A request without a token begins a new query.
    fn delta_token(&self) -> Result<Token, GraphError> {
        let (until, path) = (self.now.unix_timestamp_nanos(), self.endpoint.path.clone());
        if let Some(text) = self.request.query("$skiptoken") {
            return Token::open(self.graph, &path, text).ok_or_else(lost);
        }
        match self.request.query("$deltatoken") {
            Some("latest") | None => {}
            Some(text) => {
                let token = Token::open(self.graph, &path, text).ok_or_else(lost)?;
                let age = OffsetDateTime::from_unix_timestamp_nanos(token.since.unwrap_or_default())
                    .map_or(0.0, |since| (self.now - since).as_seconds_f64());
                if self.graph.options.clock.real(age) > self.graph.behaviour().delta_token_seconds {
                    return Err(lost());
                }
                return Ok(Token { until, since: token.since.map(|since| self.replayed(since)), ..token });
            }
        }
        for name in ["$expand", "$search", "$orderby", "$skip", "$top", "$count"] {
            if self.request.query(name).is_some() {
                return Err(GraphError::unsupported_query(format!("'{name}' is not supported for this query.")));
            }
        }
        let select = self.request.query("$select").map(|names| names.split(',').map(|name| name.trim().to_owned()));
        let select: Option<Vec<String>> = select.map(Iterator::collect);
        if let Some(names) = &select {
            super::schema::MODEL.check_select(self.endpoint, names)?;
        }
        let ids = self.request.query("$filter").map(filtered_ids).transpose()?;
        let since = (self.request.query("$deltatoken") == Some("latest")).then_some(until);
        Ok(Token { path, select, ids, since, until, after: 0 })
    }

    /// The time from which changes are returned. Every n-th request also returns older changes again.
    fn replayed(&self, since: i128) -> i128 {
        let behaviour = self.graph.behaviour();
        let mut state = self.graph.state();
        state.deltas += 1;
        let replays =
            behaviour.replayed_changes_every.is_some_and(|every| every > 0 && state.deltas.is_multiple_of(every));
        let earlier = self.graph.options.clock.lasts(behaviour.replayed_seconds).as_nanos();
        if replays { since - i128::try_from(earlier).unwrap_or_default() } else { since }
    }

    fn changed_groups(&self, token: &Token) -> Vec<Value> {
        let state = self.graph.state();
        let wanted = |id: &str| token.ids.as_ref().is_none_or(|ids| ids.iter().any(|one| one.eq_ignore_ascii_case(id)));
        let selected = |name: &str| token.select.as_ref().is_none_or(|names| names.iter().any(|one| one == name));
        let mut changed: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
        match token.since {
            None => {
                for group in state.directory.groups(None) {
                    let id = group.fields.get("id").and_then(Value::as_str).unwrap_or_default();
                    let members =
                        state.directory.members(id, 0, self.now).map(|(_, member)| (text(&member.fields, "id"), false));
                    changed.insert(id.to_owned(), members.collect());
                }
            }
            Some(since) => {
                for entry in state.directory.log(between(since, token.until)) {
                    match entry {
                        Logged::Member { group, id, removed } => {
                            changed.entry(group.clone()).or_default().insert(id.clone(), *removed);
                        }
                        Logged::GroupDeleted { id } => _ = changed.entry(id.clone()).or_default(),
                        Logged::User { .. } => {}
                    }
                }
            }
        }
        let rows = changed.into_iter().filter(|(id, members)| {
            let is_deleted = state.directory.group(id).is_none();
            wanted(id) && (token.since.is_none() || is_deleted || selected("members") && !members.is_empty())
        });
        rows.map(|(id, members)| {
            let Some(group) = state.directory.group(&id) else {
                return json!({ "id": id, "@removed": { "reason": "deleted" } });
            };
            let mut row = group.view(token.select.as_deref(), true);
            row.retain(|name, _| name != "members");
            row.insert("id".into(), json!(id));
            if selected("members") {
                let members = members.into_iter().map(|(id, removed)| {
                    let mut row = json!({ "@odata.type": "#microsoft.graph.user", "id": id });
                    if removed {
                        row["@removed"] = json!({ "reason": "deleted" });
                    }
                    row
                });
                row.insert("members@delta".into(), members.collect());
            }
            Value::Object(row)
        })
        .collect()
    }

    fn changed_users(&self, token: &Token) -> Vec<Value> {
        let state = self.graph.state();
        let ids: BTreeSet<String> = match token.since {
            None => state.directory.all_users().into_iter().map(|user| text(&user.fields, "id")).collect(),
            Some(since) => {
                let tracked = |names: &[String]| {
                    let is_selected = |name: &String| token.select.as_ref().is_none_or(|select| select.contains(name));
                    names.iter().any(|name| name == "deletedDateTime" || is_selected(name))
                };
                let entries = state.directory.log(between(since, token.until));
                let users = entries.filter_map(|entry| match entry {
                    Logged::User { id, properties } if tracked(properties) => Some(id.clone()),
                    _ => None,
                });
                users.collect()
            }
        };
        let wanted =
            |id: &String| token.ids.as_ref().is_none_or(|ids| ids.iter().any(|one| one.eq_ignore_ascii_case(id)));
        let rows = ids.into_iter().filter(wanted).filter_map(|id| {
            let user = state.directory.object(&id)?;
            if user.deleted() {
                return Some(json!({ "id": id, "@removed": { "reason": "changed" } }));
            }
            let mut row = user.view(token.select.as_deref(), true);
            row.insert("id".into(), json!(id));
            Some(Value::Object(row))
        });
        rows.collect()
    }
}

/// The error for a token that has expired, belongs to another query, or is invalid. The client must then read all
/// objects again.
fn lost() -> GraphError {
    GraphError::new(
        410,
        "syncStateNotFound",
        "The sync state generation is not found. The delta token is expired and data must be synchronized again.",
    )
}

/// The IDs in a filter `id eq '…' or id eq '…'`, which is the only filter of delta queries.
fn filtered_ids(filter: &str) -> Result<Vec<String>, GraphError> {
    let refused =
        || GraphError::unsupported_query("Unsupported or invalid query filter clause specified for delta query.");
    let one = |clause: &str| {
        let id = clause.trim().strip_prefix("id eq ")?.trim().trim_matches('\'');
        super::schema::is_guid(id).then(|| id.to_owned())
    };
    let ids: Vec<String> = filter.split(" or ").map(one).collect::<Option<_>>().ok_or_else(refused)?;
    if ids.len() > FILTERED {
        return Err(GraphError::bad_request(format!(
            "Too many objects in the filter: at most {FILTERED} are tracked."
        )));
    }
    Ok(ids)
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether a time is after `since` and not after `until`.
fn between(since: i128, until: i128) -> impl Fn(OffsetDateTime) -> bool {
    move |at| (since + 1..=until).contains(&at.unix_timestamp_nanos())
}
