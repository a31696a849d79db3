//! The event history of CloudTrail. The history contains only the events that the product reads: sign-ins by SAML. The
//! emulator does not record sign-ins, because the stand-in itself handles `AssumeRoleWithSAML`.
//!
//! The rules are those of the API reference of `LookupEvents`. The operation returns the events of the last 90 days in
//! the Region of the request, with the newest event first. A page contains at most 50 events, and a request can contain
//! one lookup attribute. A sign-in at the global endpoint is recorded in us-east-1 (CloudTrail user guide, "Global
//! service events"). In the local cloud, an event is available immediately, whereas CloudTrail needs about five
//! minutes.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::stand_in::{
    aws_error::{Answer, Protocol, Refusal},
    http::{Request, Response},
    input::{Input, answer, epoch},
    paging::page,
    route::signed_region,
    world::{State, World},
};

/// The CloudTrail operation that this module handles.
pub(crate) const LOOK_UP: &str = "LookupEvents";
/// The event name of all events in the history. The history contains no other events.
const SIGN_IN: &str = "AssumeRoleWithSAML";
/// The time for which CloudTrail keeps events.
const HISTORY: Duration = Duration::days(90);
/// The Region that records sign-ins at the global endpoint.
const GLOBAL: &str = "us-east-1";

/// A sign-in by SAML.
#[derive(Debug)]
struct SignIn {
    id: Uuid,
    at: OffsetDateTime,
    region: String,
    role: String,
    provider: String,
    session: String,
}

/// The recorded sign-ins, in order of time.
#[derive(Debug, Default)]
pub(crate) struct Trail(Vec<SignIn>);

/// Records a sign-in at the endpoint with this URL.
pub(crate) fn record(world: &World, (role, provider): (&str, &str), session: &str, endpoint: &str) {
    let setting = world.setting();
    let regional = endpoint.starts_with(&format!("https://{}.", setting.region));
    let sign_in = SignIn {
        id: Uuid::new_v4(),
        at: setting.clock.now(),
        region: if regional { setting.region.clone() } else { GLOBAL.to_owned() },
        role: role.to_owned(),
        provider: provider.to_owned(),
        session: session.to_owned(),
    };
    world.state().trail.0.push(sign_in);
}

/// Handles a `LookupEvents` request.
pub(crate) fn serve(world: &World, request: &Request) -> Response {
    let region = signed_region(request).unwrap_or_else(|| world.setting().region.clone());
    let input = request.json().ok().and_then(|body| body.as_object().cloned()).unwrap_or_default();
    match look_up(world, &region, &Input(input)) {
        Ok(members) => Response::new(200, "application/x-amz-json-1.1", Value::Object(members).to_string()),
        Err(refusal) => refusal.answer(Protocol::Json),
    }
}

fn look_up(world: &World, region: &str, input: &Input) -> Answer {
    let setting = world.setting();
    let attributes = input.0.get("LookupAttributes").and_then(Value::as_array).cloned().unwrap_or_default();
    if attributes.len() > 1 {
        return Err(refused("InvalidLookupAttributesException", "You can specify only one lookup attribute."));
    }
    let wanted = attributes.first().map_or(SIGN_IN, |one| match one["AttributeKey"].as_str() {
        Some("EventName") => one["AttributeValue"].as_str().unwrap_or_default(),
        _ => "",
    });
    if input.number("MaxResults").is_some_and(|number| !(1.0..=50.0).contains(&number)) {
        return Err(refused("InvalidMaxResultsException", "A maximum results value must be between 1 and 50."));
    }
    let since = setting.clock.now() - HISTORY;
    let start = input.number("StartTime").unwrap_or_default();
    let state: &State = &world.state();
    let seconds = |at: OffsetDateTime| epoch(at).as_f64().unwrap_or_default();
    // The newest event gets the smallest pagination key, so that a new event does not move other events to a later
    // page.
    let events = (0_u64..).zip(&state.trail.0).map(|(index, event)| (u64::MAX - index, event));
    let events: Vec<_> = events
        .filter(|(_, event)| wanted == SIGN_IN && event.region == region)
        .filter(|(_, event)| event.at >= since && seconds(event.at) >= start)
        .collect();
    let size = input.page_size(50, 50);
    let scope = format!("{LOOK_UP} {region} {wanted} {start}");
    let bad_token = || refused("InvalidNextTokenException", "The token is not valid.");
    let (found, next) =
        page(events.into_iter().rev(), &scope, input.text("NextToken"), size, setting.paging(), bad_token)?;
    let mut shape = json!({ "Events": found.into_iter().map(event).collect::<Vec<_>>() });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

/// An event in the format of `LookupEvents`. Its CloudTrail record contains only the fields that describe the caller
/// and the session.
fn event(event: &SignIn) -> Value {
    let record = json!({
        "eventVersion": "1.08",
        "userIdentity": { "type": "SAMLUser", "userName": event.session, "identityProvider": event.provider },
        "eventTime": event.at.format(&Rfc3339).unwrap_or_default(),
        "eventSource": "sts.amazonaws.com",
        "eventName": SIGN_IN,
        "awsRegion": event.region,
        "requestParameters": {
            "roleArn": event.role, "principalArn": event.provider, "roleSessionName": event.session,
        },
        "eventID": event.id.to_string(),
    });
    json!({
        "EventId": event.id.to_string(), "EventName": SIGN_IN, "EventSource": "sts.amazonaws.com", "EventTime": epoch(event.at),
        "ReadOnly": "true", "Username": event.session,
        "Resources": [
            { "ResourceType": "AWS::IAM::Role", "ResourceName": event.role },
            { "ResourceType": "AWS::IAM::SAMLProvider", "ResourceName": event.provider },
        ],
        "CloudTrailEvent": record.to_string(),
    })
}

fn refused(code: &str, message: &str) -> Refusal {
    Refusal::new(400, code, message)
}
