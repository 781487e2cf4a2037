//! `counter`: ones are added to counters, and the counters are read.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "counter",
    about: "add 1 and read over many counters",
    model: "counter",
    asks: &[Does::Add, Does::Cas],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: || Value::Int(0),
    build: |settings| Box::new(Counter(Keys::new(settings, OPERATIONS_PER_KEY))),
    plan: |operation, _| Plan::Ask(StoreOp::Add(operation.value.as_int().unwrap_or(ONE))),
    seen: |value| match value {
        Value::Null => Value::Int(0),
        other => other,
    },
    fresh: |key, _, _| (add(key.clone()), StoreOp::Add(ONE)),
    last: super::read,
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// As many as keep the check of each counter quick.
const OPERATIONS_PER_KEY: u64 = 300;
/// All additions are alike: those are judged fastest, and a lost or a doubled one shows as well.
const ONE: i64 = 1;

fn add(key: Value) -> Operation {
    Operation {
        f: "add",
        key,
        value: Value::Int(ONE),
    }
}

struct Counter(Keys);

impl Workload for Counter {
    fn next(&mut self, _: u64) -> Operation {
        let reads = self.0.rng.random_bool(0.5);
        let key = self.0.draw().name();
        match reads {
            true => Operation::read(key),
            false => add(key),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_begin_at_zero() {
        assert!(matches!(
            (ROW.plan)(&add("k".into()), 7),
            Plan::Ask(StoreOp::Add(1))
        ));
        assert_eq!((ROW.seen)(Value::Null), Value::Int(0));
        assert_eq!((ROW.seen)(Value::Int(5)), Value::Int(5));
    }
}
