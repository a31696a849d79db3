//! The content of each notification: a title, a description and the next steps for the operator.

use super::{ExecutionDetail, Message, commands, texts::Texts};
use crate::{
    StepErrorKind,
    contract::{DriftFinding, OpenItem, PlanItem},
    onboarding::Language,
    report::message_of,
    sync::{Counts, GuardedAction, GuardedUser, WaitingPart},
};

/// Maximum number of usernames that a notification about a plan lists.
const MAX_USERNAMES: usize = 10;

/// The content of a notification in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// One line that states what happened to which object.
    pub(super) title: String,
    /// The full description.
    pub(super) description: String,
    /// The next steps for the operator, in order.
    pub(super) steps: Vec<NextStep>,
}

/// One action for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextStep {
    pub(super) text: String,
    /// Alternative commands for this action. The operator needs to run only one of these commands.
    pub(super) commands: Vec<String>,
}

impl Content {
    /// Composes the content of the notification for a message.
    pub(super) fn of(message: &Message, language: Language) -> Self {
        let texts = Texts(language);
        match message {
            Message::SignInReady { alias, groups, sso_url, destination_url, passed: true, .. } => {
                let content = Self::new(
                    texts.sign_in_ready_title(alias),
                    texts.sign_in_ready(groups.join(&texts.separator()), sso_url),
                )
                .step(texts.send_the_url(), []);
                match destination_url {
                    Some(url) => content.step(texts.page_after_sign_in(url), []),
                    None => content,
                }
            }
            Message::SignInReady { alias, sso_url, .. } => {
                Self::new(texts.sign_in_failed_title(alias), texts.sign_in_failed(sso_url))
                    .step(texts.wait_for_the_report(), [])
            }
            Message::TelephonyNews { alias, message, .. } => {
                Self::new(texts.telephony_news_title(alias), message.clone())
            }
            Message::OnboardingFinished { alias, sso_url, open_items, failed, execution } => {
                finished(texts, alias, sso_url, open_items, *failed, execution)
            }
            Message::UnsafePlan { instance_id, alias, reasons, counts, waiting, digest, .. } => {
                let instance = (name(alias, instance_id), instance_id.as_str());
                unsafe_plan(texts, instance, reasons, &counts.planned, waiting, digest)
            }
            Message::CertificateRotated { instance_id, alias, thumbprint, expires, .. } => {
                let name = name(alias, instance_id);
                let certificate = texts.certificate(thumbprint, expires);
                Self::new(texts.rotated_title(name), texts.rotated(name, certificate))
                    .step(texts.next_certificate(), [])
            }
            Message::RotationNeedsPerson { instance_id, alias, thumbprint, expires, detail, execution } => {
                let name = name(alias, instance_id);
                let certificate =
                    if thumbprint.is_empty() { String::new() } else { texts.certificate(thumbprint, expires) };
                Self::new(texts.rotation_blocked_title(name), texts.rotation_blocked(name, detail, certificate))
                    .step(texts.fix_the_reason(), [])
                    .step(texts.continue_the_rotation(), [commands::rotate(execution, instance_id)])
            }
            Message::DriftFound { alias, findings, count, execution, .. } => {
                drift(texts, alias, findings, *count, execution)
            }
            Message::TeardownFinished { alias, items, open_items, execution, .. } => {
                teardown(texts, alias, items, open_items, execution)
            }
            Message::ExecutionFailed { detail } => execution_failed(texts, detail),
        }
    }

    const fn new(title: String, description: String) -> Self {
        Self { title, description, steps: Vec::new() }
    }

    fn step(mut self, text: impl Into<String>, commands: impl Into<Vec<String>>) -> Self {
        self.steps.push(NextStep { text: text.into(), commands: commands.into() });
        self
    }
}

/// The name of an instance in a notification: its alias. If a step of an older release sent the message without an
/// alias, the instance id.
fn name<'a>(alias: &'a str, instance_id: &'a str) -> &'a str {
    if alias.is_empty() { instance_id } else { alias }
}

/// The open items as text. Each item has one line for the situation and one line for the recommended action.
fn open_item_lines(items: &[OpenItem]) -> String {
    items.iter().map(|item| format!("\n- {}: {}\n  {}", item.subject, item.what, item.action)).collect()
}

fn finished(
    texts: Texts,
    alias: &str,
    sso_url: &str,
    open_items: &[OpenItem],
    failed: bool,
    execution: &str,
) -> Content {
    let count = open_items.len();
    let (title, mut description, output) = if failed {
        (texts.item_denied_title(alias), texts.item_denied(sso_url, count), commands::read_report_in_history(execution))
    } else {
        (texts.finished_title(alias), texts.finished(sso_url, count), commands::read_output(execution))
    };
    description.push_str(&open_item_lines(open_items));
    let action = if count == 0 && !failed { texts.no_further_action() } else { texts.resolve_open_items() };
    Content::new(title, description)
        .step(texts.read_the_report(), [commands::onboard_report(execution), output])
        .step(action, [])
}

fn unsafe_plan(
    texts: Texts,
    (name, instance_id): (&str, &str),
    reasons: &[String],
    plan: &Counts,
    waiting: &WaitingPart,
    digest: &str,
) -> Content {
    let Counts { create, adopt, update, schedule_deletion, delete, strip, end_sessions, managed, .. } = plan;
    let removals = texts.planned_removals(schedule_deletion, delete, strip, end_sessions);
    let counts = texts.planned_counts(create, adopt, update, removals, managed);
    let users = guarded_users(texts, &waiting.users);
    let mut description = texts.unsafe_plan(instance_id, reasons.join("; "), counts, waiting.actions, users, digest);
    description.push_str(&texts.request_expires(&waiting.until));
    if waiting.added > 0 {
        description.push_str(&texts.added_users(waiting.added, guarded_users(texts, &waiting.added_users)));
    }
    Content::new(texts.unsafe_plan_title(name), description)
        .step(texts.check_the_groups(), [])
        .step(texts.approve_the_plan(), [commands::onboard_approve(name, digest)])
        .step(texts.reject_the_plan(), [commands::onboard_reject(name)])
}

/// Lists the first users in a request for approval, each with the planned action.
fn guarded_users(texts: Texts, users: &[GuardedUser]) -> String {
    let users = users.iter().take(MAX_USERNAMES).map(|GuardedUser { username, action }| {
        let action = match action {
            GuardedAction::Delete => texts.delete(),
            GuardedAction::ScheduleDeletion => texts.schedule_deletion(),
            GuardedAction::Strip => texts.strip(),
            GuardedAction::EndSessions => texts.end_sessions(),
            GuardedAction::LoseProfile => texts.lose_profile(),
            GuardedAction::Adopt => texts.adopt(),
        };
        format!("{username} ({action})")
    });
    let users: Vec<String> = users.collect();
    if users.is_empty() { texts.none() } else { users.join(&texts.separator()) }
}

fn drift(texts: Texts, alias: &str, findings: &[DriftFinding], count: usize, execution: &str) -> Content {
    let security = findings.iter().any(|finding| finding.security);
    let mut description = texts.drift(alias, count);
    if security {
        description.push_str(&texts.drift_security());
    }
    for finding in findings {
        let security = if finding.security { texts.security() } else { String::new() };
        let reverted = if finding.reverted { texts.reverted() } else { texts.not_reverted() };
        let DriftFinding { place, expected, found, advice, .. } = finding;
        description.push_str(&texts.drift_finding(place, security, reverted, expected, found));
        if !advice.is_empty() {
            description.push_str(&texts.drift_advice(advice));
        }
    }
    let title = if findings.iter().all(|finding| finding.reverted) {
        texts.drift_reverted_title(alias)
    } else if security {
        texts.drift_security_title(alias)
    } else {
        texts.drift_title(alias)
    };
    Content::new(title, description)
        .step(texts.find_the_author(), [])
        .step(texts.keep_or_revert(), [])
        .step(texts.see_all_findings(), [commands::read_output(execution)])
}

fn teardown(texts: Texts, alias: &str, items: &[PlanItem], open_items: &[OpenItem], execution: &str) -> Content {
    let mut description = texts.teardown(alias);
    for item in items.iter().filter(|item| item.action.removes()) {
        description.push_str(&format!("\n- {} {}", item.kind, item.name));
    }
    description.push_str(&texts.remaining_items(open_items.len()));
    description.push_str(&open_item_lines(open_items));
    Content::new(texts.teardown_title(alias), description)
        .step(texts.users_can_not_sign_in(), [commands::read_output(execution)])
}

fn execution_failed(texts: Texts, detail: &ExecutionDetail) -> Content {
    let ExecutionDetail { execution_arn, status, error, cause, .. } = detail;
    let (machine, execution) = detail.names();
    let ended = match status.as_str() {
        "TIMED_OUT" => texts.timed_out(),
        "ABORTED" => texts.aborted(),
        _ => texts.failed(),
    };
    let error = error.as_deref().unwrap_or_default();
    let cause = cause.as_deref().map(message_of).unwrap_or_default();
    let reason = match (error, cause.as_str()) {
        ("", "") => String::new(),
        (only, "") | ("", only) => format!("\n\n{only}"),
        (error, cause) => format!("\n\n{error}: {cause}"),
    };
    let advice = StepErrorKind::from_name(error)
        .map_or_else(|| texts.check_the_history(), |kind| kind.advice(texts.0).to_owned());
    Content::new(
        texts.execution_failed_title(machine, &ended),
        texts.execution_failed(execution, machine, &ended, reason),
    )
    .step(advice, [])
    .step(texts.see_the_error(), [commands::read_failure(execution_arn)])
}
