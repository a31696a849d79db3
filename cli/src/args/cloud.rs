//! Arguments of the commands for a deployed stack.

use std::path::PathBuf;

use clap::ValueEnum;

/// Environment variable with the name of the stack.
pub const STACK_VARIABLE: &str = "ONBOARD_STACK";

/// The options that select the AWS account and the Region.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AwsArgs {
    /// Profile of the AWS configuration files [default: from `AWS_PROFILE`]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// AWS Region [default: from `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile or samconfig.toml]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

/// The options that select the stack.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Stack")]
pub struct StackArgs {
    /// Use the local cloud that `onboard local --keep` started
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub local: bool,
    /// Selects the account and the Region.
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Name of the CloudFormation stack [default: from samconfig.toml, or else connect-onboarding]
    #[arg(long, alias = "stack-name", value_name = "NAME", env = STACK_VARIABLE, hide_env_values = true)]
    pub stack: Option<String>,
}

/// Arguments of `onboard live-check`.
#[derive(Debug, clap::Args)]
pub struct LiveCheckArgs {
    /// A group of the Entra tenant that is temporarily assigned to an application; its members are not changed
    #[arg(long, value_name = "NAME")]
    pub group: String,
    /// Check the local cloud that `onboard local --keep` started
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub local: bool,
    /// Selects the account, and the Region of the instance that the check creates.
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Name of a deployed stack; also checks how fast Graph sends a notification to the URL of this stack
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// Also check with which certificate Entra signs: the command prints a URL, and you sign in once with a browser on
    /// this computer
    #[arg(long)]
    pub browser: bool,
    /// Request a quota increase by 1 for the instance that the check creates, and wait for the decision of AWS, which
    /// can take days
    #[arg(long)]
    pub request_quota_increase: bool,
}

/// A document for a phone number order: its kind and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentArg {
    /// The kind of document: `identity`, `address` or `relationship`.
    pub kind: String,
    /// The path of the file.
    pub file: PathBuf,
}

fn document(text: &str) -> Result<DocumentArg, String> {
    match text.split_once('=') {
        Some((kind @ ("identity" | "address" | "relationship"), file)) if !file.is_empty() => {
            Ok(DocumentArg { kind: kind.into(), file: file.into() })
        }
        _ => Err("must be identity=FILE, address=FILE or relationship=FILE".into()),
    }
}

/// Arguments of `onboard doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// An onboarding.json, or - for standard input, to check Entra's consent and the groups [default: onboarding.json,
    /// if it exists]
    pub file: Option<PathBuf>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The onboarding.json, or - for standard input
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard start`.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// The onboarding.json, or - for standard input
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
    /// Upload a document of a phone number order: identity=FILE, address=FILE or relationship=FILE; can be repeated
    #[arg(long = "document", value_name = "KIND=FILE", value_parser = document)]
    pub documents: Vec<DocumentArg>,
    /// Start even if an onboarding of this instance is already running
    #[arg(long)]
    pub again: bool,
    /// Follow the onboarding until it ends
    #[arg(long, alias = "watch")]
    pub wait: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the running onboarding, or else the latest]
    pub execution: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the running onboarding, or else the latest]
    pub execution: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard stop`.
#[derive(Debug, clap::Args)]
pub struct StopArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the running onboarding, or else the latest]
    pub execution: Option<String>,
    /// The name of the execution, as confirmation; on a terminal, the command asks instead
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard logs`.
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the running onboarding, or else the latest]
    pub execution: Option<String>,
    /// Print only the log of the function that this state invokes
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// A page of an onboarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageArg {
    /// The page on which users sign in.
    SignIn,
    /// The Amazon Connect instance.
    Connect,
    /// The execution in the Step Functions console.
    Execution,
    /// The enterprise application in the Entra admin center.
    Application,
}

/// Arguments of `onboard open`.
#[derive(Debug, clap::Args)]
pub struct OpenArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the latest onboarding that has a report]
    pub onboarding: Option<String>,
    /// The page
    #[arg(long, value_enum, default_value = "sign-in")]
    pub page: PageArg,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// List only instances and executions whose alias or name begins with this text
    pub prefix: Option<String>,
    /// Include executions of the other state machines: user syncs, plans, rotations, drift, teardown
    #[arg(long)]
    pub all: bool,
    /// Maximum number of executions per state machine
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub most: u16,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard report`.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Name or ARN of an execution, or alias of an instance [default: the latest onboarding that has a report]
    pub execution: Option<String>,
    /// Write the report to a file as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report to a file as an HTML page without external content, in the language of --lang
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard evidence`.
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// Alias or id of the instance
    pub instance: String,
    /// The directory for the files; it is created if it does not exist
    #[arg(long, value_name = "DIRECTORY")]
    pub output: PathBuf,
    /// Write into a directory that is not empty, and replace the files of an earlier pack
    #[arg(long)]
    pub force: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard adopt`.
#[derive(Debug, clap::Args)]
pub struct AdoptArgs {
    /// Alias of the instance
    pub alias: String,
    /// Entra group whose members are the users, by display name or object id; can be repeated [default: the groups that
    /// are assigned to the application]
    #[arg(long, value_name = "GROUP")]
    pub group: Vec<String>,
    /// Write to a file instead of standard output; with --yes, an existing file is replaced
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Terraform configuration for the providers `aws` and `azuread`.
    Terraform,
}

/// Arguments of `onboard export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Alias or id of the instance
    pub instance: String,
    /// The format
    #[arg(long, value_enum, default_value = "terraform")]
    pub format: ExportFormat,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard sync`.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// Alias or id of the instance; optional if there is only one
    pub instance: Option<String>,
    /// Plan only; nothing is changed
    #[arg(long)]
    pub plan: bool,
    /// Follow the sync until it ends
    #[arg(long)]
    pub wait: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard sign-out`.
#[derive(Debug, clap::Args)]
pub struct SignOutArgs {
    /// Exact username of the Connect user
    #[arg(value_name = "USER")]
    pub user: String,
    /// Alias or id of the instance; optional if there is only one
    #[arg(long, value_name = "INSTANCE")]
    pub instance: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard approve`.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// Alias or id of the instance; optional if there is only one
    pub instance: Option<String>,
    /// Digest of the request that you have seen; on a terminal, the command asks for confirmation instead
    #[arg(long)]
    pub digest: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard reject`.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    /// Alias or id of the instance; optional if there is only one
    pub instance: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Only print the number of failed events
    #[arg(long)]
    pub count: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard rotate-certificate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// Alias or id of the instance [default: all]
    pub instance: Option<String>,
    /// Rotate even if the certificate does not expire soon
    #[arg(long)]
    pub force: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// Arguments of `onboard drift`.
#[derive(Debug, clap::Args)]
pub struct DriftArgs {
    /// Alias or id of the instance [default: all]
    pub instance: Option<String>,
    /// Revert drift
    #[arg(long, alias = "mend")]
    pub fix: bool,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

/// What a teardown does with a kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Disposition {
    /// Keep the resources.
    Keep,
    /// Delete the resources.
    Delete,
}

/// What a teardown does with the Entra application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ApplicationDisposition {
    /// Keep the application unchanged.
    Keep,
    /// Keep the application without assignments.
    Empty,
    /// Delete the application.
    Delete,
}

/// Arguments of `onboard teardown`.
#[derive(Debug, clap::Args)]
pub struct TeardownArgs {
    /// Alias or id of the instance
    pub instance: String,
    /// Whether the Connect users are kept or deleted
    #[arg(long, value_enum, default_value = "keep")]
    pub users: Disposition,
    /// Whether the Connect instance, with its phone numbers, recordings and settings, is kept or deleted
    #[arg(long = "connect-instance", value_enum, default_value = "keep")]
    pub connect_instance: Disposition,
    /// Whether the Entra application is kept, emptied (no assignments) or deleted
    #[arg(long, value_enum, default_value = "delete")]
    pub application: ApplicationDisposition,
    /// Plan only, as without --apply; nothing is changed
    #[arg(long, conflicts_with = "apply")]
    pub plan: bool,
    /// Apply the plan
    #[arg(long)]
    pub apply: bool,
    /// The alias of the instance, as confirmation; without this option, the command asks for the alias
    #[arg(long, value_name = "ALIAS", requires = "apply")]
    pub confirm: Option<String>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn a_document_argument_has_one_of_three_kinds() {
        assert_eq!(document("identity=a=b.png").unwrap().file, PathBuf::from("a=b.png"));
        assert!(document("passport=a.png").is_err() && document("identity=").is_err() && document("a.png").is_err());
    }
}
