//! What can be wrong with a line of a journal.

use crate::units::{Incarnation, NodeName};

/// No line is longer.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No JSON, or a field of the wrong type.
    #[error("{0}")]
    Json(String),
    /// Another version.
    #[error("version {found} of the journal format; this program reads version 1")]
    Version {
        /// What stands there.
        found: u64,
    },
    /// Another node's line.
    #[error("`n` is {found:?}, but the file lies in the folder of {expected}")]
    Node {
        /// Whose file it is.
        expected: NodeName,
        /// What stands there.
        found: String,
    },
    /// Another incarnation's line.
    #[error("`inc` is {found}, but the file is that of incarnation {expected}")]
    Incarnation {
        /// Which file it is.
        expected: Incarnation,
        /// What stands there.
        found: u64,
    },
    /// A line is missing, or stands twice.
    #[error("`s` is {found} where {expected} was expected: lines count from 0 without gaps")]
    Gap {
        /// The next number.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// An event that needs a field and does not have it.
    #[error("the event `{event}` lacks its field `{field}`")]
    Missing {
        /// The event.
        event: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field of another type.
    #[error("the field `{field}` of the event `{event}` is not {expected}")]
    Type {
        /// The event.
        event: &'static str,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An event that is not on the page.
    #[error("an unknown event {0:?}")]
    Unknown(String),
    /// A file that does not begin with its `boot`, or has a second one.
    #[error("`boot` is the first line of a file, and only that")]
    Boot,
    /// A line longer than any event.
    #[error("the line is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// The file could not be read any further.
    #[error("cannot read on: {0}")]
    Read(String),
}

impl Problem {
    pub(super) fn field(event: &'static str, field: &'static str, expected: &'static str) -> Self {
        Problem::Type {
            event,
            field,
            expected,
        }
    }
}
