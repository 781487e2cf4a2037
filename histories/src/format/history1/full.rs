//! The full parser of one line: serde, with the line's own errors.

use serde::Deserialize;

use crate::event::Event;
use crate::format::error::{FormatError, Problem, words};
use crate::history::Header;
use crate::units::Nanos;

/// The version that this program reads and writes.
const VERSION: u64 = 1;

/// What the next event has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// The next event's index.
    pub index: u64,
    /// The time of the event before.
    pub time: Nanos,
}

impl Expected {
    /// Nothing came before.
    pub(super) const START: Expected = Expected {
        index: 0,
        time: Nanos(0),
    };

    /// The line on which the next event stands: the header is line 1, and no line is empty.
    pub(super) fn line(&self) -> u64 {
        self.index + 2
    }

    /// The expectation after an event of this time.
    pub(super) fn after(self, time: Nanos) -> Expected {
        Expected {
            index: self.index + 1,
            time,
        }
    }
}

/// Parses the first line, without its newline.
pub(super) fn header(line: &[u8]) -> Result<Header, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        history: u64,
    }
    let malformed =
        |error: serde_json::Error| FormatError::at(1, column(&error), Problem::Header(words(&error)));
    let Version { history } = serde_json::from_slice(line).map_err(malformed)?;
    if history != VERSION {
        let problem = Problem::Version { found: history };
        return Err(FormatError::at(1, column_of(line, b"\"history\""), problem));
    }
    serde_json::from_slice(line).map_err(malformed)
}

/// Parses a line of an event, without its newline; `last` says that no newline ended it.
pub(super) fn event(line: &[u8], expected: Expected, last: bool) -> Result<Event, FormatError> {
    let at = |column, problem| FormatError::at(expected.line(), column, problem);
    if line.trim_ascii().is_empty() {
        return Err(at(1, Problem::expected("an event", "an empty line")));
    }
    let event: Event = serde_json::from_slice(line).map_err(|error| match error.is_eof() && last {
        true => at(line.len() as u64, Problem::CutOff),
        false => at(column(&error), Problem::Event(words(&error))),
    })?;
    if event.index != expected.index {
        let problem = Problem::Index {
            expected: expected.index,
            found: event.index,
        };
        return Err(at(column_of(line, b"\"index\""), problem));
    }
    if event.time < expected.time {
        let problem = Problem::Time {
            before: expected.time.0,
            found: event.time.0,
        };
        return Err(at(column_of(line, b"\"time\""), problem));
    }
    Ok(event)
}

/// The column of an error in a line; at least 1.
fn column(error: &serde_json::Error) -> u64 {
    error.column().max(1) as u64
}

/// Where a field stands in a line that was parsed.
fn column_of(line: &[u8], field: &[u8]) -> u64 {
    line.windows(field.len())
        .position(|window| window == field)
        .map_or(1, |at| at as u64 + 1)
}
