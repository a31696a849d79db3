//! The predefined attributes that the proficiencies in a plan need.

use std::borrow::Cow;

use onboarding_core::{StepError, StepErrorKind, sync::Plan};

use super::sync_users::Round;
use crate::connect::predefined_attributes;

/// Error kinds with which a round ends, after it has made all other changes. An error of any other kind becomes a
/// finding.
const FAILS_AT_THE_END: [StepErrorKind; 4] = [
    StepErrorKind::AccessDenied,
    StepErrorKind::Throttled,
    StepErrorKind::Unavailable,
    StepErrorKind::NotConsistentYet,
];

/// The result of ensuring that the instance has the predefined attributes that a plan needs.
pub(super) struct Attributes<'p> {
    /// The plan, without the proficiencies of users who need an attribute that can't be used.
    pub(super) plan: Cow<'p, Plan>,
    /// Why an attribute can't be used.
    pub(super) finding: Option<String>,
    /// The error with which the round ends after it has made all other changes: a missing permission, or a temporary
    /// error.
    pub(super) error: Option<StepError>,
}

impl Round<'_> {
    /// Ensures that the instance has the predefined attributes that the plan needs.
    pub(super) async fn ensure_attributes<'p>(&self, plan: &'p Plan) -> Attributes<'p> {
        let wanted = plan.predefined_attributes();
        let errors = predefined_attributes::ensure(self.ctx.connect(), &self.entry.instance_id, &wanted).await;
        if errors.is_empty() {
            return Attributes { plan: Cow::Borrowed(plan), finding: None, error: None };
        }
        let reasons: Vec<String> = errors.values().map(|error| error.message.clone()).collect();
        // A finding would not help here, because the operator can't correct such an error in the input.
        let error = errors.values().find(|error| FAILS_AT_THE_END.contains(&error.kind)).cloned();
        let (plan, users) = plan.clone().without_attributes(&errors.into_keys().collect());
        let finding = format!("the proficiencies of {users} users were not changed: {}", reasons.join("; "));
        Attributes { plan: Cow::Owned(plan), finding: Some(finding), error }
    }
}
