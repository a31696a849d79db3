//! Access tokens for Microsoft Graph, obtained with the client credentials flow of the Microsoft identity platform.
//!
//! A credential in Secrets Manager is read before the first token request. The credential is read again if Entra
//! rejects it. So no deployment is necessary after a secret or certificate was rotated.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use onboarding_core::{StepError, StepErrorKind, entra::Identity};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::{
    credential::{Credential, Proof},
    transport::{Ask, Body, Reply, Transport},
    web_identity,
};
use crate::{
    aws::error::CallResult as _,
    runtime::settings::{Settings, SignIn},
};

/// The resource for which tokens are requested in the global cloud. In a national cloud, this is the URL of the Graph
/// service in that cloud.
const GLOBAL_GRAPH: &str = "https://graph.microsoft.com";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The time before its expiry at which a token is renewed.
const MARGIN: Duration = Duration::from_secs(300);

#[derive(Debug)]
enum Source {
    /// The credential that the settings of the function specify for this Entra identity.
    Identity {
        identity: Identity,
        config: Box<SdkConfig>,
        secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    },
    Given(Credential),
}

#[derive(Clone, Debug)]
struct Token {
    bearer: SecretString,
    expires: SystemTime,
}

#[derive(Debug, Default)]
struct State {
    credential: Option<Credential>,
    token: Option<Token>,
}

/// Requests access tokens and caches them.
#[derive(Debug)]
pub(super) struct Authenticator {
    source: Source,
    state: Mutex<State>,
}

impl Authenticator {
    pub(super) fn of(identity: Identity, config: SdkConfig) -> Self {
        let source = Source::Identity { identity, config: Box::new(config), secrets: OnceLock::new() };
        Self { source, state: Mutex::default() }
    }

    pub(super) fn given(credential: Credential) -> Self {
        Self { source: Source::Given(credential), state: Mutex::default() }
    }

    /// Returns the tenant of the credential, as a tenant ID or a verified domain.
    pub(super) async fn tenant_id(&self, settings: &Settings) -> Result<String, StepError> {
        Ok(self.credential(&mut *self.state.lock().await, settings).await?.tenant_id)
    }

    /// Returns the expiry time of the credential that is currently stored, if this time is known. The cached credential
    /// may be an older one.
    pub(super) async fn expires(&self, settings: &Settings) -> Result<Option<OffsetDateTime>, StepError> {
        Ok(self.credential(&mut State::default(), settings).await?.expires())
    }

    /// Returns an access token that is valid for at least five more minutes.
    pub(super) async fn bearer(&self, transport: &Transport, settings: &Settings) -> Result<SecretString, StepError> {
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && token.expires > SystemTime::now() + MARGIN
        {
            return Ok(token.bearer.clone());
        }
        let credential = self.credential(&mut state, settings).await?;
        let token = match self.request(&credential, transport, settings).await {
            Ok(token) => token,
            Err(Refused { error, bad_credential: false }) => return Err(error),
            Err(Refused { error, .. }) => {
                state.credential = None;
                let fresh = self.credential(&mut state, settings).await?;
                if fresh.same(&credential) {
                    return Err(error);
                }
                self.request(&fresh, transport, settings).await.map_err(|refused| refused.error)?
            }
        };
        let bearer = token.bearer.clone();
        state.token = Some(token);
        Ok(bearer)
    }

    /// Discards the cached token. The caller does this if Graph rejected the token, or if consent was granted after
    /// Entra issued the token.
    pub(super) async fn forget_token(&self) {
        self.state.lock().await.token = None;
    }

    async fn credential(&self, state: &mut State, settings: &Settings) -> Result<Credential, StepError> {
        if let Some(credential) = &state.credential {
            return Ok(credential.clone());
        }
        let credential = match &self.source {
            Source::Given(credential) => credential.clone(),
            Source::Identity { identity, config, secrets } => match settings.sign_in(*identity)? {
                SignIn::Keyless { tenant_id, client_id, .. } => Credential {
                    tenant_id: tenant_id.to_owned(),
                    client_id: client_id.to_owned(),
                    proof: Proof::WebIdentity,
                },
                SignIn::Secret(name) => {
                    let secrets = secrets.get_or_init(|| aws_sdk_secretsmanager::Client::new(config));
                    stored(secrets, name).await?
                }
            },
        };
        state.credential = Some(credential.clone());
        Ok(credential)
    }

    async fn request(
        &self,
        credential: &Credential,
        transport: &Transport,
        settings: &Settings,
    ) -> Result<Token, Refused> {
        let (tenant, login) = (&credential.tenant_id, settings.login_url());
        let endpoint = format!("{login}/{tenant}/oauth2/v2.0/token");
        let url = Url::parse(&endpoint).map_err(|_| {
            StepError::invalid_input(format!("{login}/{tenant} is not a login URL; check LOGIN_URL and tenantId"))
        })?;
        let doing =
            format!("getting a Graph token for the application {} in the tenant {tenant}", credential.client_id);
        let mut form = vec![
            ("client_id", credential.client_id.clone().into()),
            ("scope", format!("{}/.default", audience(settings.graph_url())).into()),
            ("grant_type", "client_credentials".into()),
        ];
        match &credential.proof {
            Proof::Secret(secret, _) => form.push(("client_secret", secret.clone())),
            Proof::Certificate(certificate) => {
                let assertion = certificate.assertion(&credential.client_id, &endpoint, OffsetDateTime::now_utc());
                let assertion = assertion.ok_or_else(|| {
                    StepError::internal(format!("{doing}: the private key of the credential could not sign"))
                })?;
                form.extend([("client_assertion_type", ASSERTION_TYPE.into()), ("client_assertion", assertion)]);
            }
            Proof::WebIdentity => {
                let assertion = self.vouched_for(settings).await?;
                form.extend([("client_assertion_type", ASSERTION_TYPE.into()), ("client_assertion", assertion)]);
            }
        }
        let asked = SystemTime::now();
        let ask =
            Ask { method: Method::POST, url, bearer: None, body: Body::Form(form), repeatable: true, doing: &doing };
        let reply = transport.exchange(ask).await?;
        if !reply.status.is_success() {
            return Err(refusal(&doing, &reply, matches!(credential.proof, Proof::WebIdentity)));
        }
        // The details of the parse error are omitted, because they could contain the token.
        let unreadable = || StepError::unavailable(format!("{doing}: the response has no token{}", reply.trace()));
        let answer: Value = serde_json::from_str(&reply.body).map_err(|_| unreadable())?;
        let bearer = answer.get("access_token").and_then(Value::as_str).ok_or_else(unreadable)?;
        let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(3599);
        Ok(Token { bearer: bearer.into(), expires: asked + Duration::from_secs(seconds) })
    }

    /// Returns a token that AWS issues for the IAM role of the Entra identity.
    async fn vouched_for(&self, settings: &Settings) -> Result<SecretString, StepError> {
        let Source::Identity { identity, config, .. } = &self.source else {
            return Err(StepError::internal("this credential has no role for which AWS could issue a token"));
        };
        match settings.sign_in(*identity)? {
            SignIn::Keyless { role, .. } => web_identity::token(config, settings, role).await,
            SignIn::Secret(name) => {
                Err(StepError::internal(format!("the {identity} identity authenticates with {name}")))
            }
        }
    }
}

/// Reads the credential from the secret with the name `name`.
async fn stored(secrets: &aws_sdk_secretsmanager::Client, name: &str) -> Result<Credential, StepError> {
    let doing = format!("reading the Graph credential from the secret {name}");
    let answer = secrets.get_secret_value().secret_id(name).send().await;
    let answer = answer.doing(&doing)?;
    let text = answer.secret_string().ok_or_else(|| {
        StepError::invalid_input(format!("the secret {name} is binary; store the credential as text"))
    })?;
    Credential::parse(name, text)
}

struct Refused {
    error: StepError,
    bad_credential: bool,
}

impl From<StepError> for Refused {
    fn from(error: StepError) -> Self {
        Self { error, bad_credential: false }
    }
}

/// Returns the resource for which a token is requested. This is the URL of Graph in this cloud. If the local cloud
/// emulates Graph over plain HTTP, this is the URL of Graph in the global cloud.
fn audience(graph_url: &str) -> &str {
    if graph_url.starts_with("https://") { graph_url } else { GLOBAL_GRAPH }
}

/// Converts an error response of the token endpoint. The AADSTS code in the response identifies the error (Microsoft
/// documentation: "Microsoft Entra authentication & authorization error codes").
fn refusal(doing: &str, reply: &Reply, keyless: bool) -> Refused {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    // The error message of this step ends with the trace ID and the time, so both are removed from Entra's description.
    let description = text("error_description").split(" Trace ID:").next().unwrap_or_default().trim();
    let number = body.pointer("/error_codes/0").and_then(Value::as_u64).or_else(|| number_in(description));
    let number = number.unwrap_or_default();
    let (kind, advice) = if keyless { keyless_advice(number, text("error")) } else { advice(number, text("error")) };
    let description =
        if description.is_empty() { format!("HTTP {}", reply.status.as_u16()) } else { description.into() };
    let trace = match text("trace_id") {
        "" => reply.trace(),
        id => format!(" (trace id {id}, {})", text("timestamp")),
    };
    let error = StepError::new(kind, format!("{doing} was rejected: {description}{trace}{advice}"));
    let bad_credential = text("error") == "invalid_client" || matches!(number, 7_000_215 | 7_000_222 | 700_016);
    Refused { error, bad_credential }
}

/// Returns the number of the AADSTS code in a description such as `AADSTS700024: …`.
fn number_in(description: &str) -> Option<u64> {
    description.strip_prefix("AADSTS")?.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the error kind and the advice to the operator for a failed sign-in with a client secret or a certificate.
fn advice(number: u64, error: &str) -> (StepErrorKind, &'static str) {
    match number {
        7_000_215 => (
            StepErrorKind::AccessDenied,
            "; store the client secret's value (not its id) in the credential secret as clientSecret",
        ),
        7_000_222 => (
            StepErrorKind::AccessDenied,
            "; the client secret has expired: create a new one in the app registration and store it in the credential \
             secret",
        ),
        700_016 | 7_000_229 => (
            StepErrorKind::AccessDenied,
            "; check clientId and tenantId in the credential secret, and grant admin consent to the app registration",
        ),
        90_002 | 900_023 => (
            StepErrorKind::InvalidInput,
            "; check tenantId in the credential secret, and LOGIN_URL for a national cloud",
        ),
        700_027 => (
            StepErrorKind::AccessDenied,
            "; upload the certificate to the app registration, or store the registered certificate and its key in the \
             credential secret",
        ),
        // The client assertion has expired. The next attempt signs a new assertion.
        700_024 => (
            StepErrorKind::Unavailable,
            "; the clocks of AWS and Entra differ, or the assertion arrived late; the next attempt signs a new \
             assertion",
        ),
        _ => common_advice(number).unwrap_or(match error {
            "temporarily_unavailable" => (StepErrorKind::Unavailable, ""),
            "invalid_client" => (StepErrorKind::AccessDenied, "; check the credential secret"),
            _ => (StepErrorKind::AccessDenied, LOOK_UP),
        }),
    }
}

/// Returns the error kind and the advice to the operator for a failed sign-in with a token from AWS. Such a sign-in
/// uses no stored secret.
fn keyless_advice(number: u64, error: &str) -> (StepErrorKind, &'static str) {
    match number {
        700_016 | 7_000_229 => (
            StepErrorKind::AccessDenied,
            "; check the stack's parameters TenantId, SetupClientId and RuntimeClientId, and grant admin consent to the app \
             registration",
        ),
        90_002 | 900_023 => {
            (StepErrorKind::InvalidInput, "; check the stack's parameter TenantId, and LOGIN_URL for a national cloud")
        }
        // The federated credential may be new and not replicated yet. If the error persists, the federated credential
        // is wrong.
        70_021 | 700_211..=700_213 => (
            StepErrorKind::NotConsistentYet,
            "; a new federated credential takes minutes to become effective; if the error continues, compare its \
             issuer, subject and audience, character by character, with the output of `onboard entra-setup`",
        ),
        // The token has expired. The next attempt requests a new token from AWS.
        700_024 => (
            StepErrorKind::Unavailable,
            "; the clocks of AWS and Entra differ, or the token arrived late: the token from AWS is valid for five \
             minutes, and the next attempt gets a new token; if the error continues, compare the audience and the \
             subject of the federated credential with the output of `onboard entra-setup`",
        ),
        _ => common_advice(number).unwrap_or(match error {
            "temporarily_unavailable" => (StepErrorKind::Unavailable, ""),
            "invalid_client" => (
                StepErrorKind::AccessDenied,
                "; Entra does not accept the token from AWS: compare the issuer, subject and audience of the \
                 federated credential, character by character, with the output of `onboard entra-setup`, and the \
                 time in this message with your clock",
            ),
            _ => (StepErrorKind::AccessDenied, LOOK_UP),
        }),
    }
}

const LOOK_UP: &str = "; see the description of this AADSTS number at https://login.microsoftonline.com/error";

/// Returns the error kind and the advice to the operator for errors that have the same meaning for every type of
/// credential.
const fn common_advice(number: u64) -> Option<(StepErrorKind, &'static str)> {
    Some(match number {
        7_000_112 => (StepErrorKind::AccessDenied, "; the app registration is disabled: enable it"),
        53_003 | 53_000 | 53_001 => {
            (StepErrorKind::AccessDenied, "; a Conditional Access policy for workload identities blocks this sign-in")
        }
        500_011 | 1_002_012 => (StepErrorKind::InvalidInput, "; GRAPH_URL and LOGIN_URL must belong to the same cloud"),
        // The federated credential has not replicated yet, or the certificate was just uploaded.
        70_021 | 700_211..=700_213 => {
            (StepErrorKind::NotConsistentYet, "; a new credential takes minutes to become effective")
        }
        90_033 | 90_024 | 50_196 | 50_166 => (StepErrorKind::Unavailable, ""),
        _ => return None,
    })
}

/// Returns the `roles` claim in the payload of an access token. The token is not verified, because the roles are only
/// used to report missing permissions early. Returns `None` if the token can't be read, because Microsoft may change
/// access tokens to an opaque format.
pub(super) fn roles(token: &SecretString) -> Option<Vec<String>> {
    let claims = claims(token)?;
    let roles = claims.get("roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Some(roles.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
}

/// Returns the tenant ID in the payload of an access token.
pub(super) fn tenant(token: &SecretString) -> Option<uuid::Uuid> {
    uuid::Uuid::try_parse(claims(token)?.get("tid")?.as_str()?).ok()
}

fn claims(token: &SecretString) -> Option<Value> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn a_national_cloud_requests_tokens_for_its_own_graph_and_an_emulator_for_the_global_one() {
        assert_eq!(audience("https://graph.microsoft.us"), "https://graph.microsoft.us");
        assert_eq!(audience("http://127.0.0.1:4000"), GLOBAL_GRAPH);
    }

    #[test]
    fn the_error_number_is_parsed_from_the_description() {
        assert_eq!(number_in("AADSTS700024: Client assertion is not within its valid time range."), Some(700_024));
        assert_eq!(number_in("AADSTS: none"), None);
        assert_eq!(number_in("Something else"), None);
    }

    #[test]
    fn the_advice_for_a_sign_in_without_a_secret_does_not_mention_a_secret() {
        for number in [700_016, 7_000_229, 7_000_215, 90_002, 70_021, 700_213, 700_024, 700_027, 0] {
            for error in ["invalid_client", "unauthorized_client", "temporarily_unavailable"] {
                let (_, advice) = keyless_advice(number, error);
                assert!(!advice.contains("secret"), "{number}: {advice}");
            }
        }
        for (number, kind) in [(700_024, StepErrorKind::Unavailable), (0, StepErrorKind::AccessDenied)] {
            let (is, advice) = keyless_advice(number, "invalid_client");
            assert_eq!(is, kind);
            for word in ["clock", "audience", "subject"] {
                assert!(advice.contains(word), "{number}: {word} is missing in {advice}");
            }
        }
    }

    #[test]
    fn roles_are_read_from_the_payload_and_are_unknown_for_an_opaque_token() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.x", part("{}"), part(r#"{"roles": ["User.Read.All"]}"#));
        assert_eq!(roles(&token.into()).unwrap(), ["User.Read.All"]);
        assert_eq!(roles(&format!("{}.{}.x", part("{}"), part("{}")).into()).unwrap(), [""; 0]);
        assert_eq!(roles(&"opaque".into()), None);
    }
}
