//! Unicode normalization and quotation of names from other systems.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use unicode_normalization::UnicodeNormalization;

/// Converts a string to Unicode Normalization Form C. macOS and some directories store a Japanese voicing mark as a
/// separate character (か + ゙). Most other systems store one character (が).
#[must_use]
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Converts a string to Unicode Normalization Form D, in which a voicing mark or an accent is a separate character.
#[must_use]
pub fn nfd(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfd().collect()) }
}

/// Whether a terminal or a browser would interpret the character instead of displaying it. Such characters are control
/// characters, and the marks, embeddings, overrides and isolates that change the direction of text (Unicode Standard
/// Annex #9).
#[must_use]
pub fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The name that is most similar to a misspelled name. `None` if no name has an edit distance of at most three.
pub fn nearest<'a>(mistyped: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.into_iter().map(|name| (distance(name, mistyped), name));
    distances.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= 3).map(|(_, name)| name)
}

/// The edit distance (Levenshtein distance) between two names.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let cost = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// Displays a name in quotation marks, in Unicode Normalization Form C and with escaped control characters.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in nfc(self.0).chars() {
            if is_control(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decomposed_voicing_mark_becomes_one_character_and_a_control_character_is_escaped() {
        assert_eq!(Quoted("か\u{3099}く部").to_string(), "\"がく部\"");
        assert_eq!(Quoted("a\u{1b}[31m").to_string(), "\"a\\u{1b}[31m\"");
        assert_eq!(Quoted("a\u{202e}b").to_string(), "\"a\\u{202e}b\"");
        assert_eq!(nfd("がく部"), "か\u{3099}く部");
    }
}
