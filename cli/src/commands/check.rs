//! `onboard check`: validates an `onboarding.json` without calling any cloud service.

use onboarding_core::parse::Problem;

use crate::{
    args::{CheckArgs, input},
    exit::Exit,
    output::{InputProblem, Validation},
    ui::{Console, Tone},
    words::Lang,
};

/// Runs the command.
pub fn run(args: &CheckArgs, console: &Console) -> Exit {
    let words = console.words();
    let result = input::onboarding(&args.file);
    if console.is_json() {
        let problem = |problem: &Problem| InputProblem {
            path: problem.path.clone(),
            message: if words.0 == Lang::Ja { &problem.japanese } else { &problem.message }.clone(),
        };
        let problems = result.as_ref().err().map_or_else(Vec::new, |bad| bad.problems.iter().map(problem).collect());
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
            console.error(&bad.message(words));
            Exit::BadInput
        }
    }
}
