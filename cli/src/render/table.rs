//! Aligned columns without frames, one record a line, so that `grep` and eyes both find them.
//!
//! Neighbours: every renderer that lists. Colour is put on whole lines afterwards: widths are counted without it.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// The same with a first column of numbers, which end below each other.
pub(crate) fn numbered(header: Option<&[&str]>, rows: &[Vec<String>]) -> Vec<String> {
    aligned(header, rows, CellAlignment::Right)
}

/// Aligns the cells; each row gives exactly one line, without spaces at its end.
pub(crate) fn align(header: Option<&[&str]>, rows: &[Vec<String>]) -> Vec<String> {
    aligned(header, rows, CellAlignment::Left)
}

fn aligned(header: Option<&[&str]>, rows: &[Vec<String>], first: CellAlignment) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(header) = header {
        table.set_header(header.iter().copied());
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| super::one_line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(first);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
