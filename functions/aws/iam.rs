//! Shared functions for IAM. The functions return the account's ARN prefix and the tags of an onboarding, read the SAML
//! provider, policies and roles, and decode policy documents.

use aws_sdk_iam::{
    Client,
    operation::get_saml_provider::GetSamlProviderOutput,
    types::{Policy, PolicyVersion, Role, Tag},
};
use onboarding_core::{StepError, names, sync::Ownership};
use serde_json::Value;

use crate::aws::error::CallResult as _;

/// Returns the ARN prefix of the account's IAM objects, for example `arn:aws:iam::123456789012`.
///
/// # Errors
/// If STS returns an error. `sts:GetCallerIdentity` needs no permission.
pub async fn arn_prefix(client: &aws_sdk_sts::Client) -> Result<String, StepError> {
    let identity = client.get_caller_identity().send().await.doing("reading the account from STS")?;
    let partition = identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    let account = identity.account().ok_or_else(|| StepError::internal("the response from STS contains no account"))?;
    Ok(format!("arn:{partition}:iam::{account}"))
}

/// Returns the two tags that an onboarding sets on every object that it creates.
///
/// # Errors
/// `Internal` if the SDK can't build the tags.
pub fn tags(alias: &str) -> Result<Vec<Tag>, StepError> {
    names::tags(alias)
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| StepError::internal(error.to_string()))
}

/// Determines the owner of an IAM object from the tags of the object. An IAM object that has only the first of the two
/// tags of an onboarding is not adopted. The rule for Connect users is different: a user with only the first tag is
/// adopted.
#[must_use]
pub fn owner(tags: &[Tag], alias: &str) -> Ownership {
    let value = |key: &str| tags.iter().find(|tag| tag.key() == key).map(Tag::value);
    Ownership::from_tags(value(names::MANAGED_BY_KEY), value(names::ONBOARDING_KEY).or(Some("")), alias)
}

/// Returns the SAML provider with this ARN, or `None` if the provider does not exist.
///
/// # Errors
/// If IAM returns an error.
pub async fn saml_provider(client: &Client, arn: &str) -> Result<Option<GetSamlProviderOutput>, StepError> {
    let sent = client.get_saml_provider().saml_provider_arn(arn).send().await;
    sent.if_found().doing(format_args!("reading the SAML provider {arn}"))
}

/// Returns the policy with this ARN, or `None` if the policy does not exist.
///
/// # Errors
/// If IAM returns an error.
pub async fn policy(client: &Client, arn: &str) -> Result<Option<Policy>, StepError> {
    let sent = client.get_policy().policy_arn(arn).send().await;
    Ok(sent.if_found().doing(format_args!("reading the policy {arn}"))?.and_then(|output| output.policy))
}

/// Returns the document of the default version of a policy that IAM has returned before.
///
/// # Errors
/// `NotConsistentYet` if IAM reports that the version does not exist; otherwise the error that IAM returns.
pub async fn policy_document(client: &Client, policy: &Policy) -> Result<Value, StepError> {
    let (arn, version) = (policy.arn().unwrap_or_default(), policy.default_version_id().unwrap_or("v1"));
    let sent = client.get_policy_version().policy_arn(arn).version_id(version).send().await;
    let output = sent.doing_with_known(format_args!("reading version {version} of the policy {arn}"))?;
    Ok(document(output.policy_version.and_then(|version| version.document).as_deref()))
}

/// Returns the role with this name, or `None` if the role does not exist.
///
/// # Errors
/// If IAM returns an error.
pub async fn role(client: &Client, name: &str) -> Result<Option<Role>, StepError> {
    let sent = client.get_role().role_name(name).send().await;
    Ok(sent.if_found().doing(format_args!("reading the role {name}"))?.and_then(|output| output.role))
}

/// Returns the ARNs of the policies that are attached to a role that IAM has returned before.
///
/// # Errors
/// `NotConsistentYet` if IAM reports that the role does not exist; otherwise the error that IAM returns.
pub async fn attached_policies(client: &Client, role: &str) -> Result<Vec<String>, StepError> {
    let policies = client.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let policies = policies.try_collect().await;
    let policies = policies.doing_with_known(format_args!("listing the policies of the role {role}"))?;
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

/// Returns the names of the inline policies of a role that IAM has returned before.
///
/// # Errors
/// `NotConsistentYet` if IAM reports that the role does not exist; otherwise the error that IAM returns.
pub async fn inline_policies(client: &Client, role: &str) -> Result<Vec<String>, StepError> {
    let items = client.list_role_policies().role_name(role).into_paginator().items().send();
    items.try_collect().await.doing_with_known(format_args!("listing the inline policies of the role {role}"))
}

/// Returns the versions of a policy that IAM has returned before.
///
/// # Errors
/// `NotConsistentYet` if IAM reports that the policy does not exist; otherwise the error that IAM returns.
pub async fn policy_versions(client: &Client, arn: &str) -> Result<Vec<PolicyVersion>, StepError> {
    let items = client.list_policy_versions().policy_arn(arn).into_paginator().items().send();
    items.try_collect().await.doing_with_known(format_args!("listing the versions of the policy {arn}"))
}

/// Returns the error for an object that does not belong to the onboarding. `what` describes the object, for example
/// `the role AmazonConnect-acme`.
#[must_use]
pub fn not_ours(what: &str, owner: &Ownership, difference: &str, input_field: &str) -> StepError {
    let whose = match owner {
        Ownership::OtherOnboarding(_) => "belongs to another onboarding, which its tags name",
        Ownership::Ours | Ownership::Unmanaged => "exists and was not created by this onboarding",
    };
    StepError::conflict(format!(
        "{what} {whose}, and {difference}. Set another name in {input_field}, or delete the existing one if it is not \
         needed, then start again"
    ))
}

/// Decodes a policy document. IAM returns policy documents as URL-encoded JSON. If a document is invalid, the function
/// returns `Null`, which differs from every document that an onboarding writes.
#[must_use]
pub fn document(encoded: Option<&str>) -> Value {
    let text = percent_encoding::percent_decode_str(encoded.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_an_object_with_both_tags_of_this_alias_is_ours() {
        let ours = tags("acme").unwrap();
        assert_eq!(owner(&ours, "acme"), Ownership::Ours);
        assert_eq!(owner(&ours, "ACME"), Ownership::Ours, "aliases are not case-sensitive");
        assert_eq!(owner(&ours, "other"), Ownership::OtherOnboarding("acme".into()));
        assert_eq!(owner(&ours[..1], "acme"), Ownership::OtherOnboarding(String::new()), "it is never adopted");
        assert_eq!(owner(&ours[1..], "acme"), Ownership::Unmanaged);
        assert_eq!(owner(&[], "acme"), Ownership::Unmanaged);
    }

    #[test]
    fn a_document_is_decoded_url_encoded_and_plain() {
        assert_eq!(document(Some("%7B%22a%22%3A%20%22b%20c%22%7D")), json!({"a": "b c"}));
        assert_eq!(document(Some(r#"{"a":1}"#)), json!({"a": 1}));
        assert_eq!(document(Some("no json")), Value::Null);
        assert_eq!(document(None), Value::Null);
    }
}
