//! Definition of the command line: the commands, and the arguments of the commands that need no stack.

pub mod bad_input;
mod cloud;
mod deploy;
mod entra;
pub mod groups;
pub mod hints;
pub mod input;
mod local;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use self::{
    cloud::{
        AdoptArgs, ApplicationDisposition, ApproveArgs, AwsArgs, Disposition, DoctorArgs, DocumentArg, DriftArgs,
        EvidenceArgs, ExportArgs, ExportFormat, ListArgs, LiveCheckArgs, LogsArgs, OpenArgs, PageArg, PlanArgs,
        RejectArgs, ReplayArgs, ReportArgs, RotateArgs, STACK_VARIABLE, SignOutArgs, StackArgs, StartArgs, StatusArgs,
        StopArgs, SyncArgs, TeardownArgs, WatchArgs,
    },
    deploy::DeployArgs,
    entra::{CredentialArg, EntraSetupArgs, IdentityArg},
    local::{HELP, LocalArgs},
};
use crate::words::Lang;

/// The version with the commit from which the program was built, if the commit is known.
pub const VERSION: &str = env!("ONBOARD_VERSION");

/// Amazon Connect with single sign-on from Microsoft Entra ID, in one command.
#[derive(Debug, Parser)]
#[command(
    name = "onboard",
    version = VERSION,
    propagate_version = true,
    max_term_width = 110,
    after_help = "\
First steps:
  onboard local                       runs a complete onboarding on this machine: no account, no cost
  onboard init                        asks a few questions and writes onboarding.json
  onboard plan && onboard start       shows the changes, then makes them in AWS

Exit codes:
  0  success
  1  the workflow or a check failed; state, error and advice are printed
  2  the input or the arguments are invalid; nothing was started
  3  the local cloud could not start or is not running
  4  AWS is not usable: credentials, stack or permission missing, or no response
  5  you must decide or check: changes to users wait for approval, an onboarding is already running, drift was found
  130  interrupted; an execution in the cloud continues"
)]
pub struct Args {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
    /// Print results and errors as JSON on standard output, one object per line; messages go to standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only results and errors: no progress and no suggestions
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also print which profile, Region and stack are used, and where each setting comes from
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Answer yes/no questions with yes
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Ask no questions: a missing answer is an error
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Language of messages [default: from `LC_ALL`, `LC_MESSAGES` or LANG]
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub lang: Option<Lang>,
}

impl Command {
    /// Whether the result of the command is a text on standard output, which a caller can redirect to a file.
    #[must_use]
    pub const fn prints_text(&self) -> bool {
        match self {
            Self::Adopt(args) => args.output.is_none(),
            Self::Export(args) => args.output.is_none(),
            _ => false,
        }
    }
}

/// The commands of `onboard`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an onboarding.json from options or from answers to a few questions
    #[command(
        after_help = "Examples:\n  onboard init\n  onboard init --alias acme-support --group \"Support agents\" --security-profile Agent --language ja"
    )]
    Init(Box<InitArgs>),
    /// Write the onboarding.json of an instance that was set up manually, from its settings in AWS and Entra; nothing is
    /// changed
    #[command(
        after_help = "Examples:\n  onboard adopt acme-support --output onboarding.json\n  onboard adopt acme-support --group \"Support agents\" --output onboarding.json"
    )]
    Adopt(AdoptArgs),
    /// Validate an onboarding.json and report all errors, without calling any cloud
    #[command(after_help = "Example:\n  onboard check onboarding.json")]
    Check(CheckArgs),
    /// Check the requirements of an onboarding: account, Region, quotas, Support plan, stack, mail, alarms, Entra's
    /// consent
    #[command(
        after_help = "Examples:\n  onboard doctor\n  onboard doctor onboarding.json --profile acme --region ap-northeast-1"
    )]
    Doctor(DoctorArgs),
    /// Deploy the stack through CloudFormation: shows the changes first, and makes them after you confirm
    #[command(
        after_help = "Examples:\n  onboard deploy --parameter NotificationEmail=ops@example.com\n  onboard deploy --yes --bucket my-artifacts"
    )]
    Deploy(DeployArgs),
    /// Show what an onboarding would create, adopt, change and keep, without changing anything
    #[command(after_help = "Example:\n  onboard plan onboarding.json")]
    Plan(PlanArgs),
    /// Start an onboarding
    #[command(
        after_help = "Examples:\n  onboard start onboarding.json --wait\n  onboard start tokyo.json --document identity=id.png --document address=bill.pdf --document relationship=card.pdf"
    )]
    Start(StartArgs),
    /// Follow an execution live; after Ctrl-C the execution continues
    #[command(
        after_help = "Examples:\n  onboard watch                 the latest onboarding\n  onboard watch acme-support    the latest onboarding of this instance"
    )]
    Watch(WatchArgs),
    /// Show the status of an execution
    #[command(after_help = "Example:\n  onboard status acme-support --json")]
    Status(StatusArgs),
    /// Stop a running execution, and list the requests to AWS that remain open
    #[command(after_help = "Example:\n  onboard stop acme-support")]
    Stop(StopArgs),
    /// Print what the functions logged during an execution
    #[command(
        after_help = "Examples:\n  onboard logs acme-support\n  onboard logs acme-support --state CreateSamlProvider"
    )]
    Logs(LogsArgs),
    /// Print the address of a page of an onboarding and, on a terminal, open it in the browser
    #[command(after_help = "Examples:\n  onboard open acme-support\n  onboard open acme-support --page connect")]
    Open(OpenArgs),
    /// List executions and onboarded instances
    #[command(after_help = "Example:\n  onboard list --all")]
    List(ListArgs),
    /// Print the report of an onboarding, including one that failed at its end
    #[command(after_help = "Example:\n  onboard report acme-support --output report.json --html report.html")]
    Report(ReportArgs),
    /// Write the evidence about an onboarding to a directory, for an audit: access, approvals, leavers, sign-ins, drift,
    /// settings
    #[command(after_help = "Example:\n  onboard evidence acme-support --output acme-evidence")]
    Evidence(EvidenceArgs),
    /// Describe an onboarding as Terraform configuration with import blocks; nothing is changed
    #[command(after_help = "Example:\n  onboard export acme-support --format terraform --output acme-support.tf")]
    Export(ExportArgs),
    /// Synchronise Connect users with the Entra groups now
    #[command(
        after_help = "Examples:\n  onboard sync acme-support --wait\n  onboard sync acme-support --plan    changes nothing"
    )]
    Sync(SyncArgs),
    /// End all sessions of a Connect user immediately
    #[command(after_help = "Example:\n  onboard sign-out taro@example.com --instance acme-support")]
    SignOut(SignOutArgs),
    /// Approve changes to users that wait for approval, and apply exactly these changes
    #[command(after_help = "Example:\n  onboard approve acme-support --digest 1c5f…")]
    Approve(ApproveArgs),
    /// Reject changes to users that wait for approval; these users remain unchanged
    #[command(after_help = "Example:\n  onboard reject acme-support")]
    Reject(RejectArgs),
    /// Reprocess failed events
    #[command(
        after_help = "Examples:\n  onboard replay --count    only prints the number of failed events\n  onboard replay"
    )]
    Replay(ReplayArgs),
    /// Replace SAML signing certificates that expire soon
    #[command(after_help = "Example:\n  onboard rotate-certificate acme-support --force")]
    RotateCertificate(RotateArgs),
    /// Compare the configured resources with the input
    #[command(after_help = "Examples:\n  onboard drift\n  onboard drift acme-support --fix")]
    Drift(DriftArgs),
    /// Remove an onboarding: shows the plan; deletes only with --apply and after you type the alias
    #[command(
        after_help = "Examples:\n  onboard teardown acme-support\n  onboard teardown acme-support --users delete --application delete --apply"
    )]
    Teardown(TeardownArgs),
    /// Print or run the one-time setup in Entra that lets the stack authenticate
    #[command(
        after_help = "Examples:\n  onboard entra-setup                       prints a script to review and run\n  onboard entra-setup --run                 asks, then runs it; needs az and aws, signed in\n  onboard entra-setup --remove setup        removes the extensive permissions until the next onboarding"
    )]
    EntraSetup(EntraSetupArgs),
    /// Run a complete onboarding on this machine in a local cloud: no account, no cost
    #[command(
        after_help = "Examples:\n  onboard local --input onboarding.json\n  onboard local --keep    then: onboard list --local"
    )]
    Local(Box<LocalArgs>),
    /// Determine which reading of each local-cloud assumption is true in your account and tenant; removes all resources
    /// that the command creates
    #[command(
        after_help = "Examples:\n  onboard live-check --group \"Support agents\"    needs az and AWS credentials, signed in\n  onboard live-check --group \"Support agents\" --local"
    )]
    LiveCheck(LiveCheckArgs),
    /// Print the JSON Schema of onboarding.json, for editors, or of the output of --json
    #[command(after_help = "Examples:\n  onboard schema > onboarding.schema.json\n  onboard schema output")]
    Schema(SchemaArgs),
    /// Print the completion script for a shell
    #[command(after_help = "Example:\n  onboard completion bash > ~/.local/share/bash-completion/completions/onboard")]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages of all commands
    #[command(after_help = "Example:\n  onboard man ~/.local/share/man/man1    then: man onboard-start")]
    Man(ManArgs),
}

/// Arguments of `onboard man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder to which the pages are written
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Arguments of `onboard schema`.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Schema of the input, onboarding.json, or of the output of --json
    #[arg(value_enum, default_value = "input")]
    pub of: SchemaOf,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The file onboarding.json
    Input,
    /// The lines that --json prints
    Output,
}

/// Arguments of `onboard check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The file to validate, or - for standard input
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
}

/// Arguments of `onboard init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The file to write
    #[arg(default_value = "onboarding.json")]
    pub file: PathBuf,
    /// First label of the instance's URL, for example acme-support
    #[arg(long)]
    pub alias: Option<String>,
    /// An Entra group whose members become users: display name or object id; can be repeated
    #[arg(long, value_name = "GROUP")]
    pub group: Vec<String>,
    /// The Connect security profile of the group members; can be repeated [default: Agent]
    #[arg(long, value_name = "NAME")]
    pub security_profile: Vec<String>,
    /// A phone number to order: COUNTRY:TYPE or COUNTRY:TYPE:PREFIX, for example JP:DID:+813; can be repeated
    #[arg(long, value_name = "NUMBER")]
    pub phone_number: Vec<String>,
    /// The number of concurrent calls
    #[arg(long, value_name = "N")]
    pub concurrent_calls: Option<u32>,
    /// Language of notifications and of the report
    #[arg(long, value_enum)]
    pub language: Option<Lang>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{help_keys, translated};
    use clap::{Arg, CommandFactory};

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_description_and_an_example() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains(&format!("onboard {name}")), "{name}: {after}");
        }
    }

    fn japanese(text: &str) -> bool {
        text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
    }

    fn check(english: &clap::Command, translated: &clap::Command) {
        let name = translated.get_name();
        assert!(translated.get_about().is_some_and(|about| japanese(&about.to_string())), "{name}");
        if let Some(after) = translated.get_after_help() {
            assert!(japanese(&after.to_string()) && !after.to_string().contains("Example"), "{name}: {after}");
        }
        for arg in translated.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let only_a_name = help == "onboarding.json" || help.starts_with("onboarding.json [");
            assert!(japanese(&help) || only_a_name, "{name} {}: {help}", arg.get_id());
            let before = english.get_arguments().find(|one| one.get_id() == arg.get_id());
            assert_eq!(before.map(Arg::get_index), Some(arg.get_index()), "{name} {}", arg.get_id());
            let before = before.and_then(Arg::get_help).map(ToString::to_string).unwrap_or_default();
            for key in before.split('"').skip(1).step_by(2) {
                assert!(help.contains(&format!("\"{key}\"")), "{name} {}: {key} is missing in: {help}", arg.get_id());
            }
        }
        for (one, other) in english.get_subcommands().zip(translated.get_subcommands()) {
            if one.get_name() != "help" {
                check(one, other);
            }
        }
    }

    #[test]
    fn every_command_and_every_argument_has_its_help_in_japanese() {
        let mut english = Args::command();
        english.build();
        check(&english, &translated(Args::command()));
    }

    #[test]
    fn options_still_accept_their_earlier_names() {
        for option in ["--wait", "--watch"] {
            let args = Args::try_parse_from(["onboard", "start", option]);
            assert!(matches!(args, Ok(Args { command: Command::Start(StartArgs { wait: true, .. }), .. })), "{option}");
        }
        for option in ["--output", "--report"] {
            let args = Args::try_parse_from(["onboard", "local", option, "r.json"]);
            let Ok(Args { command: Command::Local(local), .. }) = args else { panic!("{option}: {args:?}") };
            assert_eq!(local.output, Some("r.json".into()), "{option}");
        }
    }

    #[test]
    fn drift_still_accepts_mend_for_fix() {
        for option in ["--fix", "--mend"] {
            let args = Args::try_parse_from(["onboard", "drift", "acme-support", option]);
            assert!(matches!(args, Ok(Args { command: Command::Drift(DriftArgs { fix: true, .. }), .. })), "{option}");
        }
    }

    #[test]
    fn every_japanese_help_text_belongs_to_an_existing_command_or_argument() {
        let mut command = Args::command();
        command.build();
        let mut known: Vec<String> = vec!["onboard".into()];
        for one in [&command].into_iter().chain(command.get_subcommands()) {
            known.push(one.get_name().to_owned());
            for arg in one.get_arguments() {
                let id = arg.get_id();
                known.extend([id.to_string(), format!("{}.{id}", one.get_name()), format!("target.{id}")]);
            }
        }
        for key in help_keys().filter(|key| *key != "subcommand") {
            assert!(known.iter().any(|name| name == key), "the help has no entry named {key}");
        }
    }
}
