//! The onboarding's report in people's words.

use onboarding_core::contract::{QuotaStatus, Report};
use onboarding_core::telephony::{NumberStatus, OrderStatus};

use crate::console::{Console, Tone};

/// Prints the report.
pub fn print(report: &Report, console: &Console) {
    console.line("");
    let (tone, head) = if report.sign_in_verified {
        (Tone::Good, format!("{} is ready to be signed in to.", report.alias))
    } else {
        (Tone::Warn, format!("{} exists, but its sign-in is not complete: see the open items.", report.alias))
    };
    console.line(&console.paint(tone, &head));
    for (name, value) in facts(report) {
        console.line(&format!("  {} {value}", console.paint(Tone::Faint, &format!("{name:<16}"))));
    }
    if report.open_items.is_empty() {
        console.line(&console.paint(Tone::Strong, "Open items: none"));
        return;
    }
    console.line(&console.paint(Tone::Strong, "Open items"));
    for item in &report.open_items {
        console.line(&format!("  - {}: {}", console.paint(Tone::Warn, &item.subject), item.what));
        console.line(&format!("    {}", item.action));
    }
}

/// Name and value of each line.
fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let sign_on = &report.sign_on;
    let done = &sign_on.users.counts.done;
    let counts = [
        ("created", done.created),
        ("adopted", done.adopted),
        ("updated", done.updated),
        ("removed", done.removed),
        ("failed", done.failed),
        ("waiting for a quota", done.waiting_for_quota),
    ];
    let users: Vec<String> = counts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
    let wanted: u64 = report.groups.iter().map(|group| group.users).sum();
    let users = if users.is_empty() { "nothing to change".to_owned() } else { users.join(", ") };
    let adopted = |adopted: bool| if adopted { " (was there already)" } else { " (new)" };
    let mut facts = vec![
        ("Sign in at", report.sso_url.clone()),
        ("Instance", format!("{}{}", report.instance.instance_id, adopted(report.instance.adopted))),
        ("Instance ARN", report.instance.instance_arn.clone()),
    ];
    facts.extend(report.instance.access_url.iter().map(|url| ("Access URL", url.clone())));
    facts.extend([
        ("Account", format!("{} in {}", report.account, report.region)),
        ("Entra tenant", report.tenant_id.clone()),
        ("Application", format!("{}{}", sign_on.application.app_id, adopted(sign_on.application.adopted))),
        ("SAML identifier", sign_on.sign_on.identifier_uri.clone()),
        (
            "Certificate",
            format!("{}, until {}", sign_on.sign_on.certificate_thumbprint, sign_on.sign_on.certificate_expires),
        ),
        ("SAML provider", sign_on.saml_provider_arn.clone()),
        ("Policy", sign_on.policy_arn.clone()),
        ("Role", sign_on.role_arn.clone()),
        ("Relay state", sign_on.claims.relay_state.clone()),
    ]);
    facts.extend(report.storage.iter().map(|storage| (title(&storage.resource_type), storage.location.clone())));
    let groups = report
        .groups
        .iter()
        .map(|group| format!("{} ({})", group.display_name, group.users))
        .collect::<Vec<_>>()
        .join(", ");
    facts.extend([("Groups", groups), ("Users", format!("{users}; {wanted} memberships in the groups"))]);
    facts.extend(report.telephony.quotas.iter().map(|quota| {
        let status = match quota.status {
            QuotaStatus::Sufficient => "enough",
            QuotaStatus::Pending => "asked for, AWS decides",
            QuotaStatus::Denied => "refused",
        };
        ("Quota", format!("{}: {} there, {} needed, {status}", quota.name, quota.value, quota.desired))
    }));
    facts.extend(report.telephony.numbers.iter().map(|number| {
        let status = match number.status {
            NumberStatus::Claimed => "",
            NumberStatus::InProgress => ", not ready yet",
            NumberStatus::Failed => ", claim failed",
        };
        ("Phone number", format!("{} ({} {}{status})", number.phone_number, number.country, number.kind))
    }));
    facts.extend(report.telephony.orders.iter().map(|order| {
        let status = match order.status {
            OrderStatus::Open => "AWS works on it",
            OrderStatus::CustomerAction => "waits for an answer",
            OrderStatus::Manual => "to be filed by a person",
            OrderStatus::Done => "done",
            OrderStatus::Refused => "refused",
        };
        ("Support case", format!("{}: {status}", order.display_id.as_deref().unwrap_or(&order.marker)))
    }));
    facts
}

fn title(resource_type: &str) -> &'static str {
    match resource_type {
        "CALL_RECORDINGS" => "Recordings",
        "CHAT_TRANSCRIPTS" => "Chat transcripts",
        "SCHEDULED_REPORTS" => "Reports",
        _ => "Storage",
    }
}

#[cfg(test)]
mod tests {
    use onboarding_core::contract::{
        AssignGroupsOutput, ConfigureEntraClaimsOutput, CreateInstanceOutput, EntraApplication, EntraGroup,
        EntraSignOn, QuotaResult, SignOnResult, StorageLocation, SubscribeGroupsOutput, TelephonyResult,
        VerifySignInOutput,
    };
    use onboarding_core::sync::{Outcome, SyncUsersOutput, Totals};
    use onboarding_core::telephony::{CaseOrder, NumberResult};

    use super::*;

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
            storage: vec![StorageLocation { resource_type: "CALL_RECORDINGS".into(), location: "s3://b/p".into() }],
            sign_on: SignOnResult {
                application: EntraApplication::default(),
                sign_on: EntraSignOn::default(),
                saml_provider_arn: "arn:aws:iam::000000000000:saml-provider/p".into(),
                policy_arn: "arn:aws:iam::000000000000:policy/p".into(),
                role_arn: "arn:aws:iam::000000000000:role/r".into(),
                claims: ConfigureEntraClaimsOutput::default(),
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
    fn a_report_names_what_a_person_needs() {
        let facts = facts(&report());
        let find = |name: &str| facts.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(find("Sign in at"), Some("https://launcher.myapps.microsoft.com/api/signin/a?tenantId=t"));
        assert_eq!(find("Instance"), Some("i-1 (was there already)"));
        assert_eq!(find("Recordings"), Some("s3://b/p"));
        assert_eq!(find("Groups"), Some("Agents (25)"));
        assert_eq!(find("Users"), Some("24 created, 1 failed; 25 memberships in the groups"));
        assert_eq!(find("Phone number"), Some("+81350000001 (JP DID)"));
        assert_eq!(find("Support case"), Some("1700000001: done"));
        assert_eq!(find("Quota"), Some("users: 500 there, 600 needed, enough"));
    }
}
