//! The burst: within a minute, many members join the groups of many instances. All syncs share the rates of the account.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use test_support::member;

use crate::{
    cloud::Cloud,
    figures::{Target, number},
};

const INSTANCES: usize = 50;
/// The number of groups of each instance.
const GROUPS: usize = 4;
/// The number of members who join the groups of each instance.
const JOINERS: usize = 20;
/// The rate of `CreateUser` in requests per second, for the whole account. The burst is 2.5 times the rate.
const CREATION_RATE: usize = 50;
/// The quota codes for the rate of `CreateUser` and for the number of instances.
const CREATION_RATE_CODE: &str = "L-CBDEE3E4";
const INSTANCES_CODE: &str = "L-AA17A6B9";
/// The maximum time from the last change until every member has a user.
const PATIENCE: Duration = Duration::from_secs(900);

/// The results of the burst.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Burst {
    /// The time from the first to the last change, in seconds.
    changes_took: f64,
    /// The time from the first change until every member had a user, in seconds.
    users_took: f64,
    creations: usize,
    executions: usize,
    targets: [Target; 4],
}

/// Starts a local cloud with the instances, makes the changes and counts what they cause.
pub(crate) async fn measure(onboard: &Path, bootstrap: &Path) -> Result<Burst, String> {
    let groups = (0..INSTANCES).flat_map(|instance| (0..GROUPS).map(move |number| group(instance, number)));
    let groups: Vec<_> = groups.map(|(id, name)| json!({ "id": id, "displayName": name, "members": [] })).collect();
    let tenant = env::temp_dir().join(format!("event-path-{}-tenant.json", std::process::id()));
    let failed = |error: std::io::Error| format!("{}: {error}", tenant.display());
    fs::write(&tenant, json!({ "groups": groups }).to_string()).map_err(failed)?;
    let started = Cloud::start(onboard, bootstrap, &["--idle", "--tenant", &tenant.to_string_lossy()]).await;
    fs::remove_file(&tenant).map_err(failed)?;
    let cloud = started?;
    let instances = register(&cloud).await?;
    let before = executions(&cloud).await?;
    let started = Instant::now();
    let joiners = (0..JOINERS).flat_map(|number| (0..INSTANCES).map(move |instance| (instance, number)));
    stream::iter(joiners.map(Ok))
        .try_for_each_concurrent(4, async |(instance, number)| join(&cloud, instance, number).await)
        .await?;
    let changes_took = started.elapsed().as_secs_f64();
    let missing = until_everybody_has_a_user(&cloud, &instances).await?;
    let users_took = started.elapsed().as_secs_f64();
    let after = executions(&cloud).await?;
    let caused = |id: &String| after.get(id).unwrap_or(&0) - before.get(id).unwrap_or(&0);
    let statuses = cloud.statuses("CreateUser").await?;
    Ok(Burst {
        changes_took,
        users_took,
        creations: statuses.len(),
        executions: instances.iter().map(caused).sum(),
        targets: [
            Target::at_most("s for all changes", changes_took, 60.0),
            Target::at_most("members without a user", number(missing), 0.0),
            Target::at_most(
                "executions of the user sync for one instance, at most",
                number(instances.iter().map(caused).max().unwrap_or_default()),
                3.0,
            ),
            Target::at_most(
                "throttled calls of CreateUser",
                number(statuses.iter().filter(|status| **status == 429).count()),
                0.0,
            ),
        ],
    })
}

/// The ID and the display name of a group of an instance.
fn group(instance: usize, number: usize) -> (String, String) {
    (format!("67000000-0000-4000-{:04}-{number:012}", 9000 + instance), format!("Group {number} of {instance}"))
}

async fn register(cloud: &Cloud) -> Result<Vec<String>, String> {
    cloud.set_quota(INSTANCES_CODE, INSTANCES).await?;
    cloud.set_quota(CREATION_RATE_CODE, CREATION_RATE).await?;
    let mut instances = Vec::new();
    for instance in 0..INSTANCES {
        let groups: Vec<_> = (0..GROUPS).map(|number| group(instance, number)).collect();
        instances.push(cloud.register(&format!("burst-{instance}"), &groups).await?);
    }
    cloud.invoke("SubscribeGroupsFunction").await?;
    Ok(instances)
}

async fn join(cloud: &Cloud, instance: usize, number: usize) -> Result<(), String> {
    let id = format!("75000000-0000-4000-{:04}-{number:012}", 9000 + instance);
    let username = format!("joiner{number}.of{instance}@contoso.example");
    cloud.add_member(&group(instance, number % GROUPS).0, &member(&id, &username, "New Member")).await
}

/// Returns the number of members without a user. This number is zero, unless the time was too short.
async fn until_everybody_has_a_user(cloud: &Cloud, instances: &[String]) -> Result<usize, String> {
    let started = Instant::now();
    loop {
        let missing = cloud.users(instances).await?.iter().map(|users| JOINERS.saturating_sub(*users)).sum();
        if missing == 0 || started.elapsed() > PATIENCE {
            return Ok(missing);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Returns the number of executions of the user sync for each instance, after all of them have finished.
async fn executions(cloud: &Cloud) -> Result<BTreeMap<String, usize>, String> {
    cloud.until_idle().await?;
    let mut found = BTreeMap::new();
    for instance in cloud.synced_instances().await? {
        *found.entry(instance).or_default() += 1;
    }
    Ok(found)
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = INSTANCES * JOINERS;
        writeln!(f, "{changes} new members in {} groups of {INSTANCES} instances\n", INSTANCES * GROUPS)?;
        writeln!(f, "{:<44}{:>12}", "all changes made after", format!("{:.1} s", self.changes_took))?;
        writeln!(f, "{:<44}{:>12}", "all users created after", format!("{:.1} s", self.users_took))?;
        writeln!(f, "{:<44}{:>12}", "calls of CreateUser", self.creations)?;
        writeln!(f, "{:<44}{:>12}", "executions of the user sync", self.executions)?;
        self.targets.iter().try_for_each(|target| write!(f, "\n{target}"))
    }
}
