//! The fast path for members who join. Before the full comparison, it creates users for the members that a notification
//! reports as added. With ten thousand users, the full comparison takes eight seconds, whereas the fast path takes a
//! fraction of a second.
//!
//! The content of a notification is not trusted. The user and the user's groups are read from Entra, the username is
//! searched for in Connect, and the same planner as in the full comparison decides which users to create. The fast path
//! only creates users. The full comparison that follows makes all other changes, and handles unclear cases and
//! failures.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use onboarding_core::{
    StepError,
    onboarding::{NestedGroups, UsernameAttribute},
    sync::{ConnectUser, GroupRead, MAX_HINTED, Profiles, Totals, plan},
};
use time::OffsetDateTime;
use tracing::warn;

use super::{leavers::out_of_time, sync_users::Round};
use crate::runtime::adapter::Deadline;

/// The result of the fast path.
#[derive(Debug, Default)]
pub(super) struct Joiners {
    /// The usernames of the created users. Connect's search may return these users only after a delay.
    pub(super) created: HashSet<String>,
    /// The counts of the fast path. The counts do not include the searches in Connect, which `Directory` counts.
    pub(super) totals: Totals,
}

/// The data in Entra and Connect about the members that the notification reports as added.
#[derive(Debug, Default)]
pub(super) struct Hinted {
    /// The configured groups. Each group contains only the members that the notification reports as added.
    groups: Vec<GroupRead>,
    /// The existing Connect users with the usernames of these members.
    existing: Vec<ConnectUser>,
    /// The number of calls to Graph.
    calls: usize,
}

/// Reads the groups of the users `object_ids`, which a notification reports as added, and searches for their usernames
/// in Connect. The result is empty if a read fails or takes too long, or if the settings require the full comparison.
pub(super) async fn read(round: &Round<'_>, object_ids: &[String], deadline: Deadline) -> Hinted {
    // With nested groups, it is not sufficient to read the direct memberships of a user. If the username is the `mail`
    // attribute, another member could have the same username.
    let sufficient =
        round.policy.nested_groups == NestedGroups::Report && round.policy.username != UsernameAttribute::Mail;
    if object_ids.is_empty() || object_ids.len() > MAX_HINTED || !sufficient {
        return Hinted::default();
    }
    let read = deadline.run(try_read(round, object_ids)).await;
    read.unwrap_or_else(|| Err(out_of_time())).unwrap_or_else(|error| {
        defer(&error);
        Hinted::default()
    })
}

async fn try_read(round: &Round<'_>, object_ids: &[String]) -> Result<Hinted, StepError> {
    let groups = groups_of(round, object_ids).await?;
    let members = groups.iter().flat_map(|group| &group.members);
    let mut usernames: Vec<&str> = members.filter_map(|member| member.attribute(round.policy.username)).collect();
    usernames.sort_unstable();
    usernames.dedup();
    let existing = if usernames.is_empty() { Vec::new() } else { round.directory.users_named(&usernames).await? };
    Ok(Hinted { groups, existing, calls: 2 * object_ids.len() })
}

/// Creates users for the members that the notification reports as added and that do not have a user yet.
pub(super) async fn create(round: &Round<'_>, profiles: &Profiles, hinted: &Hinted, deadline: Deadline) -> Joiners {
    let today = OffsetDateTime::now_utc().date();
    let plan = plan(&hinted.groups, &hinted.existing, profiles, round.policy, today).creations();
    let mut joiners = Joiners { totals: Totals { calls: hinted.calls, ..Totals::default() }, ..Joiners::default() };
    if plan.create.is_empty() {
        return joiners;
    }
    // If a predefined attribute can't be used, the full comparison that follows reports this.
    let plan = round.ensure_attributes(&plan).await.plan;
    match round.writer(true).apply(&plan, deadline).await {
        Ok(applied) => {
            // The full comparison retries the failed requests, and counts the failures.
            joiners.totals = Totals {
                calls: applied.totals.calls + hinted.calls,
                failed: 0,
                waiting_for_quota: 0,
                ..applied.totals
            };
            let names = plan.create.iter().map(|user| user.username.clone());
            joiners.created = names.filter(|name| applied.has_created(name)).collect();
        }
        Err(error) => defer(&error),
    }
    joiners
}

fn defer(error: &StepError) {
    warn!(error = error.name(), message = error.message, "joiners are left to the full comparison");
}

/// Returns the configured groups, each with only the members that the notification reports as added.
async fn groups_of(round: &Round<'_>, object_ids: &[String]) -> Result<Vec<GroupRead>, StepError> {
    let graph = round.ctx.graph();
    let reads =
        object_ids.iter().map(|id| async move { tokio::try_join!(graph.user(id), graph.direct_memberships(id)) });
    let found: Vec<_> = try_join_all(reads).await?.into_iter().filter_map(|(user, of)| Some((user?, of?))).collect();
    let groups = round.entry.user_groups()?.into_iter().map(|(group, settings)| GroupRead {
        group_id: group.id.clone(),
        display_name: group.display_name.clone(),
        settings: settings.clone(),
        members: found.iter().filter(|(_, of)| of.contains(&group.id)).map(|(user, _)| user.clone()).collect(),
        ..GroupRead::default()
    });
    Ok(groups.collect())
}
