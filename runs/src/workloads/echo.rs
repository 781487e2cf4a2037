//! `echo`: texts that have to come back as they were sent, as in Maelstrom's workload of this name.

use histories::Value;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Operation, Plan, Row, Workload};
use crate::call::Call;
use crate::capabilities::Does;
use crate::store::{Answer, StoreOp};

/// The row of this workload.
pub(super) const ROW: Row = Row {
    name: "echo",
    about: "echo: texts that come back as they were sent",
    model: "echo",
    asks: &[Does::Echo],
    watches: None,
    looks: false,
    rate: None,
    everywhere: false,
    initial: || Value::Null,
    build: |settings| {
        Box::new(Echo {
            rng: ChaCha8Rng::seed_from_u64(settings.seed.0),
            sent: 0,
        })
    },
    plan: |operation, _| Plan::Ask(StoreOp::Call(Call::Echo(operation.value.clone()))),
    seen: |value| value,
    fresh: |key, value, _| asked(&format!("{key} {value}")),
    last: |key| asked(&format!("{key}, for the last time")),
    has_seen_all: |_| true,
    newest: Value::clone,
};

/// The word of it.
pub(super) const ECHO: &str = "echo";

fn echo(text: &str) -> Operation {
    Operation {
        f: ECHO,
        key: Value::from("echo"),
        value: Value::from(text),
    }
}

fn asked(text: &str) -> (Operation, StoreOp) {
    let operation = echo(text);
    let op = StoreOp::Call(Call::Echo(operation.value.clone()));
    (operation, op)
}

struct Echo {
    rng: ChaCha8Rng,
    sent: u64,
}

impl Workload for Echo {
    /// No two texts are the same, or an answer to another request would look right.
    fn next(&mut self, _: u64) -> Operation {
        self.sent += 1;
        let number: u32 = self.rng.random();
        echo(&format!("please echo {} {number}", self.sent))
    }

    fn on_end(&mut self, _: u64, _: &Operation, _: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_told() {
        let (operation, op) = (ROW.fresh)(&"recovery".into(), &1.into(), 3);
        assert!(operation.tells() && !operation.is_read());
        assert_eq!(op, StoreOp::Call(Call::Echo(operation.value)));
    }
}
