//! Simplifies a state machine for display. The graph contains only the states that do work (tasks), in workflow order.
//! The states of parallel branches are in separate columns of the drawing, which are called lanes.
//!
//! `Choice`, `Wait` and `Pass` states implement polling loops, and would distract from the actual work. A polling loop
//! is therefore drawn as one state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The tasks of a state machine, in the order in which they can run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// One row for each task.
    pub rows: Vec<Row>,
    /// The connections between rows.
    pub ways: Vec<Way>,
    /// For each `Wait` state, the task that follows it.
    waits: BTreeMap<String, String>,
}

/// A state in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the state.
    pub state: String,
    /// Lane number, starting at 0.
    pub lane: usize,
}

/// A connection from one row to a later row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Index of the row at which the connection starts.
    pub from: usize,
    /// Index of the row at which the connection ends.
    pub to: usize,
}

impl Graph {
    /// Reads a state machine definition in Amazon States Language.
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let mut graph = Self::default();
        graph.level(definition, 0, Vec::new());
        graph
    }

    /// Number of lanes that the drawing needs.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.rows.iter().map(|row| row.lane + 1).max().unwrap_or(0)
    }

    /// A copy of the graph with only the states for which `kept` returns true. If the path from one kept state to
    /// another kept state contains only removed states, the two kept states are connected directly.
    #[must_use]
    pub fn only(&self, kept: impl Fn(&str) -> bool) -> Self {
        let mut graph = Self { waits: self.waits.clone(), ..Self::default() };
        // For each row of this graph, the rows of the new graph from which connections to the next rows start: the row
        // itself if it is kept, or else the last kept rows before it. A connection always leads to a later row, so all
        // connections to a row are known when the loop reaches this row.
        let mut ends: Vec<BTreeSet<usize>> = Vec::new();
        // For each row of the new graph, all rows from which a path leads to it. A connection is omitted if a longer
        // path already connects the two rows, for example through another branch of a `Parallel` state.
        let mut before: Vec<BTreeSet<usize>> = Vec::new();
        let lanes: BTreeSet<usize> = self.rows.iter().filter(|row| kept(&row.state)).map(|row| row.lane).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let incoming = self.ways.iter().filter(|way| way.to == index);
            let sources: BTreeSet<usize> = incoming.flat_map(|way| ends[way.from].clone()).collect();
            if !kept(&row.state) {
                ends.push(sources);
                continue;
            }
            let to = graph.rows.len();
            let nearest = sources.iter().filter(|from| !sources.iter().any(|other| before[*other].contains(from)));
            graph.ways.extend(nearest.map(|from| Way { from: *from, to }));
            before.push(sources.iter().flat_map(|from| before[*from].clone().into_iter().chain([*from])).collect());
            graph.rows.push(Row { state: row.state.clone(), lane: lanes.range(..row.lane).count() });
            ends.push(BTreeSet::from([to]));
        }
        graph
    }

    /// The task that follows this `Wait` state.
    #[must_use]
    pub fn task_after(&self, wait: &str) -> Option<&str> {
        self.waits.get(wait).map(String::as_str)
    }

    /// Adds the states of one level (the state machine, or one branch), and connects the first of them to the rows in
    /// `open`. Returns the rows of the last states of the level, from which a connection to the next state must start.
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

/// The states of a level (the state machine, or one branch) in an order in which each state is before its successors.
/// Connections back to an earlier state are ignored.
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
    use crate::words::labels::Labels;
    use onboarding_core::onboarding::Language;
    use serde_json::json;

    fn names(graph: &Graph) -> Vec<(&str, usize)> {
        graph.rows.iter().map(|row| (row.state.as_str(), row.lane)).collect()
    }

    #[test]
    fn an_optional_state_is_listed_before_the_state_that_follows_it() {
        let graph = Graph::read(&json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Next": "Needed"},
            "Needed": {"Type": "Choice", "Choices": [{"Next": "C"}], "Default": "B"},
            "B": {"Type": "Task", "Next": "C", "Catch": [{"Next": "C"}]},
            "C": {"Type": "Task", "End": true}
        }}));
        assert_eq!(names(&graph), [("A", 0), ("B", 0), ("C", 0)]);
    }

    #[test]
    fn parallel_branches_are_drawn_in_lanes_that_join_afterwards() {
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
    fn states_that_are_left_out_take_their_lane_with_them_and_leave_no_gap() {
        let task = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Task", "End": true}}});
        let graph = Graph::read(&json!({"StartAt": "First", "States": {
            "First": {"Type": "Task", "Next": "Optional"},
            "Optional": {"Type": "Task", "Next": "Both"},
            "Both": {"Type": "Parallel", "Branches": [task("Quotas"), task("Numbers"), task("SignOn")], "Next": "Last"},
            "Last": {"Type": "Task", "End": true}
        }}))
        .only(|state| !["Optional", "Numbers"].contains(&state));
        assert_eq!(names(&graph), [("First", 0), ("Quotas", 0), ("SignOn", 1), ("Last", 0)]);
        let ways: Vec<(usize, usize)> = graph.ways.iter().map(|way| (way.from, way.to)).collect();
        assert_eq!(ways, [(0, 1), (0, 2), (1, 3), (2, 3)]);
    }

    #[test]
    fn the_graph_of_the_onboarding_starts_with_preflight_and_contains_the_report() {
        let definition = include_str!("../../../../statemachine/onboarding.asl.json");
        let graph = Graph::read(&serde_json::from_str(definition).unwrap_or_default());
        assert_eq!(graph.rows.first().map(|row| row.state.as_str()), Some("Preflight"));
        assert_eq!(graph.task_after("WaitForInstance"), Some("CreateInstance"));
        let place = |name: &str| graph.rows.iter().position(|row| row.state == name);
        assert!(place("SyncUsers") < place("VerifySignIn") && place("VerifySignIn") < place("Report"));
        assert_eq!(graph.lanes(), 3, "quotas, numbers and single sign-on");
    }

    #[test]
    fn every_task_of_the_onboarding_has_a_title_in_both_languages() {
        let definition = include_str!("../../../../statemachine/onboarding.asl.json");
        let graph = Graph::read(&serde_json::from_str(definition).unwrap_or_default());
        for row in &graph.rows {
            for language in [Language::En, Language::Ja] {
                let title = Labels::of(language).state(&row.state);
                assert!(title != row.state, "{} has no title", row.state);
            }
        }
    }
}
