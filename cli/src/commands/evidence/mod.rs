//! `onboard evidence`: writes a directory with the evidence about an onboarding, for an audit.
//!
//! * Reads: the registry; the Connect users (`connect:SearchUsers`, `ListUsers`, `ListSecurityProfiles`); the IAM
//!   objects; the functions' logs of the last 90 days (`logs:FilterLogEvents`); and CloudTrail's event history
//!   (`cloudtrail:LookupEvents`). The command also starts two executions (`states:StartExecution`): a drift check that
//!   reverts nothing, which reads the settings in AWS and Entra, and a user sync that only plans, which reads the group
//!   members.
//! * Writes: the directory. The drift check sends a notification if it finds drift that was not reported yet.
//! * If nothing has changed since the last pack, all files except the manifest are identical, because only the manifest
//!   contains the time at which the pack was created.

mod compose;
mod history;
mod pack;
mod sign_ins;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use aws_sdk_connect::types::UserSearchSummary;
use onboarding_core::{log_messages, names};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use self::{
    compose::{Group, User},
    history::History,
};
use super::{
    as_found::{self, AsFound, complete_log},
    follower::FollowOptions,
    logs, watched,
};
use crate::{
    args::EvidenceArgs,
    cloud::{Cloud, Machine, error::CommandError, registry::Entry},
    exit::Exit,
    output::{EvidencePack, PackFile},
    report::{evidence::Evidence, page},
    ui::{Console, Tone},
};

/// The logs and CloudTrail's event history are read for this number of seconds before the present. CloudTrail keeps
/// events for 90 days, which is also the default retention of the stack's logs.
const HISTORY_SECONDS: i64 = 90 * 86_400;

/// Runs the command.
///
/// # Errors
/// Fails if the directory is not empty or can't be written, or a request to AWS or the local cloud fails.
pub async fn run(args: EvidenceArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let directory = args.output.as_path();
    let not_written = |error: io::Error| {
        CommandError::input(words.not_written(directory.display(), error), words.specify_another_directory())
    };
    if !args.force && !pack::is_empty(directory).map_err(not_written)? {
        return Err(CommandError::input(words.directory_not_empty(directory.display()), words.use_force_or_another()));
    }
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(Some(&args.instance)).await?;
    let Some(found) = as_found::read(&cloud, &entry, console).await? else { return Ok(Exit::Interrupted) };
    let Some(groups) = groups(&cloud, &entry, console).await? else { return Ok(Exit::Interrupted) };
    let evidence = collect(&cloud, &entry, &found, &groups).await?;
    let files = write(directory, &evidence, console).map_err(not_written)?;
    let rows = evidence.tables.iter().map(|table| (table.name.to_owned(), table.rows.len())).collect();
    for table in &evidence.tables {
        console.line(&words.evidence_rows(words.evidence_table(table.name), table.rows.len()));
    }
    console.line(&console.paint(Tone::Good, &words.evidence_written(directory.display())));
    console.line(&words.evidence_is_personal());
    console.result(&EvidencePack { alias: entry.alias, directory: directory.display().to_string(), rows, files });
    Ok(Exit::Done)
}

/// Starts a user sync that only plans, and reads the groups of the input and their members from its log. `None` if the
/// operator interrupts the wait.
async fn groups(cloud: &Cloud, entry: &Entry, console: &Console) -> Result<Option<Vec<Group>>, CommandError> {
    let input = json!({ "instanceId": entry.instance_id, "mode": "plan", "reason": "operator" });
    let execution = cloud.start(Machine::UserSync, &format!("{}-members", entry.alias), &input).await?;
    let Some(ended) = watched(cloud, cloud.describe(&execution).await?, FollowOptions::default(), console).await?
    else {
        return Ok(None);
    };
    let wanted: BTreeSet<&str> = configured(entry, "groups").iter().filter_map(|group| group["id"].as_str()).collect();
    let complete = |lines: &[Value]| wanted.iter().all(|id| members_of(lines, id).is_some());
    let lines = complete_log(cloud, &ended, complete).await?;
    let settings = entry.config["users"]["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let group = |(group, settings): (&Value, &Value)| {
        let id = group["id"].as_str().unwrap_or_default();
        let profiles = settings["securityProfiles"].as_array().into_iter().flatten();
        Group {
            id: id.to_owned(),
            name: group["displayName"].as_str().unwrap_or_default().to_owned(),
            profiles: profiles.filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            members: members_of(&lines, id).unwrap_or_default(),
        }
    };
    Ok(Some(configured(entry, "groups").iter().zip(settings).map(group).collect()))
}

fn configured<'e>(entry: &'e Entry, name: &str) -> &'e [Value] {
    entry.config[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The members of a group, from the log lines. The log lists the members of a large group in several lines. Returns
/// `None` if one of these lines is missing.
fn members_of(lines: &[Value], group: &str) -> Option<BTreeSet<String>> {
    let parts: BTreeMap<u64, &Value> = lines
        .iter()
        .filter(|line| line["message"] == log_messages::GROUP_MEMBERS && line["group"] == group)
        .filter_map(|line| Some((line["part"].as_u64()?, line)))
        .collect();
    let expected = parts.values().next()?["parts"].as_u64()?;
    if u64::try_from(parts.len()) != Ok(expected) {
        return None;
    }
    let members = |line: &&Value| -> Option<Vec<String>> { serde_json::from_str(line["members"].as_str()?).ok() };
    parts.values().map(members).collect::<Option<Vec<_>>>().map(|lists| lists.into_iter().flatten().collect())
}

/// Reads the users, the IAM objects, the logs and the sign-ins, and composes the evidence.
async fn collect(cloud: &Cloud, entry: &Entry, found: &AsFound, groups: &[Group]) -> Result<Evidence, CommandError> {
    let from = OffsetDateTime::now_utc().unix_timestamp() - HISTORY_SECONDS;
    let users = users(cloud, entry).await?;
    let lines = logs::matching(cloud, &logs::alias_pattern(&entry.alias), from * 1000, None).await?;
    let history = History::of(&lines, &entry.alias);
    let federation = cloud.federation(entry).await?;
    let names: BTreeSet<&str> = users.iter().map(|user| user.username.as_str()).collect();
    let role = federation.role.as_ref().map(|role| role.arn.as_str()).unwrap_or_default();
    let sign_ins = sign_ins::read(cloud, role, &names).await;
    #[expect(clippy::cast_precision_loss, reason = "a current time fits")]
    let (from, now) = (from as f64, (from + HISTORY_SECONDS) as f64 * 1000.0);
    let text = |name: &str| entry.config[name].as_str().unwrap_or_default().to_owned();
    let mut documents: Map<String, Value> = federation.json().as_object().cloned().unwrap_or_default();
    for name in ["certificates", "claimsMappingPolicies", "servicePrincipal", "application"] {
        documents.insert(name.to_owned(), found.application[name].clone());
    }
    documents.insert("assignments".into(), found.assignments.clone().into());
    Ok(Evidence {
        alias: entry.alias.clone(),
        facts: vec![
            ("region", cloud.region().to_owned()),
            ("instanceArn", text("instanceArn")),
            ("tenantId", text("tenantId")),
        ],
        tables: vec![
            compose::access(&users, groups, &history),
            compose::approvals(&history, entry.approved.as_ref(), entry.approval.as_ref(), now),
            compose::leavers(&users, &history),
            compose::sign_ins(&users, &history, &sign_ins, from),
            compose::drift(&history),
            compose::settings(&found.settings),
        ],
        documents,
    })
}

/// All users of the instance, sorted by username.
async fn users(cloud: &Cloud, entry: &Entry) -> Result<Vec<User>, CommandError> {
    let connect = aws_sdk_connect::Client::new(&cloud.config);
    let failed = cloud.words.reading_users();
    let mut profiles = BTreeMap::new();
    let mut pages = connect.list_security_profiles().instance_id(&entry.instance_id).into_paginator().items().send();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(|error| CommandError::of(cloud.words, &failed, &error))?;
        profiles.extend(profile.id.zip(profile.name));
    }
    let mut modified = BTreeMap::new();
    let mut pages =
        connect.list_users().instance_id(&entry.instance_id).max_results(1000).into_paginator().items().send();
    while let Some(user) = pages.next().await {
        let user = user.map_err(|error| CommandError::of(cloud.words, &failed, &error))?;
        modified.extend(user.id.zip(user.last_modified_time.map(|at| at.as_secs_f64())));
    }
    let mut users = Vec::new();
    let mut pages =
        connect.search_users().instance_id(&entry.instance_id).max_results(500).into_paginator().items().send();
    while let Some(user) = pages.next().await {
        let user = user.map_err(|error| CommandError::of(cloud.words, &failed, &error))?;
        users.push(read(user, &profiles, &modified, &entry.alias));
    }
    users.sort_by(|one: &User, other| (&one.username, &one.id).cmp(&(&other.username, &other.id)));
    Ok(users)
}

fn read(
    user: UserSearchSummary,
    profiles: &BTreeMap<String, String>,
    modified: &BTreeMap<String, f64>,
    alias: &str,
) -> User {
    let id = user.id.unwrap_or_default();
    let tags: BTreeMap<String, String> = user.tags.unwrap_or_default().into_iter().collect();
    let ids = user.security_profile_ids.unwrap_or_default();
    let mut named: Vec<String> =
        ids.into_iter().map(|profile| profiles.get(&profile).cloned().unwrap_or(profile)).collect();
    named.sort();
    let ours = tags.get(names::MANAGED_BY_KEY).is_some_and(|value| value == names::MANAGED_BY);
    let managed = ours && tags.get(names::ONBOARDING_KEY).is_some_and(|owner| names::same_alias(owner, alias));
    User {
        username: user.username.unwrap_or_default(),
        profiles: named,
        modified: modified.get(&id).copied(),
        managed,
        tags,
        id,
    }
}

/// Writes the files of the pack. The manifest is written last, so a pack without a manifest is incomplete.
fn write(directory: &Path, evidence: &Evidence, console: &Console) -> io::Result<Vec<PackFile>> {
    pack::create(directory)?;
    let mut files = vec![pack::write(directory, "evidence.json", &format!("{:#}\n", evidence.json()))?];
    for table in &evidence.tables {
        files.push(pack::write(directory, &format!("{}.csv", table.name), &table.csv())?);
    }
    files.push(pack::write(directory, "index.html", &page::evidence::render(evidence, console.words()))?);
    let created = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let manifest = json!({
        "alias": evidence.alias,
        "createdAt": created.format(&Rfc3339).unwrap_or_default(),
        "createdBy": concat!("onboard ", env!("CARGO_PKG_VERSION")),
        "files": files,
    });
    files.push(pack::write(directory, "manifest.json", &format!("{manifest:#}\n"))?);
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_group_are_known_only_if_all_lines_were_read() {
        let line = |part: u64, members: &str| json!({ "message": log_messages::GROUP_MEMBERS, "group": "g", "part": part, "parts": 2, "members": members });
        let (first, second) = (line(0, r#"["a","b"]"#), line(1, r#"["c"]"#));
        assert_eq!(members_of(std::slice::from_ref(&first), "g"), None);
        let members = members_of(&[second, first.clone(), first], "g");
        assert_eq!(members, Some(["a", "b", "c"].map(ToOwned::to_owned).into()));
        assert_eq!(members_of(&[], "g"), None);
    }
}
