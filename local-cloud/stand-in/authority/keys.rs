//! The permissions on KMS keys that the calls of other services require. A service that encrypts data with a customer
//! managed key uses the key on behalf of the caller. The caller therefore needs `kms:Decrypt`, and for writes also
//! `kms:GenerateDataKey`. The condition key `kms:ViaService` contains the name of the service.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::policy::Ask;
use crate::stand_in::http::Response;
use crate::stand_in::route::Destination;
use crate::stand_in::upstream::Upstream;
use crate::stand_in::world::Setting;

/// The KMS keys found so far, by the resource that they encrypt. `None` if a resource has no customer managed key.
#[derive(Debug)]
pub(super) struct Keys {
    upstream: Upstream,
    known: Mutex<HashMap<String, Option<String>>>,
}

impl Keys {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// The permissions on KMS keys that the call requires in addition to `asks`.
    pub(super) async fn asks(&self, setting: &Setting, way: &Destination, asks: &[Ask]) -> Vec<Ask> {
        let Some(Ask { action, resource, .. }) = asks.first() else { return Vec::new() };
        let (actions, context): (&[&str], Option<(&str, &str)>) = match action.as_str() {
            "secretsmanager:GetSecretValue" => (&["kms:Decrypt"], Some(("SecretARN", resource))),
            "secretsmanager:PutSecretValue" => (&["kms:Decrypt", "kms:GenerateDataKey"], Some(("SecretARN", resource))),
            "s3:GetObject" => (&["kms:Decrypt"], None),
            "s3:PutObject" => (&["kms:GenerateDataKey"], None),
            "sns:Publish" => (&["kms:Decrypt", "kms:GenerateDataKey"], None),
            _ if way.service == "dynamodb" => (&["kms:Decrypt"], None),
            _ => return Vec::new(),
        };
        let Some(key) = self.key(&way.service, resource).await else { return Vec::new() };
        let key = match key.starts_with("arn:") {
            true => key,
            false => format!("arn:aws:kms:{}:{}:key/{key}", setting.region, setting.account),
        };
        let via = format!("{}.{}.amazonaws.com", way.service, setting.region);
        let ask = |action: &&str| {
            let ask = Ask::new(*action, key.clone()).with("kms:ViaService", via.clone());
            match context {
                Some((name, value)) => ask.with(&format!("kms:EncryptionContext:{name}"), value),
                None => ask,
            }
        };
        actions.iter().map(ask).collect()
    }

    async fn key(&self, service: &str, resource: &str) -> Option<String> {
        // An S3 object is encrypted with the KMS key of its bucket. Any other resource has a KMS key of its own.
        let resource = if service == "s3" { resource.split('/').next().unwrap_or(resource) } else { resource };
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(resource) {
            return known.clone();
        }
        let key = self.read_key(service, resource).await.filter(|key| !key.contains("alias/aws/"));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(resource.to_owned(), key.clone());
        key
    }

    async fn read_key(&self, service: &str, resource: &str) -> Option<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match service {
            "secretsmanager" => {
                let input = json!({ "SecretId": resource });
                let secret = self.upstream.json(service, "secretsmanager.DescribeSecret", &input).await;
                text(&output(&secret)["KmsKeyId"])
            }
            "dynamodb" => {
                let input = json!({ "TableName": resource.rsplit('/').next() });
                let table = self.upstream.json(service, "DynamoDB_20120810.DescribeTable", &input).await;
                text(&output(&table)["Table"]["SSEDescription"]["KMSMasterKeyArn"])
            }
            "s3" => {
                let bucket = resource.rsplit(':').next()?;
                let query = vec![("encryption".to_owned(), String::new())];
                let answer = self.upstream.get("s3", &format!("/{bucket}"), query).await;
                between(&String::from_utf8_lossy(&answer.body), "<KMSMasterKeyID>")
            }
            "sns" => {
                let form = [("Action", "GetTopicAttributes"), ("Version", "2010-03-31"), ("TopicArn", resource)];
                let answer = self.upstream.query("sns", &form).await;
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                between(text.split_once("<key>KmsMasterKeyId</key>")?.1, "<value>")
            }
            _ => None,
        }
    }
}

/// The text of the first element with this start tag.
fn between(text: &str, element: &str) -> Option<String> {
    let found = text.split_once(element)?.1.split('<').next()?.trim();
    (!found.is_empty()).then(|| found.to_owned())
}

/// The response body of a service that uses a JSON protocol. Null if the service returns an error.
fn output(answer: &Response) -> Value {
    if answer.status == 200 { serde_json::from_slice(&answer.body).unwrap_or_default() } else { Value::Null }
}
