//! Reads the IAM objects of an onboarding as they are now: role, policy and SAML provider. Changes nothing.
//!
//! Permissions: `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:GetPolicy`, `iam:GetPolicyVersion`,
//! `iam:GetSAMLProvider`.

use std::collections::BTreeMap;

use onboarding_core::names;
use percent_encoding::percent_decode_str;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use super::{
    Cloud,
    error::CommandError,
    registry::Entry,
    signed::{IAM, elements, text},
};

/// The tags of an IAM object.
pub type Tags = BTreeMap<String, String>;

/// The IAM objects with which the users of an instance sign in. An object that does not exist is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Federation {
    /// The IAM role that users assume when they sign in.
    pub role: Option<Role>,
    /// The managed policy that the onboarding attached to the role.
    pub policy: Option<Policy>,
    /// The SAML provider that the role trusts.
    pub provider: Option<SamlProvider>,
}

/// An IAM role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Name of the role.
    pub name: String,
    /// ARN of the role.
    pub arn: String,
    /// Path of the role.
    pub path: String,
    /// Description of the role, if there is one.
    pub description: Option<String>,
    /// The trust policy, as JSON.
    pub trust: String,
    /// The maximum session duration, in seconds.
    pub max_session: u32,
    /// The ARN of the permissions boundary, if there is one.
    pub boundary: Option<String>,
    /// The ARNs of the attached policies, sorted.
    pub attached: Vec<String>,
    /// Tags of the role.
    pub tags: Tags,
}

/// A managed IAM policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Name of the policy.
    pub name: String,
    /// ARN of the policy.
    pub arn: String,
    /// Path of the policy.
    pub path: String,
    /// Description of the policy, if there is one.
    pub description: Option<String>,
    /// The default version of the policy document, as JSON.
    pub document: String,
    /// Tags of the policy.
    pub tags: Tags,
}

/// A SAML provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SamlProvider {
    /// Name of the SAML provider.
    pub name: String,
    /// ARN of the SAML provider.
    pub arn: String,
    /// The SAML metadata document.
    pub metadata: String,
    /// Tags of the SAML provider.
    pub tags: Tags,
}

impl Federation {
    /// The objects as JSON. The policy documents of the objects are JSON objects, not strings.
    #[must_use]
    pub fn json(&self) -> Value {
        let document = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        json!({
            "role": self.role.as_ref().map(|role| json!({
                "arn": role.arn, "maxSessionDuration": role.max_session, "trustPolicy": document(&role.trust),
                "attachedPolicies": role.attached, "permissionsBoundary": role.boundary, "tags": role.tags,
            })),
            "policy": self.policy.as_ref().map(|policy| json!({
                "arn": policy.arn, "document": document(&policy.document), "tags": policy.tags,
            })),
            "samlProvider": self.provider.as_ref().map(|provider| json!({
                "arn": provider.arn, "metadata": provider.metadata, "tags": provider.tags,
            })),
        })
    }
}

impl Cloud {
    /// Reads the IAM objects with which the users of an instance sign in. `entry` is the registry entry of the
    /// instance.
    ///
    /// # Errors
    /// Fails if IAM rejects a request or does not respond.
    pub async fn federation(&self, entry: &Entry) -> Result<Federation, CommandError> {
        let wanted = &entry.config["onboarding"]["iam"];
        let name = |field: &str, usual: String| match wanted[field].as_str() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => usual,
        };
        let account = account(entry.config["instanceArn"].as_str().unwrap_or_default());
        let role = name("roleName", names::role(&entry.alias));
        let policy = name("policyName", names::policy(&entry.alias));
        let provider = name("samlProviderName", names::saml_provider(&entry.alias));
        Ok(Federation {
            role: self.role(&role).await?,
            policy: self.policy(&format!("{account}:policy{}{policy}", names::IAM_PATH)).await?,
            provider: self.saml_provider(&provider, format!("{account}:saml-provider/{provider}")).await?,
        })
    }

    async fn role(&self, name: &str) -> Result<Option<Role>, CommandError> {
        let Some(found) = self.ask("GetRole", &[("RoleName", name)]).await? else { return Ok(None) };
        let attached = self.ask("ListAttachedRolePolicies", &[("RoleName", name)]).await?;
        let attached = attached.as_deref().and_then(|xml| Document::parse(xml).ok()).map(|xml| {
            let mut arns: Vec<String> = elements(xml.root(), "PolicyArn").filter_map(content).collect();
            arns.sort();
            arns
        });
        let role = |root: Node<'_, '_>| Role {
            name: name.to_owned(),
            arn: text(root, "Arn").unwrap_or_default(),
            path: text(root, "Path").unwrap_or_default(),
            description: text(root, "Description").filter(|text| !text.is_empty()),
            trust: decoded(text(root, "AssumeRolePolicyDocument")),
            max_session: text(root, "MaxSessionDuration").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600),
            boundary: text(root, "PermissionsBoundaryArn"),
            attached: attached.unwrap_or_default(),
            tags: tags(root),
        };
        Ok(Document::parse(&found).ok().map(|xml| role(xml.root())))
    }

    async fn policy(&self, arn: &str) -> Result<Option<Policy>, CommandError> {
        let Some(found) = self.ask("GetPolicy", &[("PolicyArn", arn)]).await? else { return Ok(None) };
        let policy = |root: Node<'_, '_>| {
            let policy = Policy {
                name: text(root, "PolicyName").unwrap_or_default(),
                arn: arn.to_owned(),
                path: text(root, "Path").unwrap_or_default(),
                description: text(root, "Description").filter(|text| !text.is_empty()),
                document: String::new(),
                tags: tags(root),
            };
            (policy, text(root, "DefaultVersionId").unwrap_or_default())
        };
        let Some((policy, version)) = Document::parse(&found).ok().map(|xml| policy(xml.root())) else {
            return Ok(None);
        };
        let version = self.ask("GetPolicyVersion", &[("PolicyArn", arn), ("VersionId", &version)]).await?;
        let document = version.as_deref().and_then(|xml| text(Document::parse(xml).ok()?.root(), "Document"));
        Ok(Some(Policy { document: decoded(document), ..policy }))
    }

    async fn saml_provider(&self, name: &str, arn: String) -> Result<Option<SamlProvider>, CommandError> {
        let Some(found) = self.ask("GetSAMLProvider", &[("SAMLProviderArn", &arn)]).await? else { return Ok(None) };
        let provider = |root: Node<'_, '_>| SamlProvider {
            name: name.to_owned(),
            arn,
            metadata: text(root, "SAMLMetadataDocument").unwrap_or_default(),
            tags: tags(root),
        };
        Ok(Document::parse(&found).ok().map(|xml| provider(xml.root())))
    }

    /// Calls a read operation of IAM. Returns `None` if the requested object does not exist.
    async fn ask(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Option<String>, CommandError> {
        let parameters = [&[("Action", action), ("Version", "2010-05-08")], parameters].concat();
        match self.signed.query(IAM, &self.words.reading_iam(action), &parameters).await {
            Ok(xml) => Ok(Some(xml)),
            Err(error) if error.name.starts_with("NoSuchEntity") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The prefix that all IAM ARNs in the account share, derived from the ARN of a Connect instance.
fn account(instance_arn: &str) -> String {
    let mut parts = instance_arn.split(':');
    let partition = parts.nth(1).unwrap_or("aws");
    format!("arn:{partition}:iam::{}", parts.nth(2).unwrap_or_default())
}

fn content(node: Node<'_, '_>) -> Option<String> {
    node.text().map(ToOwned::to_owned)
}

/// Decodes a policy document, which IAM returns URL-encoded (RFC 3986).
fn decoded(document: Option<String>) -> String {
    let document = document.unwrap_or_default();
    percent_decode_str(&document).decode_utf8_lossy().into_owned()
}

fn tags(root: Node<'_, '_>) -> Tags {
    let tag = |node: Node<'_, '_>| Some((text(node, "Key")?, text(node, "Value").unwrap_or_default()));
    elements(root, "Tags").flat_map(|tags| elements(tags, "member")).filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_the_instance_is_part_of_its_iam_arns() {
        assert_eq!(account("arn:aws-cn:connect:r:123456789012:instance/i"), "arn:aws-cn:iam::123456789012");
    }

    #[test]
    fn documents_and_tags_are_read_as_iam_returns_them() {
        assert_eq!(decoded(Some("%7B%22a%22%3A%20%22b%2Bc%22%7D".into())), r#"{"a": "b+c"}"#);
        let xml = "<R><Tags><member><Key>managed-by</Key><Value>x</Value></member></Tags></R>";
        let xml = Document::parse(xml).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(tags(xml.root()), Tags::from([("managed-by".into(), "x".into())]));
    }
}
