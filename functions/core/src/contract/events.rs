//! The events about group members on the event bus, and the three steps that publish or process these events:
//! `subscribe-groups`, `receive-notification` and `sync-members`.

use serde::{Deserialize, Serialize};

use super::OpenItem;

/// The `source` of the events that Connect Onboarding publishes.
pub const EVENT_SOURCE: &str = "connect-onboarding.entra";
/// The `detail-type` of [`MembershipChange`]. Other tools may also publish events with this type and [`EVENT_SOURCE`].
pub const MEMBERSHIP_CHANGED: &str = "Entra Group Membership Changed";
/// The `detail-type` of [`Reauthorization`].
pub const REAUTHORIZATION_REQUIRED: &str = "Entra Subscription Reauthorization Required";

/// Event: the members of a group changed. The receiver does not rely on the member ids in the event, and reads the
/// members of the group from Entra again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipChange {
    /// The group's object id.
    pub group_id: String,
    /// Object ids of the new members; empty if they are unknown.
    #[serde(default)]
    pub added: Vec<String>,
    /// Object ids of the former members; empty if they are unknown.
    #[serde(default)]
    pub removed: Vec<String>,
    /// The id of the Entra tenant.
    #[serde(default)]
    pub tenant_id: String,
}

/// Event: Entra pauses the notifications about a group until the subscription to the group is renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reauthorization {
    /// The group's object id.
    pub group_id: String,
    /// Always true, so that `subscribe-groups` renews the subscription even if it expires much later.
    pub reauthorize: bool,
}

/// Input of `subscribe-groups`. If all fields are absent, the step handles every group of every registered instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribeGroupsInput {
    /// The id of the instance whose groups the step handles; if absent, the step handles every registered instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The object id of the group to handle; if absent, the step handles every group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Whether to renew a subscription regardless of the time until it expires.
    #[serde(default)]
    pub reauthorize: bool,
}

/// Output of `subscribe-groups`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscribeGroupsOutput {
    /// The subscriptions, one per subscribed group.
    #[serde(default)]
    pub subscriptions: Vec<GroupSubscription>,
    /// Groups without a subscription, each with the reason. Only the scheduled sync finds changes of these groups.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// A group's subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupSubscription {
    /// The group's object id.
    pub group_id: String,
    /// The subscription's id.
    pub subscription_id: String,
    /// Expiry time of the subscription, in the format that Graph returns.
    pub expires_at: String,
    /// What the step did.
    pub action: SubscriptionAction,
}

/// What the step did with a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionAction {
    /// Created the subscription.
    Created,
    /// Extended the existing subscription.
    Renewed,
    /// Kept the existing subscription, because it does not expire soon.
    Kept,
}

/// Input of `sync-members`: a batch of messages from the queue of membership events. If `records` is empty, the step
/// starts a user sync for every registered instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncMembersInput {
    /// The messages, in the format of a Lambda event source mapping for Amazon SQS.
    #[serde(default, rename = "Records")]
    pub records: Vec<QueuedEvent>,
}

/// One message of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedEvent {
    /// The id of the message in the queue.
    #[serde(default)]
    pub message_id: String,
    /// The whole EventBridge event as JSON. The field `detail` of the event is a [`MembershipChange`].
    pub body: String,
}

/// Output of `sync-members`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMembersOutput {
    /// The ids of the instances whose user sync was started.
    pub started: Vec<String>,
    /// The ids of the instances whose running user sync was requested to compare Entra and Connect once more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<String>,
    /// The number of messages that don't contain a valid event.
    pub unreadable: usize,
    /// The registry entries that can't be parsed, each with the recommended action. The users of these instances are
    /// not synced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_entries: Vec<String>,
}
