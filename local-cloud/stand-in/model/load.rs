//! Reads botocore's service models.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use flate2::read::GzDecoder;
use regex::Regex;
use serde::Deserialize;

/// Why a service model cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{0} contains no service model {1}; specify botocore's data directory")]
    Missing(PathBuf, &'static str),
    #[error("{path} can't be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a service model: {source}")]
    Parse { path: PathBuf, source: serde_json::Error },
}

/// The model of a service, without its documentation.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) operations: HashMap<String, Operation>,
    pub(super) shapes: HashMap<String, Shape>,
    /// The compiled patterns by their source text. `None` if the regex engine does not support the pattern.
    #[serde(skip)]
    pub(super) patterns: Mutex<HashMap<String, Option<Pattern>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) input: Option<Reference>,
    pub(super) output: Option<Reference>,
    #[serde(default)]
    pub(super) errors: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) shape: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) members: HashMap<String, Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(rename = "enum", default)]
    pub(super) values: Vec<String>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) pattern: Option<String>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
    #[serde(default)]
    pub(super) sensitive: bool,
    #[serde(default)]
    pub(super) union: bool,
    #[serde(default)]
    pub(super) document: bool,
    pub(super) error: Option<ErrorTrait>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorTrait {
    pub(super) http_status_code: Option<u16>,
}

/// A pattern in the Java dialect of the models, split into a regular expression and a prefix that a value must not
/// have.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    forbidden: Option<String>,
    rule: Regex,
}

impl Pattern {
    /// Compiles a pattern. Returns `None` if the regex engine does not support it.
    pub(super) fn new(source: &str) -> Option<Self> {
        // In a few patterns of the models, the backslashes are escaped twice.
        let source = if source.contains(r"\\d") || source.contains(r"\\p{") || source.starts_with(r"\\+") {
            source.replace(r"\\", r"\")
        } else {
            source.to_owned()
        };
        let (forbidden, rest) = match source.strip_prefix("^(?!").and_then(|rest| rest.split_once(')')) {
            Some((forbidden, rest)) if forbidden.chars().all(|c| c.is_alphanumeric() || c == ':' || c == '-') => {
                (Some(forbidden.to_owned()), format!("^{rest}"))
            }
            Some(_) => return None,
            None => (None, source),
        };
        Regex::new(&rest).ok().map(|rule| Self { forbidden, rule })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.forbidden.as_ref().is_none_or(|forbidden| !text.starts_with(forbidden)) && self.rule.is_match(text)
    }
}

impl Model {
    pub(super) fn load(directory: &Path, service: &'static str) -> Result<Self, LoadError> {
        let path = newest(&directory.join(service)).ok_or_else(|| LoadError::Missing(directory.into(), service))?;
        let read = |source| LoadError::Read { path: path.clone(), source };
        let file = BufReader::new(File::open(&path).map_err(read)?);
        let mut text = Vec::new();
        if path.extension().is_some_and(|end| end == "gz") {
            GzDecoder::new(file).read_to_end(&mut text).map_err(read)?;
        } else {
            file.take(u64::MAX).read_to_end(&mut text).map_err(read)?;
        }
        let mut model: Self = serde_json::from_slice(&text).map_err(|source| LoadError::Parse { path, source })?;
        if service == "connect" {
            model.complete()?;
        }
        Ok(model)
    }

    /// Adds the operations that this project calls and that the emulator's botocore release does not contain yet. They
    /// are taken from botocore 1.44.8.
    fn complete(&mut self) -> Result<(), LoadError> {
        let newer: Self = serde_json::from_str(include_str!("connect-newer.json"))
            .map_err(|source| LoadError::Parse { path: "connect-newer.json".into(), source })?;
        for (name, operation) in newer.operations {
            self.operations.entry(name).or_insert(operation);
        }
        for (name, shape) in newer.shapes {
            self.shapes.entry(name).or_insert(shape);
        }
        Ok(())
    }
}

/// Reads the model of the service's newest API version. The file may be compressed.
fn newest(directory: &Path) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    versions.into_iter().rev().find_map(|version| {
        let names = ["service-2.json.gz", "service-2.json"];
        names.into_iter().map(|name| version.join(name)).find(|path| path.is_file())
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a pattern that cannot be converted to a Rust regex fails the test")]
    use super::*;

    #[test]
    fn patterns_of_the_models_are_translated() {
        let tag = Pattern::new(r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$").unwrap();
        assert!(tag.matches("entra-object-id") && tag.matches("所有者") && !tag.matches("aws:x") && !tag.matches("a*"));
        let phone = Pattern::new(r"\\+[1-9]\\d{1,14}$").unwrap();
        assert!(phone.matches("+81312345678") && !phone.matches("0312345678"));
        assert!(Pattern::new("^(?=.*[a-z])x").is_none());
    }
}
