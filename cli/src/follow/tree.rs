//! Draws an execution as a tree of its states. Each running state has a timer and, if it waits, the reason.

use aws_sdk_sfn::types::ExecutionStatus;

use super::{
    Executions, Followed,
    machine::Node,
    progress::{End, Progress, Running},
    users::Users,
};
use crate::{
    cloud::Machine,
    ui::{Console, Tone, columns, time::duration},
    words::Words,
};

/// Length, in characters, of the bar that shows how many users a sync has processed.
const BAR: usize = 24;
/// Width of the column with the state names, including their indentation.
const NAME: usize = 30;

/// A line of the drawing, with its priority.
type Line = (Weight, String);

/// Priority of a line, lowest first. If not all lines fit on the terminal, the lines with the lowest priority are
/// hidden first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// A state that has not started.
    Ahead,
    /// A finished state, or a `Parallel` or `Map` state that has ended.
    Done,
    /// A `Parallel` or `Map` state (a state that contains other states) that has not ended.
    Frame,
    /// A state that is running, is waiting, or has failed.
    Now,
}

/// The part of the terminal in which the tree is drawn while the execution runs.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Height in rows. Lines that do not fit are hidden.
    pub rows: usize,
    /// The last line, which explains the effect of Ctrl-C.
    pub foot: &'a str,
}

/// Draws all executions. With a frame, the drawing is cropped to the size of the frame.
#[must_use]
pub fn draw(executions: &Executions, console: &Console, now: f64, frame: Option<Frame<'_>>) -> Vec<String> {
    let words = console.words();
    let mut lines: Vec<Line> = Vec::new();
    let root = &executions.root;
    let onboarding = root.described.execution.machine == Machine::Onboarding;
    let pen = Pen { console, now };
    // States that have not run are shown as upcoming, but only while an onboarding is running.
    let ahead = onboarding && *executions.status() == ExecutionStatus::Running;
    let within = Within { depth: 0, ahead, ended: root.progress.end().is_some() };
    pen.level(&root.progress.machine.nodes, &root.progress, within, &mut lines, &mut |state, depth, lines| {
        if onboarding && ["SyncUsers", "SyncWaitingUsers"].contains(&state) {
            // An onboarding starts up to two user syncs: the first in the state `SyncUsers`, the second in
            // `SyncWaitingUsers`.
            let sync = executions.syncs.get(usize::from(state == "SyncWaitingUsers"));
            sync.into_iter().for_each(|sync| pen.sync(sync, depth + 1, lines));
        }
    });
    if !onboarding {
        pen.users(&root.users, 0, &mut lines);
    }
    let mut head = vec![pen.head(root)];
    if let Some(Frame { rows, foot }) = frame {
        let room = rows.saturating_sub(head.len() + 2).max(3);
        let hidden = crop(&mut lines, room);
        head.extend(lines.into_iter().map(|(_, line)| line));
        let hidden = if hidden > 0 { words.hidden_lines(hidden) } else { String::new() };
        head.push(String::new());
        head.push(console.paint(Tone::Faint, &format!("{hidden}{foot}")));
        return head;
    }
    head.extend(lines.into_iter().map(|(_, line)| line));
    head
}

/// Removes the lines with the lowest priority until the remaining lines fit. Returns the number of removed lines.
fn crop(lines: &mut Vec<Line>, room: usize) -> usize {
    let all = lines.len();
    for weight in [Weight::Ahead, Weight::Done, Weight::Frame, Weight::Now] {
        while lines.len() > room {
            // Upcoming states are removed from the end, because the next states are more important. Finished states are
            // removed from the start, because the latest states are more important.
            let place = match weight {
                Weight::Ahead | Weight::Now => lines.iter().rposition(|(of, _)| *of == weight),
                Weight::Done | Weight::Frame => lines.iter().position(|(of, _)| *of == weight),
            };
            let Some(place) = place else { break };
            lines.remove(place);
        }
    }
    all - lines.len()
}

/// The position of one level of states in the tree, and how this level is drawn.
#[derive(Clone, Copy)]
struct Within {
    depth: usize,
    /// Whether states that have not started yet are shown.
    ahead: bool,
    /// Whether the `Parallel` or `Map` state that contains this level has ended.
    ended: bool,
}

#[derive(Clone, Copy)]
struct Pen<'a> {
    console: &'a Console,
    now: f64,
}

impl Pen<'_> {
    fn words(self) -> Words {
        self.console.words()
    }

    fn head(self, root: &Followed) -> String {
        let execution = &root.described.execution;
        let tone = match execution.status {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Tone::Strong,
            ExecutionStatus::Succeeded => Tone::Good,
            _ => Tone::Bad,
        };
        let took = duration(execution.stopped.unwrap_or(self.now) - execution.started);
        let status = self.console.paint(tone, &self.words().status(&execution.status));
        let name = self.console.paint(Tone::Strong, &execution.name);
        format!("{name} · {} · {status} · {took}", execution.machine.name())
    }

    /// Draws the states of one level of the tree, which is the state machine or one branch.
    fn level(
        self,
        nodes: &[Node],
        progress: &Progress,
        within: Within,
        lines: &mut Vec<Line>,
        below: &mut dyn FnMut(&str, usize, &mut Vec<Line>),
    ) {
        let Within { depth, ahead, ended } = within;
        for node in nodes {
            match node.kind.as_str() {
                "Task" | "Wait" => {
                    if let Some(line) = self.state(node, progress, depth, ahead) {
                        lines.push(line);
                        below(&node.name, depth, lines);
                    }
                }
                "Parallel" | "Map" => {
                    // `ended` of the outer state is also considered: if a `Parallel` or `Map` state fails inside
                    // another one, the history contains no exit event for the inner state.
                    let end = progress.end_of(&node.name).filter(|_| progress.run_of(&node.name).is_none());
                    let ended = ended || end.is_some();
                    let mut inside = Vec::new();
                    let within = Within { depth: depth + 1, ahead: ahead && !ended, ended };
                    for branch in &node.branches {
                        self.level(branch, progress, within, &mut inside, below);
                    }
                    if inside.iter().any(|(weight, _)| *weight > Weight::Ahead) {
                        let caught = node.branches.iter().any(|branch| caught(branch, progress))
                            || end.and_then(|end| end.caught.as_ref()).is_some_and(|caught| !caught.expected);
                        let stopped = progress.stop_of(&node.name);
                        let (tone, mark) = match (ended, caught) {
                            _ if stopped.is_some() => (Tone::Bad, "✗"),
                            (false, _) => (Tone::Strong, "▾"),
                            (true, true) => (Tone::Warn, "!"),
                            (true, false) => (Tone::Good, "✓"),
                        };
                        let took = stopped.or(end.map(|end| end.seconds)).map(duration).unwrap_or_default();
                        let line = self.line(depth, tone, mark, &node.name, &took, "");
                        lines.push((if ended { Weight::Done } else { Weight::Frame }, line));
                        lines.append(&mut inside);
                    } else if ahead && node.regular {
                        lines.push((Weight::Ahead, self.ahead(node, depth)));
                    }
                }
                _ => {}
            }
        }
    }

    fn state(self, node: &Node, progress: &Progress, depth: usize, ahead: bool) -> Option<Line> {
        let wait = node.kind == "Wait";
        if let Some(run) = progress.run_of(&node.name) {
            return Some((Weight::Now, self.running(node, progress, run, depth)));
        }
        let end = progress.end_of(&node.name);
        let stopped = progress.stop_of(&node.name);
        // If the execution failed, the error is shown at the state that caused it, even if the state machine caught
        // this error and then ended in a `Fail` state.
        if progress.end() == Some(End::Failed)
            && let Some((_, error, message)) = progress.failure().filter(|(state, _, _)| *state == node.name)
        {
            let took = stopped.or(end.map(|end| end.seconds)).map(duration).unwrap_or_default();
            let note = failed_with(error, message);
            return Some((Weight::Now, self.line(depth, Tone::Bad, "✗", &node.name, &took, &note)));
        }
        if let Some(seconds) = stopped {
            let note = self.words().stopped();
            return Some((Weight::Now, self.line(depth, Tone::Faint, "·", &node.name, &duration(seconds), &note)));
        }
        if let Some((end, caught)) = end.and_then(|end| Some((end, end.caught.as_ref()?))) {
            let (tone, mark) = if caught.expected { (Tone::Faint, "·") } else { (Tone::Warn, "!") };
            let note = self.words().caught_error(caught);
            return Some((Weight::Done, self.line(depth, tone, mark, &node.name, &duration(end.seconds), &note)));
        }
        if let Some((state, error, message)) = progress.failure()
            && state == node.name
        {
            return Some((Weight::Now, self.line(depth, Tone::Bad, "✗", state, "", &failed_with(error, message))));
        }
        match end {
            Some(_) if wait => None,
            Some(end) => {
                let mut note = self.words().note(&end.note);
                if end.times > 1 {
                    note = [note, self.words().polls(end.times)]
                        .into_iter()
                        .filter(|part| !part.is_empty())
                        .collect::<Vec<_>>()
                        .join(" · ");
                }
                Some((Weight::Done, self.line(depth, Tone::Good, "✓", &node.name, &duration(end.seconds), &note)))
            }
            None if ahead && node.regular && !wait => Some((Weight::Ahead, self.ahead(node, depth))),
            None => None,
        }
    }

    /// Draws a state that has not started, with a note if the execution may skip the state.
    fn ahead(self, node: &Node, depth: usize) -> String {
        let note = if node.certain { String::new() } else { self.words().if_needed() };
        self.line(depth, Tone::Faint, "·", &node.name, "", &note)
    }

    fn running(self, node: &Node, progress: &Progress, run: &Running, depth: usize) -> String {
        let took = duration_short(self.now - run.since);
        let reason = self.words().reason(&node.name);
        let mut notes: Vec<String> = Vec::new();
        if let Some(until) = run.until {
            notes.push(self.words().next_poll(duration_short((until - self.now).max(0.0))));
        }
        if run.failures > 0
            && let Some((_, error, _)) = progress.failure().filter(|(state, _, _)| *state == node.name)
        {
            notes.push(self.words().retrying(error, run.failures));
        }
        notes.extend(reason.map(|reason| self.console.complete(reason)));
        let waits = node.kind == "Wait" || reason.is_some();
        let (tone, mark) = if waits { (Tone::Warn, "◔") } else { (Tone::Strong, self.spinner()) };
        self.line(depth, tone, mark, &node.name, &took, &notes.join(" · "))
    }

    /// Draws a running user sync that an onboarding started: how many users it has processed, and its current states.
    fn sync(self, sync: &Followed, depth: usize, lines: &mut Vec<Line>) {
        if sync.described.execution.status != ExecutionStatus::Running {
            return;
        }
        self.users(&sync.users, depth, lines);
        let within = Within { depth, ahead: false, ended: false };
        self.level(&sync.progress.machine.nodes, &sync.progress, within, lines, &mut |_, _, _| {});
    }

    fn users(self, users: &Users, depth: usize, lines: &mut Vec<Line>) {
        let Some((done, planned)) = users.counts() else { return };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to BAR"
        )]
        let full = (done / planned * BAR as f64) as usize;
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
        let mut text = format!("{}{bar} {done:.0}/{planned:.0}", "  ".repeat(depth + 1));
        if let Some(rate) = users.rate() {
            text += &format!(" · {}", self.words().per_second(format!("{rate:.1}")));
        }
        if let Some(left) = users.left().filter(|_| done < planned) {
            text += &format!(" · {}", self.words().time_left(duration_short(left)));
        }
        if users.failed() > 0.0 {
            text += &format!(" · {}", self.console.paint(Tone::Warn, &self.words().failed_users(users.failed())));
        }
        lines.push((Weight::Now, text));
    }

    fn line(self, depth: usize, tone: Tone, mark: &str, name: &str, time: &str, note: &str) -> String {
        let before = format!("{}{} ", "  ".repeat(depth + 1), self.console.paint(tone, mark));
        let width = NAME.saturating_sub(2 * (depth + 1) + 2);
        let name_shown = if tone == Tone::Faint { self.console.paint(Tone::Faint, name) } else { name.to_owned() };
        let gap = " ".repeat(width.saturating_sub(columns(name)));
        let note = if note.is_empty() { String::new() } else { self.console.paint(Tone::Faint, &format!("  {note}")) };
        format!("{before}{name_shown}{gap}{time:>12}{note}").trim_end().to_owned()
    }

    fn spinner(self) -> &'static str {
        const FRAMES: [&str; 4] = ["⠋", "⠙", "⠴", "⠦"];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let frame = (self.now * 4.0) as u64 % FRAMES.len() as u64;
        FRAMES.get(usize::try_from(frame).unwrap_or_default()).copied().unwrap_or_default()
    }
}

/// Formats an error and its message as one line, because each line of the drawing must fit in one row of the terminal.
fn failed_with(error: &str, message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("{error}: {}", lines.join(" "))
}

/// Whether a state of this level failed and the state machine caught the error, but the state's `Catch` does not list
/// this error by name.
fn caught(nodes: &[Node], progress: &Progress) -> bool {
    nodes.iter().any(|node| {
        let end = progress.end_of(&node.name).and_then(|end| end.caught.as_ref());
        end.is_some_and(|caught| !caught.expected) || node.branches.iter().any(|branch| caught(branch, progress))
    })
}

/// Formats the duration of a state that is still running. Below one minute, the text contains only whole seconds,
/// because hundredths would change too fast to be read.
fn duration_short(seconds: f64) -> String {
    if seconds < 60.0 { format!("{:.0} s", seconds.max(0.0)) } else { duration(seconds) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            history::{Event, What},
            machine,
        },
        *,
    };
    use crate::{args::hints::Hints, ui::Preferences};

    /// The progress of an execution with these events. Each event is a tuple of its id, the id of the previous event,
    /// and its kind.
    fn progress<const N: usize>(definition: &serde_json::Value, events: [(i64, i64, What); N]) -> Progress {
        let mut progress = Progress::new(machine::Machine::read(definition), 1.0);
        for (id, previous, what) in events {
            progress.observe(&Event { id, previous, at: 1.0, what });
        }
        progress
    }

    fn failed(error: &str, cause: &str) -> What {
        What::Failed { error: error.into(), cause: cause.into() }
    }

    /// The lines of the states, without indentation.
    fn drawn(progress: &Progress) -> Vec<String> {
        let console = Console::of_this_process(Words::default(), Preferences::default(), Hints::default());
        let within = Within { depth: 0, ahead: false, ended: progress.end().is_some() };
        let mut lines = Vec::new();
        let pen = Pen { console: &console, now: 1_000.0 };
        pen.level(&progress.machine.nodes, progress, within, &mut lines, &mut |_, _, _| {});
        lines.into_iter().map(|(_, line)| line.trim_start().to_owned()).collect()
    }

    #[test]
    fn after_a_failed_execution_the_failed_state_has_a_cross_and_no_state_is_running() {
        let branch = |name: &str| json!({ "StartAt": name, "States": { name: { "Type": "Task", "End": true } } });
        let both = json!({ "Type": "Parallel", "Branches": [branch("One"), branch("Other")], "End": true });
        let definition = json!({ "StartAt": "Both", "States": { "Both": both } });
        let enters = |id, name: &str| (id, 0, What::Entered(name.into()));
        let events = [
            enters(1, "Both"),
            enters(2, "One"),
            enters(3, "Other"),
            (4, 2, failed("InvalidInput", "1 error:\n  no group\n")),
        ];
        let mut progress = progress(&definition, events);
        progress.finish(End::Failed, 3.0);
        assert_eq!(progress.running().count(), 0);
        let drawn = drawn(&progress);
        let begins: Vec<&str> = drawn.iter().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(begins, ["✗", "✗", "·"], "{drawn:?}");
        assert!(drawn[1].contains("2.00 s") && drawn[1].ends_with("InvalidInput: 1 error: no group"), "{drawn:?}");
        assert!(drawn[2].ends_with("stopped when the execution ended"), "{drawn:?}");
    }

    #[test]
    fn an_error_that_is_caught_only_to_fail_the_execution_has_a_cross() {
        let sync = json!({ "Type": "Task", "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Stop" }], "End": true });
        let definition = json!({ "StartAt": "Sync", "States": { "Sync": sync, "Stop": { "Type": "Fail" } } });
        let exit = What::Exited("Sync".into(), String::new());
        let events = [
            (1, 0, What::Entered("Sync".into())),
            (2, 1, failed("AccessDenied", "no permission")),
            (3, 0, exit),
            (4, 0, What::Entered("Stop".into())),
        ];
        let mut progress = progress(&definition, events);
        assert!(drawn(&progress)[0].starts_with("! Sync"));
        progress.finish(End::Failed, 3.0);
        let drawn = drawn(&progress);
        assert!(drawn[0].starts_with("✗ Sync") && drawn[0].ends_with("AccessDenied: no permission"), "{drawn:?}");
    }

    #[test]
    fn a_caught_failure_and_its_containing_state_have_no_tick() {
        let assign =
            json!({ "Type": "Task", "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "End" }], "Next": "End" });
        let inner = json!({ "StartAt": "Assign", "States": { "Assign": assign, "End": { "Type": "Pass" } } });
        let each = json!({ "Type": "Map", "ItemProcessor": inner });
        let definition = json!({ "StartAt": "Each", "States": { "Each": each } });
        let progress = progress(
            &definition,
            [
                (1, 0, What::Entered("Each".into())),
                (2, 0, What::Entered("Assign".into())),
                (3, 2, failed("AccessDenied", "")),
                (4, 0, What::Exited("Assign".into(), String::new())),
                (5, 0, What::Exited("Each".into(), String::new())),
            ],
        );
        let drawn = drawn(&progress);
        assert!(drawn.len() == 2 && drawn[0].starts_with("! Each") && drawn[1].starts_with("! Assign"), "{drawn:?}");
        assert!(drawn[1].contains("AccessDenied"), "{drawn:?}");
    }

    #[test]
    fn lines_with_the_lowest_priority_are_hidden_first() {
        let mut lines: Vec<Line> = [
            (Weight::Done, "first"),
            (Weight::Done, "second"),
            (Weight::Frame, "both"),
            (Weight::Now, "runs"),
            (Weight::Ahead, "later"),
        ]
        .into_iter()
        .map(|(weight, text)| (weight, text.to_owned()))
        .collect();
        assert_eq!(crop(&mut lines, 3), 2);
        assert_eq!(lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["second", "both", "runs"]);
    }
}
