//! Transactions that read and append to lists, as Elle's.

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
    model: "list-append",
    operations: &["txn [[append k v], [r k [v, …]], …]"],
    write: "append",
    lists: true,
    expected: "an array of [\"append\", key, element] and [\"r\", key, list or null]",
};

pub(super) const MODEL: Model = Model {
    name: WORDS.model,
    about: "transactions that read and append to lists, as Elle's",
    operations: WORDS.operations,
    is_register: false,
    judge: Judge::Whole(judge),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Transactions { lists: true })],
        illegal: "txn [['r',0,null]] → [['r',0,[1]]]",
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
