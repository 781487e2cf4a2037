//! `unique-ids`: identifiers are given out, as in Maelstrom's workload of this name; no two clients may get the same. A store that
//! gives none out keeps the number of the last one, by compare-and-set.

use histories::Value;

use super::{Operation, Plan, Row, Workload};
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "unique-ids",
    about: "generate: identifiers that are given out once, whoever is asked",
    model: "unique-ids",
    asks: &[Does::Generate, Does::Cas],
    watches: None,
    looks: false,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |_| Box::new(UniqueIds),
    plan: |_, _| Plan::Ask(StoreOp::Generate),
    seen: |value| value,
    fresh: |_, _, _| asked(),
    last: |_| asked(),
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// The word of an identifier that is given out.
pub(super) const GENERATE: &str = "generate";

/// All identifiers come from one source, or two could not be compared.
fn generate() -> Operation {
    Operation {
        f: GENERATE,
        key: Value::from("ids"),
        value: Value::Null,
    }
}

fn asked() -> (Operation, StoreOp) {
    (generate(), StoreOp::Generate)
}

/// There is nothing to choose.
struct UniqueIds;

impl Workload for UniqueIds {
    fn next(&mut self, _: u64) -> Operation {
        generate()
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_out_is_told() {
        assert!(matches!((ROW.plan)(&generate(), 7), Plan::Ask(StoreOp::Generate)));
        assert!(generate().tells() && !generate().is_read());
        assert_eq!(
            (ROW.fresh)(&"recovery".into(), &1.into(), 3),
            (ROW.last)(&"ids".into())
        );
    }
}
