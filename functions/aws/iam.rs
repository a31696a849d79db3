//! Shared functions for IAM: the account's ARN prefix, our tags, reads of the federation's objects, and decoding of
//! policy documents.

use aws_sdk_iam::{
    operation::get_saml_provider::GetSamlProviderOutput,
    types::{Policy, Role, Tag},
};
use onboarding_core::{StepError, names};
use serde_json::Value;

use crate::{aws, context::Context};

/// Returns the ARN prefix of the account's IAM objects, for example `arn:aws:iam::123456789012`.
///
/// # Errors
/// If STS returns an error. `sts:GetCallerIdentity` needs no permission.
pub async fn arn_prefix(ctx: &Context) -> Result<String, StepError> {
    let identity = ctx
        .sts()
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| aws::error::step_error("asking STS for the account", &error))?;
    let partition = identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    let account = identity.account().ok_or_else(|| StepError::internal("STS answered without an account"))?;
    Ok(format!("arn:{partition}:iam::{account}"))
}

/// Returns the two tags of all objects that we create.
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

/// The owner of an IAM object, determined from its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Created by us for this alias: updated to the wanted settings.
    Ours,
    /// Created by us for another alias: never changed.
    OtherOnboarding,
    /// Without our tags: adopted if it has exactly the wanted settings, otherwise kept unchanged.
    Unknown,
}

/// Determines the owner from the tags.
#[must_use]
pub fn owner(tags: &[Tag], alias: &str) -> Owner {
    let value = |key: &str| tags.iter().find(|tag| tag.key() == key).map(Tag::value);
    match (value(names::MANAGED_BY_KEY), value(names::ONBOARDING_KEY)) {
        (Some(names::MANAGED_BY), Some(onboarding)) if names::same_alias(onboarding, alias) => Owner::Ours,
        (Some(names::MANAGED_BY), _) => Owner::OtherOnboarding,
        _ => Owner::Unknown,
    }
}

/// Returns the SAML provider with this ARN, or `None` if there is none.
///
/// # Errors
/// If IAM returns an error.
pub async fn saml_provider(ctx: &Context, arn: &str) -> Result<Option<GetSamlProviderOutput>, StepError> {
    match ctx.iam().get_saml_provider().saml_provider_arn(arn).send().await {
        Ok(provider) => Ok(Some(provider)),
        Err(error) if aws::error::is_not_found(&error) => Ok(None),
        Err(error) => Err(aws::error::step_error(&format!("reading the SAML provider {arn}"), &error)),
    }
}

/// Returns the policy with this ARN, or `None` if there is none.
///
/// # Errors
/// If IAM returns an error.
pub async fn policy(ctx: &Context, arn: &str) -> Result<Option<Policy>, StepError> {
    match ctx.iam().get_policy().policy_arn(arn).send().await {
        Ok(output) => Ok(output.policy),
        Err(error) if aws::error::is_not_found(&error) => Ok(None),
        Err(error) => Err(aws::error::step_error(&format!("reading the policy {arn}"), &error)),
    }
}

/// Returns the document of a policy's default version.
///
/// # Errors
/// If IAM returns an error.
pub async fn policy_document(ctx: &Context, policy: &Policy) -> Result<Value, StepError> {
    let (arn, version) = (policy.arn().unwrap_or_default(), policy.default_version_id().unwrap_or("v1"));
    let sent = ctx.iam().get_policy_version().policy_arn(arn).version_id(version).send().await;
    let output = sent
        .map_err(|error| aws::error::step_error(&format!("reading version {version} of the policy {arn}"), &error))?;
    Ok(document(output.policy_version.and_then(|version| version.document).as_deref()))
}

/// Returns the role with this name, or `None` if there is none.
///
/// # Errors
/// If IAM returns an error.
pub async fn role(ctx: &Context, name: &str) -> Result<Option<Role>, StepError> {
    match ctx.iam().get_role().role_name(name).send().await {
        Ok(output) => Ok(output.role),
        Err(error) if aws::error::is_not_found(&error) => Ok(None),
        Err(error) => Err(aws::error::step_error(&format!("reading the role {name}"), &error)),
    }
}

/// Returns the ARNs of the policies that are attached to a role.
///
/// # Errors
/// If IAM returns an error.
pub async fn attached_policies(ctx: &Context, role: &str) -> Result<Vec<String>, StepError> {
    let mut items = ctx.iam().list_attached_role_policies().role_name(role).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        let policy =
            item.map_err(|error| aws::error::step_error(&format!("listing the policies of the role {role}"), &error))?;
        found.extend(policy.policy_arn);
    }
    Ok(found)
}

/// Returns the names of a role's inline policies.
///
/// # Errors
/// If IAM returns an error.
pub async fn inline_policies(ctx: &Context, role: &str) -> Result<Vec<String>, StepError> {
    let mut items = ctx.iam().list_role_policies().role_name(role).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.map_err(|error| {
            aws::error::step_error(&format!("listing the policies that stand in the role {role}"), &error)
        })?);
    }
    Ok(found)
}

/// Returns the error for an object that is not ours. `what` is the object, for example `the role AmazonConnect-acme`.
#[must_use]
pub fn not_ours(what: &str, owner: Owner, difference: &str, input_field: &str) -> StepError {
    let whose = match owner {
        Owner::OtherOnboarding => "belongs to another onboarding (its tags say which)",
        Owner::Ours | Owner::Unknown => "exists and was not made by this onboarding",
    };
    StepError::conflict(format!(
        "{what} {whose}, and {difference}; give another name in {input_field}, or remove it if nobody needs it, then start again"
    ))
}

/// Decodes a policy document as returned by IAM: URL-encoded JSON. Returns `Null` for an invalid document, which
/// differs from every wanted document.
#[must_use]
pub fn document(encoded: Option<&str>) -> Value {
    let text = percent_encoding::percent_decode_str(encoded.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_an_object_with_both_tags_of_this_alias_is_ours() {
        let ours = tags("acme").unwrap();
        assert_eq!(owner(&ours, "acme"), Owner::Ours);
        assert_eq!(owner(&ours, "ACME"), Owner::Ours, "an alias has no case");
        assert_eq!(owner(&ours, "other"), Owner::OtherOnboarding);
        assert_eq!(owner(&ours[1..], "acme"), Owner::Unknown);
        assert_eq!(owner(&[], "acme"), Owner::Unknown);
    }

    #[test]
    fn a_document_is_decoded_url_encoded_and_plain() {
        assert_eq!(document(Some("%7B%22a%22%3A%20%22b%20c%22%7D")), json!({"a": "b c"}));
        assert_eq!(document(Some(r#"{"a":1}"#)), json!({"a": 1}));
        assert_eq!(document(Some("no json")), Value::Null);
        assert_eq!(document(None), Value::Null);
    }
}
