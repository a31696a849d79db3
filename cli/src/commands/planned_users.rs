//! Prints the users in a plan. For each value that a user gets, the groups that determine the value are printed.

use onboarding_core::{
    contract::Action,
    sync::{GroupValue, PlannedUser},
    text::Quoted,
};

use crate::ui::{Console, Tone};

/// Prints the users. Users with the same action and the same values are printed together.
pub(super) fn print(users: &[PlannedUser], console: &Console) {
    let words = console.words();
    if users.is_empty() {
        return;
    }
    console.line(&console.paint(Tone::Strong, &words.planned_users()));
    let mut blocks: Vec<(&PlannedUser, Vec<&str>)> = Vec::new();
    for user in users {
        let same = blocks.iter_mut().find(|(first, _)| (first.action, &first.values) == (user.action, &user.values));
        match same {
            Some((_, names)) => names.push(&user.username),
            None => blocks.push((user, vec![&user.username])),
        }
    }
    for (PlannedUser { action, values, .. }, names) in blocks {
        let (tone, mark, action) = match action {
            Action::Create => (Tone::Good, "+", "create"),
            Action::Adopt => (Tone::Good, "=", "adopt"),
            _ => (Tone::Warn, "~", "change"),
        };
        console.line(&format!("  {} {}: {}", console.paint(tone, mark), words.action(action), names.join(", ")));
        for GroupValue { setting, channel, value, groups } in values {
            let channel = channel.map_or_else(String::new, |channel| format!("{} ", channel.name()));
            let groups: Vec<String> = groups.iter().map(|group| Quoted(group).to_string()).collect();
            let value = words.value_from(words.setting(*setting), value, groups.join(words.choose(", ", "、")));
            console.line(&format!("      {channel}{value}"));
        }
    }
}
