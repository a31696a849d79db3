//! Renders a QR code as an SVG path.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};

/// A QR code: the SVG path of its dark squares, and its side length including the quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// The dark squares, as the value of the attribute `d` of an SVG `<path>`.
    pub(super) path: String,
    /// Side length of the QR code in squares.
    pub(super) side: usize,
}

/// Width, in squares, of the quiet zone: the empty border that the QR standard requires.
const QUIET: usize = 4;

/// The QR code of a text, or `None` if the text is too long.
#[must_use]
pub(super) fn code(text: &str) -> Option<Code> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        let mut x = 0;
        while x < code.size {
            let from = x;
            while x < code.size && code[y][x].value() {
                x += 1;
            }
            if x > from {
                // Writing to a String can't fail.
                let _ = write!(path, "M{} {}h{}v1H{}z", from + QUIET, y + QUIET, x - from, from + QUIET);
            }
            x += 1;
        }
    }
    Some(Code { path, side: code.size + 2 * QUIET })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    /// For each square, by row, whether the path draws it as dark.
    fn squares(code: &Code) -> Vec<Vec<bool>> {
        let mut squares = vec![vec![false; code.side]; code.side];
        for run in code.path.split('M').skip(1) {
            let numbers: Vec<usize> = run.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            let [x, y, width, ..] = numbers[..] else { panic!("{run}") };
            squares[y][x..x + width].fill(true);
        }
        squares
    }

    // `.ci/page/look.mjs` shows the code in a browser and tests that a scanner reads the right URL from the code.
    #[test]
    fn a_qr_code_has_three_corner_patterns_and_a_quiet_zone() {
        let code = code("https://launcher.myapps.microsoft.com/api/signin/a?tenantId=b").unwrap();
        let squares = squares(&code);
        let far = code.side - QUIET - 7;
        for (x, y) in [(QUIET, QUIET), (far, QUIET), (QUIET, far)] {
            let rows: Vec<String> = (y..y + 7)
                .map(|y| squares[y][x..x + 7].iter().map(|dark| if *dark { '#' } else { '.' }).collect())
                .collect();
            assert_eq!(rows, ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"]);
        }
        assert!(squares[..QUIET].iter().flatten().all(|dark| !dark));
        assert!(squares.iter().all(|row| row[..QUIET].iter().all(|dark| !dark)));
    }

    #[test]
    fn a_text_that_is_too_long_has_no_qr_code() {
        assert_eq!(code(&"x".repeat(10_000)), None);
    }
}
