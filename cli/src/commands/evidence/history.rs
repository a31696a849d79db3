//! Extracts the events from the functions' logs: the changes that user syncs made to users, the operators' approvals
//! and rejections, and the differences that drift checks found.

use onboarding_core::{log_messages, names};
use serde_json::Value;

use crate::{cloud::executions::name_of, commands::logs::Line};

/// What happened to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// The user was created.
    Created,
    /// A setting of the user was changed.
    Changed,
    /// The user left and is scheduled for deletion.
    DeletionScheduled,
    /// The user is a member again, so the scheduled deletion was cancelled.
    DeletionCancelled,
    /// The user was deleted.
    Deleted,
    /// The user left and was kept without rights.
    RightsRemoved,
    /// All sessions of the user were ended.
    SessionsEnded,
}

impl Happened {
    /// Determines the kind of event from the message of a log line.
    fn of(message: &str) -> Option<Self> {
        Some(match message {
            log_messages::USER_CREATED => Self::Created,
            log_messages::USER_CHANGED => Self::Changed,
            log_messages::DELETION_SCHEDULED => Self::DeletionScheduled,
            log_messages::DELETION_CANCELED => Self::DeletionCancelled,
            log_messages::USER_DELETED => Self::Deleted,
            log_messages::RIGHTS_REMOVED => Self::RightsRemoved,
            log_messages::USER_SIGNED_OUT => Self::SessionsEnded,
            _ => return None,
        })
    }

    /// The name of the event in the table of users who left. `None` if this table does not contain such events.
    pub(super) const fn of_leaver(self) -> Option<&'static str> {
        match self {
            Self::Created | Self::Changed => None,
            Self::DeletionScheduled => Some("deletionScheduled"),
            Self::DeletionCancelled => Some("deletionCancelled"),
            Self::Deleted => Some("deleted"),
            Self::RightsRemoved => Some("rightsRemoved"),
            Self::SessionsEnded => Some("sessionsEnded"),
        }
    }
}

/// An event about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserEvent {
    /// Time of the event, in milliseconds since the epoch.
    pub(super) at: i64,
    /// The name of the execution that logged the event.
    pub(super) execution: String,
    pub(super) username: String,
    pub(super) happened: Happened,
    /// The user's security profiles after the event. `None` if the event does not change the security profiles, or if
    /// an earlier release wrote the log line without them.
    pub(super) profiles: Option<Vec<String>>,
    /// The day from which the user may be deleted.
    pub(super) due: String,
}

/// A decision of an operator about changes that needed approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) digest: String,
    /// The decision: `approved` or `rejected`.
    pub(super) decision: &'static str,
    pub(super) by: String,
    /// The time of the decision.
    pub(super) decided: String,
    /// The number of approved actions.
    pub(super) actions: String,
    /// The name of the first execution that logged the decision.
    pub(super) execution: String,
}

/// A difference that a drift check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drift {
    /// Time of the drift check, in milliseconds since the epoch.
    pub(super) at: i64,
    pub(super) execution: String,
    pub(super) place: String,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) reverted: bool,
}

/// The events of an instance, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) users: Vec<UserEvent>,
    pub(super) decisions: Vec<Decision>,
    /// The differences. Each difference is contained once, with the time of the drift check that found it first.
    pub(super) drift: Vec<Drift>,
}

impl History {
    /// Reads the events of the instance with this alias from log lines, which must be in chronological order.
    pub(super) fn of(lines: &[Line], alias: &str) -> Self {
        let mut history = Self::default();
        for line in lines {
            let (span, fields) = (&line.logged["span"], &line.logged["fields"]);
            let execution = name_of(span["execution"].as_str().unwrap_or_default()).to_owned();
            let is_ours = |value: &Value| value.as_str().is_some_and(|one| names::same_alias(one, alias));
            if is_ours(&span["alias"]) {
                history.users.extend(user_event(line.at, &execution, fields));
                history.decide(&execution, fields);
            }
            if is_ours(&fields["instance"]) && fields["message"] == log_messages::DRIFT {
                history.drifted(Drift {
                    at: line.at,
                    execution,
                    place: text(fields, "place"),
                    expected: text(fields, "expected"),
                    found: text(fields, "found"),
                    reverted: fields["mended"] == true,
                });
            }
        }
        history
    }

    fn decide(&mut self, execution: &str, fields: &Value) {
        let (decision, by, at) = match fields["message"].as_str() {
            Some(log_messages::PART_APPROVED) => ("approved", "approved_by", "approved_at"),
            Some(log_messages::PART_REJECTED) => ("rejected", "rejected_by", "rejected_at"),
            _ => return,
        };
        let actions = fields["actions"].as_u64().map(|actions| actions.to_string()).unwrap_or_default();
        let decision = Decision {
            digest: text(fields, "digest"),
            decision,
            by: text(fields, by),
            decided: text(fields, at),
            actions,
            execution: execution.to_owned(),
        };
        // A user sync runs in several rounds (calls of its function). Each round that applies a decision logs this
        // decision, so the log can contain the same decision several times.
        let known = |other: &Decision| {
            (&other.digest, other.decision, &other.decided) == (&decision.digest, decision.decision, &decision.decided)
        };
        if !self.decisions.iter().any(known) {
            self.decisions.push(decision);
        }
    }

    fn drifted(&mut self, drift: Drift) {
        let same = |other: &Drift| {
            (&other.place, &other.expected, &other.found, other.reverted)
                == (&drift.place, &drift.expected, &drift.found, drift.reverted)
        };
        if !self.drift.iter().any(same) {
            self.drift.push(drift);
        }
    }
}

fn user_event(at: i64, execution: &str, fields: &Value) -> Option<UserEvent> {
    let happened = Happened::of(fields["message"].as_str()?)?;
    let logged = fields["security_profiles"].as_str().and_then(|names| serde_json::from_str(names).ok());
    let profiles = match happened {
        Happened::RightsRemoved => Some(vec![names::NO_ACCESS_PROFILE.to_owned()]),
        Happened::Deleted => Some(Vec::new()),
        _ => logged,
    };
    let username = text(fields, "username");
    Some(UserEvent { at, execution: execution.to_owned(), username, happened, profiles, due: text(fields, "due") })
}

fn text(fields: &Value, name: &str) -> String {
    fields[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn history(lines: &[Value]) -> History {
        let event = |(at, line): (usize, &Value)| json!({ "timestamp": at, "message": line.to_string() });
        let lines: Vec<Line> = lines.iter().enumerate().map(event).filter_map(|event| Line::read(&event)).collect();
        History::of(&lines, "acme")
    }

    fn line(alias: &str, fields: &Value) -> Value {
        json!({ "level": "INFO", "fields": fields, "span": { "alias": alias, "execution": "arn:aws:states:r:1:x:sync-1" } })
    }

    #[test]
    fn the_events_of_the_users_of_one_instance_are_read() {
        let created =
            json!({ "message": log_messages::USER_CREATED, "username": "taro", "security_profiles": "[\"A + B\"]" });
        let history = history(&[
            line("ACME", &created),
            line("other", &created),
            line("acme", &json!({ "message": log_messages::RIGHTS_REMOVED, "username": "taro" })),
            line("acme", &json!({ "message": "step done" })),
        ]);
        let read: Vec<_> = history.users.iter().map(|event| (event.happened, event.profiles.clone())).collect();
        let one = |name: &str| Some(vec![name.to_owned()]);
        let stripped = one(names::NO_ACCESS_PROFILE);
        assert_eq!(read, [(Happened::Created, one("A + B")), (Happened::RightsRemoved, stripped)]);
        assert_eq!((history.users[0].at, history.users[0].execution.as_str()), (0, "sync-1"));
    }

    #[test]
    fn a_decision_and_a_difference_that_are_logged_again_are_listed_once() {
        let approved = json!({
            "message": log_messages::PART_APPROVED, "digest": "d", "actions": 2,
            "approved_by": "arn:me", "approved_at": "2026-11-30T00:00:00Z",
        });
        let drift = |mended| {
            line(
                "",
                &json!({
                    "message": log_messages::DRIFT, "instance": "acme", "place": "p", "expected": "e", "found": "f", "mended": mended,
                }),
            )
        };
        let history =
            history(&[line("acme", &approved), line("acme", &approved), drift(false), drift(false), drift(true)]);
        assert_eq!(history.decisions.len(), 1);
        assert_eq!((history.decisions[0].actions.as_str(), history.decisions[0].by.as_str()), ("2", "arn:me"));
        let found: Vec<_> = history.drift.iter().map(|drift| (drift.at, drift.reverted)).collect();
        assert_eq!(found, [(2, false), (4, true)]);
    }
}
