//! `subscribe-groups`: creates and renews Graph subscriptions, so that Microsoft Graph notifies this stack when the
//! members of a group change. Each onboarding runs this step for its own groups, and a schedule runs it daily for all
//! groups. A renewal request from Graph also runs the step.
//!
//! * Reads: Graph `GET /subscriptions`; `dynamodb:GetItem` and `dynamodb:Scan` on the registry; the key from which the
//!   `clientState` values are derived.
//! * Writes: Graph `POST /subscriptions`, `PATCH` and `DELETE /subscriptions/{id}`; `events:PutEvents` after a
//!   subscription was created outside an onboarding.
//! * Permissions: `Group.Read.All` in Graph.
//! * Safe to repeat: if this stack already has a subscription with enough remaining lifetime, the subscription is kept,
//!   so a second run only reads. An expired subscription is created again. The step then sends an event for the group
//!   of this subscription, because Graph may have sent no notifications about some changes.
//!
//! The onboarding subscribes before its first sync, so that either the subscription or the sync covers every change. If
//! a subscription can't be created, the onboarding does not fail, because a scheduled sync detects the changes later.
//!
//! Graph allows an application [`MOST_SUBSCRIPTIONS`] subscriptions in a tenant. If other stacks use the same
//! application, their subscriptions also count. If one subscription per group would exceed this limit, one subscription
//! to all groups of the tenant replaces the subscriptions to single groups.
//! When the limit allows one subscription per group again, the daily run creates these subscriptions. The new
//! subscriptions are created before the old subscriptions are deleted, so that no change is missed. For this purpose,
//! the check of the limit reserves one subscription.

use std::collections::{BTreeMap, BTreeSet};

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{
        GroupSubscription, MembershipChange, OpenItem, SubscribeGroupsInput, SubscribeGroupsOutput, SubscriptionAction,
    },
};
use time::OffsetDateTime;
use tracing::{info, warn};
use uuid::Uuid;

use super::receive_notification::GROUP_PARAMETER;
use crate::{
    aws::event_bus::{self, Event},
    context::Context,
    entra::{
        GraphError, LIFETIME, MOST_SUBSCRIPTIONS, NewSubscription, Refusal, Subscription, Watched,
        client_state::ALL_GROUPS,
    },
    registry::Registry,
};

/// Runs the step.
///
/// # Errors
/// Errors after which a retry can succeed. The daily run also returns permanent errors, so that its event is stored as
/// a failed event. The daily run returns an error only after it has processed all groups.
pub async fn run(ctx: &Context, input: SubscribeGroupsInput) -> Result<SubscribeGroupsOutput, StepError> {
    let groups = Groups::read(ctx, &input).await?;
    let mut output = SubscribeGroupsOutput::default();
    if groups.selected.is_empty() {
        return Ok(output);
    }
    let subscriber = Subscriber {
        ctx,
        url: ctx.settings.notification_url()?,
        tenant: ctx.graph().tenant_object_id().await?,
        existing: ctx.graph().subscriptions().await?,
        reauthorize: input.reauthorize,
        now: OffsetDateTime::now_utc(),
    };
    let per_group = subscriber.fits_limit(&groups.all);
    let failure = if per_group {
        let failure = subscribe_each_group(&subscriber, &groups.selected, &mut output).await;
        let for_all = input.instance_id.is_none() && input.group_id.is_none();
        if failure.is_none() && for_all {
            subscriber.delete_replaced(|subscription| subscription.is_to(Watched::AllGroups)).await;
        }
        failure
    } else {
        let failure = subscribe_all_groups(&subscriber, &groups.selected, &mut output).await;
        if failure.is_none() {
            subscriber
                .delete_replaced(|subscription| {
                    !subscription.is_to(Watched::AllGroups) && subscription.serves(&groups.all)
                })
                .await;
        }
        failure
    };
    // An onboarding needs no events, because its first sync reads all members immediately after this step.
    if input.instance_id.is_none() {
        event_bus::put(ctx.events(), ctx.settings.event_bus()?, &missed(&subscriber, &output, per_group)).await?;
    }
    match failure {
        Some(error) if input.instance_id.is_none() || StepErrorKind::RETRIED.contains(&error.kind) => Err(error),
        _ => Ok(output),
    }
}

/// Ensures that there is a subscription to each group. Returns the last failure.
async fn subscribe_each_group(
    subscriber: &Subscriber<'_>,
    groups: &BTreeMap<String, String>,
    output: &mut SubscribeGroupsOutput,
) -> Option<StepError> {
    let mut failure: Option<StepError> = None;
    for (id, name) in groups {
        match subscriber.ensure(Watched::Group(id)).await {
            Ok((subscription, action)) => output.subscriptions.push(group_subscription(id, &subscription, action)),
            Err(error) => {
                warn!(group = id, error = error.name(), message = error.message, "subscribing to the group failed");
                output.open_items.push(open_item(format!("notifications of the group {name}"), &error));
                // A failure that can be retried takes precedence over a permanent failure.
                if failure.as_ref().is_none_or(|earlier| !StepErrorKind::RETRIED.contains(&earlier.kind)) {
                    failure = Some(error);
                }
            }
        }
    }
    failure
}

/// Ensures that there is a subscription to all groups. Returns the failure, if there is one.
async fn subscribe_all_groups(
    subscriber: &Subscriber<'_>,
    groups: &BTreeMap<String, String>,
    output: &mut SubscribeGroupsOutput,
) -> Option<StepError> {
    match subscriber.ensure(Watched::AllGroups).await {
        Ok((subscription, action)) => {
            output.subscriptions = groups.keys().map(|id| group_subscription(id, &subscription, action)).collect();
            None
        }
        Err(error) => {
            warn!(error = error.name(), message = error.message, "subscribing to all groups failed");
            output.open_items.push(open_item("notifications of the groups".into(), &error));
            Some(error)
        }
    }
}

fn group_subscription(id: &str, subscription: &Subscription, action: SubscriptionAction) -> GroupSubscription {
    info!(group = id, subscription = subscription.id, ?action, "group subscribed");
    GroupSubscription {
        group_id: id.to_owned(),
        subscription_id: subscription.id.clone(),
        expires_at: subscription.expiration_date_time.clone(),
        action,
    }
}

fn open_item(subject: String, error: &StepError) -> OpenItem {
    let action =
        "No change is lost: the scheduled syncs include these groups. Changes arrive later until this is corrected.";
    OpenItem::new(subject, error.message.clone(), action)
}

/// Returns an event for each group to which there was no subscription before, because changes to this group may have
/// been missed.
fn missed(subscriber: &Subscriber<'_>, output: &SubscribeGroupsOutput, per_group: bool) -> Vec<Event> {
    let created = output.subscriptions.iter().filter(|subscription| subscription.action == SubscriptionAction::Created);
    created
        .filter(|subscription| !subscriber.replaces(subscription, per_group))
        .map(|subscription| {
            Event::MembershipChanged(MembershipChange {
                group_id: subscription.group_id.clone(),
                tenant_id: subscriber.tenant.to_string(),
                ..MembershipChange::default()
            })
        })
        .collect()
}

/// The groups that the registered instances use.
struct Groups {
    /// The IDs of all groups.
    all: BTreeSet<String>,
    /// The IDs and names of the groups to process in this run.
    selected: BTreeMap<String, String>,
}

impl Groups {
    async fn read(ctx: &Context, input: &SubscribeGroupsInput) -> Result<Self, StepError> {
        let registry = Registry::new(ctx)?;
        let mut entries = registry.entries().await?;
        let all = entries.iter().flat_map(|entry| &entry.groups).map(|group| group.id.clone()).collect();
        if let Some(instance_id) = &input.instance_id {
            entries = vec![registry.entry(instance_id).await?];
        }
        // A renewal request from Graph for the subscription to all groups contains [`ALL_GROUPS`], an ID that no group
        // has.
        let all_groups = input.group_id.as_deref().is_none_or(|id| Uuid::try_parse(id) == Ok(ALL_GROUPS));
        let is_selected = |id: &str| {
            all_groups || input.group_id.as_deref().is_some_and(|group_id| group_id.eq_ignore_ascii_case(id))
        };
        let groups = entries.into_iter().flat_map(|entry| entry.groups);
        let selected =
            groups.filter(|group| is_selected(&group.id)).map(|group| (group.id, group.display_name)).collect();
        Ok(Self { all, selected })
    }
}

struct Subscriber<'a> {
    ctx: &'a Context,
    url: &'a str,
    tenant: Uuid,
    /// All subscriptions of the application at the start of the run.
    existing: Vec<Subscription>,
    reauthorize: bool,
    now: OffsetDateTime,
}

impl Subscriber<'_> {
    /// Returns whether the limit allows one subscription per group. The subscriptions of other stacks count against the
    /// limit, and one subscription is reserved.
    fn fits_limit(&self, groups: &BTreeSet<String>) -> bool {
        let others = self.existing.iter().filter(|subscription| !subscription.calls(self.url)).count();
        groups.len() + others < MOST_SUBSCRIPTIONS
    }

    /// Returns whether a new subscription replaces a subscription of the other kind that this stack already had. The
    /// two kinds are subscriptions to one group and subscriptions to all groups. If a subscription is replaced, no
    /// change was missed.
    fn replaces(&self, new: &GroupSubscription, per_group: bool) -> bool {
        let before = if per_group { Watched::AllGroups } else { Watched::Group(&new.group_id) };
        self.own(before, &self.existing).is_some()
    }

    /// Finds, renews or creates the subscription to a resource.
    async fn ensure(&self, watched: Watched<'_>) -> Result<(Subscription, SubscriptionAction), StepError> {
        if let Some(found) = self.own(watched, &self.existing) {
            if found.lasts(self.now) && !self.reauthorize {
                return Ok((found.clone(), SubscriptionAction::Kept));
            }
            if let Some(renewed) = self.ctx.graph().renew_subscription(&found.id, self.now + LIFETIME).await? {
                return Ok((renewed, SubscriptionAction::Renewed));
            }
        }
        self.create(watched).await
    }

    /// Returns this stack's subscription to exactly this resource.
    fn own<'s>(&self, watched: Watched<'_>, existing: &'s [Subscription]) -> Option<&'s Subscription> {
        existing.iter().find(|subscription| subscription.is_to(watched) && subscription.calls(self.url))
    }

    async fn create(&self, watched: Watched<'_>) -> Result<(Subscription, SubscriptionAction), StepError> {
        let group = match watched {
            Watched::AllGroups => ALL_GROUPS,
            Watched::Group(id) => Uuid::try_parse(id).map_err(|_| {
                StepError::internal(format!("{id} is not the object ID of a group; run the onboarding again"))
            })?,
        };
        let lifecycle_url = format!("{}?{GROUP_PARAMETER}={group}", self.url);
        let client_state = self.ctx.client_states().await?.of(self.tenant, group);
        let new = NewSubscription {
            watched,
            notification_url: self.url,
            lifecycle_url: &lifecycle_url,
            client_state: &client_state,
            expires: self.now + LIFETIME,
        };
        match self.ctx.graph().subscribe(&new).await {
            Ok(created) => Ok((created, SubscriptionAction::Created)),
            Err(GraphError::Failed(error)) => Err(error),
            // The subscription already exists. Either another run of this step has created it since the list was read,
            // or an earlier call of this run created it and the response was lost.
            Err(GraphError::Refused(refusal)) if refusal.status == 409 => {
                let existing = self.ctx.graph().subscriptions().await?;
                let adopted = self.own(watched, &existing).cloned();
                adopted.map(|found| (found, SubscriptionAction::Kept)).ok_or_else(|| conflict(watched, &existing))
            }
            Err(GraphError::Refused(refusal)) => Err(self.refused(*refusal)),
        }
    }

    fn refused(&self, refusal: Refusal) -> StepError {
        let full = refusal.status == 403 && self.existing.len() >= MOST_SUBSCRIPTIONS;
        if !full && !refusal.is_subscription_limit() {
            return refusal.into();
        }
        let used = self.existing.len();
        StepError::limit_exceeded(format!(
            "{}; Graph allows {MOST_SUBSCRIPTIONS} subscriptions for each Entra application in a tenant and 1,000 for all of \
             its applications, and the application of the Graph credential has {used}; give each stack its own Entra \
             application, or delete unused subscriptions",
            StepError::from(refusal).message
        ))
    }

    /// Deletes the subscriptions of this stack that new subscriptions have replaced. If a deletion fails, the old
    /// subscription only causes duplicate events until it expires.
    async fn delete_replaced(&self, replaced: impl Fn(&Subscription) -> bool) {
        for subscription in
            self.existing.iter().filter(|subscription| subscription.calls(self.url) && replaced(subscription))
        {
            match self.ctx.graph().unsubscribe(&subscription.id).await {
                Ok(()) => info!(subscription = subscription.id, "replaced subscription deleted"),
                Err(error) => {
                    warn!(
                        subscription = subscription.id,
                        error = error.name(),
                        message = error.message,
                        "the replaced subscription was not deleted"
                    );
                }
            }
        }
    }
}

fn conflict(watched: Watched<'_>, existing: &[Subscription]) -> StepError {
    let other = existing.iter().find(|subscription| subscription.is_to(watched));
    StepError::conflict(format!(
        "the Entra application of the Graph credential already has a subscription to {watched}{}, which calls another address, \
         and Graph allows only one; delete that subscription, or give each stack its own Entra application",
        other.map_or_else(String::new, |other| format!(" ({})", other.id))
    ))
}
