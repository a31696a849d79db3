//! The English messages.

use super::{
    ExecutionDetail, Message, Step, Words, approve, name, onboard_approve, onboard_report, read_failure, read_output,
    read_report_in_history, refuse, rotate,
};
use crate::{
    StepErrorKind,
    contract::{DriftFinding, OpenItem, PlanItem},
    report::message_of,
};

/// The English text of a message.
pub(super) fn words(message: &Message) -> Words {
    match message {
        Message::SignInReady { alias, groups, sso_url, passed, .. } if *passed => Words {
            title: format!("Amazon Connect {alias}: people can sign in now"),
            what: format!(
                "Members of {} can sign in to Amazon Connect now:\n{sso_url}\n\nThe login check passed: everything that a sign-in needs \
                 was read back and compared. Quotas and phone numbers may still be on their way; another message comes when the \
                 onboarding has finished.",
                groups.join(", ")
            ),
            steps: vec![Step::new("Give the URL to the members. It works for them alone.")],
        },
        Message::SignInReady { alias, sso_url, .. } => Words {
            title: format!("Amazon Connect {alias}: the login check FAILED"),
            what: format!(
                "Single sign-on is set up, but what was read back is not what a sign-in needs, so people may be refused at:\n{sso_url}"
            ),
            steps: vec![Step::new(
                "Wait for the message that the onboarding has finished. Its report names each check with what was expected and what \
                 was found.",
            )],
        },
        Message::TelephonyNews { alias, message, .. } => Words {
            title: format!("Amazon Connect {alias}: news from telephony"),
            what: message.clone(),
            steps: Vec::new(),
        },
        Message::OnboardingFinished { alias, sso_url, open_items, failed, execution } => Words {
            title: if *failed {
                format!("Amazon Connect {alias}: onboarding failed at something that was required")
            } else {
                format!("Amazon Connect {alias}: onboarding finished")
            },
            what: finished(sso_url, open_items, *failed),
            steps: vec![
                Step::new("Read the report:").run(onboard_report(execution)).run(if *failed {
                    read_report_in_history(execution)
                } else {
                    read_output(execution)
                }),
                Step::new(if open_items.is_empty() && !failed {
                    "Nothing else: users now follow the groups by themselves."
                } else {
                    "Settle what is open, then start the same input again where an item says so. What is right is left alone."
                }),
            ],
        },
        Message::UnsafePlan { instance_id, alias, reasons, counts, removals, digest, task_token, .. } => {
            let plan = &counts.planned;
            Words {
                title: format!("Amazon Connect {}: a user sync waits for your approval", name(alias, instance_id)),
                what: format!(
                    "The user sync of the instance {instance_id} stopped before an unsafe plan and changed nothing.\n\nWhy: {}\n\nThe plan \
                     creates {}, adopts {}, updates {}, marks for deletion {} and deletes {} of {} managed users.\nThe first users \
                     that it removes: {}\nDigest: {digest}\n\nWithout an answer within three days, nothing is changed.",
                    reasons.join("; "),
                    plan.create,
                    plan.adopt,
                    plan.update,
                    plan.mark,
                    plan.delete,
                    plan.managed,
                    list(removals),
                ),
                steps: vec![
                    Step::new(
                        "Compare the groups in Entra with what you expect. Somebody may have emptied one by mistake.",
                    ),
                    Step::new("To apply exactly this plan (another plan is asked about again):")
                        .run(onboard_approve(name(alias, instance_id), digest))
                        .run(approve(digest, task_token)),
                    Step::new(
                        "To refuse it (nothing is changed; the same plan is asked about again after three days):",
                    )
                    .run(format!("onboard reject {}", name(alias, instance_id)))
                    .run(refuse(task_token)),
                ],
            }
        }
        Message::CertificateRotated { instance_id, alias, thumbprint, expires, .. } => Words {
            title: format!("Amazon Connect {}: the signing certificate was replaced", name(alias, instance_id)),
            what: format!(
                "The SAML signing certificate of {} was replaced before its end. AWS trusted the new one before it signed anything, and \
                 the old one was removed when nothing signed with it any more: nobody's sign-in was interrupted.\n\nThumbprint: \
                 {thumbprint}\nExpires: {expires}",
                name(alias, instance_id)
            ),
            steps: vec![Step::new("Nothing to do. The next one is made in time.")],
        },
        Message::RotationNeedsPerson { instance_id, alias, thumbprint, expires, detail, execution } => Words {
            title: format!("Amazon Connect {}: the signing certificate needs somebody", name(alias, instance_id)),
            what: format!(
                "The SAML signing certificate of {} could not be replaced, or not to the end. Sign-in works as before, until the \
                 certificate expires.\n\nWhy: {detail}{}",
                name(alias, instance_id),
                if thumbprint.is_empty() {
                    String::new()
                } else {
                    format!("\n\nThumbprint: {thumbprint}\nExpires: {expires}")
                }
            ),
            steps: vec![
                Step::new(
                    "Do what the reason says. Where a permission is missing because the setup identity was removed, give it back for as long as this takes.",
                ),
                Step::new("Then go on from where it stopped, or wait for tomorrow's run:")
                    .run(rotate(execution, instance_id)),
            ],
        },
        Message::DriftFound { alias, findings, count, execution, .. } => drift(alias, findings, *count, execution),
        Message::TeardownFinished { alias, items, open_items, execution, .. } => {
            torn_down(alias, items, open_items, execution)
        }
        Message::ExecutionFailed { detail } => failed(detail),
    }
}

fn torn_down(alias: &str, items: &[PlanItem], open_items: &[OpenItem], execution: &str) -> Words {
    let gone: Vec<&PlanItem> = items.iter().filter(|item| item.action.removes()).collect();
    let mut what =
        format!("What the onboarding of Amazon Connect {alias} had made is gone, as far as the approved plan said:");
    for item in &gone {
        what.push_str(&format!("\n- {} {}", item.kind, item.name));
    }
    what.push_str(&format!("\n\nWhat stays: {}", open_items.len()));
    for item in open_items {
        what.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    Words {
        title: format!("Amazon Connect {alias}: teardown finished"),
        what,
        steps: vec![Step::new("Nobody can sign in any more. The whole list:").run(read_output(execution))],
    }
}

fn drift(alias: &str, findings: &[DriftFinding], count: usize, execution: &str) -> Words {
    let left = findings.iter().filter(|finding| !finding.mended).count();
    let security = findings.iter().any(|finding| finding.security);
    let mut what = format!("{count} settings of Amazon Connect {alias} are not those of the last onboarding.");
    if security {
        what.push_str(" Some of them decide who gets in: look at those first.");
    }
    for finding in findings {
        let security = if finding.security { "SECURITY, " } else { "" };
        let became = if finding.mended { "set back" } else { "not set back" };
        what.push_str(&format!(
            "\n- {} ({security}{became})\n  expected: {}\n  found: {}",
            finding.place, finding.expected, finding.found
        ));
        if !finding.advice.is_empty() {
            what.push_str(&format!("\n  what to do: {}", finding.advice));
        }
    }
    Words {
        title: match (left, security) {
            (0, _) => format!("Amazon Connect {alias}: changes by hand were set back"),
            (_, true) => format!("Amazon Connect {alias}: SECURITY settings were changed by hand"),
            (_, false) => format!("Amazon Connect {alias}: settings were changed by hand"),
        },
        what,
        steps: vec![
            Step::new("Find out who changed it, and why (AWS CloudTrail, Entra audit log)."),
            Step::new(
                "If it is meant, put it into onboarding.json and start the onboarding. If not, start the onboarding as it is, which \
                 sets back what is ours; what it leaves alone, undo by hand.",
            ),
            Step::new("All findings:").run(read_output(execution)),
        ],
    }
}

fn finished(sso_url: &str, open_items: &[OpenItem], failed: bool) -> String {
    let head = if failed {
        "What could be set up is set up and stays; something that the input requires was refused."
    } else {
        "Everything of the input is set up."
    };
    let mut text = format!("{head} Sign in at:\n{sso_url}\n\nOpen items: {}", open_items.len());
    for item in open_items {
        text.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    text
}

fn failed(detail: &ExecutionDetail) -> Words {
    let ExecutionDetail { execution_arn, status, error, cause, .. } = detail;
    let (machine, run) = detail.names();
    let how = match status.as_str() {
        "TIMED_OUT" => "ran out of time",
        "ABORTED" => "was stopped",
        _ => "failed",
    };
    let error = error.as_deref().unwrap_or_default();
    let said = cause.as_deref().map(message_of).filter(|said| !said.is_empty());
    let why = match (error, said) {
        ("", None) => String::new(),
        ("", Some(said)) => format!("\n\n{said}"),
        (error, None) => format!("\n\n{error}"),
        (error, Some(said)) => format!("\n\n{error}: {said}"),
    };
    let advice = StepErrorKind::from_name(error).map_or(
        "See in the history which state it was. Starting the same input again is safe: it goes on where this one stopped, and nothing is done twice.",
        StepErrorKind::advice,
    );
    Words {
        title: format!("Connect Onboarding: {machine} {how}"),
        what: format!("The execution {run} of {machine} {how}. Nothing that it had finished is undone.{why}"),
        steps: vec![Step::new(advice), Step::new("To see it again:").run(read_failure(execution_arn))],
    }
}

fn list(usernames: &[String]) -> String {
    if usernames.is_empty() {
        "none".to_owned()
    } else {
        usernames.iter().take(10).cloned().collect::<Vec<_>>().join(", ")
    }
}
