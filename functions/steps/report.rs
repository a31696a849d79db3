//! `report`: composes what every branch left into one document, the output of the onboarding (the how-to's
//! ユーザーのアクセス URL, and everything else that a person needs): ids, ARNs, the SSO URL, users, quotas and numbers,
//! and what still waits for a person.
//!
//! * Reads and writes: nothing.
//! * Safe to repeat: a pure function of its input.

use onboarding_core::{
    StepError,
    contract::{Report, ReportInput},
    report,
};

/// Runs the step.
///
/// # Errors
/// None; the signature is that of every step.
pub async fn run(input: ReportInput) -> Result<Report, StepError> {
    Ok(report::compose(input))
}
