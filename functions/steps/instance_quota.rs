//! `instance-quota`: room for one more instance in the account. Automates the part of the how-to's quota application that
//! has to come before the instance; all other quotas belong to an instance and come after it.
//!
//! * Reads: `connect:ListInstances`, `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `servicequotas:ListServiceQuotas`, `servicequotas:GetRequestedServiceQuotaChange`,
//!   `servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota`.
//! * Writes: `servicequotas:RequestServiceQuotaIncrease`, which also needs `iam:CreateServiceLinkedRole` for
//!   `servicequotas.amazonaws.com` the first time in an account.
//! * Safe to repeat: an existing instance of the alias needs no room, a sufficient quota no request, and an open request
//!   is adopted. One look per invocation; the state machine waits between looks.

use onboarding_core::{
    StepError, StepErrorKind, backoff,
    contract::{InstanceQuotaInput, QuotaResult, QuotaStatus},
    onboarding::{INSTANCES_QUOTA, quota_name},
};

use crate::{
    clients::Clients,
    instances,
    quota::{self, Wanted},
};

/// One look: is there room, and if not, how does the request for it stand.
///
/// # Errors
/// `QuotaDenied` where AWS refused: without room there is no instance. `LimitExceeded` if AWS has decided nothing within the
/// two months that the loop may take.
pub async fn run(cx: &Clients, input: InstanceQuotaInput) -> Result<QuotaResult, StepError> {
    let all = instances::list(cx).await?;
    let living = || all.iter().filter(|instance| instances::takes_room(instance));
    let count = f64::from(u32::try_from(living().count()).unwrap_or(u32::MAX));
    if living().any(|instance| instances::has_alias(instance, &input.alias)) {
        return Ok(QuotaResult {
            code: INSTANCES_QUOTA.into(),
            name: quota_name(INSTANCES_QUOTA).into(),
            desired: count,
            value: count,
            status: QuotaStatus::Sufficient,
            required: true,
            attempt: input.previous.as_ref().map_or(0, |previous| previous.attempt) + 1,
            message: Some(format!("the instance {} exists already and needs no room", input.alias)),
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
    let result = quota::look(cx, wanted, input.previous.as_ref()).await?;
    if result.status == QuotaStatus::Denied {
        return Err(StepError::quota_denied(format!(
            "there is no room for the Amazon Connect instance {} in {}: {}; or delete an instance that nobody needs",
            input.alias,
            cx.region(),
            result.message.unwrap_or_default()
        )));
    }
    if result.status == QuotaStatus::Pending && result.attempt >= backoff::LAST_INSTANCE_QUOTA_LOOK {
        return Err(StepError::new(
            StepErrorKind::LimitExceeded,
            format!(
                "there is no room for the Amazon Connect instance {} in {}, and AWS has not made any within two months: {}; ask \
                 AWS Support about the request, then start the same input again, which goes on with the same request",
                input.alias,
                cx.region(),
                result.message.unwrap_or_default()
            ),
        ));
    }
    Ok(result)
}
