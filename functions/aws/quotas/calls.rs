//! The calls to Service Quotas: reading a quota, reading the requests to increase the quota, and requesting an
//! increase.

use aws_sdk_servicequotas::{
    Client,
    types::{AppliedLevelEnum, QuotaContextScope, RequestedServiceQuotaChange, ServiceQuota},
};
use onboarding_core::{
    StepError, StepErrorKind,
    onboarding::{QUOTA_NAMES, quota_is_per_instance},
    quota::{QuotaRequest, QuotaValues},
};
use time::OffsetDateTime;

use crate::aws::{self, error::CallResult as _};

const SERVICE: &str = "connect";

/// The current values of a quota, as Service Quotas returned them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) values: QuotaValues,
    pub(super) adjustable: bool,
    /// The `ContextId` for requests to increase the quota: the instance's ARN if the quota belongs to an existing
    /// instance, otherwise `None`.
    pub(super) context: Option<String>,
}

impl Reading {
    /// Returns the value that is applied at the level (instance or account) at which the quota can be increased.
    pub(super) const fn applied(&self) -> Option<f64> {
        if self.context.is_some() { self.values.instance } else { self.values.account }
    }

    pub(super) const fn set_applied(&mut self, value: Option<f64>) {
        *(if self.context.is_some() { &mut self.values.instance } else { &mut self.values.account }) = value;
    }
}

/// Reads the value of a quota at these levels, in this order: instance, account, AWS default. The first level that has
/// a value determines the result.
///
/// # Errors
/// If Service Quotas returns an error. An unknown quota code is not an error: the quota then has no value at any level.
pub(super) async fn read(client: &Client, code: &str, instance_arn: Option<&str>) -> Result<Reading, StepError> {
    let mut reading = Reading {
        values: QuotaValues::default(),
        adjustable: true,
        context: instance_arn.filter(|_| quota_is_per_instance(code)).map(ToOwned::to_owned),
    };
    if let Some(quota) = applied(client, code, reading.context.as_deref()).await? {
        reading.adjustable = quota.adjustable();
        reading.set_applied(quota.value());
    }
    let mut shown = None;
    if reading.context.is_some() && reading.values.instance.is_none() {
        shown = applied(client, code, None).await?;
        reading.values.account = shown.as_ref().and_then(ServiceQuota::value);
    }
    if reading.values.in_force().is_none() {
        shown = default(client, code).await?.or(shown);
        reading.values.default = shown.as_ref().and_then(ServiceQuota::value);
    }
    if let Some(quota) = shown {
        reading.adjustable = quota.adjustable();
        // If this release does not know the quota code, the quota may belong to the account and not to an instance. The
        // request to increase such a quota has no context.
        let known = QUOTA_NAMES.iter().any(|(_, known, _)| *known == code);
        if !known && !belongs_to_a_resource(&quota) {
            reading.context = None;
        }
    }
    Ok(reading)
}

fn belongs_to_a_resource(quota: &ServiceQuota) -> bool {
    quota.quota_applied_at_level() == Some(&AppliedLevelEnum::Resource)
        || quota.quota_context().is_some_and(|context| context.context_scope() == Some(&QuotaContextScope::Resource))
}

/// Returns the quota with the value that is applied at a level (instance or account), or `None` if no value has ever
/// been applied at this level.
async fn applied(client: &Client, code: &str, context: Option<&str>) -> Result<Option<ServiceQuota>, StepError> {
    let asked = client.get_service_quota().service_code(SERVICE).quota_code(code);
    match asked.set_context_id(context.map(Into::into)).send().await {
        Ok(output) => Ok(output.quota.filter(|quota| quota.value().is_some())),
        Err(error) if aws::error::is_not_found(&error) => Ok(None),
        // AWS does not document which error code Service Quotas returns if a request contains a context, but the quota
        // has no contexts. Two error codes are plausible, so the function handles both.
        Err(error) if context.is_some() && aws::error::is(&error, &["IllegalArgumentException"]) => Ok(None),
        Err(error) => Err(aws::error::step_error(format_args!("reading the quota {code}"), &error)),
    }
}

async fn default(client: &Client, code: &str) -> Result<Option<ServiceQuota>, StepError> {
    let sent = client.get_aws_default_service_quota().service_code(SERVICE).quota_code(code).send().await;
    let found = sent.if_found().doing(format_args!("reading the default of the quota {code}"))?;
    Ok(found.and_then(|output| output.quota))
}

/// Reads the value that is applied at a level (instance or account), with `ListServiceQuotas` instead of
/// `GetServiceQuota`.
///
/// # Errors
/// If Service Quotas returns an error.
pub(super) async fn listed(client: &Client, code: &str, context: Option<&str>) -> Result<Option<f64>, StepError> {
    let level = if context.is_some() { AppliedLevelEnum::Resource } else { AppliedLevelEnum::Account };
    let asked = client.list_service_quotas().service_code(SERVICE).quota_code(code).quota_applied_at_level(level);
    let quotas = asked.into_paginator().items().send().try_collect().await;
    let quotas = quotas.if_found().doing(format_args!("listing the values of the quota {code}"))?.unwrap_or_default();
    let is_at_level = |quota: &&ServiceQuota| {
        let of = quota.quota_context().and_then(|context| context.context_id());
        quota.quota_code() == Some(code) && (context.is_none() || of == context)
    };
    Ok(quotas.iter().find(is_at_level).and_then(ServiceQuota::value))
}

/// Returns the increase request with this ID, or `None` if the request no longer exists.
pub(super) async fn request(client: &Client, id: &str) -> Result<Option<QuotaRequest>, StepError> {
    let sent = client.get_requested_service_quota_change().request_id(id).send().await;
    let found = sent.if_found().doing(format_args!("reading the quota request {id}"))?;
    Ok(found.and_then(|output| output.requested_quota).map(request_of))
}

/// Returns all increase requests for the quota at the level (instance or account) that `context` specifies. A call
/// without the parameter `QuotaRequestedAtLevel` returns only requests at the account level.
pub(super) async fn history(
    client: &Client,
    code: &str,
    context: Option<&str>,
) -> Result<Vec<QuotaRequest>, StepError> {
    let level = if context.is_some() { AppliedLevelEnum::Resource } else { AppliedLevelEnum::Account };
    let asked = client.list_requested_service_quota_change_history_by_quota();
    let asked = asked.service_code(SERVICE).quota_code(code).quota_requested_at_level(level);
    let requests = asked.into_paginator().items().send().try_collect().await;
    let requests =
        requests.if_found().doing(format_args!("listing requests for the quota {code}"))?.unwrap_or_default();
    let at_level = requests.into_iter().filter(|request| context.is_none() || context_of(request) == context);
    Ok(at_level.map(request_of).collect())
}

fn context_of(request: &RequestedServiceQuotaChange) -> Option<&str> {
    request.quota_context().and_then(|context| context.context_id())
}

fn request_of(request: RequestedServiceQuotaChange) -> QuotaRequest {
    let changed = request.last_updated.or(request.created).map_or(0, |at| at.secs());
    QuotaRequest {
        id: request.id.unwrap_or_default(),
        case_id: request.case_id,
        desired: request.desired_value,
        status: request.status.map_or_else(|| "unknown".to_owned(), |status| status.as_str().to_owned()),
        age: u64::try_from(OffsetDateTime::now_utc().unix_timestamp() - changed).unwrap_or_default(),
        followed: None,
    }
}

/// The response of Service Quotas to an increase request.
pub(super) enum RequestOutcome {
    /// The request was accepted.
    Accepted(QuotaRequest),
    /// The quota already has at least the requested value.
    AlreadySufficient,
    /// Service Quotas rejected the request, for the given reason.
    Refused(String),
    /// Service Quotas does not accept the request now, for the given reason. A later poll can send the request again.
    Later(String),
}

/// Requests an increase of a quota to this value.
pub(super) async fn request_increase(
    client: &Client,
    code: &str,
    value: f64,
    context: Option<&str>,
) -> Result<RequestOutcome, StepError> {
    let request = client.request_service_quota_increase().service_code(SERVICE).quota_code(code).desired_value(value);
    let error = match request.set_context_id(context.map(Into::into)).send().await {
        Ok(output) => {
            return Ok(output.requested_quota.map_or_else(
                || {
                    RequestOutcome::Later(
                        "AWS accepted the request without returning an id; the next poll finds the request".into(),
                    )
                },
                |request| RequestOutcome::Accepted(request_of(request)),
            ));
        }
        Err(error) => error,
    };
    if aws::error::is(&error, &["ResourceAlreadyExistsException"]) {
        return Ok(RequestOutcome::Later("a request is already open; the next poll finds it".into()));
    }
    if aws::error::is(&error, &["QuotaExceededException"]) {
        return Ok(RequestOutcome::Later(
            "too many quota requests are open in this account; this request is made after AWS has decided on another one"
                .into(),
        ));
    }
    if aws::error::is_no_increase(&error) {
        return Ok(RequestOutcome::AlreadySufficient);
    }
    let failure = aws::error::step_error(format_args!("requesting {value} for the quota {code}"), &error);
    match failure.kind {
        StepErrorKind::InvalidInput => Ok(RequestOutcome::Refused(failure.message)),
        _ => Err(failure),
    }
}
