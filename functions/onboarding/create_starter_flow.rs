//! `create-starter-flow`: finds or creates the starter flow. If a phone number has no other flow, the starter flow
//! answers the calls, so that the first call to a new phone number is answered.
//!
//! * Reads: `connect:ListContactFlows`, `connect:DescribeContactFlow`.
//! * Writes: `connect:CreateContactFlow` with the tags of the onboarding (`connect:TagResource`),
//!   `connect:UpdateContactFlowContent`.
//! * Safe to repeat: the step finds the flow by its name. The step never changes a flow without the tags of this
//!   onboarding. The step writes the content only if the content differs.
//! * If Amazon Connect rejects the content of the flow, the onboarding does not fail. The phone numbers are then not
//!   associated with a flow, and the report contains an open item.

use aws_sdk_connect::{
    operation::{
        create_contact_flow::CreateContactFlowError, update_contact_flow_content::UpdateContactFlowContentError,
    },
    types::{ContactFlowStatus, ContactFlowType, ProblemDetail},
};
use onboarding_core::{
    StepError, names,
    sync::Ownership,
    telephony::{CreateStarterFlowInput, CreateStarterFlowOutput, flow_content},
};
use tracing::info;

use crate::{
    aws::error::{is, step_error},
    context::Context,
    inspect::{instance::fresh, starter_flow},
};

/// Finds, creates or updates the starter flow.
///
/// # Errors
/// Errors that the state machine retries.
pub async fn run(ctx: &Context, input: CreateStarterFlowInput) -> Result<CreateStarterFlowOutput, StepError> {
    match flow_id(ctx, &input).await {
        Ok(id) => Ok(CreateStarterFlowOutput { flow_id: Some(id), open_items: Vec::new() }),
        Err(error) if error.kind.fails_optional_step() => Err(error),
        Err(error) => Ok(CreateStarterFlowOutput::without_flow(&error)),
    }
}

async fn flow_id(ctx: &Context, input: &CreateStarterFlowInput) -> Result<String, StepError> {
    let (client, instance) = (ctx.connect(), input.instance_id.as_str());
    let Some(found) = starter_flow::flow(client, instance, &input.alias).await? else {
        return create(ctx, input).await;
    };
    if found.owner != Ownership::Ours {
        return Err(StepError::conflict(format!(
            "the instance already has a flow with the name {:?}, which has no tag of this onboarding, so it is not used",
            names::STARTER_FLOW
        )));
    }
    if found.is_archived {
        return Err(StepError::conflict(format!("the flow {:?} is archived", names::STARTER_FLOW)));
    }
    if !found.is_current(input.language) {
        let content = flow_content(input.language).to_string();
        let update = client.update_contact_flow_content().instance_id(instance).contact_flow_id(&found.id);
        update.content(content).send().await.map_err(|error| {
            let problems = match error.as_service_error() {
                Some(UpdateContactFlowContentError::InvalidContactFlowException(invalid)) => invalid.problems(),
                _ => &[],
            };
            with_problems(step_error("updating the starter flow", &error), problems)
        })?;
        info!(instance = input.alias, flow = found.id, "starter flow updated");
    }
    Ok(found.id)
}

async fn create(ctx: &Context, input: &CreateStarterFlowInput) -> Result<String, StepError> {
    let doing = format!("creating the starter flow of the instance {}", input.instance_id);
    let sent = ctx
        .connect()
        .create_contact_flow()
        .instance_id(&input.instance_id)
        .name(names::STARTER_FLOW)
        .r#type(ContactFlowType::ContactFlow)
        .status(ContactFlowStatus::Published)
        .description("Answers calls to phone numbers that have no flow yet.")
        .content(flow_content(input.language).to_string())
        .set_tags(Some(names::tags(&input.alias).map(|(key, value)| (key.to_owned(), value)).into()))
        .send()
        .await;
    match sent {
        Ok(output) => {
            let id = output.contact_flow_id.unwrap_or_default();
            info!(instance = input.alias, flow = id, "starter flow created");
            Ok(id)
        }
        // An earlier attempt of this step has created the flow, but Connect does not list it yet.
        Err(error) if is(&error, &["DuplicateResourceException"]) => {
            Err(StepError::not_consistent_yet(step_error(doing, &error).message))
        }
        Err(error) => {
            let problems = match error.as_service_error() {
                Some(CreateContactFlowError::InvalidContactFlowException(invalid)) => invalid.problems(),
                _ => &[],
            };
            Err(with_problems(fresh(&doing, &error), problems))
        }
    }
}

/// Adds to the error message the problems that Connect reports in a rejected flow. Connect's own error contains no
/// message.
fn with_problems(mut error: StepError, problems: &[ProblemDetail]) -> StepError {
    for problem in problems.iter().filter_map(ProblemDetail::message) {
        error.message = format!("{}; {problem}", error.message);
    }
    error
}
