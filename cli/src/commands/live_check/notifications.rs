//! Checks how fast Graph sends a change notification. For this purpose, the check creates a group, and a subscription
//! with which Graph sends notifications about this group to the public URL of a deployed stack. The stack does not know
//! this subscription. The function behind the URL therefore rejects the notification, starts no sync, and logs the id
//! of the subscription.

use reqwest::Method;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Findings, Reading,
    clouds::Clouds,
    created::{CreatedResources, Resource},
    entra::group_id,
    waited,
};
use crate::{
    args::LiveCheckArgs,
    cloud::{error::CommandError, signed::LOGS},
};

/// If no notification has arrived after this number of seconds, the assumed reading is not true.
const SOON: f64 = 600.0;
/// The delay according to the other reading, in seconds.
const LATE: f64 = 900.0;
/// The lifetime of the subscription. The shortest lifetime that Graph accepts is 45 minutes.
const LIFETIME: Duration = Duration::minutes(50);

pub(crate) async fn check(
    clouds: &Clouds,
    args: &LiveCheckArgs,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let Some(stack) = &args.stack else {
        findings.note("notification-delay", Reading::NotChecked(clouds.words.needs_stack("--stack")));
        return Ok(());
    };
    let stack = clouds.stack(stack).await?;
    let url = stack.output("NotificationUrl", clouds.words)?;
    let log_group = stack.output("FunctionLogGroup", clouds.words)?;

    let group = new_group(clouds, resources).await?;
    let subscription = subscribe(clouds, &group, url, resources).await?;
    let member = group_id(clouds, &args.group).await?;
    let member = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}") });
    // The check searches the log from this time on. The time is five minutes before the change, because the clock of
    // this computer may be fast.
    let since = (OffsetDateTime::now_utc() - Duration::minutes(5)).unix_timestamp() * 1_000;
    let path = format!("/groups/{group}/members/$ref");
    clouds.good("changing the group", clouds.graph(Method::POST, &path, &member).await?)?;

    let request = json!({
        "logGroupName": log_group, "startTime": since, "filterPattern": format!("\"{subscription}\""),
    });
    let notified = async || {
        let answer = clouds.target(LOGS, "Logs_20140328.FilterLogEvents", &request).await?;
        let events = clouds.good("logs:FilterLogEvents", answer)?.json()["events"].clone();
        Ok(events.as_array().is_some_and(|events| !events.is_empty()))
    };
    findings.note("notification-delay", waited(clouds.words, clouds.poll(SOON, notified).await?, LATE));
    Ok(())
}

/// Creates an empty security group. Returns its id.
async fn new_group(clouds: &Clouds, resources: &mut CreatedResources) -> Result<String, CommandError> {
    let name = resources.name().to_owned();
    let body = json!({ "displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true });
    let created = clouds.good("creating a group", clouds.graph(Method::POST, "/groups", &body).await?)?.json();
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    resources.note(Resource::Group(id.clone()));
    Ok(id)
}

/// Waits until Graph finds the new group, and then subscribes to its changes. Returns the id of the subscription.
async fn subscribe(
    clouds: &Clouds,
    group: &str,
    url: &str,
    resources: &mut CreatedResources,
) -> Result<String, CommandError> {
    let path = format!("/groups/{group}");
    let known = async || Ok(clouds.graph(Method::GET, &path, &Value::Null).await?.is_ok());
    clouds.poll(300.0, known).await?;
    let expires = (OffsetDateTime::now_utc() + LIFETIME).format(&Rfc3339).unwrap_or_default();
    let body = json!({
        "changeType": "updated", "resource": format!("groups/{group}"), "notificationUrl": url,
        "clientState": resources.name(), "expirationDateTime": expires,
    });
    let created = clouds.graph(Method::POST, "/subscriptions", &body).await?;
    let created = clouds.good("creating a subscription", created)?.json();
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    resources.note(Resource::Subscription(id.clone()));
    Ok(id)
}
