//! Draws the workflow as an SVG, with one row for each state and one column (lane) for each parallel branch. A symbol
//! shows the outcome of each state.

use maud::{Markup, html};

use super::{
    graph::{Graph, Row, Way},
    history::{Outcome, Run},
};
use crate::words::labels::Labels;

/// Width of the drawing in SVG units. On a phone, this makes a unit about one CSS pixel wide, so that the text is
/// readable.
const WIDTH: usize = 360;
const ROW: usize = 40;
const LANE: usize = 22;
const LEFT: usize = 16;
/// Maximum number of characters in the remark below a state's title.
const MOST_LETTERS: usize = 44;

/// Label and CSS class of a state's outcome.
pub(super) const fn outcome(run: &Run, words: &'static Labels) -> (&'static str, &'static str) {
    match run {
        Run { outcome: Outcome::Failed, .. } => (words.failed, "bad"),
        Run { failures: 1.., .. } => (words.recovered, "good"),
        Run { .. } => (words.done, "good"),
    }
}

/// Renders the states of a graph, and the results of these states, as an SVG.
pub(super) fn svg(graph: &Graph, runs: &[(&Row, &Run)], words: &'static Labels) -> Markup {
    let height = graph.rows.len() * ROW;
    let text = LEFT + graph.lanes() * LANE;
    html! {
        svg.graph viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby="picture-title" xmlns="http://www.w3.org/2000/svg" {
            title id="picture-title" { (words.picture) }
            @for way in &graph.ways { path.way d=(line(graph, *way)) {} }
            @for (index, (row, run)) in runs.iter().enumerate() {
                @let (label, class) = outcome(run, words);
                @let (x, y) = place(row.lane, index);
                g class=(class) {
                    circle cx=(x) cy=(y) r="8" {}
                    path.mark d=(mark(run, x, y)) {}
                }
                text x=(text) y=(y + 1) { (words.state(&row.state)) }
                text.small x=(text) y=(y + 15) { (short(&remark(run, label, words))) }
                @if run.polls > 0 {
                    text.small x=(WIDTH - 4) y=(y + 1) text-anchor="end" { (words.duration(run.seconds + run.waited)) }
                }
            }
        }
    }
}

/// The remark below the title of a state: the outcome, the summary of the output, and so on.
fn remark(run: &Run, label: &str, words: &Labels) -> String {
    let mut parts = vec![label.to_owned()];
    if !run.note.is_empty() && run.note != label {
        parts.push(run.note.clone());
    }
    if run.waited > 0.0 {
        parts.push(format!("{} {}", words.of_it_waited, words.duration(run.waited)));
    }
    parts.join(" · ")
}

fn short(text: &str) -> String {
    if text.chars().count() <= MOST_LETTERS {
        return text.to_owned();
    }
    text.chars().take(MOST_LETTERS - 1).chain(['…']).collect()
}

const fn place(lane: usize, row: usize) -> (usize, usize) {
    (LEFT + lane * LANE, row * ROW + ROW / 2)
}

/// The SVG path of a connection between two rows. A connection to a lane further right changes to this lane at its
/// start. Any other connection changes lanes at its end.
fn line(graph: &Graph, way: Way) -> String {
    let (x, y) = place(graph.rows[way.from].lane, way.from);
    let (to_x, to_y) = place(graph.rows[way.to].lane, way.to);
    let turn = if to_x > x { y } else { to_y - ROW };
    let (from, middle, to) = (turn, turn + ROW / 2, turn + ROW);
    if x == to_x {
        return format!("M{x} {y}V{to_y}");
    }
    format!("M{x} {y}V{from}C{x} {middle} {to_x} {middle} {to_x} {to}V{to_y}")
}

/// The SVG path of a state's symbol: a tick for success, a cross for failure.
fn mark(run: &Run, x: usize, y: usize) -> String {
    match run.outcome {
        Outcome::Failed => format!("M{} {}l6 6m0 -6l-6 6", x - 3, y - 3),
        Outcome::Done => format!("M{} {y}l3 3l5 -6", x - 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_remark_is_cut_at_a_character_boundary() {
        assert_eq!(short("short"), "short");
        let cut = short(&"長".repeat(100));
        assert_eq!(cut.chars().count(), MOST_LETTERS);
        assert!(cut.ends_with("長…"));
    }
}
