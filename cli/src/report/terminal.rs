//! Prints the report of an onboarding to the terminal, with the same labels as the HTML report.

use onboarding_core::contract::Report;

use super::user_counts;
use crate::{
    ui::{Console, Tone, columns, padded},
    words::Words,
    words::labels::Labels as Names,
};

/// Prints the report.
pub fn print(report: &Report, console: &Console) {
    let words = console.words();
    let names = Names::of(words.language());
    console.line("");
    let (tone, head) = if report.sign_in_verified {
        (Tone::Good, words.ready_to_sign_in(&report.alias))
    } else {
        (Tone::Warn, words.sign_in_incomplete(&report.alias))
    };
    console.line(&console.paint(tone, &head));
    let facts = facts(report, words);
    let width = facts.iter().map(|(name, _)| columns(name)).max().unwrap_or_default();
    for (name, value) in facts {
        console.line(&format!("  {} {value}", console.paint(Tone::Faint, &padded(name, width))));
    }
    if report.open_items.is_empty() {
        console.line(&console.paint(Tone::Strong, &words.no_open_items()));
        return;
    }
    console.line(&console.paint(Tone::Strong, &words.open_items()));
    for item in &report.open_items {
        console.line(&format!("  - {}: {}", console.paint(Tone::Warn, &names.subject(&item.subject)), item.what));
        console.line(&format!("    {}", names.action(&item.action).unwrap_or(&item.action)));
    }
}

/// The facts that the report lists: the name and the value in each line.
fn facts(report: &Report, words: Words) -> Vec<(&'static str, String)> {
    let names = Names::of(words.language());
    let sign_on = &report.sign_on;
    let memberships: u64 = report.groups.iter().map(|group| group.users).sum();
    let adopted = |adopted: bool| format!(" ({})", if adopted { names.adopted } else { names.new });
    let mut facts = vec![
        (names.sign_in, report.sso_url.clone()),
        (names.names.instance, format!("{}{}", report.instance.instance_id, adopted(report.instance.adopted))),
        ("ARN", report.instance.instance_arn.clone()),
    ];
    facts.extend(report.instance.access_url.iter().map(|url| (names.names.access_url, url.clone())));
    facts.extend([
        (names.account, words.in_region(&report.account, &report.region)),
        (names.names.tenant, report.tenant_id.clone()),
        (names.names.application, format!("{}{}", sign_on.application.app_id, adopted(sign_on.application.adopted))),
        (names.names.saml_identifier, sign_on.sign_on.identifier_uri.clone()),
        (
            names.names.certificate,
            format!(
                "{} ({} {})",
                sign_on.sign_on.certificate_thumbprint, names.names.until, sign_on.sign_on.certificate_expires
            ),
        ),
        (names.names.provider, sign_on.saml_provider_arn.clone()),
        (names.names.policy, sign_on.policy_arn.clone()),
        (names.names.role, sign_on.role_arn.clone()),
    ]);
    let relay_state = &sign_on.claims.relay_state;
    facts.extend((!relay_state.is_empty()).then(|| (names.names.relay_state, relay_state.clone())));
    facts.extend(sign_on.claims.destination_url.iter().map(|url| (names.names.destination, url.clone())));
    facts.extend(
        report.storage.iter().map(|storage| (storage_name(names, &storage.resource_type), storage.location.clone())),
    );
    facts.extend(
        report
            .approved_origins
            .iter()
            .map(|approved| (names.names.approved_origin, format!("{}{}", approved.origin, adopted(approved.adopted)))),
    );
    let groups = report.groups.iter().map(|group| format!("{} ({})", group.display_name, group.users));
    facts.extend([
        (names.groups, groups.collect::<Vec<_>>().join(", ")),
        (names.users, words.memberships(users(report, words), memberships)),
    ]);
    facts.extend(report.telephony.quotas.iter().map(|quota| {
        (names.quota, words.quota_line(&quota.name, quota.value, quota.desired, names.quota(quota.status)))
    }));
    facts.extend(report.telephony.numbers.iter().map(|number| {
        let (country, kind, status) = (&number.country, &number.kind, names.number(number.status));
        (names.numbers, format!("{} ({country} {kind}, {status})", number.phone_number))
    }));
    facts.extend(report.telephony.first_call.iter().map(|call| {
        let tested_at = call.tested_at.as_ref().map_or_else(String::new, |at| format!(", {at}"));
        (names.first_call, format!("{} ({}{tested_at})", names.first_call(call.status), call.flow))
    }));
    facts.extend(report.telephony.orders.iter().map(|order| {
        let case = order.display_id.as_deref().unwrap_or(&order.marker);
        (names.cases, format!("{case}: {}", names.order(order.status)))
    }));
    facts
}

/// The text that states how many users the sync created, adopted, updated and so on.
fn users(report: &Report, words: Words) -> String {
    let names = Names::of(words.language());
    let counts = user_counts(&report.sign_on.users.counts.done);
    let users: Vec<String> =
        counts.into_iter().zip(names.counts).filter(|(n, _)| *n > 0).map(|(n, name)| format!("{name} {n}")).collect();
    if users.is_empty() { words.nothing_to_change() } else { users.join(", ") }
}

fn storage_name(names: &Names, resource_type: &str) -> &'static str {
    match resource_type {
        "CALL_RECORDINGS" => names.names.recordings,
        "CHAT_TRANSCRIPTS" => names.names.chats,
        _ => names.names.reports,
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::contract::{
        ApprovedOrigin, AssignGroupsOutput, ConfigureEntraClaimsOutput, CreateInstanceOutput, EntraApplication,
        EntraGroup, EntraSignOn, QuotaResult, SignOnResult, StorageLocation, SubscribeGroupsOutput, TelephonyResult,
        VerifySignInOutput,
    };
    use onboarding_core::sync::{Outcome, SyncUsersOutput, Totals};
    use onboarding_core::telephony::{CaseOrder, FirstCall, FirstCallStatus, NumberResult, NumberStatus, OrderStatus};

    use super::*;
    use crate::words::Lang;

    fn report() -> Report {
        let done = Totals { created: 24, failed: 1, ..Totals::default() };
        Report {
            alias: "acme".into(),
            sso_url: "https://launcher.myapps.microsoft.com/api/signin/a?tenantId=t".into(),
            sign_in_verified: true,
            account: "000000000000".into(),
            region: "ap-northeast-1".into(),
            tenant_id: "t".into(),
            execution: "arn".into(),
            started_at: "2026-01-01T00:00:00Z".into(),
            instance: CreateInstanceOutput { instance_id: "i-1".into(), adopted: true, ..Default::default() },
            approved_origins: vec![ApprovedOrigin { origin: "https://crm.example".into(), adopted: false }],
            storage: vec![StorageLocation { resource_type: "CALL_RECORDINGS".into(), location: "s3://b/p".into() }],
            sign_on: SignOnResult {
                application: EntraApplication::default(),
                sign_on: EntraSignOn::default(),
                saml_provider_arn: "arn:aws:iam::000000000000:saml-provider/p".into(),
                policy_arn: "arn:aws:iam::000000000000:policy/p".into(),
                role_arn: "arn:aws:iam::000000000000:role/r".into(),
                claims: ConfigureEntraClaimsOutput {
                    destination_url: Some("https://acme.my.connect.aws/home".into()),
                    ..Default::default()
                },
                assignment: AssignGroupsOutput::default(),
                notifications: SubscribeGroupsOutput::default(),
                users: SyncUsersOutput { counts: Outcome { done, ..Default::default() }, ..Default::default() },
                verification: VerifySignInOutput::default(),
            },
            groups: vec![EntraGroup { display_name: "Agents".into(), users: 25, ..Default::default() }],
            telephony: TelephonyResult {
                quotas: vec![QuotaResult { name: "users".into(), desired: 600.0, value: 500.0, ..Default::default() }],
                numbers: vec![NumberResult {
                    phone_number: "+81350000001".into(),
                    country: "JP".into(),
                    kind: "DID".into(),
                    status: NumberStatus::Claimed,
                    ..Default::default()
                }],
                first_call: Some(FirstCall {
                    flow: "Starter".into(),
                    status: FirstCallStatus::Answered,
                    tested_at: Some("2026-12-01T00:00:00Z".into()),
                    ..Default::default()
                }),
                orders: vec![CaseOrder {
                    display_id: Some("1700000001".into()),
                    status: OrderStatus::Done,
                    ..Default::default()
                }],
                ..Default::default()
            },
            open_items: Vec::new(),
        }
    }

    #[test]
    fn a_report_contains_all_facts() {
        let facts = facts(&report(), Words(Lang::En));
        let find = |name: &str| facts.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(find("Sign in"), Some("https://launcher.myapps.microsoft.com/api/signin/a?tenantId=t"));
        assert_eq!(find("Amazon Connect instance"), Some("i-1 (already existed)"));
        assert_eq!(find("Page after sign-in"), Some("https://acme.my.connect.aws/home"));
        assert_eq!(find("Call recordings"), Some("s3://b/p"));
        assert_eq!(find("Approved origin"), Some("https://crm.example (new)"));
        assert_eq!(find("Groups"), Some("Agents (25)"));
        assert_eq!(find("Users"), Some("created 24, failed 1; group memberships: 25"));
        assert_eq!(find("Phone numbers"), Some("+81350000001 (JP DID, claimed)"));
        assert_eq!(find("First call"), Some("answered (Starter, 2026-12-01T00:00:00Z)"));
        assert_eq!(find("Support cases"), Some("1700000001: done"));
        assert_eq!(find("Quota"), Some("users: quota 500, needed 600 – OK"));
    }
}
