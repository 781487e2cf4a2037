//! `broadcast` and `g-set`: elements that every node has to show in the end, as in Maelstrom's workloads of these names. There is
//! one set, and it has no key.

use std::collections::HashSet;

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Operation, Plan, Row, Settings, Shown, Workload};
use crate::call::Call;
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// Messages that are told to one node.
pub(super) const BROADCAST: Row = Row {
    name: "broadcast",
    about: "messages, each told to one node, that every node has to know in the end",
    model: "set-full",
    asks: &[Does::Broadcast],
    watches: None,
    looks: false,
    rate: Some(RATE),
    everywhere: true,
    initial: || Value::Null,
    build: |settings| Box::new(Elements::new(settings)),
    plan: |operation, _| Plan::Ask(StoreOp::Call(Call::Broadcast(operation.value.clone()))),
    seen: |value| value,
    fresh: |_, _, process| {
        let operation = fresh(process);
        let op = StoreOp::Call(Call::Broadcast(operation.value.clone()));
        (operation, op)
    },
    last: |_| (read(), StoreOp::Call(Call::Messages)),
    has_seen_all: |_| true,
    newest: super::append::last,
};

/// A set that only grows.
pub(super) const G_SET: Row = Row {
    name: "g-set",
    about: "elements, each added at one node, that every node has to have in the end",
    asks: &[Does::GrowSet],
    plan: |operation, _| Plan::Ask(StoreOp::Call(Call::Include(operation.value.clone()))),
    fresh: |_, _, process| {
        let operation = fresh(process);
        let op = StoreOp::Call(Call::Include(operation.value.clone()));
        (operation, op)
    },
    last: |_| (read(), StoreOp::Call(Call::Elements)),
    ..BROADCAST
};

/// Each read shows everything, and nodes that gossip tell it again and again.
const RATE: f64 = 100.0;
/// Of so many elements and more, reads become seldom.
const MANY: f64 = 200.0;
/// Elements that are added beside the load's begin here: numbers that fit into 32 bits with sign.
const FRESH: i64 = 1_000_000_000;

fn add(element: i64) -> Operation {
    Operation {
        f: "add",
        value: Value::Int(element),
        ..read()
    }
}

/// An element that nobody else adds.
fn fresh(process: u64) -> Operation {
    add(FRESH + process as i64)
}

fn read() -> Operation {
    Operation::read(Value::from("elements"))
}

struct Elements {
    rng: ChaCha8Rng,
    tried: i64,
    acknowledged: HashSet<Value>,
}

impl Elements {
    fn new(settings: Settings) -> Self {
        Elements {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            tried: 0,
            acknowledged: HashSet::new(),
        }
    }
}

impl Workload for Elements {
    fn next(&mut self, _: u64) -> Operation {
        let reads = 0.5 * (MANY / self.tried.max(1) as f64).min(1.0);
        if self.rng.random_bool(reads) {
            return read();
        }
        self.tried += 1;
        add(self.tried)
    }

    fn on_end(&mut self, _: u64, operation: &Operation, answer: &Answer) {
        if !operation.is_read() && matches!(answer, Answer::Ok(_)) {
            self.acknowledged.insert(operation.value.clone());
        }
    }

    fn last_look(&mut self, _: u64) -> Option<Operation> {
        Some(read())
    }

    fn shown(&mut self, _: u64, seen: &Value) -> Shown {
        let seen: HashSet<&Value> = seen.as_list().unwrap_or_default().iter().collect();
        let all = self.acknowledged.iter().all(|element| seen.contains(element));
        if all { Shown::All } else { Shown::NotYet }
    }
}

#[cfg(test)]
mod tests {
    use histories::Seed;

    use super::*;

    #[test]
    fn what_was_acknowledged_has_to_be_shown() {
        let mut elements = Elements::new(Settings {
            seed: Seed(1),
            clients: 3,
            has_cas: false,
        });
        for (element, answer) in [
            (1, Answer::Ok(Value::Null)),
            (2, Answer::Unknown),
            (3, Answer::Fail),
        ] {
            elements.on_end(0, &add(element), &answer);
        }
        assert_eq!(elements.shown(0, &Value::list([2.into()])), Shown::NotYet);
        assert_eq!(elements.shown(0, &Value::list([4.into(), 1.into()])), Shown::All);
    }

    #[test]
    fn reads_of_much_are_seldom() {
        let mut elements = Elements::new(Settings {
            seed: Seed(1),
            clients: 3,
            has_cas: false,
        });
        let drawn: Vec<Operation> = (0..20_000).map(|_| elements.next(0)).collect();
        let shown: i64 = drawn
            .iter()
            .scan(0, |size, operation| {
                *size += i64::from(!operation.is_read());
                Some(if operation.is_read() { *size } else { 0 })
            })
            .sum();
        assert!(shown < 20_000 * 110, "{shown}");
        assert!(drawn.iter().rev().take(2_000).any(Operation::is_read));
    }
}
