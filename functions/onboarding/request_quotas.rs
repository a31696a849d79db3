//! `request-quotas`: requests increases for the quotas of the instance: concurrent calls, phone numbers, users, and any
//! other quota in the input (manual procedure: 同時通話数・電話番号の申請). One loop in the state machine polls all
//! increase requests.
//!
//! If the groups have more members than the quota for users allows, the step automatically requests an increase of this
//! quota. The required value is the number of members plus the number of the instance's users that do not belong to the
//! onboarding. The requested value is ten percent higher, rounded up to the next ten. So the requested value also
//! covers members who join later, and users who left but are kept during their grace period.
//!
//! * Reads: `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `servicequotas:ListServiceQuotas`, `servicequotas:GetRequestedServiceQuotaChange`,
//!   `servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota`, `connect:SearchUsers` (two calls that count users,
//!   only in the first poll).
//! * Writes: `servicequotas:RequestServiceQuotaIncrease`, which also requires `iam:CreateServiceLinkedRole` for
//!   `servicequotas.amazonaws.com` for the first request in an account.
//! * Safe to repeat: see [`crate::aws::quotas`]. In one execution, a quota on which AWS has decided is not polled
//!   again. A new execution polls all quotas, and repeats requests that AWS denied before.

use onboarding_core::{
    StepError,
    contract::{QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    onboarding::USERS_QUOTA,
};

use crate::{
    aws::quotas::{
        self, Wanted,
        targets::{self, Target},
    },
    context::Context,
};

/// Polls each quota on which AWS has not decided yet. Each quota is polled once.
///
/// # Errors
/// `QuotaDenied` if AWS denied the increase of a quota that the input marks as required. Any other denial is part of
/// the output, with a message.
pub async fn run(ctx: &Context, input: RequestQuotasInput) -> Result<RequestQuotasOutput, StepError> {
    let previous = input.previous.unwrap_or_default();
    let known = |code: &str| previous.quotas.iter().find(|result| result.code == code);
    let targets = match known(USERS_QUOTA) {
        // The first poll determines the required value of the quota for users, and later polls keep this value.
        Some(result) if input.users > 0 => targets::of(&input.quotas, Some(result.desired)),
        _ => targets::on_instance(ctx.connect(), &input.quotas, input.users, &input.instance_arn).await?,
    };
    let mut quotas = Vec::with_capacity(targets.len());
    for target in &targets {
        let result = match known(&target.code) {
            Some(decided) if decided.status != QuotaStatus::Pending => decided.clone(),
            open => poll(ctx, &input.instance_arn, target, open).await?,
        };
        quotas.push(result);
    }
    // Denials are evaluated last, so that a denied increase does not prevent the increase requests for other quotas.
    if let Some(denied) = quotas.iter().find(|result| result.required && result.status == QuotaStatus::Denied) {
        return Err(StepError::quota_denied(denied.message.clone().unwrap_or_default()));
    }
    let waiting = || quotas.iter().filter(|result| result.status == QuotaStatus::Pending);
    Ok(RequestQuotasOutput {
        pending: waiting().next().is_some(),
        wait_seconds: waiting().map(|result| result.wait_seconds).min().unwrap_or_default(),
        attempt: previous.attempt + 1,
        quotas,
    })
}

async fn poll(
    ctx: &Context,
    instance_arn: &str,
    target: &Target,
    previous: Option<&QuotaResult>,
) -> Result<QuotaResult, StepError> {
    let wanted = Wanted {
        code: &target.code,
        instance_arn: Some(instance_arn),
        at_least: target.at_least,
        ask_for: target.ask_for,
        required: target.required,
    };
    let mut result = quotas::poll(ctx.quotas(), wanted, previous).await?;
    if target.code == USERS_QUOTA && result.status != QuotaStatus::Sufficient {
        let message = result.message.take().unwrap_or_default();
        result.message = Some(format!(
            "{message}. Until the quota is increased, the instance allows {} users in total; a later sync creates the \
             others",
            result.value
        ));
    }
    Ok(result)
}
