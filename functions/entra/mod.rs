//! A small client for Microsoft Graph. The client is part of this project and not a separate library, because only two
//! dozen Graph calls are needed.
//!
//! The module `auth` requests tokens with a `credential`: a client secret, a `certificate`, or a `web_identity` token
//! from AWS. The module `transport` sends requests, waits and retries. The module `call` classifies error responses and
//! reads lists. Each other module contains the calls for one kind of object. The credential, the token and the
//! connection are created when they are first used.

mod applications;
mod assignments;
mod auth;
mod call;
mod certificate;
mod certificate_removal;
mod claims;
pub mod client_state;
mod credential;
mod delta;
mod groups;
mod memberships;
mod model;
mod removal;
mod retry_after;
mod subscriptions;
mod transport;
mod web_identity;
pub mod x509;

#[cfg(test)]
mod tests;

use aws_config::SdkConfig;
use onboarding_core::{StepError, entra::Identity, saml};
use reqwest::{Method, StatusCode, Url};
use tracing::warn;

pub(crate) use self::subscriptions::{LIFETIME, MOST as MOST_SUBSCRIPTIONS};
pub use self::{
    applications::LOOKS_FOR_A_LOST_CERTIFICATE,
    assignments::Assigned,
    call::{GraphError, Refusal},
    certificate_removal::Removal,
    credential::{Credential, Proof, moment},
    delta::Changes,
    groups::GroupMembers,
    model::{
        AppRole, AppRoleAssignment, Application, ApplicationTemplate, ClaimsMappingPolicy, Group, KeyCredential,
        NewAssignment, SamlSettings, ServicePrincipal, SigningCertificate, Web,
    },
    removal::Deletion,
    subscriptions::{NewSubscription, Subscription, Watched},
};
use self::{
    auth::Authenticator,
    transport::{Ask, Body, Transport},
};
use crate::runtime::{clock::Clock, settings::Settings};

/// The client for Microsoft Graph.
#[derive(Debug)]
pub struct Graph {
    settings: Settings,
    authenticator: Authenticator,
    transport: Transport,
}

impl Graph {
    /// Creates a client that signs in as the given Entra identity. When the client sends its first request, it reads
    /// the credential that the settings specify.
    #[must_use]
    pub fn new(identity: Identity, config: SdkConfig, settings: Settings) -> Self {
        Self { authenticator: Authenticator::of(identity, config), transport: Transport::new(&settings), settings }
    }

    /// Creates a client with the given credential.
    #[must_use]
    pub fn with_credential(credential: Credential, settings: Settings) -> Self {
        Self { authenticator: Authenticator::given(credential), transport: Transport::new(&settings), settings }
    }

    /// Returns the clock for the waits between calls.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.settings.clock()
    }

    /// Returns the tenant of the credential, as a tenant ID or a verified domain.
    ///
    /// # Errors
    /// If the credential can't be read.
    pub async fn tenant_id(&self) -> Result<String, StepError> {
        self.authenticator.tenant_id(&self.settings).await
    }

    /// Returns the expiry time of the credential. Returns `None` if the credential does not expire, or if the expiry
    /// time is unknown.
    ///
    /// # Errors
    /// If the credential can't be read.
    pub async fn credential_expires(&self) -> Result<Option<time::OffsetDateTime>, StepError> {
        self.authenticator.expires(&self.settings).await
    }

    /// Returns the tenant ID (a UUID), which is part of notifications. If the credential contains a domain of the
    /// tenant instead of the tenant ID, the tenant ID is read from an access token.
    ///
    /// # Errors
    /// `InvalidInput` if neither the credential nor the access token contains the tenant ID.
    pub async fn tenant_object_id(&self) -> Result<uuid::Uuid, StepError> {
        let tenant = self.tenant_id().await?;
        if let Ok(id) = uuid::Uuid::try_parse(&tenant) {
            return Ok(id);
        }
        let token = self.authenticator.bearer(&self.transport, &self.settings).await?;
        auth::tenant(&token).ok_or_else(|| {
            StepError::invalid_input(format!(
                "the Graph credential names the tenant {tenant}; store the tenant's object id as its tenantId"
            ))
        })
    }

    /// Returns the permissions in the access token. Returns `None` if the token can't be read, because Microsoft may
    /// change access tokens to an opaque format.
    ///
    /// # Errors
    /// If no token can be obtained.
    pub async fn roles(&self) -> Result<Option<Vec<String>>, StepError> {
        let token = self.authenticator.bearer(&self.transport, &self.settings).await?;
        Ok(auth::roles(&token))
    }

    /// Returns the required permissions that the access token does not contain. If the token can't be read, the result
    /// is empty. In that case, Graph later denies each call for which a permission is missing.
    ///
    /// # Errors
    /// If no token can be obtained.
    pub async fn missing_permissions(
        &self,
        needed: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<&'static str>, StepError> {
        let Some(roles) = self.roles().await? else {
            warn!("the Graph token can't be read, so its permissions are not compared");
            return Ok(Vec::new());
        };
        Ok(needed.into_iter().filter(|&permission| !roles.iter().any(|role| role == permission)).collect())
    }

    /// Returns the URL of the federation metadata of an application. Without the parameter `appid`, Entra would return
    /// metadata with the tenant's certificates, but Entra does not sign the assertions of this application with these
    /// certificates.
    ///
    /// # Errors
    /// If the credential, which contains the tenant ID, can't be read.
    pub async fn metadata_url(&self, app_id: &str) -> Result<String, StepError> {
        let (login, tenant) = (self.settings.login_url(), self.tenant_id().await?);
        Ok(format!("{login}/{tenant}/federationmetadata/2007-06/federationmetadata.xml?appid={app_id}"))
    }

    /// Returns the federation metadata of an application. Entra serves this metadata without authentication.
    ///
    /// # Errors
    /// `NotConsistentYet` if the application has not replicated yet; `Unavailable` if the response was truncated.
    pub async fn federation_metadata(&self, app_id: &str) -> Result<String, StepError> {
        let address = self.metadata_url(app_id).await?;
        let url = Url::parse(&address)
            .map_err(|_| StepError::internal(format!("{address} is not a URL; check LOGIN_URL and the tenant id")))?;
        let doing = format!("reading the federation metadata at {address}");
        let ask = Ask { method: Method::GET, url, bearer: None, body: Body::None, repeatable: true, doing: &doing };
        let reply = self.transport.exchange(ask).await?;
        match reply.status {
            status if status.is_success() => {
                saml::whole(&reply.body)?;
                Ok(reply.body)
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Err(StepError::not_consistent_yet(format!(
                "{doing}: the login service does not recognize the application (HTTP {}){}",
                reply.status.as_u16(),
                reply.trace()
            ))),
            status => {
                Err(StepError::internal(format!("{doing} failed with HTTP {}{}", status.as_u16(), reply.trace())))
            }
        }
    }
}
