//! The resources that a check created, and their removal.

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    clouds::{Answer, Clouds},
    connect::delete_instance,
};
use crate::cloud::{signed::IAM, trouble::Trouble};

/// A resource that the check created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    /// An Entra application and its service principal.
    Application { id: String, principal: String },
    /// A claims mapping policy.
    Policy(String),
    /// A SAML provider, identified by its ARN.
    Provider(String),
    /// A role without policies, identified by its name.
    Role(String),
    /// A role with an inline policy of the same name.
    RoleWithPolicy(String),
    /// An instance with everything it contains.
    Instance(String),
    /// A phone number.
    Number(String),
}

/// All created resources. They share one name.
#[derive(Debug)]
pub(crate) struct Made {
    name: String,
    things: Vec<Thing>,
}

impl Made {
    pub(crate) fn new() -> Self {
        let seconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        Self { name: format!("live-check-{seconds}"), things: Vec::new() }
    }

    /// The name of all resources; also valid as an instance alias.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn note(&mut self, thing: Thing) {
        self.things.push(thing);
    }

    pub(crate) fn forget(&mut self, thing: &Thing) {
        self.things.retain(|other| other != thing);
    }

    /// Removes all resources, newest first. Returns those that could not be removed.
    pub(crate) async fn remove(&mut self, clouds: &Clouds) -> Vec<String> {
        let mut left = Vec::new();
        while let Some(thing) = self.things.pop() {
            match remove(clouds, &thing).await {
                Ok(answer) if answer.is_ok() || answer.status == 404 || answer.says("NoSuchEntity") => {}
                Ok(answer) => left.push(format!("{thing:?}: {} {}", answer.status, answer.text)),
                Err(trouble) => left.push(format!("{thing:?}: {}", trouble.what)),
            }
        }
        left
    }
}

async fn remove(clouds: &Clouds, thing: &Thing) -> Result<Answer, Trouble> {
    let none = Value::Null;
    match thing {
        Thing::Application { id, principal } => {
            // A deleted application can be restored for 30 days and keeps its identifier for that time, so the
            // identifier is removed first.
            let _ =
                clouds.graph(Method::PATCH, &format!("/applications/{id}"), &json!({ "identifierUris": [] })).await?;
            let answer = clouds.graph(Method::DELETE, &format!("/applications/{id}"), &none).await?;
            if answer.status != 400 {
                return Ok(answer);
            }
            let _ = clouds.graph(Method::DELETE, &format!("/servicePrincipals/{principal}"), &none).await?;
            clouds.graph(Method::DELETE, &format!("/applications/{id}"), &none).await
        }
        Thing::Policy(id) => {
            clouds.graph(Method::DELETE, &format!("/policies/claimsMappingPolicies/{id}"), &none).await
        }
        Thing::Provider(arn) => clouds.query(IAM, "DeleteSAMLProvider", &[("SAMLProviderArn", arn)]).await,
        Thing::Role(name) => clouds.query(IAM, "DeleteRole", &[("RoleName", name)]).await,
        Thing::RoleWithPolicy(name) => {
            let _ = clouds.query(IAM, "DeleteRolePolicy", &[("RoleName", name), ("PolicyName", name)]).await?;
            clouds.query(IAM, "DeleteRole", &[("RoleName", name)]).await
        }
        Thing::Instance(id) => delete_instance(clouds, id).await,
        Thing::Number(id) => clouds.connect(Method::DELETE, &format!("/phone-number/{id}"), &none).await,
    }
}
