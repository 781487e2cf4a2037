//! What the fuzz target holds the check to: `cargo fuzz run check`.
//!
//! No history makes the check panic or run past its budget, and no two engines decide one differently. The first byte
//! chooses the model, the second one the options; the rest are operations, three bytes an event.

use std::collections::HashMap;

use checker::models::{Model, TABLE};
use checker::{
    Analysis, Budget, Engine, FailedCas, Level, NullRead, Options, Verdict, linearizability,
};
use histories::{Event, Header, Kind, Nanos, Process, Value};

/// Longer histories find nothing that these do not.
const EVENTS: usize = 400;

/// What one check may spend.
const STEPS: u64 = 20_000;
const BYTES: u64 = 1 << 22;

/// Judges the history that the bytes spell, by every engine.
pub fn check(bytes: &[u8]) {
    let [model, options, rest @ ..] = bytes else {
        return;
    };
    let model = &TABLE[usize::from(*model) % TABLE.len()];
    let header = Header {
        history: 1,
        workload: None,
        model: None,
        keyed: options & 1 == 1,
        initial: Value::Null,
        completions_alone: false,
        seed: None,
        system: None,
        other: Default::default(),
    };
    let events = events(model, header.keyed, rest);
    let mut decided = None;
    for engine in [Engine::Auto, Engine::Graph, Engine::Search] {
        let options = Options {
            failed_cas: [FailedCas::DidNotHappen, FailedCas::Observation][usize::from(options >> 1 & 1)],
            engine,
            certify: options >> 2 & 1 == 1,
            consistency: Level::all()[usize::from(*options) % Level::all().len()].into(),
            analysis: [Analysis::Linearizable, Analysis::Jepsen][usize::from(options >> 4 & 1)],
            null_read: [NullRead::Observation, NullRead::SaysNothing][usize::from(options >> 5 & 1)],
            ..Options::default()
        };
        let budget = Budget::new(STEPS, BYTES);
        let Ok(check) = linearizability(&header, &events, model, &options, &budget) else {
            return;
        };
        let known = Some(check.verdict).filter(|verdict| *verdict != Verdict::Inconclusive);
        assert!(
            decided.is_none() || known.is_none() || decided == known,
            "{engine:?}: {}",
            check.reason
        );
        decided = decided.or(known);
    }
}

/// A process per low bits; it invokes if it is idle, else it completes.
fn events(model: &Model, keyed: bool, bytes: &[u8]) -> Vec<Event> {
    let mut flying: HashMap<u64, (String, Option<Value>, Value)> = HashMap::new();
    let mut names: Vec<u64> = (0..8).collect();
    let mut events: Vec<Event> = Vec::new();
    for three in bytes.chunks_exact(3).take(EVENTS) {
        let place = usize::from(three[0] & 7);
        let process = names[place];
        let (kind, f, key, value) = match flying.remove(&process) {
            None => {
                let f = word(model, three[1]);
                let key = keyed.then(|| Value::from(i64::from(three[0] >> 3 & 3)));
                let value = value(&f, three[1] >> 4, three[2]);
                flying.insert(process, (f.clone(), key.clone(), value.clone()));
                (Kind::Invoke, f, key, value)
            }
            Some((f, key, argument)) => {
                let kind = match three[0] >> 3 & 7 {
                    0 => Kind::Info,
                    1 => Kind::Fail,
                    _ => Kind::Ok,
                };
                if kind == Kind::Info {
                    names[place] += 8;
                }
                let same = three[0] >> 6 == 0;
                let result = if same {
                    argument
                } else {
                    value(&f, three[1] >> 4, three[2])
                };
                (kind, f, key, result)
            }
        };
        let index = events.len() as u64;
        events.push(Event {
            index,
            time: Nanos(index),
            process: Process::Client(process),
            kind,
            f: f.as_str().into(),
            key,
            value,
            node: None,
            error: None,
            message: None,
            seq: None,
            at: None,
            other: Default::default(),
        });
    }
    events
}

/// One of the model's words.
fn word(model: &Model, byte: u8) -> String {
    let spelled = model.operations[usize::from(byte) % model.operations.len()];
    spelled.split(' ').next().unwrap_or_default().to_owned()
}

/// A value that a model may take, of a few small ones.
fn value(f: &str, shape: u8, byte: u8) -> Value {
    let small = |bits: u8| Value::from(i64::from(bits & 3));
    let list = |many: u8| Value::list((0..many).map(|at| small(byte >> (2 * at))));
    let word = |at: u8| Value::from(["r", "append", "w", "read", "write"][usize::from(shape + at) % 5]);
    let micro = |at: u8| {
        let read = if shape & 1 == 0 {
            list(byte >> 6)
        } else {
            small(byte >> 4)
        };
        Value::list([word(at), small(byte >> at), read])
    };
    match (f, shape & 7) {
        ("txn", many) => Value::list((0..many & 3).map(micro)),
        (_, 0) => Value::Null,
        (_, 1 | 2) => list(shape & 3),
        (_, 3) => Value::from(["", "a", "ab", "b"][usize::from(byte & 3)]),
        _ => small(byte),
    }
}
