//! `sync-users`: makes the Connect users equal to the members of the Entra groups (manual procedure: ユーザーの追加). Each
//! invocation is one round of a sync.
//!
//! * Reads: Microsoft Graph `/groups/{id}/members` (999 per page), `connect:SearchUsers` (500 per page),
//!   `connect:ListSecurityProfiles`, `connect:ListRoutingProfiles`, and if the input names hierarchy groups also
//!   `connect:ListUserHierarchyGroups` and `connect:DescribeUserHierarchyGroup`; `dynamodb:GetItem` on the registry;
//!   `servicequotas:GetServiceQuota` and `servicequotas:GetAWSDefaultServiceQuota` if the plan contains changes;
//!   `connect:DescribeUser` before a name is changed; Graph `/users/{id}` and `/users/{id}/memberOf` before a
//!   deletion.
//! * Writes: `connect:CreateUser`, `connect:UpdateUserIdentityInfo`, `connect:UpdateUserSecurityProfiles`,
//!   `connect:UpdateUserRoutingProfile`, `connect:UpdateUserHierarchy`, `connect:UpdateUserConfig`,
//!   `connect:TagResource`, `connect:UntagResource`, `connect:DeleteUser`; during the sync, `dynamodb:UpdateItem` on
//!   the registry to report its progress.
//! * Fast path: users that a notification reports as added are created before the full comparison ([`newcomers`]).
//! * Metrics: changes and calls of each round; at the end of a sync, its duration and the number of failed and skipped
//!   users.
//! * Safe to repeat: each round reads both sides again and plans only the differences. An incomplete read fails the
//!   round before any write. A round stops before the Lambda timeout and returns `MORE` if work is left.

use std::{cell::Cell, collections::HashSet, convert::Infallible, time::Duration};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use onboarding_core::{
    StepError,
    onboarding::NestedGroups,
    sync::{
        Carry, Completeness, ConnectUser, Counts, Durations, Failure, GroupRead, MAX_LISTED, Outcome, Ownership, Plan,
        Policy, Safety, SyncMode, SyncProgress, SyncStatus, SyncUsersInput, SyncUsersOutput, Totals, UserRef, plan,
    },
};
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::{
    connect::{Applied, Directory, Membership, Writer},
    context::Context,
    entra::Graph,
    registry::{Entry, Registry},
    runtime::{
        adapter::{Invocation, for_instance},
        metrics::{Metric, Metrics},
    },
    user_sync::joiners::{self, Newcomers},
};

/// Number of groups that are read concurrently.
const GROUPS_AT_ONCE: usize = 8;
/// No new request starts within this time before the Lambda timeout, because a request may take 20 seconds to time
/// out.
const MARGIN: Duration = Duration::from_secs(25);
/// Interval of progress reports.
const PROGRESS: Duration = Duration::from_secs(2);
/// The sync fails after this many consecutive rounds in which every request was throttled.
const IDLE_ROUNDS: u32 = 3;

/// Runs one round: reads both sides, plans, and applies as much of the plan as time allows.
///
/// # Errors
/// If either side can't be read completely; `AccessDenied`; `Throttled` after several rounds without progress.
pub async fn run(ctx: &Context, input: SyncUsersInput, invocation: Invocation) -> Result<SyncUsersOutput, StepError> {
    let started = Instant::now();
    let remaining = invocation.remaining();
    let deadline = started + remaining.saturating_sub(MARGIN.min(remaining / 4));
    let entry = Registry::new(ctx)?.entry(&input.instance_id).await?;
    for_instance(&entry.alias);
    let policy = Policy::from(&entry.users);
    let directory = Directory::new(ctx.connect(), &entry.instance_id, &entry.alias, ctx.settings.clock());

    let membership = || LastLook { graph: ctx.graph(), entry: &entry, policy: &policy };

    let hierarchy = entry.users.hierarchy_groups();
    let mut profiles = None;
    let mut newcomers = Newcomers::default();
    if input.mode == SyncMode::Apply && input.carry.is_none() && !input.people.is_empty() {
        let look = joiners::look(ctx, &entry, &policy, &directory, &input.people);
        let (known, look) = tokio::join!(directory.profiles(&hierarchy), look);
        let sides = (&directory, &*profiles.insert(known?));
        newcomers = joiners::create(ctx, &entry, &policy, sides, membership(), (look, deadline)).await;
    }
    let profiles = async {
        match profiles {
            Some(known) => Ok(known),
            None => directory.profiles(&hierarchy).await,
        }
    };
    let (reads, users, profiles) = tokio::try_join!(read_groups(ctx.graph(), &entry), directory.users(), profiles)?;
    let (groups, pages) = reads;
    let observed = started.elapsed();

    let mut plan = plan(&groups, &users, &profiles, &policy, OffsetDateTime::now_utc().date());
    plan.create.retain(|user| !newcomers.created.contains(&user.username));
    let planned = started.elapsed();
    log_plan(&plan, input.mode);

    let mut output = SyncUsersOutput {
        alias: entry.alias.clone(),
        language: entry.language,
        digest: plan.digest(),
        removals: plan.removed_usernames().take(MAX_LISTED).map(Into::into).collect(),
        skipped: plan
            .skipped
            .iter()
            .take(MAX_LISTED)
            .map(|skipped| Failure { username: skipped.username.clone(), reason: skipped.reason.to_string() })
            .collect(),
        findings: plan.findings.iter().take(MAX_LISTED).map(ToString::to_string).collect(),
        sso_ready_user: ready_user(&groups, &users, &plan),
        ..SyncUsersOutput::default()
    };
    let carry = input.carry.clone().unwrap_or_default();
    output.counts = Outcome { planned: plan.counts(), done: carry.totals };
    if carry.rounds > 0 {
        output.counts.planned = carry.planned;
        output.digest.clone_from(&carry.digest);
    } else if carry.another_pass {
        output.counts.planned = carry.planned.followed_by(&output.counts.planned);
    }
    output.counts.done.created += newcomers.totals.created;
    output.counts.done.calls += newcomers.totals.calls + pages + directory.calls();
    output.counts.done.throttles += newcomers.totals.throttles + directory.throttles();
    output.durations = Durations { observe_ms: millis(observed), plan_ms: millis(planned - observed), apply_ms: 0 };

    let approved = is_approved(&input, &plan);
    match plan.safety() {
        Safety::Unsafe(reasons) => {
            output.reasons = reasons;
            if input.mode == SyncMode::Apply && !approved {
                // The approval is for this plan, even if an earlier round had a different one.
                output.digest = plan.digest();
                output.counts.planned = plan.counts();
                output.status = SyncStatus::UnsafePlan;
                measure(&entry.alias, &carry, &output).emit();
                return Ok(output);
            }
        }
        Safety::Safe => {}
    }
    if input.mode == SyncMode::Plan {
        output.status = SyncStatus::Planned;
        return Ok(output);
    }
    let ids = (entry.instance_id.as_str(), entry.alias.as_str());
    let rested = carry.rounds == 0 && !carry.another_pass && newcomers.created.is_empty();
    let done = Cell::new(Totals::default());
    let writer = Writer::new(ctx.connect(), ctx.quotas(), &directory, membership(), ids, rested).telling(&done);
    let before = directory.calls();
    let applied = tokio::select! {
        applied = writer.apply(&plan, deadline) => applied?,
        never = tell(ctx, &entry.instance_id, &output.counts.planned, &carry.totals, &done) => match never {},
    };
    output.durations.apply_ms = millis(started.elapsed() - planned);
    output.counts.done.calls += directory.calls() - before;
    let finished = finish(&mut output, &plan, applied, &carry, approved);
    measure(&entry.alias, &carry, &output).emit();
    finished.map(|()| output)
}

/// Reports the progress every two seconds. Best effort: a failed progress write is ignored.
async fn tell(ctx: &Context, instance_id: &str, planned: &Counts, earlier: &Totals, done: &Cell<Totals>) -> Infallible {
    loop {
        tokio::time::sleep(PROGRESS).await;
        let progress = SyncProgress::new(now_millis(), planned, earlier, &done.get());
        let told = match Registry::new(ctx) {
            Ok(registry) => registry.write_progress(instance_id, &progress).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            debug!(%error, "the progress could not be told");
        }
    }
}

fn now_millis() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// Adds up the results of a round and decides whether another round is needed.
fn finish(
    output: &mut SyncUsersOutput,
    plan: &Plan,
    applied: Applied,
    carry: &Carry,
    approved: bool,
) -> Result<(), StepError> {
    let done = &mut output.counts.done;
    done.created += applied.totals.created;
    done.adopted += applied.totals.adopted;
    done.updated += applied.totals.updated;
    done.marked += applied.totals.marked;
    done.unmarked += applied.totals.unmarked;
    done.removed += applied.totals.removed;
    done.calls += applied.totals.calls;
    done.throttles += applied.totals.throttles;
    // Each round retries the failures of earlier rounds, so only the failures of the last round count.
    done.failed = applied.totals.failed;
    done.waiting_for_quota = applied.totals.waiting_for_quota;
    output.findings.extend(applied.returned.iter().map(|user| format!("{user} belongs again and was not removed")));
    if done.waiting_for_quota > 0 {
        output.findings.push(format!(
            "{} users wait for a higher quota of users per instance (L-9A46857E); the next sync after it creates them",
            done.waiting_for_quota
        ));
    }
    output.findings.truncate(MAX_LISTED);
    output.failures = applied
        .failures
        .iter()
        .take(MAX_LISTED)
        .map(|(username, reason)| Failure { username: username.clone(), reason: reason.clone() })
        .collect();
    if output.sso_ready_user.is_none() {
        output.sso_ready_user.clone_from(&applied.first_created);
    }
    // The failure may have been temporary, and the next scheduled sync may be far away.
    let try_again = applied.totals.failed > 0 && !carry.second_try;
    if applied.left == 0 && !try_again {
        output.status = SyncStatus::Done;
        info!(counts = ?output.counts, "user sync done");
        return Ok(());
    }
    output.status = SyncStatus::More;
    let idle_rounds = if applied.changed_anything() || applied.left == 0 { 0 } else { carry.idle_rounds + 1 };
    if idle_rounds >= IDLE_ROUNDS {
        return Err(StepError::throttled(format!(
            "{idle_rounds} rounds of the user sync changed nothing and {} requests are left; other programs of this account use \
             up the rate of Amazon Connect's API in this Region, so slow them down or ask for higher rate quotas",
            applied.left
        )));
    }
    output.carry = Some(Carry {
        another_pass: carry.another_pass,
        rounds: carry.rounds + 1,
        idle_rounds,
        planned: output.counts.planned,
        digest: output.digest.clone(),
        totals: output.counts.done,
        duration_ms: carry.duration_ms + output.durations.total_ms(),
        second_try: carry.second_try || applied.left == 0,
        approved_removals: (approved && plan.removals() > 0)
            .then(|| plan.removals_digest(|user_id| applied.removal_is_left(user_id))),
    });
    info!(left = applied.left, "user sync goes on in another round");
    Ok(())
}

/// Returns the metrics of this round, and at the end of a sync also those of the complete sync.
fn measure<'a>(alias: &'a str, before: &Carry, output: &SyncUsersOutput) -> Metrics<'a> {
    let (done, until_now) = (&output.counts.done, &before.totals);
    let updated = |totals: &Totals| totals.adopted + totals.updated + totals.marked + totals.unmarked;
    let metrics = Metrics::of_instance(alias)
        .with(Metric::UsersCreated, done.created - until_now.created)
        .with(Metric::UsersUpdated, updated(done) - updated(until_now))
        .with(Metric::UsersRemoved, done.removed - until_now.removed)
        .with(Metric::SyncCalls, done.calls - until_now.calls)
        .with(Metric::SyncThrottles, done.throttles - until_now.throttles);
    if output.status == SyncStatus::More {
        return metrics;
    }
    metrics
        .with(Metric::UsersFailed, done.failed)
        .with(Metric::UsersSkipped, output.counts.planned.skipped)
        .with(Metric::SyncDuration, before.duration_ms + output.durations.total_ms())
        .with(Metric::UnsafePlans, u32::from(output.status == SyncStatus::UnsafePlan))
}

/// Returns whether this plan is approved: either exactly this plan, or exactly the removals that the previous round
/// left.
fn is_approved(input: &SyncUsersInput, plan: &Plan) -> bool {
    input.approved_digest.as_ref().is_some_and(|digest| *digest == plan.digest())
        || input
            .carry
            .as_ref()
            .and_then(|carry| carry.approved_removals.as_ref())
            .is_some_and(|digest| *digest == plan.removals_digest(|_| true))
}

/// Reads all pages of all groups; also returns the number of pages.
async fn read_groups(graph: &Graph, entry: &Entry) -> Result<(Vec<GroupRead>, usize), StepError> {
    let nested = entry.users.nested_groups == NestedGroups::Flatten;
    let reads: Vec<_> = entry
        .user_groups()?
        .into_iter()
        .map(|(group, settings)| async move {
            let Some(read) = graph.group_members(&group.id, nested).await? else {
                return Err(StepError::invalid_input(format!(
                    "the group {} ({}) does not exist in Entra ID any more, so nothing is changed; correct users.groups and run \
                     the onboarding again",
                    group.display_name, group.id
                )));
            };
            let pages = read.pages;
            let read = GroupRead {
                group_id: group.id.clone(),
                display_name: group.display_name.clone(),
                settings: settings.clone(),
                members: read.members,
                nested_groups: read.nested_groups,
                other_objects: read.other_objects,
                completeness: Completeness::Complete,
            };
            Ok((read, pages))
        })
        .collect();
    // Kept in the order of the input, because the first group of a user determines the user's settings.
    let reads: Vec<(GroupRead, usize)> = stream::iter(reads).buffered(GROUPS_AT_ONCE).try_collect().await?;
    let pages = reads.iter().map(|(_, pages)| pages).sum();
    Ok((reads.into_iter().map(|(read, _)| read).collect(), pages))
}

/// Returns a user who exists in Connect and is a member of a group, so that the sign-in check can compare the names.
fn ready_user(groups: &[GroupRead], users: &[ConnectUser], plan: &Plan) -> Option<String> {
    let members: HashSet<&str> =
        groups.iter().flat_map(|group| &group.members).map(|member| member.id.as_str()).collect();
    let removed: HashSet<&str> = plan.removed_usernames().collect();
    users
        .iter()
        .filter(|user| user.ownership == Ownership::Ours && user.removal_due.is_none())
        .filter(|user| user.entra_object_id.as_deref().is_some_and(|id| members.contains(id)))
        .map(|user| user.username.as_str())
        .filter(|username| !removed.contains(username))
        .min()
        .map(ToOwned::to_owned)
}

/// Logs the complete plan, because logs have no size limit like the output's.
fn log_plan(plan: &Plan, mode: SyncMode) {
    info!(?mode, counts = ?plan.counts(), digest = plan.digest(), "plan");
    if mode == SyncMode::Plan {
        for line in plan.to_string().lines() {
            info!(line, "planned");
        }
        return;
    }
    for skipped in &plan.skipped {
        warn!(username = skipped.username, object_id = skipped.object_id, reason = %skipped.reason, "member skipped");
    }
    for finding in &plan.findings {
        info!(%finding, "finding");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a user again from Entra immediately before the Connect user is deleted.
struct LastLook<'a> {
    graph: &'a Graph,
    entry: &'a Entry,
    policy: &'a Policy,
}

impl Membership for LastLook<'_> {
    async fn belongs(&self, user: &UserRef) -> Result<bool, StepError> {
        let Some(object_id) = user.object_id.as_deref() else { return Ok(false) };
        let Some(member) = self.graph.user(object_id).await? else { return Ok(false) };
        let wanted = member.account_enabled != Some(false) && (self.policy.guests || !member.guest);
        // After a change of the username, the member has a new Connect user, and the user with the old name is
        // deleted.
        if !wanted || member.attribute(self.policy.username) != Some(user.username.as_str()) {
            return Ok(false);
        }
        if self.policy.nested_groups == NestedGroups::Report {
            let memberships = self.graph.direct_memberships(object_id).await?.unwrap_or_default();
            return Ok(self.entry.groups.iter().any(|group| memberships.contains(&group.id)));
        }
        for group in &self.entry.groups {
            // A group that has just disappeared must not cause a deletion.
            let Some(read) = self.graph.group_members(&group.id, true).await? else { return Ok(true) };
            if read.members.iter().any(|member| member.id == object_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(created: usize) -> Totals {
        Totals { created, updated: 2, marked: 1, removed: 3, failed: 4, calls: 10 * created, ..Totals::default() }
    }

    fn output(status: SyncStatus) -> SyncUsersOutput {
        let mut output = SyncUsersOutput { status, ..SyncUsersOutput::default() };
        output.counts.done = totals(7);
        output.counts.planned.skipped = 60;
        output.durations = Durations { observe_ms: 1, plan_ms: 2, apply_ms: 4 };
        output
    }

    #[test]
    fn each_round_has_its_own_metrics_and_the_last_round_those_of_the_whole_sync() {
        let before = Carry { totals: Totals { created: 5, ..Totals::default() }, duration_ms: 100, ..Carry::default() };
        let round = Metrics::of_instance("acme")
            .with(Metric::UsersCreated, 2)
            .with(Metric::UsersUpdated, 3)
            .with(Metric::UsersRemoved, 3)
            .with(Metric::SyncCalls, 70)
            .with(Metric::SyncThrottles, 0);
        assert_eq!(measure("acme", &before, &output(SyncStatus::More)), round);
        let run = round.with(Metric::UsersFailed, 4).with(Metric::UsersSkipped, 60).with(Metric::SyncDuration, 107);
        assert_eq!(measure("acme", &before, &output(SyncStatus::Done)), run.clone().with(Metric::UnsafePlans, 0));
        assert_eq!(measure("acme", &before, &output(SyncStatus::UnsafePlan)), run.with(Metric::UnsafePlans, 1));
    }
}
