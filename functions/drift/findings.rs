//! Builds the findings in the report of a drift check: shortens the findings, computes their digest, and records
//! whether the drift was reverted.

use std::collections::BTreeSet;

use onboarding_core::contract::{DriftFinding, InstanceDrift, MAX_FINDINGS, SkippedInstance};

use crate::{
    registry::{Entry, Unreadable},
    runtime::metrics::{Metric, Metrics},
};

/// Maximum number of characters of a document (for example a policy) in a finding.
const MOST_TOLD: usize = 400;

/// Returns the finding for a registry entry that can't be read. The instance of this entry can't be compared.
pub(super) fn unreadable(entry: &Unreadable) -> InstanceDrift {
    let finding = DriftFinding {
        place: format!("registry entry {}", entry.alias),
        expected: "a readable entry".into(),
        found: entry.message.clone(),
        ..DriftFinding::default()
    };
    Metrics::of_instance(&entry.alias).with(Metric::DriftFindings, 1).emit();
    InstanceDrift {
        instance_id: entry.instance_id.clone(),
        alias: entry.alias.clone(),
        count: 1,
        digest: digest(std::slice::from_ref(&finding)),
        findings: vec![short(finding)],
        ..InstanceDrift::default()
    }
}

/// Returns the result for an instance for which a whole pass was not long enough. `before` is the result of the first
/// check, after which drift was reverted.
pub(super) fn not_compared(entry: &Entry, before: Option<&InstanceDrift>) -> InstanceDrift {
    let finding = DriftFinding {
        place: format!("settings of {}", entry.alias),
        expected: "a comparison within the time limit".into(),
        found: "AWS or Entra did not respond in time".into(),
        advice: format!("Start another check: onboard drift {}", entry.alias),
        ..DriftFinding::default()
    };
    let mut findings = before.map_or_else(Vec::new, |before| before.findings.clone());
    findings.truncate(MAX_FINDINGS - 1);
    findings.insert(0, short(finding));
    let count = 1 + before.map_or(0, |before| before.count);
    Metrics::of_instance(&entry.alias).with(Metric::DriftFindings, count).emit();
    InstanceDrift {
        instance_id: entry.instance_id.clone(),
        alias: entry.alias.clone(),
        language: entry.language,
        count,
        digest: digest(&findings),
        findings,
        remediation: None,
    }
}

/// Returns the finding that the drift of this instance was not reverted.
pub(super) fn skipped(instance: &SkippedInstance) -> DriftFinding {
    DriftFinding {
        place: "remediation".into(),
        expected: "applied".into(),
        found: format!("nothing was reverted: {}", instance.message),
        ..DriftFinding::default()
    }
}

/// Shortens the documents in a finding. The report becomes part of the execution's state, and Step Functions limits the
/// size of this state.
pub(super) fn short(finding: DriftFinding) -> DriftFinding {
    let cut = |text: String| match text.char_indices().nth(MOST_TOLD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    DriftFinding { expected: cut(finding.expected), found: cut(finding.found), ..finding }
}

/// Returns the findings of the first comparison, followed by the new findings. Each finding of the first comparison
/// states whether its drift was reverted.
pub(super) fn settled(before: &InstanceDrift, now: Vec<DriftFinding>) -> Vec<DriftFinding> {
    let still = |finding: &DriftFinding| now.iter().any(|other| other.place == finding.place);
    let mut findings: Vec<DriftFinding> =
        before.findings.iter().map(|finding| DriftFinding { reverted: !still(finding), ..finding.clone() }).collect();
    let known: BTreeSet<String> = findings.iter().map(|finding| finding.place.clone()).collect();
    findings.extend(now.into_iter().filter(|finding| !known.contains(&finding.place)));
    findings
}

/// Returns a digest of the findings. The digest also covers, for each finding, whether its drift was reverted.
pub(super) fn digest(findings: &[DriftFinding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let parts = |finding: &DriftFinding| {
        let DriftFinding { place, expected, found, reverted, .. } = finding.clone();
        [place, expected, found, if reverted { "mended".into() } else { String::new() }]
    };
    onboarding_core::digest::of_parts(findings.iter().flat_map(parts), 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(place: &str, found: &str) -> DriftFinding {
        DriftFinding { place: place.into(), expected: "x".into(), found: found.into(), ..DriftFinding::default() }
    }

    #[test]
    fn findings_missing_in_the_second_comparison_are_reverted() {
        let before = InstanceDrift { findings: vec![finding("a", "1"), finding("b", "2")], ..InstanceDrift::default() };
        let settled = settled(&before, vec![finding("b", "2"), finding("c", "3")]);
        let reverted: Vec<(&str, bool)> = settled.iter().map(|one| (one.place.as_str(), one.reverted)).collect();
        assert_eq!(reverted, [("a", true), ("b", false), ("c", false)]);
    }

    #[test]
    fn equal_findings_have_equal_digests_and_no_findings_have_none() {
        assert_eq!(digest(&[finding("a", "1")]), digest(&[finding("a", "1")]));
        assert_ne!(digest(&[finding("a", "1")]), digest(&[finding("a", "2")]));
        assert_eq!(digest(&[]), "");
    }
}
