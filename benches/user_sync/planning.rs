//! Measures the planner. The planner runs in a separate process, so that the measured memory is only the planner's.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use onboarding_core::{
    names::MANAGED_BY,
    onboarding::{Phone, RemovalAction, Removed, UserGroup},
    sync::{ConnectUser, Counts, GroupRead, Member, Ownership, Policy, Profiles, UserChannels, plan},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    fixture::GROUP,
    tools::{output, peak_kb},
};

const AGENT: &str = "7c1e0000-0000-4000-8000-0000000a6e47";
const ROUTING: &str = "7c1e0000-0000-4000-8000-000000b0071e";
const ALIAS: &str = "acme-support";

/// The differences between Entra and Connect in a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    /// Entra and Connect do not differ.
    InStep,
    /// Of each hundred users, one joined, one left and one was renamed.
    OnePercent,
    /// No member of the group has a Connect user, and no Connect user belongs to a member.
    Strangers,
}

/// The measurements of the planner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Planned {
    pub(crate) case: Case,
    pub(crate) people: usize,
    pub(crate) plan_ms: f64,
    pub(crate) digest_ms: f64,
    /// The peak resident memory before planning, when only both directories are in memory.
    pub(crate) directories_kb: u64,
    /// The peak resident memory at the end, when the directories, the plan and the plan's digest are in memory.
    pub(crate) peak_kb: u64,
    counts: Counts,
}

/// Runs the planner for this case in a new process and returns its measurements.
pub(crate) fn measure(case: Case, people: usize) -> Result<Planned, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(own);
    let name = case.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    command.args(["--planned", &people.to_string(), "--plan-case", &name]);
    let printed = output(command, "planning")?;
    serde_json::from_str(&printed).map_err(|error| format!("planning: {error}"))
}

/// Runs the planner for this case in the current process.
pub(crate) fn run(case: Case, people: usize) -> Result<Planned, String> {
    let (groups, users) = (vec![group(people)], users(case, people));
    let profiles = Profiles {
        security: BTreeMap::from([("Agent".into(), AGENT.into())]),
        routing: BTreeMap::from([("Basic Routing Profile".into(), ROUTING.into())]),
        ..Profiles::default()
    };
    let policy = Policy {
        removed: Removed { action: RemovalAction::Delete, grace_days: 0, ..Removed::default() },
        ..Policy::default()
    };
    let directories_kb = peak_kb("self")?;

    let start = Instant::now();
    let plan = plan(&groups, &users, &profiles, &policy, OffsetDateTime::now_utc().date());
    let planned = start.elapsed();
    let digest = plan.digest();
    let digested = start.elapsed() - planned;
    let peak_kb = peak_kb("self")?;

    let share = people / 100;
    let counts = plan.counts();
    let right = match case {
        Case::InStep => plan.is_empty() && counts.unchanged == people,
        Case::OnePercent => (counts.create, counts.update, counts.delete) == (share, share, share),
        Case::Strangers => (counts.create, counts.delete) == (people, people),
    };
    if !right || digest.is_empty() {
        return Err(format!("{case:?}: unexpected plan: {counts:?}"));
    }
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(Planned { case, people, plan_ms: ms(planned), digest_ms: ms(digested), directories_kb, peak_kb, counts })
}

/// Generates a GUID from a number. The GUIDs of consecutive numbers are not in sorted order.
fn guid(number: usize) -> String {
    let mixed = u32::try_from(number).unwrap_or(u32::MAX).wrapping_mul(2_654_435_761);
    format!("{mixed:08x}-0000-4000-8000-{number:012x}")
}

fn username(number: usize) -> String {
    format!("taro.yamada.{}@contoso.onmicrosoft.com", &guid(number)[..8])
}

fn group(people: usize) -> GroupRead {
    let member = |number| Member {
        id: guid(number),
        user_principal_name: Some(username(number)),
        mail: Some(username(number)),
        given_name: Some("Taro".into()),
        surname: Some("Yamada".into()),
        display_name: Some("Taro Yamada".into()),
        account_enabled: Some(true),
        guest: false,
    };
    GroupRead {
        group_id: GROUP.into(),
        display_name: "Support agents".into(),
        settings: UserGroup {
            group: "Support agents".into(),
            security_profiles: vec!["Agent".into()],
            routing_profile: "Basic Routing Profile".into(),
            ..UserGroup::default()
        },
        members: (0..people).map(member).collect(),
        ..GroupRead::default()
    }
}

fn users(case: Case, people: usize) -> Vec<ConnectUser> {
    let share = people / 100;
    let user = |index: usize| {
        let person = match case {
            Case::OnePercent if index < share => people + index,
            Case::Strangers => people + index,
            _ => index,
        };
        let renamed = case == Case::OnePercent && (share..2 * share).contains(&index);
        let id = guid(index);
        ConnectUser {
            arn: format!("arn:aws:connect:ap-northeast-1:111122223333:instance/{AGENT}/agent/{id}"),
            id,
            username: username(person),
            first_name: "Taro".into(),
            last_name: if renamed { "Suzuki" } else { "Yamada" }.into(),
            security_profile_ids: vec![AGENT.into()],
            routing_profile_id: ROUTING.into(),
            hierarchy_group_id: None,
            channels: UserChannels::of_phone(&Phone::default()),
            ownership: Ownership::from_tags(Some(MANAGED_BY), Some(ALIAS), ALIAS),
            entra_object_id: Some(guid(person)),
            removal_due: None,
            signed_out: false,
            sign_out_due: None,
            proficiencies: None,
            traffic_group: None,
        }
    };
    (0..people).map(user).collect()
}
