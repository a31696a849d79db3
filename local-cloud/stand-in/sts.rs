//! Handles STS requests before they are forwarded to the emulator's STS.
//!
//! The emulator signs web identity tokens with a shared secret, and the subject of these tokens is not the caller's
//! role. This module issues tokens as AWS does (IAM outbound identity federation): the subject is the caller's role,
//! and the public key is published at the account's issuer URL. A token is issued only if outbound web identity
//! federation is enabled for the account. The module `authority` has already checked that the caller's policies allow
//! the audience, algorithm and duration in the request.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::stand_in::authority::Authority;
use crate::stand_in::aws_error::{Protocol, Refusal};
use crate::stand_in::http::{Request, Response};
use crate::stand_in::iam::Iam;
use crate::stand_in::rsa_key::RsaKey;
use crate::stand_in::upstream::Upstream;

/// The lifetimes of web identity tokens that STS accepts, in seconds.
const DURATIONS: std::ops::RangeInclusive<i64> = 60..=3600;
/// The default lifetime of a web identity token, in seconds.
const DEFAULT_DURATION: i64 = 300;
/// The default lifetime of a role session, in seconds.
const DEFAULT_SESSION: i64 = 3600;

/// The parameters of a request for a web identity token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    audiences: Vec<String>,
    algorithm: String,
    seconds: i64,
}

/// The additions to the emulator's STS, with the key that signs web identity tokens.
pub(crate) struct Sts {
    upstream: Upstream,
    region: String,
    account: String,
    key: OnceLock<RsaKey>,
}

impl Sts {
    pub(crate) fn new(upstream: Upstream, region: &str, account: &str) -> Self {
        let (region, account) = (region.to_owned(), account.to_owned());
        Self { upstream, region, account, key: OnceLock::new() }
    }

    fn key(&self) -> Result<&RsaKey, Refusal> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = RsaKey::generate().map_err(|text| Refusal::new(500, "InternalFailure", text))?;
        Ok(self.key.get_or_init(|| key))
    }

    /// Handles a request to STS, or a request for a public document of the account's token issuer.
    pub(crate) async fn serve(&self, iam: &Iam, authority: &Authority, request: &Request) -> Response {
        let published = request.path.strip_prefix("/.well-known/");
        let answer = match published {
            Some(name) => self.published(iam, request, name),
            None => self.act(iam, authority, request).await,
        };
        answer.unwrap_or_else(|refusal| refusal.answer(Protocol::Query))
    }

    /// The public documents of the token issuer: the `OpenID` Connect discovery document and the public keys.
    fn published(&self, iam: &Iam, request: &Request, name: &str) -> Result<Response, Refusal> {
        let issuer = iam.issuer();
        let ours = request.header("host").is_some_and(|host| issuer == format!("https://{host}"));
        match name {
            "openid-configuration" if ours => Ok(Response::json(
                200,
                &json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                         "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                         "id_token_signing_alg_values_supported": ["RS256", "ES384"], "claims_supported":
                         ["sub", "aud", "exp", "iat", "iss", "jti"] }),
            )),
            "jwks.json" if ours => Ok(Response::json(200, &json!({ "keys": [self.key()?.jwk()] }))),
            _ => Err(Refusal::new(404, "NotFound", "The issuer or document does not exist.")),
        }
    }

    async fn act(&self, iam: &Iam, authority: &Authority, request: &Request) -> Result<Response, Refusal> {
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(&request.body).into_owned().chain(request.query.iter().cloned()).collect();
        match form.get("Action").map(String::as_str) {
            Some("AssumeRole") => {
                let answer = self.upstream.pass(request, Protocol::Query).await;
                if let Some(seconds) = session_seconds(&form).filter(|_| answer.status == 200) {
                    let ends = OffsetDateTime::now_utc() + Duration::seconds(seconds);
                    authority.assumed(&String::from_utf8_lossy(&answer.body), &form, ends);
                }
                Ok(answer)
            }
            Some("GetWebIdentityToken") => self.token(iam, authority, request, &form).await,
            _ => Ok(self.upstream.pass(request, Protocol::Query).await),
        }
    }

    async fn token(
        &self,
        iam: &Iam,
        authority: &Authority,
        request: &Request,
        form: &BTreeMap<String, String>,
    ) -> Result<Response, Refusal> {
        let asked = asked(form)?;
        let session = authority.session(request).await.ok_or_else(|| {
            let text = "GetWebIdentityToken needs a role session; the local cloud's operator has none.";
            Refusal::new(403, "AccessDenied", text)
        })?;
        if !iam.federates() {
            let text = "Outbound web identity federation is disabled for this account.";
            return Err(Refusal::new(403, "OutboundWebIdentityFederationDisabledException", text));
        }
        // The token contains the real time, because the recipient compares it with its own clock.
        let now = OffsetDateTime::now_utc();
        let expires = now + Duration::seconds(asked.seconds);
        if session.ends.is_some_and(|ends| expires > ends) {
            let text = "The requested token duration exceeds the remaining time of the caller's session.";
            return Err(Refusal::new(403, "SessionDurationEscalationException", text));
        }
        if asked.algorithm != "RS256" {
            let text = "The local cloud signs only with RS256, the algorithm that Entra documents.";
            return Err(Refusal::new(501, "NotImplemented", text));
        }
        // A token contains a single audience as a string, and several audiences as a list.
        let audience = match asked.audiences.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        let claims = json!({
            "iss": iam.issuer(), "aud": audience, "sub": session.role_arn, "jti": Uuid::new_v4().to_string(),
            "iat": now.unix_timestamp(), "exp": expires.unix_timestamp(),
            "https://sts.amazonaws.com/": { "aws_account": self.account, "source_region": self.region,
                                            "principal_id": session.role_arn },
        });
        let key = self.key()?;
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.id() });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(&header), part(&claims));
        let signature = key.sign(content.as_bytes()).map_err(|text| Refusal::new(500, "InternalFailure", text))?;
        let expiration = expires.replace_nanosecond(0).unwrap_or(expires).format(&Rfc3339).unwrap_or_default();
        let id = Uuid::new_v4();
        let body = format!(
            "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetWebIdentityTokenResult>\
             <WebIdentityToken>{content}.{}</WebIdentityToken><Expiration>{expiration}</Expiration>\
             </GetWebIdentityTokenResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
             </GetWebIdentityTokenResponse>",
            URL_SAFE_NO_PAD.encode(signature)
        );
        Ok(Response::new(200, "text/xml", body).with_header("x-amzn-requestid", id.to_string()))
    }
}

/// Reads and validates the parameters of a request for a web identity token.
fn asked(form: &BTreeMap<String, String>) -> Result<Asked, Refusal> {
    let audiences: Vec<String> =
        form.iter().filter(|(name, _)| name.starts_with("Audience.member.")).map(|(_, value)| value.clone()).collect();
    let invalid = |text: String| Refusal::new(400, "ValidationError", format!("1 validation error detected: {text}"));
    if audiences.is_empty() || audiences.len() > 10 || audiences.iter().any(|one| one.is_empty() || one.len() > 1000) {
        return Err(invalid("Value at 'audience' failed to satisfy constraint: 1 to 10 members of 1 to 1000".into()));
    }
    let algorithm = form.get("SigningAlgorithm").cloned().unwrap_or_default();
    if !["RS256", "ES384"].contains(&algorithm.as_str()) {
        let text = format!(
            "Value '{algorithm}' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: \
             [RS256, ES384]"
        );
        return Err(invalid(text));
    }
    let seconds = match form.get("DurationSeconds") {
        None => DEFAULT_DURATION,
        Some(text) => text.parse().unwrap_or(0),
    };
    if !DURATIONS.contains(&seconds) {
        let text = format!(
            "Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value between {} and {}",
            DURATIONS.start(),
            DURATIONS.end()
        );
        return Err(invalid(text));
    }
    Ok(Asked { audiences, algorithm, seconds })
}

/// The lifetime of the role session that a request creates, in seconds. `None` if the request contains an invalid
/// lifetime.
fn session_seconds(form: &BTreeMap<String, String>) -> Option<i64> {
    form.get("DurationSeconds").map_or(Some(DEFAULT_SESSION), |text| text.parse().ok())
}
