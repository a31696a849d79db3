//! Sign-in without a stored secret. AWS issues a token for the function, and a federated credential of the Entra
//! application trusts AWS (IAM outbound identity federation).
//!
//! The subject of the token is the ARN of the IAM role that requests the token. Each function has its own IAM role.
//! However, an Entra application accepts at most twenty federated credentials, and each new function would require a
//! change in Entra. Therefore, each Entra identity (setup, runtime) has one additional IAM role with a fixed name. The
//! only permission of this role is to request such tokens, and only the functions that may use the Entra identity can
//! assume it.
//! The session name is the name of the function, so the events in `CloudTrail` show which function used the role.

use aws_config::SdkConfig;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use onboarding_core::{StepError, StepErrorKind};
use secrecy::SecretString;

use crate::{
    aws::{self, error::CallResult as _},
    runtime::settings::Settings,
};

/// Lifetime of a token in seconds. This is the default of AWS, and the maximum that the policy of the IAM role allows.
const LIFETIME: i32 = 300;
/// Duration of a session of the IAM role in seconds. This is the minimum that AWS allows.
const SESSION: i32 = 900;
/// Maximum length of a session name in STS.
const SESSION_NAME: usize = 64;

/// Returns a token that AWS issues for a sign-in to Entra. The subject of the token is `role`.
pub(super) async fn token(config: &SdkConfig, settings: &Settings, role: &str) -> Result<SecretString, StepError> {
    let doing = format!("assuming the role {role} to sign in to Entra");
    let name: String = settings.function_name().chars().take(SESSION_NAME).collect();
    let sts = aws_sdk_sts::Client::new(config);
    let session = sts.assume_role().role_arn(role).role_session_name(name).duration_seconds(SESSION).send().await;
    let session = session.doing(&doing)?.credentials;
    let session = session.ok_or_else(|| StepError::unavailable(format!("{doing}: the response has no credentials")))?;
    let credentials =
        Credentials::new(session.access_key_id, session.secret_access_key, Some(session.session_token), None, "role");
    let as_role = aws_sdk_sts::config::Builder::from(config)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let doing = format!("requesting a token for the role {role} from AWS");
    let answer = aws_sdk_sts::Client::from_conf(as_role)
        .get_web_identity_token()
        // Only one audience is requested, because with several audiences the `aud` claim of the token would be a list,
        // which Entra does not accept.
        .audience(settings.token_audience())
        // RS256 is the only algorithm that Microsoft documents for tokens of other issuers.
        .signing_algorithm("RS256")
        .duration_seconds(LIFETIME)
        .send()
        .await
        .map_err(|error| {
            let disabled = aws::error::is(&error, &DISABLED);
            let mut error = aws::error::step_error(&doing, &error);
            if disabled {
                error = StepError::new(
                    StepErrorKind::AccessDenied,
                    format!(
                        "{}; enable it once for the account: aws iam enable-outbound-web-identity-federation",
                        error.message
                    ),
                );
            }
            error
        })?;
    let token = answer.web_identity_token.filter(|token| !token.is_empty());
    token.map(Into::into).ok_or_else(|| StepError::unavailable(format!("{doing}: the response has no token")))
}

/// The error codes that STS returns if outbound identity federation is disabled for the account.
const DISABLED: [&str; 2] = ["OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederationDisabled"];
