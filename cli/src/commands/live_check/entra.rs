//! Checks the local cloud's assumptions about Entra and Microsoft Graph. For this purpose, the check creates two
//! gallery applications.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Findings, Reading, browser,
    clouds::{Answer, Clouds},
    created::{CreatedResources, Resource},
    waited,
};
use crate::{args::LiveCheckArgs, cloud::error::CommandError, ui::Console};

/// Template id of the gallery application AWS Single-Account Access.
const TEMPLATE: &str = "8b1025e4-1dd2-430b-a150-2ef79cd700f5";

/// The applications that the checks of Entra created.
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) principal: String,
    pub(crate) app_id: String,
    role: String,
    /// Object id of the second application.
    second: String,
    identifier: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn check(
    clouds: &Clouds,
    args: &LiveCheckArgs,
    resources: &mut CreatedResources,
    findings: &mut Findings,
    console: &Console,
) -> Result<Application, CommandError> {
    let group = group_id(clouds, &args.group).await?;
    let application = instantiate(clouds, resources, findings).await?;
    identifiers(clouds, &application, findings).await?;
    assignments(clouds, &application, &group, findings).await?;
    references(clouds, &application, resources, findings).await?;
    let [old, active] = certificates(clouds, &application, findings).await?;
    let reading = if args.browser {
        browser::check(clouds, &application, &args.group, [&active, &old], console).await?
    } else {
        Reading::NotChecked(clouds.words.needs_browser("--browser"))
    };
    findings.note("old-certificate-signs", reading);
    remove_certificate(clouds, &application.principal, [&old, &active], findings).await?;
    Ok(application)
}

/// The id of the group that the operator specified.
pub(crate) async fn group_id(clouds: &Clouds, name: &str) -> Result<String, CommandError> {
    let path = format!("/groups?$filter=displayName eq '{}'&$select=id", name.replace('\'', "''"));
    let answer = clouds.good("reading the group", clouds.graph(Method::GET, &path, &Value::Null).await?)?;
    let id = text(&answer.json()["value"][0]["id"]);
    if id.is_empty() {
        return Err(CommandError::input(clouds.words.no_such_group(name), clouds.words.specify_a_group()));
    }
    Ok(id)
}

async fn new(clouds: &Clouds, name: &str, resources: &mut CreatedResources) -> Result<Value, CommandError> {
    let path = format!("/applicationTemplates/{TEMPLATE}/instantiate");
    let answer = clouds.graph(Method::POST, &path, &json!({ "displayName": name })).await?;
    let new = clouds.good("creating an application", answer)?.json();
    let (id, principal) = (text(&new["application"]["id"]), text(&new["servicePrincipal"]["id"]));
    resources.note(Resource::Application { id, principal });
    Ok(new)
}

async fn instantiate(
    clouds: &Clouds,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<Application, CommandError> {
    let name = resources.name().to_owned();
    let first = new(clouds, &name, resources).await?;
    let id = text(&first["application"]["id"]);
    let list = format!("/applications?$filter=displayName eq '{name}'&$select=id");
    let listed = async || Ok(clouds.graph(Method::GET, &list, &Value::Null).await?.contains(&id));
    findings.note("application-replication", waited(clouds.words, clouds.poll(60.0, listed).await?, 300.0));
    let second = text(&new(clouds, &format!("{name}-second"), resources).await?["application"]["id"]);
    let principal = text(&first["servicePrincipal"]["id"]);
    for path in
        [format!("/servicePrincipals/{principal}"), format!("/applications/{id}"), format!("/applications/{second}")]
    {
        let known = async || Ok(clouds.graph(Method::GET, &path, &Value::Null).await?.is_ok());
        clouds.poll(600.0, known).await?;
    }
    let roles = first["servicePrincipal"]["appRoles"].as_array().cloned().unwrap_or_default();
    let role = roles.iter().find(|role| role["displayName"] == "msiam_access").or(roles.first());
    let role = role.map(|role| text(&role["id"])).unwrap_or_default();
    let identifier = format!("https://signin.aws.amazon.com/saml#{name}");
    let app_id = text(&first["application"]["appId"]);
    Ok(Application { id, principal, app_id, role, second, identifier })
}

async fn identifiers(clouds: &Clouds, application: &Application, findings: &mut Findings) -> Result<(), CommandError> {
    let path = format!("/applications/{}", application.id);
    let uris = json!([application.identifier]);
    let saml = json!({ "preferredSingleSignOnMode": "saml" });
    let principal = format!("/servicePrincipals/{}", application.principal);
    clouds.good("setting the SAML mode", clouds.graph(Method::PATCH, &principal, &saml).await?)?;
    let given = async || Ok(clouds.graph(Method::PATCH, &path, &json!({ "identifierUris": uris })).await?.is_ok());
    let mut mode = waited(clouds.words, clouds.poll(30.0, given).await?, 120.0);
    let mut policy = Reading::Assumed;
    if mode == Reading::Other && clouds.poll(150.0, given).await?.is_none() {
        policy = Reading::Other;
        mode = Reading::Unknown(clouds.words.hidden_by("identifier-policy"));
        clouds.good("setting the identifier", give(clouds, &application.id, &uris).await?)?;
    }
    findings.note("saml-mode-replication", mode);
    findings.note("identifier-policy", policy);
    let taken = give(clouds, &application.second, &uris).await?;
    findings.note(
        "identifier-taken-wording",
        match () {
            () if taken.is_ok() => Reading::Unknown(taken.text),
            () if taken.contains("Request_MultipleObjectsWithSameKeyValue") => Reading::Other,
            () if taken.contains("identifierUris") => Reading::Assumed,
            () => Reading::Unknown(taken.text),
        },
    );
    Ok(())
}

/// Sets the identifier URIs of an application, and configures it to request access tokens of version 2. A tenant can
/// have a policy that restricts identifier URIs. This policy does not apply to applications with this token version, so
/// Entra accepts the URIs.
async fn give(clouds: &Clouds, id: &str, uris: &Value) -> Result<Answer, CommandError> {
    let change = json!({ "api": { "requestedAccessTokenVersion": 2 }, "identifierUris": uris });
    clouds.graph(Method::PATCH, &format!("/applications/{id}"), &change).await
}

/// Determines which reading is true from the error message for a repeated call: the message contains the text `assumed`
/// or the text `other`.
fn wording(answer: Answer, assumed: &str, other: &str) -> Reading {
    match () {
        () if answer.contains(other) => Reading::Other,
        () if answer.contains(assumed) => Reading::Assumed,
        () => Reading::Unknown(answer.text),
    }
}

async fn assignments(
    clouds: &Clouds,
    application: &Application,
    group: &str,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo", application.principal);
    let body = json!({ "principalId": group, "resourceId": application.principal, "appRoleId": application.role });
    let assigned = async || Ok(clouds.graph(Method::POST, &path, &body).await?.is_ok());
    clouds.poll(600.0, assigned).await?;
    let again = clouds.graph(Method::POST, &path, &body).await?;
    findings.note("assignment-exists-wording", wording(again, "Permission being assigned already", "EntitlementGrant"));
    Ok(())
}

async fn references(
    clouds: &Clouds,
    application: &Application,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let definition =
        json!({ "ClaimsMappingPolicy": { "Version": 1, "IncludeBasicClaimSet": "true", "ClaimsSchema": [] } });
    let body = json!({ "displayName": resources.name(), "definition": [definition.to_string()] });
    let answer = clouds.graph(Method::POST, "/policies/claimsMappingPolicies", &body).await?;
    if !answer.is_ok() {
        findings.note("reference-exists-wording", Reading::Unknown(answer.text));
        return Ok(());
    }
    let id = text(&answer.json()["id"]);
    resources.note(Resource::Policy(id.clone()));
    let path = format!("/servicePrincipals/{}/claimsMappingPolicies/$ref", application.principal);
    let reference =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/policies/claimsMappingPolicies/{id}") });
    let assigned = async || Ok(clouds.graph(Method::POST, &path, &reference).await?.is_ok());
    clouds.poll(120.0, assigned).await?;
    let again = clouds.graph(Method::POST, &path, &reference).await?;
    let reading = wording(again, "added object references already exist", "conflicting object");
    findings.note("reference-exists-wording", reading);
    Ok(())
}

async fn add_certificate(clouds: &Clouds, principal: &str) -> Result<Value, CommandError> {
    let path = format!("/servicePrincipals/{principal}/addTokenSigningCertificate");
    let answer = clouds.graph(Method::POST, &path, &json!({ "displayName": "CN=live-check" })).await?;
    Ok(clouds.good("adding a signing certificate", answer)?.json())
}

/// Adds two certificates and activates the second.
async fn certificates(
    clouds: &Clouds,
    application: &Application,
    findings: &mut Findings,
) -> Result<[Value; 2], CommandError> {
    let principal = application.principal.as_str();
    let path = format!("/servicePrincipals/{principal}");
    let keys = format!("{path}?$select=keyCredentials,passwordCredentials");
    let first = add_certificate(clouds, principal).await?;
    let key = text(&first["key"]);
    let shown = async || {
        let found = clouds.graph(Method::GET, &keys, &Value::Null).await?.json();
        Ok(found["keyCredentials"].as_array().is_some_and(|keys| keys.iter().any(|one| one["key"] == key.as_str())))
    };
    let published = async || Ok(clouds.metadata(&application.app_id).await?.text.contains(&key));
    let (visible, public) = tokio::try_join!(clouds.poll(30.0, shown), clouds.poll(60.0, published))?;
    findings.note("certificate-visibility", waited(clouds.words, visible, 120.0));
    findings.note("metadata-publication", waited(clouds.words, public, 300.0));
    clouds.poll(600.0, shown).await?;

    let second = add_certificate(clouds, principal).await?;
    let both = async || {
        let found = clouds.graph(Method::GET, &keys, &Value::Null).await?.json();
        Ok(found["keyCredentials"].as_array().is_some_and(|keys| keys.len() >= 4))
    };
    clouds.poll(600.0, both).await?;
    for certificate in [&first, &second] {
        activate(clouds, principal, certificate).await?;
    }
    let mut seen = Vec::new();
    for _ in 0..12 {
        let read = clouds.graph(Method::GET, &path, &Value::Null).await?.json();
        seen.push(text(&read["preferredTokenSigningKeyThumbprint"]).eq_ignore_ascii_case(&text(&second["thumbprint"])));
    }
    // Reads can return the old value until the first read returns the new value. A later read that returns the old
    // value again is a stale read.
    let arrived = seen.iter().position(|new| *new);
    let stale = arrived.is_none_or(|at| seen[at..].iter().any(|new| !new));
    findings.note("stale-reads", Reading::other_if(stale));
    clouds.poll(600.0, both).await?;
    Ok([first, second])
}

/// Activates a certificate, so that Entra signs SAML responses with it.
pub(crate) async fn activate(clouds: &Clouds, principal: &str, certificate: &Value) -> Result<(), CommandError> {
    let body = json!({ "preferredTokenSigningKeyThumbprint": certificate["thumbprint"] });
    let path = format!("/servicePrincipals/{principal}");
    clouds.good("activating a certificate", clouds.graph(Method::PATCH, &path, &body).await?).map(drop)
}

/// Activates the second certificate and removes the first.
async fn remove_certificate(
    clouds: &Clouds,
    principal: &str,
    [old, active]: [&Value; 2],
    findings: &mut Findings,
) -> Result<(), CommandError> {
    activate(clouds, principal, active).await?;
    let path = format!("/servicePrincipals/{principal}");
    let keys = format!("{path}?$select=keyCredentials,passwordCredentials");
    findings.note("certificate-removal", removal(clouds, &path, &keys, old).await?);
    Ok(())
}

/// Removes the first certificate: writes the credential lists of the application without it.
async fn removal(clouds: &Clouds, path: &str, keys: &str, first: &Value) -> Result<Reading, CommandError> {
    let mut answer = Answer { status: 0, text: String::new() };
    for _ in 0..5 {
        let read = clouds.graph(Method::GET, keys, &Value::Null).await?.json();
        let kept = |list: &str, secret: &str| -> Vec<Value> {
            let all = read[list].as_array().cloned().unwrap_or_default();
            let others = all.into_iter().filter(|one| one["customKeyIdentifier"] != first["customKeyIdentifier"]);
            others
                .map(|mut one| {
                    one[secret] = Value::Null;
                    one
                })
                .collect()
        };
        let (credentials, passwords) = (kept("keyCredentials", "key"), kept("passwordCredentials", "secretText"));
        if credentials.len() < 2 {
            // The response comes from a replica that does not have the second certificate yet.
            clouds.pause(5.0).await;
            continue;
        }
        let body = json!({ "keyCredentials": credentials, "passwordCredentials": passwords });
        answer = clouds.graph(Method::PATCH, path, &body).await?;
        if answer.is_ok() || answer.contains("not allowed") {
            break;
        }
        clouds.pause(5.0).await;
    }
    Ok(match () {
        () if answer.is_ok() => Reading::Assumed,
        () if answer.contains("not allowed") => Reading::Other,
        () => Reading::Unknown(answer.text),
    })
}

/// Deletes the first application and assigns its identifier URI to the second application.
pub(crate) async fn check_deletion(
    clouds: &Clouds,
    application: Application,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let Application { id, principal, second, identifier, .. } = application;
    let path = format!("/applications/{id}");
    let empty = clouds.graph(Method::PATCH, &path, &json!({ "identifierUris": [] })).await?;
    clouds.good("removing the identifier", empty)?;
    let mut deleted = clouds.graph(Method::DELETE, &path, &Value::Null).await?;
    findings.note(
        "saml-application-deletion",
        match () {
            () if deleted.is_ok() => Reading::Assumed,
            () if deleted.contains("DeletingSamlSpNotAllowed") => Reading::Other,
            () => Reading::Unknown(deleted.text.clone()),
        },
    );
    if !deleted.is_ok() {
        let path = format!("/servicePrincipals/{principal}");
        clouds.good("deleting the service principal", clouds.graph(Method::DELETE, &path, &Value::Null).await?)?;
        deleted = clouds.graph(Method::DELETE, &format!("/applications/{id}"), &Value::Null).await?;
    }
    clouds.good("deleting the application", deleted)?;
    resources.forget(&Resource::Application { id, principal });
    let uris = json!([identifier]);
    let released = async || Ok(give(clouds, &second, &uris).await?.is_ok());
    findings.note("released-identifiers", Reading::other_if(clouds.poll(60.0, released).await?.is_none()));
    Ok(())
}
