//! Subscriptions to the members of groups. Graph calls the notification URL of a subscription when a user joins or
//! leaves the group.
//!
//! An application can have at most [`MOST`] subscriptions in a tenant. If the instances use more groups, one
//! subscription to all groups of the tenant replaces the subscriptions to single groups.

use std::collections::BTreeSet;

use onboarding_core::StepError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Graph,
    call::{Call, GraphError},
};

/// The permission that a subscription requires. A permission that allows an application only to read members is not
/// sufficient.
const READ_GROUPS: &str = "Group.Read.All";

/// The requested lifetime of a subscription. Graph allows at most 41,760 minutes (29 days). The requested lifetime is
/// one hour less, because the local clock and Graph's clock may differ.
pub(crate) const LIFETIME: Duration = Duration::minutes(41_700);

/// The maximum number of subscriptions to groups and users for each application in a tenant, as documented by
/// Microsoft.
pub(crate) const MOST: usize = 100;

/// The resource that a subscription watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched<'a> {
    /// The members of one group.
    Group(&'a str),
    /// All groups of the tenant. Graph then also sends notifications for groups that no instance uses, and for changes
    /// to other properties of groups.
    AllGroups,
}

impl Watched<'_> {
    fn resource(self) -> String {
        match self {
            Self::Group(id) => format!("/groups/{id}/members"),
            Self::AllGroups => "/groups".into(),
        }
    }
}

impl std::fmt::Display for Watched<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(id) => write!(f, "the members of the group {id}"),
            Self::AllGroups => f.write_str("all groups of the tenant"),
        }
    }
}

/// A subscription, with the fields that this project uses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The subscription ID.
    pub id: String,
    /// The watched resource, for example `/groups/{id}/members`.
    pub resource: Option<String>,
    /// The URL that receives the notifications.
    pub notification_url: Option<String>,
    /// The expiry time of the subscription, as returned by Graph.
    pub expiration_date_time: String,
}

impl Subscription {
    /// Returns whether this is a subscription to exactly this resource (the members of one group, or all groups).
    #[must_use]
    pub fn is_to(&self, watched: Watched<'_>) -> bool {
        let plain = |resource: &str| resource.trim_matches('/').to_ascii_lowercase();
        plain(self.resource.as_deref().unwrap_or_default()) == plain(&watched.resource())
    }

    /// Returns whether Graph reports changes to the members of this group through the subscription.
    #[must_use]
    pub fn watches(&self, group_id: &str) -> bool {
        self.is_to(Watched::Group(group_id)) || self.is_to(Watched::AllGroups)
    }

    /// Returns whether the subscription is needed for at least one of these groups.
    #[must_use]
    pub fn serves(&self, groups: &BTreeSet<String>) -> bool {
        groups.iter().any(|group| self.watches(group))
    }

    /// Returns whether Graph sends the notifications of this subscription to this URL.
    #[must_use]
    pub fn calls(&self, url: &str) -> bool {
        self.notification_url.as_deref() == Some(url)
    }

    /// Returns whether the remaining lifetime of the subscription is so long that a renewal is not necessary yet.
    #[must_use]
    pub fn lasts(&self, now: OffsetDateTime) -> bool {
        self.expires().is_some_and(|expires| expires - now > LIFETIME / 2)
    }

    /// Returns the expiry time of the subscription, or `None` if Graph's value is not a valid time.
    #[must_use]
    pub fn expires(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.expiration_date_time, &Rfc3339).ok()
    }
}

/// A subscription to create.
#[derive(Debug)]
pub struct NewSubscription<'a> {
    /// The resource to watch.
    pub watched: Watched<'a>,
    /// The URL that receives the notifications.
    pub notification_url: &'a str,
    /// The URL that receives lifecycle notifications about the subscription itself. This URL can only be set when the
    /// subscription is created.
    pub lifecycle_url: &'a str,
    /// The value that Graph must repeat in each notification, at most 128 characters.
    pub client_state: &'a SecretString,
    /// The expiry time of the subscription, at most 41,760 minutes from now.
    pub expires: OffsetDateTime,
}

impl Graph {
    /// Returns all subscriptions of this application in the tenant.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StepError> {
        let call = Call::get(&["subscriptions"], "listing the subscriptions").needs(READ_GROUPS);
        Ok(self.list(&call).await?.items)
    }

    /// Creates a subscription. Graph calls both URLs of the subscription before it responds. The request is safe to
    /// repeat, because Graph rejects a second subscription to the same resource with status 409.
    ///
    /// # Errors
    /// [`GraphError::Refused`] with status 409 if this application already has a subscription to the same resource.
    pub async fn subscribe(&self, new: &NewSubscription<'_>) -> Result<Subscription, GraphError> {
        let NewSubscription { watched, notification_url, lifecycle_url, client_state, expires } = new;
        let body = json!({
            "changeType": "updated",
            "resource": watched.resource(),
            "notificationUrl": notification_url,
            "lifecycleNotificationUrl": lifecycle_url,
            "expirationDateTime": stamp(*expires)?,
            "clientState": client_state.expose_secret(),
        });
        let call = Call::post(&["subscriptions"], body, format!("subscribing to {watched}")).needs(READ_GROUPS);
        self.send(&call).await
    }

    /// Extends the lifetime of a subscription, which also reauthorizes the subscription. Returns `None` if the
    /// subscription no longer exists.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn renew_subscription(
        &self,
        id: &str,
        expires: OffsetDateTime,
    ) -> Result<Option<Subscription>, StepError> {
        let body = json!({ "expirationDateTime": stamp(expires)? });
        let call = Call::patch(&["subscriptions", id], body, format!("renewing the subscription {id}"));
        self.find(&call.needs(READ_GROUPS)).await
    }
}

fn stamp(time: OffsetDateTime) -> Result<String, StepError> {
    time.format(&Rfc3339).map_err(|error| StepError::internal(format!("a time could not be formatted: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(resource: &str) -> Subscription {
        Subscription {
            id: "s".into(),
            resource: Some(resource.into()),
            notification_url: None,
            expiration_date_time: "2026-12-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_resource_is_recognized_with_and_without_slashes_and_in_any_case() {
        for resource in ["/groups/abc/members", "groups/ABC/members", "Groups/abc/members/"] {
            assert!(subscription(resource).watches("abc"), "{resource}");
        }
        for resource in ["groups/abc", "groups/abc/owners", "users", "users/abc/members"] {
            assert!(!subscription(resource).watches("abc"), "{resource}");
        }
    }

    #[test]
    fn a_subscription_to_all_groups_covers_every_group_and_is_needed_while_there_is_one() {
        let (all, one) = (subscription("/Groups"), subscription("groups/abc/members"));
        assert!(all.watches("abc") && all.is_to(Watched::AllGroups) && !all.is_to(Watched::Group("abc")));
        assert!(!one.is_to(Watched::AllGroups));
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert!(all.serves(&groups(&["other"])) && !all.serves(&groups(&[])));
        assert!(one.serves(&groups(&["abc", "other"])) && !one.serves(&groups(&["other"])));
    }

    #[test]
    fn an_invalid_expiry_is_unknown() {
        assert!(subscription("groups").expires().is_some());
        let odd = Subscription { expiration_date_time: "soon".into(), ..subscription("groups") };
        assert_eq!(odd.expires(), None);
    }
}
