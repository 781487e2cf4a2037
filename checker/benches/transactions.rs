//! How long 100,000 transactions over 100 keys take, on one core.
//!
//! `cargo bench -p checker --bench transactions` prints the median of three checks of each history: lists whose keys
//! are replaced after 32 appends (as Elle's generator does), registers, and the same with stale reads; then registers of general
//! shape, of values that come again, and a million transactions.

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
const RUNS: usize = 3;

/// What one check may cost before it is inconclusive.
const STEPS: u64 = 30_000_000;

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

/// Histories of general shape, as the benchmarks of Cobra (Tan et al., OSDI 2020) and PolySI (Huang et al., VLDB 2023) have them.
#[derive(Clone, Copy)]
struct Shape {
    transactions: usize,
    sessions: usize,
    keys: usize,
    /// Micro-operations of a transaction.
    micros: (usize, usize),
    /// Values of a key that are written again and again; 0: each is written once.
    values: i64,
    /// Whether transactions read a snapshot, and only those that write the same key exclude each other.
    snapshots: bool,
}

/// A key's versions: the commit that wrote it, and the value.
type Versions = Vec<(usize, Value)>;

struct Open {
    snapshot: usize,
    keys: Vec<(bool, usize, Value)>,
}

impl Shape {
    fn history(self) -> Vec<Event> {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut versions: Vec<Versions> = vec![Vec::new(); self.keys];
        let mut open: Vec<Option<Open>> = (0..self.sessions).map(|_| None).collect();
        let (mut events, mut begun, mut commits, mut next) = (Vec::new(), 0, 0, 0);
        while begun < self.transactions || open.iter().any(Option::is_some) {
            let session = random.random_range(0..self.sessions);
            if let Some(transaction) = open[session].take() {
                let snapshot = if self.snapshots {
                    transaction.snapshot
                } else {
                    commits
                };
                let (kind, value) = transaction.commit(snapshot, &mut commits, &mut versions);
                events.push(event(events.len(), session, kind, value));
            } else if begun < self.transactions {
                begun += 1;
                let count = random.random_range(self.micros.0..=self.micros.1);
                let keys: Vec<(bool, usize, Value)> = (0..count)
                    .map(|_| {
                        next += 1;
                        let value = if self.values == 0 {
                            next
                        } else {
                            random.random_range(0..self.values)
                        };
                        (random.random_bool(0.5), self.zipf(&mut random), value.into())
                    })
                    .collect();
                let asked = keys
                    .iter()
                    .map(|(reads, key, value)| micro(*reads, *key, value.clone()));
                events.push(event(events.len(), session, Kind::Invoke, Value::list(asked)));
                open[session] = Some(Open {
                    snapshot: commits,
                    keys,
                });
            }
        }
        events
    }

    /// A key by Zipf's law with the exponent 1, roughly: each octave of keys is as likely as any other.
    fn zipf(self, random: &mut ChaCha8Rng) -> usize {
        let exponent = random.random_range(0.0..1.0_f64);
        ((self.keys as f64).powf(exponent) as usize).min(self.keys) - 1
    }
}

impl Open {
    /// What becomes of it, and what it says.
    fn commit(self, snapshot: usize, commits: &mut usize, versions: &mut [Versions]) -> (Kind, Value) {
        let newest = |key: usize| versions[key].last().map_or(0, |&(commit, _)| commit);
        let conflict = self
            .keys
            .iter()
            .any(|&(reads, key, _)| !reads && newest(key) > snapshot);
        let mut own: Vec<(usize, Value)> = Vec::new();
        let mut micros = Vec::new();
        for (reads, key, value) in self.keys {
            let found = match own.iter().rev().find(|(of, _)| *of == key) {
                _ if !reads => value.clone(),
                Some((_, own)) => own.clone(),
                None => {
                    let seen = versions[key].partition_point(|&(commit, _)| commit <= snapshot);
                    seen.checked_sub(1)
                        .map_or(Value::Null, |at| versions[key][at].1.clone())
                }
            };
            if !reads {
                own.push((key, value));
            }
            micros.push(micro(reads, key, found));
        }
        if conflict {
            return (Kind::Fail, Value::list(micros));
        }
        *commits += 1;
        for (key, value) in own {
            if versions[key]
                .last()
                .is_some_and(|&(commit, _)| commit == *commits)
            {
                versions[key].pop();
            }
            versions[key].push((*commits, value));
        }
        (Kind::Ok, Value::list(micros))
    }
}

fn micro(reads: bool, key: usize, value: Value) -> Value {
    Value::list([
        Value::from(if reads { "r" } else { "w" }),
        (key as i64).into(),
        value,
    ])
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
        let budget = Budget::new(STEPS, 4 << 30);
        let check = linearizability(&header, events, model, &options, &budget).unwrap();
        (start.elapsed(), check)
    };
    let mut runs: Vec<(Duration, Check)> = (0..RUNS).map(run).collect();
    runs.sort_by_key(|(elapsed, _)| *elapsed);
    runs.swap_remove(RUNS / 2)
}

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
    general();
}

/// Registers of general shape, and of values that come again.
fn general() {
    let shape = |transactions: usize, sessions: usize, micros: (usize, usize)| Shape {
        transactions,
        sessions,
        keys: 10_000,
        micros,
        values: 0,
        snapshots: false,
    };
    let small = Shape {
        keys: 100,
        ..shape(100_000, 20, (1, 4))
    };
    let again = Shape { values: 20, ..small };
    let million = Shape {
        transactions: 1_000_000,
        ..small
    };
    let shapes = [
        ("10k, 24 sessions", shape(10_000, 24, (8, 20))),
        ("10k, 100 sessions", shape(10_000, 100, (8, 20))),
        ("100k, 20 clients", small),
        ("100k, 20 values", again),
        ("1M, 20 clients", million),
    ];
    let names = ["serializable", "strict-serializable", "snapshot-isolation"];
    let levels: Vec<Level> = names.into_iter().filter_map(Level::find).collect();
    for (name, shape) in shapes {
        for snapshots in [false, true] {
            let events = Shape { snapshots, ..shape }.history();
            // What reads snapshots is no more than snapshot isolation.
            let levels = if snapshots { &levels[2..] } else { &levels };
            for &level in levels {
                let (elapsed, check) = median(&events, "rw-register", level);
                let kind = if snapshots { "snapshots" } else { "serial" };
                println!(
                    "{name:<18} {kind:<10} {level:<20} {:>9.1} ms  {:?}  {}",
                    elapsed.as_secs_f64() * 1e3,
                    check.verdict,
                    check.details["stopped"]
                );
            }
        }
    }
}
