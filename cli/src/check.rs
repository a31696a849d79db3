//! `onboard check`: is this `onboarding.json` usable? No cloud is asked.

use serde_json::json;

use crate::{
    args::CheckArgs,
    console::{Console, Tone},
    exit::Exit,
    input,
};

/// Runs the command.
pub fn run(args: &CheckArgs, console: &Console) -> Exit {
    let result = input::onboarding(&args.file);
    if console.is_json() {
        let problems: Vec<_> = result
            .as_ref()
            .err()
            .map(|bad| bad.problems.iter().map(|p| json!({"path": p.path, "message": p.message})).collect())
            .unwrap_or_default();
        console.result(&json!({"valid": result.is_ok(), "problems": problems}));
    }
    match result {
        Ok((_, onboarding)) => {
            if !console.is_json() {
                let groups = onboarding.users.groups.len();
                let groups = if groups == 1 { "1 group".to_owned() } else { format!("{groups} groups") };
                let text =
                    format!("{} is usable: instance {}, {groups}.", args.file.display(), onboarding.instance.alias);
                console.line(&console.paint(Tone::Good, &text));
            }
            Exit::Done
        }
        Err(bad) => {
            if !console.is_json() {
                console.error(&bad.to_string());
            }
            Exit::BadInput
        }
    }
}
