//! Identifies the owner of the access key that signed a request.
//!
//! If authorization is enabled in the emulator, the emulator creates one session of the function's role for each
//! function. The emulator derives the access key and the token from the ARNs of the function and the role
//! (`ministack.core.lambda_runtime.execution_credentials`; the version of ministack is pinned). This module computes
//! the same access keys for all functions that Lambda lists. The stand-in knows all other sessions, because STS calls
//! pass through it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::stand_in::http::Request;
use crate::stand_in::upstream::Upstream;

/// A role session: either a function's own session, or the session of another role that a function has assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The name of the function that owns the session. `None` for a session of any other role.
    pub(super) function: Option<String>,
    /// The ARN of the session's role.
    pub(crate) role_arn: String,
    /// When the session expires. `None` for a function's own session, which is always renewed before it expires.
    pub(crate) ends: Option<OffsetDateTime>,
    /// The name of the session's role.
    pub(super) role: String,
    /// The session ARN, `arn:aws:sts::…:assumed-role/role/session`.
    pub(super) arn: String,
    /// The value of the condition key `aws:userid` for requests of this session.
    pub(super) user_id: String,
    token: String,
}

impl Session {
    /// Creates a session of a state machine's role. The session has no token, because Step Functions does not expose
    /// its credentials.
    pub(super) fn of_machine(role_arn: &str, machine: &str) -> Option<Self> {
        let role = role_arn.rsplit('/').next()?.to_owned();
        let account = role_arn.split(':').nth(4)?;
        Some(Self {
            function: None,
            role_arn: role_arn.to_owned(),
            ends: None,
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{machine}"),
            user_id: format!("{role}:{machine}"),
            token: String::new(),
            role,
        })
    }
}

/// The owner of an access key that signs requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The operator. The request is signed with the emulator's own key, or is not signed.
    Operator,
    /// A role session: either a function's own session, or the session of a role that a function has assumed.
    Role(Session),
    /// The access key is unknown.
    Unknown,
}

/// The known sessions, by access key.
#[derive(Debug)]
pub(super) struct Sessions {
    upstream: Upstream,
    known: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// Identifies the owner of the access key that signed the request.
    pub(super) async fn holder(&self, request: &Request) -> Holder {
        let Some(key) = access_key(request) else { return Holder::Operator };
        if key == "test" || (key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit())) {
            return Holder::Operator;
        }
        let mut session = self.known(&key);
        if session.is_none() {
            self.refresh().await;
            session = self.known(&key);
        }
        let token = request.header("x-amz-security-token").or_else(|| request.query("X-Amz-Security-Token"));
        let lives = |session: &Session| session.ends.is_none_or(|ends| ends > OffsetDateTime::now_utc());
        match session.filter(|session| Some(session.token.as_str()) == token && lives(session)) {
            Some(session) => Holder::Role(session),
            None => Holder::Unknown,
        }
    }

    /// Stores a session that STS has issued. The data of the session is read from the STS request (`form`) and the
    /// response (`answer`).
    pub(super) fn assumed(&self, answer: &str, form: &BTreeMap<String, String>, ends: OffsetDateTime) {
        let element = |name: &str| Some(answer.split_once(&format!("<{name}>"))?.1.split('<').next()?.to_owned());
        let found = (element("AccessKeyId"), element("SessionToken"), element("Arn"), element("AssumedRoleId"));
        let (Some(key), Some(token), Some(arn), Some(user_id)) = found else { return };
        let Some(role_arn) = form.get("RoleArn").cloned() else { return };
        let role = role_arn.rsplit('/').next().unwrap_or_default().to_owned();
        let session = Session { function: None, role_arn, ends: Some(ends), role, arn, user_id, token };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, session);
    }

    fn known(&self, key: &str) -> Option<Session> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    async fn refresh(&self) {
        let mut marker = None;
        loop {
            let query: Vec<(String, String)> = marker.into_iter().map(|marker| ("Marker".to_owned(), marker)).collect();
            let answer = self.upstream.get("lambda", "/2015-03-31/functions/", query).await;
            let page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let functions = page["Functions"].as_array().into_iter().flatten();
            let found: Vec<(String, Session)> = functions.filter_map(session).collect();
            self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            marker = page["NextMarker"].as_str().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return;
            }
        }
    }
}

/// Derives the access key and the session of a function from the function's entry in the response of `ListFunctions`.
fn session(function: &Value) -> Option<(String, Session)> {
    let (name, arn, role_arn) =
        (function["FunctionName"].as_str()?, function["FunctionArn"].as_str()?, function["Role"].as_str()?);
    let hex = |text: String| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digest = hex(format!("{arn}:{role_arn}"));
    let role = role_arn.rsplit('/').next()?.to_owned();
    let account = role_arn.split(':').nth(4)?;
    let short: String = name.chars().take(64).collect();
    let session = Session {
        function: Some(name.to_owned()),
        role_arn: role_arn.to_owned(),
        ends: None,
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{short}"),
        user_id: format!("{role}:{short}"),
        token: hex(format!("token:{digest}")),
        role,
    };
    Some((format!("ASIA{}", digest.get(..16)?.to_ascii_uppercase()), session))
}

/// The access key that the credential scope of a signed or presigned request contains.
fn access_key(request: &Request) -> Option<String> {
    let credential = match request.header("authorization") {
        Some(header) => header.split("Credential=").nth(1)?,
        None => request.query("X-Amz-Credential")?,
    };
    credential.split('/').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn computed_access_keys_and_tokens_equal_those_of_the_emulator() {
        // The expected values were computed by `execution_credentials` of ministack 1.5.33 from these two ARNs.
        let function = json!({
            "FunctionName": "f", "FunctionArn": "arn:aws:lambda:ap-northeast-1:000000000000:function:f",
            "Role": "arn:aws:iam::000000000000:role/r",
        });
        let (key, session) = session(&function).unwrap();
        assert_eq!(key, "ASIA23159B99F74C2474");
        assert_eq!(session.token, "a73fd423c1258cb7a6a13c7afc718461bac64d89c6dfb1f998d985e843ae3c61");
        assert_eq!(session.arn, "arn:aws:sts::000000000000:assumed-role/r/f");
    }
}
