//! `onboard stop`: stops a running execution. The execution's requests to AWS that are still open (for example quota
//! increases) are not withdrawn, so the command lists them.
//!
//! The resources that the onboarding has created are kept. The next onboarding of the instance finds these resources
//! and continues.

use aws_sdk_sfn::types::ExecutionStatus;
use onboarding_core::{
    contract::{QuotaResult, QuotaStatus, RequestQuotasOutput},
    telephony::{NumberStatus, OrderNumbersOutput},
};
use serde::de::DeserializeOwned;

use crate::{
    args::StopArgs,
    cloud::{Cloud, Machine, error::CommandError, executions::Described},
    commands::{follower::last_output, interruption, prompt::confirmed},
    exit::Exit,
    output::Stopped,
    ui::{Console, Tone},
    words::Words,
};

/// The error name that this command gives to the execution that it stops.
const ERROR: &str = "Stopped";

/// Runs the command.
///
/// # Errors
/// Fails if the execution is not running, the operator does not confirm, or a request to AWS or the local cloud fails.
pub async fn run(args: StopArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let described = cloud.resolve_execution(args.execution.as_deref()).await?;
    let execution = &described.execution;
    if execution.status != ExecutionStatus::Running {
        let what = words.not_running(&execution.name, words.status(&execution.status));
        return Err(CommandError::input(what, words.list_executions()));
    }
    let open = open_requests(&cloud, &described, words).await?;
    let named = args.confirm.as_ref() == Some(&execution.name);
    let Some(confirmed) =
        (if named { Some(true) } else { confirmed(&words.stop_question(&execution.name), console).await })
    else {
        return Ok(interruption(console));
    };
    if !confirmed {
        let how = words.confirm_stop(&execution.name);
        return Err(CommandError::undecided("NotConfirmed", words.not_confirmed(), how));
    }
    let stopped = cloud.sfn.stop_execution().execution_arn(&execution.arn);
    let stopped = stopped.error(ERROR).cause("an operator ran `onboard stop`").send().await;
    stopped.map_err(|error| CommandError::of(words, &words.stopping(&execution.name), &error))?;
    console.result(&Stopped {
        execution: execution.arn.clone(),
        alias: described.alias().map(str::to_owned),
        open_requests: open.clone(),
    });
    console.line(&console.paint(Tone::Good, &words.execution_stopped(&execution.name)));
    if !open.is_empty() {
        console.line(&words.requests_stay_open());
        open.iter().for_each(|request| console.line(&format!("  {request}")));
    }
    if let Some(alias) = described.alias() {
        console.line(&words.resources_stay(alias));
    }
    Ok(Exit::Done)
}

/// The requests of an onboarding that AWS has not completed: quota increases, phone number claims and support cases.
async fn open_requests(cloud: &Cloud, described: &Described, words: Words) -> Result<Vec<String>, CommandError> {
    if described.execution.machine != Machine::Onboarding {
        return Ok(Vec::new());
    }
    let arn = described.execution.arn.as_str();
    let instance: Option<QuotaResult> = output(cloud, arn, "InstanceQuota").await?;
    let quotas: RequestQuotasOutput = output(cloud, arn, "RequestQuotas").await?.unwrap_or_default();
    let numbers: OrderNumbersOutput = output(cloud, arn, "OrderNumbers").await?.unwrap_or_default();
    Ok(listed(instance, quotas, numbers, words))
}

/// Lists the open requests in the latest outputs of the states that request quotas and phone numbers.
fn listed(
    instance: Option<QuotaResult>,
    quotas: RequestQuotasOutput,
    numbers: OrderNumbersOutput,
    words: Words,
) -> Vec<String> {
    let quotas = instance.into_iter().chain(quotas.quotas).filter(|quota| quota.status == QuotaStatus::Pending);
    let quotas = quotas.map(|quota| words.open_quota(&quota.name, quota.desired, quota.request_id.unwrap_or_default()));
    let claims = numbers.numbers.into_iter().filter(|number| number.status == NumberStatus::InProgress);
    let claims = claims.map(|number| words.open_claim(number.phone_number));
    let cases = numbers.orders.into_iter().filter(|order| order.is_pending());
    let cases = cases.filter_map(|order| Some(words.open_case(order.display_id.or(order.case_id)?)));
    quotas.chain(claims).chain(cases).collect()
}

/// The output with which the execution last left a state, or `None` if it has not left this state yet.
async fn output<T: DeserializeOwned>(cloud: &Cloud, arn: &str, state: &str) -> Result<Option<T>, CommandError> {
    Ok(last_output(cloud, arn, state).await?.and_then(|output| serde_json::from_str(&output).ok()))
}

#[cfg(test)]
mod tests {
    use onboarding_core::telephony::{CaseOrder, NumberResult, OrderStatus};

    use super::*;

    #[test]
    fn only_requests_that_aws_still_works_on_are_listed() {
        let quota = |name: &str, status| QuotaResult {
            name: name.into(),
            desired: 50.0,
            status,
            request_id: Some("r-1".into()),
            ..QuotaResult::default()
        };
        let order = |id: &str, status| CaseOrder { display_id: Some(id.into()), status, ..CaseOrder::default() };
        let number =
            |phone: &str, status| NumberResult { phone_number: phone.into(), status, ..NumberResult::default() };
        let quotas = RequestQuotasOutput {
            quotas: vec![quota("calls", QuotaStatus::Pending), quota("users", QuotaStatus::Sufficient)],
            ..RequestQuotasOutput::default()
        };
        let numbers = OrderNumbersOutput {
            numbers: vec![number("+811", NumberStatus::InProgress), number("+812", NumberStatus::Claimed)],
            orders: vec![order("17", OrderStatus::Open), order("18", OrderStatus::Done)],
            ..OrderNumbersOutput::default()
        };
        let listed = listed(Some(quota("instances", QuotaStatus::Denied)), quotas, numbers, Words::default());
        assert_eq!(listed, ["quota increase: calls to 50 (request r-1)", "phone number: +811", "AWS Support case: 17"]);
    }
}
