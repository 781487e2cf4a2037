//! Tables as people read them.

/// A table: its head, and its rows.
pub(super) struct Table {
    /// The names of the columns.
    pub head: Vec<&'static str>,
    /// As many cells each.
    pub rows: Vec<Vec<String>>,
}

/// Columns as wide as their widest cell.
pub(super) fn aligned(table: &Table) -> String {
    let widths: Vec<usize> = (0..table.head.len())
        .map(|column| {
            let cells = table.rows.iter().map(|row| row[column].chars().count());
            cells.chain([table.head[column].len()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let head = line(&mut table.head.iter().copied());
    let rows = table
        .rows
        .iter()
        .map(|row| line(&mut row.iter().map(String::as_str)));
    head + &rows.collect::<String>()
}
