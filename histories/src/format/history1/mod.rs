//! history/1: JSON Lines, a header and then one event a line (docs/formats.md).
//!
//! ```
//! use histories::format::history1;
//! let text = br#"{"history":1,"model":"register"}
//! {"index":0,"time":5,"process":0,"type":"invoke","f":"write","value":1}
//! {"index":1,"time":9,"process":0,"type":"ok","f":"write","value":1}
//! "#;
//! let history = history1::read(text.as_slice())?;
//! assert_eq!(history.events.len(), 2);
//! # Ok::<(), histories::format::FormatError>(())
//! ```

mod full;
mod scan;
mod stream;
mod view;
mod write;

use std::io::{BufRead, Read};

pub use stream::{Block, BlockEvents, Blocks, Events};
pub use view::{EventRef, ListIter, ListRef, ValueRef};
pub use write::{write, write_event, write_header};

use super::error::{FormatError, Problem};
use super::names::Names;
use super::{Imported, Options, Places};
use crate::history::History;

/// The name in [`TABLE`](super::TABLE).
pub const NAME: &str = "history1";

/// A line longer than this is no event: the largest whole-set reads take tens of megabytes.
const LINE_BYTES_MAX: usize = 1 << 28;

/// Reads a whole history; a last line that is cut off is an error, like any other malformed line.
pub fn read(input: impl Read) -> Result<History, FormatError> {
    read_events(input, false).map(|unfinished| unfinished.history)
}

/// What a run that did not finish left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// Every whole line.
    pub history: History,
    /// Whether the last line was cut off, and dropped.
    pub cut_off: bool,
}

/// Reads what a run that did not finish left behind.
///
/// Only a last line without a newline that ends inside its JSON is dropped; everything else that is wrong is an
/// error, as in [`read`].
pub fn read_unfinished(input: impl Read) -> Result<Unfinished, FormatError> {
    read_events(input, true)
}

/// Whether the text begins with a header of any version.
pub(super) fn recognise(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.trim_ascii_start().starts_with(b"{") && line.windows(9).any(|window| window == b"\"history\"")
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, _options: &Options) -> Result<Imported, FormatError> {
    read(input).map(|history| Imported::with_header(NAME, history).at(Places::Lines))
}

fn read_events(input: impl Read, unfinished: bool) -> Result<Unfinished, FormatError> {
    let mut stream = Events::open(input)?;
    let (mut names, mut events) = (Names::default(), Vec::new());
    let cut_off = loop {
        match stream.next_event() {
            Ok(Some(event)) => events.push(event.to_event(&mut names)),
            Ok(None) => break false,
            Err(FormatError::Malformed {
                problem: Problem::CutOff,
                ..
            }) if unfinished => break true,
            Err(error) => return Err(error),
        }
    };
    Ok(Unfinished {
        history: History {
            header: stream.header().clone(),
            events,
        },
        cut_off,
    })
}

#[cfg(test)]
mod tests;
