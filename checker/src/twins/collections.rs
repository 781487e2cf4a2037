//! Lists, sets and queues.

use histories::Value;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Twin, any, compare};

/// A list or a set of values below `values`; a set keeps its elements sorted.
pub(crate) struct Collection {
    pub(crate) values: i64,
    pub(crate) add: &'static str,
    /// Whether it is a set.
    pub(crate) set: bool,
    pub(crate) removes: bool,
}

impl Collection {
    pub(crate) fn list(values: i64) -> Self {
        Collection {
            values,
            add: "append",
            set: false,
            removes: false,
        }
    }

    pub(crate) fn set(values: i64) -> Self {
        Collection {
            values,
            add: "add",
            set: true,
            removes: false,
        }
    }

    pub(crate) fn with_removal(values: i64) -> Self {
        Collection {
            removes: true,
            ..Collection::set(values)
        }
    }
}

impl Twin for Collection {
    type State = Vec<Value>;

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        match rng.random_range(0..6) {
            0 if self.removes => ("remove", any(rng, self.values)),
            0..=2 => (self.add, any(rng, self.values)),
            _ => ("read", Value::Null),
        }
    }

    fn run(&self, state: &Vec<Value>, _: u64, f: &str, argument: &Value) -> Vec<(Vec<Value>, Value)> {
        let mut next = state.clone();
        match f {
            "read" => return vec![(next.clone(), Value::list(next))],
            "remove" => next.retain(|value| value != argument),
            _ if self.set && state.contains(argument) => {}
            _ => next.push(argument.clone()),
        }
        if self.set {
            next.sort();
        }
        vec![(next, argument.clone())]
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        let mut elements = result.as_list().unwrap_or_default().to_vec();
        match rng.random_range(0..3) {
            _ if f != "read" => return result.clone(),
            0 => drop(elements.pop()),
            1 => elements.reverse(),
            _ => elements.push(any(rng, self.values)),
        }
        if self.set {
            elements.sort();
            elements.dedup();
        }
        Value::list(elements)
    }
}

#[test]
fn lists() {
    compare(&Collection::list(4), "append", &["append", "read"]).by_graph(60, 60);
    compare(&Collection::list(40), "append", &["append", "read"]).by_graph(80, 80);
}

#[test]
fn sets() {
    compare(&Collection::set(4), "set", &["add", "read"]).by_graph(95, 95);
    compare(&Collection::set(20), "set", &["add", "read"]).by_graph(95, 95);
}

#[test]
fn sets_with_removal() {
    compare(
        &Collection::with_removal(3),
        "set-remove",
        &["add", "remove", "read"],
    )
    .by_search();
}

/// A queue of values below `values`.
pub(crate) struct Queue {
    pub(crate) values: i64,
    pub(crate) fifo: bool,
}

impl Queue {
    pub(crate) fn fifo(values: i64) -> Self {
        Queue { values, fifo: true }
    }

    pub(crate) fn unordered(values: i64) -> Self {
        Queue { values, fifo: false }
    }
}

impl Twin for Queue {
    type State = Vec<Value>;

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        if rng.random_bool(0.5) {
            ("enqueue", any(rng, self.values))
        } else {
            ("dequeue", Value::Null)
        }
    }

    fn run(&self, state: &Vec<Value>, _: u64, f: &str, argument: &Value) -> Vec<(Vec<Value>, Value)> {
        if f == "enqueue" {
            let mut next: Vec<Value> = state.iter().chain([argument]).cloned().collect();
            if !self.fifo {
                next.sort();
            }
            return vec![(next, argument.clone())];
        }
        let take = |at: usize| {
            let mut next = state.clone();
            let taken = next.remove(at);
            (next, taken)
        };
        match state.len() {
            0 => vec![(Vec::new(), Value::Null)],
            many => (0..if self.fifo { 1 } else { many }).map(take).collect(),
        }
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match f {
            "dequeue" if rng.random_bool(0.2) => Value::Null,
            "dequeue" => any(rng, self.values),
            _ => result.clone(),
        }
    }
}

#[test]
fn fifo_queues() {
    compare(&Queue::fifo(3), "fifo-queue", &["enqueue", "dequeue"]).by_graph(50, 60);
    compare(&Queue::fifo(30), "fifo-queue", &["enqueue", "dequeue"]).by_graph(80, 80);
}

#[test]
fn unordered_queues() {
    compare(&Queue::unordered(40), "unordered-queue", &["enqueue", "dequeue"]).by_graph(85, 85);
    compare(&Queue::unordered(3), "unordered-queue", &["enqueue", "dequeue"]).by_graph(50, 50);
}
