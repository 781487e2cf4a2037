//! Transactions of sessions, as the checkers of isolation levels have them: no times, the file's order is each session's own.
//!
//! A transaction becomes an invocation and its completion, one behind the other: that order says nothing between
//! sessions, which the header keeps (`Imported::of_sessions`). Values are registers': `["r", key, value]`, `["w", key, value]`.

use std::collections::HashMap;

use super::draft::header;
use super::edn::Fault;
use super::jepsen_edn::blank;
use super::names::Names;
use super::{Imported, Interrupt};
use crate::event::{Event, Kind, Process};
use crate::history::History;
use crate::units::Nanos;
use crate::value::Value;

/// One read or write.
#[derive(Clone, Debug)]
pub(super) struct Micro {
    pub(super) writes: bool,
    pub(super) key: Value,
    /// What was read or written; null: a key that nobody had written.
    pub(super) value: Value,
}

impl Micro {
    fn shown(&self, done: bool) -> Value {
        let word = if self.writes { "w" } else { "r" };
        let value = match self.writes || done {
            true => self.value.clone(),
            false => Value::Null,
        };
        Value::list([word.into(), self.key.clone(), value])
    }
}

/// A transaction that is still being read.
#[derive(Debug)]
struct Transaction {
    session: u64,
    outcome: Kind,
    micros: Vec<Micro>,
}

/// The transactions of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    transactions: Vec<Transaction>,
    /// Where the transaction of an id stands, for files that interleave them.
    by_id: HashMap<i64, usize>,
}

impl Sessions {
    /// A transaction that is known as a whole.
    pub(super) fn transaction(&mut self, session: u64, committed: bool, micros: Vec<Micro>) {
        let outcome = if committed { Kind::Ok } else { Kind::Fail };
        self.transactions.push(Transaction {
            session,
            outcome,
            micros,
        });
    }

    /// One read or write of the transaction of this id; the session that it belongs to if that is another one.
    pub(super) fn micro(&mut self, session: u64, id: i64, micro: Micro) -> Result<(), u64> {
        let next = self.transactions.len();
        let at = *self.by_id.entry(id).or_insert(next);
        if at == next {
            self.transaction(session, true, Vec::new());
        }
        let transaction = &mut self.transactions[at];
        if transaction.session != session {
            return Err(transaction.session);
        }
        transaction.micros.push(micro);
        Ok(())
    }

    /// The history; `initial`: what stands for a key that nobody wrote.
    pub(super) fn imported(
        self,
        format: &'static str,
        initial: Value,
        interrupt: Interrupt<'_>,
    ) -> Result<Imported, Fault> {
        let mut names = Names::default();
        let mut events = Vec::with_capacity(2 * self.transactions.len());
        for transaction in self.transactions {
            interrupt.look(0)?;
            for kind in [Kind::Invoke, transaction.outcome] {
                let done = kind == Kind::Ok;
                let index = events.len() as u64;
                events.push(Event {
                    index,
                    time: Nanos(index),
                    process: Process::Client(transaction.session),
                    kind,
                    f: names.get("txn"),
                    value: Value::list(transaction.micros.iter().map(|micro| micro.shown(done))),
                    ..blank(0).event
                });
            }
        }
        let mut header = header(false);
        header.initial = initial;
        Ok(Imported::of_sessions(format, History { header, events }))
    }

    /// The value of a key before its first write where a file has zeroes for it: zero, unless every key that was read as zero is
    /// also written so, as some tools do in a first transaction.
    pub(super) fn initial_zero(&self) -> Value {
        let zero = Value::Int(0);
        let micros = || {
            self.transactions
                .iter()
                .flat_map(|transaction| &transaction.micros)
        };
        let zeroes = |writes: bool| {
            micros().filter(move |micro| micro.writes == writes && micro.value == Value::Int(0))
        };
        let written: std::collections::HashSet<&Value> = zeroes(true).map(|micro| &micro.key).collect();
        match !written.is_empty() && zeroes(false).all(|micro| written.contains(&micro.key)) {
            true => Value::Null,
            false => zero,
        }
    }
}
