//! The commands in notifications. An operator can copy and run these commands without changes.

/// The `onboard` command that approves the planned actions in a request for approval.
pub(super) fn onboard_approve(instance: &str, digest: &str) -> String {
    format!("onboard approve {instance} --digest {digest}")
}

/// The `onboard` command that rejects the planned actions in a request for approval.
pub(super) fn onboard_reject(instance: &str) -> String {
    format!("onboard reject {instance}")
}

/// The `onboard` command that prints the report of an execution. The command also works for an execution that created
/// the report and failed afterwards.
pub(super) fn onboard_report(execution: &str) -> String {
    format!("onboard report {}", execution.rsplit(':').next().unwrap_or_default())
}

/// The AWS CLI command that prints the output of a successful execution.
pub(super) fn read_output(execution: &str) -> String {
    format!("aws stepfunctions describe-execution --execution-arn {execution} --query output --output text")
}

/// The AWS CLI command that prints the report of an execution that failed after it created the report.
pub(super) fn read_report_in_history(execution: &str) -> String {
    format!(
        "aws stepfunctions get-execution-history --execution-arn {execution} --reverse-order --query \
         \"events[?stateExitedEventDetails.name=='Report'].stateExitedEventDetails.output | [0]\" --output text"
    )
}

/// The AWS CLI command that starts the certificate rotation of one instance. The ARN of the state machine is derived
/// from `execution`, the ARN of an execution of this state machine.
pub(super) fn rotate(execution: &str, instance_id: &str) -> String {
    let machine = execution.replacen(":execution:", ":stateMachine:", 1);
    let machine = machine.rsplit_once(':').map_or(machine.as_str(), |(machine, _)| machine);
    format!(
        r#"aws stepfunctions start-execution --state-machine-arn {machine} --input '{{"instanceId":"{instance_id}"}}'"#
    )
}

/// The AWS CLI command that prints the status and the error of a failed execution.
pub(super) fn read_failure(execution: &str) -> String {
    format!(
        "aws stepfunctions describe-execution --execution-arn {execution} --query '[status,error,cause]' --output text"
    )
}
