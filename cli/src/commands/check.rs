//! `onboard check`: validates an `onboarding.json` without calling any cloud service.

use serde_json::json;

use crate::{
    args::{CheckArgs, input},
    exit::Exit,
    ui::{Console, Tone},
    words::Lang,
};

/// Runs the command.
pub fn run(args: &CheckArgs, console: &Console) -> Exit {
    let words = console.words();
    let result = input::onboarding(&args.file);
    if console.is_json() {
        let problems: Vec<_> = result
            .as_ref()
            .err()
            .map(|bad| {
                bad.problems
                    .iter()
                    .map(|p| {
                        let message = if words.0 == Lang::Ja { &p.japanese } else { &p.message };
                        json!({"path": p.path, "message": message})
                    })
                    .collect()
            })
            .unwrap_or_default();
        console.result(&json!({"valid": result.is_ok(), "problems": problems}));
    }
    match result {
        Ok((_, onboarding)) => {
            if !console.is_json() {
                let groups = onboarding.users.groups.len();
                let groups = if groups == 1 { words.one_group() } else { words.groups(groups) };
                let text = words.input_valid(args.file.display(), &onboarding.instance.alias, groups);
                console.line(&console.paint(Tone::Good, &text));
            }
            Exit::Done
        }
        Err(bad) => {
            if !console.is_json() {
                console.error(&bad.message(words));
            }
            Exit::BadInput
        }
    }
}
