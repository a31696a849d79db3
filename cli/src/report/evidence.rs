//! The tables of an evidence pack, and how they are written as CSV and JSON. [`super::page::evidence`] renders the
//! tables as an HTML page.

use serde_json::{Map, Value};

/// A table of an evidence pack. The format of the pack defines the name of the table and the names of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name of the table. The name of its CSV file is this name and a suffix.
    pub name: &'static str,
    /// The names of the columns.
    pub columns: &'static [&'static str],
    /// The rows, in a fixed order.
    pub rows: Vec<Vec<String>>,
}

/// The evidence about one onboarding.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The alias of the instance.
    pub alias: String,
    /// Name and value of each fact about the onboarding: account, Region, ids.
    pub facts: Vec<(&'static str, String)>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The documents that `onboard evidence` read: IAM policies, trust policy, claims and certificates.
    pub documents: Map<String, Value>,
}

/// If a cell starts with one of these characters, a spreadsheet program interprets the cell as a formula. The list
/// includes full-width characters, which a Japanese spreadsheet program also accepts in formulas (OWASP, "CSV
/// Injection").
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

impl Table {
    /// The table as CSV (RFC 4180), in UTF-8 with a byte order mark. Without the byte order mark, Excel shows Japanese
    /// names incorrectly. An apostrophe is added before each value that a spreadsheet program would interpret as a
    /// formula.
    #[must_use]
    pub fn csv(&self) -> String {
        let head = self.columns.iter().map(|column| (*column).to_owned()).collect();
        let lines = std::iter::once(&head).chain(&self.rows).map(|row: &Vec<String>| {
            let cells: Vec<String> = row.iter().map(|cell| cell_of(cell)).collect();
            cells.join(",") + "\r\n"
        });
        std::iter::once("\u{feff}".to_owned()).chain(lines).collect()
    }

    /// The rows of the table as JSON objects.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |row: &Vec<String>| -> Value {
            self.columns
                .iter()
                .zip(row)
                .map(|(column, cell)| ((*column).to_owned(), Value::from(cell.as_str())))
                .collect()
        };
        self.rows.iter().map(row).collect()
    }
}

fn cell_of(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

impl Evidence {
    /// The whole evidence as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let facts: Value =
            self.facts.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        let tables: Value = self.tables.iter().map(|table| (table.name.to_owned(), table.json())).collect();
        serde_json::json!({ "alias": self.alias, "facts": facts, "tables": tables, "documents": self.documents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_a_spreadsheet_would_run_is_text() {
        let rows = ["=1+1", "+81 3", "-1", "@SUM(A1)", "\t=1", "＝1", "a=b", "say \"hi\", all", "two\nlines"];
        let rows = rows.into_iter().map(|cell| vec![cell.to_owned()]).collect();
        let table = Table { name: "t", columns: &["value"], rows };
        let lines = [
            "\u{feff}\"value\"",
            "\"'=1+1\"",
            "\"'+81 3\"",
            "\"'-1\"",
            "\"'@SUM(A1)\"",
            "\"'\t=1\"",
            "\"'＝1\"",
            "\"a=b\"",
            "\"say \"\"hi\"\", all\"",
            "\"two\nlines\"",
            "",
        ];
        assert_eq!(table.csv(), lines.join("\r\n"));
        assert_eq!(table.json()[0]["value"], "=1+1", "JSON has the value itself");
    }
}
