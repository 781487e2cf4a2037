//! What Jepsen's checkers judge by less than a legal order: accounts, forks, transactions.
//!
//! There is no brute force to compare these with here; they are drawn for what holds of every model.

use std::collections::BTreeMap;

use histories::Value;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Twin, any};

/// Three accounts of ten each.
pub(crate) struct Bank;

impl Twin for Bank {
    type State = [i64; 3];

    fn initial(&self) -> Self::State {
        [10; 3]
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        if rng.random_bool(0.5) {
            return ("read", Value::Null);
        }
        let from = rng.random_range(0..3);
        let to = (from + rng.random_range(1..3)) % 3;
        let field = |name: &str, number: i64| Value::list([Value::from(name), number.into()]);
        let amount = rng.random_range(1..8);
        (
            "transfer",
            Value::list([field("amount", amount), field("from", from), field("to", to)]),
        )
    }

    fn run(&self, state: &Self::State, _: u64, f: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        if f == "read" {
            let pairs = (0..)
                .zip(state)
                .map(|(at, balance)| Value::list([Value::from(at), (*balance).into()]));
            return vec![(*state, Value::list(pairs))];
        }
        let number = |at: usize| {
            argument.as_list().unwrap()[at].as_list().unwrap()[1]
                .as_int()
                .unwrap()
        };
        let mut next = *state;
        next[number(1) as usize] -= number(0);
        next[number(2) as usize] += number(0);
        match next.iter().all(|balance| *balance >= 0) {
            true => vec![(next, argument.clone())],
            false => vec![],
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let change = |pair: &Value| match pair.as_list() {
            Some([account, Value::Int(balance)]) if *account == Value::from(1) => {
                Value::list([account.clone(), (balance + rng.random_range(0..2)).into()])
            }
            _ => pair.clone(),
        };
        match (f, result.as_list()) {
            ("read", Some(pairs)) => Value::list(pairs.iter().map(change).collect::<Vec<_>>()),
            _ => result.clone(),
        }
    }
}

/// Keys that are written once each, read in pairs.
pub(crate) struct LongFork {
    pub(crate) keys: i64,
}

/// What a transaction returns, of what each of its operations does.
fn each(transaction: &Value, run: impl FnMut(&Value) -> Value) -> Value {
    let done = transaction.as_list().unwrap().iter().map(run);
    Value::list(done.collect::<Vec<_>>())
}

fn micro(f: &str, key: i64, value: Value) -> Value {
    Value::list([Value::from(f), key.into(), value])
}

impl Twin for LongFork {
    type State = BTreeMap<Value, Value>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        if rng.random_bool(0.12) {
            let key = rng.random_range(0..self.keys);
            return ("write", Value::list([micro("w", key, 1.into())]));
        }
        let first = 2 * rng.random_range(0..self.keys / 4);
        let read = |key| micro("r", key, Value::Null);
        ("read", Value::list([read(first), read(first + 1)]))
    }

    fn run(&self, state: &Self::State, _: u64, _: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        let mut next = state.clone();
        let done = each(argument, |micro| match micro.as_list() {
            Some([f, key, Value::Null]) => {
                let value = next.get(key).cloned().unwrap_or_default();
                Value::list([f.clone(), key.clone(), value])
            }
            Some([_, key, value]) => {
                next.insert(key.clone(), value.clone());
                micro.clone()
            }
            _ => micro.clone(),
        });
        vec![(next, done)]
    }

    /// The two keys of a read change places.
    fn mutate(&self, _: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match (f, result.as_list()) {
            ("read", Some([one, other])) => {
                let with = |micro: &Value, of: &Value| {
                    let (micro, of) = (micro.as_list().unwrap(), of.as_list().unwrap());
                    Value::list([micro[0].clone(), micro[1].clone(), of[2].clone()])
                };
                Value::list([with(one, other), with(other, one)])
            }
            _ => result.clone(),
        }
    }
}

/// A row for one of two tables, if there is none in either.
pub(crate) struct Inserts;

impl Twin for Inserts {
    type State = bool;

    fn initial(&self) -> bool {
        false
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let id = Value::from(rng.random_range(1..100_000));
        match rng.random_bool(0.5) {
            true => ("insert", Value::list([id, Value::Null])),
            false => ("insert", Value::list([Value::Null, id])),
        }
    }

    fn run(&self, state: &bool, _: u64, _: &str, argument: &Value) -> Vec<(bool, Value)> {
        match state {
            true => vec![],
            false => vec![(true, argument.clone())],
        }
    }

    fn mutate(&self, _: &mut ChaCha8Rng, _: &str, result: &Value) -> Value {
        result.clone()
    }

    fn breaks(&self) -> bool {
        true
    }
}

/// One log; each process polls on from where it was.
pub(crate) struct Logs;

impl Twin for Logs {
    type State = (Vec<Value>, BTreeMap<u64, usize>);

    fn initial(&self) -> Self::State {
        Default::default()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        match rng.random_bool(0.5) {
            true => ("send", Value::list([micro("send", 0, any(rng, 100_000))])),
            false => ("poll", Value::list([Value::list([Value::from("poll")])])),
        }
    }

    fn run(&self, state: &Self::State, process: u64, f: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        let (mut log, mut places) = state.clone();
        let at = |offset: usize, value: &Value| Value::list([Value::from(offset as i64), value.clone()]);
        if f == "send" {
            let value = argument.as_list().unwrap()[0].as_list().unwrap()[2].clone();
            let sent = micro("send", 0, at(log.len(), &value));
            log.push(value);
            return vec![((log, places), Value::list([sent]))];
        }
        let place = places.entry(process).or_default();
        let seen = (*place..log.len()).map(|offset| at(offset, &log[offset]));
        let seen = Value::list([Value::from(0), Value::list(seen.collect::<Vec<_>>())]);
        *place = log.len();
        let polled = Value::list([Value::from("poll"), Value::list([seen])]);
        vec![((log, places), Value::list([polled]))]
    }

    /// The last message that was polled is another one's, or an offset is.
    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match f {
            "send" => {
                let value = result.as_list().unwrap()[0].as_list().unwrap()[2]
                    .as_list()
                    .unwrap()[1]
                    .clone();
                let offset = Value::from(rng.random_range(0..3));
                Value::list([micro("send", 0, Value::list([offset, value]))])
            }
            _ => result.clone(),
        }
    }
}

/// Transactions over a few lists, or over a few registers.
pub(crate) struct Transactions {
    pub(crate) lists: bool,
}

impl Twin for Transactions {
    type State = BTreeMap<Value, Vec<Value>>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let write = if self.lists { "append" } else { "w" };
        let one = |rng: &mut ChaCha8Rng| match rng.random_bool(0.5) {
            true => micro(write, rng.random_range(0..3), any(rng, 100_000)),
            false => micro("r", rng.random_range(0..3), Value::Null),
        };
        let many = rng.random_range(1..=3);
        (
            "txn",
            Value::list((0..many).map(|_| one(rng)).collect::<Vec<_>>()),
        )
    }

    fn run(&self, state: &Self::State, _: u64, _: &str, argument: &Value) -> Vec<(Self::State, Value)> {
        let mut next = state.clone();
        let done = each(argument, |micro| match micro.as_list() {
            Some([f, key, value]) if *f == Value::from("r") => {
                debug_assert_eq!(*value, Value::Null);
                let held = next.get(key).map_or(&[][..], |held| held);
                let seen = match self.lists {
                    true => Value::list(held.iter().cloned()),
                    false => held.last().cloned().unwrap_or_default(),
                };
                Value::list([f.clone(), key.clone(), seen])
            }
            Some([_, key, value]) => {
                next.entry(key.clone()).or_default().push(value.clone());
                micro.clone()
            }
            _ => micro.clone(),
        });
        vec![(next, done)]
    }

    /// The last element of a list that was read is lost; a register is as it was at first.
    fn mutate(&self, rng: &mut ChaCha8Rng, _: &str, result: &Value) -> Value {
        let change = |micro: &Value| match micro.as_list() {
            Some([f, key, seen]) if *f == Value::from("r") && rng.random_bool(0.7) => {
                let seen = match seen {
                    Value::List(seen) => Value::list(seen[..seen.len().saturating_sub(1)].iter().cloned()),
                    _ => Value::Null,
                };
                Value::list([f.clone(), key.clone(), seen])
            }
            _ => micro.clone(),
        };
        Value::list(result.as_list().unwrap().iter().map(change).collect::<Vec<_>>())
    }
}

/// Identifiers, one after the other.
pub(crate) struct Ids;

impl Twin for Ids {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn draw(&self, _: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("generate", Value::Null)
    }

    fn run(&self, state: &i64, _: u64, _: &str, _: &Value) -> Vec<(i64, Value)> {
        vec![(state + 1, Value::from(*state))]
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, _: &str, result: &Value) -> Value {
        Value::from(result.as_int().unwrap() - rng.random_range(0..3))
    }
}

/// What comes back as it was sent.
pub(crate) struct Echoes;

impl Twin for Echoes {
    type State = ();

    fn initial(&self) {}

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        ("echo", any(rng, 100))
    }

    fn run(&self, (): &(), _: u64, _: &str, argument: &Value) -> Vec<((), Value)> {
        vec![((), argument.clone())]
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, _: &str, _: &Value) -> Value {
        any(rng, 100)
    }
}

/// What was written, each value once, and all of it read.
pub(crate) struct Seen;

impl Twin for Seen {
    type State = Vec<Value>;

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        match rng.random_bool(0.5) {
            true => ("write", any(rng, 100_000)),
            false => ("read", Value::Null),
        }
    }

    fn run(&self, state: &Vec<Value>, _: u64, f: &str, argument: &Value) -> Vec<(Vec<Value>, Value)> {
        if f == "read" {
            return vec![(state.clone(), Value::list(state.iter().cloned()))];
        }
        let mut next = state.clone();
        next.push(argument.clone());
        vec![(next, argument.clone())]
    }

    /// One is missing.
    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match (f, result.as_list()) {
            ("read", Some(seen)) if !seen.is_empty() => {
                let gone = rng.random_range(0..seen.len());
                let kept = seen.iter().enumerate().filter(|(at, _)| *at != gone);
                Value::list(kept.map(|(_, value)| value.clone()))
            }
            _ => result.clone(),
        }
    }
}

/// Two numbers that only grow.
pub(crate) struct Numbers;

impl Twin for Numbers {
    type State = [i64; 2];

    fn initial(&self) -> [i64; 2] {
        [0; 2]
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        match rng.random_bool(0.5) {
            true => ("inc", any(rng, 2)),
            false => ("read", Value::Null),
        }
    }

    fn run(&self, state: &[i64; 2], _: u64, f: &str, argument: &Value) -> Vec<([i64; 2], Value)> {
        let pair = |key: usize, state: &[i64; 2]| Value::list([Value::from(key as i64), state[key].into()]);
        if f == "read" {
            return vec![(*state, Value::list([pair(0, state), pair(1, state)]))];
        }
        let mut next = *state;
        let key = argument.as_int().unwrap() as usize;
        next[key] += 1;
        vec![(next, Value::list([pair(key, &next)]))]
    }

    /// One of the numbers is as it was a while ago.
    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let change = |pair: &Value| match pair.as_list() {
            Some([key, Value::Int(number)]) if rng.random_bool(0.5) => {
                Value::list([key.clone(), (number - rng.random_range(1..3)).max(0).into()])
            }
            _ => pair.clone(),
        };
        match (f, result.as_list()) {
            ("read", Some(pairs)) => Value::list(pairs.iter().map(change).collect::<Vec<_>>()),
            _ => result.clone(),
        }
    }
}
