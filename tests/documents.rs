//! Tests that the documents are consistent with the program and with each other. The English and the Japanese documents
//! contain the same commands, and every link has a target. Every error and message on the troubleshooting pages exists
//! in the program. `.ci/documents/run` checks that the commands work.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod assumptions;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use onboarding_core::StepErrorKind;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.strip_prefix(root()).unwrap().to_path_buf();
        if entry.is_dir() {
            found.extend(files(name.to_str().unwrap(), ending));
        } else if name.to_string_lossy().ends_with(ending) {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Each document and its Japanese version.
fn pairs() -> Vec<(PathBuf, PathBuf)> {
    let mut pairs = vec![("README.md".into(), "README.ja.md".into())];
    let english = files("docs", ".md")
        .into_iter()
        .filter(|file| !file.starts_with("docs/ja") && !file.starts_with("docs/decisions"));
    pairs.extend(english.map(|file| {
        let japanese = Path::new("docs/ja").join(file.file_name().unwrap());
        (file, japanese)
    }));
    pairs
}

/// The code blocks of a document in one language, without shell comments.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line.trim() == format!("```{language}") {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            let block = block.map(|line| line.split("  #").next().unwrap_or(line).trim()).collect::<Vec<_>>();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// The first two cells of every table row in a document.
fn rows(document: &str) -> Vec<(String, String)> {
    let rows = document.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        Some((cells.next()?, cells.next()?))
    })
    .collect()
}

#[test]
fn both_languages_have_the_same_commands_and_examples() {
    for (english, japanese) in pairs() {
        for language in ["sh", "json"] {
            let both = [&english, &japanese].map(|file| blocks(&read(file), language));
            assert_eq!(both[0], both[1], "{} and {}", english.display(), japanese.display());
        }
    }
}

#[test]
fn both_languages_have_the_same_structure() {
    for (english, japanese) in pairs() {
        let shape = |file: &Path| {
            let text = read(file);
            let count = |begins: &str| text.lines().filter(|line| line.starts_with(begins)).count();
            ["# ", "## ", "### ", "- ", "|", "```"].map(|begins| (begins.to_owned(), count(begins)))
        };
        assert_eq!(shape(&english), shape(&japanese), "{} and {}", english.display(), japanese.display());
    }
}

#[test]
fn every_link_in_a_document_leads_to_an_existing_file_or_heading() {
    let anchors = |file: &Path| -> BTreeSet<String> {
        let text = read(file);
        let headings =
            text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        let letter = |c: char| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        };
        headings.map(|heading| heading.to_lowercase().chars().filter_map(letter).collect()).collect()
    };
    let documents = pairs().into_iter().flat_map(|(english, japanese)| [english, japanese]);
    for file in documents.chain(["CONTRIBUTING.md", "CHANGELOG.md", "benches/README.md"].map(PathBuf::from)) {
        let text = read(&file);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(root().join(&target).exists(), "{}: {link} leads nowhere", file.display());
            if !anchor.is_empty() {
                assert!(
                    anchors(&target).contains(anchor),
                    "{}: the target of {link} has no such heading",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_troubleshooting_table_has_every_error() {
    let wanted: BTreeSet<String> = StepErrorKind::ALL.into_iter().map(|kind| format!("`{}`", kind.name())).collect();
    for file in ["docs/troubleshooting.md", "docs/ja/troubleshooting.md"] {
        let named: BTreeSet<String> =
            rows(&read(file)).into_iter().map(|(first, _)| first).filter(|cell| wanted.contains(cell)).collect();
        assert_eq!(named, wanted, "{file}");
    }
}

#[test]
fn the_troubleshooting_pages_have_existing_messages_and_are_equal_in_both_languages() {
    let sources = files("functions", ".rs").into_iter().map(read).collect::<Vec<_>>().join("\n");
    // A backslash at the end of a line continues a message on the next line.
    let mut program = String::new();
    for part in sources.split("\\\n") {
        program.push_str(if program.is_empty() { part } else { part.trim_start() });
    }
    let messages = |file: &str| -> Vec<(String, String)> {
        let is_message =
            |cell: &str| cell.starts_with('`') && StepErrorKind::from_name(cell.trim_matches('`')).is_none();
        rows(&read(file)).into_iter().filter(|(first, _)| is_message(first)).collect()
    };
    let english = messages("docs/troubleshooting.md");
    assert!(english.len() > 15, "{english:?}");
    assert_eq!(english, messages("docs/ja/troubleshooting.md"));
    for (words, error) in english {
        assert!(program.contains(words.trim_matches('`')), "no message contains {words}");
        assert!(StepErrorKind::from_name(error.trim_matches('`')).is_some(), "{words} names {error}");
    }
}

#[test]
fn every_field_of_the_input_is_in_the_table_of_fields() {
    fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields_) if !path.ends_with("quotas") => {
                for (name, field) in fields_ {
                    fields(field, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) && !path.ends_with("quotas") => {
                items.iter().for_each(|item| fields(item, &format!("{path}[]"), found));
            }
            _ => drop(found.insert(path.to_owned())),
        }
    }
    let mut wanted = BTreeSet::new();
    fields(&serde_json::from_str(&read("examples/everything.json")).unwrap(), "", &mut wanted);
    for file in ["docs/onboarding-json.md", "docs/ja/onboarding-json.md"] {
        let text = read(file);
        for field in &wanted {
            let last = field.rsplit('.').next().unwrap();
            assert!(
                text.contains(&format!("`{field}`")) || text.contains(&format!("`.{last}`")),
                "{file} does not have {field}"
            );
        }
    }
}

#[test]
fn every_parameter_and_output_of_the_stack_is_described_in_the_deployment_page() {
    let template = read("template.yaml");
    let names = |section: &str| -> Vec<String> {
        let lines = template.lines().skip_while(|line| *line != section).skip(1);
        let lines = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
        lines
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| name.chars().all(char::is_alphanumeric))
            .map(ToOwned::to_owned)
            .collect()
    };
    for section in ["Parameters:", "Outputs:"] {
        let names = names(section);
        assert!(names.len() > 5, "{section} {names:?}");
        for file in ["docs/deploy.md", "docs/ja/deploy.md"] {
            let text = read(file);
            for name in &names {
                assert!(text.contains(&format!("`{name}`")), "{file} does not have {name} of {section}");
            }
        }
    }
}

#[test]
fn the_keyless_example_uses_existing_parameters() {
    let example = read("examples/keyless.samconfig.toml");
    let given = example.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once('=').map(|(name, _)| name));
    let given: Vec<&str> = given.collect();
    assert_eq!(given, ["TenantId", "SetupClientId", "RuntimeClientId"]);
    let template = read("template.yaml");
    assert!(given.iter().all(|name| template.contains(&format!("\n  {name}:\n"))), "{given:?}");
}

#[test]
fn every_resource_that_stays_when_the_stack_is_deleted_is_documented() {
    let template = read("template.yaml");
    let mut resource = "";
    let mut kept = Vec::new();
    for line in template.lines() {
        if let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'))
            && !name.starts_with(' ')
        {
            resource = name;
        }
        if line.trim().starts_with("DeletionPolicy: Retain") {
            kept.push(resource);
        }
    }
    assert!(kept.len() >= 4, "{kept:?}");
    for file in ["docs/deploy.md", "docs/ja/deploy.md"] {
        let text = read(file);
        for name in &kept {
            assert!(text.contains(&format!("`{name}`")), "{file} does not state that {name} is kept");
        }
    }
}

/// The test ignores the locks and notifications of the phone number branch, which the diagram omits.
#[test]
fn the_diagram_shows_every_step_of_the_onboarding_in_both_languages() {
    fn steps(machine: &Value, found: &mut BTreeSet<String>) {
        for (name, state) in machine["States"].as_object().unwrap() {
            let calls = state["Resource"].as_str().is_some_and(|resource| resource.starts_with("${"));
            if calls && !["Notify", "LockNumbers", "UnlockNumbers"].iter().any(|left| name.starts_with(left)) {
                found.insert(name.clone());
            }
            state["Branches"].as_array().into_iter().flatten().for_each(|branch| steps(branch, found));
        }
    }
    let mut found = BTreeSet::new();
    steps(&serde_json::from_str(&read("statemachine/onboarding.asl.json")).unwrap(), &mut found);
    assert!(found.len() > 15, "{found:?}");
    for document in ["README.md", "README.ja.md"] {
        let picture = blocks(&read(document), "mermaid").concat();
        for step in &found {
            let shown = picture.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| word == step);
            assert!(shown, "the diagram in {document} does not contain {step}");
        }
    }
}

/// `.ci/pictures/run` creates the pictures.
#[test]
fn the_readme_shows_every_picture_and_each_picture_is_small_and_complete_in_itself() {
    let mut shown = BTreeSet::new();
    for document in ["README.md", "README.ja.md"] {
        let text = read(document);
        let pictures = text.split(['"', '(', ')']).filter_map(|part| part.strip_prefix("docs/pictures/"));
        shown.extend(pictures.map(ToOwned::to_owned));
    }
    let names = fs::read_dir(root().join("docs/pictures")).unwrap().map(|entry| entry.unwrap().file_name());
    let stored: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(shown, stored);
    // Matches an absolute path, which would come from the machine that recorded the picture.
    let absolute = regex::Regex::new(r"(?:^|[\s>'(:=])/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+").unwrap();
    for picture in stored {
        let content = fs::read(root().join("docs/pictures").join(&picture)).unwrap();
        assert!((1..150_000).contains(&content.len()), "{picture} has {} bytes", content.len());
        if picture.ends_with(".svg") {
            let text = String::from_utf8(content).unwrap();
            for foreign in ["<script", "<image", "@font-face", "@import", "url(", "href"] {
                assert!(!text.contains(foreign), "{picture} contains {foreign}");
            }
            assert!(!absolute.is_match(&text), "{picture} contains {:?}", absolute.find(&text));
        }
    }
}

/// CloudFormation requires `CAPABILITY_NAMED_IAM` for a template that sets role names.
#[test]
fn every_deployment_script_allows_named_roles() {
    let mut deployments = 0;
    for script in [".ci/live/onboard", ".ci/sam/run"] {
        for command in read(script).replace("\\\n", " ").lines().filter(|line| line.contains("sam deploy --stack-name"))
        {
            deployments += 1;
            assert!(command.contains("CAPABILITY_NAMED_IAM"), "{script}: {command}");
        }
    }
    assert_eq!(deployments, 2);
}

/// No check can detect these limitations before the deployment, so the documents must state them.
#[test]
fn limitations_of_the_deployment_are_documented_in_both_languages() {
    for (file, words) in
        [("limits.md", "GovCloud"), ("deploy.md", "`sam publish`"), ("phone-numbers.md", "Business Support+")]
    {
        for folder in ["docs", "docs/ja"] {
            assert!(read(format!("{folder}/{file}")).contains(words), "{folder}/{file} does not name {words}");
        }
    }
}

#[test]
fn no_doc_comment_has_a_rust_example_because_doctests_are_disabled() {
    let fence = |line: &str| {
        let text = line.trim_start();
        text.strip_prefix("/// ```").or_else(|| text.strip_prefix("//! ```")).map(ToOwned::to_owned)
    };
    let sources = ["functions", "cli", "tests", "benches"].map(|folder| files(folder, ".rs")).concat();
    assert!(sources.len() > 100, "{}", sources.len());
    for file in sources {
        // The fences of a file alternately open and close a code block. This loop checks only the opening fences,
        // because rustdoc treats a block whose opening fence names no language as a Rust example.
        for language in read(&file).lines().filter_map(fence).step_by(2) {
            assert!(["text", "json", "sh"].contains(&&*language), "{}: `doctest = false`", file.display());
        }
    }
}

#[test]
fn the_changelog_describes_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("CHANGELOG.md").contains(&format!("## {version}\n")), "CHANGELOG.md has no {version}");
}

#[test]
fn the_documents_name_the_build_of_the_binary_that_a_deployment_from_a_checkout_needs() {
    for (file, section) in [
        ("README.md", "## Deploy"),
        ("README.ja.md", "## デプロイ"),
        ("docs/deploy.md", "## Upgrade"),
        ("docs/ja/deploy.md", "## アップグレード"),
    ] {
        let text = read(file);
        let after = text.split_once(&format!("\n{section}\n")).unwrap().1;
        let section = after.split("\n## ").next().unwrap();
        for command in ["onboard deploy", "cargo lambda build --release --bin bootstrap"] {
            assert!(section.contains(command), "{file}: {command} is missing in:\n{section}");
        }
    }
}
