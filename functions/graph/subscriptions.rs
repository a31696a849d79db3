//! Subscriptions to the members of groups: Graph then calls us if members join or leave.
//!
//! An application may have [`MOST`] subscriptions in a tenant. If the groups are more, one subscription to all groups of the
//! tenant takes the place of those to single groups.

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

/// What it takes to subscribe; the permission to read only members does not do.
const READ_GROUPS: &str = "Group.Read.All";

/// How long a subscription is asked for: Graph allows 41,760 minutes (29 days); an hour less, for clocks that differ.
pub(crate) const LIFETIME: Duration = Duration::minutes(41_700);

/// How many subscriptions to groups and users one application may have in a tenant (Microsoft's documented quota).
pub(crate) const MOST: usize = 100;

/// What a subscription watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched<'a> {
    /// The members of one group.
    Group(&'a str),
    /// All groups of the tenant: also those that no instance follows, and also changes of other properties.
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

/// A subscription, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// What it watches, for example `/groups/{id}/members`.
    pub resource: Option<String>,
    /// Where its notifications go.
    pub notification_url: Option<String>,
    /// When it ends, as Graph writes it.
    pub expiration_date_time: String,
}

impl Subscription {
    /// Whether it is a subscription to exactly this.
    #[must_use]
    pub fn is_to(&self, watched: Watched<'_>) -> bool {
        let plain = |resource: &str| resource.trim_matches('/').to_ascii_lowercase();
        plain(self.resource.as_deref().unwrap_or_default()) == plain(&watched.resource())
    }

    /// Whether changes of this group's members are among what it reports.
    #[must_use]
    pub fn watches(&self, group_id: &str) -> bool {
        self.is_to(Watched::Group(group_id)) || self.is_to(Watched::AllGroups)
    }

    /// Whether it is needed for one of these groups.
    #[must_use]
    pub fn serves(&self, groups: &BTreeSet<String>) -> bool {
        groups.iter().any(|group| self.watches(group))
    }

    /// Whether it calls this URL.
    #[must_use]
    pub fn calls(&self, url: &str) -> bool {
        self.notification_url.as_deref() == Some(url)
    }

    /// Whether it lasts so long that it need not be renewed yet.
    #[must_use]
    pub fn lasts(&self, now: OffsetDateTime) -> bool {
        self.expires().is_some_and(|expires| expires - now > LIFETIME / 2)
    }

    /// When it ends; `None` where Graph's text is no time.
    #[must_use]
    pub fn expires(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.expiration_date_time, &Rfc3339).ok()
    }
}

/// A subscription that is to be made.
#[derive(Debug)]
pub struct NewSubscription<'a> {
    /// What it watches.
    pub watched: Watched<'a>,
    /// Where its notifications go.
    pub notification_url: &'a str,
    /// Where Graph says that the subscription itself needs something. It can't be added later.
    pub lifecycle_url: &'a str,
    /// What each notification has to carry, at most 128 characters.
    pub client_state: &'a SecretString,
    /// When it ends, at most 41,760 minutes from now.
    pub expires: OffsetDateTime,
}

impl Graph {
    /// All subscriptions of this application in the tenant.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StepError> {
        let call = Call::get(&["subscriptions"], "listing the subscriptions").needs(READ_GROUPS);
        Ok(self.list(&call).await?.items)
    }

    /// Subscribes. Graph calls both URLs before it answers. To do it twice does no harm: the second is a 409.
    ///
    /// # Errors
    /// [`GraphError::Refused`] with 409 if this application has one to the same resource already.
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

    /// Lets a subscription end later, which also reauthorizes it; `None` where it does not exist any more.
    ///
    /// # Errors
    /// What Graph refuses.
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
    time.format(&Rfc3339).map_err(|error| StepError::internal(format!("a time could not be written: {error}")))
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
    fn a_resource_is_recognised_with_and_without_slashes_and_in_any_case() {
        for resource in ["/groups/abc/members", "groups/ABC/members", "Groups/abc/members/"] {
            assert!(subscription(resource).watches("abc"), "{resource}");
        }
        for resource in ["groups/abc", "groups/abc/owners", "users", "users/abc/members"] {
            assert!(!subscription(resource).watches("abc"), "{resource}");
        }
    }

    #[test]
    fn a_subscription_to_all_groups_watches_each_and_serves_as_long_as_there_is_one() {
        let (all, one) = (subscription("/Groups"), subscription("groups/abc/members"));
        assert!(all.watches("abc") && all.is_to(Watched::AllGroups) && !all.is_to(Watched::Group("abc")));
        assert!(!one.is_to(Watched::AllGroups));
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert!(all.serves(&groups(&["other"])) && !all.serves(&groups(&[])));
        assert!(one.serves(&groups(&["abc", "other"])) && !one.serves(&groups(&["other"])));
    }

    #[test]
    fn an_end_that_is_no_time_is_unknown() {
        assert!(subscription("groups").expires().is_some());
        let odd = Subscription { expiration_date_time: "soon".into(), ..subscription("groups") };
        assert_eq!(odd.expires(), None);
    }
}
