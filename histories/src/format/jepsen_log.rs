//! Jepsen's `jepsen.log`, or what it printed on the console: the rows that `jepsen.util` logs, among the lines of everybody
//! else. In a row's place an operation may stand as a map, or as a row in brackets.
//!
//! A line without a row is prose, and says nothing about the history; but one that has the look of a row and cannot
//! be read as one is an error. The order of the lines is the order of the events. A `fail` did not happen.

use std::io::BufRead;

use super::draft::{assemble, places};
use super::edn::Fault;
use super::error::FormatError;
use super::jepsen_rows::{Problematic, begins_an_operation, drafts};
use super::{Imported, Options, head_text, read_text};

pub(super) const NAME: &str = "jepsen-log";

/// Who logs rows, and what stands between the name and the row in older and newer logs, and on the console.
const LOGGER: &str = "jepsen.util";
const BETWEEN: [&str; 4] = [" - ", ": ", " ", "\t"];

const LEVELS: [&str; 4] = ["INFO", "WARN", "DEBUG", "ERROR"];

/// Whether a line is one of Jepsen's loggers', or has an operation behind a logger's level.
pub(super) fn recognise(head: &[u8]) -> bool {
    let logged = |line: &str| line.contains(" jepsen.") && (line.contains(": ") || line.contains(" - "));
    let mut lines = head_text(head).lines();
    lines.any(|line| has_a_level(line) && (logged(line) || operation_at(line).is_some()))
}

fn has_a_level(line: &str) -> bool {
    LEVELS.iter().any(|level| line.contains(level))
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt, row_of).map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    if drafts.is_empty() {
        let fault = Fault::expected(text.len(), "a row of jepsen.util", "a log without any");
        return Err(fault.place(&text));
    }
    Ok(Imported::without_header(
        NAME,
        assemble(&text, drafts, options.independent, options.interrupt)?,
    )
    .at(places))
}

fn row_of(line: &str) -> Result<Option<usize>, Problematic> {
    match operation_at(line) {
        Some(at) => Ok(Some(at)),
        None if has_a_type(line) => Err(Problematic),
        None => Ok(None),
    }
}

/// Where the operation of a line begins: behind the logger, or behind the dash of a console that names none.
fn operation_at(line: &str) -> Option<usize> {
    let behind_a_dash = || {
        let at = line.find(" - ")? + " - ".len();
        has_a_level(&line[..at]).then_some(at)
    };
    [message_of(line), behind_a_dash()]
        .into_iter()
        .flatten()
        .find(|at| begins_an_operation(&line[*at..]))
}

/// Where the words of `jepsen.util` begin in its lines.
pub(super) fn message_of(line: &str) -> Option<usize> {
    let behind = line.find(LOGGER)? + LOGGER.len();
    let between = BETWEEN
        .iter()
        .find(|between| line[behind..].starts_with(**between))?;
    Some(behind + between.len())
}

/// Whether a type stands alone between blanks, as it does in rows only.
fn has_a_type(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.any(|word| matches!(word, ":invoke" | ":ok" | ":fail")) || line.contains("\t:info\t")
}
