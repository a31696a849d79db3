//! Reads which top-level modules of a crate a source file imports.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The first name in a path, for example `aws` in `aws::iam::roles`. The argument is the part of the path after
/// `crate::`.
fn first_name(path: &str) -> &str {
    let path = path.trim_start();
    &path[..path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len())]
}

/// The first names of all paths in the braces of a `use` declaration. The text begins with `{`.
fn first_names(tree: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::from([first_name(&tree[1..])]);
    let mut depth = 0;
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => drop(names.insert(first_name(&tree[at + 1..]))),
            _ => {}
        }
    }
    names
}

/// The names at the root of the crate that a source file imports, either through `crate::` or through `super::`
/// repeated `depth` times. `depth` is the nesting depth of the file's module. Comments are ignored.
pub(super) fn used(source: &str, depth: usize) -> BTreeSet<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for root in ["crate::", &"super::".repeat(depth)] {
        for (at, _) in code.match_indices(root) {
            let path = code[at + root.len()..].trim_start_matches("super::");
            let found = if path.starts_with('{') { first_names(path) } else { [first_name(path)].into() };
            names.extend(found.into_iter().map(ToOwned::to_owned));
        }
    }
    names
}

/// A source file with its top-level module and the depth of its own module.
#[derive(Debug)]
pub(super) struct Source {
    /// The path of the file in the checkout.
    pub(super) path: PathBuf,
    /// The top-level module, or the file's name for a file at the root.
    pub(super) module: String,
    /// The depth of the file's module: 1 for a top-level module.
    pub(super) depth: usize,
    /// The content of the file.
    pub(super) text: String,
}

impl Source {
    /// A source file below the root directory of a crate.
    pub(super) fn new(root: &Path, path: PathBuf, text: String) -> Self {
        let below = path.strip_prefix(root).unwrap_or(&path).with_extension("");
        let names: Vec<String> = below.iter().map(|name| name.to_string_lossy().replace('-', "_")).collect();
        let depth = names.iter().filter(|name| *name != "mod").count();
        Self { module: names[0].clone(), depth, path, text }
    }

    /// The forbidden imports of this file: imports from a higher layer, and imports from other modules of the same
    /// layer. `layers` lists the layers from top to bottom, each with its modules.
    pub(super) fn pointing_back(&self, layers: &[&[&str]]) -> Vec<String> {
        let place = |module: &str| layers.iter().position(|modules| modules.contains(&module));
        let own =
            place(&self.module).unwrap_or_else(|| panic!("{}: add {} to a layer", self.path.display(), self.module));
        used(&self.text, self.depth)
            .into_iter()
            .filter(|name| *name != self.module && place(name).is_some_and(|other| other <= own))
            .map(|name| format!("{} imports {name}", self.path.display()))
            .collect()
    }
}

/// The Rust source files in these parts of a crate. Each part is a directory or a file. Paths are relative to the
/// checkout.
pub(super) fn sources(root: &str, parts: &[&str]) -> Vec<Source> {
    let here = super::root();
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = parts.iter().map(|part| Path::new(root).join(part)).collect();
    while let Some(path) = folders.pop() {
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(Source::new(Path::new(root), path.clone(), fs::read_to_string(here.join(&path)).unwrap()));
        } else if here.join(&path).is_dir() {
            let entries = fs::read_dir(here.join(&path)).unwrap();
            folders.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        }
    }
    files
}
