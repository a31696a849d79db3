//! Reads the policies of roles from the emulator's IAM.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asks::{Found, document};
use super::policy::{self, Statement};
use crate::stand_in::upstream::Upstream;

/// How long a role is cached. A call that changes IAM clears the cache immediately. Only the changes that a deployment
/// makes do not pass through the stand-in, so they take effect after this delay. Such a delay is realistic, because IAM
/// also takes seconds to apply a change everywhere.
const BELIEVED: Duration = Duration::from_secs(5);

/// The policies of a role.
#[derive(Debug, Default)]
pub(super) struct Role {
    pub(super) policies: Vec<Statement>,
    pub(super) boundary: Option<Vec<Statement>>,
}

/// The content of the cache: the roles by name, each with the time at which the role was read, and the number of times
/// that the cache was cleared.
#[derive(Debug, Default)]
struct Known {
    roles: HashMap<String, (Instant, Arc<Role>)>,
    forgotten: usize,
}

/// The cache of roles.
#[derive(Debug)]
pub(super) struct Roles {
    upstream: Upstream,
    known: Mutex<Known>,
    /// The documents of managed policies, by policy ID and version. Each document is read only once: a version never
    /// changes, and the same policies are attached to most roles.
    documents: Mutex<HashMap<(String, String), Vec<Statement>>>,
}

impl Roles {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default(), documents: Mutex::default() }
    }

    /// Clears the cache, because IAM may have changed a role.
    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.roles.clear();
        known.forgotten += 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the policies of a role, from the cache if the role is cached.
    ///
    /// # Errors
    /// Fails if a policy cannot be evaluated. The error message states the reason.
    pub(super) async fn of(&self, name: &str) -> Result<Arc<Role>, String> {
        let (found, forgotten) = {
            let known = self.known();
            (known.roles.get(name).cloned(), known.forgotten)
        };
        if let Some((_, role)) = found.filter(|(at, _)| at.elapsed() < BELIEVED) {
            return Ok(role);
        }
        let since = Instant::now();
        let role = Arc::new(self.read(name).await?);
        let mut known = self.known();
        // IAM changed during the read, so the role may be outdated and is not cached.
        if known.forgotten == forgotten {
            known.roles.insert(name.to_owned(), (since, Arc::clone(&role)));
        }
        Ok(role)
    }

    /// Reads the current policies of a role from IAM.
    ///
    /// # Errors
    /// Fails if a policy cannot be evaluated. The error message states the reason.
    pub(super) async fn read(&self, name: &str) -> Result<Role, String> {
        let mut role = Role::default();
        let inline = self.texts(&[("Action", "ListRolePolicies"), ("RoleName", name)], "member").await?;
        for policy in inline {
            let form = [("Action", "GetRolePolicy"), ("RoleName", name), ("PolicyName", &policy)];
            for text in self.texts(&form, "PolicyDocument").await? {
                role.policies.extend(statements(&text)?);
            }
        }
        let attached = self.texts(&[("Action", "ListAttachedRolePolicies"), ("RoleName", name)], "PolicyArn").await?;
        for arn in attached {
            match self.managed(&arn).await {
                Ok(statements) => role.policies.extend(statements),
                // AWS managed policies are skipped, because the emulator lacks most of them. The AWS managed policies
                // in the template allow nothing but writing logs and traces, and these calls do not pass through the
                // stand-in.
                Err(_) if arn.contains(":iam::aws:policy/") => {}
                Err(fault) => return Err(fault),
            }
        }
        let boundary = self.texts(&[("Action", "GetRole"), ("RoleName", name)], "PermissionsBoundaryArn").await?;
        if let Some(arn) = boundary.first() {
            role.boundary = Some(self.managed(arn).await?);
        }
        Ok(role)
    }

    /// The statements of a managed policy's default version.
    async fn managed(&self, arn: &str) -> Result<Vec<Statement>, String> {
        let found =
            self.elements(&[("Action", "GetPolicy"), ("PolicyArn", arn)], &["PolicyId", "DefaultVersionId"]).await?;
        let [id, version] = found.as_slice() else { return Err(format!("policy {arn} does not exist")) };
        let key = (id.clone(), version.clone());
        if let Some(known) = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let form = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", version)];
        let documents = self.texts(&form, "Document").await?;
        let text = documents.first().ok_or_else(|| format!("the policy {arn} has no document"))?;
        let statements = statements(text)?;
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(key, statements.clone());
        Ok(statements)
    }

    async fn texts(&self, form: &[(&str, &str)], element: &str) -> Result<Vec<String>, String> {
        Ok(texts(&answer(&self.upstream, form).await?, element))
    }

    /// For each name, the text of the first element of the response that has this name. Missing elements are skipped.
    async fn elements(&self, form: &[(&str, &str)], names: &[&str]) -> Result<Vec<String>, String> {
        let answer = answer(&self.upstream, form).await?;
        let Ok(parsed) = roxmltree::Document::parse(&answer) else { return Ok(Vec::new()) };
        let first = |name: &&str| parsed.descendants().find(|node| node.tag_name().name() == *name)?.text();
        Ok(names.iter().filter_map(first).map(str::to_owned).collect())
    }
}

/// Reads an IAM role (`GetRole`) or an IAM policy (`GetPolicy`).
pub(super) async fn found(upstream: &Upstream, form: &[(&str, &str)]) -> Found {
    let answer = answer(upstream, form).await.unwrap_or_default();
    let texts = |element| texts(&answer, element);
    Found {
        arn: texts("Arn").into_iter().next(),
        tags: texts("Key").into_iter().zip(texts("Value")).collect(),
        boundary: texts("PermissionsBoundaryArn").into_iter().next(),
    }
}

fn statements(text: &str) -> Result<Vec<Statement>, String> {
    policy::parse(&document(text).ok_or("a policy is not JSON")?)
}

/// The texts of all elements with the given name in an IAM response. Empty if IAM returns an error.
fn texts(answer: &str, element: &str) -> Vec<String> {
    let Ok(parsed) = roxmltree::Document::parse(answer) else { return Vec::new() };
    let nodes = parsed.descendants().filter(|node| node.tag_name().name() == element);
    nodes.filter_map(|node| node.text().map(str::to_owned)).collect()
}

/// Sends a request to the emulator's IAM and returns the response body.
///
/// # Errors
/// Fails if the emulator does not respond. Otherwise, a role would seem to have no policies.
async fn answer(upstream: &Upstream, form: &[(&str, &str)]) -> Result<String, String> {
    let form: Vec<(&str, &str)> = form.iter().copied().chain([("Version", "2010-05-08")]).collect();
    let answer = upstream.query("iam", &form).await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status < 500 { Ok(body) } else { Err(body) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[tokio::test]
    async fn a_role_that_cannot_be_read_is_not_a_role_without_policies() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let roles = Roles::new(Upstream::new(&format!("http://{closed}"), "r").unwrap());
        assert!(roles.of("SyncRole").await.unwrap_err().contains("does not respond"));
    }
}
