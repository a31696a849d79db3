//! `report`: combines the results of all branches of the state machine into one document, which is the output of the
//! onboarding (manual procedure: ユーザーのアクセス URL). The document contains IDs, ARNs, the SSO URL, users, quotas,
//! phone numbers, and open items that require a manual action.
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
/// No errors are returned. The return type is the same as that of all other steps.
pub async fn run(_ctx: &Context, input: ReportInput) -> Result<Report, StepError> {
    Ok(report::compose(input))
}
