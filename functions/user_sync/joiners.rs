//! Fast path: creates users that a notification reports as added, before the full comparison. In an instance with ten
//! thousand users, the full comparison reads for eight seconds; this path needs a fraction of a second.
//!
//! The notification is only a hint: the user and the user's groups are read from Entra, the username is searched in
//! Connect, and the same planner decides. Only creations are applied here. All other changes, doubtful cases and
//! failures are left to the full comparison that follows.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use onboarding_core::{
    StepError,
    onboarding::{NestedGroups, UsernameAttribute},
    sync::{ConnectUser, GroupRead, MAX_HINTED, Policy, Profiles, Totals, plan},
};
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::warn;

use crate::{
    connect::{Directory, Membership, Writer},
    context::Context,
    registry::Entry,
};

/// The result of the fast path.
#[derive(Debug, Default)]
pub struct Newcomers {
    /// The usernames that were created. Connect may list them late.
    pub created: HashSet<String>,
    /// The counts, without the calls of the directory.
    pub totals: Totals,
}

/// The data about the hinted users.
#[derive(Debug, Default)]
pub struct Look {
    /// The configured groups, with the hinted users who are their members.
    groups: Vec<GroupRead>,
    /// The existing Connect users with these usernames.
    known: Vec<ConnectUser>,
    /// The number of calls to Graph.
    calls: usize,
}

/// Reads the groups of the hinted users in `people` (object IDs), and their usernames in Connect. Returns nothing if a
/// read fails or if these settings require the full comparison.
pub async fn look(ctx: &Context, entry: &Entry, policy: &Policy, directory: &Directory<'_>, people: &[String]) -> Look {
    // With nested groups, the user's direct memberships are not sufficient; with `mail` as the username, other members
    // could have the same one.
    let from_one_side = policy.nested_groups == NestedGroups::Report && policy.username != UsernameAttribute::Mail;
    if people.is_empty() || people.len() > MAX_HINTED || !from_one_side {
        return Look::default();
    }
    let look = async {
        let (groups, calls) = read(ctx, entry, people).await?;
        let members = groups.iter().flat_map(|group| &group.members);
        let mut usernames: Vec<&str> = members.filter_map(|member| member.attribute(policy.username)).collect();
        usernames.sort_unstable();
        usernames.dedup();
        let known = if usernames.is_empty() { Vec::new() } else { directory.users_named(&usernames).await? };
        Ok(Look { groups, known, calls })
    };
    look.await.unwrap_or_else(|error| {
        later(&error);
        Look::default()
    })
}

/// Creates users for the members who have none.
pub async fn create(
    ctx: &Context,
    entry: &Entry,
    policy: &Policy,
    (directory, profiles): (&Directory<'_>, &Profiles),
    membership: impl Membership,
    (look, deadline): (Look, Instant),
) -> Newcomers {
    let plan = plan(&look.groups, &look.known, profiles, policy, OffsetDateTime::now_utc().date()).creations();
    let mut newcomers = Newcomers { totals: Totals { calls: look.calls, ..Totals::default() }, ..Newcomers::default() };
    if plan.create.is_empty() {
        return newcomers;
    }
    let ids = (entry.instance_id.as_str(), entry.alias.as_str());
    let writer = Writer::new(ctx.connect(), ctx.quotas(), directory, membership, ids, true);
    match writer.apply(&plan, deadline).await {
        Ok(applied) => {
            // The full comparison retries failed users and counts their failures.
            newcomers.totals =
                Totals { calls: applied.totals.calls + look.calls, failed: 0, waiting_for_quota: 0, ..applied.totals };
            let names = plan.create.into_iter().map(|user| user.username);
            newcomers.created = names.filter(|name| applied.has_created(name)).collect();
        }
        Err(error) => later(&error),
    }
    newcomers
}

fn later(error: &StepError) {
    warn!(error = error.name(), message = error.message, "newcomers wait for the comparison");
}

/// Returns the configured groups with those of `people` who are their members, and the number of calls.
async fn read(ctx: &Context, entry: &Entry, people: &[String]) -> Result<(Vec<GroupRead>, usize), StepError> {
    let graph = ctx.graph();
    let reads = people.iter().map(|id| async move { tokio::try_join!(graph.user(id), graph.direct_memberships(id)) });
    let found: Vec<_> = try_join_all(reads).await?.into_iter().filter_map(|(user, of)| Some((user?, of?))).collect();
    let groups = entry.user_groups()?.into_iter().map(|(group, settings)| GroupRead {
        group_id: group.id.clone(),
        display_name: group.display_name.clone(),
        settings: settings.clone(),
        members: found.iter().filter(|(_, of)| of.contains(&group.id)).map(|(user, _)| user.clone()).collect(),
        ..GroupRead::default()
    });
    Ok((groups.collect(), 2 * people.len()))
}
