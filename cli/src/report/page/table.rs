//! Renders accessible tables. On a phone, CSS stacks the cells of a row, and labels each cell with its column name.
//! With this CSS layout, screen readers no longer recognize the table, so the elements have explicit ARIA roles.

use maud::{Markup, html};

/// The content of a table cell.
pub(super) enum Cell {
    /// A text.
    Text(String),
    /// A number, right-aligned.
    Number(String),
    /// HTML markup.
    Other(Markup),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Markup> for Cell {
    fn from(markup: Markup) -> Self {
        Self::Other(markup)
    }
}

/// Renders a table whose first column contains the row headers. Renders nothing if there are no rows.
pub(super) fn table(caption: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Markup {
    let number = |column: usize| rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
    html! {
        @if !rows.is_empty() {
            table role="table" aria-label=(caption) {
                thead role="rowgroup" {
                    tr role="row" {
                        @for (index, column) in columns.iter().enumerate() {
                            th.number[number(index)] role="columnheader" scope="col" { (column) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for row in &rows {
                        tr role="row" {
                            @for (cell, column) in row.iter().zip(columns) { (one(cell, column, std::ptr::eq(cell, &row[0]))) }
                        }
                    }
                }
            }
        }
    }
}

fn one(cell: &Cell, column: &str, first: bool) -> Markup {
    let content = match cell {
        Cell::Text(text) | Cell::Number(text) => html! { (text) },
        Cell::Other(markup) => markup.clone(),
    };
    html! {
        @if first { th role="rowheader" scope="row" { (content) } }
        @else { td.number[matches!(cell, Cell::Number(_))] role="cell" data-label=(column) { (content) } }
    }
}
