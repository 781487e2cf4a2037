//! Counters, locks, strings, and several registers.

use std::collections::BTreeMap;

use histories::Value;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Twin, any, compare};

/// A counter.
pub(crate) struct Counter {
    /// What it adds is drawn from these.
    pub(crate) deltas: &'static [i64],
    /// Whether some additions return what they found or made.
    pub(crate) fetches: bool,
}

impl Counter {
    pub(crate) fn of(deltas: &'static [i64], fetches: bool) -> Self {
        Counter { deltas, fetches }
    }
}

impl Twin for Counter {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let delta = Value::from(self.deltas[rng.random_range(0..self.deltas.len())]);
        match rng.random_range(0..6) {
            0 if self.fetches => ("fetch-add", delta),
            1 if self.fetches => ("add-and-get", delta),
            0..=2 => ("add", delta),
            _ => ("read", Value::Null),
        }
    }

    fn run(&self, state: &i64, _: u64, f: &str, argument: &Value) -> Vec<(i64, Value)> {
        let after = state + argument.as_int().unwrap_or(0);
        let both = |number: i64| Value::list([argument.clone(), number.into()]);
        match f {
            "add" => vec![(after, argument.clone())],
            "fetch-add" => vec![(after, both(*state))],
            "add-and-get" => vec![(after, both(after))],
            _ => vec![(*state, Value::from(*state))],
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let mut near = |number: &Value| Value::from(number.as_int().unwrap() + rng.random_range(-1..=1));
        match (f, result.as_list()) {
            ("read", _) => near(result),
            (_, Some([delta, number])) => Value::list([delta.clone(), near(number)]),
            _ => result.clone(),
        }
    }
}

const COUNTER: &[&str] = &["add", "fetch-add", "add-and-get", "read"];

#[test]
fn counters() {
    for fetches in [false, true] {
        compare(&Counter::of(&[1], fetches), "counter", COUNTER).by_graph(95, 95);
        compare(&Counter::of(&[1, 2, -1, 0], fetches), "counter", COUNTER).by_graph(0, 20);
    }
}

/// A lock.
pub(crate) struct Mutex {
    pub(crate) owned: bool,
}

impl Twin for Mutex {
    type State = Option<u64>;

    fn initial(&self) -> Option<u64> {
        None
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let words: &[&str] = match self.owned {
            true => &["acquire", "release", "read"],
            false => &["acquire", "release"],
        };
        (words[rng.random_range(0..words.len())], Value::Null)
    }

    fn run(&self, state: &Option<u64>, process: u64, f: &str, _: &Value) -> Vec<(Option<u64>, Value)> {
        match (f, state) {
            ("acquire", None) => vec![(Some(process), Value::Null)],
            ("release", Some(holder)) if !self.owned || *holder == process => vec![(None, Value::Null)],
            ("read", holder) => vec![(
                *holder,
                holder.map_or(Value::Null, |holder| Value::Int(holder as i64)),
            )],
            _ => vec![],
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, _: &Value) -> Value {
        match f {
            "read" => any(rng, 3),
            _ => Value::Null,
        }
    }

    fn breaks(&self) -> bool {
        true
    }
}

/// Strings; what is put and appended is drawn from these.
pub(crate) struct Kv(pub(crate) &'static [&'static str]);

/// Texts that begin with others.
pub(crate) const FEW: &[&str] = &["", "a", "b", "ab"];

/// Letters, most of which are written once.
pub(crate) const MANY: &[&str] = &[
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n",
];

impl Twin for Kv {
    type State = String;

    fn initial(&self) -> String {
        String::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let text = self.0[rng.random_range(0..self.0.len())];
        match rng.random_range(0..4) {
            0 => ("put", text.into()),
            1 => ("append", text.into()),
            _ => ("get", Value::Null),
        }
    }

    fn run(&self, state: &String, _: u64, f: &str, argument: &Value) -> Vec<(String, Value)> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.to_string(),
            _ => String::new(),
        };
        match f {
            "put" => vec![(text(argument), argument.clone())],
            "append" => vec![(format!("{state}{}", text(argument)), argument.clone())],
            _ => vec![(state.clone(), Value::from(&**state))],
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let (Value::Text(text), "get") = (result, f) else {
            return result.clone();
        };
        let mut letters: Vec<char> = text.chars().collect();
        match rng.random_range(0..4) {
            0 => letters.reverse(),
            1 if !letters.is_empty() => drop(letters.remove(rng.random_range(0..letters.len()))),
            2 => letters.truncate(1),
            _ => letters.extend(self.0[rng.random_range(0..self.0.len())].chars()),
        }
        Value::from(&*letters.into_iter().collect::<String>())
    }
}

#[test]
fn strings() {
    compare(&Kv(FEW), "kv", &["get", "put", "append"]).by_graph(30, 40);
    compare(&Kv(MANY), "kv", &["get", "put", "append"]).by_graph(70, 70);
}

/// Two registers in transactions of one or two accesses; a read is written once more with what it saw.
pub(crate) struct MultiRegister;

impl Twin for MultiRegister {
    type State = BTreeMap<Value, Value>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let many = rng.random_range(1..=2);
        let access = |rng: &mut ChaCha8Rng| match rng.random_bool(0.6) {
            true => Value::list([Value::from("read"), any(rng, 2), Value::Null]),
            false => Value::list([Value::from("write"), any(rng, 2), any(rng, 3)]),
        };
        ("txn", Value::list((0..many).map(|_| access(rng))))
    }

    fn run(&self, state: &Self::State, _: u64, _: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        let mut outcomes = vec![(state.clone(), Vec::new())];
        for access in argument.as_list().unwrap() {
            let access = access.as_list().unwrap();
            let (f, key) = (access[0].clone(), access[1].clone());
            let mut next = Vec::new();
            for (state, done) in outcomes {
                let values = match (f == Value::from("write"), state.get(&key)) {
                    (true, _) => vec![access[2].clone()],
                    (false, Some(value)) => vec![value.clone()],
                    (false, None) => vec![Value::Null],
                };
                for value in values {
                    let mut after: (BTreeMap<_, _>, Vec<_>) = (state.clone(), done.clone());
                    after.0.insert(key.clone(), value.clone());
                    after.1.push(Value::list([f.clone(), key.clone(), value]));
                    next.push(after);
                }
            }
            outcomes = next;
        }
        outcomes
            .into_iter()
            .map(|(state, done)| (state, Value::list(done)))
            .collect()
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, _: &str, result: &Value) -> Value {
        let change = |access: &Value| match access.as_list() {
            Some([f, key, _]) if *f == Value::from("read") => {
                Value::list([f.clone(), key.clone(), any(rng, 3)])
            }
            _ => access.clone(),
        };
        Value::list(
            result
                .as_list()
                .unwrap_or_default()
                .iter()
                .map(change)
                .collect::<Vec<_>>(),
        )
    }
}

#[test]
fn several_registers() {
    compare(&MultiRegister, "multi-register", &["txn"]).by_search();
}

#[test]
fn locks() {
    compare(&Mutex { owned: false }, "mutex", &["acquire", "release"]).by_search();
    let words = ["acquire", "release", "read"];
    compare(&Mutex { owned: true }, "owned-mutex", &words).by_search();
}
