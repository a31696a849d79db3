//! The actions of a plan that wait for an operator's approval (docs/theory.md, "Approval").

use onboarding_core::{
    StepError, log_messages,
    sync::{ActionSet, AppliedApproval, GuardedPlan, Plan, SyncUsersOutput, WaitingPart},
};
use tracing::{info, warn};

use super::sync_users::Round;
use crate::registry::{Approvals, Registry, rfc3339};

/// A plan that is divided into two parts: the actions to apply now, and the actions that wait for approval. Also
/// contains the request for approval and the approval of the instance.
pub(super) struct Guarded {
    pub(super) plan: GuardedPlan,
    approvals: Approvals,
    requested: ActionSet,
    approved: ActionSet,
}

impl Guarded {
    /// Adds the actions that wait for approval, and the approval, to the output of the round. `earlier` is the approval
    /// that an earlier round has applied.
    pub(super) fn report(&self, earlier: Option<&AppliedApproval>, output: &mut SyncUsersOutput) {
        output.reasons.clone_from(&self.plan.reasons);
        let waiting = self.plan.waiting.counts();
        output.counts.planned.waiting = waiting.actions() + waiting.end_sessions;
        if !self.plan.waiting.is_empty() {
            output.waiting = Some(WaitingPart::of(&self.plan, &self.requested.union(&self.approved)));
        }
        output.approved = earlier.cloned();
        let Some(approval) = self.approvals.approval.as_ref().filter(|_| !self.plan.approved_actions.is_empty()) else {
            return;
        };
        let (digest, actions) = (approval.digest(), self.plan.approved_actions.len());
        let (approved_by, approved_at) = (approval.by.clone(), rfc3339(approval.at));
        info!(digest, actions, approved_by, approved_at, "{}", log_messages::PART_APPROVED);
        if earlier.is_none_or(|earlier| earlier.digest != digest) {
            output.approved = Some(AppliedApproval { digest: digest.to_owned(), approved_by, approved_at, actions });
        }
    }
}

impl Round<'_> {
    /// Divides the plan into two parts: the actions that wait for approval, and all other actions.
    pub(super) async fn guard(&self, plan: Plan) -> Result<Guarded, StepError> {
        let (registry, id) = (Registry::new(self.ctx)?, self.entry.instance_id.as_str());
        let approvals = registry.approvals(id).await?;
        let (mut requested, mut approved) = (ActionSet::EMPTY, ActionSet::EMPTY);
        if !plan.approval_reasons().is_empty() {
            (requested, approved) = tokio::try_join!(
                registry.requested_actions(id, &approvals),
                registry.approved_actions(id, &approvals),
            )?;
        }
        Ok(Guarded { plan: plan.guard(&approved), approvals, requested, approved })
    }

    /// Requests approval for the actions that wait for it, unless an earlier request already contains all of them. If
    /// no action waits for approval, withdraws the request.
    pub(super) async fn request_approval(
        &self,
        guarded: &Guarded,
        output: &mut SyncUsersOutput,
    ) -> Result<(), StepError> {
        let (registry, id) = (Registry::new(self.ctx)?, self.entry.instance_id.as_str());
        let Guarded { plan, approvals, requested, .. } = guarded;
        let Some(waiting) = &mut output.waiting else {
            // Some removals may only be postponed because a group is empty. Such removals will need approval later, so
            // the request for them is kept.
            let request = approvals.request.as_ref().filter(|request| request.rejected_by.is_none());
            return match request {
                Some(request) if plan.apply.postponed == 0 => registry.withdraw_request(id, request).await,
                _ => Ok(()),
            };
        };
        match &approvals.request {
            Some(request) if plan.waiting_actions.is_subset(requested) => {
                request.digest().clone_into(&mut waiting.digest);
                waiting.until = rfc3339(request.until);
                waiting.rejected_by.clone_from(&request.rejected_by);
                waiting.notify = !request.notified && request.rejected_by.is_none();
                if let Some(rejected_by) = &request.rejected_by {
                    // A later request replaces the rejection in the registry. So the rejection is also written to the
                    // log, where it is kept permanently.
                    let (digest, rejected_at) = (request.digest(), request.rejected_at.map(rfc3339));
                    info!(digest, rejected_by, rejected_at, "{}", log_messages::PART_REJECTED);
                }
            }
            _ => {
                // The approval of the new request will replace the earlier approval. So the new request also contains
                // the approved actions that are not applied yet.
                let actions = plan.waiting_actions.union(&plan.approved_actions);
                waiting.digest = actions.digest();
                match registry.request_approval(id, approvals, (&actions, waiting)).await? {
                    Some(until) => (waiting.until, waiting.notify) = (rfc3339(until), true),
                    None => warn!("the request for approval has changed meanwhile; the next sync reads it again"),
                }
            }
        }
        Ok(())
    }
}
