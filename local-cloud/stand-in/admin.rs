//! The administration API, with which tests and tools read and change the state of the local cloud. It has the paths
//! under `/_admin/` on the AWS port. Requests to this API are not recorded.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::stand_in::assumptions;
use crate::stand_in::connect::{Replicate, replicate};
use crate::stand_in::fault::rules_of;
use crate::stand_in::front::Cloud;
use crate::stand_in::http::{Request, Response};
use crate::stand_in::inventory;
use crate::stand_in::sign_in::{self, SignIn};

/// The body of `/_admin/members/add`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddMember {
    /// The group's object ID or display name.
    group: String,
    /// The new member, in the format in which Microsoft Graph represents a directory object.
    member: Map<String, Value>,
}

/// The body of `/_admin/members/remove`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RemoveMember {
    group: String,
    member_id: String,
}

/// The body of `/_admin/subscriptions/end`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndSubscription {
    /// The ID of the subscription to end.
    id: String,
}

/// The body of `/_admin/working`. The emulator sends this request when a state invokes a function and when the function
/// finishes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Working {
    /// The name of the invoked function.
    function: String,
    /// The state that invokes the function, in the format `machine/state`.
    state: String,
    /// Whether the function has finished.
    #[serde(default)]
    done: bool,
}

/// The body of `/_admin/gates`, which opens a gate. A fault rule makes calls wait at a gate until the gate is opened.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenGate {
    /// The name of the gate to open.
    open: String,
}

/// The body of `/_admin/assume`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assume {
    /// The names of the assumptions to emulate in their alternative reading from now on. All other assumptions are
    /// emulated in their default reading.
    names: Vec<String>,
}

/// The body of `/_admin/clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advance {
    /// By how many seconds of the real cloud to advance the clock. The clock scale shortens this time in the local
    /// cloud.
    advance_seconds: f64,
}

/// The body of `/_admin/quota`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SetQuota {
    code: String,
    #[serde(default)]
    context_id: Option<String>,
    value: f64,
}

/// Handles an administration request.
pub(crate) async fn serve(cloud: &Cloud, request: &Request) -> Response {
    let done = |result: Result<(), String>| match result {
        Ok(()) => Response::json(200, &json!({})),
        Err(message) => Response::json(400, &json!({ "message": message })),
    };
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/_admin/fault") => done(read(request).and_then(|body| add_faults(cloud, body))),
        ("POST", "/_admin/working") => match read(request) {
            Ok(body) => working(cloud, body).await,
            Err(message) => Response::json(400, &json!({ "message": message })),
        },
        ("POST", "/_admin/members/add") => {
            done(read(request).and_then(|body: AddMember| cloud.graph.add_member(&body.group, body.member)))
        }
        ("POST", "/_admin/members/remove") => {
            done(read(request).and_then(|body: RemoveMember| cloud.graph.remove_member(&body.group, &body.member_id)))
        }
        ("POST", "/_admin/subscriptions/end") => {
            done(read(request).and_then(|body: EndSubscription| cloud.graph.end_subscription(&body.id)))
        }
        ("POST", "/_admin/registrations") => done(read(request).map(|body| cloud.graph.register(body))),
        ("POST", "/_admin/gates") => done(read(request).map(|body: OpenGate| cloud.gates.open(&body.open))),
        ("GET", "/_admin/gates") => Response::json(200, &json!(cloud.gates.waiting())),
        ("POST", "/_admin/assume") => {
            done(read(request).and_then(|body: Assume| assumptions::named(&body.names)).map(|rows| cloud.assume(&rows)))
        }
        ("POST", "/_admin/clock") => {
            done(read(request).map(|body: Advance| cloud.world.setting().clock.advance(body.advance_seconds)))
        }
        ("POST", "/_admin/quota") => done(read(request).map(|body: SetQuota| {
            cloud.world.state().quotas.set(&body.code, body.context_id, body.value);
        })),
        ("POST", "/_admin/replicate") => {
            done(read(request).and_then(|body: Replicate| replicate(&mut cloud.world.state(), body)))
        }
        ("POST", "/_admin/sign-in") => match read::<SignIn>(request) {
            Ok(wanted) => Response::json(200, &json!(sign_in::rehearse(cloud, &wanted).await)),
            Err(message) => Response::json(400, &json!({ "message": message })),
        },
        ("GET", "/_admin/calls") => {
            let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or_default();
            Response::json(200, &json!(cloud.recorder.calls(after)))
        }
        ("GET", "/_admin/inventory") => Response::json(200, &inventory::of(cloud).await),
        ("GET", "/_admin/violations") => Response::json(200, &json!(cloud.violations.all())),
        (method, path) => {
            Response::json(404, &json!({ "message": format!("Unknown administration call: {method} {path}.") }))
        }
    }
}

/// Handles the emulator's report that a state invokes a function or that this function finishes. If the state may not
/// invoke the function, or if a fault rule applies, returns the error that Step Functions gets from the invocation.
async fn working(cloud: &Cloud, Working { function, state, done }: Working) -> Response {
    if done {
        cloud.authority.works_for(function, state, true);
        return Response::json(200, &json!({}));
    }
    let refused = cloud.authority.may_invoke(&cloud.world, &cloud.violations, &state, &function).await.err();
    let fails = match refused {
        // Step Functions uses this name for every Lambda error without a more specific error name.
        Some(refusal) => Some(json!({ "error": "Lambda.AWSLambdaException", "cause": refusal.message, "ran": false })),
        None => {
            let failure = cloud.invoked(&function, &state).await;
            failure.map(|(error, ran)| json!({ "error": error, "ran": ran }))
        }
    };
    cloud.authority.works_for(function, state, false);
    Response::json(200, &json!({ "fails": fails }))
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| format!("The body is not valid for this call: {error}."))
}

fn add_faults(cloud: &Cloud, body: Value) -> Result<(), String> {
    let rules = rules_of(body).map_err(|error| error.to_string())?;
    let mut faults = cloud.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    rules.into_iter().try_for_each(|rule| faults.add(rule).map_err(|error| error.to_string()))
}
