//! The quotas that an instance requires: the quotas in the input, and the quota for users, which must cover all members
//! of the groups.

use aws_sdk_connect::{
    Client,
    types::{ControlPlaneTagFilter, TagCondition, UserSearchFilter},
};
use onboarding_core::{
    StepError, names,
    onboarding::{Quota, USERS_QUOTA},
};

use crate::aws::error::CallResult as _;

/// A required quota, with the value to request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) code: String,
    pub(crate) at_least: f64,
    pub(crate) ask_for: f64,
    pub(crate) required: bool,
}

impl From<&Quota> for Target {
    fn from(quota: &Quota) -> Self {
        Self { code: quota.code.clone(), at_least: quota.value, ask_for: quota.value, required: quota.required }
    }
}

/// Returns the quotas in the input, and raises the required value of the quota for users to at least `users`.
pub(crate) fn of(quotas: &[Quota], users: Option<f64>) -> Vec<Target> {
    let mut targets: Vec<Target> = quotas.iter().map(Target::from).collect();
    let Some(at_least) = users else { return targets };
    match targets.iter_mut().find(|target| target.code == USERS_QUOTA) {
        Some(target) if target.at_least >= at_least => {}
        Some(target) => (target.at_least, target.ask_for) = (at_least, with_headroom(at_least)),
        None => targets.push(Target {
            code: USERS_QUOTA.into(),
            at_least,
            ask_for: with_headroom(at_least),
            required: false,
        }),
    }
    targets
}

/// Works as [`of`], for an existing instance. The required number of users also includes the users of the instance that
/// do not belong to the onboarding.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn on_instance(
    client: &Client,
    quotas: &[Quota],
    people: u64,
    instance_arn: &str,
) -> Result<Vec<Target>, StepError> {
    let users = if people > 0 { Some(whole(people + unmanaged_users(client, instance_arn).await?)) } else { None };
    Ok(of(quotas, users))
}

/// Adds ten percent to the required value, and rounds the result up to the next multiple of ten.
fn with_headroom(at_least: f64) -> f64 {
    (at_least * 11.0 / 100.0).ceil() * 10.0
}

/// Returns the number of users of the instance that do not belong to the onboarding. Such users also count against the
/// quota for users.
async fn unmanaged_users(client: &Client, instance_arn: &str) -> Result<u64, StepError> {
    let ours = UserSearchFilter::builder()
        .tag_filter(
            ControlPlaneTagFilter::builder()
                .tag_condition(
                    TagCondition::builder().tag_key(names::MANAGED_BY_KEY).tag_value(names::MANAGED_BY).build(),
                )
                .build(),
        )
        .build();
    let all = count_users(client, instance_arn, None).await?;
    Ok(all.saturating_sub(count_users(client, instance_arn, Some(ours)).await?))
}

async fn count_users(client: &Client, instance_arn: &str, filter: Option<UserSearchFilter>) -> Result<u64, StepError> {
    let instance_id = instance_arn.rsplit('/').next().unwrap_or(instance_arn);
    let sent = client.search_users().instance_id(instance_id).set_search_filter(filter).max_results(1).send().await;
    // If Connect does not find the instance, the instance is new and not visible in all parts of Connect yet. A new
    // instance has no users.
    let found = sent.if_found().doing(format_args!("counting the users of {instance_arn}"))?;
    let count = found.and_then(|output| output.approximate_total_count);
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "a number of users is far below 2^52")]
pub(crate) const fn whole(count: u64) -> f64 {
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
