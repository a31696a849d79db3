//! The security profile without permissions. This security profile is assigned to users who left their groups and are
//! kept (`users.removed.action: "strip"`).
//!
//! The sync creates the profile when it first needs it. Before each use, the sync reads the tags and the permissions of
//! the profile again. The sync does not use a profile of another owner, and removes permissions that were added
//! manually. The drift check also reads the profile, because users can have this profile for a long time.

use std::collections::HashMap;

use aws_sdk_connect::{
    Client,
    types::{StringComparisonType, StringCondition, UserSearchCriteria},
};
use onboarding_core::{StepError, names, sync::Ownership};
use tracing::{info, warn};

use super::directory::{Directory, RETRY_TIME, Read};
use crate::aws::error::CallResult as _;

const DESCRIPTION: &str =
    "Grants no permissions. Connect Onboarding assigns this security profile to users who left their Entra groups";

/// Returns the ID of the security profile without permissions in an instance, and removes permissions that were added
/// to this profile. `known` is the profile's ID from the list of security profiles. If `known` is `None`, the profile
/// is created.
///
/// # Errors
/// `Conflict` if a profile with this name belongs to another owner; `NotConsistentYet` if the profile exists, but
/// Connect does not list it yet; `AccessDenied` if a permission is missing.
pub async fn ensure(
    client: &Client,
    (instance_id, alias): (&str, &str),
    known: Option<&str>,
) -> Result<String, StepError> {
    let name = names::NO_ACCESS_PROFILE;
    let Some(id) = known else {
        let tags: HashMap<String, String> =
            names::tags(alias).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let sent = client
            .create_security_profile()
            .instance_id(instance_id)
            .security_profile_name(name)
            .description(DESCRIPTION)
            .set_tags(Some(tags))
            .send()
            .await;
        let created = sent.none_if(&["DuplicateResourceException"]);
        let created = created.doing(format_args!("creating the security profile \"{name}\""))?;
        return created.and_then(|created| created.security_profile_id).ok_or_else(|| {
            StepError::not_consistent_yet(format!("the security profile \"{name}\" exists, but is not listed yet"))
        });
    };
    if !is_ours(client, (instance_id, alias), id).await? {
        return Err(StepError::conflict(format!(
            "the security profile \"{name}\" was not created by this onboarding; rename it in Amazon Connect, and the \
             next sync creates its own"
        )));
    }
    remove_permissions(client, instance_id, id).await?;
    Ok(id.to_owned())
}

/// Removes all permissions from the security profile with this ID. If the profile belongs to another owner, the
/// function does nothing. Returns whether permissions were removed.
///
/// # Errors
/// The error that Connect returns.
pub async fn restore(client: &Client, ids: (&str, &str), id: &str) -> Result<bool, StepError> {
    if !is_ours(client, ids, id).await? {
        return Ok(false);
    }
    remove_permissions(client, ids.0, id).await
}

async fn remove_permissions(client: &Client, instance_id: &str, id: &str) -> Result<bool, StepError> {
    let permissions = permissions(client, instance_id, id).await?;
    if permissions.is_empty() {
        return Ok(false);
    }
    warn!(permissions = permissions.join(", "), "permissions are removed from the profile of users who left");
    let update = client.update_security_profile().instance_id(instance_id).security_profile_id(id);
    let sent = update.set_permissions(Some(Vec::new())).send().await;
    sent.doing(format_args!("removing the permissions of the security profile \"{}\"", names::NO_ACCESS_PROFILE))?;
    Ok(true)
}

/// Returns the permissions of the security profile with this ID.
///
/// # Errors
/// The error that Connect returns.
pub async fn permissions(client: &Client, instance_id: &str, id: &str) -> Result<Vec<String>, StepError> {
    let list = client.list_security_profile_permissions().instance_id(instance_id).security_profile_id(id);
    let listed = list.into_paginator().items().send().try_collect().await;
    listed.doing_with_known(format_args!(
        "reading the permissions of the security profile \"{}\"",
        names::NO_ACCESS_PROFILE
    ))
}

/// Deletes the security profile without permissions if this onboarding created it. `id` is the profile's ID from the
/// list of security profiles. A profile that is still assigned to users is kept.
///
/// # Errors
/// The error that Connect returns.
pub async fn delete(client: &Client, ids: (&str, &str), id: &str) -> Result<(), StepError> {
    let name = names::NO_ACCESS_PROFILE;
    if !is_ours(client, ids, id).await? {
        return Ok(());
    }
    let sent = client.delete_security_profile().instance_id(ids.0).security_profile_id(id).send().await;
    let deleted = sent.none_if(&["ResourceNotFoundException", "ResourceInUseException"]);
    let deleted = deleted.doing(format_args!("deleting the security profile \"{name}\""))?;
    info!(name, deleted = deleted.is_some(), "the security profile of users who left");
    Ok(())
}

/// Returns whether the security profile has the tags of this onboarding.
///
/// # Errors
/// The error that Connect returns.
pub async fn is_ours(client: &Client, (instance_id, alias): (&str, &str), id: &str) -> Result<bool, StepError> {
    let found = client.describe_security_profile().instance_id(instance_id).security_profile_id(id).send().await;
    let found =
        found.doing_with_known(format_args!("reading the security profile \"{}\"", names::NO_ACCESS_PROFILE))?;
    let tags = found.security_profile.and_then(|profile| profile.tags).unwrap_or_default();
    let tag = |key: &str| tags.get(key).map(String::as_str);
    Ok(Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), alias) == Ownership::Ours)
}

impl Directory<'_> {
    /// Returns whether the security profile with this ID is assigned to any user. Sends one request.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn is_assigned(&self, security_profile_id: &str) -> Result<bool, StepError> {
        let condition = StringCondition::builder()
            .field_name("SecurityProfileId")
            .value(security_profile_id)
            .comparison_type(StringComparisonType::Exact)
            .build();
        let criteria = UserSearchCriteria::builder().string_condition(condition).build();
        let search = self.client.search_users().instance_id(self.instance_id).search_criteria(criteria);
        let search = search.max_results(1);
        let doing = "searching for the users with the security profile";
        let output = self.read(doing, Read::Search(RETRY_TIME), || search.clone().send()).await?;
        Ok(output.approximate_total_count > Some(0) || !output.users().is_empty())
    }
}
