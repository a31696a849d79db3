//! Code that the test programs and benchmarks share: requests to AWS APIs, group members, and polling.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod aws;

use std::time::{Duration, Instant};

pub use aws::{Aws, Response, http};
use serde_json::{Value, json};

/// Timeout for any operation in the local cloud. The timeout is long enough even if two complete test runs use the
/// machine at the same time.
pub const TIMEOUT: Duration = Duration::from_secs(900);

/// A member of a group, as Microsoft Graph represents it. The first word of the display name is the given name.
#[must_use]
pub fn member(id: &str, username: &str, display_name: &str) -> Value {
    let (given_name, surname) = display_name.split_once(' ').unwrap_or((display_name, ""));
    json!({
        "@odata.type": "#microsoft.graph.user", "id": id, "userPrincipalName": username, "displayName": display_name,
        "givenName": given_name, "surname": surname, "mail": null, "accountEnabled": true, "userType": "Member",
    })
}

/// The configuration that `register-instance` writes to the registry, for an instance with groups that have these IDs
/// and display names, and with a limit of two removals.
#[must_use]
pub fn registry_config(instance: &str, arn: &str, alias: &str, groups: &[(String, String)]) -> Value {
    let each = |of: &dyn Fn(&(String, String)) -> Value| -> Value { groups.iter().map(of).collect() };
    json!({
        "instanceId": instance, "instanceArn": arn, "alias": alias, "tenantId": "of the local cloud",
        "users": {
            "groups": each(&|(_, name)| json!({ "group": name, "securityProfiles": ["Agent"] })),
            "removed": { "action": "delete", "graceDays": 0 },
            "brake": { "maxRemovals": 2, "maxRemovalsPercent": 100 },
        },
        "groups": each(&|(id, name)| json!({ "id": id, "displayName": name })),
    })
}

/// Adds fields to a JSON object. The added fields replace existing fields of the same name.
#[must_use]
pub fn with(mut object: Value, fields: &Value) -> Value {
    object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    object
}

/// The text between two markers.
///
/// # Panics
///
/// Panics if a marker is missing.
#[must_use]
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let missing = |marker: &str| -> usize { panic!("{marker:?} is missing in:\n{text}") };
    let start = text.find(before).unwrap_or_else(|| missing(before)) + before.len();
    let end = text[start..].find(after).unwrap_or_else(|| missing(after));
    &text[start..start + end]
}

/// Polls until the function returns a value.
///
/// # Panics
///
/// Panics after [`TIMEOUT`]. The panic message contains the description of the expected state.
pub async fn until<T>(expected: &str, poll: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = poll().await {
            return found;
        }
        assert!(started.elapsed() < TIMEOUT, "timeout after {TIMEOUT:?}: {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
