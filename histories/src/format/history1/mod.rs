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
mod write;

use std::io::{BufRead, Read};

pub use write::{write, write_event, write_header};

use super::error::{FormatError, Problem};
use super::{Imported, Options};
use crate::history::History;
use full::Expected;

/// The name in [`TABLE`](super::TABLE).
pub const NAME: &str = "history1";

/// A line longer than this is no event: the largest whole-set reads take tens of megabytes.
const LINE_BYTES_MAX: usize = 1 << 28;

/// Reads a whole history; a last line that is cut off is an error, like any other malformed line.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    read_lines(input, false).map(|unfinished| unfinished.history)
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
pub fn read_unfinished(input: impl BufRead) -> Result<Unfinished, FormatError> {
    read_lines(input, true)
}

/// Whether the text begins with a header of any version.
pub(super) fn recognise(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.trim_ascii_start().starts_with(b"{") && line.windows(9).any(|window| window == b"\"history\"")
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, _options: &Options) -> Result<Imported, FormatError> {
    read(input).map(|history| Imported::with_header(NAME, history))
}

fn read_lines(mut input: impl BufRead, unfinished: bool) -> Result<Unfinished, FormatError> {
    let mut line = Vec::new();
    if read_line(&mut input, &mut line, 1)?.is_none() {
        let found = "an empty file".into();
        return Err(FormatError::at(
            1,
            1,
            Problem::Expected {
                expected: "a history/1 header",
                found,
            },
        ));
    }
    let mut history = History {
        header: full::header(&line)?,
        events: Vec::new(),
    };
    let mut expected = Expected::START;
    while let Some(whole) = read_line(&mut input, &mut line, expected.line())? {
        match full::event(&line, expected, !whole) {
            Ok(event) => {
                expected = expected.after(event.time);
                history.events.push(event);
            }
            Err(FormatError::Malformed {
                problem: Problem::CutOff,
                ..
            }) if unfinished => {
                return Ok(Unfinished {
                    history,
                    cut_off: true,
                });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Unfinished {
        history,
        cut_off: false,
    })
}

/// Reads a line without its newline; says whether it had one. None at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, number: u64) -> Result<Option<bool>, FormatError> {
    line.clear();
    let mut limited = input.take(LINE_BYTES_MAX as u64 + 1);
    limited
        .read_until(b'\n', line)
        .map_err(|source| FormatError::Read { file: None, source })?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(Some(true));
    }
    if line.len() > LINE_BYTES_MAX {
        return Err(FormatError::at(
            number,
            1,
            Problem::LineTooLong {
                limit: LINE_BYTES_MAX,
            },
        ));
    }
    Ok((!line.is_empty()).then_some(false))
}
