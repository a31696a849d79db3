//! One pass of a drift check: the instances for which one invocation has time.

use onboarding_core::{
    StepError,
    contract::{DriftReport, InstanceDrift},
};

use super::findings::not_compared;
use crate::registry::Entry;

/// Adds to the report each instance that is not in the report yet. `before` is the report of the first check, or of the
/// previous pass of the second check. `check` returns `None` if there is no time for an instance.
///
/// If the time of the whole pass is not sufficient for its first instance, the report states that this instance could not
/// be compared, so that one slow instance does not prevent the comparison of the others.
///
/// # Errors
/// If a check fails, or if there is no time for the only instance.
pub(super) async fn pass(
    mut report: DriftReport,
    entries: &[Entry],
    before: Option<&DriftReport>,
    check: impl AsyncFn(&Entry, Option<&InstanceDrift>) -> Option<Result<InstanceDrift, StepError>>,
) -> Result<DriftReport, StepError> {
    let mut has_progress = false;
    for (index, entry) in entries.iter().enumerate() {
        let earlier = before.and_then(|before| before.of(&entry.instance_id));
        // After a remediation, the step compares only the instances whose drift was reverted.
        if before.is_some() && earlier.is_none_or(|earlier| earlier.remediation.is_none()) {
            report.instances.extend(earlier.cloned());
            continue;
        }
        if report.of(&entry.instance_id).is_some() {
            continue;
        }
        match check(entry, earlier).await {
            Some(drift) => {
                report.instances.push(drift?);
                has_progress = true;
            }
            None if !has_progress && (!report.instances.is_empty() || index + 1 < entries.len()) => {
                report.instances.push(not_compared(entry, earlier));
                has_progress = true;
            }
            None if !has_progress => {
                let message =
                    format!("AWS or Entra did not respond in time while the settings of {} were read", entry.alias);
                return Err(StepError::unavailable(message));
            }
            None => {
                report.more = true;
                report.instances.extend(earlier.cloned());
            }
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::cell::Cell;

    use onboarding_core::contract::{DriftFinding, EntraApplication, Remediation};

    use super::*;

    fn entry(id: &str) -> Entry {
        let json = format!(
            r#"{{"instanceId":"{id}","instanceArn":"a","alias":"{id}","tenantId":"t","users":{{"groups":[]}},"groups":[]}}"#
        );
        Entry::from_json(&json).unwrap()
    }

    fn drift(id: &str, remediation: Option<Remediation>) -> InstanceDrift {
        InstanceDrift { instance_id: id.into(), remediation, ..InstanceDrift::default() }
    }

    fn remediation() -> Remediation {
        Remediation {
            region: String::new(),
            instance_arn: String::new(),
            saml_provider_arn: String::new(),
            policy_arn: String::new(),
            role_arn: String::new(),
            onboarding: entry("i").input(),
            application: EntraApplication::default(),
            global_sign_in_endpoint: None,
            application_gone: false,
            groups: Vec::new(),
        }
    }

    /// One pass, in which there is time for this number of instances. Returns the report and the IDs of the instances
    /// that were checked.
    async fn pass_with_time_for(
        checks: usize,
        report: DriftReport,
        before: Option<&DriftReport>,
    ) -> Result<(DriftReport, usize), StepError> {
        let entries = ["one", "two", "three"].map(entry);
        let done = Cell::new(0);
        let check = async |entry: &Entry, _: Option<&InstanceDrift>| {
            (done.get() < checks).then(|| {
                done.set(done.get() + 1);
                Ok(InstanceDrift { count: 1, ..drift(&entry.instance_id, None) })
            })
        };
        let report = pass(report, &entries, before, check).await?;
        Ok((report, done.get()))
    }

    fn ids(report: &DriftReport) -> Vec<&str> {
        report.instances.iter().map(|instance| instance.instance_id.as_str()).collect()
    }

    #[tokio::test]
    async fn a_check_without_time_for_all_instances_continues_in_another_pass() {
        let (first, checked) = pass_with_time_for(2, DriftReport::default(), None).await.unwrap();
        assert_eq!((ids(&first), first.more, checked), (vec!["one", "two"], true, 2));
        let continued = DriftReport { more: false, ..first };
        let (second, checked) = pass_with_time_for(2, continued, None).await.unwrap();
        assert_eq!((ids(&second), second.more, checked), (vec!["one", "two", "three"], false, 1));
    }

    #[tokio::test]
    async fn the_second_check_also_continues_and_keeps_the_instances_without_remediation() {
        let before = DriftReport {
            instances: vec![drift("one", None), drift("two", Some(remediation())), drift("three", Some(remediation()))],
            more: false,
        };
        let (first, checked) = pass_with_time_for(1, DriftReport::default(), Some(&before)).await.unwrap();
        assert_eq!((ids(&first), first.more, checked), (vec!["one", "two", "three"], true, 1));
        assert_eq!((first.instances[1].count, &first.instances[2]), (1, &before.instances[2]));
        let (second, checked) = pass_with_time_for(1, DriftReport::default(), Some(&first)).await.unwrap();
        assert_eq!((ids(&second), second.more, checked), (vec!["one", "two", "three"], false, 1));
        assert!(second.instances.iter().all(|instance| instance.remediation.is_none()));
    }

    #[tokio::test]
    async fn an_instance_that_is_always_too_slow_does_not_prevent_the_comparison_of_the_others() {
        let entries = ["slow", "two", "three"].map(entry);
        let mut report = DriftReport::default();
        for _ in 0..2 {
            // The slow instance uses up the time of its pass.
            let has_time = Cell::new(true);
            let check = async |entry: &Entry, _: Option<&InstanceDrift>| {
                has_time.set(has_time.get() && entry.alias != "slow");
                has_time.get().then(|| Ok(drift(&entry.instance_id, None)))
            };
            report = pass(DriftReport { more: false, ..report }, &entries, None, check).await.unwrap();
        }
        assert_eq!((ids(&report), report.more), (vec!["slow", "two", "three"], false));
        let slow = &report.instances[0];
        assert_eq!((slow.count, slow.findings[0].found.as_str()), (1, "AWS or Entra did not respond in time"));
        assert!(report.instances[1..].iter().all(|instance| instance.count == 0));
    }

    #[tokio::test]
    async fn the_second_check_keeps_the_findings_of_an_instance_that_it_can_not_compare_in_time() {
        let before =
            InstanceDrift { findings: vec![DriftFinding::default()], count: 1, ..drift("one", Some(remediation())) };
        let before = DriftReport { instances: vec![before, drift("two", None)], more: false };
        let (report, _) = pass_with_time_for(0, DriftReport::default(), Some(&before)).await.unwrap();
        let slow = &report.instances[0];
        assert_eq!((slow.findings.len(), slow.count, &slow.remediation), (2, 2, &None));
    }

    #[tokio::test]
    async fn a_pass_without_time_for_the_only_instance_fails_and_is_retried() {
        let check = async |_: &Entry, _: Option<&InstanceDrift>| None;
        let failed = pass(DriftReport::default(), &[entry("one")], None, check).await.unwrap_err();
        assert!(failed.kind.is_temporary() && failed.message.contains("one"), "{failed}");
    }
}
