//! The workloads, one file each: a seeded generator of operations, what each operation asks of a store, and the model
//! that judges them.
//!
//! A workload speaks its model's words (`add 3`); a system speaks those of a store ([`StoreOp`]). The row of a
//! workload translates, so that every system serves every workload.

mod append;
mod bank;
mod counter;
mod echo;
mod elements;
mod kafka;
mod keys;
mod lock;
mod long_fork;
mod queue;
mod register;
mod set;
mod total;
mod txn;
mod unique_ids;
mod watch;

use histories::{Seed, Value};

use crate::call::{POLL, SEND};
use crate::capabilities::{Capabilities, Does};
use crate::store::{Answer, StoreOp};

/// One operation that a client is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The model's word.
    pub f: &'static str,
    /// The key.
    pub key: Value,
    /// The argument.
    pub value: Value,
}

impl Operation {
    /// A read of this key: every workload has it.
    pub fn read(key: Value) -> Self {
        Operation {
            f: READ,
            key,
            value: Value::Null,
        }
    }

    /// The word of a transaction.
    pub(crate) const TXN: &str = "txn";

    /// Whether what came of it is more than that it happened.
    pub(crate) fn tells(&self) -> bool {
        TELLING.contains(&self.f)
    }

    /// Whether it is a read of one key, which changes nothing and may be asked of any node. A read that says what it reads is
    /// one of several keys.
    pub fn is_read(&self) -> bool {
        self.f == READ && self.value == Value::Null
    }
}

/// The words of operations that are told something.
const TELLING: [&str; 8] = [
    READ,
    Operation::TXN,
    queue::DEQUEUE,
    unique_ids::GENERATE,
    echo::ECHO,
    SEND,
    POLL,
    kafka::ASSIGN,
];

const READ: &str = "read";

/// Makes operations, and hears what came of them. Shared by all clients, one at a time.
pub trait Workload: Send {
    /// The next operation for the client that goes by this process.
    fn next(&mut self, process: u64) -> Operation;

    /// What came of it; of a read that was ok, what it saw.
    fn on_end(&mut self, process: u64, operation: &Operation, answer: &Answer);

    /// The next look of this process, which has one node to itself, after everything; for what every node shows in the end.
    fn last_look(&mut self, _process: u64) -> Option<Operation> {
        None
    }

    /// What such a look has seen, of which [`Workload::on_end`] was told.
    fn shown(&mut self, _process: u64, _seen: &Value) -> Shown {
        Shown::All
    }
}

/// What a node shows when the load is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Everything that was acknowledged.
    All,
    /// A part of it, and the next look shows more.
    More,
    /// Not everything; it takes its time.
    NotYet,
}

/// How an operation is put to a store.
#[derive(Clone, Debug)]
pub enum Plan {
    /// One request does it.
    Ask(StoreOp),
    /// The value is read, and replaced by what this makes of it if it is still the same. None: the operation cannot
    /// be done on that value, and fails.
    Update(fn(&Operation, &Value) -> Option<Value>),
}

/// What a workload is built from.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Fixes every choice.
    pub seed: Seed,
    /// How many clients there are at a time.
    pub clients: usize,
    /// Whether the store can compare and set: nobody asks it for what it cannot do.
    pub has_cas: bool,
}

/// A row of the table of workloads.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The model that judges it.
    pub model: &'static str,
    /// One of these a store has to do by itself, where there are any: without it the workload cannot be put to it, or says
    /// nothing of it.
    pub asks: &'static [Does],
    /// The beginning of the keys on which watchers hold a watch, if there are watchers.
    pub watches: Option<&'static str>,
    /// Whether its model knows a read of one key by itself, by which guided schedules look at keys.
    pub looks: bool,
    /// So many operations a second there are, where nobody asks for others; none: as many as there can be.
    pub rate: Option<f64>,
    /// Whether each node has to show everything in the end, and only what it shows then counts: then nothing that is seen before is
    /// a violation, and the last looks are made at each node.
    pub everywhere: bool,
    /// What stands under a key at first, in the model's words.
    pub initial: fn() -> Value,
    /// Build it.
    pub build: fn(Settings) -> Box<dyn Workload>,
    /// How an operation other than a read is put to a store by this process.
    pub plan: fn(&Operation, u64) -> Plan,
    /// What stands under a key, in the model's words.
    pub seen: fn(Value) -> Value,
    /// "Write this value, which nobody wrote before", as the nemesis' own client and the recovery need it: a single
    /// request by this process that succeeds on any correct store.
    pub fresh: fn(&Value, &Value, u64) -> (Operation, StoreOp),
    /// A look at a key: how the workload's reads are put to a store, and the last look after everything.
    pub last: fn(&Value) -> (Operation, StoreOp),
    /// Whether such a look has seen all that there is, given what it was told; else there is another.
    pub has_seen_all: fn(&Value) -> bool,
    /// Which of the values so written a read has seen last, as far as that can be told from what it saw.
    pub newest: fn(&Value) -> Value,
}

impl Row {
    /// What a system lacks for it; none if it can serve it.
    pub fn lacks(&self, can: &Capabilities) -> Option<String> {
        let served = self.asks.is_empty() || self.asks.iter().any(|does| can.does.contains(does));
        let nouns: Vec<&str> = self.asks.iter().map(|does| does.noun()).collect();
        (!served).then(|| nouns.join(" or "))
    }
}

/// Every workload; a new one is a file here and a row.
pub const TABLE: &[Row] = &[
    register::ROW,
    append::ROW,
    set::ROW,
    counter::ROW,
    lock::ROW,
    bank::ROW,
    txn::LISTS,
    txn::REGISTERS,
    long_fork::ROW,
    queue::ROW,
    unique_ids::ROW,
    watch::ROW,
    echo::ROW,
    elements::BROADCAST,
    elements::G_SET,
    total::G_COUNTER,
    total::PN_COUNTER,
    kafka::ROW,
];

/// The workload of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// A look at a key where reads are what the workload has.
fn read(key: &Value) -> (Operation, StoreOp) {
    (Operation::read(key.clone()), StoreOp::Read)
}

/// The key for a fresh write where the workload can write only once to each.
fn key_of_its_own(key: &Value, value: &Value) -> Value {
    let key = match key {
        Value::Text(key) => key.to_string(),
        other => other.to_string(),
    };
    Value::from(format!("{key}-{value}").as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Operations of three clients in turn, every one of which is ok.
    fn some(row: &Row, seed: u64, count: u64) -> Vec<Operation> {
        let mut workload = (row.build)(Settings {
            seed: Seed(seed),
            clients: 10,
            has_cas: true,
        });
        let mut operation = |process| {
            let operation = workload.next(process);
            workload.on_end(process, &operation, &Answer::Ok((row.seen)(Value::Null)));
            operation
        };
        (0..count).map(|at| operation(at % 3)).collect()
    }

    #[test]
    fn the_seed_fixes_the_operations() {
        for row in TABLE {
            assert_eq!(some(row, 7, 1000), some(row, 7, 1000), "{}", row.name);
            let has_choices = row.model != "unique-ids";
            assert_eq!(
                some(row, 7, 1000) != some(row, 8, 1000),
                has_choices,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn no_key_gets_too_many_operations_and_the_model_knows_every_word() {
        for row in TABLE {
            let model = checker::models::find(row.model).unwrap();
            let mut per_key = HashMap::<Value, u64>::new();
            for operation in some(row, 1, 20_000) {
                *per_key.entry(operation.key.clone()).or_default() += 1;
                // Some have another word: `txn (or read) [[r k v], …]`.
                let words = |known: &'static str| known.split([' ', '(', ')']);
                let is_known = |known: &'static str| words(known).any(|word| word == operation.f);
                assert!(
                    model.operations.iter().any(|known| is_known(known)),
                    "{operation:?}"
                );
            }
            // There is one of each, and their checks are as quick as they are long.
            if row.everywhere || ["unique-ids", "echo"].contains(&row.model) {
                continue;
            }
            assert!(per_key.values().all(|count| *count <= 320), "{}", row.name);
            assert!(per_key.len() > 20, "{}", row.name);
        }
    }

    #[test]
    fn a_workload_is_offered_where_it_can_be_served() {
        let can = |does: &[Does]| Capabilities {
            does: does.to_vec(),
            ..Capabilities::all()
        };
        for (name, does, lacks) in [
            ("register", &[][..], None),
            ("txn-list-append", &[Does::Cas], Some("transactions")),
            ("txn-list-append", &[Does::Txn], None),
            (
                "long-fork",
                &[Does::Append],
                Some("transactions or compare-and-set"),
            ),
            ("long-fork", &[Does::Cas], None),
            (
                "queue",
                &[Does::Write],
                Some("enqueue and dequeue or compare-and-set"),
            ),
            ("queue", &[Does::Queue], None),
            ("unique-ids", &[Does::Add], Some("generate or compare-and-set")),
            ("unique-ids", &[Does::Generate], None),
            ("watch", &[Does::Cas], Some("watch")),
            ("watch", &[Does::Watch], None),
            ("echo", &[Does::Cas], Some("echo")),
            ("broadcast", &[Does::Append], Some("broadcast")),
            ("g-set", &[Does::GrowSet], None),
            ("g-counter", &[Does::Add], Some("counter without a key")),
            ("pn-counter", &[Does::GrowCounter], None),
            ("kafka", &[Does::Queue], Some("logs with offsets")),
        ] {
            let found = find(name).unwrap().lacks(&can(does));
            assert_eq!(found.as_deref(), lacks, "{name} by {does:?}");
        }
        let own = Capabilities::all();
        let lacks = TABLE.iter().filter(|row| row.lacks(&own).is_some());
        let lacks: Vec<&str> = lacks.map(|row| row.name).collect();
        let beyond_it = [
            "txn-list-append",
            "txn-rw-register",
            "watch",
            "echo",
            "broadcast",
            "g-set",
            "g-counter",
            "pn-counter",
            "kafka",
        ];
        assert_eq!(lacks, beyond_it);
    }

    #[test]
    fn a_fresh_write_is_one_request_and_no_read() {
        for row in TABLE {
            let (operation, op) = (row.fresh)(&"recovery".into(), &3.into(), 9);
            assert!(!operation.is_read() && !op.is_read(), "{}", row.name);
        }
    }
}
