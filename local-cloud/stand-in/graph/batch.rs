//! `$batch`: up to twenty calls in one request. Each call is authorized, throttled and handled separately.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Answer, Graph, error::GraphError, login::Caller};
use crate::stand_in::http::{Request, Response};

const LARGEST: usize = 20;

impl Graph {
    pub(super) async fn batch(&self, request: &Request, caller: &Caller) -> Result<Answer, GraphError> {
        let body = super::read_body(request)?;
        let malformed = |text: &str| GraphError::new(400, "BadRequest", text);
        let items = body["requests"].as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| malformed("Invalid batch payload format."))?;
        if items.len() > LARGEST {
            return Err(malformed("Number of batch request steps exceeds the maximum value of 20."));
        }
        let mut statuses: HashMap<&str, u16> = HashMap::new();
        let mut responses = Vec::new();
        for item in items {
            let id = item["id"].as_str().ok_or_else(|| malformed("Each request step needs an id of type string."))?;
            let depends = item["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut failed = false;
            for other in depends {
                let status =
                    statuses.get(other).ok_or_else(|| malformed("dependsOn does not name an earlier request step."))?;
                failed |= *status >= 400;
            }
            let response = if failed {
                let error = GraphError::new(424, "FailedDependency", "A request that this one depends on failed.");
                self.finish(request, Err(error))
            } else {
                // The future is boxed because the call is recursive: a batch is itself a Graph call.
                Box::pin(
                    self.handle_one(&inner(item).ok_or_else(|| malformed("Invalid batch payload format."))?, caller),
                )
                .await
            };
            if statuses.insert(id, response.status).is_some() {
                return Err(malformed("Request Id values must be unique."));
            }
            responses.push(outer(id, response));
        }
        // The responses are returned in another order than the requests, because the real Graph does not preserve the
        // order either.
        responses.reverse();
        Ok(Answer::json(200, json!({"responses": responses})))
    }
}

/// The call that one item of a batch describes.
fn inner(item: &Value) -> Option<Request> {
    let url = format!("/v1.0/{}", item["url"].as_str()?.trim_start_matches('/'));
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let headers = item["headers"].as_object().into_iter().flatten();
    let body = item.get("body").filter(|body| !body.is_null());
    Some(Request {
        method: item["method"].as_str()?.to_uppercase(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: headers.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned()))).collect(),
        body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
    })
}

fn outer(id: &str, response: Response) -> Value {
    let headers: Map<String, Value> = response.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let body = serde_json::from_slice(&response.body).unwrap_or_else(|_| json!(STANDARD.encode(&response.body)));
    let mut item = json!({"id": id, "status": response.status, "headers": headers});
    if !response.body.is_empty() {
        item["body"] = body;
    }
    item
}
