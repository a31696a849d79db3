//! Decides what to do about a quota. The decision is based on the values and requests that Service Quotas returned.
//!
//! The API reference does not state the following three facts:
//!
//! * If a quota was never increased, it has no applied value, and `GetServiceQuota` returns `NoSuchResourceException`.
//!   This response was reported for quotas of an instance (aws-cli#8584) and for quotas of an account (aws-cli#6629).
//!   The value in force is then the account value or, if there is none, the AWS default value, as documented in the
//!   Service Quotas console.
//! * The status of a request can become `APPROVED` before the quota's value changes. The status `CASE_CLOSED` does not
//!   state whether AWS granted the request. Therefore, only the value in force shows the result of a request.
//! * A request has no client token. If the response to a request is lost, a retry must find this request in the request
//!   history. The request history may contain the decision of AWS before the new value is visible.

use crate::onboarding::QUOTA_NAMES;

/// How many times the quota's value is read again after the request is `APPROVED`. The waits of
/// [`approval`](crate::backoff::approval) between these reads add up to about a day.
const READS_AFTER_APPROVAL: u32 = 11;
/// How many times the quota's value is read again after the request is `CASE_CLOSED`. The waits between these reads add
/// up to about an hour and a half.
const READS_AFTER_CLOSED_CASE: u32 = 4;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The values of one quota at three levels. A field is `None` if Service Quotas has no value at its level, or if the
/// quota does not apply at this level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QuotaValues {
    /// The applied value for the instance.
    pub instance: Option<f64>,
    /// The applied value for the account in this Region.
    pub account: Option<f64>,
    /// The AWS default value.
    pub default: Option<f64>,
}

impl QuotaValues {
    /// The value in force, which is the limit that AWS applies now. `None` if Service Quotas has no value of the quota.
    #[must_use]
    pub fn in_force(&self) -> Option<f64> {
        self.instance.or(self.account).or(self.default)
    }

    /// Whether Service Quotas has a value of the quota at any level.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.in_force().is_some()
    }
}

/// The name and the code of the entry in [`QUOTA_NAMES`] whose code is most similar to the specified code. `None` if no
/// code is similar.
#[must_use]
pub fn nearest(code: &str) -> Option<(&'static str, &'static str)> {
    let differences = |known: &str| known.chars().zip(code.chars()).filter(|(one, other)| one != other).count();
    let (name, known, _) = QUOTA_NAMES.iter().min_by_key(|(_, known, _)| differences(known))?;
    (differences(known) <= 2).then_some((*name, *known))
}

/// The required value of a quota, and the value to request if the value in force is lower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuotaNeed {
    /// The required value.
    pub at_least: f64,
    /// The value to request, which is at least `at_least`.
    pub ask_for: f64,
}

/// A quota increase request from the request history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuotaRequest {
    /// The ID of the request.
    pub id: String,
    /// The support case that Service Quotas opened for the request.
    pub case_id: Option<String>,
    /// The requested value.
    pub desired: Option<f64>,
    /// The status, as Service Quotas returns it.
    pub status: String,
    /// Seconds since the last change of the request.
    pub age: u64,
    /// How many times this execution has read the quota's value since AWS decided on the request. `None` if this
    /// execution does not poll the request.
    pub followed: Option<u32>,
}

/// The meaning of a request's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Refused,
    Closed,
    Approved,
    Open,
}

impl QuotaRequest {
    fn stage(&self) -> Stage {
        match self.status.as_str() {
            "DENIED" | "NOT_APPROVED" | "INVALID_REQUEST" => Stage::Refused,
            "CASE_CLOSED" => Stage::Closed,
            "APPROVED" => Stage::Approved,
            // An unknown status is treated as if AWS had not decided yet. Waiting does no harm, whereas a report that
            // AWS denied the request could be wrong.
            _ => Stage::Open,
        }
    }

    fn asks_enough(&self, need: QuotaNeed) -> bool {
        self.desired.is_none_or(|desired| desired >= need.at_least)
    }

    fn reads(&self) -> u32 {
        self.followed.unwrap_or_default()
    }

    /// Whether [`decide`] must consider this request. An open request is always considered. A request on which AWS has
    /// decided is considered only if it requests enough, and if AWS decided recently or this execution polls the
    /// request. After a recent decision of AWS, the new value of the quota may not be visible yet, and this step may
    /// have sent that request without receiving the response. An older request has no effect any more, so a new
    /// execution sends a new request.
    fn counts(&self, need: QuotaNeed) -> bool {
        let recent = match self.stage() {
            Stage::Open => return true,
            Stage::Approved => self.age <= 24 * HOUR,
            Stage::Closed => self.age <= 2 * HOUR,
            Stage::Refused => self.age <= 15 * MINUTE && self.desired == Some(need.ask_for),
        };
        self.asks_enough(need) && (recent || self.followed.is_some())
    }
}

/// What to do about a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuotaDecision<'a> {
    /// The value in force is at least the required value.
    Sufficient,
    /// The value in force is too low, and customers can't request an increase of this quota.
    NotAdjustable,
    /// The step must request an increase of the quota.
    Ask,
    /// AWS has not decided on the request yet.
    Undecided(&'a QuotaRequest),
    /// AWS has decided on the request, but the value in force may still change.
    ValueOutstanding(&'a QuotaRequest),
    /// AWS denied the request, or the value in force still has not changed a long time after AWS decided on the
    /// request.
    Refused(&'a QuotaRequest),
}

impl<'a> QuotaDecision<'a> {
    /// The request on which this decision is based.
    #[must_use]
    pub const fn request(&self) -> Option<&'a QuotaRequest> {
        match self {
            Self::Undecided(request) | Self::ValueOutstanding(request) | Self::Refused(request) => Some(request),
            Self::Sufficient | Self::NotAdjustable | Self::Ask => None,
        }
    }

    /// Whether AWS has approved a request, or may have approved it, but the value in force is still too low.
    #[must_use]
    pub fn awaits_value(&self) -> bool {
        match self {
            Self::ValueOutstanding(_) => true,
            Self::Refused(request) => matches!(request.stage(), Stage::Approved | Stage::Closed),
            Self::Sufficient | Self::NotAdjustable | Self::Ask | Self::Undecided(_) => false,
        }
    }
}

/// Decides what to do about a quota.
///
/// `in_force` is the result of [`QuotaValues::in_force`]. `requests` are the requests at the level of the quota, in any
/// order.
#[must_use]
pub fn decide(
    need: QuotaNeed,
    in_force: Option<f64>,
    adjustable: bool,
    requests: &[QuotaRequest],
) -> QuotaDecision<'_> {
    if in_force.is_some_and(|value| value >= need.at_least) {
        return QuotaDecision::Sufficient;
    }
    // The request that this execution polls has the highest priority. An open request has the next priority, because
    // only one request can be open at a time. Among requests at the same stage, a request for a sufficient value has
    // priority over a request for a lower value.
    let rank = |request: &&QuotaRequest| {
        let desired = request.desired.unwrap_or(f64::MAX);
        (request.followed.is_some(), request.stage(), desired.min(need.ask_for), std::cmp::Reverse(request.age))
    };
    let best = requests
        .iter()
        .filter(|request| request.counts(need))
        .max_by(|one, other| rank(one).partial_cmp(&rank(other)).unwrap_or(std::cmp::Ordering::Equal));
    let Some(request) = best else {
        return if adjustable { QuotaDecision::Ask } else { QuotaDecision::NotAdjustable };
    };
    let reads = match request.stage() {
        Stage::Open => return QuotaDecision::Undecided(request),
        Stage::Refused => 0,
        Stage::Approved => READS_AFTER_APPROVAL,
        Stage::Closed => READS_AFTER_CLOSED_CASE,
    };
    if request.reads() < reads { QuotaDecision::ValueOutstanding(request) } else { QuotaDecision::Refused(request) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff;

    const NEED: QuotaNeed = QuotaNeed { at_least: 20.0, ask_for: 22.0 };

    fn request(id: &str, status: &str, desired: f64) -> QuotaRequest {
        QuotaRequest { id: id.into(), status: status.into(), desired: Some(desired), ..QuotaRequest::default() }
    }

    fn followed(reads: u32, request: QuotaRequest) -> QuotaRequest {
        QuotaRequest { followed: Some(reads), ..request }
    }

    fn aged(age: u64, request: QuotaRequest) -> QuotaRequest {
        QuotaRequest { age, ..request }
    }

    /// The name of the decision, followed by the ID of the request on which the decision is based.
    fn decided(in_force: Option<f64>, requests: &[QuotaRequest]) -> String {
        match decide(NEED, in_force, true, requests) {
            QuotaDecision::Sufficient => "sufficient".into(),
            QuotaDecision::NotAdjustable => "not adjustable".into(),
            QuotaDecision::Ask => "ask".into(),
            QuotaDecision::Undecided(request) => format!("undecided {}", request.id),
            QuotaDecision::ValueOutstanding(request) => format!("outstanding {}", request.id),
            QuotaDecision::Refused(request) => format!("refused {}", request.id),
        }
    }

    #[test]
    fn the_value_in_force_is_the_first_of_instance_account_and_default_value() {
        let (some, none) = (Some, None::<f64>);
        for (instance, account, default, in_force) in [
            (some(0.0), some(30.0), some(10.0), some(0.0)),
            (some(40.0), none, some(10.0), some(40.0)),
            (none, some(30.0), some(10.0), some(30.0)),
            (none, some(0.0), some(10.0), some(0.0)),
            (none, none, some(10.0), some(10.0)),
            (none, none, none, none),
        ] {
            let values = QuotaValues { instance, account, default };
            assert_eq!(values.in_force(), in_force, "{values:?}");
            assert_eq!(values.is_known(), in_force.is_some());
        }
    }

    #[test]
    fn a_sufficient_value_needs_no_request_and_a_fixed_quota_gets_none() {
        assert_eq!(decided(Some(20.0), &[request("a", "PENDING", 50.0)]), "sufficient");
        assert_eq!(decided(Some(19.0), &[]), "ask");
        assert_eq!(decided(None, &[]), "ask");
        assert_eq!(decide(NEED, Some(19.0), false, &[]), QuotaDecision::NotAdjustable);
        assert_eq!(decide(NEED, Some(20.0), false, &[]), QuotaDecision::Sufficient);
    }

    #[test]
    fn each_status_of_the_followed_request_leads_to_its_decision() {
        for (status, reads, decision) in [
            ("PENDING", 0, "undecided a"),
            ("CASE_OPENED", 900, "undecided a"),
            ("SOMETHING_NEW", 900, "undecided a"),
            ("APPROVED", 0, "outstanding a"),
            ("APPROVED", READS_AFTER_APPROVAL, "refused a"),
            ("CASE_CLOSED", 0, "outstanding a"),
            ("CASE_CLOSED", READS_AFTER_CLOSED_CASE, "refused a"),
            ("DENIED", 0, "refused a"),
            ("NOT_APPROVED", 0, "refused a"),
            ("INVALID_REQUEST", 0, "refused a"),
        ] {
            let old = aged(90 * 24 * HOUR, request("a", status, 22.0));
            assert_eq!(decided(Some(10.0), &[followed(reads, old)]), decision, "{status} after {reads} reads");
        }
    }

    #[test]
    fn a_decided_request_for_too_little_does_not_count_but_an_open_one_is_awaited() {
        assert_eq!(decided(Some(12.0), &[followed(0, request("a", "APPROVED", 12.0))]), "ask");
        assert_eq!(decided(Some(10.0), &[followed(0, request("a", "DENIED", 12.0))]), "ask");
        assert_eq!(decided(Some(10.0), &[request("a", "PENDING", 12.0)]), "undecided a");
    }

    #[test]
    fn the_followed_request_has_priority_then_an_open_request_for_enough() {
        let open = [request("a", "PENDING", 12.0), request("b", "CASE_OPENED", 20.0), request("c", "APPROVED", 50.0)];
        assert_eq!(decided(Some(10.0), &open), "undecided b");
        let mut with_followed = open.to_vec();
        with_followed.push(followed(0, request("d", "APPROVED", 22.0)));
        assert_eq!(decided(Some(10.0), &with_followed), "outstanding d");
        let refused_and_approved = [request("a", "DENIED", 22.0), request("b", "APPROVED", 22.0)];
        assert_eq!(decided(Some(10.0), &refused_and_approved), "outstanding b");
    }

    #[test]
    fn a_request_whose_response_was_lost_counts_even_if_it_was_decided_before_the_retry() {
        for (status, age, desired, decision) in [
            ("APPROVED", 0, 22.0, "outstanding a"),
            ("APPROVED", 24 * HOUR, 22.0, "outstanding a"),
            ("APPROVED", 25 * HOUR, 22.0, "ask"),
            ("APPROVED", 0, 15.0, "ask"),
            ("CASE_CLOSED", HOUR, 22.0, "outstanding a"),
            ("CASE_CLOSED", 3 * HOUR, 22.0, "ask"),
            ("DENIED", 5 * MINUTE, 22.0, "refused a"),
            // After AWS denied a request, a new execution sends the same request only after some time. A request for a
            // different value is sent immediately.
            ("DENIED", HOUR, 22.0, "ask"),
            ("DENIED", 5 * MINUTE, 30.0, "ask"),
        ] {
            let found = aged(age, request("a", status, desired));
            assert_eq!(decided(Some(10.0), &[found]), decision, "{status} for {desired}, {age} s ago");
        }
    }

    #[test]
    fn a_mistyped_code_suggests_the_nearest_known_code() {
        assert_eq!(nearest("L-12AB7C75"), Some(("concurrentActiveCalls", "L-12AB7C57")));
        assert_eq!(nearest("L-00000000"), None);
    }

    #[test]
    fn only_a_request_that_may_be_approved_awaits_its_value() {
        for (status, reads, awaits) in [
            ("APPROVED", 0, true),
            ("APPROVED", 90, true),
            ("CASE_CLOSED", 90, true),
            ("DENIED", 0, false),
            ("PENDING", 0, false),
        ] {
            let requests = [followed(reads, request("a", status, 22.0))];
            assert_eq!(decide(NEED, Some(10.0), true, &requests).awaits_value(), awaits, "{status}");
        }
    }

    #[test]
    fn an_approved_value_gets_about_a_day_to_come_into_force() {
        let seconds: u64 = (0..READS_AFTER_APPROVAL).map(backoff::approval).sum();
        assert!((18 * HOUR..36 * HOUR).contains(&seconds), "{seconds}");
    }
}
