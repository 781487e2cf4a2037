//! The stores among the services: the same words, three consistencies.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::service::{Body, Service, error, not_supported};

/// What a request comes to on the value that stands under its key: the answer, and the value that takes its place.
struct Decision {
    answer: Value,
    new: Option<Value>,
}

/// The key of a request, as JSON writes it, and what comes of it where the key has this value.
fn decide(body: &Body, found: impl FnOnce(&str) -> Option<Value>) -> Result<(String, Decision), Value> {
    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
    if !["read", "write", "cas"].contains(&kind) {
        return Err(not_supported(body));
    }
    let field = |name: &str| {
        body.get(name)
            .cloned()
            .ok_or_else(|| error(12, &format!("there is no {name}")))
    };
    let key = field("key")?.to_string();
    let found = found(&key);
    let (answer, new) = match (kind, found) {
        ("write", _) => (json!({"type": "write_ok"}), Some(field("value")?)),
        ("read", Some(value)) => (json!({"type": "read_ok", "value": value}), None),
        ("cas", Some(value)) if value == field("from")? => (json!({"type": "cas_ok"}), Some(field("to")?)),
        ("cas", Some(value)) => {
            let text = format!("current value {value} is not {}", field("from")?);
            (error(22, &text), None)
        }
        ("cas", None) if body.get("create_if_not_exists") == Some(&true.into()) => {
            (json!({"type": "cas_ok"}), Some(field("to")?))
        }
        _ => (error(20, "key does not exist"), None),
    };
    Ok((key, Decision { answer, new }))
}

/// `lin-kv`: one copy.
#[derive(Default)]
pub(super) struct Linearizable {
    values: HashMap<String, Value>,
}

impl Service for Linearizable {
    fn answer(&mut self, _: &str, body: &Body, _: &mut ChaCha8Rng) -> Value {
        match decide(body, |key| self.values.get(key).cloned()) {
            Err(answer) => answer,
            Ok((key, decision)) => {
                if let Some(new) = decision.new {
                    self.values.insert(key, new);
                }
                decision.answer
            }
        }
    }
}

/// So many states of `seq-kv` are kept, as by Maelstrom.
const STATES: u64 = 32;

/// `seq-kv`: one order of all changes, in which each node may lag behind, and never goes back.
#[derive(Default)]
pub(super) struct Sequential {
    /// The number of the newest state.
    newest: u64,
    /// Of each key, from which state on it had which value.
    values: HashMap<String, VecDeque<(u64, Value)>>,
    /// The state that each node saw last.
    seen: HashMap<String, u64>,
}

impl Sequential {
    fn at(&self, state: u64, key: &str) -> Option<Value> {
        let versions = self.values.get(key)?.iter().rev();
        let mut versions = versions.skip_while(|(since, _)| *since > state);
        versions.next().map(|(_, value)| value.clone())
    }

    fn change(&mut self, key: String, new: Value) {
        self.newest += 1;
        let oldest = (self.newest + 1).saturating_sub(STATES);
        let versions = self.values.entry(key).or_default();
        versions.push_back((self.newest, new));
        // The last one before the oldest state is still its value.
        while versions.get(1).is_some_and(|(since, _)| *since <= oldest) {
            versions.pop_front();
        }
    }
}

impl Service for Sequential {
    fn answer(&mut self, node: &str, body: &Body, rng: &mut ChaCha8Rng) -> Value {
        let oldest = (self.newest + 1).saturating_sub(STATES);
        let from = self.seen.get(node).copied().unwrap_or(0).max(oldest);
        let state = rng.random_range(from..=self.newest);
        let past = decide(body, |key| self.at(state, key));
        // What changes nothing there may have happened there; what changes something happens now.
        let (state, answer) = match past {
            Err(answer) => (state, answer),
            Ok((key, decision)) if decision.new.is_none() || decision.new == self.at(state, &key) => {
                (state, decision.answer)
            }
            Ok(_) => match decide(body, |key| self.at(self.newest, key)) {
                Err(answer) => (self.newest, answer),
                Ok((key, decision)) => {
                    if let Some(new) = decision.new {
                        self.change(key, new);
                    }
                    (self.newest, decision.answer)
                }
            },
        };
        self.seen.insert(node.to_owned(), state);
        answer
    }
}

/// `lww-kv` has so many copies, as Maelstrom's.
const COPIES: usize = 2;

/// A copy of `lww-kv`: values with the times at which they were written, by a clock of Lamport's.
#[derive(Clone, Default)]
struct Copy {
    clock: u64,
    values: BTreeMap<String, (u64, Value)>,
}

/// `lww-kv`: copies that answer by themselves, and hear of each other now and then; the last write wins.
#[derive(Default)]
pub(super) struct Eventual {
    copies: [Copy; COPIES],
}

impl Eventual {
    fn merge(&mut self, from: usize, into: usize) {
        if from == into {
            return;
        }
        let source = self.copies[from].clone();
        let copy = &mut self.copies[into];
        copy.clock = copy.clock.max(source.clock);
        for (key, (time, value)) in source.values {
            let known = copy.values.get(&key).map(|(time, _)| *time);
            if known.is_none_or(|known| known < time) {
                copy.values.insert(key, (time, value));
            }
        }
    }
}

impl Service for Eventual {
    fn answer(&mut self, _: &str, body: &Body, rng: &mut ChaCha8Rng) -> Value {
        let mut any = || rng.random_range(0..COPIES);
        let (from, into, asked) = (any(), any(), any());
        self.merge(from, into);
        let copy = &mut self.copies[asked];
        match decide(body, |key| copy.values.get(key).map(|(_, value)| value.clone())) {
            Err(answer) => answer,
            Ok((key, decision)) => {
                if let Some(new) = decision.new {
                    copy.values.insert(key, (copy.clock, new));
                    copy.clock += 1;
                }
                decision.answer
            }
        }
    }
}
