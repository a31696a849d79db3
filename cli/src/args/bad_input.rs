//! The errors in a JSON file that the operator wrote. The errors are printed as JSON, or as text that also shows the
//! invalid lines of the file.

use std::{ops::Range, path::Path};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use onboarding_core::parse::{Problem, Source, line_and_column};

use crate::{output::InputProblem, words::Words};

/// The number of errors for which the invalid line of the file is shown. For each further error, only the line number
/// and the column are shown. Otherwise, the errors of a file with one wrong field in each of 300 groups would fill the
/// terminal.
const WITH_LINE: usize = 20;

/// A file that failed validation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadInput {
    /// The file name as the operator typed it.
    pub file: String,
    /// All problems, each with its JSON path, ordered by their position in the file.
    pub problems: Vec<Problem>,
    /// The content of the file, and the position of each value in the content. `None` if the file could not be read.
    text: Option<Box<(String, Source)>>,
}

impl BadInput {
    /// Creates the error for a file whose content is not available, for example because `onboard init` has not written
    /// the file yet.
    #[must_use]
    pub fn without_text(file: &Path, problems: Vec<Problem>) -> Self {
        Self { file: file.display().to_string(), problems, text: None }
    }

    /// Creates the error for a file with a single problem. `message` selects the description of the problem from the
    /// message catalog.
    #[must_use]
    pub fn one(file: &Path, path: impl Into<String>, message: impl Fn(Words) -> String) -> Self {
        let [message, japanese] = Words::BOTH.map(message);
        Self::without_text(file, vec![Problem::new(path, message, japanese)])
    }

    /// Creates the error for a file with the content `text`. Sorts the problems by their position in the content.
    #[must_use]
    pub fn in_text(file: &Path, text: &str, source: Source, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| source.range(problem).start);
        Self { text: Some(Box::new((text.to_owned(), source))), ..Self::without_text(file, problems) }
    }

    /// The error message, with one line for each problem.
    #[must_use]
    pub fn message(&self, words: Words) -> String {
        let faults = self.problems.iter().map(|problem| format!("\n  {}", problem.text(words.language())));
        self.head(words) + &faults.collect::<String>()
    }

    /// The first line of the error message.
    #[must_use]
    pub fn head(&self, words: Words) -> String {
        match self.problems.len() {
            1 => words.one_fault(&self.file),
            count => words.faults(&self.file, count),
        }
    }

    /// Formats the problems for a terminal that is `columns` wide. Each problem is shown with its position in the file.
    /// For the first `WITH_LINE` problems, the invalid line is also shown.
    #[must_use]
    pub fn drawn(&self, words: Words, colour: bool, columns: usize) -> String {
        let renderer = if colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
        let renderer = renderer.term_width(columns);
        let drawn = self.problems.iter().enumerate().map(|(index, problem)| {
            let text = problem.text(words.language());
            let Some((file, source)) = self.text.as_deref() else { return format!("  {text}") };
            let place = source.range(problem);
            if index < WITH_LINE {
                return format!("  {text}\n{}", self.line(file, place, &renderer));
            }
            let (line, column) = line_and_column(file, place.start);
            format!("  {text}\n  --> {}:{line}:{column}", self.file)
        });
        drawn.collect::<Vec<_>>().join("\n")
    }

    /// Formats the line in which the range `place` of the file starts, and marks this range in the line.
    fn line(&self, file: &str, place: Range<usize>, renderer: &Renderer) -> String {
        let start = file[..place.start].rfind('\n').map_or(0, |before| before + 1);
        let line = file[start..].lines().next().unwrap_or_default();
        let (number, _) = line_and_column(file, place.start);
        // If the value has several lines, only its first line is shown.
        let end = (place.end - start).min(line.trim_end().len()).max(place.start - start);
        let mark = AnnotationKind::Primary.span(place.start - start..end);
        let snippet = Snippet::source(line).line_start(number).path(&self.file).annotation(mark);
        renderer.render(&[Group::with_level(Level::ERROR).element(snippet)])
    }

    /// The problems as objects for the JSON output.
    #[must_use]
    pub fn output(&self, words: Words) -> Vec<InputProblem> {
        let output = |problem: &Problem| {
            let place = self.text.as_deref().map(|(text, source)| line_and_column(text, source.range(problem).start));
            InputProblem {
                path: problem.path.clone(),
                message: problem.message(words.language()).to_owned(),
                line: place.map(|(line, _)| line),
                column: place.map(|(_, column)| column),
            }
        };
        self.problems.iter().map(output).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::input::JsonFile;

    fn drawn(text: &str) -> String {
        let file = Path::new("onboarding.json");
        let bad = JsonFile::parse(file, text).and_then(|file| file.onboarding()).err().unwrap_or_default();
        bad.drawn(Words::default(), false, 80)
    }

    #[test]
    fn each_fault_is_shown_with_its_line_and_a_caret() {
        insta::assert_snapshot!(drawn(
            "{\n  \"instance\": { \"alias\": \"d-acme\" },\n  \"users\": {\n    \"groups\": [\n      { \"group\": \"サポート\", \
             \"securityProfiles\": \"Agent\" },\n      {\n        \"group\": \"B\"\n      }\n    ]\n  },\n  \"langage\": \"ja\"\n}\n"
        ));
    }

    #[test]
    fn the_place_of_a_syntax_error_is_shown() {
        insta::assert_snapshot!(drawn("{\n  \"部署\": \"窓口\" \"alias\"\n}"));
        insta::assert_snapshot!("a_file_that_ends_too_early", drawn("{\n  \"users\": [\n\n"));
    }

    #[test]
    fn control_characters_of_the_file_are_replaced() {
        let drawn = drawn("{\"a\u{1b}[2J\u{202e}\u{7}\": 1}");
        assert!(!drawn.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{drawn:?}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place_and_many_faults_are_shown_without_their_lines() {
        let group = |number: usize| format!("{{\"group\": \"Group {number}\"}}");
        let groups = (0..30).map(group).collect::<Vec<_>>().join(", ");
        let drawn = drawn(&format!("{{\"instance\": {{\"alias\": \"acme\"}}, \"users\": {{\"groups\": [{groups}]}}}}"));
        assert!(drawn.lines().all(|line| line.chars().count() <= 120), "{drawn}");
        assert_eq!((drawn.matches('^').count() > 20, drawn.matches("--> onboarding.json:1:").count()), (true, 30));
    }
}
