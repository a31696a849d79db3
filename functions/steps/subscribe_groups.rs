//! `subscribe-groups`: has Microsoft Graph call us when the members of a group change, and keeps it so. Started by the
//! onboarding for its groups, once a day for all groups, and when Graph asks for it.
//!
//! * Reads: Graph `GET /subscriptions`; `dynamodb:GetItem` or `dynamodb:Scan` on the registry; the key of the client states.
//! * Writes: Graph `POST /subscriptions`, `PATCH /subscriptions/{id}`; `events:PutEvents` after a creation outside of an
//!   onboarding.
//! * Permissions: `Group.Read.All` in Graph.
//! * Safe to repeat: a subscription of ours that lasts long enough is left alone, so a second run only reads. One that ran
//!   out is made anew, and since nobody knows what was missed meanwhile, its group is read again as if it had changed.
//!
//! The onboarding subscribes before its first sync, so that nothing happens unseen between the two.
//! A group without a subscription is no failure: the schedule keeps it in step, only later.

use std::collections::BTreeMap;

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
    clients::Clients,
    events::{self, Event},
    graph::{GraphError, LIFETIME, NewSubscription, Subscription},
    registry::Registry,
};

/// Runs the step.
///
/// # Errors
/// What is worth another try. In the daily run for all groups also what is not, after every group had its turn, so that it
/// is seen where failed events are.
pub async fn run(cx: &Clients, input: SubscribeGroupsInput) -> Result<SubscribeGroupsOutput, StepError> {
    let groups = groups(cx, &input).await?;
    let mut output = SubscribeGroupsOutput::default();
    if groups.is_empty() {
        return Ok(output);
    }
    let subscriber = Subscriber {
        cx,
        url: cx.settings.notification_url()?,
        tenant: cx.graph().tenant_object_id().await?,
        now: OffsetDateTime::now_utc(),
    };
    let known = cx.graph().subscriptions().await?;
    let (mut missed, mut failure) = (Vec::new(), None);
    for (id, name) in &groups {
        match subscriber.ensure(id, &known, input.reauthorize).await {
            Ok((subscription, action)) => {
                info!(group = id, subscription = subscription.id, ?action, "group subscribed");
                // An onboarding reads everything right after this.
                if action == SubscriptionAction::Created && input.instance_id.is_none() {
                    missed.push(Event::MembershipChanged(MembershipChange {
                        group_id: id.clone(),
                        tenant_id: subscriber.tenant.to_string(),
                        ..MembershipChange::default()
                    }));
                }
                output.subscriptions.push(GroupSubscription {
                    group_id: id.clone(),
                    subscription_id: subscription.id,
                    expires_at: subscription.expiration_date_time,
                    action,
                });
            }
            Err(error) => {
                warn!(group = id, error = error.name(), message = error.message, "group not subscribed");
                output.open_items.push(OpenItem::new(
                    format!("notifications of the group {name}"),
                    error.message.clone(),
                    "Nothing is lost: the schedule keeps the group in step. Changes arrive later until this is mended.",
                ));
                if input.instance_id.is_none() || StepErrorKind::RETRIED.contains(&error.kind) {
                    failure = Some(error);
                }
            }
        }
    }
    events::put(cx, &missed).await?;
    failure.map_or(Ok(output), Err)
}

/// The groups that are to have a subscription, by id, with their names.
async fn groups(cx: &Clients, input: &SubscribeGroupsInput) -> Result<BTreeMap<String, String>, StepError> {
    let registry = Registry::new(cx)?;
    let entries = match &input.instance_id {
        Some(instance_id) => vec![registry.entry(instance_id).await?],
        None => registry.entries().await?,
    };
    let groups = entries.into_iter().flat_map(|entry| entry.groups);
    let wanted = |id: &str| input.group_id.as_deref().is_none_or(|group_id| group_id.eq_ignore_ascii_case(id));
    Ok(groups.filter(|group| wanted(&group.id)).map(|group| (group.id, group.display_name)).collect())
}

struct Subscriber<'a> {
    cx: &'a Clients,
    url: &'a str,
    tenant: Uuid,
    now: OffsetDateTime,
}

impl Subscriber<'_> {
    /// Finds, renews or makes the subscription to a group.
    async fn ensure(
        &self,
        group_id: &str,
        known: &[Subscription],
        reauthorize: bool,
    ) -> Result<(Subscription, SubscriptionAction), StepError> {
        if let Some(found) = self.ours(group_id, known) {
            if found.lasts(self.now) && !reauthorize {
                return Ok((found.clone(), SubscriptionAction::Kept));
            }
            if let Some(renewed) = self.cx.graph().renew_subscription(&found.id, self.now + LIFETIME).await? {
                return Ok((renewed, SubscriptionAction::Renewed));
            }
        }
        self.create(group_id).await
    }

    /// A subscription to the group that calls this stack.
    fn ours<'s>(&self, group_id: &str, known: &'s [Subscription]) -> Option<&'s Subscription> {
        known.iter().find(|subscription| subscription.watches(group_id) && subscription.calls(self.url))
    }

    async fn create(&self, group_id: &str) -> Result<(Subscription, SubscriptionAction), StepError> {
        let group = Uuid::try_parse(group_id).map_err(|_| {
            StepError::internal(format!("{group_id} is no object id of a group; run the onboarding again"))
        })?;
        let lifecycle_url = format!("{}?{GROUP_PARAMETER}={group}", self.url);
        let client_state = self.cx.client_states().await?.of(self.tenant, group);
        let new = NewSubscription {
            group_id,
            notification_url: self.url,
            lifecycle_url: &lifecycle_url,
            client_state: &client_state,
            expires: self.now + LIFETIME,
        };
        let refusal = match self.cx.graph().subscribe(&new).await {
            Ok(made) => return Ok((made, SubscriptionAction::Created)),
            Err(GraphError::Failed(error)) => return Err(error),
            Err(GraphError::Refused(refusal)) => refusal,
        };
        match refusal.status {
            // Somebody was faster: another run of this step, or ourselves in a call whose answer was lost.
            409 => {
                let known = self.cx.graph().subscriptions().await?;
                let adopted = self.ours(group_id, &known).cloned();
                adopted.map(|found| (found, SubscriptionAction::Kept)).ok_or_else(|| self.taken(group_id, &known))
            }
            _ => Err((*refusal).into()),
        }
    }

    fn taken(&self, group_id: &str, known: &[Subscription]) -> StepError {
        let other = known.iter().find(|subscription| subscription.watches(group_id));
        StepError::conflict(format!(
            "the Entra application of the Graph credential has a subscription to the members of the group {group_id} already{}, \
             which calls another address, and Graph allows one; delete that subscription, or give each stack its own \
             Entra application",
            other.map_or_else(String::new, |other| format!(" ({})", other.id))
        ))
    }
}
