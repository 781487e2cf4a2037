//! EDN as Jepsen, Knossos and elle-cli write it: maps of operations one after the other, or in one vector or list; or rows
//! in brackets, `[process type operation value]`, as older Knossos's.
//!
//! A `fail` did not happen, a failed compare-and-set neither. Keywords become texts, sets arrays, maps arrays of
//! pairs. `[k v]` tuples are taken apart by [`Independent`](super::Independent). An operation without `:f` is a
//! transaction (Elle's own histories). The nemesis is the process `:nemesis`.
//!
//! Our own export begins with a comment that holds the header; a history that begins like that is what it was.

mod operation;
mod write;

use std::io::BufRead;

pub(super) use operation::{blank, code_and_message, kind, operation, process, shown, word_of};
pub(super) use write::write;

use super::draft::{Draft, assemble, places};
use super::edn::{Fault, Parser};
use super::error::FormatError;
use super::names::Names;
use super::{Imported, Independent, Interrupt, Options, head_text, read_text};
use crate::history::{Header, History};

pub(super) const NAME: &str = "jepsen-edn";

/// Whether the text begins with a map with a keyword, tagged or not, alone or in a vector or a list.
pub(super) fn recognise(head: &[u8]) -> bool {
    let mut parser = Parser::at(head_text(head), 0);
    if parser.skip().is_ok() && begins_a_row(parser.rest()) {
        return true;
    }
    let entered = parser.enter_sequence();
    if parser.skip().is_err() {
        return false;
    }
    let rest = parser.rest();
    match entered {
        Err(_) => false,
        Ok(close) => {
            close.is_some_and(|close| rest.starts_with(close))
                || begins_a_map(untagged(rest))
                || begins_a_row(rest)
        }
    }
}

/// Whether a row in brackets stands here.
pub(super) fn begins_a_row(text: &str) -> bool {
    text.strip_prefix(['[', '(']).is_some_and(looks_like_a_row)
}

/// Whether the text begins with a process, which some loggers put in brackets, and a keyword.
pub(super) fn looks_like_a_row(text: &str) -> bool {
    let (process, rest) = match text.trim_start().strip_prefix('[') {
        Some(inside) => inside.split_once(']').unwrap_or_default(),
        None => {
            let text = text.trim_start();
            text.split_once(char::is_whitespace).unwrap_or_default()
        }
    };
    let process = process.trim();
    let is_process = process == ":nemesis" || process.parse::<u64>().is_ok();
    is_process && rest.trim_start().starts_with(':')
}

fn begins_a_map(text: &str) -> bool {
    let inside = text.strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with([':', '}']))
}

/// What stands behind a tag, as in `#jepsen.history.Op{:index 0 …}`.
fn untagged(text: &str) -> &str {
    let is_of_tag = |character: char| character.is_alphanumeric() || "._-/".contains(character);
    let behind = text
        .strip_prefix('#')
        .filter(|tag| tag.starts_with(char::is_alphabetic));
    behind.map_or(text, |tag| tag.trim_start_matches(is_of_tag).trim_start())
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt).map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    let Some(header) = header(&text).map_err(|fault| fault.place(&text))? else {
        return Ok(Imported::without_header(
            NAME,
            assemble(&text, drafts, options.independent, options.interrupt)?,
        )
        .at(places));
    };
    let keyed = if header.keyed {
        Independent::Yes
    } else {
        Independent::No
    };
    let history = History {
        header,
        ..assemble(&text, drafts, keyed, options.interrupt)?
    };
    Ok(Imported::with_header(NAME, history).at(places))
}

/// How the comment begins in which our export keeps the header.
const HEADER: &str = "; history/1 ";

/// The header that our export left in the first line.
fn header(text: &str) -> Result<Option<Header>, Fault> {
    let Some(json) = text.lines().next().and_then(|line| line.strip_prefix(HEADER)) else {
        return Ok(None);
    };
    let fault = |error: serde_json::Error| {
        Fault::expected(HEADER.len(), "the header of history/1", error.to_string())
    };
    serde_json::from_str(json).map(Some).map_err(fault)
}

/// The operations of a text.
pub(super) fn drafts(text: &str, interrupt: Interrupt<'_>) -> Result<Vec<Draft>, Fault> {
    let mut parser = Parser::at(text, 0);
    let (mut names, mut drafts) = (Names::default(), Vec::new());
    parser.skip()?;
    let enters = !begins_a_row(parser.rest());
    if let Some(close) = enters.then(|| parser.enter_sequence()).transpose()?.flatten() {
        while let Some(node) = parser.next_in(close)? {
            interrupt.look(node.start)?;
            drafts.push(operation(&node, &mut names)?);
        }
        return match parser.next()? {
            None => Ok(drafts),
            Some(more) => Err(Fault::expected(
                more.start,
                "the end of the file",
                shown(&more.edn),
            )),
        };
    }
    while let Some(node) = parser.next()? {
        interrupt.look(node.start)?;
        drafts.push(operation(&node, &mut names)?);
    }
    Ok(drafts)
}
