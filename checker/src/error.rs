//! What is wrong with a history that cannot be judged.

use histories::{Process, Value};

use crate::budget::Stop;

/// Why a check ended early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The history means nothing.
    History(HistoryError),
    /// A limit was reached.
    Stop(Stop),
}

impl From<HistoryError> for Halt {
    fn from(error: HistoryError) -> Self {
        Halt::History(error)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Halt::Stop(stop)
    }
}

impl HistoryError {
    /// The index of the event at fault; none where it is the history as a whole.
    pub fn index(&self) -> Option<u64> {
        match self {
            HistoryError::TwoInFlight { index, .. }
            | HistoryError::NotInvoked { index, .. }
            | HistoryError::Mismatch { index, .. }
            | HistoryError::NoKey { index }
            | HistoryError::UnknownF { index, .. }
            | HistoryError::FailedCas { index }
            | HistoryError::BadValue { index, .. }
            | HistoryError::BadField { index, .. } => Some(*index),
            HistoryError::BadInitial { .. } | HistoryError::TooLong { .. } => None,
        }
    }
}

/// A history that means nothing: no verdict can be given on it.
///
/// `index` is the `index` of the event at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A process may have one operation in flight.
    #[error("event {index}: process {process} invokes an operation while that of event {open} is in flight")]
    TwoInFlight {
        /// The second invocation.
        index: u64,
        /// The first one.
        open: u64,
        /// Whose.
        process: Process,
    },
    /// A completion needs an invocation.
    #[error("event {index}: process {process} completes an operation that it did not invoke")]
    NotInvoked {
        /// The completion.
        index: u64,
        /// Whose.
        process: Process,
    },
    /// A completion repeats `f` and `key` of its invocation.
    #[error(
        "event {index}: the completion's {field} is {found}, that of its invocation (event {open}) is {expected}"
    )]
    Mismatch {
        /// The completion.
        index: u64,
        /// Its invocation.
        open: u64,
        /// `f` or `key`.
        field: &'static str,
        /// What the completion says.
        found: String,
        /// What the invocation says.
        expected: String,
    },
    /// In a keyed history every operation has a key.
    #[error("event {index}: the history is keyed, but this operation has no key")]
    NoKey {
        /// The invocation.
        index: u64,
    },
    /// Where a failed compare-and-set says what the value was not, it is no read and no write.
    #[error(
        "event {index}: a failed cas counts as an observation here, which only linearizable can judge (without it: \
         --failed-cas did-not-happen)"
    )]
    FailedCas {
        /// The invocation.
        index: u64,
    },
    /// The model does not know this word.
    #[error("event {index}: the model {model} has no operation {f:?}; it has {known}")]
    UnknownF {
        /// The invocation.
        index: u64,
        /// The model's name.
        model: &'static str,
        /// The word.
        f: String,
        /// The words that it knows.
        known: String,
    },
    /// The model cannot take this value.
    #[error("event {index}: {f} {value}: expected {expected}")]
    BadValue {
        /// The invocation or the completion.
        index: u64,
        /// The operation's word.
        f: String,
        /// What stands there.
        value: Value,
        /// What should.
        expected: &'static str,
    },
    /// A field of an event means nothing.
    #[error("event {index}: the field {field} is {value}: expected {expected}")]
    BadField {
        /// The event.
        index: u64,
        /// The field.
        field: &'static str,
        /// What stands there, as JSON.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// The model cannot start from this value.
    #[error("the history's initial value is {initial}, and a {model} starts from {expected}")]
    BadInitial {
        /// The model's name.
        model: &'static str,
        /// What the header or `--initial` says.
        initial: Value,
        /// What it should.
        expected: &'static str,
    },
    /// Positions are 32 bits wide.
    #[error("the history has {events} events, and this engine takes at most {limit}")]
    TooLong {
        /// How many there are.
        events: usize,
        /// How many there may be.
        limit: usize,
    },
}
