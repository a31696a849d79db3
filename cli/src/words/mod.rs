//! The message catalog in English and Japanese, with one function for each message.
//!
//! Two kinds of text are not in the catalog. Names of states, errors, statuses and fields are not translated, so that
//! they remain searchable. Messages that the workflow creates, for example error messages of the functions, are shown
//! unchanged.

mod cloud;
mod commands;
mod deploy;
mod evidence;
mod help;
pub(crate) mod labels;
mod local;
mod operate;
mod states;

#[cfg(test)]
pub(crate) use self::help::keys as help_keys;
pub(crate) use self::help::{refused, translated};
use std::ffi::OsString;

use clap::ValueEnum;
use onboarding_core::onboarding::Language;

/// Language of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// The language that `--lang` selects. The arguments are not parsed yet when this function runs, so it searches
    /// them for this option.
    #[must_use]
    pub fn of_arguments(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let value = loop {
            let argument = arguments.next()?;
            match argument.to_str()?.split_once('=') {
                Some(("--lang", value)) => break value.to_owned(),
                None if argument == "--lang" => break arguments.next()?.into_string().ok()?,
                _ => {}
            }
        };
        Self::from_str(&value, false).ok()
    }

    /// The language that the environment variables select. As in POSIX, `LC_ALL` takes precedence over `LC_MESSAGES`,
    /// and `LC_MESSAGES` over `LANG`.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        match ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set) {
            Some(locale) if locale == "ja" || locale.starts_with("ja_") || locale.starts_with("ja.") => Self::Ja,
            _ => Self::En,
        }
    }
}

/// The message catalog in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Lang);

impl Words {
    /// The catalogs in English and Japanese.
    pub const BOTH: [Self; 2] = [Self(Lang::En), Self(Lang::Ja)];

    /// Returns the language as the type [`Language`], which the input and the report use.
    #[must_use]
    pub const fn language(self) -> Language {
        match self.0 {
            Lang::En => Language::En,
            Lang::Ja => Language::Ja,
        }
    }

    /// Returns the text that is in the language of this catalog.
    #[must_use]
    pub const fn choose<'t>(self, english: &'t str, japanese: &'t str) -> &'t str {
        match self.0 {
            Lang::En => english,
            Lang::Ja => japanese,
        }
    }
}

/// Returns the text in a form that a shell reads as one word. If the text is empty or contains characters that a shell
/// interprets, the text is put in quotation marks.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Defines one function for each line of the form `name(arguments) = "English", "日本語";`. Both texts can contain the
/// arguments in braces.
macro_rules! catalog {
    ($($name:ident($($argument:ident),*) = $english:literal, $japanese:literal;)*) => {
        impl $crate::words::Words { $(
            #[must_use]
            pub(crate) fn $name(self, $($argument: impl std::fmt::Display),*) -> String {
                match self.0 {
                    $crate::words::Lang::En => format!($english),
                    $crate::words::Lang::Ja => format!($japanese),
                }
            }
        )* }
    };
}
use catalog;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_other_than_plain_characters_is_quoted() {
        assert_eq!(["a-b.json", "My file", "it's", ""].map(quoted), ["a-b.json", "'My file'", "'it'\\''s'", "''"]);
    }

    #[test]
    fn the_language_option_is_found_before_the_arguments_are_parsed() {
        let of = |line: &str| Lang::of_arguments(line.split(' ').map(OsString::from));
        assert_eq!(of("list --lang ja --all"), Some(Lang::Ja));
        assert_eq!(of("--lang=en list"), Some(Lang::En));
        assert_eq!(of("list --language ja"), None);
        assert_eq!(of("list --lang fr"), None);
    }

    #[test]
    fn the_language_follows_the_locale_and_lc_all_takes_precedence() {
        let environment = |pairs: &'static [(&'static str, &'static str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(Lang::of_environment(environment(&[])), Lang::En);
        assert_eq!(Lang::of_environment(environment(&[("LANG", "ja_JP.UTF-8")])), Lang::Ja);
        assert_eq!(Lang::of_environment(environment(&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")])), Lang::En);
        assert_eq!(Lang::of_environment(environment(&[("LANG", "C"), ("LC_ALL", "")])), Lang::En);
        assert_eq!(
            Lang::of_environment(environment(&[("LANG", "jam_JM.UTF-8")])),
            Lang::En,
            "Jamaican is not Japanese"
        );
    }
}
