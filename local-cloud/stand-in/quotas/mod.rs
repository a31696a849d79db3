//! Service Quotas: the applied values of quotas, and requests for quota increases, whose status changes over time.

mod calls;
mod codes;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

pub(crate) use calls::call;
use codes::{CODES, Code, Level};

use crate::stand_in::options::{QuotaOutcome, QuotaPath};
use crate::stand_in::world::{Setting, State};

/// The increased rate limit of every Connect operation in this account, in calls per second. It applies unless the
/// options request Connect's real rate limits.
const GRANTED_RATE: f64 = 200.0;

/// Connect's default rate limit for an operation, in calls per second.
const REAL_RATE: f64 = 2.0;

/// The applied quota values that differ from AWS's defaults, and the increase requests.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// Applied values by quota code and context. The context is the instance ARN, or `None` for the account.
    values: BTreeMap<(String, Option<String>), f64>,
    pub(crate) requests: Vec<Request>,
}

/// A quota increase request.
#[derive(Debug)]
pub(crate) struct Request {
    id: String,
    code: &'static Code,
    context: Option<String>,
    desired: f64,
    case: Option<String>,
    created: OffsetDateTime,
    path: QuotaPath,
    /// Whether the approved value has been applied.
    settled: bool,
}

impl Request {
    fn at(&self, setting: &Setting, seconds: f64) -> OffsetDateTime {
        self.created + setting.clock.lasts(seconds)
    }

    /// The current status of the request, and the time at which the request reached this status.
    fn status(&self, setting: &Setting) -> (&'static str, OffsetDateTime) {
        let now = setting.clock.now();
        let decided = self.at(setting, self.path.decided);
        if decided <= now {
            let last = match self.path.outcome {
                QuotaOutcome::Approved => Some("APPROVED"),
                QuotaOutcome::Denied => Some("DENIED"),
                QuotaOutcome::NotApproved => Some("NOT_APPROVED"),
                QuotaOutcome::CaseClosedGranted | QuotaOutcome::CaseClosedRefused => Some("CASE_CLOSED"),
                QuotaOutcome::InvalidRequest => Some("INVALID_REQUEST"),
                QuotaOutcome::Never => None,
            };
            if let Some(last) = last {
                return (last, decided);
            }
        }
        match self.path.case_opened.map(|seconds| self.at(setting, seconds)) {
            Some(opened) if opened <= now => ("CASE_OPENED", opened),
            _ => ("PENDING", self.created),
        }
    }

    fn is_open(&self, setting: &Setting) -> bool {
        matches!(self.status(setting).0, "PENDING" | "CASE_OPENED")
    }

    /// A request in the format of `RequestedServiceQuotaChange`.
    pub(crate) fn shape(&self, setting: &Setting) -> Value {
        let (status, since) = self.status(setting);
        let mut shape = json!({
            "Id": self.id,
            "ServiceCode": "connect",
            "ServiceName": "Amazon Connect",
            "QuotaCode": self.code.code,
            "QuotaName": self.code.name,
            "DesiredValue": self.desired,
            "Status": status,
            "Created": crate::stand_in::input::epoch(self.created),
            "LastUpdated": crate::stand_in::input::epoch(since),
            "Requester": json!({ "accountId": setting.account }).to_string(),
            "QuotaArn": calls::quota_arn(setting, self.code),
            "GlobalQuota": false,
            "Unit": "None",
            "QuotaRequestedAtLevel": if self.context.is_some() { "RESOURCE" } else { "ACCOUNT" },
        });
        if status != "PENDING"
            && let Some(case) = &self.case
        {
            shape["CaseId"] = json!(case);
        }
        if let Some(context) = &self.context {
            shape["QuotaContext"] = calls::context(context);
        }
        shape
    }
}

impl Quotas {
    /// Sets the applied value of a quota, as an administration call requests.
    pub(crate) fn set(&mut self, code: &str, context: Option<String>, value: f64) {
        self.values.insert((code.to_owned(), context), value);
    }

    /// Removes the applied values of a deleted resource.
    pub(crate) fn forget(&mut self, context: &str) {
        self.values.retain(|(_, of), _| of.as_deref() != Some(context));
    }

    /// All applied quota values and all increase requests.
    pub(crate) fn inventory(&self, setting: &Setting) -> Value {
        let values: Vec<Value> = self
            .values
            .iter()
            .map(|((code, context), value)| json!({ "QuotaCode": code, "ContextId": context, "Value": value }))
            .collect();
        let requests: Vec<Value> = self.requests.iter().map(|request| request.shape(setting)).collect();
        json!({ "values": values, "requests": requests })
    }
}

/// The value of a quota that was applied to a resource or to the account. `None` if no value was applied. For a
/// resource without an applied value, Service Quotas returns only the account's value or AWS's default (aws-cli#8584
/// and #6629).
fn applied(setting: &Setting, quotas: &Quotas, code: &str, context: Option<&str>) -> Option<f64> {
    let key = (code.to_owned(), context.map(str::to_owned));
    let value = quotas.values.get(&key).copied();
    if context.is_some() {
        return value;
    }
    let known = codes::find(code);
    let granted = known.filter(|known| !known.operation.is_empty() && !setting.real_rates).map(|_| GRANTED_RATE);
    let shown = known.filter(|_| setting.behaviour.account_quotas_applied).map(|known| known.default);
    value.or_else(|| setting.behaviour.quotas.get(code).copied()).or(granted).or(shown)
}

/// The effective value of a quota: the value applied to the resource, otherwise the value applied to the account,
/// otherwise the AWS default. The console shows the same value.
pub(crate) fn in_force(setting: &Setting, quotas: &Quotas, code: &str, context: Option<&str>) -> f64 {
    let of_resource = context.and_then(|context| applied(setting, quotas, code, Some(context)));
    let of_account = || applied(setting, quotas, code, None);
    let default = || codes::find(code).map(|known| known.default);
    of_resource.or_else(of_account).or_else(default).unwrap_or_default()
}

/// How many calls of a Connect operation the account may make per second.
pub(crate) fn rate(setting: &Setting, quotas: &Quotas, operation: &str) -> f64 {
    match CODES.iter().find(|code| code.operation == operation) {
        Some(code) => in_force(setting, quotas, code.code, None),
        None if setting.real_rates => REAL_RATE,
        None => GRANTED_RATE,
    }
}

/// Applies the approved values that are due by now.
pub(crate) fn settle(setting: &Setting, state: &mut State) {
    let now = setting.clock.now();
    let quotas = &mut state.quotas;
    for request in &mut quotas.requests {
        let grants = matches!(request.path.outcome, QuotaOutcome::Approved | QuotaOutcome::CaseClosedGranted);
        if request.settled || !grants || request.at(setting, request.path.decided + request.path.value_lag) > now {
            continue;
        }
        request.settled = true;
        let value = request.path.granted.unwrap_or(request.desired);
        quotas.values.insert((request.code.code.to_owned(), request.context.clone()), value);
    }
}
