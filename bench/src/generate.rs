//! Seeded histories of a correct register, one key, with every client always busy.

use histories::{Event, Header, History, Kind, Nanos, Process, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What kind of history.
#[derive(Clone, Copy)]
pub struct Shape {
    pub operations: usize,
    pub clients: usize,
    /// From how many values writes draw; none: each is written once.
    pub values: Option<i64>,
    pub cas: bool,
    /// How many writes end unknown.
    pub unknown: usize,
}

/// What a register's clients do, in percent; the rest are writes.
#[derive(Clone, Copy)]
pub struct Mix {
    pub reads: u32,
    pub cas: u32,
    /// Of the writes: how many end unknown. Half of these happen.
    pub unknown: u32,
}

/// An operation in flight, and what it will return once it took effect.
struct Flying {
    f: &'static str,
    argument: Value,
    outcome: Option<(Kind, Value)>,
}

struct Register {
    shape: Shape,
    mix: Option<Mix>,
    rng: ChaCha8Rng,
    state: Value,
    next: i64,
    /// The index of the next event.
    index: u64,
    unknown: usize,
    events: Vec<Event>,
}

/// Where a history goes on from.
#[derive(Clone, Default)]
pub struct Start {
    state: Value,
    next: i64,
    index: u64,
    process: u64,
}

/// A history of this shape.
pub fn register(shape: Shape, seed: u64) -> History {
    part(shape, seed, &mut Start::default())
}

/// A history of this shape and this mix of operations.
pub fn mixed(shape: Shape, mix: Mix, seed: u64) -> History {
    run(shape, Some(mix), seed, &mut Start::default())
}

/// The part of a longer history that begins at `start`, which moves to its end.
pub fn part(shape: Shape, seed: u64, start: &mut Start) -> History {
    run(shape, None, seed, start)
}

fn run(shape: Shape, mix: Option<Mix>, seed: u64, start: &mut Start) -> History {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let events = Vec::with_capacity(shape.operations * 2);
    let mut run = Register {
        shape,
        mix,
        rng,
        state: start.state.clone(),
        next: start.next,
        index: start.index,
        unknown: shape.unknown,
        events,
    };
    let mut flying: Vec<Option<Flying>> = (0..shape.clients).map(|_| None).collect();
    let mut names: Vec<u64> = (start.process..start.process + shape.clients as u64).collect();
    let mut invoked = 0;
    while invoked < shape.operations || flying.iter().any(Option::is_some) {
        let client = run.rng.random_range(0..shape.clients);
        match flying[client].take() {
            None if invoked < shape.operations => {
                invoked += 1;
                let (f, argument) = run.draw();
                run.push(names[client], Kind::Invoke, f, argument.clone());
                flying[client] = Some(Flying {
                    f,
                    argument,
                    outcome: None,
                });
            }
            None => {}
            Some(Flying {
                f,
                argument,
                outcome: None,
            }) => {
                let outcome = Some(run.take_effect_or_not(f, &argument));
                flying[client] = Some(Flying { f, argument, outcome });
            }
            Some(Flying {
                f,
                outcome: Some((kind, value)),
                ..
            }) => {
                let kind = if run.is_unknown(f) { Kind::Info } else { kind };
                run.push(names[client], kind, f, value);
                if kind == Kind::Info {
                    names[client] += shape.clients as u64;
                }
            }
        }
    }
    let last = names.iter().max().map_or(0, |last| last + 1);
    *start = Start {
        state: run.state,
        next: run.next,
        index: run.index,
        process: last,
    };
    History {
        header: header(),
        events: run.events,
    }
}

fn header() -> Header {
    Header {
        history: 1,
        workload: None,
        model: Some("register".to_owned()),
        keyed: false,
        initial: Value::Null,
        completions_alone: false,
        seed: None,
        system: None,
        other: serde_json::Map::new(),
    }
}

impl Register {
    fn value(&mut self) -> Value {
        self.next += 1;
        Value::from(
            self.shape
                .values
                .map_or(self.next, |many| self.rng.random_range(0..many)),
        )
    }

    fn draw(&mut self) -> (&'static str, Value) {
        let kind = match self.mix {
            None => self.rng.random_range(0..if self.shape.cas { 3 } else { 2 }),
            Some(Mix { reads, cas, .. }) => match self.rng.random_range(0..100) {
                lot if lot < reads => 0,
                lot if lot < reads + cas => 2,
                _ => 1,
            },
        };
        match kind {
            0 => ("read", Value::Null),
            1 => ("write", self.value()),
            _ => {
                let old = if self.shape.values.is_some() {
                    self.value()
                } else {
                    self.state.clone()
                };
                ("cas", Value::list([old, self.value()]))
            }
        }
    }

    /// A write of unknown outcome takes effect in half of the cases.
    fn take_effect_or_not(&mut self, f: &str, argument: &Value) -> (Kind, Value) {
        let percent = self.mix.map_or(0, |mix| mix.unknown);
        if f != "write" || percent == 0 || self.rng.random_range(0..100) >= percent {
            return self.take_effect(f, argument);
        }
        if self.rng.random_bool(0.5) {
            self.take_effect(f, argument);
        }
        (Kind::Info, argument.clone())
    }

    fn take_effect(&mut self, f: &str, argument: &Value) -> (Kind, Value) {
        match (f, argument.as_list()) {
            ("read", _) => (Kind::Ok, self.state.clone()),
            (_, None) => {
                self.state = argument.clone();
                (Kind::Ok, argument.clone())
            }
            (_, Some(pair)) if pair[0] == self.state => {
                self.state = pair[1].clone();
                (Kind::Ok, argument.clone())
            }
            _ => (Kind::Fail, argument.clone()),
        }
    }

    fn is_unknown(&mut self, f: &str) -> bool {
        let every = (self.shape.operations / self.shape.unknown.max(1) / 2).max(1);
        let now = f == "write" && self.unknown > 0 && self.rng.random_range(0..every) == 0;
        self.unknown -= usize::from(now);
        now
    }

    fn push(&mut self, process: u64, kind: Kind, f: &str, value: Value) {
        let index = self.index;
        self.index += 1;
        self.events.push(Event {
            index,
            time: Nanos(index * 1000),
            process: Process::Client(process),
            kind,
            f: f.into(),
            key: None,
            value,
            node: None,
            error: None,
            message: None,
            seq: None,
            at: None,
            other: serde_json::Map::new(),
        });
    }
}
