//! The operations of Service Quotas.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{CODES, Code, Level, Quotas, Request, applied, codes, in_force};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer};
use crate::stand_in::options::{QuotaOutcome, QuotaPath};
use crate::stand_in::paging::page;
use crate::stand_in::world::{Setting, State};

/// Runs a Service Quotas operation.
pub(crate) fn call(setting: &Setting, state: &mut State, operation: &str, input: &Input) -> Answer {
    match operation {
        "GetServiceQuota" => get(setting, state, input),
        "ListServiceQuotas" => list(setting, state, input),
        "GetAWSDefaultServiceQuota" => {
            let code = code(input)?;
            answer(json!({ "Quota": quota(setting, code, code.default, None) }))
        }
        "RequestServiceQuotaIncrease" => request(setting, state, input),
        "GetRequestedServiceQuotaChange" => {
            let id = need(input, "RequestId")?;
            let found = state.quotas.requests.iter().find(|request| request.id == id);
            let found = found.ok_or_else(|| no_such("The request does not exist."))?;
            answer(json!({ "RequestedQuota": found.shape(setting) }))
        }
        "ListRequestedServiceQuotaChangeHistory" => history(setting, state, operation, input, None),
        "ListRequestedServiceQuotaChangeHistoryByQuota" => {
            need(input, "ServiceCode")?;
            history(setting, state, operation, input, Some(code(input)?))
        }
        _ => {
            Err(Refusal::new(400, "UnknownOperationException", format!("{operation} is not part of the local cloud.")))
        }
    }
}

fn illegal(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "IllegalArgumentException", message)
}

fn no_such(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "NoSuchResourceException", message)
}

fn need<'a>(input: &'a Input, name: &str) -> Result<&'a str, Refusal> {
    input.text(name).ok_or_else(|| illegal(format!("{name} is required.")))
}

/// The quota that a call names by its service code and quota code.
fn code(input: &Input) -> Result<&'static Code, Refusal> {
    if need(input, "ServiceCode")? != "connect" {
        return Err(no_such("The local cloud supports only the quotas of Amazon Connect (service code connect)."));
    }
    codes::find(need(input, "QuotaCode")?)
        .ok_or_else(|| no_such("The request failed because the specified quota does not exist."))
}

/// The context that a call names: the ARN of an existing instance.
fn context_of(state: &State, code: &Code, input: &Input) -> Result<Option<String>, Refusal> {
    let Some(context) = input.text("ContextId") else { return Ok(None) };
    if code.level == Level::Account {
        return Err(illegal("This quota is applied at the account level and has no context."));
    }
    match state.connect.instances.values().find(|instance| instance.arn == context) {
        Some(instance) => Ok(Some(instance.arn.clone())),
        None => Err(no_such("The resource of the given ContextId does not exist.")),
    }
}

pub(super) fn quota_arn(setting: &Setting, code: &Code) -> String {
    format!("arn:aws:servicequotas:{}:{}:connect/{}", setting.region, setting.account, code.code)
}

pub(super) fn context(id: &str) -> Value {
    json!({
        "ContextScope": "RESOURCE", "ContextScopeType": "AWS::Connect::Instance", "ContextId": id,
    })
}

/// A quota in the format of `ServiceQuota`.
fn quota(setting: &Setting, code: &Code, value: f64, of: Option<&str>) -> Value {
    let mut shape = json!({
        "ServiceCode": "connect",
        "ServiceName": "Amazon Connect",
        "QuotaArn": quota_arn(setting, code),
        "QuotaCode": code.code,
        "QuotaName": code.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaAppliedAtLevel": if of.is_some() { "RESOURCE" } else { "ACCOUNT" },
    });
    if code.level == Level::Resource {
        shape["QuotaContext"] = context(of.unwrap_or("*"));
    }
    if !code.operation.is_empty() {
        shape["Period"] = json!({ "PeriodValue": 1, "PeriodUnit": "SECOND" });
    }
    shape
}

fn get(setting: &Setting, state: &State, input: &Input) -> Answer {
    let code = code(input)?;
    let context = context_of(state, code, input)?;
    let value = applied(setting, &state.quotas, code.code, context.as_deref()).ok_or_else(|| {
        no_such(match context {
            Some(_) => "The request failed because applied value for the specified context Id do not exist.",
            None => "The request failed because the specified quota has no applied value.",
        })
    })?;
    answer(json!({ "Quota": quota(setting, code, value, context.as_deref()) }))
}

fn list(setting: &Setting, state: &State, input: &Input) -> Answer {
    if need(input, "ServiceCode")? != "connect" {
        return Err(no_such("The local cloud supports only the quotas of Amazon Connect (service code connect)."));
    }
    let level = input.text("QuotaAppliedAtLevel").unwrap_or("ACCOUNT");
    let wanted = |code: &Code| input.text("QuotaCode").is_none_or(|wanted| wanted == code.code);
    let mut shapes = Vec::new();
    for code in CODES.iter().filter(|code| wanted(code)) {
        if level != "RESOURCE" {
            let value = applied(setting, &state.quotas, code.code, None);
            shapes.extend(value.map(|value| quota(setting, code, value, None)));
        }
        if level != "ACCOUNT" && code.level == Level::Resource {
            for instance in state.connect.instances.values() {
                let value = applied(setting, &state.quotas, code.code, Some(&instance.arn));
                shapes.extend(value.map(|value| quota(setting, code, value, Some(&instance.arn))));
            }
        }
    }
    paged(setting, input, "ListServiceQuotas", "Quotas", shapes)
}

fn paged(setting: &Setting, input: &Input, scope: &str, key: &str, shapes: Vec<Value>) -> Answer {
    let refuse = || Refusal::new(400, "InvalidPaginationTokenException", "Invalid NextToken token.");
    let token = input.text("NextToken");
    let (found, next) = page((1..).zip(shapes), scope, token, input.page_size(100, 100), setting.paging(), refuse)?;
    let mut shape = json!({ key: found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

fn request(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let code = code(input)?;
    let desired = input.number("DesiredValue").ok_or_else(|| illegal("DesiredValue is required."))?;
    let context = context_of(state, code, input)?;
    if code.level == Level::Resource && context.is_none() {
        return Err(illegal("Resource level quotas cannot be adjusted at the account level. Give a ContextId."));
    }
    let current = in_force(setting, &state.quotas, code.code, context.as_deref());
    if desired <= current {
        let message = "You must provide a quota value greater than the current quota value.";
        return Err(illegal(message));
    }
    let Quotas { requests, .. } = &mut state.quotas;
    let same = |open: &&Request| open.code.code == code.code && open.context == context && open.is_open(setting);
    if requests.iter().any(|open| same(&open)) {
        return Err(Refusal::new(
            400,
            "ResourceAlreadyExistsException",
            "Only one open service quota increase request is allowed per quota.",
        ));
    }
    let behaviour = &setting.behaviour;
    let mut path = behaviour.quota_paths.get(code.code).unwrap_or(&behaviour.quota_path).clone();
    if input.flag("SupportCaseAllowed") == Some(false) && path.case_opened.is_some() {
        // The request does not allow AWS to open a support case. If the decision would need a support case, AWS
        // therefore does not approve the request.
        path = QuotaPath { case_opened: None, outcome: QuotaOutcome::NotApproved, ..path };
    }
    let made = Request {
        id: Uuid::new_v4().simple().to_string(),
        code,
        context,
        desired,
        // As in AWS Support, the ID of a support case consists of ten digits.
        case: path.case_opened.map(|_| (1_000_000_000 + Uuid::new_v4().as_u128() % 9_000_000_000).to_string()),
        created: setting.clock.now(),
        path,
        settled: false,
    };
    let shape = json!({ "RequestedQuota": made.shape(setting) });
    requests.push(made);
    answer(shape)
}

/// Returns past and open increase requests. If the call contains no `QuotaRequestedAtLevel`, returns only requests for
/// the account, and omits requests for an instance.
fn history(setting: &Setting, state: &State, operation: &str, input: &Input, of: Option<&Code>) -> Answer {
    let level = input.text("QuotaRequestedAtLevel").unwrap_or("ACCOUNT");
    let fits = |request: &&Request| {
        let at = if request.context.is_some() { "RESOURCE" } else { "ACCOUNT" };
        (level == "ALL" || level == at)
            && of.is_none_or(|code| code.code == request.code.code)
            && input.text("Status").is_none_or(|status| status == request.status(setting).0)
            && input.text("ServiceCode").is_none_or(|service| service == "connect")
    };
    let shapes = state.quotas.requests.iter().filter(fits).map(|request| request.shape(setting)).collect();
    paged(setting, input, operation, "RequestedQuotas", shapes)
}
