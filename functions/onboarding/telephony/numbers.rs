//! Searches, claims and configures phone numbers in Connect.

use std::collections::HashMap;

use aws_sdk_connect::types::{
    ClaimedPhoneNumberSummary, PhoneNumberCountryCode, PhoneNumberType, PhoneNumberWorkflowStatus,
};
use onboarding_core::{
    StepError, StepErrorKind, names,
    onboarding::PhoneNumber,
    telephony::{Claim, NumberResult, NumberStatus, type_name},
};

use crate::{
    aws::{self, error::CallResult as _, phone_numbers},
    context::Context,
    inspect::starter_flow,
};

/// The key of a tag on a phone number. The tag stores the name of the flow that an onboarding associated with the phone
/// number.
const FLOW_KEY: &str = "contact-flow";

/// Returns up to `count` available phone numbers of the desired country, type and prefix.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn search(
    ctx: &Context,
    instance_arn: &str,
    desired: &PhoneNumber,
    count: usize,
) -> Result<Vec<String>, StepError> {
    let kind = type_name(desired.kind);
    let mut items = ctx
        .connect()
        .search_available_phone_numbers()
        .target_arn(instance_arn)
        .phone_number_country_code(PhoneNumberCountryCode::from(desired.country.as_str()))
        .phone_number_type(PhoneNumberType::from(kind))
        .set_phone_number_prefix(desired.prefix.clone())
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while found.len() < count {
        let Some(item) = items.next().await else { break };
        let item = item.doing(format_args!("searching for {kind} numbers of {}", desired.country))?;
        found.extend(item.phone_number);
    }
    Ok(found)
}

/// Claims an available phone number. `token` is the client token, which must be the same for all retries.
///
/// # Errors
/// If Connect returns an error after which another attempt can succeed.
pub(super) async fn claim(
    ctx: &Context,
    (alias, instance_arn): (&str, &str),
    desired: &PhoneNumber,
    phone_number: &str,
    token: String,
) -> Result<Claim, StepError> {
    let sent = ctx
        .connect()
        .claim_phone_number()
        .target_arn(instance_arn)
        .phone_number(phone_number)
        .set_phone_number_description(desired.description.clone())
        .set_tags(Some(names::tags(alias).map(|(key, value)| (key.to_owned(), value)).into()))
        .client_token(token)
        .send()
        .await;
    match sent {
        Ok(output) => {
            if let Some(id) = output.phone_number_id {
                return Ok(Claim::Started(id));
            }
        }
        Err(error) if aws::error::is_number_taken(&error) || aws::error::is(&error, &["IdempotencyException"]) => {}
        Err(error) if aws::error::is_claim_limit(&error) => return Ok(Claim::Blocked(aws::error::describe(&error))),
        Err(error) => {
            let failure = aws::error::step_error(format_args!("claiming the number {phone_number}"), &error);
            return match failure.kind {
                StepErrorKind::InvalidInput | StepErrorKind::LimitExceeded | StepErrorKind::Conflict => {
                    Ok(Claim::Refused(failure.message))
                }
                _ => Err(failure),
            };
        }
    }
    // Either another customer or an earlier attempt of this step has claimed the phone number. If the list of the
    // instance's phone numbers contains it, an earlier attempt has claimed it.
    let held = phone_numbers::held(ctx.connect(), instance_arn).await?;
    let ours = held.into_iter().find(|held| held.phone_number == phone_number);
    Ok(ours.map_or(Claim::Taken, |number| Claim::Started(number.phone_number_id)))
}

/// Reads a phone number and, if the claim has finished, configures the phone number. Returns the status of the phone
/// number. If the claim failed or the flow could not be set, also returns the reason. Returns `None` if the phone
/// number does not exist in Connect. If there is a starter flow, `desired` contains its ID.
///
/// # Errors
/// If Connect returns an error.
pub(super) async fn configure(
    ctx: &Context,
    instance: (&str, &str),
    desired: (&PhoneNumber, Option<&str>),
    number: &NumberResult,
) -> Result<Option<(NumberStatus, Option<String>)>, StepError> {
    let id = number.phone_number_id.as_str();
    let sent = ctx.connect().describe_phone_number().phone_number_id(id).send().await;
    let described = sent.if_found().doing(format_args!("reading the phone number {id}"))?;
    let Some(summary) = described.and_then(|output| output.claimed_phone_number_summary) else { return Ok(None) };
    let message = summary.phone_number_status().and_then(|claim| claim.message.clone());
    Ok(Some(match summary.phone_number_status().and_then(|claim| claim.status()) {
        Some(PhoneNumberWorkflowStatus::Failed) => (NumberStatus::Failed, message),
        Some(PhoneNumberWorkflowStatus::InProgress) => (NumberStatus::InProgress, message),
        _ => (NumberStatus::Claimed, set_up(ctx, instance, desired, number, &summary).await?),
    }))
}

/// Sets the desired description and flow of a claimed phone number. If the onboarding claimed or ordered the phone
/// number, also sets the tags of the onboarding. Only differences are written. If the flow does not exist, returns a
/// message.
async fn set_up(
    ctx: &Context,
    (alias, instance_arn): (&str, &str),
    (desired, starter_flow): (&PhoneNumber, Option<&str>),
    number: &NumberResult,
    summary: &ClaimedPhoneNumberSummary,
) -> Result<Option<String>, StepError> {
    let (connect, id) = (ctx.connect(), number.phone_number_id.as_str());
    let failed = |what: &str| format!("{what} of the number {}", number.phone_number);
    let present = summary.phone_number_description().unwrap_or_default();
    if let Some(description) = desired.description.as_deref().filter(|wanted| *wanted != present) {
        let request = connect.update_phone_number_metadata().phone_number_id(id).phone_number_description(description);
        request.send().await.doing(failed("setting the description"))?;
    }
    let mut tags: HashMap<String, String> = HashMap::new();
    if !number.adopted {
        tags.extend(names::tags(alias).map(|(key, value)| (key.to_owned(), value)));
    }
    let present = |key: &str| summary.tags().and_then(|tags| tags.get(key));
    let mut problem = None;
    if let Some(flow) = desired.contact_flow.as_ref().filter(|flow| present(FLOW_KEY) != Some(*flow)) {
        match flow_id(ctx, instance_arn, flow).await? {
            Some(flow_id) => {
                associate(ctx, (instance_arn, &flow_id), number).await?;
                tags.insert(FLOW_KEY.into(), flow.clone());
            }
            None => problem = Some(format!("the instance has no flow named {flow:?}")),
        }
    }
    if let Some(flow_id) = starter_flow.filter(|_| desired.contact_flow.is_none())
        && !starter_flow::has_flow(connect, instance_id(instance_arn), id).await?
    {
        associate(ctx, (instance_arn, flow_id), number).await?;
    }
    tags.retain(|key, value| present(key) != Some(value));
    if !tags.is_empty() {
        let arn = summary.phone_number_arn().unwrap_or_default();
        let sent = connect.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await;
        sent.doing(failed("setting the tags"))?;
    }
    Ok(problem)
}

async fn associate(
    ctx: &Context,
    (instance_arn, flow_id): (&str, &str),
    number: &NumberResult,
) -> Result<(), StepError> {
    let request = ctx.connect().associate_phone_number_contact_flow().phone_number_id(&number.phone_number_id);
    let request = request.instance_id(instance_id(instance_arn)).contact_flow_id(flow_id);
    request.send().await.doing(format_args!("connecting the flow of the number {}", number.phone_number)).map(drop)
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
