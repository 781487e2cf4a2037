//! Registers.

use histories::{Event, Kind, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Twin, compare};
use crate::Options;

pub(super) struct Register {
    /// From how many values each is drawn: few are written often, many once.
    pub(super) values: i64,
    pub(super) cas: bool,
    pub(super) failed_cas: crate::FailedCas,
}

impl Register {
    fn value(&self, rng: &mut ChaCha8Rng) -> Value {
        Value::from(rng.random_range(0..self.values))
    }
}

impl Twin for Register {
    type State = (Value, Vec<Value>);

    fn initial(&self) -> Self::State {
        (Value::Null, Vec::new())
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        match rng.random_range(0..8) {
            0..=3 => ("read", Value::Null),
            4..=7 if !self.cas => ("write", self.value(rng)),
            4..=5 => ("write", self.value(rng)),
            _ => ("cas", Value::list([self.value(rng), self.value(rng)])),
        }
    }

    fn run(&self, (state, _): &Self::State, _: u64, f: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        let after = |value: &Value| (value.clone(), Vec::new());
        match (f, argument.as_list()) {
            ("read", _) => vec![(after(state), state.clone())],
            ("write", _) => vec![(after(argument), argument.clone())],
            ("cas", Some([old, new])) if old == state => vec![(after(new), argument.clone())],
            _ => vec![],
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match f {
            "read" if rng.random_bool(0.1) => Value::Null,
            "read" => self.value(rng),
            _ => result.clone(),
        }
    }

    fn denies(&self, (state, _): &Self::State, f: &str, argument: &Value) -> bool {
        let observation = self.failed_cas == crate::FailedCas::Observation;
        observation && f == "cas" && argument.as_list().is_some_and(|pair| pair[0] == *state)
    }

    fn is_unique(&self, events: &[Event]) -> bool {
        let writes: Vec<&Value> = events
            .iter()
            .filter(|event| event.kind == Kind::Invoke && &*event.f == "write")
            .map(|event| &event.value)
            .collect();
        let once = |at: usize| !writes[..at].contains(&writes[at]);
        events.iter().all(|event| &*event.f != "cas") && (0..writes.len()).all(once)
    }

    fn options(&self) -> Options {
        Options {
            failed_cas: self.failed_cas,
            ..Options::default()
        }
    }
}

const REGISTER: &[&str] = &["read", "write", "cas"];

#[test]
fn register_with_few_values() {
    let failed_cas = crate::FailedCas::DidNotHappen;
    compare(
        &Register {
            values: 3,
            cas: true,
            failed_cas,
        },
        "register",
        REGISTER,
    );
}

#[test]
fn register_with_more_values() {
    let failed_cas = crate::FailedCas::DidNotHappen;
    compare(
        &Register {
            values: 8,
            cas: true,
            failed_cas,
        },
        "cas-register",
        REGISTER,
    );
}

#[test]
fn register_where_a_failed_cas_is_an_observation() {
    let failed_cas = crate::FailedCas::Observation;
    compare(
        &Register {
            values: 2,
            cas: true,
            failed_cas,
        },
        "cas-register",
        REGISTER,
    );
}

#[test]
fn register_without_cas() {
    let failed_cas = crate::FailedCas::DidNotHappen;
    compare(
        &Register {
            values: 12,
            cas: false,
            failed_cas,
        },
        "register",
        REGISTER,
    );
}
