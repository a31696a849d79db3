//! Completes the `onboard` commands in messages, so that the operator can paste them into a shell. A complete command
//! contains the program name as the operator typed it, and the options that select AWS or the local cloud.
//!
//! In a message, a command is in backquotes and starts with the name `onboard`.

use std::collections::BTreeMap;

use clap::{ArgMatches, CommandFactory, parser::ValueSource};

use super::Args;
use crate::words::quoted;

/// Environment variable that `cargo onboard` sets to the command that the operator typed.
pub const CALLED_AS: &str = "ONBOARD_CALLED_AS";
/// The name of the program in messages.
const NAME: &str = "onboard";
/// The options that select AWS or the local cloud, and the stack.
const OPTIONS: [&str; 4] = ["local", "profile", "region", "stack"];

/// The program name and the options that are inserted into the commands in messages.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    program: String,
    /// Those options of [`OPTIONS`] that the operator specified: the name of each option, and its text on the command
    /// line.
    specified: Vec<(&'static str, String)>,
    /// For each command, those options of [`OPTIONS`] that it accepts.
    accepted: BTreeMap<String, Vec<&'static str>>,
}

impl Hints {
    /// Creates the hints for a program that was started with the name `program` and with these arguments.
    #[must_use]
    pub fn new(program: String, arguments: Option<&ArgMatches>) -> Self {
        let arguments = arguments.and_then(ArgMatches::subcommand).map(|(_, arguments)| arguments);
        let specified = |name: &'static str| {
            let arguments = arguments?;
            // If the command does not have this option, `try_get_one` returns an error.
            if name == "local" {
                let local = arguments.try_get_one::<bool>(name).ok().flatten()?;
                return local.then(|| (name, " --local".to_owned()));
            }
            let value = arguments.try_get_one::<String>(name).ok().flatten()?;
            (arguments.value_source(name) == Some(ValueSource::CommandLine))
                .then(|| (name, format!(" --{name} {}", quoted(value))))
        };
        let definition = Args::command();
        let accepted = definition.get_subcommands().map(|command| {
            let accepts = |name: &&str| command.get_arguments().any(|argument| argument.get_id() == *name);
            (command.get_name().to_owned(), OPTIONS.into_iter().filter(accepts).collect())
        });
        Self { program, specified: OPTIONS.into_iter().filter_map(specified).collect(), accepted: accepted.collect() }
    }

    /// The program name with which the operator started this process.
    #[must_use]
    pub fn program_of_this_process() -> String {
        std::env::var(CALLED_AS)
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| std::env::args().next().map_or_else(|| NAME.to_owned(), |program| quoted(&program)))
    }

    /// Completes the `onboard` commands in a message.
    #[must_use]
    pub fn complete(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split('`').collect();
        let last = parts.len() - 1;
        let complete = |(index, part): (usize, &&str)| {
            // Parts with an odd index are between two backquotes, so they are code. If the last part has an odd index,
            // it has no closing backquote, so it is not code.
            let command = (index % 2 == 1 && index < last).then(|| part.strip_prefix(NAME)).flatten();
            command.and_then(|rest| self.command(rest)).unwrap_or_else(|| (*part).to_owned())
        };
        parts.iter().enumerate().map(complete).collect::<Vec<_>>().join("`")
    }

    /// Returns the complete form of a command from a message. `rest` is the text of the command after `onboard`, so a
    /// space precedes each argument. Returns `None` if no command has this name.
    fn command(&self, rest: &str) -> Option<String> {
        let name = rest.strip_prefix(' ')?.split(' ').next()?;
        let accepted = self.accepted.get(name)?;
        let mut command = format!("{}{rest}", self.program);
        for (option, text) in &self.specified {
            if accepted.contains(option) && !rest.contains(&format!(" --{option}")) {
                command += text;
            }
        }
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(program: &str, arguments: &[&str]) -> Hints {
        let all = ["onboard"].iter().chain(arguments);
        Hints::new(program.into(), Args::command().try_get_matches_from(all).ok().as_ref())
    }

    #[test]
    fn commands_repeat_the_program_and_the_options_that_select_the_cloud() {
        let hints = hints("cargo onboard", &["list", "--profile", "My profile", "--stack-name", "s"]);
        let text = "Start one: `onboard start a.json`, then `onboard watch`.";
        assert_eq!(
            hints.complete(text),
            "Start one: `cargo onboard start a.json --profile 'My profile' --stack s`, \
             then `cargo onboard watch --profile 'My profile' --stack s`."
        );
    }

    #[test]
    fn a_command_gets_only_options_that_it_accepts_and_each_option_once() {
        let hints = hints("onboard", &["doctor", "--region", "eu-west-1", "--stack", "s"]);
        assert_eq!(hints.complete("`onboard check a.json`"), "`onboard check a.json`");
        assert_eq!(
            hints.complete("`onboard live-check --group A --region x`"),
            "`onboard live-check --group A --region x --stack s`"
        );
        assert_eq!(hints.complete("`onboard drift --fix`"), "`onboard drift --fix --region eu-west-1 --stack s`");
    }

    #[test]
    fn other_code_and_other_text_stay_unchanged() {
        let hints = hints("./onboard", &["list", "--local"]);
        for text in
            ["`users.username`", "onboard list", "`onboard-list`", "an open ` onboard list", "`onboard nothing`"]
        {
            assert_eq!(hints.complete(text), text);
        }
        assert_eq!(hints.complete("`onboard list`"), "`./onboard list --local`");
    }
}
