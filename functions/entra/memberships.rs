//! Reads the groups of a single user. This is a check that needs only a few requests before the user is removed.

use std::collections::BTreeSet;

use onboarding_core::StepError;
use serde::Deserialize;
use serde_json::json;

use super::{Graph, GraphError, call::Call, model::DirectoryObject};

/// Maximum number of groups in one request (Microsoft Graph, `checkMemberGroups`).
const MAX_CHECKED: usize = 20;

/// The response to `checkMemberGroups`.
#[derive(Default, Deserialize)]
struct MemberGroups {
    value: Vec<String>,
}

impl Graph {
    /// Returns the IDs of the groups, directory roles and administrative units of which the user is a direct member.
    /// Returns `None` if the user does not exist.
    ///
    /// # Errors
    /// If a page can't be read.
    pub async fn direct_memberships(&self, user_id: &str) -> Result<Option<Vec<String>>, StepError> {
        let call = Call::get(&["users", user_id, "memberOf"], format!("reading the groups of the user {user_id}"))
            .query("$select", "id")
            .query("$top", "999")
            .needs("Group.Read.All");
        match self.list::<DirectoryObject>(&call).await {
            Ok(listing) => Ok(Some(listing.items.into_iter().map(|object| object.id).collect())),
            Err(GraphError::Refused(refusal)) if refusal.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns those of the given groups of which the user is a member, directly or through nested groups. If the user
    /// does not exist, the result is empty. Sends one request for every 20 groups.
    ///
    /// # Errors
    /// If a request fails.
    pub async fn memberships_among(&self, user_id: &str, groups: &[&str]) -> Result<BTreeSet<String>, StepError> {
        let mut found = BTreeSet::new();
        for checked in groups.chunks(MAX_CHECKED) {
            let doing = format!("checking the groups of the user {user_id}");
            let body = json!({ "groupIds": checked });
            let call = Call::post(&["users", user_id, "checkMemberGroups"], body, doing).needs("Group.Read.All");
            let answer: Option<MemberGroups> = self.find(&call).await?;
            found.extend(answer.unwrap_or_default().value);
        }
        Ok(found)
    }
}
