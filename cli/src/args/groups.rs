//! The groups in which the help lists the commands, by purpose.

use clap::Command;

use crate::words::Words;

/// The groups of commands: the heading in English and Japanese, and the commands.
const GROUPS: [(&str, &str, &[&str]); 5] = [
    ("Set up", "セットアップ", &["doctor", "entra-setup", "deploy", "live-check"]),
    (
        "Onboard",
        "オンボーディング",
        &["init", "adopt", "check", "plan", "start", "watch", "status", "stop", "report", "open"],
    ),
    ("Daily operation", "日常の運用", &["list", "sync", "approve", "reject", "sign-out", "evidence", "export"]),
    ("Repair and removal", "修復と削除", &["logs", "drift", "rotate-certificate", "replay", "teardown"]),
    ("The tool", "ツール", &["local", "schema", "completion", "man", "help"]),
];

/// Changes the help of the program, so that it lists the commands in groups. The texts of `command` must already be in
/// the language of `words`.
#[must_use]
pub fn grouped(mut command: Command, words: Words) -> Command {
    // Makes clap add its command `help`, so that the help is also listed.
    command.build();
    let width = command.get_subcommands().map(|one| one.get_name().len()).max().unwrap_or_default();
    let line = |name: &&str| {
        let about = command.find_subcommand(name)?.get_about()?.to_string();
        Some(format!("  {name:width$}  {about}\n"))
    };
    let groups = GROUPS.iter().map(|(english, japanese, names)| {
        let lines: String = names.iter().filter_map(line).collect();
        format!("{}:\n{lines}\n", words.choose(english, japanese))
    });
    let usage = words.choose("Usage", "使用方法");
    let options = words.choose("Options", "オプション");
    let groups: String = groups.collect();
    command.help_template(format!(
        "{{about-with-newline}}\n{usage}: {{usage}}\n\n{groups}{options}:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{args::Args, words::translated};
    use clap::CommandFactory;

    #[test]
    fn every_command_is_in_exactly_one_group() {
        let mut command = Args::command();
        command.build();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, _, names)| names.iter().copied()).collect();
        let mut found: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let mut listed = grouped.clone();
        found.sort_unstable();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    #[test]
    fn the_help_lists_each_command_under_its_heading_and_all_options() {
        for (command, words) in [(Args::command(), Words::BOTH[0]), (translated(Args::command()), Words::BOTH[1])] {
            let help = grouped(command, words).render_long_help().to_string();
            for (english, japanese, names) in GROUPS {
                let heading = format!("\n{}:\n", words.choose(english, japanese));
                let after = help.split_once(&heading).map(|(_, after)| after).unwrap_or_default();
                let group = after.split("\n\n").next().unwrap_or_default();
                assert_eq!(group.lines().count(), names.len(), "{heading}{help}");
                assert!(group.starts_with(&format!("  {}", names[0])), "{heading}{help}");
            }
            for option in ["--json", "--no-input", "--lang", "--help", "--version"] {
                assert!(help.contains(option), "{option} is missing in {help}");
            }
        }
    }
}
