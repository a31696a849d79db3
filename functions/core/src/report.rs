//! Composes the report of an onboarding from the results of all workflow branches. The report contains the resources of
//! the onboarding and the open items for an operator.

use crate::{
    StepErrorKind,
    contract::{
        BranchFailure, EntraSignOn, OpenItem, QuotaResult, QuotaStatus, Report, ReportInput, VerifySignInOutput,
    },
    onboarding::Language,
    replication::GlobalSignIn,
    sync::{SyncStatus, SyncUsersOutput},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Composes the report of an onboarding.
#[must_use]
pub fn compose(input: ReportInput) -> Report {
    let ReportInput { execution, started_at, preflight, instance, configuration, telephony, sign_on } = input;
    let mut open_items = preflight.open_items;
    // If a quota is sufficient now, removes the open item in which `preflight` reported that the quota was too low.
    open_items.retain(|item| {
        let settled = |quota: &QuotaResult| quota.status == QuotaStatus::Sufficient;
        !telephony.quotas.iter().any(|quota| settled(quota) && item.subject == format!("quota {}", quota.name))
    });
    open_items.extend(configuration.open_items);
    open_items.extend(telephony.quotas.iter().filter_map(quota));
    open_items.extend(telephony.open_items.iter().cloned());
    open_items.extend(telephony.failure.iter().map(|failure| branch_failure("quotas", failure)));
    open_items.extend(telephony.numbers_failure.iter().map(|failure| branch_failure("phone numbers", failure)));
    open_items.extend(expired_certificate(&sign_on.sign_on, &started_at));
    open_items.extend(sign_on.notifications.open_items.iter().cloned());
    if let Some(global) = instance.global_sign_in_endpoint.as_ref().map(GlobalSignIn::new)
        && !global.is_used_by(&sign_on.sign_on.reply_urls)
    {
        open_items.push(global.open_item(&instance.instance_id, &sign_on.role_arn, &sign_on.saml_provider_arn));
    }
    open_items.extend(users(&sign_on.users));
    open_items.extend(checks(&sign_on.verification));
    Report {
        alias: preflight.onboarding.instance.alias,
        sso_url: sign_on.verification.sso_url.clone(),
        sign_in_verified: sign_on.verification.passed,
        account: preflight.account,
        region: preflight.region,
        tenant_id: preflight.tenant_id,
        execution,
        started_at,
        instance,
        storage: configuration.storage,
        approved_origins: configuration.approved_origins,
        sign_on,
        groups: preflight.groups,
        telephony,
        open_items,
    }
}

/// Extracts the error message from the field `Cause` of a Lambda error: `{"errorType", "errorMessage", …}`.
#[must_use]
pub fn message_of(cause: &str) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(cause).ok();
    parsed
        .as_ref()
        .and_then(|cause| cause.get("errorMessage"))
        .and_then(serde_json::Value::as_str)
        .map_or_else(|| cause.to_owned(), ToOwned::to_owned)
}

fn branch_failure(subject: &str, failure: &BranchFailure) -> OpenItem {
    let advice = StepErrorKind::from_name(&failure.error).unwrap_or(StepErrorKind::Internal).advice(Language::En);
    OpenItem::new(subject, format!("{}: {}", failure.error, message_of(&failure.cause)), advice)
}

fn quota(quota: &QuotaResult) -> Option<OpenItem> {
    let message = quota.message.as_deref().unwrap_or("no details are available");
    let subject = format!("quota {}", quota.name);
    match quota.status {
        QuotaStatus::Sufficient => None,
        QuotaStatus::Pending => Some(OpenItem::new(
            subject,
            format!("{} required, {} available: {message}", quota.desired, quota.value),
            "Nothing: AWS decides. To follow the request, open the Service Quotas console.",
        )),
        QuotaStatus::Denied => Some(OpenItem::new(
            subject,
            format!("{} required, {} available: {message}", quota.desired, quota.value),
            "Reply to AWS in the support case of the request, or request less. Then start the same input again.",
        )),
    }
}

/// The open item for an active signing certificate that had already expired when the onboarding started. An onboarding
/// never replaces an active certificate.
fn expired_certificate(sign_on: &EntraSignOn, started_at: &str) -> Option<OpenItem> {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let is_expired = time(&sign_on.certificate_expires)? < time(started_at)?;
    is_expired.then(|| {
        OpenItem::new(
            format!("signing certificate {}", sign_on.certificate_thumbprint),
            format!("it is active in Entra, but it expired on {}", sign_on.certificate_expires),
            "Run: onboard rotate-certificate. If the command reports that the SAML provider has no tags of this \
             onboarding, renew the certificate manually.",
        )
    })
}

fn users(users: &SyncUsersOutput) -> Vec<OpenItem> {
    let mut items: Vec<OpenItem> = Vec::new();
    for failure in &users.failures {
        items.push(OpenItem::new(
            format!("user {}", failure.username),
            failure.reason.clone(),
            "The next sync tries again. If the message names a problem, fix it.",
        ));
    }
    for skipped in &users.skipped {
        items.push(OpenItem::new(
            format!("member {}", skipped.username),
            skipped.reason.clone(),
            "Correct the account in Entra, or choose another `users.username`; the next sync creates the user.",
        ));
    }
    for finding in &users.findings {
        items.push(OpenItem::new("user sync", finding.clone(), "Check whether this is intended."));
    }
    if users.counts.done.waiting_for_quota > 0 {
        items.push(OpenItem::new(
            "quota users",
            format!("{} members are waiting for a higher users quota", users.counts.done.waiting_for_quota),
            "Nothing: the increase is requested, and the sync creates the users after the approval.",
        ));
    }
    if users.status == SyncStatus::UnsafePlan {
        items.push(OpenItem::new(
            "user sync",
            format!("changes to users wait for approval: {}", users.reasons.join("; ")),
            "Check the changes that wait. Approve or reject them (onboard approve, onboard reject), or correct the groups.",
        ));
    }
    items
}

fn checks(verification: &VerifySignInOutput) -> Vec<OpenItem> {
    verification
        .checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| {
            OpenItem::new(
                format!("sign-in check: {}", check.name),
                format!("expected {}, found {}", check.expected, check.found),
                "Start the same input again to revert changes to resources of the onboarding. Revert other \
                 manual changes yourself.",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract::Check, sync::Failure};

    #[test]
    fn a_lambda_error_is_reduced_to_its_message() {
        assert_eq!(message_of(r#"{"errorType":"QuotaDenied","errorMessage":"refused"}"#), "refused");
        assert_eq!(message_of("plain"), "plain");
    }

    #[test]
    fn only_an_expired_certificate_is_an_open_item() {
        let expires = |text: &str| EntraSignOn { certificate_expires: text.into(), ..EntraSignOn::default() };
        for (end, expired) in [("2026-11-29T00:00:00Z", true), ("2026-12-01T00:00:00Z", false), ("", false)] {
            let item = expired_certificate(&expires(end), "2026-11-30T08:00:00.123Z");
            assert_eq!(item.is_some_and(|item| item.what.contains(end)), expired, "{end}");
        }
    }

    #[test]
    fn a_failed_branch_is_an_open_item_with_message_and_advice() {
        let cause = r#"{"errorType":"AccessDenied","errorMessage":"no support:CreateCase"}"#;
        let item =
            branch_failure("phone numbers", &BranchFailure { error: "AccessDenied".into(), cause: cause.into() });
        assert_eq!(item.what, "AccessDenied: no support:CreateCase");
        assert_eq!(item.action, StepErrorKind::AccessDenied.advice(Language::En));
    }

    #[test]
    fn only_failed_checks_are_open_items() {
        let check = |name: &str, passed| Check { name: name.into(), passed, expected: "a".into(), found: "b".into() };
        let verification =
            VerifySignInOutput { checks: vec![check("one", true), check("two", false)], ..Default::default() };
        let items = checks(&verification);
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].subject, "sign-in check: two");
    }

    #[test]
    fn a_quota_is_an_open_item_until_it_is_sufficient() {
        let result =
            |status| QuotaResult { name: "users".into(), desired: 600.0, value: 500.0, status, ..Default::default() };
        assert_eq!(quota(&result(QuotaStatus::Sufficient)), None);
        assert!(
            quota(&result(QuotaStatus::Denied))
                .is_some_and(|item| item.what.starts_with("600 required, 500 available"))
        );
        assert!(quota(&result(QuotaStatus::Pending)).is_some_and(|item| item.action.starts_with("Nothing")));
    }

    #[test]
    fn every_failed_or_skipped_user_is_an_open_item_with_its_reason() {
        let failure = |name: &str| Failure { username: name.into(), reason: "because".into() };
        let output =
            SyncUsersOutput { failures: vec![failure("a")], skipped: vec![failure("b")], ..Default::default() };
        let subjects: Vec<String> = users(&output).into_iter().map(|item| item.subject).collect();
        assert_eq!(subjects, ["user a", "member b"]);
    }
}
