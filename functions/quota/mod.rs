//! Service Quotas for Amazon Connect: read the applied value, ask for more, follow the request. Both quota steps stand on
//! it.
//!
//! What makes repetition safe: Service Quotas has no client token, so the applied value and the open requests are read
//! before anything is asked for. A request that is open already is adopted, ours or not, when it asks for enough.
//!
//! Three traps (Service Quotas API reference, and live notes of 2026-09): the history of requests shows account-level ones
//! only, unless `QuotaRequestedAtLevel` says otherwise; `APPROVED` can come before the value; `CASE_CLOSED` says neither
//! yes nor no. So only the applied value decides, and it is read after the status.

mod peek;
pub(crate) mod targets;

use aws_sdk_servicequotas::types::{AppliedLevelEnum, RequestStatus, RequestedServiceQuotaChange, ServiceQuota};
use onboarding_core::{
    StepError, StepErrorKind, backoff,
    contract::{QuotaResult, QuotaStatus},
    onboarding::{QUOTA_NAMES, quota_is_per_instance, quota_name},
};

pub(crate) use self::peek::peek;
use crate::{aws_error, clients::Clients};

const SERVICE: &str = "connect";

/// How many more looks the value gets after `APPROVED`: their waits add up to about a day.
const LOOKS_AFTER_APPROVAL: u32 = 11;
/// How many more looks the value gets after `CASE_CLOSED`: about an hour and a half.
const LOOKS_AFTER_CLOSED_CASE: u32 = 4;

/// A quota that has to hold at least a value.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The quota code.
    pub code: &'a str,
    /// The instance's ARN, for quotas that belong to an instance.
    pub instance_arn: Option<&'a str>,
    /// The value that is enough.
    pub at_least: f64,
    /// The value to ask for when there is not enough; not below `at_least`.
    pub ask_for: f64,
    /// Whether a refusal fails the onboarding. Only carried on: the caller acts on it.
    pub required: bool,
}

/// The applied value of a quota.
#[derive(Clone, Debug)]
struct Applied {
    /// `None` where AWS does not say it.
    value: Option<f64>,
    /// What to show where the applied value is not known: AWS's default.
    shown: f64,
    adjustable: bool,
    /// The `ContextId` under which it was found.
    context: Option<String>,
}

/// One look at a quota: enough, asked for, still waiting, or refused.
///
/// # Errors
/// Whatever keeps Service Quotas from answering. A refusal is a result, not an error.
pub async fn look(cx: &Clients, wanted: Wanted<'_>, previous: Option<&QuotaResult>) -> Result<QuotaResult, StepError> {
    let attempt = previous.map_or(0, |previous| previous.attempt);
    let mut result = QuotaResult {
        code: wanted.code.into(),
        name: quota_name(wanted.code).into(),
        desired: wanted.at_least,
        required: wanted.required,
        attempt: attempt + 1,
        final_looks: previous.map_or(0, |previous| previous.final_looks),
        ..QuotaResult::default()
    };
    // The status before the value: a value that is read before an approval would be the old one.
    let mut request = match previous.and_then(|previous| previous.request_id.as_deref()) {
        Some(id) => status_of(cx, id).await?,
        None => None,
    };
    let applied = applied_value(cx, wanted).await?;
    result.value = applied.value.unwrap_or(applied.shown);
    if let Some(request) = &request {
        note(&mut result, request);
    }
    if applied.value.is_some_and(|value| value >= wanted.at_least) {
        result.final_looks = 0;
        return Ok(result);
    }
    // Somebody's smaller request that is through by now does not help; ask for what is needed.
    if request.as_ref().is_some_and(|request| is_final(request) && !asks_enough(request, wanted)) {
        request = None;
        result.final_looks = 0;
    }
    if request.is_none() {
        if !applied.adjustable {
            return Ok(refused(result, "AWS does not let customers change this quota; talk to AWS Support"));
        }
        request = open_request(cx, wanted, applied.context.as_deref()).await?;
    }
    if request.is_none() {
        match ask(cx, wanted, applied.context.as_deref()).await? {
            Asked::Accepted(accepted) => request = Some(*accepted),
            Asked::Refused(reason) => return Ok(refused(result, &reason)),
            Asked::Later(reason) => return Ok(pending(result, attempt, reason)),
        }
    }
    let Some(request) = request else {
        return Err(StepError::internal(format!("the request for the quota {} got lost", result.name)));
    };
    note(&mut result, &request);
    let status = request.status();
    Ok(match verdict(status, result.final_looks) {
        Verdict::Open => {
            let reason =
                format!("AWS is deciding on the request for {}", request.desired_value().unwrap_or(wanted.ask_for));
            pending(result, attempt, reason)
        }
        Verdict::ValueOutstanding => {
            result.final_looks += 1;
            let looks = result.final_looks - 1;
            let reason = format!("the request is {}; the value has not followed yet", word(status));
            pending(result, looks, reason)
        }
        Verdict::Refused => {
            let reason = format!("the request ended as {}", word(status));
            refused(result, &reason)
        }
    })
}

/// What a request's status means while the value is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody has decided yet.
    Open,
    /// Decided, and the value may still come.
    ValueOutstanding,
    /// Decided against us, or nothing came of it.
    Refused,
}

fn verdict(status: Option<&RequestStatus>, final_looks: u32) -> Verdict {
    let patience = match status {
        Some(RequestStatus::Denied | RequestStatus::NotApproved | RequestStatus::InvalidRequest) => {
            return Verdict::Refused;
        }
        Some(RequestStatus::Approved) => LOOKS_AFTER_APPROVAL,
        Some(RequestStatus::CaseClosed) => LOOKS_AFTER_CLOSED_CASE,
        // A status that AWS adds later is taken as "not decided": waiting is harmless, a wrong refusal is not.
        _ => return Verdict::Open,
    };
    if final_looks < patience { Verdict::ValueOutstanding } else { Verdict::Refused }
}

fn is_final(request: &RequestedServiceQuotaChange) -> bool {
    verdict(request.status(), 0) != Verdict::Open
}

fn asks_enough(request: &RequestedServiceQuotaChange, wanted: Wanted<'_>) -> bool {
    request.desired_value().is_none_or(|desired| desired >= wanted.at_least)
}

fn word(status: Option<&RequestStatus>) -> &str {
    status.map_or("unknown", RequestStatus::as_str)
}

fn note(result: &mut QuotaResult, request: &RequestedServiceQuotaChange) {
    result.request_id = request.id().map(ToOwned::to_owned);
    result.case_id = request.case_id().map(ToOwned::to_owned);
    result.request_status = request.status().map(|status| status.as_str().to_owned());
}

fn pending(mut result: QuotaResult, looks: u32, reason: String) -> QuotaResult {
    result.status = QuotaStatus::Pending;
    result.wait_seconds = backoff::approval(looks);
    result.message = Some(format!("{}: {} of {}; {reason}", result.name, result.value, result.desired));
    result
}

/// The result with what a person has to know and do.
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

async fn get(cx: &Clients, code: &str, context: Option<&str>) -> Result<Option<ServiceQuota>, StepError> {
    let sent = cx
        .quotas()
        .get_service_quota()
        .service_code(SERVICE)
        .quota_code(code)
        .set_context_id(context.map(Into::into))
        .send()
        .await;
    match sent {
        Ok(output) => Ok(output.quota),
        Err(error) if aws_error::is_not_found(&error) => Ok(None),
        // How Service Quotas refuses a context for a quota that has none is not documented; both codes are plausible.
        Err(error) if context.is_some() && aws_error::is(&error, &["IllegalArgumentException"]) => Ok(None),
        Err(error) => Err(aws_error::step_error(&format!("reading the quota {code}"), &error)),
    }
}

async fn applied_value(cx: &Clients, wanted: Wanted<'_>) -> Result<Applied, StepError> {
    let code = wanted.code;
    let of = |quota: &ServiceQuota, context: Option<&str>| Applied {
        value: quota.value(),
        shown: quota.value().unwrap_or(0.0),
        adjustable: quota.adjustable(),
        context: context.map(ToOwned::to_owned),
    };
    let context = wanted.instance_arn.filter(|_| quota_is_per_instance(code));
    if let Some(quota) = get(cx, code, context).await? {
        return Ok(of(&quota, context));
    }
    // A code that this release does not know may belong to the account after all.
    let known = QUOTA_NAMES.iter().any(|(_, known, _)| *known == code);
    if context.is_some()
        && !known
        && let Some(quota) = get(cx, code, None).await?
        && quota.quota_applied_at_level() != Some(&AppliedLevelEnum::Resource)
    {
        return Ok(of(&quota, None));
    }
    let sent = cx.quotas().get_aws_default_service_quota().service_code(SERVICE).quota_code(code).send().await;
    let default = match sent {
        Ok(output) => output.quota,
        Err(error) if aws_error::is_not_found(&error) => None,
        Err(error) => return Err(aws_error::step_error(&format!("reading the default of the quota {code}"), &error)),
    };
    Ok(Applied {
        value: None,
        shown: default.as_ref().and_then(ServiceQuota::value).unwrap_or(0.0),
        adjustable: true,
        context: context.map(ToOwned::to_owned),
    })
}

/// The value of a quota at the level of the account: for a quota of instances, what a new instance will have. `None` where
/// Service Quotas does not know it.
///
/// # Errors
/// Whatever keeps Service Quotas from answering.
pub async fn account_value(cx: &Clients, code: &str) -> Result<Option<f64>, StepError> {
    Ok(get(cx, code, None).await?.and_then(|quota| quota.value()))
}

/// The applied value of a quota of an instance. `None` where Service Quotas does not say it.
///
/// # Errors
/// Whatever keeps Service Quotas from answering.
pub async fn instance_value(cx: &Clients, code: &str, instance_arn: &str) -> Result<Option<f64>, StepError> {
    Ok(get(cx, code, Some(instance_arn)).await?.and_then(|quota| quota.value()))
}

async fn status_of(cx: &Clients, id: &str) -> Result<Option<RequestedServiceQuotaChange>, StepError> {
    match cx.quotas().get_requested_service_quota_change().request_id(id).send().await {
        Ok(output) => Ok(output.requested_quota),
        Err(error) if aws_error::is_not_found(&error) => Ok(None),
        Err(error) => Err(aws_error::step_error(&format!("reading the quota request {id}"), &error)),
    }
}

/// An open request that asks for enough, or else the largest open one: only one can be open at a time.
async fn open_request(
    cx: &Clients,
    wanted: Wanted<'_>,
    context: Option<&str>,
) -> Result<Option<RequestedServiceQuotaChange>, StepError> {
    let level = if context.is_some() { AppliedLevelEnum::Resource } else { AppliedLevelEnum::Account };
    let mut items = cx
        .quotas()
        .list_requested_service_quota_change_history_by_quota()
        .service_code(SERVICE)
        .quota_code(wanted.code)
        .quota_requested_at_level(level)
        .into_paginator()
        .items()
        .send();
    let mut found: Option<RequestedServiceQuotaChange> = None;
    while let Some(item) = items.next().await {
        let request = match item {
            Ok(request) => request,
            Err(error) if aws_error::is_not_found(&error) => return Ok(None),
            Err(error) => {
                return Err(aws_error::step_error(&format!("listing requests for the quota {}", wanted.code), &error));
            }
        };
        let same_context = match context {
            Some(arn) => request.quota_context().and_then(|context| context.context_id()) == Some(arn),
            None => true,
        };
        if same_context
            && !is_final(&request)
            && found.as_ref().is_none_or(|found| found.desired_value() < request.desired_value())
        {
            found = Some(request);
        }
    }
    Ok(found)
}

enum Asked {
    Accepted(Box<RequestedServiceQuotaChange>),
    Refused(String),
    Later(String),
}

async fn ask(cx: &Clients, wanted: Wanted<'_>, context: Option<&str>) -> Result<Asked, StepError> {
    let sent = cx
        .quotas()
        .request_service_quota_increase()
        .service_code(SERVICE)
        .quota_code(wanted.code)
        .desired_value(wanted.ask_for)
        .set_context_id(context.map(Into::into))
        .send()
        .await;
    let error = match sent {
        Ok(output) => {
            return match output.requested_quota {
                Some(request) => Ok(Asked::Accepted(Box::new(request))),
                None => Ok(Asked::Later("AWS took the request without saying its id; it is looked up".into())),
            };
        }
        Err(error) => error,
    };
    // An open request that the history did not show, for example one made a moment ago.
    if aws_error::is(&error, &["ResourceAlreadyExistsException"]) {
        return Ok(match open_request(cx, wanted, context).await? {
            Some(open) => Asked::Accepted(Box::new(open)),
            None => Asked::Later("AWS says that a request is open already; it is looked up".into()),
        });
    }
    if aws_error::is(&error, &["QuotaExceededException"]) {
        return Ok(Asked::Later(
            "too many quota requests are open in this account; the request is made when there is room".into(),
        ));
    }
    let failure = aws_error::step_error(&format!("asking for {} of the quota {}", wanted.ask_for, wanted.code), &error);
    match failure.kind {
        // What is there already can't be asked for. An attempt whose answer got lost may have been granted by now.
        StepErrorKind::InvalidInput => {
            let there = get(cx, wanted.code, context).await?.and_then(|quota| quota.value());
            Ok(match there.filter(|there| *there >= wanted.ask_for) {
                Some(there) => Asked::Later(format!("the quota is {there} by now; it is looked at once more")),
                None => Asked::Refused(failure.message),
            })
        }
        _ => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_means_what_service_quotas_says_while_the_value_is_short() {
        use RequestStatus::{Approved, CaseClosed, CaseOpened, Denied, InvalidRequest, NotApproved, Pending};
        for (status, looks, meaning) in [
            (Pending, 0, Verdict::Open),
            (CaseOpened, 900, Verdict::Open),
            (Approved, 0, Verdict::ValueOutstanding),
            (Approved, LOOKS_AFTER_APPROVAL, Verdict::Refused),
            (CaseClosed, 0, Verdict::ValueOutstanding),
            (CaseClosed, LOOKS_AFTER_CLOSED_CASE, Verdict::Refused),
            (Denied, 0, Verdict::Refused),
            (NotApproved, 0, Verdict::Refused),
            (InvalidRequest, 0, Verdict::Refused),
            (RequestStatus::from("SOMETHING_NEW"), 0, Verdict::Open),
        ] {
            assert_eq!(verdict(Some(&status), looks), meaning, "{status:?} after {looks} looks");
        }
    }

    #[test]
    fn an_approved_value_gets_about_a_day_to_come_into_force() {
        let seconds: u64 = (0..LOOKS_AFTER_APPROVAL).map(backoff::approval).sum();
        assert!((18 * 3600..36 * 3600).contains(&seconds), "{seconds}");
    }
}
