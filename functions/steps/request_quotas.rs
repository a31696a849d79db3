//! `request-quotas`: the quotas that belong to the instance (the how-to's 同時通話数・電話番号の申請): concurrent calls, phone
//! numbers, users, and any other that the input names. All of them are looked at in one loop of the state machine.
//!
//! The users quota is raised by itself when the groups hold more people than the instance takes: enough is everybody in
//! the groups plus the instance's users that are not ours; asked for is ten percent more, rounded up to the next ten, so
//! that people who join, and people who left and wait out their grace period, do not fill it on the first day.
//!
//! * Reads: `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `servicequotas:GetRequestedServiceQuotaChange`, `servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota`,
//!   `connect:SearchUsers` (two counts, at the first look only).
//! * Writes: `servicequotas:RequestServiceQuotaIncrease`, which also needs `iam:CreateServiceLinkedRole` for
//!   `servicequotas.amazonaws.com` the first time in an account.
//! * Safe to repeat: see [`crate::quota`]. What is decided stays decided within an execution; a new execution looks again
//!   and asks again for what was refused.

use aws_sdk_connect::types::{ControlPlaneTagFilter, TagCondition, UserSearchFilter};
use onboarding_core::{
    StepError,
    contract::{QuotaResult, QuotaStatus, RequestQuotasInput, RequestQuotasOutput},
    names,
    onboarding::{Quota, USERS_QUOTA},
};

use crate::{
    aws_error,
    clients::Clients,
    quota::{self, Wanted},
};

/// One look at every quota that is not decided yet.
///
/// # Errors
/// `QuotaDenied` where AWS refused one that the input calls required. Any other refusal is a result with a message.
pub async fn run(cx: &Clients, input: RequestQuotasInput) -> Result<RequestQuotasOutput, StepError> {
    let previous = input.previous.unwrap_or_default();
    let known = |code: &str| previous.quotas.iter().find(|result| result.code == code);
    let mut targets: Vec<Target> = input.quotas.iter().map(Target::from).collect();
    if input.users > 0 {
        let at_least = match known(USERS_QUOTA) {
            Some(result) => result.desired,
            None => whole(input.users + unmanaged_users(cx, &input.instance_arn).await?),
        };
        match targets.iter_mut().find(|target| target.code == USERS_QUOTA) {
            Some(target) if target.at_least >= at_least => {}
            Some(target) => target.raise(at_least),
            None => targets.push(Target {
                code: USERS_QUOTA.into(),
                at_least,
                ask_for: with_headroom(at_least),
                required: false,
            }),
        }
    }
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

/// A quota to hold, and how much to ask for.
#[derive(Clone, Debug, PartialEq)]
struct Target {
    code: String,
    at_least: f64,
    ask_for: f64,
    required: bool,
}

impl From<&Quota> for Target {
    fn from(quota: &Quota) -> Self {
        Self { code: quota.code.clone(), at_least: quota.value, ask_for: quota.value, required: quota.required }
    }
}

impl Target {
    fn raise(&mut self, at_least: f64) {
        self.at_least = at_least;
        self.ask_for = with_headroom(at_least);
    }
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

/// Ten percent more, rounded up to the next ten.
fn with_headroom(at_least: f64) -> f64 {
    (at_least * 11.0 / 100.0).ceil() * 10.0
}

/// Users that somebody else made on the instance: they take room as well.
async fn unmanaged_users(cx: &Clients, instance_arn: &str) -> Result<u64, StepError> {
    let ours = UserSearchFilter::builder()
        .tag_filter(
            ControlPlaneTagFilter::builder()
                .tag_condition(
                    TagCondition::builder().tag_key(names::MANAGED_BY_KEY).tag_value(names::MANAGED_BY).build(),
                )
                .build(),
        )
        .build();
    let all = count_users(cx, instance_arn, None).await?;
    Ok(all.saturating_sub(count_users(cx, instance_arn, Some(ours)).await?))
}

async fn count_users(cx: &Clients, instance_arn: &str, filter: Option<UserSearchFilter>) -> Result<u64, StepError> {
    let instance_id = instance_arn.rsplit('/').next().unwrap_or(instance_arn);
    let sent =
        cx.connect().search_users().instance_id(instance_id).set_search_filter(filter).max_results(1).send().await;
    match sent {
        Ok(output) => {
            Ok(output.approximate_total_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
        }
        // Right after its creation an instance is not visible everywhere; it then has no users either.
        Err(error) if aws_error::is_not_found(&error) => Ok(0),
        Err(error) => Err(aws_error::step_error(&format!("counting the users of {instance_arn}"), &error)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of users is far below 2^52")]
const fn whole(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_ten_percent_rounded_up_to_the_next_ten() {
        for (needed, asked) in [(1.0, 10.0), (500.0, 550.0), (501.0, 560.0), (1000.0, 1100.0)] {
            assert!((with_headroom(needed) - asked).abs() < f64::EPSILON, "{needed}: {}", with_headroom(needed));
        }
    }
}
