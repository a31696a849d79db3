//! The usernames and personal names of members: how the names in Entra are converted to names that Connect accepts.

use std::fmt;

use super::model::Member;
use crate::text::nfc;

/// Maximum length of a first name, in characters (Connect API: `AgentFirstName`).
pub const MAX_FIRST_NAME: usize = 255;
/// Maximum length of a last name, in characters (Connect API: `AgentLastName`).
pub const MAX_LAST_NAME: usize = 300;

/// Minimum length of a role session name, in characters (STS: `roleSessionNameType`).
const MIN_USERNAME: usize = 2;
/// Maximum length of a SAML username (Connect: `CreateUser`) and of a role session name, in characters.
const MAX_USERNAME: usize = 64;

/// The reason why a name can't be the Connect username of a SAML user.
///
/// A valid name follows both the rules of Connect (up to 64 characters of `[a-zA-Z0-9_-.\@]`, and `@` only in a
/// complete email form) and the rules of STS for `RoleSessionName` (2 to 64 characters of `[\w+=,.@-]`). An invalid
/// name is reported but never changed, because Entra sends the attribute unchanged. A user with a changed name could
/// not sign in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsernameFault {
    /// The name has fewer than two characters.
    TooShort,
    /// The name has more than 64 characters. The value is the number of characters.
    TooLong(usize),
    /// The name contains characters that are not allowed. The value contains each of these characters once, in order of
    /// appearance.
    IllegalCharacters(String),
    /// The name contains an `@`, but does not have the form `user@example.com`.
    NotAnEmailForm,
}

impl fmt::Display for UsernameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "is shorter than {MIN_USERNAME} characters"),
            Self::TooLong(length) => {
                write!(f, "has {length} characters, but Amazon Connect and AWS STS accept at most {MAX_USERNAME}")
            }
            Self::IllegalCharacters(characters) => {
                write!(f, "contains {characters:?}; only letters A to Z, digits and . _ - @ are allowed")
            }
            Self::NotAnEmailForm => {
                f.write_str("has an @ but is not a complete email address such as user@example.com")
            }
        }
    }
}

/// Checks a username against the rules that [`UsernameFault`] describes.
///
/// # Errors
/// The first violated rule. The characters are checked first.
pub fn check_username(name: &str) -> Result<(), UsernameFault> {
    let mut illegal = String::new();
    for character in name.chars() {
        let legal = character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '@');
        if !legal && !illegal.contains(character) {
            illegal.push(character);
        }
    }
    if !illegal.is_empty() {
        return Err(UsernameFault::IllegalCharacters(illegal));
    }
    match name.len() {
        length if length < MIN_USERNAME => return Err(UsernameFault::TooShort),
        length if length > MAX_USERNAME => return Err(UsernameFault::TooLong(length)),
        _ => {}
    }
    match name.split_once('@') {
        Some((local, domain)) if local.is_empty() || !is_full_domain(domain) => Err(UsernameFault::NotAnEmailForm),
        _ => Ok(()),
    }
}

fn is_full_domain(domain: &str) -> bool {
    !domain.contains('@') && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

/// The first and last name that the sync sends to Connect: in Unicode NFC, without surrounding white space, never
/// empty, and within Connect's length limits.
///
/// If Entra has no given name or no surname, the missing name is derived from the display name. If both names are
/// missing, the display name is split at its first space. The first part of a display name in Chinese, Japanese or
/// Korean characters is the family name. In other scripts, the first part is the given name. A first or last name that
/// is too long is shortened, because these names do not identify users.
#[must_use]
pub fn person_name(member: &Member, username: &str) -> (String, String) {
    let given = cleaned(member.given_name.as_deref());
    let family = cleaned(member.surname.as_deref());
    let display = cleaned(member.display_name.as_deref());
    let (first, last) = match (given, family) {
        (Some(given), Some(family)) => (given, family),
        (None, None) => match display {
            Some(display) => parted(&display),
            None => both(username.split('@').next().filter(|local| !local.is_empty()).unwrap_or(username).to_owned()),
        },
        (Some(given), None) => {
            let family = display.and_then(|display| rest_of(&display, &given)).unwrap_or_else(|| given.clone());
            (given, family)
        }
        (None, Some(family)) => {
            let given = display.and_then(|display| rest_of(&display, &family)).unwrap_or_else(|| family.clone());
            (given, family)
        }
    };
    (cut(first, MAX_FIRST_NAME), cut(last, MAX_LAST_NAME))
}

/// The name in Unicode NFC, without control characters and surrounding white space. `None` if the result is empty.
fn cleaned(name: Option<&str>) -> Option<String> {
    let name = name?;
    let normal = nfc(name);
    let kept: String = normal.trim().chars().filter(|character| !character.is_control()).collect();
    (!kept.is_empty()).then_some(kept)
}

fn parted(display: &str) -> (String, String) {
    match display.split_once(char::is_whitespace) {
        Some((family, given)) if display.chars().next().is_some_and(is_family_first) => {
            (given.trim().to_owned(), family.to_owned())
        }
        Some((given, family)) => (given.to_owned(), family.trim().to_owned()),
        None => both(display.to_owned()),
    }
}

/// The part of a display name that remains after the known given name or surname is removed.
fn rest_of(display: &str, known: &str) -> Option<String> {
    let rest = display.strip_prefix(known).or_else(|| display.strip_suffix(known)).unwrap_or(display);
    let rest = rest.trim().trim_matches(',').trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn both(name: String) -> (String, String) {
    (name.clone(), name)
}

/// Whether a character belongs to a script in which the family name comes first: Han, kana or Hangul.
fn is_family_first(character: char) -> bool {
    matches!(u32::from(character), 0x3005..=0x30FF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3134F)
}

fn cut(name: String, most: usize) -> String {
    match name.char_indices().nth(most) {
        Some((end, _)) => name[..end].trim_end().to_owned(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: Option<&str>, surname: Option<&str>, display: Option<&str>) -> (String, String) {
        let member = Member {
            given_name: given.map(Into::into),
            surname: surname.map(Into::into),
            display_name: display.map(Into::into),
            ..Member::default()
        };
        person_name(&member, "taro.yamada@example.com")
    }

    fn pair(first: &str, last: &str) -> (String, String) {
        (first.into(), last.into())
    }

    #[test]
    fn usernames_that_both_connect_and_sts_accept_are_valid() {
        for name in ["testuser", "testuser@example.com", "A.b-c_d@sub.example.co.jp", "ab", &"x".repeat(64)] {
            assert_eq!(check_username(name), Ok(()), "{name}");
        }
        assert_eq!(check_username("0f8fad5b-d9cb-469f-a165-70867728950e"), Ok(()));
    }

    #[test]
    fn usernames_that_could_not_sign_in_are_rejected_with_the_reason() {
        use UsernameFault::*;
        for (name, fault) in [
            ("", TooShort),
            ("a", TooShort),
            ("testuser@example", NotAnEmailForm),
            ("@example.com", NotAnEmailForm),
            ("a@b@example.com", NotAnEmailForm),
            ("a@example..com", NotAnEmailForm),
            ("a@example.com.", NotAnEmailForm),
            ("o'neil@example.com", IllegalCharacters("'".into())),
            ("a+b@example.com", IllegalCharacters("+".into())),
            ("a_b.com#EXT#@tenant.onmicrosoft.com", IllegalCharacters("#".into())),
            ("山田@example.com", IllegalCharacters("山田".into())),
            ("a b@example.com", IllegalCharacters(" ".into())),
        ] {
            assert_eq!(check_username(name), Err(fault), "{name}");
        }
        assert_eq!(check_username(&"x".repeat(65)), Err(TooLong(65)));
    }

    #[test]
    fn names_from_entra_are_used_unchanged() {
        assert_eq!(named(Some("Hanako"), Some("Yamada"), Some("Someone Else")), pair("Hanako", "Yamada"));
    }

    #[test]
    fn names_are_sent_in_normal_form_c_and_without_surrounding_space() {
        assert_eq!(named(Some("か\u{3099}く"), Some(" 山田\t"), None), pair("がく", "山田"));
        assert_eq!(named(Some("A\u{0}nn"), Some("Lee"), None), pair("Ann", "Lee"));
    }

    #[test]
    fn a_missing_name_falls_back_to_the_display_name() {
        assert_eq!(named(None, None, Some("Jane van Dyke")), pair("Jane", "van Dyke"));
        assert_eq!(named(None, None, Some("山田 太郎")), pair("太郎", "山田"));
        assert_eq!(named(None, None, Some("山田\u{3000}太郎")), pair("太郎", "山田"));
        assert_eq!(named(None, None, Some("Reception")), pair("Reception", "Reception"));
        assert_eq!(named(Some("Jane"), None, Some("Jane Doe")), pair("Jane", "Doe"));
        assert_eq!(named(None, Some("Doe"), Some("Doe, Jane")), pair("Jane", "Doe"));
        assert_eq!(named(None, Some("山田"), Some("山田 太郎")), pair("太郎", "山田"));
        assert_eq!(named(Some("Jane"), None, None), pair("Jane", "Jane"));
        assert_eq!(named(Some("  "), Some(""), Some("\u{7}")), pair("taro.yamada", "taro.yamada"));
    }

    #[test]
    fn names_beyond_connects_lengths_are_cut_between_characters() {
        let (first, last) = named(Some(&"あ".repeat(400)), Some(&"い".repeat(400)), None);
        assert_eq!(first.chars().count(), MAX_FIRST_NAME);
        assert_eq!(last.chars().count(), MAX_LAST_NAME);
    }
}
