//! Jepsen's `jepsen.log`: the rows that `jepsen.util` logs, among the lines of everybody else.
//!
//! A line without a row is prose, and says nothing about the history; but one that has the look of a row and cannot
//! be read as one is an error. The order of the lines is the order of the events. A `fail` did not happen.

use std::io::BufRead;

use super::draft::assemble;
use super::edn::Fault;
use super::error::FormatError;
use super::jepsen_rows::{Problematic, drafts, looks_like_a_row};
use super::{Imported, Options, head_text, read_text};

pub(super) const NAME: &str = "jepsen-log";

/// What stands before a row, in older and newer logs.
const LOGGERS: [&str; 2] = ["jepsen.util - ", "jepsen.util: "];

/// Whether a line is one of Jepsen's loggers'.
pub(super) fn recognise(head: &[u8]) -> bool {
    let logged = |line: &str| line.contains(" jepsen.") && (line.contains(": ") || line.contains(" - "));
    let mut lines = head_text(head).lines();
    lines.any(|line| {
        logged(line)
            && ["INFO", "WARN", "DEBUG", "ERROR"]
                .iter()
                .any(|level| line.contains(level))
    })
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt, row_of).map_err(|fault| fault.place(&text))?;
    if drafts.is_empty() {
        let fault = Fault::expected(text.len(), "a row of jepsen.util", "a log without any");
        return Err(fault.place(&text));
    }
    Ok(Imported::without_header(
        NAME,
        assemble(&text, drafts, options.independent, options.interrupt)?,
    ))
}

fn row_of(line: &str) -> Result<Option<usize>, Problematic> {
    match message_of(line) {
        Some(at) if looks_like_a_row(&line[at..]) => Ok(Some(at)),
        _ if has_a_type(line) => Err(Problematic),
        _ => Ok(None),
    }
}

/// Where the words of `jepsen.util` begin in its lines.
pub(super) fn message_of(line: &str) -> Option<usize> {
    LOGGERS
        .iter()
        .find_map(|logger| line.find(logger).map(|at| at + logger.len()))
}

/// Whether a type stands alone between blanks, as it does in rows only.
fn has_a_type(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.any(|word| matches!(word, ":invoke" | ":ok" | ":fail")) || line.contains("\t:info\t")
}
