//! Reads the current value of an Amazon Connect quota from Service Quotas, requests an increase, and polls the increase
//! request. The two steps that request quota increases use this module. All other code that needs a quota value also
//! reads the value through this module.
//!
//! Safe to repeat: Service Quotas does not accept a client token, so the current value and the request history are read
//! before an increase is requested. If a request for a sufficient value already exists, this module uses that request,
//! even if another program or a user has made it. [`onboarding_core::quota`] decides whether an increase is requested.

mod calls;
mod preview;
pub(crate) mod targets;

use aws_sdk_servicequotas::Client;
use onboarding_core::{
    StepError, backoff,
    contract::{QuotaResult, QuotaStatus},
    onboarding::{QUOTA_NAMES, Quota, quota_name},
    quota::{QuotaDecision, QuotaNeed, QuotaRequest, decide, nearest},
};

use self::calls::{Reading, RequestOutcome};
pub(crate) use self::preview::preview;

/// A quota that must have at least a certain value.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The quota code.
    pub code: &'a str,
    /// The instance's ARN, if the quota belongs to an instance.
    pub instance_arn: Option<&'a str>,
    /// The required value.
    pub at_least: f64,
    /// The value to request if the current value of the quota is lower than `at_least`. The requested value is at least
    /// `at_least`.
    pub ask_for: f64,
    /// Whether the onboarding fails if AWS denies the increase of the quota. This module only copies this setting to
    /// the result. The caller makes the onboarding fail.
    pub required: bool,
}

impl Wanted<'_> {
    const fn need(&self) -> QuotaNeed {
        QuotaNeed { at_least: self.at_least, ask_for: self.ask_for }
    }
}

/// Returns the current value of a quota for an instance, or for the account in this Region. Returns `None` if Service
/// Quotas does not know the quota.
///
/// # Errors
/// If Service Quotas returns an error.
pub async fn in_force(client: &Client, code: &str, instance_arn: Option<&str>) -> Result<Option<f64>, StepError> {
    Ok(calls::read(client, code, instance_arn).await?.values.in_force())
}

/// Checks that Service Quotas knows every quota that the input specifies by quota code.
///
/// # Errors
/// `InvalidInput`, with all quota codes that Service Quotas does not know; or the error that Service Quotas returns.
pub async fn check_codes(client: &Client, region: &str, quotas: &[Quota]) -> Result<(), StepError> {
    let named = |quota: &&Quota| !QUOTA_NAMES.iter().any(|(_, code, _)| *code == quota.code);
    let mut unknown = Vec::new();
    for Quota { code, .. } in quotas.iter().filter(named) {
        if !calls::read(client, code, None).await?.values.is_known() {
            let hint =
                nearest(code).map_or_else(String::new, |(name, known)| format!("; did you mean {known} ({name})?"));
            unknown.push(format!("$.quotas: Amazon Connect has no quota with the code {code} in {}{hint}", region));
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(StepError::invalid_input(unknown.join("\n"))) }
}

/// Polls a quota once. The result is sufficient, pending or denied.
///
/// # Errors
/// If Service Quotas returns an error. A denial is a result, not an error.
pub async fn poll(
    client: &Client,
    wanted: Wanted<'_>,
    previous: Option<&QuotaResult>,
) -> Result<QuotaResult, StepError> {
    // The status of the increase request is read before the value of the quota. In the reverse order, AWS could approve
    // the request between the two reads, and this poll would combine the approval with the old value.
    let followed = match previous.and_then(|previous| previous.request_id.as_deref()) {
        Some(id) => calls::request(client, id).await?,
        None => None,
    };
    let followed = followed
        .map(|request| QuotaRequest { followed: Some(previous.map_or(0, |previous| previous.final_polls)), ..request });
    let reading = calls::read(client, wanted.code, wanted.instance_arn).await?;
    let mut known = Known { reading, followed, history: None, awaited: None };
    loop {
        let context = known.reading.context.as_deref();
        match next(&known, wanted, previous) {
            Next::ReadHistory => known.history = Some(calls::history(client, wanted.code, context).await?),
            Next::ListValues(request) => {
                let value = calls::listed(client, wanted.code, context).await?;
                known.reading.set_applied(value);
                known.awaited = Some(request);
            }
            Next::Request(result) => return request_increase(client, wanted, &known.reading, *result).await,
            Next::Return(result) => return Ok(*result),
        }
    }
}

/// The quota values and the increase requests that a poll has read so far.
struct Known {
    reading: Reading,
    /// The increase request that the previous poll returned.
    followed: Option<QuotaRequest>,
    /// All increase requests for the quota.
    history: Option<Vec<QuotaRequest>>,
    /// An increase request that AWS has approved or denied. Because of this request, this poll has already read the
    /// quota values with `ListServiceQuotas`.
    awaited: Option<QuotaRequest>,
}

/// What a poll does next.
#[derive(Debug, PartialEq)]
enum Next {
    /// Read the request history, because an earlier attempt may have requested an increase without receiving the
    /// response.
    ReadHistory,
    /// Read the value with `ListServiceQuotas`. AWS has decided on this increase request, so the requested value may
    /// already be applied although `GetServiceQuota` still returns the old value.
    ListValues(QuotaRequest),
    /// Request an increase of the quota, then return this result.
    Request(Box<QuotaResult>),
    /// Return this result.
    Return(Box<QuotaResult>),
}

/// Decides what a poll does next.
fn next(known: &Known, wanted: Wanted<'_>, previous: Option<&QuotaResult>) -> Next {
    let Known { reading, followed, history, awaited } = known;
    let requests = history.as_deref().unwrap_or(followed.as_slice());
    let decision = decide(wanted.need(), reading.values.in_force(), reading.adjustable, requests);
    let result = initial_result(wanted, reading, previous);
    match (decision, decision.request()) {
        (QuotaDecision::Ask, _) if history.is_none() => Next::ReadHistory,
        (QuotaDecision::Ask, _) => Next::Request(Box::new(result)),
        (_, Some(request)) if decision.awaits_value() && reading.applied().is_none() && awaited.is_none() => {
            Next::ListValues(request.clone())
        }
        (QuotaDecision::Sufficient, _) => {
            Next::Return(Box::new(with_request(result, awaited.as_ref().or(followed.as_ref()))))
        }
        _ => Next::Return(Box::new(decided_result(result, decision))),
    }
}

/// Creates the preliminary result of a poll from the values that were read.
fn initial_result(wanted: Wanted<'_>, reading: &Reading, previous: Option<&QuotaResult>) -> QuotaResult {
    QuotaResult {
        code: wanted.code.into(),
        name: quota_name(wanted.code).into(),
        desired: wanted.at_least,
        value: reading.values.in_force().unwrap_or_default(),
        required: wanted.required,
        attempt: previous.map_or(0, |previous| previous.attempt) + 1,
        ..QuotaResult::default()
    }
}

async fn request_increase(
    client: &Client,
    wanted: Wanted<'_>,
    reading: &Reading,
    mut result: QuotaResult,
) -> Result<QuotaResult, StepError> {
    let polls = result.attempt - 1;
    Ok(match calls::request_increase(client, wanted.code, wanted.ask_for, reading.context.as_deref()).await? {
        RequestOutcome::Accepted(request) => decided_result(result, QuotaDecision::Undecided(&request)),
        RequestOutcome::AlreadySufficient => {
            result.value = wanted.ask_for.max(result.value);
            result
        }
        RequestOutcome::Later(reason) => pending(result, polls, reason),
        RequestOutcome::Refused(reason) => {
            // AWS does not document the error code for a request whose value is already applied. So the poll reads the
            // current value of the quota to determine whether it is sufficient.
            let value = in_force(client, wanted.code, wanted.instance_arn).await?;
            result.value = value.unwrap_or(result.value);
            if result.value >= wanted.at_least { result } else { refused(result, &reason) }
        }
    })
}

/// Returns the result of a poll that needs no further call to Service Quotas.
fn decided_result(result: QuotaResult, decision: QuotaDecision<'_>) -> QuotaResult {
    let polls = result.attempt - 1;
    match decision {
        QuotaDecision::Sufficient | QuotaDecision::Ask => result,
        QuotaDecision::NotAdjustable => refused(result, "customers can't change this quota; contact AWS Support"),
        QuotaDecision::Undecided(request) => {
            let reason = request.desired.map_or_else(String::new, |desired| format!(" for {desired}"));
            pending(
                with_request(result, Some(request)),
                polls,
                format!("AWS has not decided on the request{reason} yet"),
            )
        }
        QuotaDecision::ValueOutstanding(request) => {
            let reads = request.followed.unwrap_or_default();
            let mut result = with_request(result, Some(request));
            result.final_polls = reads + 1;
            pending(result, reads, format!("the request is {}; the value has not changed yet", request.status))
        }
        QuotaDecision::Refused(request) => refused(
            with_request(result, Some(request)),
            &format!("the request ended with the status {}", request.status),
        ),
    }
}

fn with_request(mut result: QuotaResult, request: Option<&QuotaRequest>) -> QuotaResult {
    if let Some(request) = request {
        result.request_id = Some(request.id.clone()).filter(|id| !id.is_empty());
        result.case_id.clone_from(&request.case_id);
        result.request_status = Some(request.status.clone());
    }
    result
}

fn pending(mut result: QuotaResult, polls: u32, reason: String) -> QuotaResult {
    result.status = QuotaStatus::Pending;
    result.wait_seconds = backoff::approval(polls);
    result.message = Some(format!("{}: {} of {}; {reason}", result.name, result.value, result.desired));
    result
}

/// Returns the result for a denied quota increase, with the reason and the action that the operator must take.
fn refused(mut result: QuotaResult, reason: &str) -> QuotaResult {
    let request = result.request_id.as_deref().map_or(String::new(), |id| format!(", request {id}"));
    let case = result.case_id.as_deref().map_or(String::new(), |id| format!(", support case {id}"));
    result.status = QuotaStatus::Denied;
    result.wait_seconds = 0;
    result.message = Some(format!(
        "the quota {} ({}{request}{case}) is {} but must be {}: {reason}. Reply to the case or open one with AWS Support \
         (Service limit increase, Amazon Connect), or lower the value in the input; then start the same input again",
        result.name, result.code, result.value, result.desired
    ));
    result
}

#[cfg(test)]
mod tests {
    use onboarding_core::{onboarding::INSTANCES_QUOTA, quota::QuotaValues};

    use super::*;

    const WANTED: Wanted<'static> =
        Wanted { code: INSTANCES_QUOTA, instance_arn: None, at_least: 10.0, ask_for: 10.0, required: true };

    fn known(account: Option<f64>, followed: Option<QuotaRequest>, history: Option<Vec<QuotaRequest>>) -> Known {
        let values = QuotaValues { account, default: Some(2.0), instance: None };
        Known { reading: Reading { values, adjustable: true, context: None }, followed, history, awaited: None }
    }

    fn request(id: &str, status: &str) -> QuotaRequest {
        QuotaRequest { id: id.into(), status: status.into(), desired: Some(10.0), ..QuotaRequest::default() }
    }

    /// Describes the poll's next action: the name of the action, or the status and the request ID of the result.
    fn outcome(next: Next) -> (String, Option<String>) {
        match next {
            Next::ReadHistory => ("read history".into(), None),
            Next::ListValues(request) => ("list values".into(), Some(request.id)),
            Next::Request(result) => ("request".into(), result.request_id),
            Next::Return(result) => (format!("{:?}", result.status), result.request_id),
        }
    }

    #[test]
    fn a_poll_reads_only_what_the_decision_needs_and_requests_an_increase_last() {
        let followed = |status: &str| Some(QuotaRequest { followed: Some(0), ..request("r-1", status) });
        let listed = |account| Known { awaited: followed("APPROVED"), ..known(account, followed("APPROVED"), None) };
        let cases = [
            ("the value is sufficient", known(Some(10.0), None, None), "Sufficient", None),
            (
                "the value of a followed request is applied",
                known(Some(10.0), followed("APPROVED"), None),
                "Sufficient",
                Some("r-1"),
            ),
            ("the value is too low", known(Some(5.0), None, None), "read history", None),
            ("no request is in the history", known(Some(5.0), None, Some(vec![])), "request", None),
            (
                "a lost request is open",
                known(None, None, Some(vec![request("r-2", "PENDING")])),
                "Pending",
                Some("r-2"),
            ),
            (
                "a request is approved, no value is applied",
                known(None, followed("APPROVED"), None),
                "list values",
                Some("r-1"),
            ),
            (
                "a request is approved, an old value is applied",
                known(Some(5.0), followed("APPROVED"), None),
                "Pending",
                Some("r-1"),
            ),
            ("the list has the new value", listed(Some(10.0)), "Sufficient", Some("r-1")),
            ("the list has no value either", listed(None), "Pending", Some("r-1")),
            ("the followed request is denied", known(None, followed("DENIED"), None), "Denied", Some("r-1")),
        ];
        for (case, known, expected, id) in cases {
            let (action, request_id) = outcome(next(&known, WANTED, None));
            assert_eq!((action.as_str(), request_id.as_deref()), (expected, id), "{case}");
        }
    }

    #[test]
    fn a_quota_that_customers_cannot_change_is_denied_without_a_request() {
        let mut known = known(Some(5.0), None, Some(Vec::new()));
        known.reading.adjustable = false;
        assert_eq!(outcome(next(&known, WANTED, None)).0, "Denied");
    }
}
