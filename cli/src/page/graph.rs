//! The shape of a state machine as a person sees it: the states that do something, in their order, in lanes.
//!
//! Choices, waits and passes are how a machine says "look again later"; a picture with them in it shows loops and hides
//! the work. Here a loop is one state, and a `Parallel` is lanes side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A machine's states in the order in which they can run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// One row for each state that does something.
    pub rows: Vec<Row>,
    /// The ways between rows.
    pub ways: Vec<Way>,
    /// Each wait and the task that looks again after it.
    waits: BTreeMap<String, String>,
}

/// A state in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The state's name.
    pub state: String,
    /// Its lane, counted from 0.
    pub lane: usize,
}

/// A way from one row to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Index of the row that it leaves.
    pub from: usize,
    /// Index of the row that it leads to.
    pub to: usize,
}

impl Graph {
    /// Reads a definition (Amazon States Language).
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let mut graph = Self::default();
        graph.level(definition, 0, Vec::new());
        graph
    }

    /// How many lanes there are.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.rows.iter().map(|row| row.lane + 1).max().unwrap_or(0)
    }

    /// The task that looks again after this wait.
    #[must_use]
    pub fn task_after(&self, wait: &str) -> Option<&str> {
        self.waits.get(wait).map(String::as_str)
    }

    /// Adds the states of a level and gives the rows in which it ends.
    fn level(&mut self, level: &Value, lane: usize, mut open: Vec<usize>) -> Vec<usize> {
        for name in in_order(level) {
            let state = &level["States"][name];
            match state["Type"].as_str().unwrap_or_default() {
                "Task" => {
                    let row = self.rows.len();
                    self.rows.push(Row { state: name.to_owned(), lane });
                    self.ways.extend(open.iter().map(|from| Way { from: *from, to: row }));
                    open = vec![row];
                }
                "Parallel" => {
                    let mut lane = lane;
                    let mut ends = Vec::new();
                    for branch in state["Branches"].as_array().into_iter().flatten() {
                        let first = self.rows.len();
                        ends.extend(self.level(branch, lane, open.clone()));
                        lane = self.rows[first..].iter().map(|row| row.lane + 1).max().unwrap_or(lane);
                    }
                    ends.dedup();
                    open = ends;
                }
                "Map" => open = self.level(&state["ItemProcessor"], lane, open),
                "Wait" => {
                    if let Some(task) = state["Next"].as_str() {
                        self.waits.insert(name.to_owned(), task.to_owned());
                    }
                }
                _ => {}
            }
        }
        open
    }
}

/// The states of a level, each after those that lead to it; ways back to an earlier state don't count.
fn in_order(level: &Value) -> Vec<&str> {
    fn visit<'a>(level: &'a Value, name: &'a str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<&'a str>) {
        if !level["States"][name].is_object() || !seen.insert(name) {
            return;
        }
        let state = &level["States"][name];
        let exits = [&state["Catch"], &state["Choices"]].into_iter().filter_map(Value::as_array).flatten();
        let next = exits.map(|exit| &exit["Next"]).chain([&state["Default"], &state["Next"]]);
        for next in next.filter_map(Value::as_str) {
            visit(level, next, seen, order);
        }
        order.push(name);
    }
    let mut order = Vec::new();
    visit(level, level["StartAt"].as_str().unwrap_or_default(), &mut BTreeSet::new(), &mut order);
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(graph: &Graph) -> Vec<(&str, usize)> {
        graph.rows.iter().map(|row| (row.state.as_str(), row.lane)).collect()
    }

    #[test]
    fn a_state_that_some_executions_skip_stands_before_the_one_that_all_reach() {
        let graph = Graph::read(&json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Next": "Needed"},
            "Needed": {"Type": "Choice", "Choices": [{"Next": "C"}], "Default": "B"},
            "B": {"Type": "Task", "Next": "C", "Catch": [{"Next": "C"}]},
            "C": {"Type": "Task", "End": true}
        }}));
        assert_eq!(names(&graph), [("A", 0), ("B", 0), ("C", 0)]);
    }

    #[test]
    fn branches_lie_side_by_side_and_meet_again_behind() {
        let task = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Task", "End": true}}});
        let inner = json!({"StartAt": "Inner", "States": {
            "Inner": {"Type": "Parallel", "Branches": [task("Quotas"), task("Numbers")], "End": true}
        }});
        let graph = Graph::read(&json!({"StartAt": "First", "States": {
            "First": {"Type": "Task", "Next": "Both"},
            "Both": {"Type": "Parallel", "Branches": [inner, task("SignOn")], "Next": "Last"},
            "Last": {"Type": "Task", "End": true}
        }}));
        assert_eq!(names(&graph), [("First", 0), ("Quotas", 0), ("Numbers", 1), ("SignOn", 2), ("Last", 0)]);
        let ways: Vec<(usize, usize)> = graph.ways.iter().map(|way| (way.from, way.to)).collect();
        assert_eq!(ways, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)]);
    }

    #[test]
    fn the_onboarding_is_drawn_from_its_check_to_its_report() {
        let definition = include_str!("../../../statemachine/onboarding.asl.json");
        let graph = Graph::read(&serde_json::from_str(definition).unwrap_or_default());
        assert_eq!(graph.rows.first().map(|row| row.state.as_str()), Some("Preflight"));
        assert_eq!(graph.task_after("WaitForInstance"), Some("CreateInstance"));
        let place = |name: &str| graph.rows.iter().position(|row| row.state == name);
        assert!(place("SyncUsers") < place("VerifySignIn") && place("VerifySignIn") < place("Report"));
        assert_eq!(graph.lanes(), 3, "quotas, numbers and single sign-on");
    }
}
