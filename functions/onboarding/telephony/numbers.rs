//! Phone numbers in Connect: listing, searching, claiming and configuring them.

use std::collections::HashMap;

use aws_sdk_connect::types::{PhoneNumberCountryCode, PhoneNumberType, PhoneNumberWorkflowStatus};
use onboarding_core::{
    StepError, StepErrorKind, names,
    onboarding::PhoneNumber,
    telephony::{HeldNumber, NumberStatus, type_name},
};

use crate::{
    aws::{self, error::CallResult as _},
    context::Context,
};

/// The tag that stores the flow with which an onboarding associated a phone number, because no API returns the flow of
/// a number.
const FLOW_KEY: &str = "contact-flow";

/// Returns up to `count` available numbers with the wanted country, type and prefix.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn search(
    ctx: &Context,
    instance_arn: &str,
    wish: &PhoneNumber,
    count: usize,
) -> Result<Vec<String>, StepError> {
    let mut items = ctx
        .connect()
        .search_available_phone_numbers()
        .target_arn(instance_arn)
        .phone_number_country_code(PhoneNumberCountryCode::from(wish.country.as_str()))
        .phone_number_type(PhoneNumberType::from(type_name(wish.kind)))
        .set_phone_number_prefix(wish.prefix.clone())
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while found.len() < count {
        let Some(item) = items.next().await else { break };
        let item = item.doing(format_args!("searching for {} numbers of {}", type_name(wish.kind), wish.country))?;
        found.extend(item.phone_number);
    }
    Ok(found)
}

/// The result of a request to claim a phone number.
pub(super) enum Claim {
    /// Connect started to claim the number; contains the ID of the number.
    Begun(String),
    /// The number is no longer available: it was claimed by another customer, or by an earlier attempt of this step.
    Taken,
    /// The account has claimed and released too many numbers; contains Connect's message.
    Blocked(String),
    /// Connect refused to claim the number; contains Connect's message.
    Refused(String),
}

/// Claims an available number. `token` is the client token: each retry must pass the same value.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn claim(
    ctx: &Context,
    (alias, instance_arn): (&str, &str),
    wish: &PhoneNumber,
    phone: &str,
    token: String,
) -> Result<Claim, StepError> {
    let sent = ctx
        .connect()
        .claim_phone_number()
        .target_arn(instance_arn)
        .phone_number(phone)
        .set_phone_number_description(wish.description.clone())
        .set_tags(Some(names::tags(alias).into_iter().map(|(key, value)| (key.into(), value)).collect()))
        .client_token(token)
        .send()
        .await;
    let error = match sent {
        Ok(output) => return Ok(output.phone_number_id.map_or(Claim::Taken, Claim::Begun)),
        Err(error) => error,
    };
    if aws::error::is_number_taken(&error) || aws::error::is(&error, &["IdempotencyException"]) {
        return Ok(Claim::Taken);
    }
    if aws::error::is_claim_limit(&error) {
        return Ok(Claim::Blocked(aws::error::said(&error)));
    }
    let failure = aws::error::step_error(format_args!("claiming the number {phone}"), &error);
    match failure.kind {
        StepErrorKind::InvalidInput | StepErrorKind::LimitExceeded | StepErrorKind::Conflict => {
            Ok(Claim::Refused(failure.message))
        }
        _ => Err(failure),
    }
}

/// A phone number as `DescribePhoneNumber` returns it.
pub(super) struct Described {
    /// The status of the claim.
    pub(super) status: NumberStatus,
    /// The reason if the number could not be claimed.
    pub(super) message: Option<String>,
    /// The phone number.
    pub(super) number: HeldNumber,
    tags: HashMap<String, String>,
}

/// Reads one number; returns `None` if there is no number with this ID.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn describe(ctx: &Context, id: &str) -> Result<Option<Described>, StepError> {
    let sent = ctx.connect().describe_phone_number().phone_number_id(id).send().await;
    let found = sent.if_found().doing(format_args!("reading the phone number {id}"))?;
    let Some(summary) = found.and_then(|output| output.claimed_phone_number_summary) else { return Ok(None) };
    let (status, message) = match summary.phone_number_status {
        None => (NumberStatus::Claimed, None),
        Some(said) => {
            let status = match said.status {
                Some(PhoneNumberWorkflowStatus::Failed) => NumberStatus::Failed,
                Some(PhoneNumberWorkflowStatus::InProgress) => NumberStatus::InProgress,
                _ => NumberStatus::Claimed,
            };
            (status, said.message)
        }
    };
    Ok(Some(Described {
        status,
        message,
        number: HeldNumber {
            id: summary.phone_number_id.unwrap_or_else(|| id.to_owned()),
            arn: summary.phone_number_arn.unwrap_or_default(),
            phone: summary.phone_number.unwrap_or_default(),
            country: summary.phone_number_country_code.map_or(String::new(), |code| code.as_str().to_owned()),
            kind: summary.phone_number_type.map_or(String::new(), |kind| kind.as_str().to_owned()),
            description: summary.phone_number_description.unwrap_or_default(),
        },
        tags: summary.tags.unwrap_or_default(),
    }))
}

/// Sets the wanted description and flow of a claimed number, and also the tags of the onboarding if the onboarding
/// claimed or ordered the number. Only differences are written. Returns a message if the flow does not exist.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn configure(
    ctx: &Context,
    (alias, instance_arn): (&str, &str),
    wish: &PhoneNumber,
    described: &Described,
    ours: bool,
) -> Result<Option<String>, StepError> {
    let number = &described.number;
    let failed = |what: &str| format!("{what} of the number {}", number.phone);
    if let Some(description) = wish.description.as_ref().filter(|wanted| **wanted != number.description) {
        let sent = ctx
            .connect()
            .update_phone_number_metadata()
            .phone_number_id(&number.id)
            .phone_number_description(description);
        sent.send().await.doing(failed("setting the description"))?;
    }
    let mut tags: HashMap<String, String> = HashMap::new();
    if ours {
        tags.extend(names::tags(alias).map(|(key, value)| (key.to_owned(), value)));
    }
    let mut problem = None;
    if let Some(flow) = wish.contact_flow.as_ref().filter(|flow| described.tags.get(FLOW_KEY) != Some(*flow)) {
        match flow_id(ctx, instance_arn, flow).await? {
            Some(id) => {
                let instance_id = instance_id(instance_arn);
                let sent = ctx.connect().associate_phone_number_contact_flow();
                let sent = sent.phone_number_id(&number.id).instance_id(instance_id).contact_flow_id(id).send().await;
                sent.doing(failed("connecting the flow"))?;
                tags.insert(FLOW_KEY.into(), flow.clone());
            }
            None => problem = Some(format!("the instance has no flow named {flow:?}")),
        }
    }
    tags.retain(|key, value| described.tags.get(key) != Some(value));
    if !tags.is_empty() {
        let sent = ctx.connect().tag_resource().resource_arn(&number.arn).set_tags(Some(tags)).send().await;
        sent.doing(failed("setting the tags"))?;
    }
    Ok(problem)
}

async fn flow_id(ctx: &Context, instance_arn: &str, name: &str) -> Result<Option<String>, StepError> {
    let mut items =
        ctx.connect().list_contact_flows().instance_id(instance_id(instance_arn)).into_paginator().items().send();
    while let Some(item) = items.try_next().await.doing(format_args!("listing the flows of {instance_arn}"))? {
        if item.name.as_deref() == Some(name) {
            return Ok(item.id);
        }
    }
    Ok(None)
}

fn instance_id(instance_arn: &str) -> &str {
    instance_arn.rsplit('/').next().unwrap_or(instance_arn)
}
