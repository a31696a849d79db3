//! Reads a state machine definition: the states, their order, types and successors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A state with its nested states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Name of the state.
    pub name: String,
    /// State type in Amazon States Language.
    pub kind: String,
    /// Whether an execution can reach the state without a caught error.
    pub regular: bool,
    /// Whether each execution without a caught error passes through the state. For a state in a branch of another
    /// state: whether each run of this branch does.
    pub certain: bool,
    /// The branches of a `Parallel` state, or the single branch of a `Map` state.
    pub branches: Vec<Vec<Node>>,
}

/// A state machine, as read from its definition.
#[derive(Debug, Default)]
pub struct Machine {
    /// The states in workflow order.
    pub nodes: Vec<Node>,
    kinds: BTreeMap<String, String>,
    /// For each state inside a `Parallel` or `Map` state, the name of the innermost such state.
    around: BTreeMap<String, String>,
    /// The successors of each state.
    after: BTreeMap<String, Vec<String>>,
    /// The duration, in seconds, of each `Wait` state that has a fixed duration.
    seconds: BTreeMap<String, u64>,
    /// For each state, the errors that the state's `Catch` field lists by name.
    expected: BTreeMap<String, Vec<String>>,
}

impl Machine {
    /// Reads a definition in Amazon States Language. The placeholders for ARNs must already have been replaced.
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let mut machine = Self::default();
        machine.nodes = machine.collect(definition, None);
        machine
    }

    fn collect(&mut self, level: &Value, around: Option<&str>) -> Vec<Node> {
        let Some(states) = level["States"].as_object() else { return Vec::new() };
        for (name, state) in states {
            let kind = state["Type"].as_str().unwrap_or_default();
            self.kinds.insert(name.clone(), kind.to_owned());
            if let Some(seconds) = state["Seconds"].as_u64() {
                self.seconds.insert(name.clone(), seconds);
            }
            let catches = state["Catch"].as_array().into_iter().flatten();
            let named = catches.filter_map(|catch| catch["ErrorEquals"].as_array()).flatten().filter_map(Value::as_str);
            let named: Vec<String> = named.map(ToOwned::to_owned).collect();
            self.expected.insert(name.clone(), named);
            if let Some(around) = around {
                self.around.insert(name.clone(), around.to_owned());
            }
            for next in regular(state).into_iter().chain(caught(state)) {
                self.after.entry(name.clone()).or_default().push(next.to_owned());
            }
        }
        let regular = order(level, false);
        let all = order(level, true).into_iter().chain(states.keys().map(String::as_str));
        let mut names: Vec<&str> = Vec::new();
        for name in regular.iter().copied().chain(all) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let node = |name: &str| {
            let state = &states[name];
            let branches = state["Branches"].as_array().into_iter().flatten().chain([&state["ItemProcessor"]]);
            Node {
                name: name.to_owned(),
                kind: state["Type"].as_str().unwrap_or_default().to_owned(),
                regular: regular.contains(&name),
                certain: !ends_without(level, name),
                branches: branches
                    .filter(|branch| !branch.is_null())
                    .map(|branch| self.collect(branch, Some(name)))
                    .collect(),
            }
        };
        names.into_iter().filter(|name| states.contains_key(*name)).map(node).collect()
    }

    /// Whether the state has the type `kind`.
    #[must_use]
    pub fn is(&self, state: &str, kind: &str) -> bool {
        self.kinds.get(state).is_some_and(|known| known == kind)
    }

    /// Whether the `Parallel` or `Map` state `outer` contains the state, directly or in a nested state.
    #[must_use]
    pub fn is_within(&self, state: &str, outer: &str) -> bool {
        let around = self.around.get(state);
        around.is_some_and(|around| around == outer || self.is_within(around, outer))
    }

    /// Whether a `Map` state contains the state, directly or in a nested state. If so, the state can run once for each
    /// item of the `Map` state.
    #[must_use]
    pub fn is_inside_map(&self, state: &str) -> bool {
        let around = self.around.get(state);
        around.is_some_and(|around| self.is(around, "Map") || self.is_inside_map(around))
    }

    /// Whether the state's `Catch` field lists this error by its name. `States.ALL` is not sufficient.
    #[must_use]
    pub fn catches(&self, state: &str, error: &str) -> bool {
        self.expected.get(state).is_some_and(|expected| expected.iter().any(|name| name == error))
    }

    /// The fixed duration of a `Wait` state in seconds, if it has one.
    #[must_use]
    pub fn seconds(&self, wait: &str) -> Option<u64> {
        self.seconds.get(wait).copied()
    }

    /// The first successor of a state.
    #[must_use]
    pub fn next(&self, state: &str) -> Option<&str> {
        self.after.get(state).and_then(|next| next.first()).map(String::as_str)
    }
}

/// The states that can follow if no error occurs.
fn regular(state: &Value) -> Vec<&str> {
    let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
    [&state["Next"]].into_iter().chain(choices).chain([&state["Default"]]).filter_map(Value::as_str).collect()
}

/// The states that follow if an error is caught.
fn caught(state: &Value) -> Vec<&str> {
    state["Catch"].as_array().into_iter().flatten().filter_map(|catch| catch["Next"].as_str()).collect()
}

/// Whether a level can finish successfully without passing through the state `without`. A level is the state machine,
/// or one branch of a `Parallel` or `Map` state.
fn ends_without(level: &Value, without: &str) -> bool {
    let (mut open, mut seen) = (vec![level["StartAt"].as_str().unwrap_or_default()], BTreeSet::new());
    while let Some(name) = open.pop() {
        if name == without || !seen.insert(name) {
            continue;
        }
        let state = &level["States"][name];
        if state["End"] == true || state["Type"] == "Succeed" {
            return true;
        }
        open.extend(regular(state));
    }
    false
}

/// The states of a level (the state machine, or one branch) in an order in which each state is before its successors,
/// except for connections back to an earlier state. If `with_errors` is true, the states that follow caught errors are
/// included.
fn order(level: &Value, with_errors: bool) -> Vec<&str> {
    fn visit<'l>(
        states: &'l Value,
        name: &'l str,
        with_errors: bool,
        seen: &mut BTreeSet<&'l str>,
        last: &mut Vec<&'l str>,
    ) {
        if !seen.insert(name) {
            return;
        }
        let state = &states[name];
        // The list is reversed at the end, so a state that is visited early is late in the result. The states after a
        // caught error are visited first, so that they come after all other states. The last successor of a state often
        // starts a loop back to an earlier state. This successor is visited last, so that it comes directly after the
        // state.
        if with_errors {
            caught(state).into_iter().for_each(|next| visit(states, next, with_errors, seen, last));
        }
        for next in regular(state) {
            visit(states, next, with_errors, seen, last);
        }
        last.push(name);
    }
    let mut names = Vec::new();
    if let Some(start) = level["StartAt"].as_str() {
        visit(&level["States"], start, with_errors, &mut BTreeSet::new(), &mut names);
    }
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn onboarding() -> Machine {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../statemachine/onboarding.asl.json");
        Machine::read(&serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
    }

    #[test]
    fn states_are_listed_in_workflow_order() {
        let machine = onboarding();
        let tasks: Vec<&str> = machine
            .nodes
            .iter()
            .filter(|node| ["Task", "Parallel"].contains(&node.kind.as_str()))
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(
            tasks[..7],
            [
                "Preflight",
                "InstanceQuota",
                "LockAlias",
                "CreateInstance",
                "NoteInstance",
                "ConfigureInstance",
                "TelephonyAndSignOn"
            ]
        );
        let place = |name: &str| tasks.iter().position(|task| *task == name).unwrap();
        assert!(place("TelephonyAndSignOn") < place("Report") && place("Report") < place("NotifyReport"), "{tasks:?}");
    }

    #[test]
    fn states_after_a_caught_error_are_not_regular() {
        let machine = onboarding();
        let both = machine.nodes.iter().find(|node| node.name == "TelephonyAndSignOn").unwrap();
        let telephony = &both.branches[0][0];
        let find = |name: &str| telephony.branches.iter().flatten().find(|node| node.name == name).unwrap();
        assert!(find("OrderNumbers").regular && !find("NumbersFailed").regular);
    }

    #[test]
    fn states_that_can_be_skipped_are_not_certain() {
        let machine = onboarding();
        let both = machine.nodes.iter().find(|node| node.name == "TelephonyAndSignOn").unwrap();
        let certain = |nodes: &[Node], name: &str| nodes.iter().find(|node| node.name == name).unwrap().certain;
        assert!(certain(&machine.nodes, "Report") && certain(&both.branches[1], "VerifySignIn"));
        let telephony = &both.branches[0].iter().find(|node| node.name == "Telephony").unwrap();
        let numbers = telephony.branches.iter().find(|branch| branch.iter().any(|node| node.name == "OrderNumbers"));
        assert!(!certain(numbers.unwrap(), "OrderNumbers"), "there may be no numbers to order");
    }

    #[test]
    fn nested_states_are_within_all_containing_states() {
        let machine = onboarding();
        assert!(
            machine.is_within("OrderNumbers", "Telephony") && machine.is_within("OrderNumbers", "TelephonyAndSignOn")
        );
        assert!(!machine.is_within("VerifySignIn", "Telephony") && !machine.is_within("Telephony", "Telephony"));
        assert_eq!(machine.next("WaitForNumbers"), Some("OrderNumbers"));
    }
}
