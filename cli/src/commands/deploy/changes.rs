//! Shows a change set. Resources that are replaced or removed are listed one by one, because their data can be lost.
//! All other resources are grouped by type.

use std::collections::BTreeMap;

use crate::{
    output::{Change, ChangeAction},
    ui::{Console, Tone},
    words::Words,
};

/// The resources of a group are listed by name if the group has at most this number of resources.
const NAMED: usize = 3;

/// Prints the changes of a change set.
pub(super) fn print(stack: &str, changes: &[Change], console: &Console) {
    let words = console.words();
    console.line(&console.paint(Tone::Strong, &words.changes_of(stack)));
    for (tone, line) in lines(changes, words) {
        console.line(&format!("  {}", console.paint(tone, &line)));
    }
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    console.line(&words.change_counts(
        count(ChangeAction::Add),
        count(ChangeAction::Change),
        count(ChangeAction::MayReplace),
        count(ChangeAction::Replace),
        count(ChangeAction::Remove),
    ));
}

fn lines(changes: &[Change], words: Words) -> Vec<(Tone, String)> {
    let mut groups: BTreeMap<(ChangeAction, &str, String), Vec<&str>> = BTreeMap::new();
    let mut single: Vec<&Change> = Vec::new();
    for change in changes {
        if matches!(change.action, ChangeAction::Replace | ChangeAction::Remove) {
            single.push(change);
        } else {
            let group = (change.action, change.kind.as_str(), change.properties.join(", "));
            groups.entry(group).or_default().push(&change.resource);
        }
    }
    let grouped = groups.into_iter().map(|((action, kind, properties), names)| {
        let names = if names.len() <= NAMED { names.join(", ") } else { words.resources(names.len()) };
        match action {
            ChangeAction::Add => (Tone::Good, format!("+ {kind}: {names}")),
            ChangeAction::MayReplace => (Tone::Warn, words.may_be_replaced(kind, names, properties)),
            _ => (Tone::Plain, format!("~ {kind}: {names} – {properties}")),
        }
    });
    single.sort_by_key(|change| change.action);
    let single = single.into_iter().map(|change| {
        let object = match &change.id {
            Some(id) => format!("{} {} ({id})", change.kind, change.resource),
            None => format!("{} {}", change.kind, change.resource),
        };
        let keeps = change.policy.as_deref().is_some_and(|policy| policy.contains("Retain") || policy == "Snapshot");
        let old = if keeps { words.old_resource_stays() } else { words.old_resource_is_deleted() };
        let line = match change.action {
            ChangeAction::Replace => words.is_replaced(object, change.properties.join(", "), old),
            _ => words.is_removed(object, old),
        };
        (Tone::Bad, line)
    });
    grouped.chain(single).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: ChangeAction, kind: &str, resource: &str, properties: &[&str]) -> Change {
        Change {
            action,
            resource: resource.into(),
            kind: kind.into(),
            id: (action != ChangeAction::Add).then(|| format!("{resource}-1")),
            properties: properties.iter().map(|one| (*one).to_owned()).collect(),
            policy: None,
        }
    }

    #[test]
    fn replacements_and_removals_are_listed_one_by_one_after_the_groups() {
        let function = |name: &str| change(ChangeAction::Change, "Function", name, &["Code"]);
        let mut table = change(ChangeAction::Replace, "Table", "Registry", &["KeySchema"]);
        table.policy = Some("ReplaceAndRetain".into());
        let changes = [
            change(ChangeAction::Remove, "Queue", "Old", &[]),
            table,
            change(ChangeAction::MayReplace, "Url", "Url", &["Name"]),
            function("A"),
            function("B"),
            function("C"),
            function("D"),
            change(ChangeAction::Change, "Function", "E", &["Code", "Timeout"]),
            change(ChangeAction::Add, "Topic", "Transition", &[]),
        ];
        let expected = [
            (Tone::Good, "+ Topic: Transition"),
            (Tone::Plain, "~ Function: 4 resources – Code"),
            (Tone::Plain, "~ Function: E – Code, Timeout"),
            (Tone::Warn, "! may be replaced: Url: Url – Name"),
            (Tone::Bad, "! REPLACED: Table Registry (Registry-1) – KeySchema; the old resource and its data are kept"),
            (Tone::Bad, "! REMOVED: Queue Old (Old-1); the resource and its data are deleted"),
        ];
        let lines = lines(&changes, Words::default());
        let lines: Vec<_> = lines.iter().map(|(tone, line)| (*tone, line.as_str())).collect();
        assert_eq!(lines, expected);
    }
}
