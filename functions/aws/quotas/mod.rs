//! Service Quotas for Amazon Connect: reads the value in force, requests an increase, and polls the request. The two
//! steps that request quotas use this module, and all other code reads quota values through it.
//!
//! Safe to repeat: Service Quotas accepts no client token, so the value in force and the request history are read
//! before an increase is requested. An existing request for a sufficient value is reused, regardless of its origin;
//! [`onboarding_core::quota`] decides whether an increase is requested.

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

use self::calls::{Asked, Reading};
pub(crate) use self::preview::preview;

/// A quota that must have at least a certain value.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The quota code.
    pub code: &'a str,
    /// The instance's ARN, for quotas of an instance.
    pub instance_arn: Option<&'a str>,
    /// The required value.
    pub at_least: f64,
    /// The value to request if the quota is lower; at least `at_least`.
    pub ask_for: f64,
    /// Whether the onboarding fails if AWS denies the quota. This module only copies the flag to the result; the caller
    /// acts on it.
    pub required: bool,
}

impl Wanted<'_> {
    const fn need(&self) -> QuotaNeed {
        QuotaNeed { at_least: self.at_least, ask_for: self.ask_for }
    }
}

/// Returns the value of a quota that is in force for an instance, or for the account in this Region. Returns `None` if
/// Service Quotas does not have the quota.
///
/// # Errors
/// If Service Quotas returns an error.
pub async fn in_force(client: &Client, code: &str, instance_arn: Option<&str>) -> Result<Option<f64>, StepError> {
    Ok(calls::read(client, code, instance_arn).await?.values.in_force())
}

/// Checks that Service Quotas has every quota that the input specifies by code.
///
/// # Errors
/// `InvalidInput` with all unknown codes, or the error that Service Quotas returns.
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

/// Polls a quota once; the result is sufficient, pending or denied.
///
/// # Errors
/// If Service Quotas returns an error. A denial is a result, not an error.
pub async fn look(
    client: &Client,
    wanted: Wanted<'_>,
    previous: Option<&QuotaResult>,
) -> Result<QuotaResult, StepError> {
    // The status of the request is read before the value of the quota. In the opposite order, a request approved
    // between the two reads would be combined with the old value.
    let followed = match previous.and_then(|previous| previous.request_id.as_deref()) {
        Some(id) => calls::request(client, id).await?,
        None => None,
    };
    let followed = followed
        .map(|request| QuotaRequest { followed: Some(previous.map_or(0, |previous| previous.final_looks)), ..request });
    let mut reading = calls::read(client, wanted.code, wanted.instance_arn).await?;
    let mut requests: Vec<QuotaRequest> = followed.iter().cloned().collect();
    let mut decision = decide(wanted.need(), reading.values.in_force(), reading.adjustable, &requests);
    if decision == QuotaDecision::Ask {
        // An earlier attempt may have requested the increase without receiving the response.
        requests = calls::history(client, wanted.code, reading.context.as_deref()).await?;
        decision = decide(wanted.need(), reading.values.in_force(), reading.adjustable, &requests);
    }
    let mut noted_request = followed;
    // The increased value may already be applied although `GetServiceQuota` does not return it yet.
    if decision.awaits_value() && reading.applied().is_none() {
        noted_request = decision.request().cloned();
        reading.set_applied(calls::listed(client, wanted.code, reading.context.as_deref()).await?);
        decision = decide(wanted.need(), reading.values.in_force(), reading.adjustable, &requests);
    }
    let result = start(wanted, &reading, previous);
    Ok(match decision {
        QuotaDecision::Ask => request_more(client, wanted, &reading, result).await?,
        QuotaDecision::Sufficient => noted(result, noted_request.as_ref()),
        decision => settle(result, decision),
    })
}

/// Creates the initial result, before any decision.
fn start(wanted: Wanted<'_>, reading: &Reading, previous: Option<&QuotaResult>) -> QuotaResult {
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

async fn request_more(
    client: &Client,
    wanted: Wanted<'_>,
    reading: &Reading,
    mut result: QuotaResult,
) -> Result<QuotaResult, StepError> {
    let polls = result.attempt - 1;
    Ok(match calls::ask(client, wanted.code, wanted.ask_for, reading.context.as_deref()).await? {
        Asked::Accepted(request) => settle(result, QuotaDecision::Undecided(&request)),
        Asked::Enough => {
            result.value = wanted.ask_for.max(result.value);
            result
        }
        Asked::Later(reason) => pending(result, polls, reason),
        Asked::Refused(reason) => {
            // AWS does not document how Service Quotas refuses a value that is already applied. Therefore, the current
            // value is read again and compared with the required value.
            let there = in_force(client, wanted.code, wanted.instance_arn).await?;
            result.value = there.unwrap_or(result.value);
            if result.value >= wanted.at_least { result } else { refused(result, &reason) }
        }
    })
}

/// Returns the result of a decision that needs no further call.
fn settle(result: QuotaResult, decision: QuotaDecision<'_>) -> QuotaResult {
    let polls = result.attempt - 1;
    match decision {
        QuotaDecision::Sufficient | QuotaDecision::Ask => result,
        QuotaDecision::NotAdjustable => {
            refused(result, "AWS does not let customers change this quota; talk to AWS Support")
        }
        QuotaDecision::Undecided(request) => {
            let reason = request.desired.map_or_else(String::new, |desired| format!(" for {desired}"));
            pending(noted(result, Some(request)), polls, format!("AWS is deciding on the request{reason}"))
        }
        QuotaDecision::ValueOutstanding(request) => {
            let reads = request.followed.unwrap_or_default();
            let mut result = noted(result, Some(request));
            result.final_looks = reads + 1;
            pending(result, reads, format!("the request is {}; the value has not followed yet", request.status))
        }
        QuotaDecision::Refused(request) => {
            refused(noted(result, Some(request)), &format!("the request ended as {}", request.status))
        }
    }
}

fn noted(mut result: QuotaResult, request: Option<&QuotaRequest>) -> QuotaResult {
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

/// Returns the denied result with the reason and the required action.
fn refused(mut result: QuotaResult, reason: &str) -> QuotaResult {
    let request = result.request_id.as_deref().map_or(String::new(), |id| format!(", request {id}"));
    let case = result.case_id.as_deref().map_or(String::new(), |id| format!(", support case {id}"));
    result.status = QuotaStatus::Denied;
    result.wait_seconds = 0;
    result.message = Some(format!(
        "the quota {} ({}{request}{case}) is {} and should be {}: {reason}. Answer the case or open one with AWS Support \
         (Service limit increase, Amazon Connect), or lower the value in the input; then start the same input again",
        result.name, result.code, result.value, result.desired
    ));
    result
}
