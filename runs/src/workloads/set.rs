//! `set`: elements are added to sets, which are read as a whole. A store keeps a set as a list.

use histories::Value;
use rand::RngExt;

use super::append::{last, list};
use super::keys::Keys;
use super::{Operation, Plan, Row, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "set",
    about: "add (each element once) and read over many sets that only grow",
    model: "set",
    asks: &[Does::Append, Does::Cas],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Set(Keys::new(settings, OPERATIONS_PER_KEY))),
    plan: |operation, _| Plan::Ask(StoreOp::Append(operation.value.clone())),
    seen: list,
    fresh: |key, value, _| (add(key.clone(), value.clone()), StoreOp::Append(value.clone())),
    last: super::read,
    has_seen_all: |_| true,
    newest: last,
};

/// Every read shows the whole set, so that a larger one would fill the history.
const OPERATIONS_PER_KEY: u64 = 100;

fn add(key: Value, value: Value) -> Operation {
    Operation { f: "add", key, value }
}

struct Set(Keys);

impl Workload for Set {
    /// Mostly additions: what was lost is told by any later read.
    fn next(&mut self, _: u64) -> Operation {
        let reads = self.0.rng.random_bool(0.25);
        let key = self.0.draw();
        match reads {
            true => Operation::read(key.name()),
            false => add(key.name(), key.next_value()),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_kept_as_lists() {
        let added = add("k".into(), 3.into());
        assert!(matches!((ROW.plan)(&added, 7), Plan::Ask(StoreOp::Append(value)) if value == Value::Int(3)));
        assert_eq!((ROW.seen)(Value::Null), Value::list([]));
    }
}
