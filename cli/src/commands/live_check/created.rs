//! Stores which resources the command created, and removes them.

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    clouds::{Answer, Clouds},
    connect::delete_instance,
    leftovers,
};
use crate::cloud::{error::CommandError, signed::IAM};

/// Number of attempts to remove a resource that Entra reports as missing, because a new resource is not visible at
/// once. The interval between two attempts is five seconds.
const REPLICATION_POLLS: usize = 60;

/// A resource that the command created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// An Entra application and its service principal.
    Application { id: String, principal: String },
    /// A claims mapping policy.
    Policy(String),
    /// A security group of Entra.
    Group(String),
    /// A Graph subscription to change notifications.
    Subscription(String),
    /// A SAML provider, identified by its ARN.
    Provider(String),
    /// A role without policies, identified by its name.
    Role(String),
    /// A role with an inline policy that has the role's name.
    RoleWithPolicy(String),
    /// An Amazon Connect instance with everything that it contains.
    Instance(String),
    /// A claimed phone number.
    Number(String),
}

/// All resources that the command created. All resources have the same name.
#[derive(Debug)]
pub(crate) struct CreatedResources {
    name: String,
    resources: Vec<Resource>,
}

impl CreatedResources {
    pub(crate) fn new() -> Self {
        let milliseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        Self { name: format!("live-check-{milliseconds}"), resources: Vec::new() }
    }

    /// The name that all created resources share. The name is also a valid instance alias.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn note(&mut self, resource: Resource) {
        self.resources.push(resource);
    }

    pub(crate) fn forget(&mut self, resource: &Resource) {
        self.resources.retain(|other| other != resource);
    }

    /// Removes all resources, newest first. Returns the resources that could not be removed.
    pub(crate) async fn remove(&mut self, clouds: &Clouds) -> Vec<String> {
        let mut left = Vec::new();
        if clouds.lost_a_response() {
            match leftovers::find(clouds, &self.name).await {
                Ok(found) => {
                    let unknown: Vec<Resource> =
                        found.into_iter().filter(|one| !self.resources.contains(one)).collect();
                    self.resources.extend(unknown);
                }
                Err(error) => left.push(format!("{}*: {}", self.name, error.what)),
            }
        }
        while let Some(resource) = self.resources.pop() {
            match remove_visible(clouds, &resource).await {
                Ok(answer) if answer.is_ok() || answer.status == 404 || answer.contains("NoSuchEntity") => {}
                Ok(answer) => left.push(format!("{resource:?}: {} {}", answer.status, answer.text)),
                Err(error) => left.push(format!("{resource:?}: {}", error.what)),
            }
        }
        left
    }
}

/// Removes a resource. If Entra returns the status 404 for a resource in its directory, tries to remove the resource
/// again, because a new resource may not have reached all replicas of the directory yet.
async fn remove_visible(clouds: &Clouds, resource: &Resource) -> Result<Answer, CommandError> {
    let in_directory = matches!(resource, Resource::Application { .. } | Resource::Policy(_) | Resource::Group(_));
    let mut answer = remove(clouds, resource).await?;
    for _ in 0..REPLICATION_POLLS {
        if answer.status != 404 || !in_directory {
            break;
        }
        clouds.pause(5.0).await;
        answer = remove(clouds, resource).await?;
    }
    Ok(answer)
}

async fn remove(clouds: &Clouds, resource: &Resource) -> Result<Answer, CommandError> {
    let none = Value::Null;
    match resource {
        Resource::Application { id, principal } => {
            // A deleted application can be restored for 30 days, and no other application can get its identifier URI
            // during this time. The identifier URI is therefore removed before the application is deleted.
            let _ =
                clouds.graph(Method::PATCH, &format!("/applications/{id}"), &json!({ "identifierUris": [] })).await?;
            let answer = clouds.graph(Method::DELETE, &format!("/applications/{id}"), &none).await?;
            if answer.status != 400 {
                return Ok(answer);
            }
            let _ = clouds.graph(Method::DELETE, &format!("/servicePrincipals/{principal}"), &none).await?;
            clouds.graph(Method::DELETE, &format!("/applications/{id}"), &none).await
        }
        Resource::Policy(id) => {
            clouds.graph(Method::DELETE, &format!("/policies/claimsMappingPolicies/{id}"), &none).await
        }
        Resource::Group(id) => clouds.graph(Method::DELETE, &format!("/groups/{id}"), &none).await,
        Resource::Subscription(id) => clouds.graph(Method::DELETE, &format!("/subscriptions/{id}"), &none).await,
        Resource::Provider(arn) => clouds.query(IAM, "DeleteSAMLProvider", &[("SAMLProviderArn", arn)]).await,
        Resource::Role(name) => clouds.query(IAM, "DeleteRole", &[("RoleName", name)]).await,
        Resource::RoleWithPolicy(name) => {
            let _ = clouds.query(IAM, "DeleteRolePolicy", &[("RoleName", name), ("PolicyName", name)]).await?;
            clouds.query(IAM, "DeleteRole", &[("RoleName", name)]).await
        }
        Resource::Instance(id) => delete_instance(clouds, id).await,
        Resource::Number(id) => clouds.connect(Method::DELETE, &format!("/phone-number/{id}"), &none).await,
    }
}
