//! `instance-quota`: ensures that the account's quota allows one more instance (manual procedure: the quota request
//! that is sent before the instance is created). All other quotas belong to an instance, so their increases are
//! requested after the creation of the instance.
//!
//! * Reads: `connect:ListInstances`, `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `servicequotas:ListServiceQuotas`, `servicequotas:GetRequestedServiceQuotaChange`,
//!   `servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota`.
//! * Writes: `servicequotas:RequestServiceQuotaIncrease`, which also requires `iam:CreateServiceLinkedRole` for
//!   `servicequotas.amazonaws.com` for the first request in an account.
//! * Safe to repeat: the step requests no increase if the instance already exists or the quota is sufficient. If an
//!   increase request is already open, the step uses this request. Each invocation polls once. The state machine waits
//!   between polls.

use onboarding_core::{
    StepError, StepErrorKind, backoff,
    contract::{InstanceQuotaInput, QuotaResult, QuotaStatus},
    onboarding::{INSTANCES_QUOTA, quota_name},
};

use crate::{
    aws::{
        instances,
        quotas::{self, Wanted},
    },
    context::Context,
};

/// Checks once whether the quota is sufficient. If the quota is not sufficient, the step polls the open increase
/// request, or sends an increase request.
///
/// # Errors
/// `QuotaDenied` if AWS denied the increase, because the instance can't be created without the increase.
/// `LimitExceeded` if AWS has not decided within two months, the maximum duration of the loop in the state machine.
pub async fn run(ctx: &Context, input: InstanceQuotaInput) -> Result<QuotaResult, StepError> {
    let all = instances::list(ctx.connect()).await?;
    let existing = || all.iter().filter(|instance| instances::takes_room(instance));
    let count = f64::from(u32::try_from(existing().count()).unwrap_or(u32::MAX));
    if existing().any(|instance| instances::has_alias(instance, &input.alias)) {
        return Ok(QuotaResult {
            code: INSTANCES_QUOTA.into(),
            name: quota_name(INSTANCES_QUOTA).into(),
            desired: count,
            value: count,
            status: QuotaStatus::Sufficient,
            required: true,
            attempt: input.previous.as_ref().map_or(0, |previous| previous.attempt) + 1,
            message: Some(format!("the instance {} already exists, so the quota is sufficient", input.alias)),
            ..QuotaResult::default()
        });
    }
    let wanted = Wanted {
        code: INSTANCES_QUOTA,
        instance_arn: None,
        at_least: count + 1.0,
        ask_for: count + 1.0,
        required: true,
    };
    let result = quotas::poll(ctx.quotas(), wanted, input.previous.as_ref()).await?;
    if result.status == QuotaStatus::Denied {
        return Err(StepError::quota_denied(format!(
            "the instance quota does not allow the Amazon Connect instance {} in {}: {}; or delete an instance that is \
             not needed",
            input.alias,
            ctx.region(),
            result.message.unwrap_or_default()
        )));
    }
    if result.status == QuotaStatus::Pending && result.attempt >= backoff::LAST_INSTANCE_QUOTA_POLL {
        return Err(StepError::new(
            StepErrorKind::LimitExceeded,
            format!(
                "the instance quota does not allow the Amazon Connect instance {} in {}, and AWS has not increased the \
                 quota within two months: {}; ask AWS Support about the request, then start the same input again, \
                 which continues with the same request",
                input.alias,
                ctx.region(),
                result.message.unwrap_or_default()
            ),
        ));
    }
    Ok(result)
}
