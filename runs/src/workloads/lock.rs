//! `lock`: locks are acquired and released by compare-and-set; a store holds the number of the process that has a lock,
//! and nothing while it is free.
//!
//! A lock that a client with an unknown outcome may hold for ever is left for a fresh one.

use std::collections::HashMap;

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Settings, Workload, key_of_its_own};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "lock",
    about: "acquire and release over many locks, which only their holders may release",
    model: "owned-mutex",
    asks: &[Does::Cas],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Lock::new(settings)),
    plan: |operation, by| Plan::Ask(cas(operation.f, by)),
    seen: |value| value,
    fresh: |key, value, by| (acquire(key_of_its_own(key, value)), cas(ACQUIRE, by)),
    last: super::read,
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// The check of a lock is a search; its history is kept short.
const OPERATIONS_PER_KEY: u64 = 80;
/// So often a holder tries to release before it gives its lock up for lost.
const RELEASES: u32 = 5;

const ACQUIRE: &str = "acquire";
const RELEASE: &str = "release";

fn acquire(key: Value) -> Operation {
    Operation {
        f: ACQUIRE,
        key,
        value: Value::Null,
    }
}

/// From free to this process, or back.
fn cas(f: &str, by: u64) -> StoreOp {
    let (free, held) = (Value::Null, Value::Int(by as i64));
    let (expected, new) = match f {
        RELEASE => (held, free),
        _ => (free, held),
    };
    StoreOp::Cas { expected, new }
}

/// What a process holds, and how often it failed to release it.
struct Held {
    key: Value,
    failed: u32,
}

struct Lock {
    keys: Keys,
    held: HashMap<u64, Held>,
}

impl Lock {
    fn new(settings: Settings) -> Self {
        Lock {
            keys: Keys::new(settings, OPERATIONS_PER_KEY),
            held: HashMap::new(),
        }
    }

    fn on_release(&mut self, process: u64, key: &Value, answer: &Answer) {
        let Some(held) = self.held.get_mut(&process) else {
            return;
        };
        held.failed += 1;
        if *answer != Answer::Fail || held.failed == RELEASES {
            self.held.remove(&process);
        }
        if *answer != Answer::Ok(Value::Null) {
            self.keys.leave(key);
        }
    }
}

impl Workload for Lock {
    fn next(&mut self, process: u64) -> Operation {
        let looks = self.keys.rng.random_bool(0.2);
        let held = self.held.get(&process).map(|held| held.key.clone());
        match (looks, held) {
            (false, Some(key)) => Operation {
                f: RELEASE,
                ..acquire(key)
            },
            (true, Some(key)) => Operation::read(key),
            (true, None) => Operation::read(self.keys.draw().name()),
            (false, None) => acquire(self.keys.draw().name()),
        }
    }

    fn on_end(&mut self, process: u64, operation: &Operation, answer: &Answer) {
        let key = operation.key.clone();
        match (operation.f, answer) {
            (ACQUIRE, Answer::Ok(_)) => drop(self.held.insert(process, Held { key, failed: 0 })),
            (ACQUIRE, Answer::Unknown) => self.keys.leave(&key),
            (RELEASE, answer) => self.on_release(process, &key, answer),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use histories::Seed;

    use super::*;

    fn lock() -> Lock {
        Lock::new(Settings {
            seed: Seed(1),
            clients: 4,
            has_cas: true,
        })
    }

    /// The next operation that is no look.
    fn next(lock: &mut Lock, process: u64) -> Operation {
        std::iter::repeat_with(|| lock.next(process))
            .find(|operation| !operation.is_read())
            .unwrap()
    }

    #[test]
    fn only_a_holder_releases_and_only_what_it_holds() {
        let mut lock = lock();
        let taken = next(&mut lock, 1);
        assert_eq!(taken.f, ACQUIRE);
        lock.on_end(1, &taken, &Answer::Ok(Value::Null));
        let other = next(&mut lock, 2);
        assert_eq!(other.f, ACQUIRE);
        lock.on_end(2, &other, &Answer::Fail);
        assert_eq!(next(&mut lock, 2).f, ACQUIRE);
        let back = next(&mut lock, 1);
        assert_eq!((back.f, &back.key), (RELEASE, &taken.key));
        lock.on_end(1, &back, &Answer::Fail);
        assert_eq!(next(&mut lock, 1).f, RELEASE, "it still holds it");
        lock.on_end(1, &back, &Answer::Ok(Value::Null));
        assert_eq!(next(&mut lock, 1).f, ACQUIRE);
    }

    #[test]
    fn a_lock_that_nobody_may_ever_release_is_left() {
        let mut lock = lock();
        let lost = next(&mut lock, 1);
        lock.on_end(1, &lost, &Answer::Unknown);
        assert!((0..500).all(|_| lock.next(2).key != lost.key));
    }

    #[test]
    fn a_lock_is_a_compare_and_set_between_nobody_and_its_holder() {
        let expected = |op| match op {
            StoreOp::Cas { expected, new } => (expected, new),
            other => panic!("{other:?}"),
        };
        assert_eq!(expected(cas(ACQUIRE, 7)), (Value::Null, 7.into()));
        assert_eq!(expected(cas(RELEASE, 7)), (7.into(), Value::Null));
        let (first, _) = (ROW.fresh)(&"k".into(), &1.into(), 7);
        let (second, _) = (ROW.fresh)(&"k".into(), &2.into(), 7);
        assert_ne!(
            first.key, second.key,
            "a lock that is held cannot be acquired again"
        );
    }
}
