//! Seeded histories of any correct object: clients that are always busy, and a state that answers when an operation
//! takes effect.

use histories::{Event, Header, History, Kind, Nanos, Process, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An operation: its word, its key if there are keys, and its argument.
pub struct Call {
    pub f: &'static str,
    pub key: Option<Value>,
    pub argument: Value,
}

/// An object under test.
pub trait Object {
    /// The next operation.
    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Call;
    /// It takes effect now: its result.
    fn run(&mut self, call: &Call) -> Value;
}

/// A history of so many operations; each takes effect at a moment between its ends.
pub fn history(
    mut object: impl Object,
    keyed: bool,
    operations: usize,
    clients: usize,
    seed: u64,
) -> History {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut flying: Vec<Option<(Call, Option<Value>)>> = (0..clients).map(|_| None).collect();
    let (mut events, mut invoked) = (Vec::with_capacity(operations * 2), 0);
    while invoked < operations || flying.iter().any(Option::is_some) {
        let client = rng.random_range(0..clients);
        match flying[client].take() {
            None if invoked < operations => {
                invoked += 1;
                let call = object.draw(&mut rng);
                push(&mut events, client, Kind::Invoke, &call, call.argument.clone());
                flying[client] = Some((call, None));
            }
            None => {}
            Some((call, None)) => {
                let result = object.run(&call);
                flying[client] = Some((call, Some(result)));
            }
            Some((call, Some(result))) => push(&mut events, client, Kind::Ok, &call, result),
        }
    }
    let header = header(keyed);
    History { header, events }
}

/// A header that says nothing but whether there are keys.
pub fn header(keyed: bool) -> Header {
    Header {
        history: 1,
        workload: None,
        model: None,
        keyed,
        initial: Value::Null,
        completions_alone: false,
        seed: None,
        system: None,
        other: serde_json::Map::new(),
    }
}

/// Adds an event.
pub fn push(events: &mut Vec<Event>, client: usize, kind: Kind, call: &Call, value: Value) {
    let index = events.len() as u64;
    events.push(Event {
        index,
        time: Nanos(index * 1000),
        process: Process::Client(client as u64),
        kind,
        f: call.f.into(),
        key: call.key.clone(),
        value,
        node: None,
        error: None,
        message: None,
        seq: None,
        at: None,
        other: serde_json::Map::new(),
    });
}
