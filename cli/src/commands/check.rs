//! `onboard check`: validates an `onboarding.json` without calling any cloud service.

use crate::{
    args::{CheckArgs, input},
    commands::print_faults,
    exit::Exit,
    output::Validation,
    ui::{Console, Tone},
};

/// Runs the command.
pub fn run(args: &CheckArgs, console: &Console) -> Exit {
    let words = console.words();
    let result = input::onboarding(&args.file);
    if console.is_json() {
        let problems = result.as_ref().err().map(|bad| bad.output(words)).unwrap_or_default();
        console.result(&Validation { valid: result.is_ok(), problems });
    }
    match result {
        Ok((_, onboarding)) => {
            let groups = onboarding.users.groups.len();
            let groups = if groups == 1 { words.one_group() } else { words.groups(groups) };
            let text = words.input_valid(args.file.display(), &onboarding.instance.alias, groups);
            console.line(&console.paint(Tone::Good, &text));
            Exit::Done
        }
        Err(bad) => {
            print_faults(console, &bad);
            Exit::BadInput
        }
    }
}
