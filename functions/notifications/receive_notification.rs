//! `receive-notification`: the function URL that Microsoft Graph calls when the members of a group change. It
//! authenticates the caller, puts an event on the bus and responds within milliseconds. The content of a notification
//! is only a hint.
//!
//! * Reads: `secretsmanager:GetSecretValue` on the key of the client states, once per process.
//! * Writes: `events:PutEvents` on the stack's bus.
//! * Safe to repeat: an event is a hint, and a duplicate event only causes a read that finds no change.
//!
//! The `clientState` authenticates the caller ([`crate::entra::client_state`]): it is specific to one tenant and one group,
//! or to all groups of the tenant. A notification for another tenant, group or application is therefore rejected by
//! comparison alone, without a network call. Rejected items do not fail their batch, because Graph would resend the
//! batch for hours. A subscription to all groups also reports groups that no instance uses; `sync-members`, which
//! reads the registry, ignores these.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use onboarding_core::{
    StepError,
    contract::{MembershipChange, Reauthorization},
};
use serde::Deserialize;
use serde_json::Value;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    aws::event_bus::{self, Event},
    context::Context,
    entra::client_state::{ALL_GROUPS, ClientStates},
    runtime::function_url,
};

/// Graph's batches are much smaller.
const MOST_BYTES: usize = 1024 * 1024;
/// Microsoft's tokens have several hundred characters.
const LONGEST_TOKEN: usize = 4096;
/// Maximum number of members in one event. An event may have 256 KB, and so may a request with ten events.
const PEOPLE_IN_EVENT: usize = 500;

/// A batch of notifications. Items are parsed one by one, so that an invalid item does not affect the others.
#[derive(Deserialize)]
struct Batch {
    value: Vec<Value>,
}

/// The fields that identify the subscription.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    subscription_id: String,
    tenant_id: String,
    client_state: String,
    lifecycle_event: Option<String>,
    resource: Option<String>,
    resource_data: Option<Value>,
}

/// The content of a batch, grouped by group.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    changes: BTreeMap<(Uuid, Uuid), Change>,
    reauthorize: BTreeSet<Uuid>,
    refused: usize,
}

/// The added and removed members in the notifications of a group. A change without members is still a change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    added: BTreeSet<Uuid>,
    removed: BTreeSet<Uuid>,
}

/// Handles one request.
///
/// # Errors
/// None, because Graph only evaluates the HTTP status. Status 503 makes Graph resend the notifications.
pub async fn run(ctx: &Context, request: LambdaFunctionUrlRequest) -> Result<LambdaFunctionUrlResponse, StepError> {
    if !function_url::is(&request, "POST") {
        return Ok(function_url::text(405, "POST only"));
    }
    if let Some(token) = function_url::query(&request, "validationToken") {
        return Ok(handshake(token));
    }
    if request.body.as_ref().is_some_and(|body| body.len() > MOST_BYTES) {
        return Ok(function_url::text(413, "too large"));
    }
    let batch = function_url::bytes(&request).and_then(|bytes| serde_json::from_slice::<Batch>(&bytes).ok());
    let Some(batch) = batch else { return Ok(function_url::text(400, "no batch of notifications")) };
    // The lifecycle URL contains the group, because lifecycle notifications do not.
    let group = function_url::query(&request, GROUP_PARAMETER).and_then(|id| Uuid::try_parse(&id).ok());
    Ok(match deliver(ctx, batch, group).await {
        Ok(()) => function_url::text(202, ""),
        Err(error) => {
            warn!(error = error.name(), message = error.message, "notifications could not be passed on");
            function_url::text(503, "try again")
        }
    })
}

/// The query parameter of the lifecycle URL that contains the group.
pub const GROUP_PARAMETER: &str = "group";

/// Returns the validation token as plain text, as Graph requires.
fn handshake(token: String) -> LambdaFunctionUrlResponse {
    if token.len() > LONGEST_TOKEN {
        return function_url::text(400, "no validation token");
    }
    info!("a notification URL was validated");
    function_url::text(200, token)
}

async fn deliver(ctx: &Context, batch: Batch, group: Option<Uuid>) -> Result<(), StepError> {
    let items = batch.value.len();
    let news = read(batch, group, ctx.client_states().await?);
    let (groups, reauthorize, refused) = (news.changes.len(), news.reauthorize.len(), news.refused);
    if refused > 0 {
        warn!(items, refused, "notifications of subscriptions that are not ours were refused");
    }
    info!(items, groups, reauthorize, "notifications taken");
    event_bus::put(ctx, &into_events(news)).await
}

/// Groups the items of a batch by group.
fn read(batch: Batch, group: Option<Uuid>, states: &ClientStates) -> News {
    let mut news = News::default();
    for value in batch.value {
        if take(&mut news, value, group, states).is_none() {
            news.refused += 1;
        }
    }
    news
}

/// Adds one item; returns `None` if it is not from our subscriptions.
fn take(news: &mut News, value: Value, group: Option<Uuid>, states: &ClientStates) -> Option<()> {
    let item: Item = serde_json::from_value(value).ok()?;
    let group = if item.lifecycle_event.is_some() { group } else { watched(item.resource.as_deref()) }?;
    let (tenant, subscription) = (Uuid::try_parse(&item.tenant_id).ok()?, Uuid::try_parse(&item.subscription_id).ok()?);
    // A group is reported by its own subscription or by the subscription to all groups.
    if ![group, ALL_GROUPS].iter().any(|watched| states.proves(tenant, *watched, &item.client_state)) {
        return None;
    }
    match item.lifecycle_event.as_deref() {
        // Graph does not guarantee this event for groups. It means that the group must be read completely.
        Some("missed") => {
            news.changes.entry((tenant, group)).or_default();
        }
        Some(event) => {
            info!(event, %subscription, %group, "the subscription wants to be renewed");
            news.reauthorize.insert(group);
        }
        None => {
            let change = news.changes.entry((tenant, group)).or_default();
            for (id, left) in members(item.resource_data.as_ref()) {
                if left {
                    change.removed.insert(id)
                } else {
                    change.added.insert(id)
                };
            }
        }
    }
    Some(())
}

/// Returns the group in `Groups/{id}` or `groups/{id}/members`.
fn watched(resource: Option<&str>) -> Option<Uuid> {
    let mut parts = resource?.trim_matches('/').split('/');
    parts.next().filter(|kind| kind.eq_ignore_ascii_case("groups"))?;
    Uuid::try_parse(parts.next()?).ok()
}

/// Returns the added (`false`) and removed (`true`) members. `@removed` is a string in notifications and an object in
/// delta queries; only its presence matters.
fn members(data: Option<&Value>) -> impl Iterator<Item = (Uuid, bool)> {
    let delta = data.and_then(|data| data.get("members@delta")).and_then(Value::as_array);
    delta.into_iter().flatten().filter_map(|member| {
        let id = member.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok())?;
        Some((id, member.get("@removed").is_some_and(|removed| !removed.is_null())))
    })
}

fn into_events(news: News) -> Vec<Event> {
    let mut events = Vec::new();
    for ((tenant, group), Change { added, removed }) in news.changes {
        let people: Vec<(String, bool)> = [(added, false), (removed, true)]
            .into_iter()
            .flat_map(|(ids, left)| ids.into_iter().map(move |id| (id.to_string(), left)))
            .collect();
        let parts: Vec<&[(String, bool)]> =
            if people.is_empty() { vec![&[]] } else { people.chunks(PEOPLE_IN_EVENT).collect() };
        for part in parts {
            let (removed, added): (Vec<_>, Vec<_>) = part.iter().cloned().partition(|(_, left)| *left);
            let ids = |people: Vec<(String, bool)>| people.into_iter().map(|(id, _)| id).collect();
            events.push(Event::MembershipChanged(MembershipChange {
                group_id: group.to_string(),
                added: ids(added),
                removed: ids(removed),
                tenant_id: tenant.to_string(),
            }));
        }
    }
    events.extend(news.reauthorize.into_iter().map(|group| {
        Event::ReauthorizationRequired(Reauthorization { group_id: group.to_string(), reauthorize: true })
    }));
    events
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't unwrap has failed")]
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);
    const GROUP: Uuid = Uuid::from_u128(2);

    fn states() -> ClientStates {
        ClientStates::new("key")
    }

    fn person(number: u128) -> Uuid {
        Uuid::from_u128(1000 + number)
    }

    fn id(number: u128) -> String {
        person(number).to_string()
    }

    /// The format is taken from two public captures of real notifications.
    fn item(delta: &Value) -> Value {
        json!({
            "changeType": "updated", "clientState": states().of(TENANT, GROUP).expose_secret(), "resource": format!("Groups/{GROUP}"),
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Group", "@odata.id": format!("Groups/{GROUP}"), "id": GROUP.to_string(),
                "organizationId": TENANT.to_string(), "members@delta": delta,
            },
            "subscriptionExpirationDateTime": "2026-12-02T11:00:00+00:00", "subscriptionId": id(3),
            "tenantId": TENANT.to_string(),
        })
    }

    fn news(items: Vec<Value>) -> News {
        read(Batch { value: items }, None, &states())
    }

    #[test]
    fn added_and_removed_members_are_read_in_both_forms_of_removed() {
        let delta = json!([
            { "id": id(1) },
            { "id": id(2), "@removed": "deleted" },
            { "id": id(3), "@removed": { "reason": "deleted" } },
            { "id": "nobody" },
        ]);
        let news = news(vec![item(&delta)]);
        let change = &news.changes[&(TENANT, GROUP)];
        assert_eq!(change.added, [person(1)].into());
        assert_eq!(change.removed, [person(2), person(3)].into());
    }

    #[test]
    fn a_batch_is_converted_to_one_event_per_group() {
        let items = (0..250).map(|number| item(&json!([{ "id": id(number) }]))).collect();
        let events = into_events(news(items));
        assert!(matches!(&events[..], [Event::MembershipChanged(change)] if change.added.len() == 250), "{events:?}");
    }

    #[test]
    fn many_members_are_split_into_events_of_an_accepted_size() {
        let delta: Vec<Value> = (0..1200).map(|number| json!({ "id": id(number) })).collect();
        let sizes: Vec<usize> = into_events(news(vec![item(&json!(delta))]))
            .into_iter()
            .map(|event| if let Event::MembershipChanged(change) = event { change.added.len() } else { 0 })
            .collect();
        assert_eq!(sizes, [500, 500, 200]);
    }

    #[test]
    fn a_notification_without_members_still_creates_an_event() {
        let mut bare = item(&json!([]));
        bare["resourceData"] = Value::Null;
        assert_eq!(into_events(news(vec![bare])).len(), 1);
    }

    #[test]
    fn items_that_are_not_ours_are_refused_individually() {
        let with = |field: &str, value: Value| {
            let mut item = item(&json!([]));
            item[field] = value;
            item
        };
        let foreign = vec![
            with("tenantId", json!(id(9))),
            with("resource", json!(format!("Groups/{}", Uuid::from_u128(9)))),
            with("resource", json!(format!("Users/{GROUP}"))),
            with("clientState", json!("guessed")),
            with("clientState", Value::Null),
            with("subscriptionId", json!("none")),
            json!("text"),
        ];
        let count = foreign.len();
        let news = news(foreign.into_iter().chain([item(&json!([]))]).collect());
        assert_eq!((news.refused, news.changes.len()), (count, 1));
    }

    #[test]
    fn a_lifecycle_notification_applies_to_the_group_in_its_url() {
        let mut lifecycle = item(&Value::Null);
        lifecycle["lifecycleEvent"] = json!("reauthorizationRequired");
        lifecycle.as_object_mut().unwrap().remove("resource");
        let batch = |item: &Value| Batch { value: vec![item.clone()] };
        let news = read(batch(&lifecycle), Some(GROUP), &states());
        assert_eq!((news.reauthorize, news.changes.len()), ([GROUP].into(), 0));
        assert_eq!(read(batch(&lifecycle), Some(TENANT), &states()).refused, 1, "another group's");
        assert_eq!(read(batch(&lifecycle), None, &states()).refused, 1, "nobody's");
        lifecycle["lifecycleEvent"] = json!("missed");
        assert_eq!(read(batch(&lifecycle), Some(GROUP), &states()).changes.len(), 1);
    }

    #[test]
    fn the_client_state_for_all_groups_is_valid_for_each_group_of_its_tenant_only() {
        let mut of_all = item(&json!([{ "id": id(1) }]));
        of_all["clientState"] = json!(states().of(TENANT, ALL_GROUPS).expose_secret());
        assert_eq!(news(vec![of_all.clone()]).changes[&(TENANT, GROUP)].added, [person(1)].into());
        let mut foreign = of_all.clone();
        foreign["tenantId"] = json!(id(9));
        assert_eq!(news(vec![foreign]).refused, 1);
        of_all["lifecycleEvent"] = json!("reauthorizationRequired");
        let batch = || Batch { value: vec![of_all.clone()] };
        assert_eq!(read(batch(), Some(ALL_GROUPS), &states()).reauthorize, [ALL_GROUPS].into());
    }

    #[test]
    fn a_validation_token_is_returned_as_plain_text_unless_it_is_invalid() {
        let answer = handshake("Validation: <b>".into());
        assert_eq!((answer.status_code, answer.body.as_deref()), (200, Some("Validation: <b>")));
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(handshake("x".repeat(5000)).status_code, 400);
    }
}
