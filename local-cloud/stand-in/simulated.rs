//! Handles requests to the AWS services that the stand-in emulates. This module reads the operation from a request,
//! runs the operation, and checks the request and the response against the service model.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::stand_in::aws_error::{Answer, Protocol, Refusal};
use crate::stand_in::connect;
use crate::stand_in::http::{Request, Response};
use crate::stand_in::input::Input;
use crate::stand_in::model::Models;
use crate::stand_in::violations::Violations;
use crate::stand_in::world::{Service, World};

/// The operation that a request calls, if the request's path determines it.
pub(crate) fn operation(service: Service, request: &Request) -> Option<&'static str> {
    if service == Service::Connect { connect::operation_of(request).map(|(operation, _)| operation) } else { None }
}

/// Handles a request to Connect, Service Quotas or Support.
pub(crate) fn serve(
    world: &World,
    models: Option<&Models>,
    violations: &Violations,
    service: Service,
    request: &Request,
) -> Response {
    let protocol = if service == Service::Connect { Protocol::RestJson } else { Protocol::Json };
    let (operation, input) = match read(service, request) {
        Ok(read) => read,
        Err(refusal) => {
            violations.note(format!("{} {}: {}", request.method, request.path, refusal.message));
            return refusal.answer(protocol);
        }
    };
    let checked = models.map_or(Ok(()), |models| models.request(service, &operation, &input));
    let mut answer = checked.and_then(|()| world.call(service, &operation, &input));
    if let Some(models) = models {
        if let Err(refusal) = &mut answer {
            models.modelled_code(service, &operation, refusal);
        }
        for fault in models.answer(service, &operation, &answer) {
            violations.note(format!("the response of {operation}: {fault}"));
        }
    }
    respond(protocol, &answer)
}

fn respond(protocol: Protocol, answer: &Answer) -> Response {
    let id = Uuid::new_v4().to_string();
    let answer = match answer {
        Err(refusal) => return refusal.answer(protocol),
        Ok(members) if protocol == Protocol::RestJson && members.is_empty() => Response::empty(200),
        Ok(members) if protocol == Protocol::RestJson => Response::json(200, &Value::Object(members.clone())),
        Ok(members) => Response::new(200, "application/x-amz-json-1.1", Value::Object(members.clone()).to_string()),
    };
    answer.with_header("x-amzn-requestid", id)
}

/// Reads the operation of a request, and the input of that operation.
fn read(service: Service, request: &Request) -> Result<(String, Input), Refusal> {
    let unreadable = |_| Refusal::new(400, "SerializationException", "The body is not JSON.");
    if service == Service::Connect {
        let unknown =
            || Refusal::new(404, "UnknownOperationException", "The local cloud has no operation at this path.");
        let (operation, input) = connect::operation_of(request).ok_or_else(unknown)?;
        return Ok((operation.to_owned(), input.map_err(unreadable)?));
    }
    let operation = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let unknown = || Refusal::new(400, "UnknownOperationException", "The request has no x-amz-target.");
    let members: Map<String, Value> = match request.json().map_err(unreadable)? {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    Ok((operation.ok_or_else(unknown)?.to_owned(), Input(members)))
}
