//! Composes the tables of an evidence pack. Each row that contains a time also names the source of this time. A time
//! that was not recorded is never estimated.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    history::{Decision, Happened, History, UserEvent},
    sign_ins::SignIns,
};
use crate::{
    cloud::registry::{ApprovalRequest, RecordedDecision},
    commands::as_found::Setting,
    report::evidence::Table,
    ui::time::iso,
};

/// The text that a table contains instead of a time that was not recorded.
const NOT_RECORDED: &str = "not recorded";

/// A Connect user.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    /// The names of the security profiles, sorted.
    pub(super) profiles: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// `LastModifiedTime`, in seconds since the epoch.
    pub(super) modified: Option<f64>,
    /// Whether the user has the tags of this onboarding.
    pub(super) managed: bool,
}

impl User {
    fn tag(&self, key: &str) -> &str {
        self.tags.get(key).map_or("", String::as_str)
    }
}

/// A group of the input with its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    /// The names of the security profiles that the input assigns to the members.
    pub(super) profiles: Vec<String>,
    /// The object ids of the members.
    pub(super) members: BTreeSet<String>,
}

/// The time since which a user has had a security profile, and the source of this time.
struct Since {
    at: String,
    source: String,
}

/// One row for each security profile of each user.
pub(super) fn access(users: &[User], groups: &[Group], history: &History) -> Table {
    let mut rows = Vec::new();
    for user in users {
        let events: Vec<&UserEvent> = history.users.iter().filter(|event| event.username == user.username).collect();
        let object_id = user.tag(onboarding_core::names::ENTRA_OBJECT_ID_KEY);
        for profile in &user.profiles {
            let through = groups.iter().filter(|group| user.managed && group.members.contains(object_id));
            let through = through.filter(|group| group.profiles.contains(profile));
            let through: Vec<String> = through.map(|group| format!("{} ({})", group.name, group.id)).collect();
            let through = if through.is_empty() { "no group".to_owned() } else { through.join("; ") };
            let since = since(profile, &events, user.modified);
            rows.push(vec![
                user.username.clone(),
                user.id.clone(),
                object_id.to_owned(),
                yes_no(user.managed),
                profile.clone(),
                through,
                since.at,
                since.source,
            ]);
        }
    }
    let columns =
        &["username", "connectUserId", "entraObjectId", "managed", "securityProfile", "group", "since", "sinceSource"];
    Table { name: "access", columns, rows }
}

/// The time since which a user has had a security profile. Connect does not record this time, so it is taken from the
/// functions' log: it is the time of the first event with the profile after the last event without the profile. If the
/// log contains no such event, the time of the last change of the user is used, because the user got the profile at
/// this time or earlier.
fn since(profile: &str, events: &[&UserEvent], modified: Option<f64>) -> Since {
    let mut start: Option<&UserEvent> = None;
    for event in events {
        match &event.profiles {
            Some(profiles) if profiles.iter().any(|one| one == profile) => start = start.or(Some(event)),
            Some(_) => start = None,
            None => {}
        }
    }
    match (start, modified) {
        (Some(event), _) => Since { at: time(event.at), source: format!("function log of {}", event.execution) },
        (None, Some(at)) => Since {
            at: iso(at),
            source: "Amazon Connect, LastModifiedTime of the user: since then at the latest".into(),
        },
        (None, None) => Since { at: NOT_RECORDED.into(), source: "neither the function log nor Amazon Connect".into() },
    }
}

/// One row for each decision of an operator. If no operator has decided about the last request, a further row shows
/// this request as waiting or expired. `now` is in milliseconds since the epoch.
pub(super) fn approvals(
    history: &History,
    approved: Option<&RecordedDecision>,
    request: Option<&ApprovalRequest>,
    now: f64,
) -> Table {
    let mut rows: Vec<Vec<String>> = history
        .decisions
        .iter()
        .map(|Decision { digest, decision, by, decided, actions, execution }| {
            let source = format!("function log of {execution}");
            vec![decided.clone(), (*decision).to_owned(), by.clone(), digest.clone(), actions.clone(), source]
        })
        .collect();
    let mut add = |digest: &str, decision: &str, by: &str, at: Option<f64>, actions: String| {
        let logged = |row: &Vec<String>| row[3] == digest && row[1] == decision;
        if !rows.iter().any(logged) {
            let at = at.map_or_else(|| NOT_RECORDED.to_owned(), |at| iso(at / 1000.0));
            rows.push(vec![at, decision.into(), by.into(), digest.into(), actions, "registry".into()]);
        }
    };
    if let Some(RecordedDecision { digest, by, at }) = approved {
        add(digest, "approved", by, Some(*at), String::new());
    }
    if let Some(request) = request {
        let actions = request.waiting.actions.to_string();
        match &request.rejected_by {
            Some(by) => add(&request.digest, "rejected", by, request.rejected_at, actions),
            None if request.until <= now => add(&request.digest, "expired", "", Some(request.until), actions),
            None => add(&request.digest, "waiting", "", None, actions),
        }
    }
    rows.sort();
    Table { name: "approvals", columns: &["at", "decision", "by", "digest", "actions", "source"], rows }
}

/// One row for each event about a user who left.
pub(super) fn leavers(users: &[User], history: &History) -> Table {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for event in &history.users {
        if let Some(name) = event.happened.of_leaver() {
            let source = format!("function log of {}", event.execution);
            rows.push(vec![event.username.clone(), time(event.at), name.into(), event.due.clone(), source]);
        }
    }
    let logged = |user: &User, happened| {
        history.users.iter().any(|event| event.username == user.username && event.happened == happened)
    };
    // The tags of the users are also evaluated, because tags are kept longer than the log.
    for user in users.iter().filter(|user| user.managed) {
        let mut add = |tag: &str, happened: Happened, row: [&str; 2]| {
            if !user.tag(tag).is_empty() && !logged(user, happened) {
                let name = happened.of_leaver().unwrap_or_default();
                let source = format!("tag {tag} of the Connect user");
                rows.push(vec![user.username.clone(), row[0].into(), name.into(), row[1].into(), source]);
            }
        };
        let (signed_out, due) = (onboarding_core::sync::SIGNED_OUT_KEY, onboarding_core::sync::REMOVAL_DUE_KEY);
        add(signed_out, Happened::SessionsEnded, [user.tag(signed_out), ""]);
        add(due, Happened::DeletionScheduled, [NOT_RECORDED, user.tag(due)]);
    }
    rows.sort();
    Table { name: "leavers", columns: &["username", "at", "event", "due", "source"], rows }
}

/// One row for each user, with the last sign-in, or with the statement that none was found.
pub(super) fn sign_ins(users: &[User], history: &History, found: &SignIns, window_start: f64) -> Table {
    let start = found.complete_since.unwrap_or(window_start);
    let row = |user: &User| {
        let created = history
            .users
            .iter()
            .rfind(|event| event.username == user.username && event.happened == Happened::Created)
            .map(|event| seconds(event.at));
        let read = "CloudTrail, AssumeRoleWithSAML".to_owned();
        let limit = match found.complete_since {
            None => format!("{read}: no event in the last 90 days"),
            Some(since) => format!("{read}: no event since {}; older events were not read", iso(since)),
        };
        let (status, at, source) = match (found.last.get(&user.username), &found.unknown) {
            (Some(at), _) => ("signedIn", iso(*at), read),
            (None, Some(why)) => ("unknown", String::new(), why.clone()),
            (None, None) if created.is_some_and(|created| created >= start) => {
                ("never", String::new(), format!("{read}: no event since the user was created"))
            }
            (None, None) => ("notInPeriod", String::new(), limit),
        };
        vec![user.username.clone(), status.to_owned(), at, source]
    };
    let rows = users.iter().map(row).collect();
    Table { name: "sign-ins", columns: &["username", "status", "lastSignIn", "source"], rows }
}

/// One row for each difference that a drift check found, and whether it was reverted.
pub(super) fn drift(history: &History) -> Table {
    let rows = history.drift.iter().map(|drift| {
        vec![
            time(drift.at),
            drift.place.clone(),
            drift.expected.clone(),
            drift.found.clone(),
            if drift.reverted { "reverted" } else { "reported" }.to_owned(),
            format!("function log of {}", drift.execution),
        ]
    });
    let columns = &["firstSeen", "place", "expected", "found", "result", "source"];
    Table { name: "drift", columns, rows: rows.collect() }
}

/// One row for each setting that the drift check compared.
pub(super) fn settings(settings: &[Setting]) -> Table {
    let row = |setting: &Setting| {
        vec![setting.place.clone(), setting.expected.clone(), setting.found.clone(), yes_no(setting.passed)]
    };
    let rows = settings.iter().map(row).collect();
    Table { name: "settings", columns: &["place", "expected", "found", "asExpected"], rows }
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a current time fits")]
const fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn time(milliseconds: i64) -> String {
    iso(seconds(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, happened: Happened, profiles: Option<&[&str]>) -> UserEvent {
        let profiles = profiles.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let (execution, username) = (format!("sync-{at}"), "taro".to_owned());
        UserEvent { at: at * 1000, execution, username, happened, profiles, due: String::new() }
    }

    fn taro() -> User {
        User {
            id: "u".into(),
            username: "taro".into(),
            profiles: vec!["Agent".into(), "Manager".into()],
            tags: BTreeMap::from([("entra-object-id".into(), "o".into())]),
            modified: Some(50.0),
            managed: true,
        }
    }

    #[test]
    fn a_profile_counts_from_the_event_after_which_the_user_always_had_it() {
        let history = History {
            users: vec![
                event(1, Happened::Created, Some(&["Agent", "Manager"])),
                event(2, Happened::Changed, Some(&["Agent"])),
                event(3, Happened::Changed, None),
                event(4, Happened::Changed, Some(&["Agent", "Manager"])),
            ],
            ..History::default()
        };
        let groups = [
            Group {
                id: "g1".into(),
                name: "Agents".into(),
                profiles: vec!["Agent".into()],
                members: ["o".into()].into(),
            },
            Group { id: "g2".into(), name: "Leads".into(), profiles: vec!["Manager".into()], members: BTreeSet::new() },
        ];
        let table = access(&[taro()], &groups, &history);
        let read: Vec<[&str; 4]> =
            table.rows.iter().map(|row| [&row[4], &row[5], &row[6], &row[7]].map(String::as_str)).collect();
        assert_eq!(
            read,
            [
                ["Agent", "Agents (g1)", "1970-01-01T00:00:01Z", "function log of sync-1"],
                ["Manager", "no group", "1970-01-01T00:00:04Z", "function log of sync-4"],
            ]
        );
    }

    #[test]
    fn a_time_that_nothing_recorded_is_not_invented() {
        let table = access(&[taro()], &[], &History::default());
        assert_eq!(table.rows[0][6], "1970-01-01T00:00:50Z");
        assert!(table.rows[0][7].ends_with("since then at the latest"), "{table:?}");
        let table = access(&[User { modified: None, ..taro() }], &[], &History::default());
        assert_eq!(table.rows[0][6], NOT_RECORDED);
    }

    #[test]
    fn a_user_without_events_has_never_signed_in_only_if_the_events_cover_the_life_of_the_user() {
        let history = History { users: vec![event(40, Happened::Created, None)], ..History::default() };
        let status = |history: &History, found: &SignIns| sign_ins(&[taro()], history, found, 30.0).rows[0][1].clone();
        let none = SignIns::default();
        assert_eq!(status(&history, &none), "never");
        assert_eq!(status(&History::default(), &none), "notInPeriod");
        assert_eq!(status(&history, &SignIns { complete_since: Some(45.0), ..none.clone() }), "notInPeriod");
        assert_eq!(status(&history, &SignIns { unknown: Some("no".into()), ..none.clone() }), "unknown");
        let signed_in = SignIns { last: BTreeMap::from([("taro".into(), 41.0)]), ..none };
        assert_eq!(status(&history, &signed_in), "signedIn");
    }

    #[test]
    fn the_tags_of_a_user_are_evidence_if_the_log_has_no_event() {
        let mut user = taro();
        user.tags.insert("signed-out".into(), "2026-11-01".into());
        user.tags.insert("removal-due".into(), "2026-12-01".into());
        let rows = leavers(std::slice::from_ref(&user), &History::default()).rows;
        let read: Vec<[&str; 3]> = rows.iter().map(|row| [&row[1], &row[2], &row[3]].map(String::as_str)).collect();
        assert_eq!(read, [["2026-11-01", "sessionsEnded", ""], [NOT_RECORDED, "deletionScheduled", "2026-12-01"]]);
        let history = History { users: vec![event(3, Happened::SessionsEnded, None)], ..History::default() };
        let rows = leavers(&[user], &history).rows;
        assert_eq!(rows.iter().filter(|row| row[2] == "sessionsEnded").count(), 1, "{rows:?}");
    }

    #[test]
    fn the_registry_adds_only_decisions_that_the_log_does_not_contain() {
        let decision = |digest: &str| RecordedDecision { digest: digest.into(), by: "arn:me".into(), at: 9_000.0 };
        let logged = Decision { digest: "d".into(), decision: "approved", ..Decision::default() };
        let history = History { decisions: vec![logged], ..History::default() };
        assert_eq!(approvals(&history, Some(&decision("d")), None, 0.0).rows.len(), 1);
        let rows = approvals(&history, Some(&decision("e")), None, 0.0).rows;
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1][0], "1970-01-01T00:00:09Z");
    }

    #[test]
    fn a_request_that_nobody_decided_expires() {
        let request = ApprovalRequest { digest: "r".into(), until: 9_000.0, ..ApprovalRequest::default() };
        let row = |now| approvals(&History::default(), None, Some(&request), now).rows.remove(0);
        assert_eq!(row(8_999.0)[..2], [NOT_RECORDED, "waiting"]);
        assert_eq!(row(9_000.0)[..2], ["1970-01-01T00:00:09Z", "expired"]);
    }
}
