//! The objects that `--json` prints, one per line. They represent the results and the errors of all commands.
//!
//! `output.schema.json` is generated from these types and from the results of the state machines. New fields can be
//! added, but existing fields are never renamed.

mod deployment;
mod event;
mod schema;

use onboarding_core::{
    contract::{OpenItem, PlanItem, PlanStatus},
    entra::{Identity, Permission},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    deployment::{Change, ChangeAction, Deployment},
    event::{Event, StateEnd},
    schema::schema,
};

/// The error of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorOutput {
    /// The error.
    pub error: Fault,
}

/// An error, with the recommended action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// Name of the error, for programs: an error of the workflow, an AWS error code, or a name that this tool defines.
    pub name: String,
    /// What happened, and to which object.
    pub message: String,
    /// The recommended action. Can be empty.
    pub action: String,
    /// The errors in the input file, if the file is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<InputProblem>>,
}

/// Help, version or another text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Information {
    /// The text.
    pub text: String,
}

/// A completion script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompletionScript {
    /// The shell.
    pub shell: String,
    /// The script.
    pub script: String,
}

/// The manual pages that `man` wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ManualPages {
    /// The folder.
    pub folder: String,
}

/// The input file that `init` wrote.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WrittenInput {
    /// The file.
    pub file: String,
    /// The content of the file; see `onboarding.schema.json`.
    pub onboarding: Value,
    /// The file with the schema of the input, to which `$schema` refers.
    pub schema: String,
}

/// The input that `adopt` derived from an instance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adopted {
    /// Alias of the instance.
    pub alias: String,
    /// The file to which the input was written, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether an onboarding has registered the instance. If so, the groups and rules in the input come from the
    /// registry of the stack.
    pub registered: bool,
    /// The input; see `onboarding.schema.json`.
    pub onboarding: Value,
    /// The open items: settings that could not be read from AWS or Entra, or that an operator must check before an
    /// onboarding.
    pub open_items: Vec<OpenItem>,
}

/// The result of a validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Validation {
    /// Whether the file is valid.
    pub valid: bool,
    /// All errors in the file.
    pub problems: Vec<InputProblem>,
}

/// An error in an input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputProblem {
    /// JSON path of the error.
    pub path: String,
    /// The error message.
    pub message: String,
    /// Line of the error, starting from 1, if the file could be read. For a missing field, this is the line of the
    /// object that must contain the field.
    pub line: Option<usize>,
    /// Column of the error in characters, starting from 1, if the file could be read.
    pub column: Option<usize>,
}

/// The results of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// The checks.
    pub checks: Vec<DoctorCheck>,
}

/// A check of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DoctorCheck {
    /// Name of the check.
    pub name: String,
    /// The result of the check.
    pub verdict: Verdict,
    /// What the check found.
    pub found: String,
    /// The recommended action. Can be empty.
    pub action: String,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The check found no problem.
    Good,
    /// An onboarding would work, but the operator should review the finding.
    #[serde(rename = "look")]
    Warning,
    /// An onboarding would fail.
    Bad,
    /// The check could not run.
    Unknown,
}

/// An execution that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Started {
    /// ARN of the execution.
    pub execution: String,
    /// Name of the execution.
    pub name: String,
    /// Alias of the instance.
    pub alias: String,
}

/// The status of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionStatus {
    /// ARN of the execution.
    pub execution: String,
    /// Name of the execution.
    pub name: String,
    /// Name of the state machine.
    pub machine: String,
    /// Status of the execution, as Step Functions returns it.
    pub status: String,
    /// Start time in ISO 8601.
    pub started: String,
    /// End time in ISO 8601, if the execution has ended.
    pub stopped: Option<String>,
    /// Alias of the instance, if the execution is an onboarding.
    pub alias: Option<String>,
    /// The states that are running now.
    pub running: Vec<RunningState>,
    /// The state that failed.
    pub failed_state: Option<String>,
    /// Name of the error with which the execution failed.
    pub error: Option<String>,
    /// Message of the error with which the execution failed.
    pub cause: Option<String>,
    /// Progress of a user sync.
    pub users: Option<UserProgress>,
    /// The user syncs that the execution started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_syncs: Option<Vec<Self>>,
}

/// A state that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunningState {
    /// Name of the state.
    pub state: String,
    /// Time at which the state started, in ISO 8601.
    pub since: String,
    /// Time until which the state waits, in ISO 8601.
    pub until: Option<String>,
    /// Number of failed attempts.
    pub failures: u32,
}

/// Progress of a user sync.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProgress {
    /// Number of processed users.
    pub done: f64,
    /// Number of users that the plan contains.
    pub planned: f64,
    /// Number of users who failed.
    pub failed: f64,
    /// Users per second.
    pub per_second: Option<f64>,
    /// Estimated remaining time in seconds.
    pub seconds_left: Option<f64>,
}

/// The onboarded instances and the latest executions.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Listing {
    /// The onboarded instances.
    pub instances: Vec<ListedInstance>,
    /// The latest executions.
    pub executions: Vec<ListedExecution>,
}

/// An onboarded instance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedInstance {
    /// Alias of the instance.
    pub alias: String,
    /// Id of the instance.
    pub instance_id: String,
    /// Time of the last successful user sync in ISO 8601.
    pub last_success_at: Option<String>,
    /// Counts of the last successful user sync.
    pub last_run: Value,
    /// Time of the last failed user sync in ISO 8601.
    pub last_failure_at: Option<String>,
    /// Message of the last failed user sync.
    pub last_failure: Option<String>,
    /// The request for approval that waits for an answer.
    pub waits_for_approval: Option<WaitingRequest>,
}

/// A request for approval that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaitingRequest {
    /// Digest of the request.
    pub digest: String,
    /// Expiry of the request in ISO 8601.
    pub until: String,
}

/// An execution in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedExecution {
    /// ARN of the execution.
    pub execution: String,
    /// Name of the execution.
    pub name: String,
    /// Name of the state machine.
    pub machine: String,
    /// Status of the execution, as Step Functions returns it.
    pub status: String,
    /// Alias of the instance, if the execution is an onboarding.
    pub alias: Option<String>,
    /// Start time in ISO 8601.
    pub started: String,
    /// End time in ISO 8601, if the execution has ended.
    pub stopped: Option<String>,
}

/// The failed events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Replay {
    /// Number of failed events.
    pub waiting: u64,
    /// Number of events that are reprocessed.
    pub replaying: u64,
    /// Handle of the message move task in SQS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// The plan of a teardown, or the result of a teardown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// Whether the plan was applied.
    pub status: PlanStatus,
    /// Digest of the plan.
    pub digest: String,
    /// The resources.
    pub items: Vec<PlanItem>,
    /// The open items: actions and information for the operator.
    #[serde(default)]
    pub open_items: Vec<OpenItem>,
}

/// The setup in Entra.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntraSetup {
    /// Name of the stack.
    pub stack: String,
    /// The stack's Region.
    pub region: String,
    /// Kind of the credential.
    pub credential: String,
    /// Audience of federated credentials.
    pub audience: String,
    /// The identities.
    pub identities: Vec<EntraIdentity>,
    /// The script.
    pub script: String,
    /// The stack parameters that the script printed, if the script was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<std::collections::BTreeMap<String, String>>,
}

/// An identity of the setup in Entra.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntraIdentity {
    /// The identity.
    pub identity: Identity,
    /// Display name of the application.
    pub display_name: String,
    /// Client id of the API that defines the permissions.
    pub api: String,
    /// The permissions.
    pub permissions: Vec<Permission>,
    /// Name of the IAM role that the application trusts.
    pub role_name: String,
    /// Name of the secret in Secrets Manager.
    pub secret_name: String,
}

/// The findings of `live-check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LiveFindings {
    /// The findings, one for each assumption.
    pub findings: Vec<LiveFinding>,
}

/// The finding for one assumption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LiveFinding {
    /// Name of the assumption.
    pub name: String,
    /// The result of the check: `assumed`, `other`, `unknown` or `not checked`.
    pub reading: String,
    /// The reading that is true, or the reason why the reading is unknown.
    pub text: String,
}

/// The request that was approved, and the user sync that applies its changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// Alias of the instance.
    pub alias: String,
    /// Digest of the request.
    pub approved_digest: String,
    /// ARN of the user sync.
    pub execution: String,
    /// Name of the user sync.
    pub name: String,
}

/// The request that was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Alias of the instance.
    pub alias: String,
    /// Digest of the request.
    pub rejected_digest: String,
}

/// An execution that was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// ARN of the execution.
    pub execution: String,
    /// Alias of the instance, if the execution is an onboarding.
    pub alias: Option<String>,
    /// The requests that AWS still processes.
    pub open_requests: Vec<String>,
}

/// The address of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PageAddress {
    /// The address.
    pub url: String,
}

/// What the functions logged during an execution.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExecutionLog {
    /// ARN of the execution.
    pub execution: String,
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
}

/// A line of a function's log.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LogLine {
    /// Time in milliseconds since the epoch.
    pub at: i64,
    /// The line as the function logged it.
    pub line: Value,
}

/// A user whose sessions were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedOut {
    /// Alias of the instance.
    pub alias: String,
    /// Id of the instance.
    pub instance_id: String,
    /// Username of the user.
    pub username: String,
    /// Id of the user.
    pub user_id: String,
    /// Whether the sessions were ended.
    pub signed_out: bool,
}

/// The evidence pack that `evidence` wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidencePack {
    /// Alias of the instance.
    pub alias: String,
    /// The directory.
    pub directory: String,
    /// The number of rows of each table.
    pub rows: std::collections::BTreeMap<String, usize>,
    /// The files. The manifest is the last file.
    pub files: Vec<PackFile>,
}

/// A file of an evidence pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackFile {
    /// The name of the file.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 digest, in hexadecimal.
    pub sha256: String,
}

/// The Terraform configuration of an onboarding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Export {
    /// Alias of the instance.
    pub alias: String,
    /// The file to which the configuration was written, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The addresses of the resources.
    pub resources: Vec<String>,
    /// Whether the configuration contains the objects in Entra and the starter flow, if one exists. The objects in Entra
    /// are missing if the application could not be read. The starter flow is missing if the permission to read it is
    /// missing.
    pub complete: bool,
    /// The configuration.
    pub configuration: String,
}
