//! The record of the app role assignments of single users that an onboarding and its user syncs have created at an
//! application that existed before the onboarding. Entra has no tags for assignments, so only this record shows which
//! assignments a teardown may remove.
//!
//! The key of an item is `approval#assigned#`, the ID of the service principal, `#`, and the object ID of the user. The
//! key starts with the prefix of [`approval`](super::approval), because earlier releases ignore items with this prefix.
//! A release that does not know the prefix of an item treats the item as a damaged registry entry. The item contains `assignment` (the ID of the assignment) and `createdAt` (the time of its creation, as Entra returned it).
//! The time proves that an assignment with a recorded ID is the one that was recorded, because Microsoft does not
//! document whether Entra reuses the ID if an administrator assigns the same user again. An item is written after the
//! creation. An assignment has no record if the response of Entra was lost, if the write of the item failed, or if the
//! function was stopped between the two requests. A teardown keeps an assignment without a record.

use aws_sdk_dynamodb::types::AttributeValue;
use onboarding_core::StepError;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::warn;

use super::{Item, Registry, number, string, text};
use crate::entra::{AppRoleAssignment, NewAssignment};

/// The prefix of the key of an item. The permissions in `template.yaml` contain the same prefix.
const PREFIX: &str = "approval#assigned#";

fn key(service_principal: &str, user: &str) -> String {
    format!("{PREFIX}{service_principal}#{user}")
}

impl Registry<'_> {
    /// Records an assignment of a user. Does nothing if Entra returned no ID or no time. A failed write is logged and
    /// otherwise ignored, because a repeated call of the caller would not create the assignment again.
    pub async fn record_assignment(&self, service_principal: &str, user: &str, new: &NewAssignment) {
        let (Some(id), Some(created)) = (&new.id, &new.created_date_time) else { return };
        let doing = format!("recording the assignment of the user {user} in the registry");
        let values: [(&str, AttributeValue); 2] = [(":assignment", string(id)), (":created", string(created))];
        let update = "SET assignment = :assignment, createdAt = :created REMOVE expiresAt";
        warn_if_failed(self.update_if(&doing, &key(service_principal, user), None, update, &values).await, user);
    }

    /// Returns whether this assignment was recorded.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn has_recorded(
        &self,
        service_principal: &str,
        assignment: &AppRoleAssignment,
    ) -> Result<bool, StepError> {
        let item = self.item(&key(service_principal, &assignment.principal_id)).await?;
        Ok(item.is_some_and(|item| is_record_of(&item, assignment)))
    }

    /// Lets the record of the user's assignment expire, because the assignment was removed. A failed write is logged and
    /// otherwise ignored, because the record does not match a later assignment.
    pub async fn forget_assignment(&self, service_principal: &str, user: &str) {
        let doing = format!("removing the record of the assignment of the user {user} from the registry");
        let values = [(":now", number(OffsetDateTime::now_utc().unix_timestamp()))];
        let update = "SET expiresAt = :now REMOVE assignment, createdAt";
        let exists = "attribute_exists(assignment)";
        warn_if_failed(self.update_if(&doing, &key(service_principal, user), exists, update, &values).await, user);
    }
}

/// Logs a failed write of the record of an assignment.
fn warn_if_failed(written: Result<bool, StepError>, object_id: &str) {
    if let Err(error) = written {
        warn!(error = error.name(), message = error.message, object_id, "the record of an assignment was not written");
    }
}

/// Whether an item is the record of this assignment. Replicas can return the time with different fractions of a second.
fn is_record_of(item: &Item, assignment: &AppRoleAssignment) -> bool {
    let second = |time: &str| OffsetDateTime::parse(time, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
    let created = assignment.created_date_time.as_deref().and_then(second);
    text(item, "assignment").is_some_and(|id| assignment.id.as_deref() == Some(id))
        && created.is_some()
        && text(item, "createdAt").and_then(second) == created
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(id: &str, created: Option<&str>) -> AppRoleAssignment {
        AppRoleAssignment {
            id: Some(id.into()),
            principal_id: "user".into(),
            principal_type: Some("User".into()),
            app_role_id: "role".into(),
            created_date_time: created.map(Into::into),
        }
    }

    #[test]
    fn only_an_assignment_with_the_recorded_id_and_second_is_the_recorded_one() {
        let stored = [("assignment", "a"), ("createdAt", "2026-11-30T10:00:00.2975029Z")];
        let item: Item = stored.into_iter().map(|(name, value)| (name.to_owned(), string(value))).collect();
        assert!(is_record_of(&item, &assignment("a", Some("2026-11-30T10:00:00Z"))));
        assert!(!is_record_of(&item, &assignment("b", Some("2026-11-30T10:00:00Z"))));
        assert!(!is_record_of(&item, &assignment("a", Some("2026-11-30T10:00:01Z"))), "it was created again");
        assert!(!is_record_of(&item, &assignment("a", None)));
        assert!(!is_record_of(&Item::new(), &assignment("a", Some("2026-11-30T10:00:00Z"))));
        let unreadable = [("assignment", "a"), ("createdAt", "yesterday")];
        let item: Item = unreadable.into_iter().map(|(name, value)| (name.to_owned(), string(value))).collect();
        assert!(!is_record_of(&item, &assignment("a", Some("yesterday"))));
    }

    #[test]
    fn an_earlier_release_ignores_the_record_of_an_assignment() {
        // The prefixes that the release before the first record of an assignment ignores.
        let ignored = ["alias#", "approval#", "delta#"];
        let key = key("sp", "user");
        assert!(ignored.iter().any(|prefix| key.starts_with(prefix)), "{key}");
        assert!(super::super::approval::is_key(&key));
    }
}
