//! The workloads, one file each: a seeded generator of operations, what each operation asks of a store, and the model
//! that judges them.
//!
//! A workload speaks its model's words (`add 3`); a system speaks those of a store ([`StoreOp`]). The row of a
//! workload translates, so that every system serves every workload.

mod append;
mod bank;
mod counter;
mod keys;
mod lock;
mod register;
mod set;
mod txn;

use histories::{Seed, Value};

use crate::capabilities::Does;
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
        self.is_read() || self.f == Self::TXN
    }

    /// Whether it is a read of one key, which changes nothing and may be asked of any node.
    pub fn is_read(&self) -> bool {
        self.f == READ
    }
}

const READ: &str = "read";

/// Makes operations, and hears what came of them. Shared by all clients, one at a time.
pub trait Workload: Send {
    /// The next operation for the client that goes by this process.
    fn next(&mut self, process: u64) -> Operation;

    /// What came of it; of a read that was ok, what it saw.
    fn on_end(&mut self, process: u64, operation: &Operation, answer: &Answer);
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
}

/// A row of the table of workloads.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The model that judges it.
    pub model: &'static str,
    /// What a store has to do by itself for it, beside what can be put into reads and compare-and-sets.
    pub asks: Option<Does>,
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
    /// The last look at a key, after everything.
    pub last: fn(&Value) -> (Operation, StoreOp),
    /// Which of the values so written a read has seen last, as far as that can be told from what it saw.
    pub newest: fn(&Value) -> Value,
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
            assert_ne!(some(row, 7, 1000), some(row, 8, 1000), "{}", row.name);
        }
    }

    #[test]
    fn no_key_gets_too_many_operations_and_the_model_knows_every_word() {
        for row in TABLE {
            let model = checker::models::find(row.model).unwrap();
            let mut per_key = HashMap::<Value, u64>::new();
            for operation in some(row, 1, 20_000) {
                *per_key.entry(operation.key.clone()).or_default() += 1;
                let is_known = |known: &str| known.split(' ').next() == Some(operation.f);
                assert!(
                    model.operations.iter().any(|known| is_known(known)),
                    "{operation:?}"
                );
            }
            assert!(per_key.values().all(|count| *count <= 320), "{}", row.name);
            assert!(per_key.len() > 20, "{}", row.name);
        }
    }

    #[test]
    fn a_fresh_write_is_one_request_and_no_read() {
        for row in TABLE {
            let (operation, op) = (row.fresh)(&"recovery".into(), &3.into(), 9);
            assert!(!operation.is_read() && !op.is_read(), "{}", row.name);
        }
    }
}
