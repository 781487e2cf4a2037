//! Transactions that read and write registers, as Elle's.

use histories::{Event, Header};

use super::row::{Judge, Model};
use crate::budget::Budget;
use crate::error::HistoryError;
use crate::options::Options;
use crate::transactions::{self, Words};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Transactions};
use crate::verdict::Check;

const WORDS: Words = Words {
    model: "rw-register",
    operations: &["txn [[w k v], [r k v], …]"],
    write: "w",
    lists: false,
    expected: "an array of [\"w\", key, value] and [\"r\", key, value]",
};

pub(super) const MODEL: Model = Model {
    name: WORDS.model,
    about: "transactions that read and write registers, as Elle's",
    operations: WORDS.operations,
    is_register: false,
    judge: Judge::Whole(judge),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Transactions { lists: false })],
        illegal: "txn [['w',0,1]]; txn [['r',0,null]]",
        states: &[],
        proofs: &[],
    },
};

fn judge(
    header: &Header,
    events: &[Event],
    options: &Options,
    budget: &Budget,
) -> Result<Check, HistoryError> {
    transactions::check(header, events, WORDS, options.consistency, budget)
}
