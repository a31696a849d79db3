//! Who has just joined, as a notification says, gets a user before everybody is compared: in an instance of ten thousand
//! users the comparison reads for eight seconds, a newcomer for the fraction of one.
//!
//! A hint is not believed here either: the person and the person's groups are read from Entra, the username is looked for in
//! Connect, and the same planner decides. Only what it would create is done; whoever left, changed or is in doubt waits for
//! the comparison that follows, and so does everything that fails here.

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
    clients::Clients,
    connect::{Directory, Membership, Writer},
    registry::Entry,
};

/// What was done for them.
#[derive(Debug, Default)]
pub struct Newcomers {
    /// The usernames that exist now. Connect may list them late.
    pub created: HashSet<String>,
    /// In numbers; without the directory's calls.
    pub totals: Totals,
}

/// Who the hinted people are.
#[derive(Debug, Default)]
pub struct Look {
    /// The configured groups with those of them who are members.
    groups: Vec<GroupRead>,
    /// The users that already have their names.
    known: Vec<ConnectUser>,
    /// Of Graph.
    calls: usize,
}

/// Reads `people` (object ids) from one side: each person's groups and the usernames in Connect. Whoever can't be judged so
/// is left out, and so is everybody where a read fails.
pub async fn look(cx: &Clients, entry: &Entry, policy: &Policy, directory: &Directory<'_>, people: &[String]) -> Look {
    // Whose name it is, or which groups count, can't be told from one person's side.
    let from_one_side = policy.nested_groups == NestedGroups::Report && policy.username != UsernameAttribute::Mail;
    if people.is_empty() || people.len() > MAX_HINTED || !from_one_side {
        return Look::default();
    }
    let look = async {
        let (groups, calls) = read(cx, entry, people).await?;
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

/// Creates those who are members and have no user.
pub async fn create(
    cx: &Clients,
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
    let writer = Writer::new(cx.connect(), cx.quotas(), directory, membership, ids, true);
    match writer.apply(&plan, deadline).await {
        Ok(applied) => {
            // Who failed here is tried again by the comparison, which counts.
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

/// The configured groups with those of `people` who are in them, and how many calls that took.
async fn read(cx: &Clients, entry: &Entry, people: &[String]) -> Result<(Vec<GroupRead>, usize), StepError> {
    let graph = cx.graph();
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
