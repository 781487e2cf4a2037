//! Transactions over many keys that read and append to lists, or read and write registers, as Elle's.

use super::row::{Judge, Model, Start};
use super::shape::Micros;
use crate::options::{Assume, FailedCas, NullRead};
use crate::subject::Subject;
use crate::transactions::{self, Words};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Transactions};

const LISTS: Words = Words {
    model: "list-append",
    operations: &["txn [[append k v], [r k [v, …]], …]"],
    write: "append",
    lists: true,
    expected: "an array of [\"append\", key, element] and [\"r\", key, list or null]",
    subject: Subject::Transactions,
    null_read: NullRead::Observation,
    failed_cas: FailedCas::DidNotHappen,
    assume: Assume::NOTHING,
    timed: true,
};

const REGISTERS: Words = Words {
    model: "rw-register",
    operations: &["txn [[w k v], [r k v], …]"],
    write: "w",
    lists: false,
    expected: "an array of [\"w\", key, value] and [\"r\", key, value]",
    ..LISTS
};

pub(super) const LIST_APPEND: Model = Model {
    name: LISTS.model,
    about: "transactions that read and append to lists, as Elle's",
    operations: LISTS.operations,
    suggested: |shape| shape.only(&["txn"]) && matches!(shape.micros, Micros::Empty | Micros::Lists),
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Whole(|header, events, options, budget| {
        transactions::check(header, events, LISTS, options.consistency, budget)
    }),
    transactions: Some(LISTS),
    reading: |_, _| None,
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Transactions { lists: true })],
        illegal: "txn [['r',0,null]] → [['r',0,[1]]]",
        states: &[],
        proofs: &[],
    },
};

pub(super) const RW_REGISTER: Model = Model {
    name: REGISTERS.model,
    about: "transactions that read and write registers, as Elle's",
    operations: REGISTERS.operations,
    suggested: |shape| {
        let fits = matches!(shape.micros, Micros::Empty | Micros::Reads | Micros::Registers);
        shape.only(&["txn"]) && fits
    },
    start: Start::Initial,
    judge: Judge::Whole(|header, events, options, budget| {
        let words = Words {
            assume: options.assume,
            ..REGISTERS
        };
        transactions::check(header, events, words, options.consistency, budget)
    }),
    transactions: Some(REGISTERS),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Transactions { lists: false })],
        illegal: "txn [['w',0,1]]; txn [['r',0,null]]",
        ..LIST_APPEND.examples
    },
    ..LIST_APPEND
};
