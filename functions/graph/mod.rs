//! Microsoft Graph: a small client of our own, because of all of Graph this needs two dozen calls.
//!
//! `auth` gets tokens, by what `credential` describes: a client secret, a `certificate`, or a `web_identity` of AWS's.
//! `transport` waits and tries again, `call` knows what refusals mean and how lists end; the other files
//! are the calls by subject. Everything is made when it is first used.

mod applications;
mod assignments;
mod auth;
mod call;
mod certificate;
mod certificate_removal;
mod claims;
mod credential;
mod groups;
mod memberships;
mod model;
mod removal;
mod retry_after;
mod subscriptions;
mod transport;
mod web_identity;

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
    groups::GroupMembers,
    model::{
        AppRole, AppRoleAssignment, Application, ApplicationTemplate, ClaimsMappingPolicy, Group, KeyCredential,
        SamlSettings, ServicePrincipal, SigningCertificate, Web,
    },
    removal::Deletion,
    subscriptions::{NewSubscription, Subscription, Watched},
};
use self::{
    auth::Authenticator,
    transport::{Ask, Body, Transport},
};
use crate::{clock::Clock, settings::Settings};

/// The client.
#[derive(Debug)]
pub struct Graph {
    settings: Settings,
    authenticator: Authenticator,
    transport: Transport,
}

impl Graph {
    /// A client that signs in as `identity`, by what the settings say of it, at the first call.
    #[must_use]
    pub fn new(identity: Identity, config: SdkConfig, settings: Settings) -> Self {
        Self { authenticator: Authenticator::of(identity, config), transport: Transport::new(&settings), settings }
    }

    /// A client with a credential at hand.
    #[must_use]
    pub fn with_credential(credential: Credential, settings: Settings) -> Self {
        Self { authenticator: Authenticator::given(credential), transport: Transport::new(&settings), settings }
    }

    /// The clock of waits between calls.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.settings.clock()
    }

    /// The tenant.
    ///
    /// # Errors
    /// Where the credential can't be read.
    pub async fn tenant_id(&self) -> Result<String, StepError> {
        self.authenticator.tenant_id(&self.settings).await
    }

    /// When the credential ends; `None` where it does not, or does not say.
    ///
    /// # Errors
    /// Where the credential can't be read.
    pub async fn credential_expires(&self) -> Result<Option<time::OffsetDateTime>, StepError> {
        self.authenticator.expires(&self.settings).await
    }

    /// The tenant's object id, as notifications name it, also where the credential names one of its domains.
    ///
    /// # Errors
    /// `InvalidInput` where neither credential nor token say it.
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

    /// The permissions in the token; `None` where the token can't be read, which Microsoft reserves itself to make so.
    ///
    /// # Errors
    /// Where no token is to be had.
    pub async fn roles(&self) -> Result<Option<Vec<String>>, StepError> {
        let token = self.authenticator.bearer(&self.transport, &self.settings).await?;
        Ok(auth::roles(&token))
    }

    /// Those of the needed permissions that the token lacks. Where it can't be read, none: Graph itself will say.
    ///
    /// # Errors
    /// Where no token is to be had.
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

    /// Where the federation metadata of an application stands. Without `appid` Entra would answer with the tenant's own
    /// certificates, which don't sign this application's assertions.
    ///
    /// # Errors
    /// Where the credential, which names the tenant, can't be read.
    pub async fn metadata_url(&self, app_id: &str) -> Result<String, StepError> {
        let (login, tenant) = (self.settings.login_url(), self.tenant_id().await?);
        Ok(format!("{login}/{tenant}/federationmetadata/2007-06/federationmetadata.xml?appid={app_id}"))
    }

    /// The federation metadata of an application, as Entra serves it to anyone.
    ///
    /// # Errors
    /// `NotConsistentYet` where Entra does not know the application (yet), `Unavailable` where the answer broke off.
    pub async fn federation_metadata(&self, app_id: &str) -> Result<String, StepError> {
        let address = self.metadata_url(app_id).await?;
        let url = Url::parse(&address)
            .map_err(|_| StepError::internal(format!("{address} is no URL; check LOGIN_URL and the tenant id")))?;
        let doing = format!("reading the federation metadata at {address}");
        let ask = Ask { method: Method::GET, url, bearer: None, body: Body::None, repeatable: true, doing: &doing };
        let reply = self.transport.exchange(ask).await?;
        match reply.status {
            status if status.is_success() => {
                saml::whole(&reply.body)?;
                Ok(reply.body)
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Err(StepError::not_consistent_yet(format!(
                "{doing}: the login service does not know the application (HTTP {}){}",
                reply.status.as_u16(),
                reply.trace()
            ))),
            status => {
                Err(StepError::internal(format!("{doing} was answered with HTTP {}{}", status.as_u16(), reply.trace())))
            }
        }
    }
}
