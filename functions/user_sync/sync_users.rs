//! `sync-users`: keeps the Connect users in sync with the members of the Entra groups (manual procedure:
//! ユーザーの追加). Each invocation is one round of a sync.
//!
//! * Reads in every round: Microsoft Graph `/groups/{id}/members` (999 per page), `connect:SearchUsers` (500 per page),
//!   `connect:ListSecurityProfiles`, `connect:ListRoutingProfiles`, `connect:DescribeInstance`, for a replicated
//!   instance `connect:ListTrafficDistributionGroups`, and if the input names hierarchy groups
//!   `connect:ListUserHierarchyGroups` and `connect:DescribeUserHierarchyGroup`; `dynamodb:GetItem` on the registry.
//! * Reads before changes: `servicequotas:GetServiceQuota` and `servicequotas:GetAWSDefaultServiceQuota`;
//!   `connect:DescribeUser` before a name is changed; `connect:ListUserProficiencies` and
//!   `connect:DescribePredefinedAttribute` before proficiencies are changed; `connect:SearchQuickConnects` if users are
//!   deleted; `connect:DescribeQuickConnect` before a quick connect is changed; Graph `/users/{id}`,
//!   `/users/{id}/checkMemberGroups` and `/users/{id}/memberOf` before a removal.
//! * Approval: if actions require approval, the round only requests this approval. If an operator has already approved
//!   the actions, the round applies them (docs/theory.md, "Approval").
//! * Writes: `connect:CreateUser`, `connect:UpdateUserIdentityInfo`, `connect:UpdateUserSecurityProfiles`,
//!   `connect:UpdateUserRoutingProfile`, `connect:UpdateUserHierarchy`, `connect:UpdateUserConfig`,
//!   `connect:AssociateTrafficDistributionGroupUser`, `connect:DisassociateTrafficDistributionGroupUser`,
//!   `connect:TagResource`, `connect:UntagResource`, `connect:DeleteUser`, `connect:DeleteAllEntitySessions`; for quick
//!   connects of deleted users, `connect:DeleteQuickConnect` and `connect:UpdateQuickConnectConfig`; if users are kept
//!   without permissions, `connect:CreateSecurityProfile` and `connect:UpdateSecurityProfile`; if groups specify
//!   proficiencies, `connect:CreatePredefinedAttribute`, `connect:UpdatePredefinedAttribute`,
//!   `connect:AssociateUserProficiencies`, `connect:UpdateUserProficiencies` and
//!   `connect:DisassociateUserProficiencies`; `dynamodb:UpdateItem` on the registry, to request approval and to report
//!   the progress of the sync.
//! * Shared rates: before each request to Connect, `dynamodb:UpdateItem` on the registry reserves one or more requests,
//!   so that the syncs of several instances together stay within the API rate limits of the account.
//! * Incremental syncs: Graph `/groups/delta` and `/users/delta` ([`incremental`]); `dynamodb:BatchGetItem` and
//!   `dynamodb:UpdateItem` on the registry.
//! * Fast path: before the full comparison, the round creates the users that a notification reports as added
//!   ([`joiners`]), and signs out the users that a notification reports as removed ([`leavers`]).
//! * Metrics: the number of changes and requests of each round. At the end of a sync, also the duration of the sync,
//!   and the number of failed and skipped users.
//! * Safe to repeat: each round reads Entra and Connect again and plans only the differences. If a list can't be read
//!   completely, the round fails before it changes anything. A round stops before the Lambda timeout. If work remains,
//!   it returns `MORE`.

use std::{cell::Cell, convert::Infallible, time::Duration};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use onboarding_core::{
    StepError, names,
    onboarding::NestedGroups,
    sync::{
        Checkpoint, Completeness, ConnectUser, Counts, Failure, GroupRead, GuardedPlan, MAX_LISTED, Outcome, Plan,
        Policy, Profiles, SyncMode, SyncProgress, SyncStatus, SyncUsersInput, SyncUsersOutput, Totals, plan,
    },
};
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::debug;

use crate::{
    connect::{Applied, Directory, Writer, add_quick_connects, no_access},
    context::Context,
    inspect::traffic_group::{self, TrafficGroup},
    registry::{Entry, Registry},
    runtime::{
        adapter::{Deadline, Invocation, for_instance},
        clock::{epoch_millis, millis},
    },
    user_sync::{
        access::{Access, Assignments},
        attributes::Attributes,
        incremental::{self, Answer, Links},
        joiners::{self, Joiners},
        leavers::{self, CurrentMembership},
        reporting::{add_results, log_plan, ready_user},
        round_end::{finish, measure},
    },
};

/// Maximum number of groups that are read concurrently.
const MAX_CONCURRENT_GROUPS: usize = 8;
/// The fast path may take this fraction of the time of a round: a sixth. The rest is for the full comparison.
const FAST_PATH: u32 = 6;
/// The interval at which the progress is written to the registry.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// One round of a sync: the instance, and the data that this invocation needs to sync the users of the instance.
pub(super) struct Round<'a> {
    pub(super) ctx: &'a Context,
    pub(super) input: &'a SyncUsersInput,
    pub(super) entry: &'a Entry,
    pub(super) policy: &'a Policy,
    pub(super) access: &'a Access<'a>,
    pub(super) directory: &'a Directory<'a>,
    /// The checkpoint of the previous round. In the first round, the checkpoint is empty.
    pub(super) checkpoint: Checkpoint,
    /// The traffic distribution group. The field is empty until the traffic distribution group is read.
    traffic_group: TrafficGroup,
    pub(super) deadline: Deadline,
}

/// The groups in Entra and the users in Connect, both read completely.
pub(super) struct Observed {
    joiners: Joiners,
    pub(super) groups: Vec<GroupRead>,
    pub(super) users: Vec<ConnectUser>,
    pub(super) profiles: Profiles,
    /// The number of requests that were sent to Graph, except those of the fast path.
    pages: usize,
    /// The links that return the changes after this read of Entra, if Graph returned such links.
    pub(super) links: Option<Links>,
    /// The time at which the read of the groups began, in milliseconds since the epoch.
    pub(super) read_at: u64,
}

/// Runs one round. The round reads Entra and Connect, plans the changes, requests approval for those changes that
/// require it, and applies as many of the other changes as time allows.
///
/// # Errors
/// If Entra or Connect can't be read completely. `AccessDenied` if a permission is missing. After several
/// rounds without progress, `Unavailable` if Graph did not respond to the checks before removals; otherwise
/// `LimitExceeded`, because the state machine does not repeat a round after this error.
pub async fn run(ctx: &Context, input: SyncUsersInput, invocation: Invocation) -> Result<SyncUsersOutput, StepError> {
    let started = Instant::now();
    let deadline = invocation.deadline();
    let registry = Registry::new(ctx)?;
    let (entry, tracking) = if incremental::is_requested(&input) {
        registry.entry_and_tracking(&input.instance_id).await?
    } else {
        (registry.entry(&input.instance_id).await?, None)
    };
    let entry = &entry;
    for_instance(&entry.alias);
    let policy = &Policy::from(&entry.users);
    let directory = Directory::new(ctx.connect(), &entry.instance_id, &entry.alias, ctx.settings.clock());
    let directory = &directory.with_budget(&registry);
    let checkpoint = input.carry.clone().unwrap_or_default();
    let access = &Access::new(ctx, entry);
    let round = Round {
        ctx,
        input: &input,
        entry,
        policy,
        access,
        directory,
        checkpoint,
        traffic_group: TrafficGroup::default(),
        deadline,
    };

    let links = match Box::pin(incremental::ask(&round, tracking)).await? {
        Answer::Unchanged(mut output) => {
            output.durations.observe_ms = millis(started.elapsed());
            measure(&entry.alias, &round.checkpoint, &output).emit();
            return Ok(*output);
        }
        Answer::Compare(links) => links,
    };
    directory.permit("DescribeInstance").await;
    let traffic_group = traffic_group::read(ctx, &entry.instance_id).await;
    let policy = &Policy { traffic_group: traffic_group.id.clone(), ..policy.clone() };
    let round = Round { policy, traffic_group, ..round };
    let (observed, ()) = tokio::try_join!(Box::pin(round.observe(links)), Box::pin(incremental::forget(&round)))?;
    let observed_at = started.elapsed();
    let plan = round.plan(&observed).await?;
    let mut output = round.report(&observed, &plan);
    let guarded = round.guard(plan).await?;
    guarded.report(round.checkpoint.approved.as_ref(), &mut output);
    let planned_at = started.elapsed();
    output.durations.observe_ms = millis(observed_at);
    output.durations.plan_ms = millis(planned_at - observed_at);

    if input.mode == SyncMode::Plan {
        output.status = SyncStatus::Planned;
        return Ok(output);
    }
    round.request_approval(&guarded, &mut output).await?;
    let applied = round.apply(&guarded.plan, &observed, &mut output).await?;
    output.durations.apply_ms = millis(started.elapsed() - planned_at);
    add_results(&mut output, &applied);
    let finished = finish(&mut output, &applied, &round.checkpoint);
    measure(&entry.alias, &round.checkpoint, &output).emit();
    Box::pin(incremental::store(&round, observed, (&guarded.plan.apply, &applied), &output)).await;
    finished.map(|()| output)
}

impl Round<'_> {
    /// Signs out leavers and creates users for new members (fast path), then reads the groups in Entra and the users in
    /// Connect.
    async fn observe(&self, links: Option<Links>) -> Result<Observed, StepError> {
        let hierarchy = self.entry.users.hierarchy_groups();
        let mut profiles = None;
        let mut joiners = Joiners::default();
        let hinted = &self.input.people;
        let deadline = self.deadline.fraction(FAST_PATH);
        let leavers = leavers::sign_out(self, &self.input.leavers, deadline).await;
        if self.input.mode == SyncMode::Apply && self.input.carry.is_none() && !hinted.is_empty() {
            let (read, hinted) =
                tokio::join!(self.directory.profiles(&hierarchy), joiners::read(self, hinted, deadline));
            joiners = joiners::create(self, profiles.insert(read?), &hinted, deadline).await;
        }
        let profiles = async {
            match profiles {
                Some(profiles) => Ok(profiles),
                None => self.directory.profiles(&hierarchy).await,
            }
        };
        let entra = async {
            let links = incremental::start(self, links).await;
            let read_at = incremental::now();
            let (groups, pages) = self.read_groups().await?;
            let pages = pages + links.as_ref().map_or(0, |links| links.requests);
            Ok::<_, StepError>((links, read_at, groups, pages))
        };
        let ((links, read_at, groups, pages), users, profiles) =
            tokio::try_join!(entra, self.directory.users(), profiles)?;
        joiners.totals = leavers.followed_by(&joiners.totals);
        Ok(Observed { joiners, groups, users, profiles, pages, links, read_at })
    }

    /// Plans the changes that bring the Connect users in sync with the group members.
    async fn plan(&self, observed: &Observed) -> Result<Plan, StepError> {
        let Observed { groups, users, profiles, joiners, .. } = observed;
        let today = OffsetDateTime::now_utc().date();
        let mut plan = plan(groups, users, profiles, self.policy, today);
        if plan.leavers_stay() {
            let policy = Policy { let_in: self.access.let_in().await, ..self.policy.clone() };
            plan = onboarding_core::sync::plan(groups, users, profiles, &policy, today);
        }
        plan.create.retain(|user| !joiners.created.contains(&user.username));
        add_quick_connects(self.directory, &mut plan, &self.policy.removed.quick_connects, users).await?;
        log_plan(&plan, groups, self.input.mode);
        Ok(plan)
    }

    /// Returns the output of the round, before any change is applied.
    fn report(&self, observed: &Observed, plan: &Plan) -> SyncUsersOutput {
        let (checkpoint, joiners) = (&self.checkpoint, &observed.joiners.totals);
        let skipped = plan.skipped.iter().take(MAX_LISTED);
        let mut output = SyncUsersOutput {
            alias: self.entry.alias.clone(),
            language: self.entry.language,
            digest: plan.digest(),
            counts: Outcome { planned: plan.counts(), done: checkpoint.totals },
            removals: plan.removed_usernames().take(MAX_LISTED).map(Into::into).collect(),
            skipped: skipped
                .map(|skipped| Failure { username: skipped.username.clone(), reason: skipped.reason.to_string() })
                .collect(),
            findings: {
                let findings = plan.findings.iter().map(ToString::to_string);
                self.traffic_group.finding.iter().cloned().chain(findings).take(MAX_LISTED).collect()
            },
            planned_users: if self.input.mode == SyncMode::Plan { plan.planned_users() } else { Vec::new() },
            sso_ready_user: ready_user(&observed.groups, &observed.users, plan),
            ..SyncUsersOutput::default()
        };
        if checkpoint.rounds > 0 {
            output.counts.planned = checkpoint.planned;
            output.digest.clone_from(&checkpoint.digest);
        } else if checkpoint.another_pass {
            output.counts.planned = checkpoint.planned.followed_by(&output.counts.planned);
        }
        let done = &mut output.counts.done;
        done.created += joiners.created;
        done.signed_out += joiners.signed_out;
        done.calls += joiners.calls + observed.pages + self.directory.calls() + self.traffic_group.calls;
        done.throttles += joiners.throttles + self.directory.throttles();
        output
    }

    /// Applies the plan until the deadline, and writes the progress to the registry at the same time.
    async fn apply(
        &self,
        GuardedPlan { apply: plan, waiting, .. }: &GuardedPlan,
        observed: &Observed,
        output: &mut SyncUsersOutput,
    ) -> Result<Applied, StepError> {
        let Observed { joiners, profiles, .. } = observed;
        let (checkpoint, calls) = (&self.checkpoint, self.directory.calls());
        let burst_available = checkpoint.rounds == 0 && !checkpoint.another_pass && joiners.created.is_empty();
        let done = Cell::new(Totals::default());
        let Attributes { plan, finding, error } = self.ensure_attributes(plan).await;
        let attributes_fail = finding.is_some();
        output.findings.splice(0..0, finding);
        let no_access = self.no_access(&plan, profiles, output).await;
        let strips_fail = no_access.is_none() && !plan.strip.is_empty();
        let writer = self.writer(burst_available).with_progress(&done).with_no_access(no_access);
        // The progress does not include the sign-outs of users who are kept.
        let planned = Counts { waiting: waiting.counts().actions(), ..output.counts.planned };
        let apply = async {
            tokio::select! {
                applied = writer.apply(&plan, self.deadline) => applied,
                never = self.report_progress(&planned, &done) => match never {},
            }
        };
        // Members are assigned to the application even if Connect returns an error.
        let (applied, assigned) = tokio::join!(apply, Box::pin(self.assign(&observed.groups)));
        let mut applied = applied?;
        if let Some(error) = error {
            return Err(error);
        }
        output.counts.done.calls += self.directory.calls() - calls;
        if let Some(error) = &assigned.error {
            let finding = format!("new members can't sign in yet, because they are not assigned: {}", error.message);
            output.findings.insert(0, finding);
        }
        applied.incomplete =
            attributes_fail || strips_fail || assigned.error.is_some() || self.traffic_group.finding.is_some();
        applied.assigned = assigned.assigned;
        applied.assignments_may_pass = assigned.may_pass;
        applied.left += assigned.left;
        Ok(applied)
    }

    /// Assigns the members who have no assignment yet to the application, if single users are assigned to it.
    async fn assign(&self, groups: &[GroupRead]) -> Assignments {
        let members = groups.iter().flat_map(|group| &group.members).filter(|member| self.policy.allows(member));
        self.access.assign(members.map(|member| member.id.as_str()).collect(), self.deadline).await
    }

    /// Returns the ID of the security profile without permissions, if the plan needs this profile. If the profile can't
    /// be used, the users to keep without permissions are not changed, and a finding states the reason.
    async fn no_access(&self, plan: &Plan, profiles: &Profiles, output: &mut SyncUsersOutput) -> Option<String> {
        if plan.strip.is_empty() {
            return None;
        }
        let ids = (self.entry.instance_id.as_str(), self.entry.alias.as_str());
        let known = profiles.security.get(names::NO_ACCESS_PROFILE).map(String::as_str);
        match no_access::ensure(self.ctx.connect(), ids, known).await {
            Ok(id) => Some(id),
            Err(error) => {
                let users = plan.strip.len();
                let finding = format!("{users} users who left still have their rights: {}", error.message);
                output.findings.insert(0, finding);
                None
            }
        }
    }

    /// Returns the writer for the instance.
    pub(super) fn writer(&self, burst_available: bool) -> Writer<'_, CurrentMembership<'_>> {
        let Self { ctx, entry, policy, access, directory, .. } = self;
        let check = CurrentMembership { graph: ctx.graph(), entry, policy, access };
        let ids = (entry.instance_id.as_str(), entry.alias.as_str());
        Writer::new(ctx.connect(), ctx.quotas(), ctx.sessions(), directory, check, ids, burst_available)
    }

    /// Writes the progress to the registry every two seconds. A failed write is ignored.
    async fn report_progress(&self, planned: &Counts, done: &Cell<Totals>) -> Infallible {
        loop {
            tokio::time::sleep(PROGRESS_INTERVAL).await;
            let progress = SyncProgress::new(
                epoch_millis(OffsetDateTime::now_utc()),
                planned,
                &self.checkpoint.totals,
                &done.get(),
            );
            let written = match Registry::new(self.ctx) {
                Ok(registry) => registry.write_progress(&self.entry.instance_id, &progress).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                debug!(%error, "the progress could not be written");
            }
        }
    }

    /// Reads all pages of all groups. Also returns the number of pages.
    async fn read_groups(&self) -> Result<(Vec<GroupRead>, usize), StepError> {
        let nested = self.entry.users.nested_groups == NestedGroups::Flatten;
        let reads = self.entry.user_groups()?.into_iter().map(|(group, settings)| async move {
            let Some(read) = self.ctx.graph().group_members(&group.id, nested).await? else {
                return Err(StepError::invalid_input(format!(
                    "the group {} ({}) no longer exists in Entra ID, so nothing is changed; correct users.groups and run the \
                     onboarding again",
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
        });
        // The groups keep the order of the input, because the first group of a user determines the settings of the
        // user.
        let reads: Vec<_> =
            stream::iter(reads.collect::<Vec<_>>()).buffered(MAX_CONCURRENT_GROUPS).try_collect().await?;
        let pages = reads.iter().map(|(_, pages)| pages).sum();
        Ok((reads.into_iter().map(|(read, _)| read).collect(), pages))
    }
}
