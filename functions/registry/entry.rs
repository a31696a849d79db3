//! The data about an instance in the registry.

use onboarding_core::{
    StepError,
    contract::{EntraApplication, EntraGroup, RegisterInstanceInput},
    names,
    onboarding::{Language, Onboarding, UserGroup, Users},
};
use serde::{Deserialize, Serialize};

/// The data about an onboarded instance. Every new field needs a default value, because later releases read entries
/// that earlier releases wrote.
///
/// The entry is stored as JSON ([`Entry::to_json`]). The JSON contains the groups of the input only in `users`, and
/// `onboarding.users.groups` is an empty list. The groups are stored only once, because a `DynamoDB` item can't be
/// larger than 400 KB, and almost all data in a large input is about groups. An earlier release stored the groups
/// twice. The earlier release can read an entry of this release, for example after a rollback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The instance ID, which is the partition key of the item.
    pub instance_id: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The alias of the instance. The alias is also the value of the tag `onboarding` on the resources of the
    /// onboarding.
    pub alias: String,
    /// The ID of the Entra tenant.
    pub tenant_id: String,
    /// The user settings in the input: groups, profiles, and the action for users who left.
    pub users: Users,
    /// The Entra groups that belong to `users.groups`, in the same order, with their object IDs.
    pub groups: Vec<EntraGroup>,
    /// The Entra application.
    #[serde(default)]
    pub application: Option<EntraApplication>,
    /// The language of notifications.
    #[serde(default)]
    pub language: Language,
    /// The complete input of the last onboarding. `None` if the entry was written by a release that did not store the
    /// input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onboarding: Option<Onboarding>,
    /// Whether the instance existed before the onboarding, and therefore does not have the tags of this onboarding.
    /// `None` if the entry was written by a release that did not store this information.
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
        // Values that were determined during the onboarding (numbers of members and attempts) are omitted. Such values
        // are not settings, and an entry that contained them would appear changed after each onboarding.
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
    /// Returns the entry as it is stored.
    ///
    /// # Errors
    /// `Internal` if the entry can't be encoded.
    pub fn to_json(&self) -> Result<String, StepError> {
        let mut stored = self.clone();
        if let Some(onboarding) = &mut stored.onboarding {
            onboarding.users.groups.clear();
        }
        serde_json::to_string(&stored)
            .map_err(|error| StepError::internal(format!("the registry entry could not be encoded: {error}")))
    }

    /// Parses a stored entry. An entry of an earlier release can also be parsed.
    ///
    /// # Errors
    /// The error that `serde_json` returns if the text is invalid.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut entry: Self = serde_json::from_str(text)?;
        if let Some(onboarding) = &mut entry.onboarding
            && onboarding.users.groups.is_empty()
        {
            onboarding.users.groups.clone_from(&entry.users.groups);
        }
        Ok(entry)
    }

    /// Returns the name of the SAML provider in IAM.
    #[must_use]
    pub fn saml_provider_name(&self) -> String {
        let name = self.onboarding.as_ref().map(|onboarding| onboarding.iam.saml_provider_name.clone());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| names::saml_provider(&self.alias))
    }

    /// Returns the input of the last onboarding. If an older release wrote the entry, the result contains only the
    /// settings that this release stored, and all names have their default values.
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
    use serde_json::json;

    use super::*;

    /// Returns a registry entry whose input has this number of groups.
    fn of_groups(count: usize) -> Entry {
        let group = |number: usize| format!("{number:04} {}", "g".repeat(250));
        let wanted: Vec<_> =
            (0..count).map(|number| json!({ "group": group(number), "securityProfiles": ["p".repeat(128)] })).collect();
        let found: Vec<_> = (0..count).map(|number| json!({ "id": "i", "displayName": group(number) })).collect();
        let input = json!({
            "onboarding": { "instance": { "alias": "acme" }, "users": { "username": "mail", "groups": wanted } },
            "instanceId": "i", "instanceArn": "a", "tenantId": "t", "groups": found, "instanceAdopted": false,
            "application": { "applicationId": "o", "appId": "a", "servicePrincipalId": "s", "status": "READY" },
        });
        serde_json::from_value::<RegisterInstanceInput>(input).unwrap().into()
    }

    #[test]
    fn a_stored_entry_contains_the_groups_of_the_input_once() {
        let entry = of_groups(3);
        let json = entry.to_json().unwrap();
        assert_eq!(json.matches("securityProfiles").count(), 3);
        assert_eq!(Entry::from_json(&json).unwrap(), entry);
    }

    #[test]
    fn an_entry_that_contains_the_groups_twice_is_read() {
        let entry = of_groups(3);
        let old = serde_json::to_string(&entry).unwrap();
        assert_eq!(old.matches("securityProfiles").count(), 6);
        assert_eq!(Entry::from_json(&old).unwrap(), entry);
    }

    #[test]
    fn an_earlier_release_reads_everything_except_the_groups_of_the_input() {
        let entry = of_groups(3);
        let earlier: Entry = serde_json::from_str(&entry.to_json().unwrap()).unwrap();
        assert_eq!((&earlier.users, &earlier.groups), (&entry.users, &entry.groups));
        let (mut wanted, read) = (entry.onboarding.unwrap(), earlier.onboarding.unwrap());
        wanted.users.groups.clear();
        assert_eq!(read, wanted);
    }

    #[test]
    fn an_entry_of_an_older_release_is_read_with_defaults() {
        let entry = Entry::from_json(
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
        let entry = Entry::from_json(
            r#"{"instanceId":"i","instanceArn":"a","alias":"acme","tenantId":"t",
                "users":{"groups":[{"group":"Support","securityProfiles":["Agent"]}]},"groups":[]}"#,
        )
        .unwrap();
        assert!(entry.user_groups().is_err_and(|error| error.message.contains("run the onboarding again")));
    }
}
