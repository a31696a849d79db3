//! The phone numbers of Amazon Connect instances.

use aws_sdk_connect::{
    Client, error::SdkError, operation::list_phone_numbers_v2::ListPhoneNumbersV2Error, types::ListPhoneNumbersSummary,
};
use onboarding_core::{StepError, telephony::NumberResult};

use super::error::CallResult as _;

/// Returns all phone numbers of the instance.
///
/// # Errors
/// If Connect returns an error.
pub async fn held(client: &Client, instance_arn: &str) -> Result<Vec<NumberResult>, StepError> {
    let listed = list(client, instance_arn).await.doing(format_args!("listing the phone numbers of {instance_arn}"))?;
    let number = |item: ListPhoneNumbersSummary| NumberResult {
        phone_number_id: item.phone_number_id.unwrap_or_default(),
        phone_number: item.phone_number.unwrap_or_default(),
        country: item.phone_number_country_code.map_or(String::new(), |code| code.as_str().to_owned()),
        kind: item.phone_number_type.map_or(String::new(), |kind| kind.as_str().to_owned()),
        ..NumberResult::default()
    };
    Ok(listed.into_iter().map(number).collect())
}

/// Returns the phone numbers of an instance in E.164 format, sorted. If the instance no longer exists, the list is
/// empty.
///
/// # Errors
/// If Connect returns an error.
pub async fn in_e164(client: &Client, instance_arn: &str) -> Result<Vec<String>, StepError> {
    let listed = list(client, instance_arn).await.if_found();
    let listed = listed.doing(format_args!("listing the phone numbers of {instance_arn}"))?.unwrap_or_default();
    let mut numbers: Vec<String> = listed.into_iter().filter_map(|number| number.phone_number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

async fn list(
    client: &Client,
    instance_arn: &str,
) -> Result<Vec<ListPhoneNumbersSummary>, SdkError<ListPhoneNumbersV2Error>> {
    client.list_phone_numbers_v2().target_arn(instance_arn).into_paginator().items().send().try_collect().await
}
