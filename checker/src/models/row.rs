//! What a row of the table of models says.

use histories::{Event, Header};

use super::shape::Shape;
use crate::budget::Budget;
use crate::error::{Halt, HistoryError};
use crate::final_reads::FinalReads;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::verdict::Check;

/// A model: what a history's operations mean, and how it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name, as in a history's header and on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The words for its operations, and the values that they take.
    pub operations: &'static [&'static str],
    /// Whether a history without a header that looks so can be one of it.
    pub(crate) suggested: fn(&Shape<'_>) -> bool,
    /// Whether it is one value that is read and written: then a [`Stream`](crate::Stream) can prove a pass, and
    /// [`NullRead`](crate::NullRead) decides what a read of null says.
    pub is_register: bool,
    pub(crate) judge: Judge,
    /// What the final reads of a key must show; none if they tell nothing of what was acknowledged.
    pub(crate) final_reads: Option<FinalReads>,
    #[cfg(test)]
    pub(crate) examples: crate::twins::Examples,
}

/// Who gives the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judge {
    /// Each key is judged by itself.
    Key(fn(&Group<'_>, &Options, &Budget) -> Result<Judged, Halt>),
    /// Operations touch many keys: all are judged together.
    Whole(fn(&Header, &[Event], &Options, &Budget) -> Result<Check, HistoryError>),
}
