//! Gallery templates, applications, service principals and their certificates.

use std::collections::BTreeSet;

use onboarding_core::{StepError, saml};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Graph, GraphError,
    call::Call,
    model::{Application, Identified, ServicePrincipal, SigningCertificate},
};

const APPLICATION_FIELDS: &str = "id,appId,identifierUris,web";
// `key` of a key credential comes only where the list is selected, and only for a single object.
const SERVICE_PRINCIPAL_FIELDS: &str = "id,appId,accountEnabled,appRoles,keyCredentials,loginUrl,notificationEmailAddresses,\
     preferredSingleSignOnMode,preferredTokenSigningKeyThumbprint,samlSingleSignOnSettings,tags";
pub(super) const READ_APPLICATIONS: &str = "Application.Read.All";
const WRITE_APPLICATIONS: &str = "Application.ReadWrite.All";

/// So many looks for a certificate that an attempt may have added without living to tell, before another one is added: Graph
/// may show it late, and each [`Graph::add_signing_certificate`] adds one.
pub const LOOKS_FOR_A_LOST_CERTIFICATE: u32 = 3;

/// What the gallery makes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instantiated {
    application: Application,
    service_principal: ServicePrincipal,
}

/// What became of certificates that were to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retired {
    /// They are gone.
    Gone,
    /// Graph keeps them, and says why.
    Refused(String),
}

/// Both lists of credentials as Graph shows them, to be written back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    #[serde(default)]
    key_credentials: Vec<Map<String, Value>>,
    #[serde(default)]
    password_credentials: Vec<Map<String, Value>>,
}

impl Graph {
    /// The id of the gallery's template of this name; `known_id` serves where the name has changed once more.
    ///
    /// # Errors
    /// `InvalidInput` where the gallery has neither.
    pub async fn application_template(&self, name: &str, known_id: &str) -> Result<String, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["applicationTemplates"], format!("looking for the gallery application \"{name}\""))
            .query("$filter", format!("displayName eq '{quoted}'"))
            .query("$select", "id,displayName");
        let found: Vec<Identified> = self.list(&call).await.map_err(StepError::from)?.items;
        let best = found.iter().find(|template| template.id == known_id).or_else(|| found.first());
        if let Some(template) = best {
            return Ok(template.id.clone());
        }
        let call =
            Call::get(&["applicationTemplates", known_id], format!("reading the gallery application {known_id}"))
                .query("$select", "id,displayName");
        let template: Option<Identified> = self.find(&call).await?;
        template.map(|template| template.id).ok_or_else(|| {
            StepError::invalid_input(format!(
                "the gallery has no application \"{name}\" and none with the id {known_id}; look for its new name in the \
                 Entra admin center under Enterprise applications > New application, and report it"
            ))
        })
    }

    /// The service principals made from a template under a display name. New ones show up here late.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn service_principals_named(
        &self,
        template: &str,
        name: &str,
    ) -> Result<Vec<ServicePrincipal>, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["servicePrincipals"], format!("looking for the enterprise application \"{name}\""))
            .query("$filter", format!("applicationTemplateId eq '{template}' and displayName eq '{quoted}'"))
            .query("$select", "id,appId,displayName,tags")
            .needs(READ_APPLICATIONS);
        let found: Vec<ServicePrincipal> = self.list(&call).await.map_err(StepError::from)?.items;
        // The filter knows no case.
        Ok(found.into_iter().filter(|principal| principal.display_name.as_deref() == Some(name)).collect())
    }

    /// The application registration behind a client id. New ones show up here late.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn application_by_app_id(&self, app_id: &str) -> Result<Option<Application>, StepError> {
        let call = Call::get(&["applications"], format!("looking for the application registration of {app_id}"))
            .query("$filter", format!("appId eq '{app_id}'"))
            .query("$select", APPLICATION_FIELDS)
            .needs(READ_APPLICATIONS);
        Ok(self.list(&call).await.map_err(StepError::from)?.items.pop())
    }

    /// Makes an application from the gallery. Every call makes another one.
    ///
    /// # Errors
    /// `Unavailable` where the answer got lost: the application may exist.
    pub async fn instantiate(&self, template: &str, name: &str) -> Result<(Application, ServicePrincipal), StepError> {
        let path = ["applicationTemplates", template, "instantiate"];
        let doing = format!("making the enterprise application \"{name}\" from the gallery");
        let call = Call::post(&path, json!({ "displayName": name }), doing).needs(WRITE_APPLICATIONS).once();
        let made: Instantiated = self.send(&call).await.map_err(StepError::from)?;
        Ok((made.application, made.service_principal))
    }

    /// An application registration by object id; `None` where it does not exist or is not seen yet.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn application(&self, id: &str) -> Result<Option<Application>, StepError> {
        let call = Call::get(&["applications", id], format!("reading the application {id}"))
            .query("$select", APPLICATION_FIELDS)
            .needs(READ_APPLICATIONS);
        self.find(&call).await
    }

    /// A service principal by object id; `None` where it does not exist or is not seen yet.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn service_principal(&self, id: &str) -> Result<Option<ServicePrincipal>, StepError> {
        let call = Call::get(&["servicePrincipals", id], format!("reading the service principal {id}"))
            .query("$select", SERVICE_PRINCIPAL_FIELDS)
            .needs(READ_APPLICATIONS);
        self.find(&call).await
    }

    /// A service principal that an earlier step saw.
    ///
    /// # Errors
    /// `NotConsistentYet` where it is not there: most of the time a replica has not heard of it.
    pub async fn seen_service_principal(&self, id: &str) -> Result<ServicePrincipal, StepError> {
        self.service_principal(id).await?.ok_or_else(|| not_seen("service principal", id))
    }

    /// An application registration that an earlier step saw.
    ///
    /// # Errors
    /// `NotConsistentYet` where it is not there: most of the time a replica has not heard of it.
    pub async fn seen_application(&self, id: &str) -> Result<Application, StepError> {
        self.application(id).await?.ok_or_else(|| not_seen("application", id))
    }

    /// Changes an application registration.
    ///
    /// # Errors
    /// [`GraphError::Refused`] with Graph's own words, for callers that know what to do about some of them.
    pub async fn update_application(&self, id: &str, changes: Value) -> Result<(), GraphError> {
        let doing = format!("changing {} of the application {id}", fields(&changes));
        self.act(&Call::patch(&["applications", id], changes, doing).needs(WRITE_APPLICATIONS).just_made()).await
    }

    /// Changes a service principal.
    ///
    /// # Errors
    /// `NotConsistentYet` where Graph does not see it (yet).
    pub async fn update_service_principal(&self, id: &str, changes: Value) -> Result<(), StepError> {
        let doing = format!("changing {} of the service principal {id}", fields(&changes));
        let call = Call::patch(&["servicePrincipals", id], changes, doing).needs(WRITE_APPLICATIONS).just_made();
        Ok(self.act(&call).await?)
    }

    /// Adds a signing certificate that is good for three years, the longest that Entra makes. Every call adds another one.
    ///
    /// # Errors
    /// `Unavailable` where the answer got lost: the certificate may exist.
    pub async fn add_signing_certificate(&self, id: &str, subject: &str) -> Result<SigningCertificate, StepError> {
        let path = ["servicePrincipals", id, "addTokenSigningCertificate"];
        let doing = format!("adding a signing certificate to the service principal {id}");
        let call =
            Call::post(&path, json!({ "displayName": subject }), doing).needs(WRITE_APPLICATIONS).just_made().once();
        Ok(self.send(&call).await?)
    }

    /// Makes a certificate the one that signs, where it is not yet.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn activate_certificate(&self, principal: &ServicePrincipal, thumbprint: &str) -> Result<(), StepError> {
        let active = principal.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default();
        if active.eq_ignore_ascii_case(thumbprint) {
            return Ok(());
        }
        self.update_service_principal(&principal.id, json!({ "preferredTokenSigningKeyThumbprint": thumbprint })).await
    }

    /// Takes certificates (by thumbprint) off a service principal, each with both of its keys and its password.
    ///
    /// There is no call for one certificate: both lists are written anew without it. The others go back as they were read,
    /// but for the public keys, which Graph leaves out where nobody selects them and then takes back left out.
    ///
    /// # Errors
    /// `NotConsistentYet` where Graph does not see the service principal; [`Retired::Refused`] is Graph's no.
    pub async fn retire_certificates(&self, id: &str, thumbprints: &BTreeSet<String>) -> Result<Retired, StepError> {
        let call =
            Call::get(&["servicePrincipals", id], format!("reading the credentials of the service principal {id}"))
                .query("$select", "id,keyCredentials,passwordCredentials")
                .needs(WRITE_APPLICATIONS);
        let mut credentials: Credentials = self.find(&call).await?.ok_or_else(|| not_seen("service principal", id))?;
        let gone = |key: &Map<String, Value>| {
            let shown = key.get("key").and_then(Value::as_str).and_then(saml::thumbprint);
            shown.is_some_and(|shown| thumbprints.contains(&shown))
        };
        let pair = |credential: &Map<String, Value>| credential.get("customKeyIdentifier").cloned().unwrap_or_default();
        let pairs: Vec<Value> = credentials.key_credentials.iter().filter(|key| gone(key)).map(pair).collect();
        credentials.key_credentials.retain(|key| !pairs.contains(&pair(key)));
        credentials.password_credentials.retain(|password| !pairs.contains(&pair(password)));
        for key in &mut credentials.key_credentials {
            key.remove("key");
        }
        let changes = json!({
            "keyCredentials": credentials.key_credentials,
            "passwordCredentials": credentials.password_credentials,
        });
        let doing = format!("removing certificates from the service principal {id}");
        match self.act(&Call::patch(&["servicePrincipals", id], changes, doing).needs(WRITE_APPLICATIONS)).await {
            Ok(()) => Ok(Retired::Gone),
            Err(GraphError::Refused(refusal)) if refusal.status == 400 => {
                Ok(Retired::Refused(format!("{}: {}", refusal.code, refusal.message)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn not_seen(what: &str, id: &str) -> StepError {
    StepError::not_consistent_yet(format!(
        "Graph does not see the {what} {id}; if it was deleted meanwhile, start the onboarding again"
    ))
}

/// The names of what is changed; never the values.
fn fields(changes: &Value) -> String {
    changes
        .as_object()
        .map_or_else(String::new, |object| object.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
}
