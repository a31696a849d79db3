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
    sync::{GroupRead, MAX_HINTED, Policy, Profiles, Totals, plan},
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

/// Creates those of `people` (object ids) who are members and have no user.
pub async fn create(
    cx: &Clients,
    entry: &Entry,
    policy: &Policy,
    (directory, profiles): (&Directory<'_>, &Profiles),
    membership: impl Membership,
    (people, deadline): (&[String], Instant),
) -> Newcomers {
    match attempt(cx, entry, policy, (directory, profiles), membership, (people, deadline)).await {
        Ok(newcomers) => newcomers,
        Err(error) => {
            warn!(error = error.name(), message = error.message, "newcomers wait for the comparison");
            Newcomers::default()
        }
    }
}

async fn attempt(
    cx: &Clients,
    entry: &Entry,
    policy: &Policy,
    (directory, profiles): (&Directory<'_>, &Profiles),
    membership: impl Membership,
    (people, deadline): (&[String], Instant),
) -> Result<Newcomers, StepError> {
    // Whose name it is, or which groups count, can't be told from one person's side.
    let from_one_side = policy.nested_groups == NestedGroups::Report && policy.username != UsernameAttribute::Mail;
    if people.is_empty() || people.len() > MAX_HINTED || !from_one_side {
        return Ok(Newcomers::default());
    }
    let (groups, calls) = read(cx, entry, people).await?;
    let mut usernames: Vec<&str> =
        groups.iter().flat_map(|group| &group.members).filter_map(|member| member.attribute(policy.username)).collect();
    usernames.sort_unstable();
    usernames.dedup();
    if usernames.is_empty() {
        return Ok(Newcomers { totals: Totals { calls, ..Totals::default() }, ..Newcomers::default() });
    }
    let known = directory.users_named(&usernames).await?;
    let plan = plan(&groups, &known, profiles, policy, OffsetDateTime::now_utc().date()).creations();
    let ids = (entry.instance_id.as_str(), entry.alias.as_str());
    let writer = Writer::new(cx.connect(), cx.quotas(), directory, membership, ids, true);
    let applied = writer.apply(&plan, deadline).await?;
    let mut totals = applied.totals;
    totals.calls += calls;
    // Who failed here is tried again by the comparison, which counts.
    totals.failed = 0;
    totals.waiting_for_quota = 0;
    let created = plan.create.into_iter().map(|user| user.username).filter(|name| applied.has_created(name)).collect();
    Ok(Newcomers { created, totals })
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
