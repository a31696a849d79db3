//! Reads the groups of a single user, which is an inexpensive check before the user's deletion.

use onboarding_core::StepError;

use super::{Graph, GraphError, call::Call, model::DirectoryObject};

impl Graph {
    /// Returns the IDs of the groups (and directory roles and administrative units) of which the user is a direct
    /// member, or `None` if the user does not exist.
    ///
    /// # Errors
    /// If any page fails.
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
}
