//! AWS Support: support cases, attachments, and emulated support agents.

mod calls;
mod orders;
mod services;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

pub(crate) use calls::call;

use crate::stand_in::connect::add_number;
use crate::stand_in::world::{Setting, State};

/// Support cases and attachment sets.
#[derive(Debug, Default)]
pub(crate) struct Support {
    cases: Vec<Case>,
    sets: BTreeMap<String, Set>,
    sequence: u64,
}

/// An attachment set. Only the names of the files are stored. The size of each file is checked before its content is
/// discarded.
#[derive(Debug)]
struct Set {
    files: Vec<String>,
    expires: OffsetDateTime,
}

/// A support case.
#[derive(Debug)]
struct Case {
    id: String,
    display: String,
    subject: String,
    service: String,
    category: String,
    severity: String,
    language: String,
    cc: Vec<String>,
    created: OffsetDateTime,
    communications: Vec<Communication>,
    stage: Stage,
    /// The time at which the support case entered its current stage. The delays of the stage begin at this time.
    since: OffsetDateTime,
}

#[derive(Debug)]
struct Communication {
    body: String,
    by: String,
    at: OffsetDateTime,
    files: Vec<String>,
}

/// The stage of a support case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The customer has opened the support case, and AWS Support has not asked a question yet.
    Opened,
    /// AWS Support works on the support case again, because the customer has replied.
    Answered,
    /// The customer must reply to a question.
    Asked,
    Resolved,
}

impl Case {
    fn status(&self, setting: &Setting) -> &'static str {
        let picked_up = self.since + setting.clock.lasts(setting.behaviour.support_path.picked_up);
        match self.stage {
            Stage::Resolved => "resolved",
            Stage::Asked => "pending-customer-action",
            _ if picked_up <= setting.clock.now() => "work-in-progress",
            Stage::Answered => "customer-action-completed",
            Stage::Opened => "opened",
        }
    }

    fn say(&mut self, by: &str, body: &str, at: OffsetDateTime) {
        self.communications.push(Communication { body: body.into(), by: by.into(), at, files: Vec::new() });
    }

    /// A support case in the format of `CaseDetails`.
    fn shape(&self, setting: &Setting, with_communications: bool) -> Value {
        let mut shape = json!({
            "caseId": self.id,
            "displayId": self.display,
            "subject": self.subject,
            "status": self.status(setting),
            "serviceCode": self.service,
            "categoryCode": self.category,
            "severityCode": self.severity,
            "submittedBy": "owner@example.com",
            "timeCreated": stamp(self.created),
            "ccEmailAddresses": self.cc,
            "language": self.language,
        });
        if with_communications {
            // Only the five newest communications are included, the newest one first.
            let recent: Vec<Value> = self.communications.iter().rev().take(5).map(|one| one.shape(&self.id)).collect();
            shape["recentCommunications"] = json!({ "communications": recent });
        }
        shape
    }
}

impl Communication {
    fn shape(&self, case: &str) -> Value {
        let files: Vec<Value> = self
            .files
            .iter()
            .enumerate()
            .map(|(n, name)| json!({ "attachmentId": format!("attachment-{case}-{n}"), "fileName": name }))
            .collect();
        let mut shape =
            json!({ "caseId": case, "body": self.body, "submittedBy": self.by, "timeCreated": stamp(self.at) });
        if !files.is_empty() {
            shape["attachmentSet"] = json!(files);
        }
        shape
    }
}

/// A time as AWS Support formats it: ISO 8601 text with milliseconds.
fn stamp(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.format(&format).unwrap_or_default()
}

impl Support {
    /// Every support case in the format of `DescribeCases`, with the number of its attachments.
    pub(crate) fn inventory(&self, setting: &Setting) -> Value {
        let shape = |case: &Case| {
            let mut shape = case.shape(setting, false);
            shape["attachments"] = json!(case.communications.iter().map(|one| one.files.len()).sum::<usize>());
            shape["body"] = json!(case.communications.first().map(|one| one.body.as_str()));
            shape
        };
        json!({ "cases": self.cases.iter().map(shape).collect::<Vec<_>>() })
    }
}

/// Emulates the support agents. Processes each support case on which a support agent of AWS would have acted by now.
pub(crate) fn settle(setting: &Setting, state: &mut State) {
    let (now, path) = (setting.clock.now(), &setting.behaviour.support_path);
    for case in &mut state.support.cases {
        if !matches!(case.stage, Stage::Opened | Stage::Answered)
            || case.since + setting.clock.lasts(path.picked_up) > now
        {
            continue;
        }
        if services::is_number_order(&case.category) {
            let text: Vec<&str> = case.communications.iter().map(|one| one.body.as_str()).collect();
            let known: Vec<String> = state.connect.instances.values().map(|instance| instance.arn.clone()).collect();
            let files = case.communications.iter().map(|one| one.files.len()).sum();
            let question = path.question.clone().filter(|_| case.stage == Stage::Opened);
            match orders::read(&text.join("\n"), &known, files) {
                Ok(order) if question.is_none() => {
                    if case.since + setting.clock.lasts(path.decided) > now {
                        continue;
                    }
                    if path.granted {
                        for phone in order.numbers(state.support.sequence) {
                            add_number(setting, &mut state.connect, &order.instance, phone);
                            state.support.sequence += 1;
                        }
                        case.say("Amazon Web Services", "The phone numbers have been added to your instance.", now);
                    } else {
                        case.say("Amazon Web Services", "We are unable to provide the requested phone numbers.", now);
                    }
                    case.stage = Stage::Resolved;
                }
                read => {
                    let missing = read.err().map(str::to_owned);
                    case.say("Amazon Web Services", &question.or(missing).unwrap_or_default(), now);
                    case.stage = Stage::Asked;
                }
            }
        } else if case.since + setting.clock.lasts(path.decided) <= now {
            case.say("Amazon Web Services", "Your request has been completed.", now);
            case.stage = Stage::Resolved;
        } else {
            continue;
        }
        case.since = now;
    }
}
