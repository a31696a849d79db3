//! `request-quotas`: the quotas that belong to the instance (the how-to's 同時通話数・電話番号の申請): concurrent calls, phone
//! numbers, users, and any other that the input names. All of them are looked at in one loop of the state machine.
//!
//! The users quota is raised by itself when the groups hold more people than the instance takes: enough is everybody in
//! the groups plus the instance's users that are not ours; asked for is ten percent more, rounded up to the next ten, so
//! that people who join, and people who left and wait out their grace period, do not fill it on the first day.
//!
//! * Reads: `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `servicequotas:ListServiceQuotas`, `servicequotas:GetRequestedServiceQuotaChange`,
//!   `servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota`,
//!   `connect:SearchUsers` (two counts, at the first look only).
//! * Writes: `servicequotas:RequestServiceQuotaIncrease`, which also needs `iam:CreateServiceLinkedRole` for
//!   `servicequotas.amazonaws.com` the first time in an account.
//! * Safe to repeat: see [`crate::quota`]. What is decided stays decided within an execution; a new execution looks again
//!   and asks again for what was refused.

use onboarding_core::{
    StepError,
    contract::{QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    onboarding::USERS_QUOTA,
};

use crate::{
    clients::Clients,
    quota::{
        self, Wanted,
        targets::{self, Target},
    },
};

/// One look at every quota that is not decided yet.
///
/// # Errors
/// `QuotaDenied` where AWS refused one that the input calls required. Any other refusal is a result with a message.
pub async fn run(cx: &Clients, input: RequestQuotasInput) -> Result<RequestQuotasOutput, StepError> {
    let previous = input.previous.unwrap_or_default();
    let known = |code: &str| previous.quotas.iter().find(|result| result.code == code);
    let targets = match known(USERS_QUOTA) {
        // What was found at the first look stays.
        Some(result) if input.users > 0 => targets::of(&input.quotas, Some(result.desired)),
        _ => targets::on_instance(cx, &input.quotas, input.users, &input.instance_arn).await?,
    };
    let mut quotas = Vec::with_capacity(targets.len());
    for target in &targets {
        let result = match known(&target.code) {
            Some(decided) if decided.status != QuotaStatus::Pending => decided.clone(),
            open => look(cx, &input.instance_arn, target, open).await?,
        };
        quotas.push(result);
    }
    // Only now, so that the others are asked for all the same.
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

async fn look(
    cx: &Clients,
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
    let mut result = quota::look(cx, wanted, previous).await?;
    if target.code == USERS_QUOTA && result.status != QuotaStatus::Sufficient {
        let message = result.message.take().unwrap_or_default();
        result.message = Some(format!(
            "{message}. Until there is room the instance takes {} users in all; the others are created by a later sync",
            result.value
        ));
    }
    Ok(result)
}
