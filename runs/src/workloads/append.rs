//! `append`: elements, each once, are put at the end of lists, and the lists are read as a whole.

use histories::Value;
use rand::RngExt;

use super::keys::Keys;
use super::{Operation, Plan, Row, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "append",
    about: "append (each element once) and read over many lists",
    model: "append",
    asks: &[Does::Append, Does::Cas],
    watches: None,
    looks: true,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| Box::new(Append(Keys::new(settings, OPERATIONS_PER_KEY))),
    plan: |operation, _| Plan::Ask(StoreOp::Append(operation.value.clone())),
    seen: list,
    fresh: |key, value, _| (append(key.clone(), value.clone()), StoreOp::Append(value.clone())),
    last: super::read,
    has_seen_all: |_| true,
    newest: last,
};

/// Every read shows the whole list, so that a longer one would fill the history.
const OPERATIONS_PER_KEY: u64 = 100;

/// A key under which nothing stands holds an empty list.
pub(super) fn list(value: Value) -> Value {
    match value {
        Value::Null => Value::list([]),
        other => other,
    }
}

/// The element that was added last.
pub(super) fn last(seen: &Value) -> Value {
    let last = seen.as_list().and_then(<[Value]>::last);
    last.cloned().unwrap_or_default()
}

fn append(key: Value, value: Value) -> Operation {
    Operation {
        f: "append",
        key,
        value,
    }
}

struct Append(Keys);

impl Workload for Append {
    fn next(&mut self, _: u64) -> Operation {
        let reads = self.0.rng.random_bool(0.5);
        let key = self.0.draw();
        match reads {
            true => Operation::read(key.name()),
            false => append(key.name(), key.next_value()),
        }
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_appended_to_and_read() {
        let written = append("k".into(), 3.into());
        assert!(
            matches!((ROW.plan)(&written, 7), Plan::Ask(StoreOp::Append(value)) if value == Value::Int(3))
        );
        assert_eq!((ROW.seen)(Value::Null), Value::list([]));
        let seen = Value::list([1.into(), 2.into()]);
        assert_eq!(((ROW.seen)(seen.clone()), (ROW.newest)(&seen)), (seen, 2.into()));
        assert_eq!((ROW.newest)(&Value::list([])), Value::Null);
    }
}
