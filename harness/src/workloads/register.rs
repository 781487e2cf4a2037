//! `register`: reads, writes of values never used twice, and compare-and-set, over many keys.

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Operation, Row, Settings, Workload};

/// The row of this workload.
pub const ROW: Row = Row {
    name: "register",
    about: "read, write (each value once) and cas over many keys",
    model: "register",
    build: |settings| Box::new(Register::new(settings)),
};

/// A key is left for a fresh one after so many operations, so that the history of each stays small.
const OPERATIONS_PER_KEY: u64 = 300;

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
}

impl Register {
    /// As many keys at a time as make two or three clients meet on each.
    fn new(settings: Settings) -> Self {
        let at_a_time = (settings.clients / 2).max(3) as u64;
        Register {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            keys: (0..at_a_time).map(Key::fresh).collect(),
            next_key: at_a_time,
        }
    }
}

impl Workload for Register {
    fn next(&mut self) -> Operation {
        let at = self.rng.random_range(0..self.keys.len());
        if self.keys[at].operations >= OPERATIONS_PER_KEY {
            self.keys[at] = Key::fresh(self.next_key);
            self.next_key += 1;
        }
        let key = &mut self.keys[at];
        key.operations += 1;
        let (f, value) = match self.rng.random_range(0..100) {
            0..50 => ("read", Value::Null),
            50..85 => ("write", key.next_value()),
            _ => {
                let expected = key.last_seen.clone();
                ("cas", Value::list([expected, key.next_value()]))
            }
        };
        Operation {
            f,
            key: key.name(),
            value,
        }
    }

    fn on_ok(&mut self, operation: &Operation, value: &Value) {
        let seen = match value.as_list() {
            Some([_, to]) if operation.f == "cas" => to,
            _ => value,
        };
        if let Some(key) = self.keys.iter_mut().find(|key| key.name() == operation.key) {
            key.last_seen = seen.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use histories::Seed;

    use super::*;

    fn some(seed: u64, count: usize) -> Vec<Operation> {
        let mut workload = Register::new(Settings {
            seed: Seed(seed),
            clients: 10,
        });
        (0..count).map(|_| workload.next()).collect()
    }

    #[test]
    fn the_seed_fixes_the_operations() {
        assert_eq!(some(7, 1000), some(7, 1000));
        assert_ne!(some(7, 1000), some(8, 1000));
    }

    #[test]
    fn no_value_is_written_twice_to_a_key_and_no_key_gets_too_many_operations() {
        let mut written = HashSet::new();
        let mut per_key = HashMap::<Value, u64>::new();
        for operation in some(1, 20_000) {
            *per_key.entry(operation.key.clone()).or_default() += 1;
            let value = match (operation.f, operation.value.as_list()) {
                ("cas", Some([_, to])) => to.clone(),
                ("write", _) => operation.value.clone(),
                _ => continue,
            };
            assert!(written.insert((operation.key, value)));
        }
        assert!(per_key.values().all(|count| *count <= OPERATIONS_PER_KEY));
        assert!(per_key.len() > 20);
    }
}
