//! How long 100,000 transactions over 100 keys take, on one core.
//!
//! `cargo bench -p checker --bench transactions` prints the median of five checks of each history: lists whose keys
//! are replaced after 32 appends (as Elle's generator does), registers, and the same with stale reads.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock, and its output is what it prints"
)]

use std::time::{Duration, Instant};

use checker::{Budget, Check, Level, Options, Verdict, linearizability, models};
use histories::{Event, Header, Kind, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TRANSACTIONS: usize = 100_000;
const KEYS: usize = 100;
const PROCESSES: usize = 20;
const APPENDS_MAX: usize = 32;
const RUNS: usize = 5;

/// A run of a strict serializable database; one read in `stale` (never, if 0) misses the last write.
fn history(lists: bool, stale: u32) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut database = Database {
        lists,
        stale,
        keys: (0..KEYS as i64).collect(),
        states: vec![Vec::new(); KEYS],
        next: KEYS as i64,
    };
    let mut open: Vec<Option<Value>> = vec![None; PROCESSES];
    let (mut events, mut invoked) = (Vec::new(), 0);
    while invoked < TRANSACTIONS || open.iter().any(Option::is_some) {
        let process = random.random_range(0..PROCESSES);
        if let Some(value) = open[process].take() {
            events.push(event(events.len(), process, Kind::Ok, value));
        } else if invoked < TRANSACTIONS {
            invoked += 1;
            let value = database.run(&mut random);
            events.push(event(events.len(), process, Kind::Invoke, value.clone()));
            open[process] = Some(value);
        }
    }
    events
}

struct Database {
    lists: bool,
    stale: u32,
    keys: Vec<i64>,
    states: Vec<Vec<Value>>,
    next: i64,
}

impl Database {
    fn run(&mut self, random: &mut ChaCha8Rng) -> Value {
        let count = random.random_range(1..=4);
        Value::list((0..count).map(|_| self.micro(random)).collect::<Vec<_>>())
    }

    fn micro(&mut self, random: &mut ChaCha8Rng) -> Value {
        let at = random.random_range(0..KEYS);
        if random.random_bool(0.5) {
            let seen = &self.states[at];
            let late = self.stale > 0 && random.random_range(0..self.stale) == 0;
            let seen = &seen[..seen.len().saturating_sub(usize::from(late))];
            let value = match self.lists {
                true => Value::list(seen.iter().cloned()),
                false => seen.last().cloned().unwrap_or_default(),
            };
            return Value::list([Value::from("r"), self.keys[at].into(), value]);
        }
        if self.lists && self.states[at].len() >= APPENDS_MAX {
            (self.keys[at], self.states[at]) = (self.next, Vec::new());
        }
        self.next += 1;
        self.states[at].push(self.next.into());
        let f = if self.lists { "append" } else { "w" };
        Value::list([Value::from(f), self.keys[at].into(), self.next.into()])
    }
}

fn event(index: usize, process: usize, kind: Kind, value: Value) -> Event {
    Event {
        index: index as u64,
        time: histories::Nanos(index as u64),
        process: histories::Process::Client(process as u64),
        kind,
        f: "txn".into(),
        key: None,
        value,
        node: None,
        error: None,
        message: None,
        seq: None,
        at: None,
        other: serde_json::Map::new(),
    }
}

fn median(events: &[Event], model: &str, consistency: Level) -> (Duration, Check) {
    let header: Header = serde_json::from_str(r#"{"history":1}"#).unwrap();
    let model = models::find(model).unwrap();
    let options = Options {
        consistency: consistency.into(),
        ..Options::default()
    };
    let run = |_| {
        let start = Instant::now();
        let check = linearizability(&header, events, model, &options, &Budget::unlimited()).unwrap();
        (start.elapsed(), check)
    };
    let mut runs: Vec<(Duration, Check)> = (0..RUNS).map(run).collect();
    runs.sort_by_key(|(elapsed, _)| *elapsed);
    runs.swap_remove(RUNS / 2)
}

#[allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark's output is what it prints"
)]
fn main() {
    for (model, lists) in [("list-append", true), ("rw-register", false)] {
        for stale in [0, 1000, 3] {
            let events = history(lists, stale);
            for consistency in [Level::SERIALIZABLE, Level::STRICT_SERIALIZABLE] {
                let (elapsed, check) = median(&events, model, consistency);
                assert!(stale > 0 || check.verdict == Verdict::Pass, "{}", check.reason);
                println!(
                    "{model:<12} {:<20} stale 1/{stale:<5} {:>9.1} ms  {:?}  {}",
                    consistency.as_str(),
                    elapsed.as_secs_f64() * 1e3,
                    check.verdict,
                    check.details["anomalies"]
                );
            }
        }
    }
}
