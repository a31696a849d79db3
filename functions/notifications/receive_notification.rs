//! `receive-notification`: the function behind the function URL to which Microsoft Graph sends a notification when the
//! members of a group change. The step authenticates the caller, puts an event on the event bus and responds within
//! milliseconds. The content of a notification is not trusted, so the event only starts a sync. The sync reads the
//! members from Graph again.
//!
//! * Reads: `secretsmanager:GetSecretValue` on the key from which the `clientState` values are derived, once per
//!   process.
//! * Writes: `events:PutEvents` on the stack's bus.
//! * Safe to repeat: a duplicate event only starts a sync that finds no change.
//!
//! The `clientState` authenticates the caller ([`crate::entra::client_state`]). The value of `clientState` is specific
//! to one tenant and one group, or to all groups of the tenant. So the step can reject a notification for another
//! tenant, group or application without a network call. If some notifications in a batch are rejected, the response is
//! still a success, because otherwise Graph would send the batch again for hours. A subscription to all groups also
//! reports groups that no instance uses. The step `sync-members`, which reads the registry, ignores such groups.

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

/// Maximum size of a request body. Graph's batches are much smaller.
const MAX_BYTES: usize = 1024 * 1024;
/// Maximum length of a validation token. Microsoft's tokens have several hundred characters.
const MAX_TOKEN_LENGTH: usize = 4096;
/// Maximum number of members in one event. EventBridge allows 256 KB for one event. The limit for a request that
/// contains ten events is also 256 KB.
const MEMBERS_PER_EVENT: usize = 500;

/// Maximum number of unknown subscription IDs that one log line contains.
const MAX_LOGGED: usize = 10;

/// A batch of notifications. The notifications are parsed one by one, so that an invalid notification does not prevent
/// the processing of the others.
#[derive(Deserialize)]
struct Batch {
    value: Vec<Value>,
}

/// The fields of a notification that identify the subscription.
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

/// The notifications of a batch, grouped by Entra group ID.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    changes: BTreeMap<(Uuid, Uuid), Change>,
    reauthorize: BTreeSet<Uuid>,
    rejected: usize,
    /// The IDs of the subscriptions whose notifications were rejected. Contains at most [`MAX_LOGGED`] IDs.
    unknown: BTreeSet<Uuid>,
}

/// The added and removed members in the notifications about a group. Even if both sets are empty, the group has
/// changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    added: BTreeSet<Uuid>,
    removed: BTreeSet<Uuid>,
}

/// Handles one request.
///
/// # Errors
/// No errors are returned. Graph evaluates only the HTTP status. After status 503, Graph sends the notifications again.
pub async fn run(ctx: &Context, request: LambdaFunctionUrlRequest) -> Result<LambdaFunctionUrlResponse, StepError> {
    if !function_url::is(&request, "POST") {
        return Ok(function_url::text(405, "only POST is allowed"));
    }
    if let Some(token) = function_url::query(&request, "validationToken") {
        return Ok(handshake(token));
    }
    if request.body.as_ref().is_some_and(|body| body.len() > MAX_BYTES) {
        return Ok(function_url::text(413, "the request is too large"));
    }
    let batch = function_url::bytes(&request).and_then(|bytes| serde_json::from_slice::<Batch>(&bytes).ok());
    let Some(batch) = batch else { return Ok(function_url::text(400, "the body is not a batch of notifications")) };
    // Lifecycle notifications do not contain the group ID, so the lifecycle URL contains it.
    let group = function_url::query(&request, GROUP_PARAMETER).and_then(|id| Uuid::try_parse(&id).ok());
    Ok(match deliver(ctx, batch, group).await {
        Ok(()) => function_url::text(202, ""),
        Err(error) => {
            warn!(error = error.name(), message = error.message, "the notifications could not be forwarded");
            function_url::text(503, "try again")
        }
    })
}

/// The query parameter with the group ID in the lifecycle URL.
pub const GROUP_PARAMETER: &str = "group";

/// Returns the response to a validation request: the validation token as plain text, as Graph requires.
fn handshake(token: String) -> LambdaFunctionUrlResponse {
    if token.len() > MAX_TOKEN_LENGTH {
        return function_url::text(400, "the validation token is too long");
    }
    info!("a notification URL was validated");
    function_url::text(200, token)
}

async fn deliver(ctx: &Context, batch: Batch, group: Option<Uuid>) -> Result<(), StepError> {
    let items = batch.value.len();
    let content = read(batch, group, ctx.client_states().await?);
    let (groups, reauthorize, rejected) = (content.changes.len(), content.reauthorize.len(), content.rejected);
    if rejected > 0 {
        let subscriptions = content.unknown.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ");
        warn!(items, rejected, subscriptions, "notifications from unknown subscriptions were rejected");
    }
    info!(items, groups, reauthorize, "notifications received");
    event_bus::put(ctx.events(), ctx.settings.event_bus()?, &into_events(content)).await
}

/// Groups the notifications of a batch by Entra group ID.
fn read(batch: Batch, group: Option<Uuid>, states: &ClientStates) -> Content {
    let mut content = Content::default();
    for value in batch.value {
        let subscription = value["subscriptionId"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        if add(&mut content, value, group, states).is_none() {
            content.rejected += 1;
            content.unknown.extend(subscription.filter(|_| content.unknown.len() < MAX_LOGGED));
        }
    }
    content
}

/// Adds one notification. Returns `None` if the notification does not belong to a subscription of this stack.
fn add(content: &mut Content, value: Value, group: Option<Uuid>, states: &ClientStates) -> Option<()> {
    let item: Item = serde_json::from_value(value).ok()?;
    let group = if item.lifecycle_event.is_some() { group } else { group_in(item.resource.as_deref()) }?;
    let (tenant, subscription) = (Uuid::try_parse(&item.tenant_id).ok()?, Uuid::try_parse(&item.subscription_id).ok()?);
    // Changes to a group are reported either by the subscription to this group or by the subscription to all groups.
    if ![group, ALL_GROUPS].iter().any(|subscribed| states.proves(tenant, *subscribed, &item.client_state)) {
        return None;
    }
    match item.lifecycle_event.as_deref() {
        // The lifecycle event `missed` means that all members of the group must be read again. Graph does not guarantee
        // that it sends this event for groups.
        Some("missed") => {
            content.changes.entry((tenant, group)).or_default();
        }
        Some(event) => {
            info!(event, %subscription, %group, "Graph requests the renewal of the subscription");
            content.reauthorize.insert(group);
        }
        None => {
            let change = content.changes.entry((tenant, group)).or_default();
            for (id, is_removed) in members(item.resource_data.as_ref()) {
                if is_removed {
                    change.removed.insert(id)
                } else {
                    change.added.insert(id)
                };
            }
        }
    }
    Some(())
}

/// Returns the group ID in a resource such as `Groups/{id}` or `groups/{id}/members`.
fn group_in(resource: Option<&str>) -> Option<Uuid> {
    let mut parts = resource?.trim_matches('/').split('/');
    parts.next().filter(|kind| kind.eq_ignore_ascii_case("groups"))?;
    Uuid::try_parse(parts.next()?).ok()
}

/// Returns the members in a notification, each with `true` if the member was removed and `false` if the member was
/// added. Only the presence of `@removed` is evaluated, because this field is a string in notifications and an object
/// in delta queries.
fn members(data: Option<&Value>) -> impl Iterator<Item = (Uuid, bool)> {
    let delta = data.and_then(|data| data.get("members@delta")).and_then(Value::as_array);
    delta.into_iter().flatten().filter_map(|member| {
        let id = member.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok())?;
        Some((id, member.get("@removed").is_some_and(|removed| !removed.is_null())))
    })
}

fn into_events(content: Content) -> Vec<Event> {
    let mut events = Vec::new();
    for ((tenant, group), Change { added, removed }) in content.changes {
        let members: Vec<(String, bool)> = [(added, false), (removed, true)]
            .into_iter()
            .flat_map(|(ids, is_removed)| ids.into_iter().map(move |id| (id.to_string(), is_removed)))
            .collect();
        let parts: Vec<&[(String, bool)]> =
            if members.is_empty() { vec![&[]] } else { members.chunks(MEMBERS_PER_EVENT).collect() };
        for part in parts {
            let (removed, added): (Vec<_>, Vec<_>) = part.iter().cloned().partition(|(_, is_removed)| *is_removed);
            let ids = |members: Vec<(String, bool)>| members.into_iter().map(|(id, _)| id).collect();
            events.push(Event::MembershipChanged(MembershipChange {
                group_id: group.to_string(),
                added: ids(added),
                removed: ids(removed),
                tenant_id: tenant.to_string(),
            }));
        }
    }
    events.extend(content.reauthorize.into_iter().map(|group| {
        Event::ReauthorizationRequired(Reauthorization { group_id: group.to_string(), reauthorize: true })
    }));
    events
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);
    const GROUP: Uuid = Uuid::from_u128(2);

    fn states() -> ClientStates {
        ClientStates::new("key")
    }

    fn member(number: u128) -> Uuid {
        Uuid::from_u128(1000 + number)
    }

    fn id(number: u128) -> String {
        member(number).to_string()
    }

    /// Returns a notification in the format of real notifications, which is taken from two published examples.
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

    fn content(items: Vec<Value>) -> Content {
        read(Batch { value: items }, None, &states())
    }

    #[test]
    fn added_and_removed_members_are_read_in_both_forms_of_removed() {
        let delta = json!([
            { "id": id(1) },
            { "id": id(2), "@removed": "deleted" },
            { "id": id(3), "@removed": { "reason": "deleted" } },
            { "id": "not a UUID" },
        ]);
        let content = content(vec![item(&delta)]);
        let change = &content.changes[&(TENANT, GROUP)];
        assert_eq!(change.added, [member(1)].into());
        assert_eq!(change.removed, [member(2), member(3)].into());
    }

    #[test]
    fn a_batch_is_converted_to_one_event_per_group() {
        let items = (0..250).map(|number| item(&json!([{ "id": id(number) }]))).collect();
        let events = into_events(content(items));
        assert!(matches!(&events[..], [Event::MembershipChanged(change)] if change.added.len() == 250), "{events:?}");
    }

    #[test]
    fn many_members_are_split_into_events_of_an_accepted_size() {
        let delta: Vec<Value> = (0..1200).map(|number| json!({ "id": id(number) })).collect();
        let sizes: Vec<usize> = into_events(content(vec![item(&json!(delta))]))
            .into_iter()
            .map(|event| if let Event::MembershipChanged(change) = event { change.added.len() } else { 0 })
            .collect();
        assert_eq!(sizes, [500, 500, 200]);
    }

    #[test]
    fn a_notification_without_members_still_creates_an_event() {
        let mut bare = item(&json!([]));
        bare["resourceData"] = Value::Null;
        assert_eq!(into_events(content(vec![bare])).len(), 1);
    }

    #[test]
    fn items_that_are_not_ours_are_rejected_individually() {
        let with = |field: &str, value: Value| {
            let mut item = item(&json!([]));
            item[field] = value;
            item
        };
        let not_ours = vec![
            with("tenantId", json!(id(9))),
            with("resource", json!(format!("Groups/{}", Uuid::from_u128(9)))),
            with("resource", json!(format!("Users/{GROUP}"))),
            with("clientState", json!("guessed")),
            with("clientState", Value::Null),
            with("subscriptionId", json!("none")),
            json!("text"),
        ];
        let count = not_ours.len();
        let content = content(not_ours.into_iter().chain([item(&json!([]))]).collect());
        assert_eq!((content.rejected, content.changes.len()), (count, 1));
        assert_eq!(content.unknown, [Uuid::try_parse(&id(3)).unwrap()].into(), "the log names valid ids only");
    }

    #[test]
    fn a_lifecycle_notification_applies_to_the_group_in_its_url() {
        let mut lifecycle = item(&Value::Null);
        lifecycle["lifecycleEvent"] = json!("reauthorizationRequired");
        lifecycle.as_object_mut().unwrap().remove("resource");
        let batch = |item: &Value| Batch { value: vec![item.clone()] };
        let content = read(batch(&lifecycle), Some(GROUP), &states());
        assert_eq!((content.reauthorize, content.changes.len()), ([GROUP].into(), 0));
        assert_eq!(read(batch(&lifecycle), Some(TENANT), &states()).rejected, 1, "the client state of another group");
        assert_eq!(read(batch(&lifecycle), None, &states()).rejected, 1, "no group in the URL");
        lifecycle["lifecycleEvent"] = json!("missed");
        assert_eq!(read(batch(&lifecycle), Some(GROUP), &states()).changes.len(), 1);
    }

    #[test]
    fn the_client_state_for_all_groups_is_valid_for_each_group_of_its_tenant_only() {
        let mut of_all = item(&json!([{ "id": id(1) }]));
        of_all["clientState"] = json!(states().of(TENANT, ALL_GROUPS).expose_secret());
        assert_eq!(content(vec![of_all.clone()]).changes[&(TENANT, GROUP)].added, [member(1)].into());
        let mut foreign = of_all.clone();
        foreign["tenantId"] = json!(id(9));
        assert_eq!(content(vec![foreign]).rejected, 1);
        of_all["lifecycleEvent"] = json!("reauthorizationRequired");
        let batch = || Batch { value: vec![of_all.clone()] };
        assert_eq!(read(batch(), Some(ALL_GROUPS), &states()).reauthorize, [ALL_GROUPS].into());
    }

    #[test]
    fn a_validation_token_is_returned_as_plain_text_unless_it_is_invalid() {
        let response = handshake("Validation: <b>".into());
        assert_eq!((response.status_code, response.body.as_deref()), (200, Some("Validation: <b>")));
        assert_eq!(response.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert_eq!(handshake("x".repeat(5000)).status_code, 400);
    }
}
