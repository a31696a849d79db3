//! Performs the actions that [`onboarding_core::telephony::poll`] has decided.

use onboarding_core::{
    StepError, StepErrorKind,
    onboarding::PHONE_NUMBERS_QUOTA,
    telephony::{Action, CaseOrder, FiledCase, FoundCase, NewCase, OrderNumbersInput, Responses},
};

use super::{documents, numbers, support};
use crate::{
    aws::{phone_numbers, quotas},
    context::Context,
};

/// AWS's default value of the quota for phone numbers (Amazon Connect service quotas). This default value is used if
/// Service Quotas returns no value.
const DEFAULT_QUOTA: f64 = 5.0;

/// Performs one action and adds the response to the state of the poll.
///
/// # Errors
/// If Connect, Service Quotas, S3 or AWS Support returns an error that the poll can't handle as a response.
pub(crate) async fn perform(
    ctx: &Context,
    input: &OrderNumbersInput,
    action: Action,
    responses: &mut Responses,
) -> Result<(), StepError> {
    let instance @ (_, arn) = (input.alias.as_str(), input.instance_arn.as_str());
    let desired_numbers = &input.phone_numbers;
    match action {
        Action::ListNumbers => responses.held = Some(phone_numbers::held(ctx.connect(), arn).await?),
        Action::Configure(number) => {
            let desired = &desired_numbers[number.desired_number];
            let starter_flow = input.starter_flow.as_deref();
            let state = numbers::configure(ctx, instance, (desired, starter_flow), &number).await?;
            responses.configured.insert(number.phone_number_id, state);
        }
        Action::ReadQuota => {
            let value = quotas::in_force(ctx.quotas(), PHONE_NUMBERS_QUOTA, Some(arn)).await?;
            responses.quota = Some(value.unwrap_or(DEFAULT_QUOTA));
        }
        Action::Search(index, count) => {
            let found = numbers::search(ctx, arn, &desired_numbers[index], count).await?;
            responses.searches.insert(index, found);
        }
        Action::Claim(number, token) => {
            let desired = &desired_numbers[number.desired_number];
            let claim = numbers::claim(ctx, instance, desired, &number.phone_number, token).await?;
            responses.claims.insert(number.phone_number, claim);
        }
        Action::FindCase(order) => {
            let found = find_case(ctx, input, &order).await?;
            responses.cases.insert(order.marker, found);
        }
        Action::FileCase(case) => {
            let filed = file_case(ctx, input, &case).await?;
            responses.filed.insert(case.marker, filed);
        }
    }
    Ok(())
}

async fn find_case(ctx: &Context, input: &OrderNumbersInput, order: &CaseOrder) -> Result<FoundCase, StepError> {
    match support::follow(ctx, order, input.language).await {
        // If the operators file the support cases manually, the functions may have no access to the Support API.
        Err(error) if error.kind == StepErrorKind::AccessDenied && input.is_manual(order) => Ok(FoundCase::Unavailable),
        found => found,
    }
}

async fn file_case(ctx: &Context, input: &OrderNumbersInput, case: &NewCase) -> Result<FiledCase, StepError> {
    let documents = match input.documents.as_ref().filter(|_| case.documents) {
        None => Vec::new(),
        Some(named) => match documents::fetch(ctx, named).await? {
            Ok(documents) => documents,
            Err(problems) => return Ok(FiledCase::UnusableDocuments(problems)),
        },
    };
    support::file(ctx, case, input.language, &documents).await
}
