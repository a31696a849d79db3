//! `report`: combines the results of all branches into one document, the output of the onboarding: IDs, ARNs, the SSO
//! URL, users, quotas, phone numbers, and the open items that require manual action (manual procedure: ユーザーのアクセス URL).
//!
//! * Reads and writes: nothing.
//! * Safe to repeat: the output depends only on the input.

use onboarding_core::{
    StepError,
    contract::{Report, ReportInput},
    report,
};

use crate::context::Context;

/// Runs the step.
///
/// # Errors
/// Never fails. The result type is the same for all steps.
pub async fn run(_ctx: &Context, input: ReportInput) -> Result<Report, StepError> {
    Ok(report::compose(input))
}
