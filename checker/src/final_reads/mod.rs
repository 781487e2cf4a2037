//! What the final reads of a key show of what was acknowledged on it: in one way for each kind of model.

mod all_written;
mod balances;
mod drained;
mod growth;
mod last_write;
mod loss;
mod polled;

use histories::Kind;

pub(crate) use self::all_written::all_written;
pub(crate) use self::balances::balances;
pub(crate) use self::drained::drained;
pub(crate) use self::growth::growth;
pub(crate) use self::last_write::last_write;
pub(crate) use self::loss::Loss;
pub(crate) use self::polled::polled;
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Looks at a key's operations and at its final reads, which are some of them.
pub(crate) type FinalReads =
    for<'a> fn(&'a Group<'a>, &[&'a Operation<'a>]) -> Result<Kept<'a>, HistoryError>;

/// What became of a key's acknowledged operations.
#[derive(Default)]
pub(crate) struct Kept<'a> {
    /// How many there are that final reads can tell of.
    pub acknowledged: usize,
    /// One that a final read denies.
    pub lost: Option<Loss<'a>>,
    /// Those that a final read neither shows nor denies; it says nothing where one is lost.
    pub unproved: Option<Unproved>,
}

/// Acknowledged operations of which nobody knows what became of them.
#[derive(Clone, Copy)]
pub(crate) struct Unproved {
    /// How many; at least one.
    pub count: usize,
    /// Why nobody knows.
    pub why: &'static str,
}

impl Unproved {
    /// None if there are none.
    fn of(count: usize, why: &'static str) -> Option<Self> {
        (count > 0).then_some(Unproved { count, why })
    }
}

/// How many operations of a kind were acknowledged.
fn acknowledged<'a>(all: impl IntoIterator<Item = &'a Operation<'a>>) -> usize {
    let ok = |operation: &&Operation<'_>| operation.outcome == Kind::Ok;
    all.into_iter().filter(ok).count()
}
