//! `g-counter` and `pn-counter`: numbers that are added at any node, whose sum every node has to show in the end, as in Maelstrom's
//! workloads of these names. There is one counter, and it has no key.

use std::ops::RangeInclusive;

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Operation, Plan, Row, Settings, Shown, Workload};
use crate::call::Call;
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// A counter that only grows.
pub(super) const G_COUNTER: Row = Row {
    name: "g-counter",
    about: "add, of no negative number, at any node: every node has to show the sum in the end",
    model: "pn-counter",
    asks: &[Does::GrowCounter],
    watches: None,
    looks: false,
    rate: None,
    everywhere: true,
    initial: || Value::Int(0),
    build: |settings| Box::new(Total::new(settings, 0..=4)),
    plan: |operation, _| Plan::Ask(increase(operation)),
    seen: |value| value,
    fresh: |_, _, _| {
        let operation = add(1);
        let op = increase(&operation);
        (operation, op)
    },
    last: |_| (read(), StoreOp::Call(Call::Total)),
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// One that shrinks, too.
pub(super) const PN_COUNTER: Row = Row {
    name: "pn-counter",
    about: "add, of any number, at any node: every node has to show the sum in the end",
    build: |settings| Box::new(Total::new(settings, -5..=4)),
    ..G_COUNTER
};

fn add(amount: i64) -> Operation {
    Operation {
        f: "add",
        value: Value::Int(amount),
        ..read()
    }
}

fn read() -> Operation {
    Operation::read(Value::from("total"))
}

fn amount(operation: &Operation) -> i64 {
    operation.value.as_int().unwrap_or_default()
}

fn increase(operation: &Operation) -> StoreOp {
    StoreOp::Call(Call::Increase(amount(operation)))
}

struct Total {
    rng: ChaCha8Rng,
    amounts: RangeInclusive<i64>,
    /// The least and the most that what was tried may come to.
    between: [i64; 2],
}

impl Total {
    fn new(settings: Settings, amounts: RangeInclusive<i64>) -> Self {
        Total {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            amounts,
            between: [0, 0],
        }
    }
}

impl Workload for Total {
    fn next(&mut self, _: u64) -> Operation {
        match self.rng.random_bool(0.5) {
            true => read(),
            false => add(self.rng.random_range(self.amounts.clone())),
        }
    }

    fn on_end(&mut self, _: u64, operation: &Operation, answer: &Answer) {
        let amount = amount(operation);
        let [least, most] = &mut self.between;
        match answer {
            Answer::Ok(_) if !operation.is_read() => (*least, *most) = (*least + amount, *most + amount),
            Answer::Unknown => (*least, *most) = (*least + amount.min(0), *most + amount.max(0)),
            Answer::Ok(_) | Answer::Fail => {}
        }
    }

    fn last_look(&mut self, _: u64) -> Option<Operation> {
        Some(read())
    }

    fn shown(&mut self, _: u64, seen: &Value) -> Shown {
        let [least, most] = self.between;
        let within = seen.as_int().is_some_and(|seen| (least..=most).contains(&seen));
        if within { Shown::All } else { Shown::NotYet }
    }
}

#[cfg(test)]
mod tests {
    use histories::Seed;

    use super::*;

    #[test]
    fn the_sum_is_shown_when_it_can_be_it() {
        let mut total = Total::new(
            Settings {
                seed: Seed(1),
                clients: 3,
                has_cas: false,
            },
            -5..=4,
        );
        let ok = || Answer::Ok(Value::Null);
        for (operation, answer) in [
            (add(4), ok()),
            (add(-1), ok()),
            (add(2), Answer::Unknown),
            (add(-3), Answer::Unknown),
            (add(3), Answer::Fail),
            (read(), Answer::Ok(100.into())),
            (read(), Answer::Unknown),
        ] {
            total.on_end(0, &operation, &answer);
        }
        for (seen, wanted) in [
            (-1, Shown::NotYet),
            (0, Shown::All),
            (5, Shown::All),
            (6, Shown::NotYet),
        ] {
            assert_eq!(total.shown(0, &seen.into()), wanted, "{seen}");
        }
    }
}
