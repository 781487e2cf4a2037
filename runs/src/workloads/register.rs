//! `register`: reads, writes of values never used twice, and compare-and-set, over many keys.

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Operation, Plan, Row, Settings, Workload};
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "register",
    about: "read, write (each value once) and cas over many keys",
    model: "register",
    asks: &[],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Register::new(settings)),
    plan: |operation, _| Plan::Ask(store_op(operation)),
    seen: |value| value,
    fresh: |key, value, _| (write(key.clone(), value.clone()), StoreOp::Write(value.clone())),
    last: super::read,
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// A key is left for a fresh one after so many operations, so that the history of each stays small.
const OPERATIONS_PER_KEY: u64 = 300;

fn write(key: Value, value: Value) -> Operation {
    Operation {
        f: "write",
        key,
        value,
    }
}

fn store_op(operation: &Operation) -> StoreOp {
    match operation.value.as_list() {
        Some([expected, new]) if operation.f == "cas" => StoreOp::Cas {
            expected: expected.clone(),
            new: new.clone(),
        },
        _ => StoreOp::Write(operation.value.clone()),
    }
}

struct Key {
    number: u64,
    operations: u64,
    /// The last value written to it; the next is one more.
    last_written: i64,
    /// The last value that somebody saw in it: what a cas may hope to find.
    last_seen: Value,
}

impl Key {
    fn fresh(number: u64) -> Self {
        Key {
            number,
            operations: 0,
            last_written: 0,
            last_seen: Value::Null,
        }
    }

    fn name(&self) -> Value {
        Value::Text(format!("k{}", self.number).into())
    }

    fn next_value(&mut self) -> Value {
        self.last_written += 1;
        Value::Int(self.last_written)
    }
}

struct Register {
    rng: ChaCha8Rng,
    keys: Vec<Key>,
    next_key: u64,
    has_cas: bool,
}

impl Register {
    /// As many keys at a time as make two or three clients meet on each.
    fn new(settings: Settings) -> Self {
        let at_a_time = (settings.clients / 2).max(3) as u64;
        Register {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            keys: (0..at_a_time).map(Key::fresh).collect(),
            next_key: at_a_time,
            has_cas: settings.has_cas,
        }
    }
}

impl Workload for Register {
    fn next(&mut self, _: u64) -> Operation {
        let at = self.rng.random_range(0..self.keys.len());
        if self.keys[at].operations >= OPERATIONS_PER_KEY {
            self.keys[at] = Key::fresh(self.next_key);
            self.next_key += 1;
        }
        let key = &mut self.keys[at];
        key.operations += 1;
        let (f, value) = match self.rng.random_range(0..100) {
            0..50 => ("read", Value::Null),
            85.. if self.has_cas => {
                let expected = key.last_seen.clone();
                ("cas", Value::list([expected, key.next_value()]))
            }
            _ => ("write", key.next_value()),
        };
        Operation {
            f,
            key: key.name(),
            value,
        }
    }

    fn on_end(&mut self, _: u64, operation: &Operation, answer: &Answer) {
        let Answer::Ok(read) = answer else { return };
        let seen = match (operation.f, operation.value.as_list()) {
            ("read", _) => read,
            ("cas", Some([_, to])) => to,
            _ => &operation.value,
        };
        if let Some(key) = self.keys.iter_mut().find(|key| key.name() == operation.key) {
            key.last_seen = seen.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use histories::Seed;

    use super::*;

    fn some(seed: u64, count: usize) -> Vec<Operation> {
        let mut workload = Register::new(Settings {
            seed: Seed(seed),
            clients: 10,
            has_cas: true,
        });
        (0..count).map(|_| workload.next(0)).collect()
    }

    #[test]
    fn a_store_without_compare_and_set_is_not_asked_for_it() {
        let words = |has_cas| -> HashSet<&str> {
            let mut workload = Register::new(Settings {
                seed: Seed(1),
                clients: 10,
                has_cas,
            });
            (0..1000).map(|_| workload.next(0).f).collect()
        };
        assert_eq!(words(false), HashSet::from(["read", "write"]));
        assert_eq!(words(true), HashSet::from(["read", "write", "cas"]));
    }

    #[test]
    fn no_value_is_written_twice_to_a_key() {
        let mut written = HashSet::new();
        for operation in some(1, 20_000) {
            let value = match (operation.f, operation.value.as_list()) {
                ("cas", Some([_, to])) => to.clone(),
                ("write", _) => operation.value.clone(),
                _ => continue,
            };
            assert!(written.insert((operation.key, value)));
        }
    }

    #[test]
    fn a_cas_is_a_cas_and_a_write_a_write() {
        let cas = Operation {
            f: "cas",
            ..write("k".into(), Value::list([Value::Null, 2.into()]))
        };
        let op = StoreOp::Cas {
            expected: Value::Null,
            new: 2.into(),
        };
        assert_eq!(store_op(&cas), op);
        assert_eq!(store_op(&write("k".into(), 3.into())), StoreOp::Write(3.into()));
    }
}
