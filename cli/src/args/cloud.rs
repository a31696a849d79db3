//! Arguments of the commands for a deployed stack.

use std::path::PathBuf;

use clap::ValueEnum;

/// Where the stack is.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Where")]
pub struct On {
    /// Work on the local cloud that `onboard local --keep` left running
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub local: bool,
    /// Profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// AWS Region of the stack
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Name of the CloudFormation stack
    #[arg(long, value_name = "NAME", default_value = "connect-onboarding")]
    pub stack: String,
}

impl On {
    /// The options to give again to another command, with a blank before each.
    #[must_use]
    pub fn options(&self) -> String {
        let mut options = String::new();
        if self.local {
            options += " --local";
        }
        let stack = (self.stack != "connect-onboarding" && !self.local).then_some(&self.stack);
        for (name, value) in [("profile", self.profile.as_ref()), ("region", self.region.as_ref()), ("stack", stack)] {
            if let Some(value) = value {
                options += &format!(" --{name} {value}");
            }
        }
        options
    }
}

/// Arguments of `onboard live-check`.
#[derive(Debug, clap::Args)]
pub struct LiveCheckArgs {
    /// A group of the Entra tenant that is assigned to an application for a while; its members are not changed
    #[arg(long, value_name = "NAME")]
    pub group: String,
    /// Check the local cloud that `onboard local --keep` left running
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub local: bool,
    /// Profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// AWS Region of the instance that it makes
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

/// A document for a number order: which of the three, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentArg {
    /// `identity`, `address` or `relationship`.
    pub kind: String,
    /// The file.
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
    /// An onboarding.json, to check Entra's consent and its groups with [default: onboarding.json, if it is there]
    pub file: Option<PathBuf>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The onboarding.json
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard start`.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// The onboarding.json
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
    /// Upload a document of a number order: identity=FILE, address=FILE or relationship=FILE; may be given again
    #[arg(long = "document", value_name = "KIND=FILE", value_parser = document)]
    pub documents: Vec<DocumentArg>,
    /// Start also where an onboarding of this instance runs already
    #[arg(long)]
    pub again: bool,
    /// Follow it
    #[arg(long)]
    pub watch: bool,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Name or ARN of an execution, or the instance's alias [default: the onboarding that runs, else the latest]
    pub execution: Option<String>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Name or ARN of an execution, or the instance's alias [default: the onboarding that runs, else the latest]
    pub execution: Option<String>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Also executions of the other state machines: user syncs, plans, rotations, drift, teardown
    #[arg(long)]
    pub all: bool,
    /// The most executions of each state machine
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub most: u16,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard report`.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Name or ARN of an execution, or the instance's alias [default: the latest onboarding]
    pub execution: Option<String>,
    /// Write the report to a file as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the report to a file as a page: one HTML file that needs no network, in the language of --lang
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard sync`.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// The instance's alias or id; may be left out where there is only one
    pub instance: Option<String>,
    /// Only plan: nothing is changed
    #[arg(long)]
    pub plan: bool,
    /// Follow it to its end
    #[arg(long)]
    pub wait: bool,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard approve`.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// The instance's alias or id; may be left out where there is only one
    pub instance: Option<String>,
    /// The digest of the plan that you have seen; asked for on a terminal
    #[arg(long)]
    pub digest: Option<String>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard reject`.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    /// The instance's alias or id; may be left out where there is only one
    pub instance: Option<String>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Only count them
    #[arg(long)]
    pub count: bool,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard rotate-certificate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The instance's alias or id [default: all]
    pub instance: Option<String>,
    /// Also where the certificate is good for long
    #[arg(long)]
    pub force: bool,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// Arguments of `onboard drift`.
#[derive(Debug, clap::Args)]
pub struct DriftArgs {
    /// The instance's alias or id [default: all]
    pub instance: Option<String>,
    /// Set back what differs
    #[arg(long)]
    pub mend: bool,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

/// What becomes of something at a teardown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Disposition {
    /// It stays.
    Keep,
    /// It is deleted.
    Delete,
}

/// What becomes of the Entra application at a teardown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ApplicationDisposition {
    /// It stays as it is.
    Keep,
    /// It stays, and nobody is assigned to it any more.
    Empty,
    /// It is deleted.
    Delete,
}

/// Arguments of `onboard teardown`.
#[derive(Debug, clap::Args)]
pub struct TeardownArgs {
    /// The instance's alias or id
    pub instance: String,
    /// What becomes of the Connect users
    #[arg(long, value_enum, default_value = "keep")]
    pub users: Disposition,
    /// What becomes of the Connect instance, with its numbers, recordings and settings
    #[arg(long = "connect-instance", value_enum, default_value = "keep")]
    pub connect_instance: Disposition,
    /// What becomes of the Entra application
    #[arg(long, value_enum, default_value = "delete")]
    pub application: ApplicationDisposition,
    /// Only plan: nothing is changed; so it is without --apply, too
    #[arg(long, conflicts_with = "apply")]
    pub plan: bool,
    /// Do it
    #[arg(long)]
    pub apply: bool,
    /// The alias once more, in place of typing it in
    #[arg(long, value_name = "ALIAS", requires = "apply")]
    pub confirm: Option<String>,
    /// Where the stack is.
    #[command(flatten)]
    pub on: On,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_document_argument_has_one_of_three_kinds() {
        assert_eq!(document("identity=a=b.png").unwrap().file, PathBuf::from("a=b.png"));
        assert!(document("passport=a.png").is_err() && document("identity=").is_err() && document("a.png").is_err());
    }
}
