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
            title: format!("Amazon Connect {alias}: users can sign in"),
            what: format!(
                "Members of {} can now sign in to Amazon Connect:\n{sso_url}\n\nThe sign-in check passed: all \
                 settings that a sign-in needs were read back and compared. Quotas and phone numbers may still \
                 be pending; you will receive another message when the onboarding has finished.",
                groups.join(", ")
            ),
            steps: vec![Step::new("Send the URL to the members. Only members of these groups can sign in.")],
        },
        Message::SignInReady { alias, sso_url, .. } => Words {
            title: format!("Amazon Connect {alias}: the sign-in check FAILED"),
            what: format!(
                "Single sign-on is set up, but some settings are not as expected, so users may be unable to \
                 sign in at:\n{sso_url}"
            ),
            steps: vec![Step::new(
                "Wait for the message that the onboarding has finished. Its report lists each check with the \
                 expected and the actual value.",
            )],
        },
        Message::TelephonyNews { alias, message, .. } => Words {
            title: format!("Amazon Connect {alias}: news from telephony"),
            what: message.clone(),
            steps: Vec::new(),
        },
        Message::OnboardingFinished { alias, sso_url, open_items, failed, execution } => Words {
            title: if *failed {
                format!("Amazon Connect {alias}: onboarding failed because a required item was denied")
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
                    "No further action is needed: the users are now synced with the groups automatically."
                } else {
                    "Resolve the open items. If an item tells you to, start the same input again afterwards; \
                     correct resources are not changed."
                }),
            ],
        },
        Message::UnsafePlan { instance_id, alias, reasons, counts, removals, digest, task_token, .. } => {
            let plan = &counts.planned;
            Words {
                title: format!("Amazon Connect {}: a user sync is waiting for your approval", name(alias, instance_id)),
                what: format!(
                    "The user sync of the instance {instance_id} stopped before it applied an unsafe plan. \
                     Nothing was changed.\n\nReason: {}\n\nThe plan: create {}, adopt {}, update {}, schedule \
                     for deletion {}, delete {} (of {} managed users).\nThe first users to remove: {}\nDigest: \
                     {digest}\n\nIf you do not answer within three days, nothing is changed.",
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
                        "Check that the groups in Entra have the correct members. A group may have been emptied \
                         by mistake.",
                    ),
                    Step::new("To apply exactly this plan (a changed plan needs a new approval):")
                        .run(onboard_approve(name(alias, instance_id), digest))
                        .run(approve(digest, task_token)),
                    Step::new(
                        "To reject the plan (nothing is changed; approval of the same plan is requested again \
                         after three days):",
                    )
                    .run(format!("onboard reject {}", name(alias, instance_id)))
                    .run(refuse(task_token)),
                ],
            }
        }
        Message::CertificateRotated { instance_id, alias, thumbprint, expires, .. } => Words {
            title: format!("Amazon Connect {}: the signing certificate was replaced", name(alias, instance_id)),
            what: format!(
                "The SAML signing certificate of {} was replaced before it expired. AWS trusted the new \
                 certificate before it was used for signing, and the old certificate was removed after it was \
                 no longer used, so sign-in was not interrupted.\n\nThumbprint: {thumbprint}\nExpires: {expires}",
                name(alias, instance_id)
            ),
            steps: vec![Step::new("No action is needed. The next certificate is created in time.")],
        },
        Message::RotationNeedsPerson { instance_id, alias, thumbprint, expires, detail, execution } => Words {
            title: format!("Amazon Connect {}: the signing certificate needs your attention", name(alias, instance_id)),
            what: format!(
                "The SAML signing certificate of {} could not be replaced completely. Sign-in still works until \
                 the certificate expires.\n\nReason: {detail}{}",
                name(alias, instance_id),
                if thumbprint.is_empty() {
                    String::new()
                } else {
                    format!("\n\nThumbprint: {thumbprint}\nExpires: {expires}")
                }
            ),
            steps: vec![
                Step::new(
                    "Fix the problem that the reason describes. If a permission is missing because the setup \
                     identity was removed, restore the setup identity until the rotation has finished.",
                ),
                Step::new("Then continue the rotation, or wait for tomorrow's run:")
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
    let mut what = format!(
        "The resources of the onboarding of Amazon Connect {alias} were removed according to the \
                 approved plan:"
    );
    for item in &gone {
        what.push_str(&format!("\n- {} {}", item.kind, item.name));
    }
    what.push_str(&format!("\n\nRemaining items: {}", open_items.len()));
    for item in open_items {
        what.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    Words {
        title: format!("Amazon Connect {alias}: teardown finished"),
        what,
        steps: vec![Step::new("Users can no longer sign in. To see the complete list:").run(read_output(execution))],
    }
}

fn drift(alias: &str, findings: &[DriftFinding], count: usize, execution: &str) -> Words {
    let left = findings.iter().filter(|finding| !finding.mended).count();
    let security = findings.iter().any(|finding| finding.security);
    let mut what = format!("{count} settings of Amazon Connect {alias} differ from the last onboarding.");
    if security {
        what.push_str(" Some of these settings control who can sign in: check them first.");
    }
    for finding in findings {
        let security = if finding.security { "SECURITY, " } else { "" };
        let became = if finding.mended { "reverted" } else { "not reverted" };
        what.push_str(&format!(
            "\n- {} ({security}{became})\n  expected: {}\n  found: {}",
            finding.place, finding.expected, finding.found
        ));
        if !finding.advice.is_empty() {
            what.push_str(&format!("\n  action: {}", finding.advice));
        }
    }
    Words {
        title: match (left, security) {
            (0, _) => format!("Amazon Connect {alias}: manual changes were reverted"),
            (_, true) => format!("Amazon Connect {alias}: SECURITY settings were changed manually"),
            (_, false) => format!("Amazon Connect {alias}: settings were changed manually"),
        },
        what,
        steps: vec![
            Step::new("Find out who made the changes and why (AWS CloudTrail, Entra audit log)."),
            Step::new(
                "If a change is intended, add it to onboarding.json and start the onboarding. If not, start the \
                 onboarding with the same input to revert changes to its resources, and revert all other \
                 changes manually.",
            ),
            Step::new("To see all findings:").run(read_output(execution)),
        ],
    }
}

fn finished(sso_url: &str, open_items: &[OpenItem], failed: bool) -> String {
    let head = if failed {
        "Everything else is set up and stays, but an item that the input requires was denied."
    } else {
        "Everything in the input is set up."
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
        "TIMED_OUT" => "timed out",
        "ABORTED" => "was aborted",
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
        "Check in the execution history which state failed. You can safely start the same input again: it \
         continues where this execution stopped, and finished work is not repeated.",
        StepErrorKind::advice,
    );
    Words {
        title: format!("Connect Onboarding: {machine} {how}"),
        what: format!("The execution {run} of {machine} {how}. Finished work is kept.{why}"),
        steps: vec![Step::new(advice), Step::new("To see the error:").run(read_failure(execution_arn))],
    }
}

fn list(usernames: &[String]) -> String {
    if usernames.is_empty() {
        "none".to_owned()
    } else {
        usernames.iter().take(10).cloned().collect::<Vec<_>>().join(", ")
    }
}
