//! The registry's data about an instance.

use onboarding_core::{
    StepError,
    contract::{EntraApplication, EntraGroup, RegisterInstanceInput},
    names,
    onboarding::{Language, Onboarding, UserGroup, Users},
};
use serde::{Deserialize, Serialize};

/// The data about an onboarded instance, which is stored as JSON. Later releases read the entries of earlier releases,
/// so new fields need defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The instance ID, which is the key of the item.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The instance's alias; also the value of the tag `onboarding` on the resources of the onboarding.
    pub alias: String,
    /// The Entra tenant.
    pub tenant_id: String,
    /// The user settings of the input: groups, profiles and removal.
    pub users: Users,
    /// The Entra groups that belong to `users.groups`, in the same order, with their object IDs.
    pub groups: Vec<EntraGroup>,
    /// The Entra application.
    #[serde(default)]
    pub application: Option<EntraApplication>,
    /// The language of notifications.
    #[serde(default)]
    pub language: Language,
    /// The complete input of the last onboarding, or `None` if a release wrote the entry that did not store the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onboarding: Option<Onboarding>,
    /// Whether the instance existed before the onboarding, and therefore does not have the tags of this onboarding.
    /// `None` if a release wrote the entry that did not store this information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_adopted: Option<bool>,
}

impl From<RegisterInstanceInput> for Entry {
    fn from(input: RegisterInstanceInput) -> Self {
        let RegisterInstanceInput {
            onboarding,
            instance_id,
            instance_arn,
            tenant_id,
            groups,
            application,
            instance_adopted,
        } = input;
        // Values that were determined during the onboarding (member counts, attempts) are omitted. They are not
        // settings, and with them, an entry would appear changed after each onboarding.
        let groups = groups.into_iter().map(|group| EntraGroup { users: 0, ..group }).collect();
        Self {
            instance_id,
            instance_arn,
            alias: onboarding.instance.alias.clone(),
            tenant_id,
            users: onboarding.users.clone(),
            groups,
            application: Some(EntraApplication { attempt: 0, searched: false, wait_seconds: 0, ..application }),
            language: onboarding.language,
            onboarding: Some(onboarding),
            instance_adopted,
        }
    }
}

impl Entry {
    /// Returns the name of the SAML provider in IAM.
    #[must_use]
    pub fn saml_provider_name(&self) -> String {
        let name = self.onboarding.as_ref().map(|onboarding| onboarding.iam.saml_provider_name.clone());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| names::saml_provider(&self.alias))
    }

    /// Returns the input of the last onboarding. If an older release wrote the entry, the result contains only the
    /// settings that this release stored, and all names have their defaults.
    #[must_use]
    pub fn input(&self) -> Onboarding {
        self.onboarding
            .clone()
            .unwrap_or_else(|| Onboarding::with_defaults(&self.alias, self.users.clone(), self.language))
    }

    /// Returns each group together with the settings for its members.
    ///
    /// # Errors
    /// `Internal` if the number of group IDs differs from the number of groups in the settings.
    pub fn user_groups(&self) -> Result<Vec<(&EntraGroup, &UserGroup)>, StepError> {
        if self.groups.len() != self.users.groups.len() {
            return Err(StepError::internal(format!(
                "the registry entry of the instance {} has {} group IDs for {} groups; run the onboarding again to write a \
                 new entry",
                self.instance_id,
                self.groups.len(),
                self.users.groups.len()
            )));
        }
        Ok(self.groups.iter().zip(&self.users.groups).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn entry(json: &str) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_entry_of_an_older_release_is_read_with_defaults() {
        let entry = entry(
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t",
                "users":{"groups":[{"group":"Support","securityProfiles":["Agent"]}]},
                "groups":[{"id":"g","displayName":"Support"}],"fromTheFuture":true}"#,
        )
        .unwrap();
        let groups = entry.user_groups().unwrap();
        assert_eq!((groups[0].0.id.as_str(), groups[0].1.routing_profile.as_str()), ("g", "Basic Routing Profile"));
    }

    #[test]
    fn group_ids_that_do_not_match_the_groups_cause_an_error_with_advice() {
        let entry = entry(
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t",
                "users":{"groups":[{"group":"Support","securityProfiles":["Agent"]}]},"groups":[]}"#,
        )
        .unwrap();
        assert!(entry.user_groups().is_err_and(|error| error.message.contains("run the onboarding again")));
    }
}
