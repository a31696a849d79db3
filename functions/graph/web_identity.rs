//! Signing in without a secret: AWS vouches for the function, and a federated credential of the Entra application believes
//! AWS (IAM outbound identity federation).
//!
//! The token's subject is the ARN of the role that asks for it. Each function has a role of its own, and an Entra application
//! takes twenty federated credentials, so that the functions' own roles as subjects would mean another visit to Entra for
//! each new function. Instead each identity has one role of a fixed name that can do nothing but ask for such tokens; the
//! functions that may use the identity may assume it, and nobody else. The session carries the function's name, which is
//! how `CloudTrail` tells them apart.

use aws_config::SdkConfig;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use onboarding_core::{StepError, StepErrorKind};
use secrecy::SecretString;

use crate::{aws_error, settings::Settings};

/// How long a token is good, in seconds: AWS's default, and the most that the role's policy allows.
const LIFETIME: i32 = 300;
/// How long a session of the role is good, in seconds: the shortest that AWS gives.
const SESSION: i32 = 900;
/// The most that STS takes as a session's name.
const SESSION_NAME: usize = 64;

/// A token of AWS's that says which role the caller has, for Entra to read.
pub(super) async fn token(config: &SdkConfig, settings: &Settings, role: &str) -> Result<SecretString, StepError> {
    let doing = format!("assuming the role {role} to sign in to Entra");
    let name: String = settings.function_name().chars().take(SESSION_NAME).collect();
    let sts = aws_sdk_sts::Client::new(config);
    let session = sts.assume_role().role_arn(role).role_session_name(name).duration_seconds(SESSION).send().await;
    let session = session.map_err(|error| aws_error::step_error(&doing, &error))?.credentials;
    let session = session.ok_or_else(|| StepError::unavailable(format!("{doing}: the answer holds no credentials")))?;
    let credentials =
        Credentials::new(session.access_key_id, session.secret_access_key, Some(session.session_token), None, "role");
    let as_role = aws_sdk_sts::config::Builder::from(config)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let doing = format!("asking AWS for a token of the role {role}");
    let answer = aws_sdk_sts::Client::from_conf(as_role)
        .get_web_identity_token()
        // One audience: with several the claim is a list, which Entra does not take.
        .audience(settings.token_audience())
        // The only algorithm that Entra documents for foreign tokens.
        .signing_algorithm("RS256")
        .duration_seconds(LIFETIME)
        .send()
        .await
        .map_err(|error| {
            let disabled = aws_error::is(&error, &DISABLED);
            let mut error = aws_error::step_error(&doing, &error);
            if disabled {
                error = StepError::new(
                    StepErrorKind::AccessDenied,
                    format!(
                        "{}; switch it on once for the account: aws iam enable-outbound-web-identity-federation",
                        error.message
                    ),
                );
            }
            error
        })?;
    let token = answer.web_identity_token.filter(|token| !token.is_empty());
    token.map(Into::into).ok_or_else(|| StepError::unavailable(format!("{doing}: the answer holds no token")))
}

/// What STS says while the account's outbound identity federation is off.
const DISABLED: [&str; 2] = ["OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederationDisabled"];
