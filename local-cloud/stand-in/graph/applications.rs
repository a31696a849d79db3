//! Gallery templates, and the applications that are created from them.

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::{
    Answer, Call, Graph, State,
    error::GraphError,
    permissions,
    registration::{Registration, check_app_roles, merge, object, refuse_read_only, text, texts},
};

const READ_ONLY: [&str; 6] =
    ["id", "appId", "applicationTemplateId", "createdDateTime", "deletedDateTime", "publisherDomain"];

/// Two gallery templates: the template that Connect needs, and a similar template that is easily confused with it.
const TEMPLATES: [(&str, &str, &str); 2] = [
    (
        "8b1025e4-1dd2-430b-a150-2ef79cd700f5",
        "AWS Single-Account Access",
        "Federate to a single AWS account and use SAML claims to authorize access to AWS IAM roles.",
    ),
    (
        "21ed01d2-ec13-4e9e-86c1-cd546719ebc4",
        "AWS IAM Identity Center (successor to AWS Single Sign-On)",
        "Federate once to AWS IAM Identity Center and use it to centrally manage access to multiple AWS accounts.",
    ),
];

fn template(graph: &Graph, id: &str) -> Option<Map<String, Value>> {
    let (id, name, text) = TEMPLATES.iter().find(|(known, ..)| *known == id)?;
    let deprecation = graph.behaviour().template_deprecation.clone().filter(|_| *id == TEMPLATES[0].0);
    // From its deprecation date on, the template no longer exists in the gallery.
    if deprecation.as_ref().is_some_and(|day| *day <= graph.now().date().to_string()) {
        return None;
    }
    Some(object(json!({
        "deprecationDate": deprecation, "id": id, "displayName": name, "description": text, "publisher": "Amazon", "categories": ["developerServices"],
        "homePageUrl": "http://aws.amazon.com/", "logoUrl": null, "supportedProvisioningTypes": ["sync"],
        "supportedSingleSignOnModes": ["password", "saml", "external"],
    })))
}

impl State {
    /// The registration of an application. Returns "not found" if the replica that serves the call does not have the
    /// application yet.
    pub(super) fn application(&mut self, call: &Call<'_>, key: &str) -> Result<&mut Registration, GraphError> {
        let by_app_id = super::alternate_key(key);
        let found = self.registrations.iter_mut().find(|registration| {
            text(&registration.application, if by_app_id.is_some() { "appId" } else { "id" })
                == by_app_id.unwrap_or(key)
                && registration.visible_at <= call.now
        });
        found.ok_or_else(|| GraphError::not_found(by_app_id.unwrap_or(key)))
    }
}

impl Call<'_> {
    pub(super) fn list_templates(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            filter.only(&["displayName", "id", "publisher"], &["displayName"], &["categories"])?;
        }
        let all: Vec<_> = TEMPLATES.iter().filter_map(|(id, ..)| template(self.graph, id)).collect();
        let fitting: Vec<_> =
            all.iter().filter(|fields| options.filter.as_ref().is_none_or(|filter| filter.fits(fields))).collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting)))
    }

    pub(super) fn get_template(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let fields = template(self.graph, id).ok_or_else(|| GraphError::not_found(id))?;
        Ok(self.entity("applicationTemplates", options.project(&fields)))
    }

    /// Instantiates a gallery template. Each call creates another application. A caller that uses application
    /// permissions does not become the owner of the new application.
    pub(super) fn instantiate(&self, id: &str) -> Result<Answer, GraphError> {
        template(self.graph, id).ok_or_else(|| GraphError::not_found(id))?;
        let name = text(self.fields()?, "displayName");
        if name.chars().count() > 120 {
            return Err(GraphError::invalid_property("displayName", "Application"));
        }
        let reference = self.body.get("serviceManagementReference").cloned().unwrap_or_default();
        let registration = Registration::new(self.graph, id, name, reference);
        let context = format!("{}/v1.0/$metadata#microsoft.graph.applicationServicePrincipal", self.graph.base());
        let body = json!({
            "@odata.context": context,
            "application": registration.application,
            "servicePrincipal": registration.principal_view(None, self.now),
        });
        self.graph.state().registrations.push(registration);
        Ok(Answer::json(201, body))
    }

    pub(super) fn list_applications(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            let fields = ["id", "appId", "displayName", "applicationTemplateId"];
            filter.only(&fields, &["displayName"], &["identifierUris", "tags"])?;
        }
        let state = self.graph.state();
        let listed = state.registrations.iter().filter(|registration| registration.listed_at <= self.now);
        let fitting: Vec<_> = listed
            .map(|registration| &registration.application)
            .filter(|fields| options.filter.as_ref().is_none_or(|filter| filter.fits(fields)))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting)))
    }

    pub(super) fn get_application(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        let fields = options.project(&state.application(self, id)?.application);
        Ok(self.entity("applications", fields))
    }

    /// Checks whether the caller may change an application. A caller that has permissions only for its own applications
    /// cannot change any other application. Such a caller also cannot change an application that it has just created,
    /// because the creation does not make the caller the owner of the application.
    pub(super) fn check_owner(&self, registration: &Registration) -> Result<(), GraphError> {
        let owns = registration.owners.contains(&self.caller.principal);
        if owns || permissions::write_any_application(&self.caller.roles) { Ok(()) } else { Err(GraphError::denied()) }
    }

    pub(super) fn patch_application(&self, id: &str) -> Result<Answer, GraphError> {
        let patch = self.fields()?;
        refuse_read_only(patch, &READ_ONLY)?;
        let mut state = self.graph.state();
        let app_id = text(&state.application(self, id)?.application, "appId").to_owned();
        if patch.contains_key("identifierUris") {
            self.check_identifiers(&state, &app_id, patch)?;
        }
        let registration = state.application(self, id)?;
        self.check_owner(registration)?;
        check_redirects(patch)?;
        if let Some(roles) = patch.get("appRoles") {
            check_app_roles(&registration.application["appRoles"], roles)?;
        }
        if patch.contains_key("displayName") && text(patch, "displayName").is_empty() {
            return Err(GraphError::invalid_property("displayName", "Application"));
        }
        registration.former_identifiers.extend(texts(patch, "identifierUris"));
        merge(&mut registration.application, patch);
        if let Some(roles) = patch.get("appRoles") {
            registration.principal.insert("appRoles".into(), roles.clone());
        }
        registration.mirror();
        Ok(Answer::no_content())
    }

    fn check_identifiers(&self, state: &State, app_id: &str, patch: &Map<String, Value>) -> Result<(), GraphError> {
        let wanted = texts(patch, "identifierUris");
        let (mut present, mut others) = (Vec::new(), self.graph.behaviour().taken_identifier_uris.clone());
        let behaviour = self.graph.behaviour();
        let mut exempt = patch.get("api").is_some_and(|api| api["requestedAccessTokenVersion"] == 2);
        for registration in state.registrations.iter().chain(&state.deleted) {
            let uris = texts(&registration.application, "identifierUris");
            // A deleted application can be restored for 30 days. During these 30 days, the application keeps its
            // identifier URIs.
            if text(&registration.application, "appId") == app_id {
                present = uris;
                let saml = registration.saml_known_at.is_some_and(|known| known <= self.now);
                exempt |= (saml && behaviour.exempts_saml_identifiers)
                    || registration.application["api"]["requestedAccessTokenVersion"] == 2;
            } else {
                others.extend(uris);
                if registration.deleted && behaviour.deleted_hold_identifiers {
                    others.extend(registration.former_identifiers.iter().cloned());
                }
            }
        }
        for (index, uri) in wanted.iter().enumerate() {
            if wanted[..index].contains(uri) || Url::parse(uri).is_err() || uri.ends_with('/') || uri.len() > 255 {
                return Err(GraphError::invalid_property("identifierUris", "Application"));
            }
            if others.iter().any(|taken| taken.eq_ignore_ascii_case(uri)) {
                if behaviour.identifier_taken_by_code {
                    let text = "Another object in the directory has the same key value.";
                    return Err(GraphError::new(400, "Request_MultipleObjectsWithSameKeyValue", text));
                }
                let text = "Another object with the same value for property identifierUris already exists.";
                return Err(GraphError::bad_request(text).detail("ObjectConflict", "identifierUris", text));
            }
            let domains = &behaviour.verified_domains;
            let host = Url::parse(uri).ok().and_then(|url| url.host_str().map(String::from)).unwrap_or_default();
            let ours = uri.contains(app_id)
                || uri.contains(&self.graph.options.tenant_id)
                || domains.iter().any(|domain| host == *domain || host.ends_with(&format!(".{domain}")));
            if !present.contains(uri) && !exempt && !ours {
                let message = format!(
                    "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, \
                     tenant ID, or app ID, as per the default tenant policy of your organization. See \
                     https://aka.ms/identifier-uri-addition-error for more information on this error."
                );
                return Err(GraphError::new(400, "HostNameNotOnVerifiedDomain", message));
            }
        }
        Ok(())
    }

    pub(super) fn delete_application(&self, id: &str) -> Result<Answer, GraphError> {
        let mut state = self.graph.state();
        let registration = state.application(self, id)?;
        self.check_owner(registration)?;
        let is_saml = text(&registration.principal, "preferredSingleSignOnMode") == "saml";
        if self.graph.behaviour().refuses_saml_deletion && is_saml && !registration.principal_deleted {
            return Err(GraphError::new(400, "DeletingSamlSpNotAllowed", "Property appId is invalid."));
        }
        let id = text(&registration.application, "id").to_owned();
        let (deleted, kept) = std::mem::take(&mut state.registrations)
            .into_iter()
            .partition::<Vec<_>, _>(|registration| text(&registration.application, "id") == id);
        state.registrations = kept;
        state.deleted.extend(deleted.into_iter().map(|one| Registration { deleted: true, ..one }));
        Ok(Answer::no_content())
    }

    pub(super) fn owners(&self, registration: &Registration) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let owners: Vec<_> = registration
            .owners
            .iter()
            .map(|id| object(json!({"@odata.type": "#microsoft.graph.servicePrincipal", "id": id})))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &owners.iter().collect::<Vec<_>>())))
    }

    pub(super) fn add_owner(&self, registration: &mut Registration) -> Result<Answer, GraphError> {
        self.check_owner(registration)?;
        let id = self.referenced(&["directoryObjects", "servicePrincipals", "users"])?;
        if registration.owners.contains(&id) {
            return Err(self.already_referenced("owners"));
        }
        registration.owners.push(id);
        Ok(Answer::no_content())
    }

    /// The error of a request to add a reference that already exists.
    pub(super) fn already_referenced(&self, property: &str) -> GraphError {
        GraphError::bad_request(match self.graph.behaviour().reference_exists_as_conflict {
            true => {
                "A conflicting object with one or more of the specified property values is present in the directory."
                    .to_owned()
            }
            false => format!(
                "One or more added object references already exist for the following modified properties: '{property}'."
            ),
        })
    }

    /// The ID that `@odata.id` in the request body contains. The ID must belong to an object of one of these
    /// collections.
    pub(super) fn referenced(&self, collections: &[&str]) -> Result<String, GraphError> {
        let link = text(self.fields()?, "@odata.id");
        let path = ["https://graph.microsoft.com", self.graph.base()].iter().find_map(|base| link.strip_prefix(base));
        let id = path
            .and_then(|path| path.strip_prefix("/v1.0/"))
            .and_then(|path| collections.iter().find_map(|name| path.strip_prefix(name)?.strip_prefix('/')));
        match id {
            Some(id) if super::schema::is_guid(id) => Ok(id.to_owned()),
            _ => Err(GraphError::bad_request("Invalid URL format specified in @odata.id for reference properties.")),
        }
    }
}

fn check_redirects(patch: &Map<String, Value>) -> Result<(), GraphError> {
    for platform in ["web", "spa", "publicClient"] {
        let Some(Value::Object(fields)) = patch.get(platform) else {
            continue;
        };
        for uri in texts(fields, "redirectUris") {
            let secure =
                Url::parse(&uri).is_ok_and(|url| url.scheme() == "https" || url.host_str() == Some("localhost"));
            if !secure || uri.len() > 256 || uri.contains('*') {
                return Err(GraphError::invalid_property(&format!("{platform}.redirectUris"), "Application"));
            }
        }
    }
    Ok(())
}
