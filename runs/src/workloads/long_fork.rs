//! `long-fork`: keys of a group are written once each, and always read together; no two reads may disagree on the order of two
//! writes (jepsen.tests.long-fork). What the history calls a key is the group.
//!
//! A store with transactions does each as one; for any other the group is kept under one key.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::txn::{KEYS, first_key, micro};
use super::{Operation, Plan, READ, Row, Settings, Workload, key_of_its_own};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "long-fork",
    about: "writes of many keys, each once, and reads of several that must agree on the order of the writes",
    model: "long-fork",
    asks: &[Does::Txn, Does::Cas],
    watches: None,
    looks: false,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(LongFork::new(settings)),
    plan: |operation, _| Plan::Ask(StoreOp::Txn(operation.value.clone())),
    seen: |value| value,
    fresh: |group, value, _| {
        let group = key_of_its_own(group, value);
        let key = first_key(&group);
        asked(write(group, key, value.clone()))
    },
    last: |group| asked(read(group.clone())),
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// A fork shows while a group is being written; reads of all of it say nothing new.
const OPERATIONS_PER_GROUP: u64 = 24;
/// Every key is written this, and only once.
const WRITTEN: i64 = 1;

fn write(group: Value, key: i64, value: Value) -> Operation {
    Operation {
        f: "write",
        key: group,
        value: Value::list([micro("w", key, value)]),
    }
}

fn read(group: Value) -> Operation {
    let first = first_key(&group);
    Operation {
        f: READ,
        value: Value::list((first..first + KEYS).map(|key| micro("r", key, Value::Null))),
        key: group,
    }
}

fn asked(operation: Operation) -> (Operation, StoreOp) {
    let op = StoreOp::Txn(operation.value.clone());
    (operation, op)
}

struct LongFork(Keys);

impl LongFork {
    /// Most clients meet on each group.
    fn new(settings: Settings) -> Self {
        LongFork(Keys::few(settings, OPERATIONS_PER_GROUP))
    }
}

impl Workload for LongFork {
    fn next(&mut self, _: u64) -> Operation {
        let writes = self.0.rng.random_bool(0.4);
        let group = self.0.draw();
        let name = group.name();
        match writes && group.written() < KEYS {
            true => {
                let key = first_key(&name) + group.written();
                group.next_value();
                write(name, key, Value::Int(WRITTEN))
            }
            false => read(name),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use histories::Seed;

    use super::*;

    #[test]
    fn keys_are_written_once_and_read_as_a_group() {
        let mut workload = LongFork::new(Settings {
            seed: Seed(1),
            clients: 10,
            has_cas: true,
        });
        let mut written = HashSet::new();
        for _ in 0..5_000 {
            let operation = workload.next(0);
            let micros = operation.value.as_list().unwrap();
            assert!(!operation.is_read(), "it is of several keys");
            match operation.f {
                "write" => assert!(written.insert(micros[0].clone()), "{operation:?}"),
                _ => assert_eq!(operation, read(operation.key.clone())),
            }
        }
        assert!(written.len() > 500, "{}", written.len());
    }

    #[test]
    fn a_fresh_write_is_of_a_group_of_its_own() {
        let (first, _) = (ROW.fresh)(&"recovery".into(), &1.into(), 7);
        let (second, _) = (ROW.fresh)(&"recovery".into(), &2.into(), 7);
        assert_ne!(first.key, second.key);
        let (last, op) = (ROW.last)(&"k2".into());
        assert_eq!(op, StoreOp::Txn(last.value.clone()));
        assert_eq!(
            last.value.to_string(),
            r#"[["r",8,null],["r",9,null],["r",10,null],["r",11,null]]"#
        );
    }
}
