//! The phone numbers of Amazon Connect instances.

use aws_sdk_connect::{Client, error::SdkError, operation::list_phone_numbers_v2::ListPhoneNumbersV2Error};
use onboarding_core::{StepError, telephony::HeldNumber};

use super::error::{is_not_found, step_error};

/// Returns all phone numbers of the instance.
///
/// # Errors
/// If Connect returns an error.
pub async fn held(client: &Client, instance_arn: &str) -> Result<Vec<HeldNumber>, StepError> {
    list(client, instance_arn).await.map_err(|error| failed(instance_arn, &error))
}

/// Returns the numbers of an instance in E.164 format, sorted; none if the instance no longer exists.
///
/// # Errors
/// If Connect returns an error.
pub async fn in_e164(client: &Client, instance_arn: &str) -> Result<Vec<String>, StepError> {
    match list(client, instance_arn).await {
        Ok(held) => {
            let mut numbers: Vec<String> = held.into_iter().map(|number| number.phone).collect();
            numbers.sort_unstable();
            Ok(numbers)
        }
        Err(error) if is_not_found(&*error) => Ok(Vec::new()),
        Err(error) => Err(failed(instance_arn, &error)),
    }
}

async fn list(client: &Client, instance_arn: &str) -> Result<Vec<HeldNumber>, Box<SdkError<ListPhoneNumbersV2Error>>> {
    let mut items = client.list_phone_numbers_v2().target_arn(instance_arn).into_paginator().items().send();
    let mut held = Vec::new();
    while let Some(item) = items.next().await {
        let item = item?;
        held.push(HeldNumber {
            id: item.phone_number_id.unwrap_or_default(),
            arn: item.phone_number_arn.unwrap_or_default(),
            phone: item.phone_number.unwrap_or_default(),
            country: item.phone_number_country_code.map_or(String::new(), |code| code.as_str().to_owned()),
            kind: item.phone_number_type.map_or(String::new(), |kind| kind.as_str().to_owned()),
            description: item.phone_number_description.unwrap_or_default(),
        });
    }
    Ok(held)
}

fn failed(instance_arn: &str, error: &SdkError<ListPhoneNumbersV2Error>) -> StepError {
    step_error(&format!("listing the phone numbers of {instance_arn}"), error)
}
