//! Graph calls for gallery templates, applications, service principals, and signing certificates.

use onboarding_core::StepError;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Graph, GraphError,
    call::Call,
    model::{Application, ApplicationTemplate, Identified, ServicePrincipal, SigningCertificate},
};

const APPLICATION_FIELDS: &str = "id,appId,disabledByMicrosoftStatus,identifierUris,web";
// Graph returns the property `key` of a key credential only if `$select` contains `keyCredentials`, and only in a
// request for a single object.
const SERVICE_PRINCIPAL_FIELDS: &str = "id,appId,accountEnabled,appRoleAssignmentRequired,appRoles,applicationTemplateId,displayName,\
     keyCredentials,loginUrl,notificationEmailAddresses,preferredSingleSignOnMode,preferredTokenSigningKeyThumbprint,\
     samlSingleSignOnSettings,tags";
/// A field that was added to Graph v1.0 in 2026. If the Graph service of a national cloud does not know the field yet,
/// it rejects every request that selects the field.
const IS_DISABLED: &str = "isDisabled";
/// A field of application templates. As with [`IS_DISABLED`], the Graph service of a national cloud may not know this
/// field yet.
const DEPRECATION_DATE: &str = "deprecationDate";
pub(super) const READ_APPLICATIONS: &str = "Application.Read.All";
const WRITE_APPLICATIONS: &str = "Application.ReadWrite.All";

/// How many times a step searches for a certificate that a failed attempt may have added, before the step adds another
/// certificate. Graph may return a new certificate only after a delay, and each call of
/// [`Graph::add_signing_certificate`] adds another certificate.
pub const LOOKS_FOR_A_LOST_CERTIFICATE: u32 = 3;

/// The response of `instantiate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instantiated {
    application: Application,
    service_principal: ServicePrincipal,
}

impl Graph {
    /// Returns the ID of the gallery template with this name. If no template has this name, for example after Microsoft
    /// renamed the template, the function returns `known_id`.
    ///
    /// # Errors
    /// `InvalidInput` if the gallery has no template with this name or ID.
    pub async fn application_template(&self, name: &str, known_id: &str) -> Result<String, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["applicationTemplates"], format!("searching for the gallery application \"{name}\""))
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
                "the gallery has no application \"{name}\" and none with the id {known_id}; check its new name in the \
                 Entra admin center under Enterprise applications > New application, and report it"
            ))
        })
    }

    /// Returns the service principals that were created from a template and have this display name. Graph returns a new
    /// service principal only after a delay.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn service_principals_named(
        &self,
        template: &str,
        name: &str,
    ) -> Result<Vec<ServicePrincipal>, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["servicePrincipals"], format!("searching for the enterprise application \"{name}\""))
            .query("$filter", format!("applicationTemplateId eq '{template}' and displayName eq '{quoted}'"))
            .query("$select", "id,appId,displayName,tags")
            .needs(READ_APPLICATIONS);
        let found: Vec<ServicePrincipal> = self.list(&call).await.map_err(StepError::from)?.items;
        // Graph's filter is not case-sensitive, so the display names are compared again.
        Ok(found.into_iter().filter(|principal| principal.display_name.as_deref() == Some(name)).collect())
    }

    /// Returns all service principals that were created from a template, with their names and relay states.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn service_principals_of(&self, template: &str) -> Result<Vec<ServicePrincipal>, StepError> {
        let call = Call::get(&["servicePrincipals"], "reading the enterprise applications for AWS")
            .query("$filter", format!("applicationTemplateId eq '{template}'"))
            .query("$select", "id,appId,displayName,samlSingleSignOnSettings,tags")
            .needs(READ_APPLICATIONS);
        Ok(self.list(&call).await.map_err(StepError::from)?.items)
    }

    /// Returns the application with this client ID (`appId`). Graph returns a new application only after a delay.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn application_by_app_id(&self, app_id: &str) -> Result<Option<Application>, StepError> {
        let call = Call::get(&["applications"], format!("searching for the application registration of {app_id}"))
            .query("$filter", format!("appId eq '{app_id}'"))
            .query("$select", APPLICATION_FIELDS)
            .needs(READ_APPLICATIONS);
        Ok(self.list(&call).await.map_err(StepError::from)?.items.pop())
    }

    /// Creates an application from a gallery template. Each call creates another application.
    ///
    /// # Errors
    /// `Unavailable` if the response was lost. In this case, the application may have been created.
    pub async fn instantiate(&self, template: &str, name: &str) -> Result<(Application, ServicePrincipal), StepError> {
        let path = ["applicationTemplates", template, "instantiate"];
        let doing = format!("creating the enterprise application \"{name}\" from the gallery");
        let call = Call::post(&path, json!({ "displayName": name }), doing).needs(WRITE_APPLICATIONS).once();
        let made: Instantiated = self.send(&call).await.map_err(StepError::from)?;
        Ok((made.application, made.service_principal))
    }

    /// Returns an application by object ID, or `None` if the application does not exist or has not replicated yet.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn application(&self, id: &str) -> Result<Option<Application>, StepError> {
        let doing = format!("reading the application {id}");
        self.find_with(&["applications", id], &doing, APPLICATION_FIELDS, IS_DISABLED).await
    }

    /// Returns a service principal by object ID, or `None` if the service principal does not exist or has not
    /// replicated yet.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn service_principal(&self, id: &str) -> Result<Option<ServicePrincipal>, StepError> {
        let doing = format!("reading the service principal {id}");
        self.find_with(&["servicePrincipals", id], &doing, SERVICE_PRINCIPAL_FIELDS, IS_DISABLED).await
    }

    /// Returns a gallery template by ID, or `None` if the gallery no longer contains the template.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn template(&self, id: &str) -> Result<Option<ApplicationTemplate>, StepError> {
        let doing = format!("reading the gallery application {id}");
        self.find_with(&["applicationTemplates", id], &doing, "id", DEPRECATION_DATE).await
    }

    /// Reads one object with the field `newer`, which the Graph service of this cloud may not know yet. If Graph
    /// rejects the field, the function reads the object without the field.
    async fn find_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        doing: &str,
        fields: &str,
        newer: &str,
    ) -> Result<Option<T>, StepError> {
        let call = |fields: String| Call::get(path, doing).query("$select", fields).needs(READ_APPLICATIONS);
        match self.send(&call(format!("{fields},{newer}"))).await {
            Ok(object) => Ok(Some(object)),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(None),
            Err(GraphError::Refused(refusal)) if refusal.status == 400 && refusal.message.contains(newer) => {
                self.find(&call(fields.to_owned())).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns a service principal that an earlier step has already read.
    ///
    /// # Errors
    /// `NotConsistentYet` if Graph does not find the service principal, usually because it has not replicated yet.
    pub async fn seen_service_principal(&self, id: &str) -> Result<ServicePrincipal, StepError> {
        self.service_principal(id).await?.ok_or_else(|| not_seen("service principal", id))
    }

    /// Returns an application that an earlier step has already read.
    ///
    /// # Errors
    /// `NotConsistentYet` if Graph does not find the application, usually because it has not replicated yet.
    pub async fn seen_application(&self, id: &str) -> Result<Application, StepError> {
        self.application(id).await?.ok_or_else(|| not_seen("application", id))
    }

    /// Updates an application.
    ///
    /// # Errors
    /// [`GraphError::Refused`] with Graph's error, so that the caller can handle some errors separately.
    pub async fn update_application(&self, id: &str, changes: Value) -> Result<(), GraphError> {
        let doing = format!("changing {} of the application {id}", fields(&changes));
        self.act(&Call::patch(&["applications", id], changes, doing).needs(WRITE_APPLICATIONS).just_made()).await
    }

    /// Updates a service principal.
    ///
    /// # Errors
    /// `NotConsistentYet` if Graph does not find the service principal, usually because it has not replicated yet.
    pub async fn update_service_principal(&self, id: &str, changes: Value) -> Result<(), StepError> {
        let doing = format!("changing {} of the service principal {id}", fields(&changes));
        let call = Call::patch(&["servicePrincipals", id], changes, doing).needs(WRITE_APPLICATIONS).just_made();
        Ok(self.act(&call).await?)
    }

    /// Adds a signing certificate that is valid for three years, Entra's maximum. Each call adds another certificate.
    ///
    /// # Errors
    /// `Unavailable` if the response was lost. In this case, the certificate may have been added.
    pub async fn add_signing_certificate(&self, id: &str, subject: &str) -> Result<SigningCertificate, StepError> {
        let path = ["servicePrincipals", id, "addTokenSigningCertificate"];
        let doing = format!("adding a signing certificate to the service principal {id}");
        let call =
            Call::post(&path, json!({ "displayName": subject }), doing).needs(WRITE_APPLICATIONS).just_made().once();
        Ok(self.send(&call).await?)
    }

    /// Activates a signing certificate if it is not active yet.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn activate_certificate(&self, principal: &ServicePrincipal, thumbprint: &str) -> Result<(), StepError> {
        let active = principal.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default();
        if active.eq_ignore_ascii_case(thumbprint) {
            return Ok(());
        }
        self.update_service_principal(&principal.id, json!({ "preferredTokenSigningKeyThumbprint": thumbprint })).await
    }
}

fn not_seen(what: &str, id: &str) -> StepError {
    StepError::not_consistent_yet(format!(
        "Graph does not return the {what} {id}; if the object was deleted, start the onboarding again"
    ))
}

/// Returns the names of the changed fields, but not their values.
fn fields(changes: &Value) -> String {
    changes
        .as_object()
        .map_or_else(String::new, |object| object.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
}
