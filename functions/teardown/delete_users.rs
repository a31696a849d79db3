//! `delete-users`: deletes the Connect users of an onboarding during the teardown, if the input requests the deletion
//! and the instance is kept. The step deletes users within the API rate limit of the account, and stops before the
//! Lambda timeout.
//!
//! * Reads: `connect:SearchUsers`, `connect:DescribeUser` before each deletion; `connect:SearchQuickConnects`,
//!   `connect:DescribeQuickConnect`; `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`.
//!   When all users are deleted: `connect:ListSecurityProfiles` and `connect:DescribeSecurityProfile`.
//! * Writes: `connect:DeleteUser`; `connect:DeleteQuickConnect` for the quick connects that transfer contacts to a
//!   deleted user; `connect:DeleteSecurityProfile` for the security profile without permissions, if this onboarding
//!   created it.
//! * Safe to repeat: each invocation reads the users again. The step deletes only users with the tags of this
//!   onboarding, and reads these tags again immediately before each deletion. If a user no longer exists, the deletion
//!   counts as successful.

use onboarding_core::{
    StepError,
    contract::{OpenItem, RemoveInput, RemoveOutput, RemoveStatus},
    names,
    onboarding::QuickConnects,
    sync::{Failure, Ownership, Plan, UserRef},
};
use tracing::info;

use crate::{
    aws::error::CallResult as _,
    connect::{Applied, Directory, MAX_IDLE_ROUNDS, RemovalCheck, Writer, add_quick_connects, no_access},
    context::Context,
    runtime::adapter::Invocation,
};

/// Deletes as many users as the remaining time allows.
///
/// # Errors
/// If no user could be deleted in several consecutive invocations: `Conflict` with the reasons, or `Unavailable` if
/// Connect did not respond. Otherwise the error that Connect returns.
pub async fn run(ctx: &Context, input: RemoveInput, invocation: Invocation) -> Result<RemoveOutput, StepError> {
    let deadline = invocation.deadline();
    let (id, alias) = (input.target.instance_id.as_str(), input.target.alias.as_str());
    let previous = input.previous.unwrap_or_default();
    let directory = Directory::new(ctx.connect(), id, alias, ctx.settings.clock());
    let users = directory.users().await?;
    let ours = users.into_iter().filter(|user| user.ownership == Ownership::Ours).map(UserRef::from);
    let mut plan = Plan::deleting(ours);
    add_quick_connects(&directory, &mut plan, &QuickConnects::Delete, &[]).await?;
    let check = StillOurs { ctx, instance_id: id, alias };
    let (ids, rested) = ((id, alias), previous.attempt == 0);
    let writer = Writer::new(ctx.connect(), ctx.quotas(), ctx.sessions(), &directory, check, ids, rested);
    let applied = writer.apply(&plan, deadline).await?;
    info!(deleted = applied.totals.removed, left = applied.left, failed = applied.totals.failed, "users deleted");

    let open_items = open_items(previous.open_items, &plan, &applied);
    let failures = applied.first_failures();
    let finished = applied.left == 0 && failures.is_empty();
    let idle = if finished || applied.totals.removed > 0 { 0 } else { previous.attempt + 1 };
    if idle >= MAX_IDLE_ROUNDS {
        return Err(no_progress(alias, &failures, applied.left));
    }
    if finished {
        let profiles = directory.security_profiles().await?;
        if let Some(profile) = profiles.get(names::NO_ACCESS_PROFILE) {
            no_access::delete(ctx.connect(), ids, profile).await?;
        }
    }
    let mut totals = previous.totals;
    totals.removed += applied.totals.removed;
    totals.calls += applied.totals.calls + directory.calls();
    totals.throttles += applied.totals.throttles + directory.throttles();
    Ok(RemoveOutput {
        status: if finished { RemoveStatus::Done } else { RemoveStatus::More },
        removed: totals.removed,
        attempt: idle,
        open_items,
        failures,
        totals,
        ..RemoveOutput::default()
    })
}

/// Returns the error after several consecutive invocations that deleted no user.
fn no_progress(alias: &str, failures: &[Failure], left: usize) -> StepError {
    if failures.is_empty() {
        return StepError::unavailable(format!(
            "no user of the instance {alias} was deleted, because Amazon Connect did not respond in time or throttled the requests; \
             {left} requests are left; start the same teardown again later"
        ));
    }
    let reasons: Vec<&str> = failures.iter().take(3).map(|failure| failure.reason.as_str()).collect();
    StepError::conflict(format!(
        "{} users of the instance {alias} can't be deleted: {}; correct the cause, then start the same \
         teardown again",
        failures.len(),
        reasons.join("; ")
    ))
}

/// Adds an open item for the quick connects that could not be deleted together with their users. `items` are the open
/// items of the previous invocations.
fn open_items(mut items: Vec<OpenItem>, plan: &Plan, applied: &Applied) -> Vec<OpenItem> {
    let unreadable = plan.findings.iter().map(ToString::to_string);
    let left = applied.left_quick_connects().map(|(left, reason)| format!("{left}: {reason}"));
    for what in unreadable.chain(left) {
        if items.iter().all(|item| item.what != what) {
            items.push(OpenItem::new("quick connects", what, "Delete these quick connects in Amazon Connect."));
        }
    }
    items
}

/// A check that reads the tags of a user again immediately before the user is deleted.
struct StillOurs<'a> {
    ctx: &'a Context,
    instance_id: &'a str,
    alias: &'a str,
}

impl RemovalCheck for StillOurs<'_> {
    /// Returns whether the user must be kept because the user no longer has the tags of this onboarding.
    async fn must_keep(&self, user: &UserRef) -> Result<bool, StepError> {
        let sent = self.ctx.connect().describe_user().instance_id(self.instance_id).user_id(&user.id).send().await;
        let found = sent.if_found().doing(format_args!("reading the tags of the user {}", user.username))?;
        // The user no longer exists. The deletion is still attempted, and counts as successful.
        let Some(found) = found else { return Ok(false) };
        let tags = found.user.and_then(|user| user.tags).unwrap_or_default();
        let tag = |key: &str| tags.get(key).map(String::as_str);
        let owner = Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), self.alias);
        Ok(owner != Ownership::Ours)
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::StepErrorKind;

    use super::*;

    #[test]
    fn users_without_an_error_of_their_own_mean_that_connect_did_not_respond() {
        let error = no_progress("acme", &[], 4);
        assert_eq!(error.kind, StepErrorKind::Unavailable);
        assert!(error.message.contains("did not respond in time") && error.message.contains("4 requests"), "{error}");
        let failure = Failure { username: "taro".into(), reason: "denied".into() };
        let error = no_progress("acme", &[failure], 4);
        assert_eq!(error.kind, StepErrorKind::Conflict);
        assert!(error.message.contains("1 users") && error.message.contains("denied"), "{error}");
    }
}
