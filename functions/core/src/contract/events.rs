//! What travels over the event bus, and the three steps around it: `subscribe-groups`, `receive-notification` and
//! `sync-members`.

use serde::{Deserialize, Serialize};

use super::OpenItem;

/// The `source` of our events.
pub const EVENT_SOURCE: &str = "connect-onboarding.entra";
/// The `detail-type` of [`MembershipChange`]. With it and [`EVENT_SOURCE`] anyone may put such an event on the bus.
pub const MEMBERSHIP_CHANGED: &str = "Entra Group Membership Changed";
/// The `detail-type` of [`Reauthorization`].
pub const REAUTHORIZATION_REQUIRED: &str = "Entra Subscription Reauthorization Required";

/// The members of a group changed. A hint, never believed: whoever hears it reads the group again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipChange {
    /// The group's object id.
    pub group_id: String,
    /// Object ids of those who came; empty where nobody knows who.
    #[serde(default)]
    pub added: Vec<String>,
    /// Object ids of those who left.
    #[serde(default)]
    pub removed: Vec<String>,
    /// The Entra tenant.
    #[serde(default)]
    pub tenant_id: String,
}

/// Entra pauses the notifications of a group until its subscription is renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reauthorization {
    /// The group's object id.
    pub group_id: String,
    /// Always true: what tells the renewal not to look at the time that is left.
    pub reauthorize: bool,
}

/// Input of `subscribe-groups`. Without a field: every group of every registered instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribeGroupsInput {
    /// Only the groups of this instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Only this group, by its object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Renew whatever time is left.
    #[serde(default)]
    pub reauthorize: bool,
}

/// Output of `subscribe-groups`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribeGroupsOutput {
    /// The subscriptions, one for each group that has one.
    #[serde(default)]
    pub subscriptions: Vec<GroupSubscription>,
    /// Groups that have none, and why. They are synchronised by the schedule.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// A group's subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSubscription {
    /// The group's object id.
    pub group_id: String,
    /// The subscription's id.
    pub subscription_id: String,
    /// When it ends unless it is renewed, as Graph writes it.
    pub expires_at: String,
    /// What was done about it.
    pub action: SubscriptionAction,
}

/// What was done about a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionAction {
    /// It is new.
    Created,
    /// It was there and lasts longer now.
    Renewed,
    /// It was there and lasts long enough.
    Kept,
}

/// Input of `sync-members`: a batch from the queue of hints. Without records: every registered instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncMembersInput {
    /// The messages, as Lambda hands over those of a queue.
    #[serde(default, rename = "Records")]
    pub records: Vec<QueuedEvent>,
}

/// One message of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedEvent {
    /// The queue's id of the message.
    #[serde(default)]
    pub message_id: String,
    /// The whole event as JSON, whose `detail` is a [`MembershipChange`].
    pub body: String,
}

/// Output of `sync-members`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMembersOutput {
    /// The instances whose user sync was started.
    pub started: Vec<String>,
    /// Messages that are no such event.
    pub unreadable: usize,
    /// The registry entries that can't be understood, each with what to do: their instances are in no sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_entries: Vec<String>,
}
