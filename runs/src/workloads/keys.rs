//! The keys that are in use: as many at a time as make two or three clients meet on each, and each left for a fresh
//! one after some operations, so that the history of each stays small.

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Settings;

/// A key in use.
pub(super) struct Key {
    number: u64,
    operations: u64,
    last_written: i64,
}

impl Key {
    fn fresh(number: u64) -> Self {
        Key {
            number,
            operations: 0,
            last_written: 0,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> Value {
        Value::Text(format!("k{}", self.number).into())
    }

    /// How many values were written to it.
    pub(super) fn written(&self) -> i64 {
        self.last_written
    }

    /// A value that was not written to it before.
    pub(super) fn next_value(&mut self) -> Value {
        self.last_written += 1;
        Value::Int(self.last_written)
    }
}

/// The keys in use, and the source of every choice.
pub(super) struct Keys {
    /// Fixed by the seed.
    pub(super) rng: ChaCha8Rng,
    keys: Vec<Key>,
    next: u64,
    operations_per_key: u64,
}

impl Keys {
    /// Fresh keys; each is left after so many operations.
    pub(super) fn new(settings: Settings, operations_per_key: u64) -> Self {
        Keys::of(settings, (settings.clients / 2).max(3) as u64, operations_per_key)
    }

    /// The same with so few that most clients meet on each.
    pub(super) fn few(settings: Settings, operations_per_key: u64) -> Self {
        Keys::of(settings, 2, operations_per_key)
    }

    fn of(settings: Settings, at_a_time: u64, operations_per_key: u64) -> Self {
        Keys {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            keys: (0..at_a_time).map(Key::fresh).collect(),
            next: at_a_time,
            operations_per_key,
        }
    }

    /// One of them for the next operation.
    pub(super) fn draw(&mut self) -> &mut Key {
        let at = self.rng.random_range(0..self.keys.len());
        if self.keys[at].operations >= self.operations_per_key {
            self.replace(at);
        }
        let key = &mut self.keys[at];
        key.operations += 1;
        key
    }

    /// Leave this key for a fresh one.
    pub(super) fn leave(&mut self, name: &Value) {
        if let Some(at) = self.keys.iter().position(|key| key.name() == *name) {
            self.replace(at);
        }
    }

    fn replace(&mut self, at: usize) {
        self.keys[at] = Key::fresh(self.next);
        self.next += 1;
    }
}
