//! Jepsen's `history.txt`: a row `process type operation value` an event, and the error behind it.
//!
//! Rows have no times: their order is the order of the events. A `fail` did not happen.

use std::io::BufRead;

use super::draft::{Draft, assemble, places};
use super::edn::{Edn, Fault, Node, Parser, excerpt};
use super::error::FormatError;
use super::jepsen_edn::{
    begins_a_row, blank, code_and_message, kind, looks_like_a_row, operation, process, word_of,
};
use super::names::Names;
use super::{Imported, Interrupt, Options, head_text, read_text};
use crate::event::Process;
use crate::value::Value;

pub(super) const NAME: &str = "jepsen-txt";

/// Whether the first line is a row.
pub(super) fn recognise(head: &[u8]) -> bool {
    head_text(head)
        .lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(looks_like_a_row)
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt, |_| Ok(Some(0))).map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    Ok(Imported::without_header(
        NAME,
        assemble(&text, drafts, options.independent, options.interrupt)?,
    )
    .at(places))
}

/// The rows of a text. `row_of` says at which byte of a line its row begins; none: the line has no row.
pub(super) fn drafts(
    text: &str,
    interrupt: Interrupt<'_>,
    row_of: impl Fn(&str) -> Result<Option<usize>, Problematic>,
) -> Result<Vec<Draft>, Fault> {
    let (mut names, mut drafts) = (Names::default(), Vec::new());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        interrupt.look(start)?;
        let end = start + line.trim_end().len();
        let row = row_of(line.trim_end()).map_err(|Problematic| not_a_row(start, line))?;
        if let Some(row) = row {
            drafts.push(draft(&text[..end], start + row, &mut names)?);
        }
        start += line.len();
    }
    Ok(drafts)
}

/// A line that has to be a row, and is none.
pub(super) struct Problematic;

fn not_a_row(offset: usize, line: &str) -> Fault {
    Fault::expected(offset, "a row: process, type, operation and value", excerpt(line))
}

/// Whether the text begins with a row, with or without brackets, or with a map of an operation.
pub(super) fn begins_an_operation(text: &str) -> bool {
    let is_map = text.starts_with('{') && text.contains(":type") && text.contains(":process");
    is_map || begins_a_row(text) || looks_like_a_row(text)
}

/// The row that begins at an offset; `text` ends where its line does.
fn draft(text: &str, offset: usize, names: &mut Names) -> Result<Draft, Fault> {
    let mut parser = Parser::at(text, offset);
    if parser.rest().starts_with('{') || begins_a_row(parser.rest()) {
        return operation(&next(&mut parser, "an operation")?, names);
    }
    let mut draft = blank(offset);
    draft.event.process = process(&next(&mut parser, "a process")?)?;
    draft.event.kind = kind(&next(&mut parser, "the type :invoke, :ok, :fail or :info")?)?;
    draft.event.f = word_of(
        &next(&mut parser, "the operation's name")?,
        draft.event.process,
        names,
    )?;
    let rest = parser.rest().trim();
    match next(&mut parser, "a value") {
        // The nemesis may say anything, in prose too.
        Err(_)
        | Ok(Node {
            edn: Edn::Symbol(_), ..
        }) if draft.event.process == Process::Nemesis => {
            draft.event.value = Value::from(rest);
        }
        Err(fault) => return Err(fault),
        Ok(node) => {
            draft.set_value(&node)?;
            set_error(&mut draft, parser.rest().trim());
        }
    }
    Ok(draft)
}

fn next<'a>(parser: &mut Parser<'a>, expected: &'static str) -> Result<Node<'a>, Fault> {
    let end = parser.offset() + parser.rest().len();
    parser
        .next()?
        .ok_or_else(|| Fault::expected(end, expected, "the end of the line"))
}

/// What stands behind the value: an error, as EDN or in the system's own words.
fn set_error(draft: &mut Draft, rest: &str) {
    let event = &mut draft.event;
    if rest.is_empty() {
        return;
    }
    let mut parser = Parser::at(rest, 0);
    let (code, message) = match parser.next() {
        Ok(Some(node)) if parser.rest().trim().is_empty() => code_and_message(&node.edn, None),
        _ => code_and_message(&Edn::Text(rest.into()), None),
    };
    event.error = event.error.take().or(code);
    event.message = message;
}
