//! Arguments of `onboard local`.

use std::path::PathBuf;

use local_cloud::stand_in::assumptions;

use super::entra::CredentialArg;

/// The value of `--assume` that lists all assumptions.
pub const HELP: &str = "help";

/// Options of a local run.
#[derive(Debug, clap::Args)]
pub struct LocalArgs {
    /// The onboarding.json to run, or - for standard input [default: examples/smallest.json]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The Entra tenant's groups and members, in the JSON format of Microsoft Graph: {"groups": [{"displayName",
    /// "members": […]}]}
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub tenant: Option<PathBuf>,
    /// Number of users in the generated tenant, distributed over the groups that the input specifies
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub users: u32,
    /// Fault rules to apply: [{"service", "caller", "match", "after", "times", "status", "code", "message",
    /// "retryAfter", "errorCodes", "delayMs", "answerDelayMs", "truncate", "break", "kill"}]
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Emulate the other reading of this assumption (repeatable); `all` selects all assumptions, `help` lists them
    #[arg(long, value_name = "NAME", value_parser = assumption)]
    pub assume: Vec<String>,
    /// Record every API call from the functions to the clouds in this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Write every JSONata expression that the state machines evaluate, with its values and its result, one JSON object
    /// per line
    #[arg(long, value_name = "FILE")]
    pub record_expressions: Option<PathBuf>,
    /// Write all resources that exist in the local cloud at the end, as JSON
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Write the onboarding's report as JSON
    #[arg(long, alias = "report", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the onboarding's report as an HTML page without external content
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Run the same onboarding a second time in the same cloud; the second run must change nothing
    #[arg(long)]
    pub again: bool,
    /// Keep the local cloud running until Ctrl-C, so that other commands can use it with `--local`
    #[arg(long)]
    pub keep: bool,
    /// Deploy the stack without starting an onboarding
    #[arg(long, requires = "keep", conflicts_with_all = ["again", "output", "html"])]
    pub idle: bool,
    /// Credential with which the functions authenticate to Microsoft Graph
    #[arg(long, value_enum, value_name = "KIND", default_value_t = CredentialArg::Keyless)]
    pub credential: CredentialArg,
    /// Use Amazon Connect's real API rates (2 requests per second, burst 5) instead of higher rates
    #[arg(long)]
    pub real_rates: bool,
    /// Emulate a new AWS account, which has 10 concurrent executions of functions and can reserve none
    #[arg(long)]
    pub fresh_account: bool,
    /// Number of seconds that one second of the real cloud takes in the local cloud
    #[arg(long, value_name = "FACTOR", default_value_t = 0.002, value_parser = factor)]
    pub clock_scale: f64,
    /// The built binary of the functions; without this option, the command builds the binary
    #[arg(long, value_name = "FILE", hide = true, env = "ONBOARD_BOOTSTRAP")]
    pub bootstrap: Option<PathBuf>,
}

fn assumption(name: &str) -> Result<String, String> {
    if name != HELP {
        assumptions::named(&[name])?;
    }
    Ok(name.to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1.0 => Ok(factor),
        _ => {
            Err("must be a number above 0 and at most 1, for example 0.01 for a hundred times faster than real time"
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    #[test]
    fn a_clock_factor_must_be_above_0_and_at_most_1() {
        for text in ["0", "-1", "2", "NaN", "fast"] {
            assert!(factor(text).is_err(), "{text}");
        }
        assert_eq!(factor("0.01"), Ok(0.01));
    }

    #[test]
    fn an_unknown_assumption_is_rejected_with_the_list_of_known_ones() {
        let refused = Args::try_parse_from(["onboard", "local", "--assume", "nonsense"]);
        let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("nonsense") && refused.contains("rate-bucket"), "{refused}");
        assert!(Args::try_parse_from(["onboard", "local", "--assume", "rate-bucket", "--assume", "all"]).is_ok());
    }

    #[test]
    fn a_tenant_file_and_a_number_of_users_exclude_each_other() {
        assert!(Args::try_parse_from(["onboard", "local", "--tenant", "t.json", "--users", "3"]).is_err());
        assert!(Args::try_parse_from(["onboard", "local", "--tenant", "t.json"]).is_ok());
    }
}
