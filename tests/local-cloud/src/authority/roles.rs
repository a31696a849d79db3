//! The policies of roles, as the emulator's IAM has them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::asks::{Found, document};
use super::policy::{self, Statement};
use crate::upstream::Upstream;

/// How long policies are believed without looking again; IAM's own changes take seconds to be seen everywhere, too.
const BELIEVED: Duration = Duration::from_secs(1);

/// What a role may do.
#[derive(Debug, Default)]
pub(super) struct Role {
    pub(super) policies: Vec<Statement>,
    pub(super) boundary: Option<Vec<Statement>>,
}

/// The roles that were looked at lately, by name.
#[derive(Debug)]
pub(super) struct Roles {
    upstream: Upstream,
    known: Mutex<HashMap<String, (Instant, Arc<Role>)>>,
}

impl Roles {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// A role's policies, as they were within the last second.
    ///
    /// # Errors
    /// Where one of them can't be judged, with the reason.
    pub(super) async fn of(&self, name: &str) -> Result<Arc<Role>, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((at, role)) = known.filter(|(at, _)| at.elapsed() < BELIEVED) {
            let _ = at;
            return Ok(role);
        }
        let role = Arc::new(self.read(name).await?);
        let entry = (Instant::now(), Arc::clone(&role));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), entry);
        Ok(role)
    }

    /// A role's policies, as they are.
    ///
    /// # Errors
    /// Where one of them can't be judged, with the reason.
    pub(super) async fn read(&self, name: &str) -> Result<Role, String> {
        let mut role = Role::default();
        let inline = self.texts(&[("Action", "ListRolePolicies"), ("RoleName", name)], "member").await;
        for policy in inline {
            let form = [("Action", "GetRolePolicy"), ("RoleName", name), ("PolicyName", &policy)];
            for text in self.texts(&form, "PolicyDocument").await {
                role.policies.extend(statements(&text)?);
            }
        }
        let attached = self.texts(&[("Action", "ListAttachedRolePolicies"), ("RoleName", name)], "PolicyArn").await;
        for arn in attached {
            match self.managed(&arn).await {
                Ok(statements) => role.policies.extend(statements),
                // AWS's own, of which the emulator has a few: logs and traces, which no function sends by itself.
                Err(_) if arn.contains(":iam::aws:policy/") => {}
                Err(fault) => return Err(fault),
            }
        }
        let boundary = self.texts(&[("Action", "GetRole"), ("RoleName", name)], "PermissionsBoundaryArn").await;
        if let Some(arn) = boundary.first() {
            role.boundary = Some(self.managed(arn).await?);
        }
        Ok(role)
    }

    /// The default version of a managed policy.
    async fn managed(&self, arn: &str) -> Result<Vec<Statement>, String> {
        let versions = self.texts(&[("Action", "GetPolicy"), ("PolicyArn", arn)], "DefaultVersionId").await;
        let Some(version) = versions.first() else { return Err(format!("there is no policy {arn}")) };
        let form = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", version)];
        let documents = self.texts(&form, "Document").await;
        documents.first().map_or_else(|| Err(format!("the policy {arn} has no document")), |text| statements(text))
    }

    async fn texts(&self, form: &[(&str, &str)], element: &str) -> Vec<String> {
        texts(&self.upstream, form, element).await
    }
}

/// What IAM has of a role (`GetRole`) or policy (`GetPolicy`).
pub(super) async fn found(upstream: &Upstream, form: &[(&str, &str)]) -> Found {
    let arns = texts(upstream, form, "Arn").await;
    let keys = texts(upstream, form, "Key").await;
    let values = texts(upstream, form, "Value").await;
    let boundary = texts(upstream, form, "PermissionsBoundaryArn").await;
    Found {
        arn: arns.into_iter().next(),
        tags: keys.into_iter().zip(values).collect(),
        boundary: boundary.into_iter().next(),
    }
}

fn statements(text: &str) -> Result<Vec<Statement>, String> {
    policy::parse(&document(text).ok_or("a policy is no JSON")?)
}

/// The texts of all elements of a name in IAM's answer; none where IAM refuses.
async fn texts(upstream: &Upstream, form: &[(&str, &str)], element: &str) -> Vec<String> {
    let form: Vec<(&str, &str)> = form.iter().copied().chain([("Version", "2010-05-08")]).collect();
    let answer = upstream.query("iam", &form).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let Ok(parsed) = roxmltree::Document::parse(&text) else { return Vec::new() };
    let nodes = parsed.descendants().filter(|node| node.tag_name().name() == element);
    nodes.filter_map(|node| node.text().map(str::to_owned)).collect()
}
