//! Objects whose histories are checked: strings, lists, a set, transactions.

use std::collections::HashMap;

use histories::Value;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::clients::{Call, Object};

/// Porcupine's key-value store: get, put and append of strings on ten keys.
pub struct Kv {
    states: Vec<String>,
    next: u64,
    /// The get that misses the last bytes, if it is the one of this number.
    stale: Option<u64>,
    gets: u64,
}

impl Kv {
    /// A correct one, or one that answers the get of this number with less than there is.
    pub fn new(stale: Option<u64>) -> Self {
        Kv {
            states: vec![String::new(); 10],
            next: 0,
            stale,
            gets: 0,
        }
    }
}

impl Object for Kv {
    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Call {
        let key = Some(Value::from(&*rng.random_range(0..10).to_string()));
        self.next += 1;
        let text = || Value::from(&*format!("x {} y", self.next));
        let (f, argument) = match rng.random_range(0..18) {
            0..9 => ("append", text()),
            9 => ("put", text()),
            _ => ("get", Value::Null),
        };
        Call { f, key, argument }
    }

    fn run(&mut self, call: &Call) -> Value {
        let Some(Value::Text(key)) = &call.key else {
            return Value::Null;
        };
        let state = &mut self.states[key.parse::<usize>().unwrap_or_default()];
        match (call.f, &call.argument) {
            ("append", Value::Text(text)) => state.push_str(text),
            ("put", Value::Text(text)) => text.to_string().clone_into(state),
            _ => {
                self.gets += 1;
                let seen = match self.stale == Some(self.gets) {
                    true => state.rsplit_once('x').map_or("", |(before, _)| before),
                    false => state.as_str(),
                };
                return Value::from(seen);
            }
        }
        call.argument.clone()
    }
}

/// Keys that are replaced by new ones after a while, so that no list gets long.
struct Keys {
    current: Vec<i64>,
    states: HashMap<i64, Vec<Value>>,
    next: i64,
}

/// How long a list gets, more or less.
const ELEMENTS_MAX: usize = 32;

impl Keys {
    fn new() -> Self {
        Keys {
            current: (0..100).collect(),
            states: HashMap::new(),
            next: 100,
        }
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// One of the keys; a new one instead if its list is long.
    fn any(&mut self, rng: &mut ChaCha8Rng) -> i64 {
        let at = rng.random_range(0..self.current.len());
        let state = self.states.get(&self.current[at]);
        if state.is_some_and(|state| state.len() >= ELEMENTS_MAX) {
            self.current[at] = self.fresh();
        }
        self.current[at]
    }

    fn state(&mut self, key: &Value) -> &mut Vec<Value> {
        self.states.entry(key.as_int().unwrap_or_default()).or_default()
    }
}

/// Lists: append and read.
pub struct Lists(Keys);

impl Lists {
    pub fn new() -> Self {
        Lists(Keys::new())
    }
}

impl Object for Lists {
    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Call {
        let key = Some(self.0.any(rng).into());
        let (f, argument) = match rng.random_bool(0.5) {
            true => ("append", self.0.fresh().into()),
            false => ("read", Value::Null),
        };
        Call { f, key, argument }
    }

    fn run(&mut self, call: &Call) -> Value {
        let state = self.0.state(call.key.as_ref().unwrap_or(&Value::Null));
        if call.f == "read" {
            return Value::list(state.iter().cloned());
        }
        state.push(call.argument.clone());
        call.argument.clone()
    }
}

/// A set that grows, and is seldom read.
pub struct Set {
    elements: Vec<Value>,
    next: i64,
    every: i64,
}

impl Set {
    /// Read once in so many operations.
    pub fn new(every: i64) -> Self {
        Set {
            elements: Vec::new(),
            next: 0,
            every,
        }
    }
}

impl Object for Set {
    fn draw(&mut self, _: &mut ChaCha8Rng) -> Call {
        self.next += 1;
        let (f, argument) = match self.next % self.every {
            0 => ("read", Value::Null),
            _ => ("add", self.next.into()),
        };
        Call {
            f,
            key: None,
            argument,
        }
    }

    fn run(&mut self, call: &Call) -> Value {
        if call.f == "read" {
            return Value::list(self.elements.iter().cloned());
        }
        self.elements.push(call.argument.clone());
        call.argument.clone()
    }
}

/// Transactions over 100 keys, of lists or of registers.
pub struct Transactions {
    lists: bool,
    keys: Keys,
}

impl Transactions {
    pub fn new(lists: bool) -> Self {
        Transactions {
            lists,
            keys: Keys::new(),
        }
    }

    fn micro(&mut self, rng: &mut ChaCha8Rng) -> Value {
        let (f, value) = match (rng.random_bool(0.5), self.lists) {
            (true, _) => ("r", Value::Null),
            (false, true) => ("append", self.keys.fresh().into()),
            (false, false) => ("w", self.keys.fresh().into()),
        };
        Value::list([Value::from(f), self.keys.any(rng).into(), value])
    }

    fn apply(&mut self, micro: &Value) -> Value {
        let Some([f, key, value]) = micro.as_list() else {
            return Value::Null;
        };
        let state = self.keys.state(key);
        if *f != Value::from("r") {
            if !self.lists {
                state.clear();
            }
            state.push(value.clone());
            return micro.clone();
        }
        let seen = match self.lists {
            true => Value::list(state.iter().cloned()),
            false => state.last().cloned().unwrap_or_default(),
        };
        Value::list([f.clone(), key.clone(), seen])
    }
}

impl Object for Transactions {
    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Call {
        let micros: Vec<Value> = (0..rng.random_range(1..=4)).map(|_| self.micro(rng)).collect();
        Call {
            f: "txn",
            key: None,
            argument: Value::list(micros),
        }
    }

    fn run(&mut self, call: &Call) -> Value {
        let micros = call.argument.as_list().unwrap_or_default();
        Value::list(micros.iter().map(|micro| self.apply(micro)).collect::<Vec<_>>())
    }
}
