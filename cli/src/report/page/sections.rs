//! Renders the sections of the report page. The functions are in the order of the sections, most important first.

use maud::{Markup, html};
use onboarding_core::{
    contract::Report,
    sync::Failure,
    telephony::{CaseOrder, Topic},
};

use super::{
    address,
    graph::Row,
    history::{History, Outcome, Run},
    links::Links,
    moment, picture, qr,
    table::{Cell, table},
};
use crate::{report::user_counts, words::labels::Labels};

/// Renders the sign-in URL, with a QR code for phones.
pub(super) fn sign_in(report: &Report, words: &Labels) -> Markup {
    html! {
        section aria-labelledby="sign-in" {
            h2 id="sign-in" { (words.sign_in) }
            div.sign-in {
                @if let Some(code) = qr::code(&report.sso_url) {
                    svg viewBox=(format!("0 0 {0} {0}", code.side)) role="img" aria-label=(words.qr) xmlns="http://www.w3.org/2000/svg" {
                        rect width="100%" height="100%" fill="#fff" {}
                        path d=(code.path) fill="#000" shape-rendering="crispEdges" {}
                    }
                }
                div {
                    p { (words.sign_in_text) }
                    p.address { (address(&report.sso_url)) }
                }
            }
        }
    }
}

/// Renders the open items that need an action.
pub(super) fn next(report: &Report, words: &Labels) -> Markup {
    html! {
        section aria-labelledby="next" {
            h2 id="next" { (words.next) }
            @if report.open_items.is_empty() { p { (words.nothing_open) } }
            @else {
                ol.next {
                    @for item in &report.open_items {
                        li {
                            h3 { (words.subject(&item.subject)) }
                            // The page can be in Japanese, but the messages of AWS, of Microsoft and of the functions
                            // are in English.
                            p lang="en" { (item.what) }
                            @match words.action(&item.action) {
                                Some(action) => p.todo { (action) },
                                None => p.todo lang="en" { (item.action) },
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the states that ran, with their results. If no state failed, the section is collapsed.
pub(super) fn workflow(history: &History, words: &'static Labels) -> Markup {
    let graph = history.graph.only(|state| history.runs.contains_key(state));
    let runs: Vec<(&Row, &Run)> =
        graph.rows.iter().filter_map(|row| Some((row, history.runs.get(&row.state)?))).collect();
    if runs.is_empty() {
        return html! {};
    }
    let failed = runs.iter().filter(|(_, run)| run.outcome == Outcome::Failed).count();
    let not_needed = history.graph.rows.len() - runs.len();
    let rows = runs.iter().map(|(row, run)| {
        let (label, class) = picture::outcome(run, words);
        let number = |value: Option<String>| Cell::Number(value.unwrap_or_default());
        vec![
            html! { (words.state(&row.state)) " " code { (row.state) } }.into(),
            html! { span class=(class) { (label) } }.into(),
            number((run.polls > 0).then(|| run.polls.to_string())),
            number((run.polls > 0).then(|| words.duration(run.seconds))),
            number((run.waited > 0.0).then(|| words.duration(run.waited))),
        ]
    });
    html! {
        section aria-labelledby="workflow" {
            h2 id="workflow" { (words.workflow) }
            details open[failed > 0] {
                summary { (words.states(runs.len() - failed, failed, not_needed)) }
                (picture::svg(&graph, &runs, words))
                details {
                    summary { (words.as_table) }
                    (table(words.workflow, &[words.state, words.outcome, words.polls, words.run_time, words.waited], rows.collect()))
                }
            }
        }
    }
}

/// Renders the numbers of users, the group members that could not become users, and the groups.
pub(super) fn users(report: &Report, words: &Labels) -> Markup {
    let sync = &report.sign_on.users;
    let counts: Vec<(usize, &str)> =
        user_counts(&sync.counts.done).into_iter().zip(words.counts).filter(|(count, _)| *count > 0).collect();
    let links = Links::of(report);
    let groups = report.groups.iter().map(|group| {
        let name = match links {
            Some(links) => html! { a href=(links.group(&group.id)) rel="noreferrer" { (group.display_name) } },
            None => html! { (group.display_name) },
        };
        vec![name.into(), html! { code { (group.id) } }.into(), Cell::Number(group.users.to_string())]
    });
    let long = [sync.failures.len(), sync.skipped.len(), sync.findings.len()];
    html! {
        section aria-labelledby="users" {
            h2 id="users" { (words.users) }
            @if counts.is_empty() { p { (words.no_user_changed) } }
            @else { ul.counts { @for (count, name) in counts { li { b { (count) } span { (name) } } } } }
            @if !sync.skipped.is_empty() {
                h3 { (words.refused) }
                p { (words.refused_text) }
                (user_table(words.refused, &sync.skipped, words))
            }
            @if !sync.failures.is_empty() {
                h3 { (words.failed_users) }
                (user_table(words.failed_users, &sync.failures, words))
            }
            @if !sync.findings.is_empty() {
                h3 { (words.findings) }
                ul lang="en" { @for finding in &sync.findings { li { (finding) } } }
            }
            @if long.contains(&onboarding_core::sync::MAX_LISTED) { p.note { (words.first_only) } }
            h3 { (words.groups) }
            (table(words.groups, &[words.group, words.id, words.members], groups.collect()))
        }
    }
}

fn user_table(caption: &str, list: &[Failure], words: &Labels) -> Markup {
    let rows = list
        .iter()
        .map(|failure| vec![failure.username.as_str().into(), html! { span lang="en" { (failure.reason) } }.into()]);
    table(caption, &[words.username, words.reason], rows.collect())
}

/// Renders the quotas, the phone numbers and the Support cases.
pub(super) fn telephony(report: &Report, words: &Labels) -> Markup {
    let telephony = &report.telephony;
    let links = Links::of(report);
    let quotas = telephony.quotas.iter().map(|quota| {
        let name = match links {
            Some(links) => html! { a href=(links.quota(&quota.code)) rel="noreferrer" { (quota.name) } },
            None => html! { (quota.name) },
        };
        vec![
            name.into(),
            Cell::Number(quota.desired.to_string()),
            Cell::Number(quota.value.to_string()),
            words.quota(quota.status).into(),
        ]
    });
    let numbers = telephony.numbers.iter().map(|number| {
        vec![
            number.phone_number.as_str().into(),
            format!("{} {}", number.country, number.kind).into(),
            words.number(number.status).into(),
        ]
    });
    let first_call = telephony.first_call.iter().map(|call| {
        let tested_at = call.tested_at.as_deref().unwrap_or_default();
        vec![call.flow.as_str().into(), words.first_call(call.status).into(), tested_at.into()]
    });
    let cases = telephony.orders.iter().map(|order| case(order, links, words));
    html! {
        section aria-labelledby="telephony" {
            h2 id="telephony" { (words.telephony) }
            @if telephony.quotas.is_empty() && telephony.numbers.is_empty() && telephony.orders.is_empty() {
                p { (words.nothing_asked) }
            }
            (table(words.telephony, &[words.quota, words.needed, words.current, words.status], quotas.collect()))
            @if !telephony.numbers.is_empty() { h3 { (words.numbers) } }
            (table(words.numbers, &[words.number, words.kind, words.status], numbers.collect()))
            @if telephony.first_call.is_some() { h3 { (words.first_call) } }
            (table(words.first_call, &[words.flow, words.status, words.tested_at], first_call.collect()))
            @if !telephony.orders.is_empty() { h3 { (words.cases) } }
            (table(words.cases, &[words.case, words.kind, words.status], cases.collect()))
        }
    }
}

fn case(order: &CaseOrder, links: Option<Links<'_>>, words: &Labels) -> Vec<Cell> {
    let topic = match order.topic {
        Topic::PhoneNumbers => words.topic_numbers,
        Topic::OutboundToJapaneseMobiles => words.topic_mobiles,
    };
    let case = match (order.display_id.as_deref(), links) {
        (Some(id), Some(links)) => html! { a href=(links.case(id)) rel="noreferrer" { (id) } },
        (id, _) => html! { (id.unwrap_or(&order.marker)) },
    };
    vec![case.into(), topic.into(), words.order(order.status).into()]
}

/// Renders the resources that the onboarding created or adopted, with links to the AWS consoles and the Entra admin
/// center.
pub(super) fn resources(report: &Report, words: &Labels) -> Markup {
    let names = &words.names;
    let links = Links::of(report);
    let sign_on = &report.sign_on;
    let adopted = |adopted: bool| if adopted { words.adopted } else { words.new };
    let linked = |text: &str, url: Option<String>| match url {
        Some(url) => html! { a href=(url) rel="noreferrer" { code { (text) } } },
        None => html! { code { (text) } },
    };
    let row = |name: &str, value: Markup, status: &str| -> Vec<Cell> { vec![name.into(), value.into(), status.into()] };
    let expires = html! { (names.until) " " (moment(&sign_on.sign_on.certificate_expires)) };
    let mut rows = vec![row(
        names.instance,
        linked(&report.instance.instance_arn, links.map(|links| links.instances())),
        adopted(report.instance.adopted),
    )];
    rows.extend(report.instance.access_url.iter().map(|url| row(names.access_url, address(url), "")));
    rows.push(row(
        names.application,
        linked(&sign_on.application.app_id, links.map(|links| links.application())),
        adopted(sign_on.application.adopted),
    ));
    rows.push(vec![
        names.certificate.into(),
        linked(&sign_on.sign_on.certificate_thumbprint, None).into(),
        expires.into(),
    ]);
    for (name, arn) in [
        (names.provider, &sign_on.saml_provider_arn),
        (names.policy, &sign_on.policy_arn),
        (names.role, &sign_on.role_arn),
    ] {
        rows.push(row(name, linked(arn, links.and_then(|links| links.iam(arn))), ""));
    }
    let relay_state = &sign_on.claims.relay_state;
    rows.extend((!relay_state.is_empty()).then(|| row(names.relay_state, linked(relay_state, None), "")));
    rows.extend(sign_on.claims.destination_url.iter().map(|url| row(names.destination, address(url), "")));
    for storage in &report.storage {
        let name = match storage.resource_type.as_str() {
            "CALL_RECORDINGS" => names.recordings,
            "CHAT_TRANSCRIPTS" => names.chats,
            "SCHEDULED_REPORTS" => names.reports,
            other => other,
        };
        rows.push(row(name, linked(&storage.location, links.and_then(|links| links.bucket(&storage.location))), ""));
    }
    rows.extend(
        report
            .approved_origins
            .iter()
            .map(|approved| row(names.approved_origin, address(&approved.origin), adopted(approved.adopted))),
    );
    rows.push(row(names.tenant, linked(&report.tenant_id, None), ""));
    rows.push(row(names.execution, linked(&report.execution, links.map(|links| links.execution())), ""));
    html! {
        section aria-labelledby="resources" {
            h2 id="resources" { (words.resources) }
            (table(words.resources, &[words.resource, words.id, words.status], rows))
        }
    }
}

/// Renders the sign-in settings that the onboarding read back, and whether each setting has the expected value.
pub(super) fn checks(report: &Report, words: &Labels) -> Markup {
    let checks = &report.sign_on.verification.checks;
    if checks.is_empty() {
        return html! {};
    }
    let rows = checks.iter().map(|check| {
        let (class, label) = if check.passed { ("good", words.matches) } else { ("bad", words.differs) };
        let values = html! {
            @if check.passed { code { (check.found) } }
            @else { (words.expected) ": " code { (check.expected) } br; (words.found) ": " code { (check.found) } }
        };
        vec![
            html! { span lang="en" { (check.name) } }.into(),
            html! { span class=(class) { (label) } }.into(),
            values.into(),
        ]
    });
    html! {
        section aria-labelledby="checks" {
            h2 id="checks" { (words.checks) }
            (table(words.checks, &[words.check, words.status, words.found], rows.collect()))
        }
    }
}
