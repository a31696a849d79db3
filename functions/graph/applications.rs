//! Gallery templates, applications, service principals and their certificates.

use onboarding_core::StepError;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Graph, GraphError,
    call::Call,
    model::{Application, ApplicationTemplate, Identified, ServicePrincipal, SigningCertificate},
};

const APPLICATION_FIELDS: &str = "id,appId,disabledByMicrosoftStatus,identifierUris,web";
// `key` of a key credential comes only where the list is selected, and only for a single object.
const SERVICE_PRINCIPAL_FIELDS: &str = "id,appId,accountEnabled,appRoleAssignmentRequired,appRoles,applicationTemplateId,\
     keyCredentials,loginUrl,notificationEmailAddresses,preferredSingleSignOnMode,preferredTokenSigningKeyThumbprint,\
     samlSingleSignOnSettings,tags";
/// New in v1.0 in 2026; a national cloud may not have it yet, and refuses every request that selects it.
const IS_DISABLED: &str = "isDisabled";
/// As [`IS_DISABLED`], of an application template.
const DEPRECATION_DATE: &str = "deprecationDate";
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
        let doing = format!("reading the application {id}");
        self.find_with(&["applications", id], &doing, APPLICATION_FIELDS, IS_DISABLED).await
    }

    /// A service principal by object id; `None` where it does not exist or is not seen yet.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn service_principal(&self, id: &str) -> Result<Option<ServicePrincipal>, StepError> {
        let doing = format!("reading the service principal {id}");
        self.find_with(&["servicePrincipals", id], &doing, SERVICE_PRINCIPAL_FIELDS, IS_DISABLED).await
    }

    /// A template of the gallery by its id; `None` if the gallery does not offer it any more.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn template(&self, id: &str) -> Result<Option<ApplicationTemplate>, StepError> {
        let doing = format!("reading the gallery application {id}");
        self.find_with(&["applicationTemplates", id], &doing, "id", DEPRECATION_DATE).await
    }

    /// Reads one object with a field that this cloud may not have yet; if Graph refuses the field, without it.
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
