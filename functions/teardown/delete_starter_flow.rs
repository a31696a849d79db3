//! `delete-starter-flow`: deletes the starter flow and its test case during the teardown, if the instance is kept.
//! Afterwards, the phone numbers that were associated with the starter flow have no flow.
//!
//! * Reads: `connect:ListContactFlows`, `connect:DescribeContactFlow`, `connect:ListTestCases`,
//!   `connect:DescribeTestCase`, `connect:ListFlowAssociations`.
//! * Writes: `connect:DisassociatePhoneNumberContactFlow`, `connect:DeleteTestCase`, `connect:DeleteContactFlow`.
//! * Safe to repeat: if an object no longer exists, its deletion counts as successful. The step reads the tags of an
//!   object immediately before it deletes the object. The step deletes only objects that are in the approved plan and
//!   have the tags of this onboarding.

use onboarding_core::{
    StepError,
    contract::{RemoveInput, RemoveOutput, TeardownTarget},
    names,
    sync::Ownership,
};
use tracing::info;

use crate::{aws::error::CallResult as _, context::Context, inspect::starter_flow};

/// Runs the step.
///
/// # Errors
/// If Connect returns an error.
pub async fn run(ctx: &Context, input: RemoveInput) -> Result<RemoveOutput, StepError> {
    let target = &input.target;
    let mut output = RemoveOutput::default();
    if target.first_call_test {
        delete_test_case(ctx, target, &mut output).await?;
    }
    if target.starter_flow {
        delete_flow(ctx, target, &mut output).await?;
    }
    Ok(output)
}

async fn delete_test_case(ctx: &Context, target: &TeardownTarget, output: &mut RemoveOutput) -> Result<(), StepError> {
    let (client, instance) = (ctx.connect(), target.instance_id.as_str());
    let found = starter_flow::test_case(client, instance, &target.alias).await?;
    let Some(found) = found.filter(|found| found.owner == Ownership::Ours) else { return Ok(()) };
    let sent = client.delete_test_case().instance_id(instance).test_case_id(&found.id).send().await;
    sent.if_found().doing(format_args!("deleting the test case {}", names::FIRST_CALL_TEST))?;
    info!(instance = target.alias, test_case = found.id, "test case deleted");
    output.removed += 1;
    Ok(())
}

async fn delete_flow(ctx: &Context, target: &TeardownTarget, output: &mut RemoveOutput) -> Result<(), StepError> {
    let (client, instance) = (ctx.connect(), target.instance_id.as_str());
    let found = starter_flow::flow(client, instance, &target.alias).await?;
    let Some(found) = found.filter(|found| found.owner == Ownership::Ours) else { return Ok(()) };
    for number in starter_flow::numbers_of(client, instance, &found.id).await? {
        let request = client.disassociate_phone_number_contact_flow().phone_number_id(&number).instance_id(instance);
        let doing = format_args!("disconnecting the starter flow from the phone number {number}");
        request.send().await.if_found().doing(doing)?;
        info!(instance = target.alias, number, "starter flow disconnected");
    }
    let sent = client.delete_contact_flow().instance_id(instance).contact_flow_id(&found.id).send().await;
    sent.if_found().doing(format_args!("deleting the flow {}", names::STARTER_FLOW))?;
    info!(instance = target.alias, flow = found.id, "starter flow deleted");
    output.removed += 1;
    Ok(())
}
