//! The only SQS operation that the product needs and the emulator lacks: `StartMessageMoveTask`, which moves failed
//! messages back to their queue so that they are processed again.
//!
//! The rules are those of the API reference of `StartMessageMoveTask`. The source queue must be the dead-letter queue
//! of another queue. If no destination is given, messages return to their original queue. A message can be moved back
//! only if it came from an SQS queue.

use serde_json::{Value, json};

use crate::stand_in::aws_error::{Protocol, Refusal};
use crate::stand_in::http::{Request, Response};
use crate::stand_in::upstream::Upstream;

/// The SQS operation that this module handles.
pub(crate) const START: &str = "StartMessageMoveTask";

/// Moves all messages of a dead-letter queue.
pub(crate) async fn start(upstream: &Upstream, request: &Request) -> Response {
    match moved(upstream, request).await {
        Ok(handle) => Response::json(200, &json!({ "TaskHandle": handle })),
        Err(refusal) => refusal.answer(Protocol::Json),
    }
}

async fn moved(upstream: &Upstream, request: &Request) -> Result<String, Refusal> {
    let input: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let source =
        input["SourceArn"].as_str().ok_or_else(|| refused("MissingRequiredParameter", "SourceArn is needed."))?;
    let sources = sources_of(upstream, source).await?;
    let target = match (input["DestinationArn"].as_str(), sources.first()) {
        (_, None) => {
            let why = "Source queue must be configured as a Dead Letter Queue.";
            return Err(refused("InvalidParameterValueException", why));
        }
        (Some(destination), _) => url(upstream, destination).await?,
        (None, Some(source)) => source.clone(),
    };
    let from = url(upstream, source).await?;
    loop {
        let taken = call(upstream, "ReceiveMessage", &json!({ "QueueUrl": from, "MaxNumberOfMessages": 10 })).await?;
        let messages = taken["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return Ok(format!("move-{source}"));
        }
        for message in messages {
            call(upstream, "SendMessage", &json!({ "QueueUrl": target, "MessageBody": message["Body"] })).await?;
            let done = json!({ "QueueUrl": from, "ReceiptHandle": message["ReceiptHandle"] });
            call(upstream, "DeleteMessage", &done).await?;
        }
    }
}

/// The URLs of all queues whose dead-letter queue is this queue.
async fn sources_of(upstream: &Upstream, arn: &str) -> Result<Vec<String>, Refusal> {
    let listed = call(upstream, "ListQueues", &json!({})).await?;
    let mut sources = Vec::new();
    for queue in listed["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["RedrivePolicy"] });
        let found = call(upstream, "GetQueueAttributes", &asked).await?;
        let policy: Value = found["Attributes"]["RedrivePolicy"]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        if policy["deadLetterTargetArn"] == arn {
            sources.push(queue.to_owned());
        }
    }
    Ok(sources)
}

async fn url(upstream: &Upstream, arn: &str) -> Result<String, Refusal> {
    let name = arn.rsplit(':').next().unwrap_or_default();
    let found = call(upstream, "GetQueueUrl", &json!({ "QueueName": name })).await;
    let found =
        found.map_err(|_| refused("ResourceNotFoundException", "The resource that you specified doesn't exist."))?;
    Ok(found["QueueUrl"].as_str().unwrap_or_default().to_owned())
}

async fn call(upstream: &Upstream, operation: &str, input: &Value) -> Result<Value, Refusal> {
    let answer = upstream.json("sqs", &format!("AmazonSQS.{operation}"), input).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status == 200 { Ok(body) } else { Err(refused("InternalError", &body.to_string())) }
}

fn refused(code: &str, message: &str) -> Refusal {
    Refusal::new(400, code, message)
}
