//! The predefined attributes that are required for the proficiencies in a plan.

use std::borrow::Cow;

use onboarding_core::{StepError, StepErrorKind, sync::Plan};

use super::sync_users::Round;
use crate::connect::predefined_attributes;

/// Errors of these kinds end a round, but only after the round has made all other changes. An error of any other kind
/// becomes a finding.
const FAILS_AT_THE_END: [StepErrorKind; 4] = [
    StepErrorKind::AccessDenied,
    StepErrorKind::Throttled,
    StepErrorKind::Unavailable,
    StepErrorKind::NotConsistentYet,
];

/// The result of the attempt to ensure that the instance has all predefined attributes that a plan requires.
pub(super) struct Attributes<'p> {
    /// The plan, without the proficiencies of users who need an attribute that can't be used.
    pub(super) plan: Cow<'p, Plan>,
    /// The reason why an attribute can't be used.
    pub(super) finding: Option<String>,
    /// The error that ends the round after it has made all other changes. This is a missing permission or a temporary
    /// error.
    pub(super) error: Option<StepError>,
}

impl Round<'_> {
    /// Ensures that the instance has the predefined attributes that the plan requires.
    pub(super) async fn ensure_attributes<'p>(&self, plan: &'p Plan) -> Attributes<'p> {
        let wanted = plan.predefined_attributes();
        let errors = predefined_attributes::ensure(self.ctx.connect(), &self.entry.instance_id, &wanted).await;
        if errors.is_empty() {
            return Attributes { plan: Cow::Borrowed(plan), finding: None, error: None };
        }
        let reasons: Vec<String> = errors.values().map(|error| error.message.clone()).collect();
        // Such an error ends the round and is not a finding, because the operator can't correct it in the input.
        let error = errors.values().find(|error| FAILS_AT_THE_END.contains(&error.kind)).cloned();
        let (plan, users) = plan.clone().without_attributes(&errors.into_keys().collect());
        let finding = format!("the proficiencies of {users} users were not changed: {}", reasons.join("; "));
        Attributes { plan: Cow::Owned(plan), finding: Some(finding), error }
    }
}
