//! Generates the tables of assumptions in the documents from the assumptions in the code of the local cloud. To update
//! the tables: `UPDATE_DOCS=1 cargo test --workspace --test product documents::assumptions`.

use std::{env, fmt::Write, fs};

use local_cloud::stand_in::assumptions::{self, Area, Text};

use super::{read, root};

const UPDATE: &str = "UPDATE_DOCS=1 cargo test --workspace --test product documents::assumptions";

fn in_language(text: Text, japanese: bool) -> &'static str {
    if japanese { text.ja } else { text.en }
}

/// A table with a row for every assumption and both of its possible readings.
fn table(japanese: bool) -> String {
    let mut table = match japanese {
        true => "| 名前 | 前提 | 別の解釈 | 出典 |\n".to_owned(),
        false => "| Name | Assumed | The other reading | Source |\n".to_owned(),
    };
    table += "|---|---|---|---|\n";
    for area in Area::ALL {
        for row in assumptions::all().filter(|row| row.area == area) {
            let (assumed, other) = (in_language(row.assumed, japanese), in_language(row.other, japanese));
            let _ = writeln!(table, "| `{}` | {assumed} | {other} | {} |", row.name, row.source);
        }
    }
    table
}

#[test]
fn the_documents_list_exactly_the_assumptions_of_the_local_cloud() {
    for (file, generated) in [("docs/local-cloud.md", table(false)), ("docs/ja/local-cloud.md", table(true))] {
        let text = read(file);
        let (head, rest) = text.split_once("<!-- assumptions -->\n").unwrap();
        let (_, tail) = rest.split_once("<!-- /assumptions -->").unwrap();
        let wanted = format!("{head}<!-- assumptions -->\n{generated}<!-- /assumptions -->{tail}");
        if text != wanted && env::var_os("UPDATE_DOCS").is_some() {
            fs::write(root().join(file), &wanted).unwrap();
        } else {
            assert!(text == wanted, "{file} is stale: {UPDATE}");
        }
    }
}
