//! Phone numbers in Connect: what the instance holds, what its inventory offers, a claim and what follows it.

use std::collections::HashMap;

use aws_sdk_connect::types::{PhoneNumberCountryCode, PhoneNumberType, PhoneNumberWorkflowStatus};
use onboarding_core::{
    StepError, StepErrorKind, names,
    onboarding::PhoneNumber,
    telephony::{HeldNumber, NumberStatus, type_name},
};

use crate::{aws_error, clients::Clients};

/// The tag that remembers which flow we connected a number with: no API tells it.
const FLOW_KEY: &str = "contact-flow";

/// Every number that routes to the instance.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub(super) async fn held(cx: &Clients, instance_arn: &str) -> Result<Vec<HeldNumber>, StepError> {
    let mut items = cx.connect().list_phone_numbers_v2().target_arn(instance_arn).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        let item = item
            .map_err(|error| aws_error::step_error(&format!("listing the phone numbers of {instance_arn}"), &error))?;
        found.push(HeldNumber {
            id: item.phone_number_id.unwrap_or_default(),
            arn: item.phone_number_arn.unwrap_or_default(),
            phone: item.phone_number.unwrap_or_default(),
            country: item.phone_number_country_code.map_or(String::new(), |code| code.as_str().to_owned()),
            kind: item.phone_number_type.map_or(String::new(), |kind| kind.as_str().to_owned()),
            description: item.phone_number_description.unwrap_or_default(),
        });
    }
    Ok(found)
}

/// Up to `count` free numbers that meet a wish.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub(super) async fn search(
    cx: &Clients,
    instance_arn: &str,
    wish: &PhoneNumber,
    count: usize,
) -> Result<Vec<String>, StepError> {
    let mut items = cx
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
        let item = item.map_err(|error| {
            aws_error::step_error(&format!("searching {} numbers of {}", type_name(wish.kind), wish.country), &error)
        })?;
        found.extend(item.phone_number);
    }
    Ok(found)
}

/// How a claim was answered.
pub(super) enum Claim {
    /// It began; the number's id.
    Begun(String),
    /// The number is not free any more: another customer was faster, or an earlier claim of this step was.
    Taken,
    /// The account has claimed and released too many numbers; Connect's message.
    Blocked(String),
    /// Connect refuses it.
    Refused(String),
}

/// Claims a free number. `token` is the same for every repetition of this claim.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub(super) async fn claim(
    cx: &Clients,
    (alias, instance_arn): (&str, &str),
    wish: &PhoneNumber,
    phone: &str,
    token: String,
) -> Result<Claim, StepError> {
    let sent = cx
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
    if aws_error::is_number_taken(&error) || aws_error::is(&error, &["IdempotencyException"]) {
        return Ok(Claim::Taken);
    }
    if aws_error::is_claim_limit(&error) {
        return Ok(Claim::Blocked(aws_error::said(&error)));
    }
    let failure = aws_error::step_error(&format!("claiming the number {phone}"), &error);
    match failure.kind {
        StepErrorKind::InvalidInput | StepErrorKind::LimitExceeded | StepErrorKind::Conflict => {
            Ok(Claim::Refused(failure.message))
        }
        _ => Err(failure),
    }
}

/// A number as `DescribePhoneNumber` knows it.
pub(super) struct Described {
    /// Where its claim stands.
    pub(super) status: NumberStatus,
    /// Why it failed.
    pub(super) message: Option<String>,
    /// The number.
    pub(super) number: HeldNumber,
    tags: HashMap<String, String>,
}

/// Looks at one number; `None` where there is none of this id.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub(super) async fn describe(cx: &Clients, id: &str) -> Result<Option<Described>, StepError> {
    let summary = match cx.connect().describe_phone_number().phone_number_id(id).send().await {
        Ok(output) => output.claimed_phone_number_summary,
        Err(error) if aws_error::is_not_found(&error) => None,
        Err(error) => return Err(aws_error::step_error(&format!("reading the phone number {id}"), &error)),
    };
    let Some(summary) = summary else { return Ok(None) };
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

/// Gives a claimed number what its wish says: description, flow, and our tags where the number is ours. What is as wanted
/// is left alone. Gives what could not be done.
///
/// # Errors
/// Whatever keeps Connect from answering.
pub(super) async fn configure(
    cx: &Clients,
    (alias, instance_arn): (&str, &str),
    wish: &PhoneNumber,
    described: &Described,
    ours: bool,
) -> Result<Option<String>, StepError> {
    let number = &described.number;
    let failed = |what: &str| format!("{what} of the number {}", number.phone);
    if let Some(description) = wish.description.as_ref().filter(|wanted| **wanted != number.description) {
        let sent = cx
            .connect()
            .update_phone_number_metadata()
            .phone_number_id(&number.id)
            .phone_number_description(description);
        sent.send().await.map_err(|error| aws_error::step_error(&failed("setting the description"), &error))?;
    }
    let mut tags: HashMap<String, String> = HashMap::new();
    if ours {
        tags.extend(names::tags(alias).map(|(key, value)| (key.to_owned(), value)));
    }
    let mut problem = None;
    if let Some(flow) = wish.contact_flow.as_ref().filter(|flow| described.tags.get(FLOW_KEY) != Some(*flow)) {
        match flow_id(cx, instance_arn, flow).await? {
            Some(id) => {
                let instance_id = instance_id(instance_arn);
                let sent = cx.connect().associate_phone_number_contact_flow();
                let sent = sent.phone_number_id(&number.id).instance_id(instance_id).contact_flow_id(id).send().await;
                sent.map_err(|error| aws_error::step_error(&failed("connecting the flow"), &error))?;
                tags.insert(FLOW_KEY.into(), flow.clone());
            }
            None => problem = Some(format!("the instance has no flow called {flow:?}")),
        }
    }
    tags.retain(|key, value| described.tags.get(key) != Some(value));
    if !tags.is_empty() {
        let sent = cx.connect().tag_resource().resource_arn(&number.arn).set_tags(Some(tags)).send().await;
        sent.map_err(|error| aws_error::step_error(&failed("setting the tags"), &error))?;
    }
    Ok(problem)
}

async fn flow_id(cx: &Clients, instance_arn: &str, name: &str) -> Result<Option<String>, StepError> {
    let mut items =
        cx.connect().list_contact_flows().instance_id(instance_id(instance_arn)).into_paginator().items().send();
    while let Some(item) = items.next().await {
        let item =
            item.map_err(|error| aws_error::step_error(&format!("listing the flows of {instance_arn}"), &error))?;
        if item.name.as_deref() == Some(name) {
            return Ok(item.id);
        }
    }
    Ok(None)
}

fn instance_id(instance_arn: &str) -> &str {
    instance_arn.rsplit('/').next().unwrap_or(instance_arn)
}
