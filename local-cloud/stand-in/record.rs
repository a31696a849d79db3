//! Records every call to a service: one JSON object per line in a file, and a summary in memory.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use regex::Regex;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use crate::stand_in::authority::Caller;
use crate::stand_in::authority::policy::{Ask, Context};
use crate::stand_in::http::{Request, Response};
use crate::stand_in::route::{Destination, ISSUER};

/// The text that replaces a secret value in the record.
const MASK: &str = "***";

/// Headers that are not recorded.
const UNRECORDED: [&str; 4] = ["authorization", "x-amz-security-token", "cookie", "x-amz-content-sha256"];

/// The names of JSON members, parameters and XML elements whose values are secrets or personal documents, and are
/// therefore masked.
const SECRET: [&str; 22] = [
    "access_token",
    "accesstoken",
    "assertion",
    "client_assertion",
    "client_secret",
    "clientsecret",
    "clientstate",
    "id_token",
    "password",
    "privatekey",
    "refresh_token",
    "refreshtoken",
    "samlassertion",
    "samlresponse",
    "secretaccesskey",
    "secretbinary",
    "secretstring",
    "secrettext",
    "sessiontoken",
    "signinurl",
    "webidentitytoken",
    "x-amz-security-token",
];

/// The summary of one recorded call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallSummary {
    /// The service name in the record: `connect`, `servicequotas`, `support`, `iam`, `graph`, `login`, …
    pub service: String,
    /// The operation name (`CreateUser`, `PutItem`, …), or method and path.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The HTTP status of the response. 499 if the caller was killed before the response.
    pub status: u16,
    /// Whether a fault rule has replaced, changed or delayed the response, or killed the caller.
    pub simulated: bool,
    /// The run number set with [`crate::stand_in::LocalCloud::set_run`] at the time of the call.
    pub run: u32,
    /// The Lambda function that made the call. `None` for other callers.
    pub function: Option<String>,
    /// The state (`machine/state`) that invoked the function, or for which Step Functions itself made the call.
    pub state: Option<String>,
    /// The IAM permissions that the call required.
    pub permissions: Vec<Permission>,
}

/// An IAM permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Permission {
    /// The required action, for example `connect:CreateUser`.
    pub action: String,
    /// The ARN of the resource. `*` if the action does not support resource-level permissions.
    pub resource: String,
    /// The condition keys of the request, in lower case, with their values.
    pub context: Context,
}

/// Writes each call to the record file, and keeps a summary of the call in memory.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: Option<Mutex<File>>,
    calls: Mutex<Vec<CallSummary>>,
    run: AtomicU32,
    secret_xml: Option<Regex>,
    /// Why the record file is incomplete.
    incomplete: OnceLock<String>,
}

impl Recorder {
    /// # Errors
    /// Fails if the file cannot be created.
    pub(crate) fn new(path: Option<&Path>) -> std::io::Result<Self> {
        let file = path.map(File::create).transpose()?.map(Mutex::new);
        let names = SECRET.join("|");
        let secret_xml = Regex::new(&format!("(?i)<((?:{names})[^>]*)>[^<]+<")).ok();
        Ok(Self { file, calls: Mutex::default(), run: AtomicU32::new(0), secret_xml, incomplete: OnceLock::new() })
    }

    /// The first error that made the record file incomplete.
    pub(crate) fn incomplete(&self) -> Option<&str> {
        self.incomplete.get().map(String::as_str)
    }

    pub(crate) fn set_run(&self, run: u32) {
        self.run.store(run, Ordering::Relaxed);
    }

    /// All recorded calls except the first `after` calls.
    pub(crate) fn calls(&self, after: usize) -> Vec<CallSummary> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(after..).unwrap_or_default().to_vec()
    }

    /// Records one finished call.
    pub(crate) fn note(
        &self,
        way: &Destination,
        caller: &Caller,
        request: &Request,
        answer: &Response,
        simulated: bool,
    ) {
        let (service, operation) = (way.service.as_str(), way.operation.as_str());
        // Requests for the token issuer's public documents are not recorded. Entra sends these requests, and they call
        // no AWS operation.
        if service == ISSUER {
            return;
        }
        let run = self.run.load(Ordering::Relaxed);
        let permission = |ask: &Ask| Permission {
            action: ask.action.clone(),
            resource: ask.resource.clone(),
            context: ask.context.clone(),
        };
        let permissions: Vec<Permission> = caller.asks.iter().map(permission).collect();
        let summary = CallSummary {
            service: service.into(),
            operation: operation.into(),
            method: request.method.clone(),
            path: request.path.clone(),
            status: answer.status,
            simulated,
            run,
            function: caller.function.clone(),
            state: caller.state.clone(),
            permissions: permissions.clone(),
        };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(summary);
        if let Some(file) = &self.file {
            let mut line = self.line(way, request, answer);
            line["simulated"] = json!(simulated);
            line["run"] = json!(run);
            line["function"] = json!(caller.function);
            line["state"] = json!(caller.state);
            line["role"] = json!(caller.role);
            line["permissions"] = json!(permissions);
            // Each line is written with a single call, so that a reader never sees a partial line. A write error is
            // stored but not returned, because a full disk must not stop the local cloud.
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
                self.incomplete.get_or_init(|| error.to_string());
            }
        }
    }

    /// The request and the response of a call, with masked secrets, as one line of the record file.
    fn line(&self, way: &Destination, request: &Request, answer: &Response) -> Value {
        let (service, operation) = (way.service.as_str(), way.operation.as_str());
        let object = service == "s3" && request.path.trim_matches('/').contains('/');
        let body = |headers: &[(String, String)], bytes: &[u8]| {
            // The content of an S3 object is not recorded, because it can be an identity document.
            if object { described(bytes) } else { self.body(headers, bytes) }
        };
        let mut query = Map::new();
        for (name, value) in &request.query {
            let value = if is_secret(name) { MASK } else { value };
            if let Value::Array(values) = query.entry(name.clone()).or_insert_with(|| json!([])) {
                values.push(json!(value));
            }
        }
        json!({
            "at": time::OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            "service": service,
            "operation": operation,
            "method": request.method,
            "path": request.path,
            "query": query,
            "headers": headers(&request.headers),
            "requestBody": body(&request.headers, &request.body),
            "status": answer.status,
            "responseHeaders": headers(&answer.headers),
            "responseBody": body(&answer.headers, &answer.body),
        })
    }

    /// Converts a body for the record. A JSON body becomes a JSON value, a form becomes an object of lists, and any
    /// other body becomes text.
    fn body(&self, headers: &[(String, String)], bytes: &[u8]) -> Value {
        if bytes.is_empty() {
            return Value::Null;
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
            mask(&mut value, false);
            return value;
        }
        let kind = headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value);
        if kind.starts_with("application/x-www-form-urlencoded") {
            let mut form = Map::new();
            for (name, value) in form_urlencoded::parse(bytes) {
                let value = if is_secret(&name) { MASK.into() } else { value };
                if let Value::Array(values) = form.entry(name).or_insert_with(|| json!([])) {
                    values.push(json!(value));
                }
            }
            return Value::Object(form);
        }
        match (std::str::from_utf8(bytes), &self.secret_xml) {
            (Ok(text), Some(secret)) => json!(secret.replace_all(text, "<$1>***<")),
            _ => described(bytes),
        }
    }
}

fn described(bytes: &[u8]) -> Value {
    if bytes.is_empty() { Value::Null } else { json!(format!("({} bytes)", bytes.len())) }
}

fn headers(headers: &[(String, String)]) -> Map<String, Value> {
    let recorded = headers.iter().filter(|(name, _)| !UNRECORDED.contains(&name.as_str()));
    recorded.map(|(name, value)| (name.clone(), json!(value))).collect()
}

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name.to_ascii_lowercase().as_str())
}

/// Masks the secrets in a JSON value. The attachments of support cases are masked too, because they are personal
/// documents.
fn mask(value: &mut Value, attachment: bool) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let hidden = is_secret(name) || (attachment && matches!(name.as_str(), "data" | "fileName"));
                // Even an empty or missing value is masked, because the record file must not show whether a secret was
                // set.
                if hidden {
                    *member = json!(MASK);
                } else {
                    mask(member, attachment || matches!(name.as_str(), "attachments" | "attachment" | "attachmentSet"));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, attachment)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an unreadable record fails the test")]
    use super::*;
    use crate::stand_in::aws_error::Protocol;

    fn recorded(service: &str, path: &str, content_type: &str, body: &str, answer: &str) -> Value {
        serde_json::from_str(&lines(service, path, content_type, body, answer)).unwrap()
    }

    fn lines(service: &str, path: &str, content_type: &str, body: &str, answer: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let recorder = Recorder::new(Some(file.path())).unwrap();
        let request = Request {
            method: "POST".into(),
            path: path.into(),
            query: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
            headers: vec![("content-type".into(), content_type.into()), ("authorization".into(), "Bearer t0p".into())],
            body: body.into(),
        };
        let way = Destination { service: service.into(), operation: "Op".into(), protocol: Protocol::Json };
        recorder.note(&way, &Caller::default(), &request, &Response::new(200, content_type, answer), false);
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn secrets_are_masked_in_every_place() {
        let line = recorded(
            "support",
            "/",
            "application/json",
            r#"{"attachments":[{"fileName":"passport.pdf","data":"cGFw"}],"SecretString":"s3cret"}"#,
            "<R><SecretAccessKey>abc</SecretAccessKey><Name>n</Name></R>",
        );
        let text = line.to_string();
        for secret in ["t0p", "cGFw", "passport", "s3cret", "abc"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("<Name>n</Name>"));
        assert_eq!(line["query"], json!({ "a": ["1", "2"] }));
    }

    #[test]
    fn a_form_is_recorded_decoded_with_its_secrets_masked() {
        let form = "application/x-www-form-urlencoded";
        let line = recorded("login", "/t/oauth2/v2.0/token", form, "client_id=c&client_secret=x%2By", "{}");
        assert_eq!(line["requestBody"], json!({ "client_id": ["c"], "client_secret": ["***"] }));
    }

    #[test]
    fn the_content_of_an_object_in_a_bucket_is_not_recorded() {
        let line = recorded("s3", "/documents/identity.txt", "text/plain", "name and face", "");
        assert_eq!(line["requestBody"], "(13 bytes)");
    }

    #[test]
    fn reads_of_public_issuer_documents_are_not_recorded() {
        assert_eq!(lines(ISSUER, "/.well-known/jwks.json", "application/json", "", "{}"), "");
        assert_ne!(lines("sts", "/", "application/json", "", "{}"), "");
    }
}
