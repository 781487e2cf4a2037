//! Registers.

use histories::{Event, Kind, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Call, Twin, compare};
use crate::{FailedCas, Options};

pub(crate) struct Register {
    /// From how many values each is drawn: few are written often, many once.
    pub(crate) values: i64,
    pub(crate) cas: bool,
    pub(crate) failed_cas: FailedCas,
}

impl Register {
    /// Where a failed cas did not happen.
    pub(crate) fn of(values: i64, cas: bool) -> Self {
        Register {
            values,
            cas,
            failed_cas: FailedCas::DidNotHappen,
        }
    }

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
        let observation = self.failed_cas == FailedCas::Observation;
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
    compare(&Register::of(3, true), "register", REGISTER).by_graph(80, 80);
}

#[test]
fn register_with_more_values() {
    compare(&Register::of(8, true), "cas-register", REGISTER).by_graph(90, 90);
}

#[test]
fn register_where_a_failed_cas_is_an_observation() {
    let observed = Register {
        failed_cas: FailedCas::Observation,
        ..Register::of(2, true)
    };
    compare(&observed, "cas-register", REGISTER).by_graph(30, 30);
}

#[test]
fn register_without_cas() {
    compare(&Register::of(12, false), "register", REGISTER).by_graph(85, 90);
}

/// A register with versions; values as above.
pub(crate) struct Versioned {
    pub(crate) values: i64,
    /// Whether versions have gaps.
    pub(crate) gaps: bool,
}

/// No version of a history with gaps comes near it.
const VERSIONS: i64 = 24;

impl Versioned {
    pub(crate) fn of(values: i64, gaps: bool) -> Self {
        Versioned { values, gaps }
    }
}

impl Twin for Versioned {
    type State = (i64, Value);

    fn initial(&self) -> Self::State {
        (0, Value::Null)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let mut value = || Value::from(rng.random_range(0..self.values));
        let (one, two) = (value(), value());
        match rng.random_range(0..8) {
            0..=3 => ("read", Value::list([Value::Null, Value::Null])),
            4..=6 => ("write", Value::list([Value::Null, one])),
            _ => ("cas", Value::list([Value::Null, Value::list([one, two])])),
        }
    }

    fn run(
        &self,
        (version, held): &Self::State,
        _: u64,
        f: &str,
        argument: &Value,
    ) -> Vec<(Self::State, Value)> {
        let value = &argument.as_list().unwrap()[1];
        let result = |version: i64, value: &Value| Value::list([version.into(), value.clone()]);
        let old = value.as_list().map(|pair| &pair[0]);
        let nexts = version + 1..=version + if self.gaps { 2 } else { 1 };
        match (f, old) {
            ("read", _) => {
                let same = (*version, held.clone());
                let blank = Value::Null;
                [(version, held), (version, &blank)]
                    .map(|(version, seen)| (same.clone(), result(*version, seen)))
                    .to_vec()
            }
            ("write", _) => nexts
                .map(|next| ((next, value.clone()), result(next, value)))
                .collect(),
            ("cas", Some(old)) if old == held => {
                let new = &value.as_list().unwrap()[1];
                nexts
                    .map(|next| ((next, new.clone()), result(next, value)))
                    .collect()
            }
            _ => vec![],
        }
    }

    /// With gaps an update may make any greater version, of which a run makes the next ones only.
    fn after(&self, state: &Self::State, call: &Call) -> Vec<Self::State> {
        let outcomes = self.run(state, call.process, call.f, &call.argument);
        if !self.gaps || call.f == "read" {
            let fits = outcomes.into_iter().filter(|(_, result)| call.fits(result));
            return fits.map(|(next, _)| next).collect();
        }
        let Some(((_, value), _)) = outcomes.first() else {
            return Vec::new();
        };
        let greater = state.0 + 1..=VERSIONS;
        let versions = match call.result.as_list() {
            Some([Value::Int(version), _]) if call.kind != Kind::Info => *version..=*version,
            _ => greater.clone(),
        };
        let fitting = versions.filter(|version| greater.contains(version));
        fitting.map(|version| (version, value.clone())).collect()
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let [Value::Int(version), value] = result.as_list().unwrap() else {
            return result.clone();
        };
        match rng.random_range(0..2) {
            0 if f == "read" => Value::list([(*version).into(), rng.random_range(0..self.values).into()]),
            _ => Value::list([(version + rng.random_range(-1..=1)).max(0).into(), value.clone()]),
        }
    }
}

#[test]
fn registers_with_versions() {
    for values in [3, 30] {
        compare(&Versioned::of(values, false), "versioned-register", REGISTER).by_graph(80, 60);
        compare(&Versioned::of(values, true), "revision-register", REGISTER).by_graph(60, 30);
    }
}
