//! Checks that the tests in the lessons table of CONTRIBUTING.md exist. Each lesson is a problem that users of similar
//! tools had.

use std::{fs, path::Path};

use super::{read, root};

/// All Rust source files in a directory, as one text.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && name != "target" {
            text += &source(&entry);
        } else if name.ends_with(".rs") {
            text += &fs::read_to_string(&entry).unwrap();
        }
    }
    text
}

#[test]
fn the_lessons_table_of_contributing_names_existing_tests() {
    let text = read("CONTRIBUTING.md");
    let table = text.split("| Lesson | Tests |").nth(1).unwrap().split("\n\n").next().unwrap();
    let lessons: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert_eq!(lessons.len(), 12, "{lessons:?}");
    let source: String =
        ["functions", "cli", "local-cloud", "tests"].iter().map(|folder| source(&root().join(folder))).collect();
    for lesson in lessons {
        for name in lesson.split('`').skip(1).step_by(2) {
            assert!(source.contains(&format!("fn {name}(")), "there is no test {name}: {lesson}");
        }
    }
}
