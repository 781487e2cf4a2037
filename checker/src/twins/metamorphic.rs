//! Changes to a history that must not change its verdict, or only for the better: for every model.

use std::panic::{AssertUnwindSafe, catch_unwind};

use histories::{Event, Kind, Nanos, Process, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::collections::{Collection, Queue};
use super::others::{Counter, FEW, Kv, MultiRegister, Mutex};
use super::registers::{Register, Versioned};
use super::{Size, Twin, first_seed, how_many, random_history};
use crate::testing::{header, order};
use crate::{Budget, Options, Verdict, linearizability, models};

/// A random history.
type Draw = dyn Fn(&mut ChaCha8Rng) -> Vec<Event> + Sync;

/// Histories of a model.
struct Subject {
    model: &'static str,
    draw: Box<Draw>,
    /// Other names for the same values.
    rename: fn(&Value) -> Value,
    /// Whether values are names of processes.
    names_processes: bool,
    /// What changes the state so that nobody need have noticed.
    unseen: Option<(&'static str, &'static str)>,
}

impl Subject {
    fn of(model: &'static str, twin: impl Twin + 'static) -> Self {
        Subject {
            model,
            draw: Box::new(move |rng| random_history(&twin, Size::small(rng), rng)),
            rename: Value::clone,
            names_processes: false,
            unseen: None,
        }
    }

    fn renamed_by(self, rename: fn(&Value) -> Value) -> Self {
        Subject { rename, ..self }
    }

    fn unseen(self, f: &'static str) -> Self {
        let unseen = Some((f, "nobody sees this"));
        Subject { unseen, ..self }
    }

    /// Gives another name to the client of an event.
    fn rename_process(&self, event: &mut Event, name: impl Fn(u64) -> u64) {
        if let Process::Client(number) = event.process {
            event.process = Process::Client(name(number));
        }
        if let (true, Value::Int(number)) = (self.names_processes, &event.value) {
            event.value = Value::from(name(*number as u64) as i64);
        }
    }

    fn verdict(&self, events: &[Event], keyed: bool) -> Verdict {
        let model = models::find(self.model).unwrap();
        let mut events = events.to_vec();
        events
            .iter_mut()
            .zip(0..)
            .for_each(|(event, index)| event.index = index);
        let options = Options {
            certify: true,
            ..Options::default()
        };
        order(&linearizability(&header(keyed), &events, model, &options, &Budget::unlimited()).unwrap())
    }
}

fn subjects() -> Vec<Subject> {
    vec![
        Subject::of("register", Register::of(8, false))
            .renamed_by(renamed)
            .unseen("write"),
        Subject::of("cas-register", Register::of(4, true))
            .renamed_by(renamed)
            .unseen("write"),
        Subject::of("versioned-register", Versioned::of(9, false)).renamed_by(renamed_but_version),
        Subject::of("revision-register", Versioned::of(9, true)).renamed_by(renamed_but_version),
        Subject::of("multi-register", MultiRegister).renamed_by(renamed_accesses),
        Subject::of("append", Collection::list(6))
            .renamed_by(renamed)
            .unseen("append"),
        Subject::of("set", Collection::set(6))
            .renamed_by(renamed)
            .unseen("add"),
        Subject::of("set-remove", Collection::with_removal(6))
            .renamed_by(renamed)
            .unseen("add"),
        Subject::of("fifo-queue", Queue::fifo(20))
            .renamed_by(renamed)
            .unseen("enqueue"),
        Subject::of("unordered-queue", Queue::unordered(20))
            .renamed_by(renamed)
            .unseen("enqueue"),
        Subject::of("fifo-queue", Queue::fifo(3))
            .renamed_by(renamed)
            .unseen("enqueue"),
        Subject::of("unordered-queue", Queue::unordered(3))
            .renamed_by(renamed)
            .unseen("enqueue"),
        Subject::of("counter", Counter::of(&[1], true)).renamed_by(tripled),
        Subject::of("counter", Counter::of(&[1, 2, -1, 0], true)).renamed_by(tripled),
        Subject::of("kv", Kv(FEW)).renamed_by(respelled).unseen("put"),
        Subject::of("mutex", Mutex { owned: false }),
        Subject {
            names_processes: true,
            ..Subject::of("owned-mutex", Mutex { owned: true })
        },
    ]
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Int(number) => Value::from(format!("v{}", 70 - number).as_str()),
        Value::List(elements) => Value::list(elements.iter().map(renamed)),
        other => other.clone(),
    }
}

fn renamed_but_version(pair: &Value) -> Value {
    match pair.as_list() {
        Some([version, value]) => Value::list([version.clone(), renamed(value)]),
        _ => pair.clone(),
    }
}

fn renamed_accesses(accesses: &Value) -> Value {
    let access = |access: &Value| match access.as_list() {
        Some([f, register, value]) => Value::list([f.clone(), renamed(register), renamed(value)]),
        _ => access.clone(),
    };
    Value::list(accesses.as_list().unwrap_or_default().iter().map(access))
}

fn tripled(value: &Value) -> Value {
    match value {
        Value::Int(number) => Value::from(3 * number),
        Value::List(both) => Value::list(both.iter().map(tripled)),
        other => other.clone(),
    }
}

/// A letter for a letter keeps what is the beginning of what.
fn respelled(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::from(text.replace('a', "y").replace('b', "x").as_str()),
        other => other.clone(),
    }
}

fn on_random_histories(change: impl Fn(&Subject, &mut ChaCha8Rng, Vec<Event>) + Sync) {
    for subject in subjects() {
        (first_seed()..first_seed() + how_many() / 40)
            .into_par_iter()
            .for_each(|seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let events = (subject.draw)(&mut rng);
                let result = catch_unwind(AssertUnwindSafe(|| change(&subject, &mut rng, events)));
                assert!(result.is_ok(), "{} seed {seed}", subject.model);
            });
    }
}

#[test]
fn names_and_times_do_not_matter() {
    on_random_histories(|subject, _, events| {
        let mut other = events.clone();
        for event in &mut other {
            event.value = (subject.rename)(&event.value);
            event.time = Nanos(event.time.0 * 3 + 17);
            subject.rename_process(event, |number| 1000 - number);
        }
        assert_eq!(subject.verdict(&events, false), subject.verdict(&other, false));
    });
}

#[test]
fn an_unknown_update_that_nobody_saw_does_not_matter() {
    on_random_histories(|subject, rng, events| {
        let Some((f, value)) = subject.unseen else { return };
        let mut more = events.clone();
        let mut invoke = events[0].clone();
        (invoke.process, invoke.kind) = (Process::Client(500), Kind::Invoke);
        (invoke.f, invoke.value) = (f.into(), Value::from(value));
        more.insert(rng.random_range(0..=events.len()), invoke);
        assert_eq!(subject.verdict(&events, false), subject.verdict(&more, false));
    });
}

#[test]
fn keys_do_not_touch_each_other() {
    on_random_histories(|subject, rng, events| {
        let other = (subject.draw)(rng);
        let expected = subject
            .verdict(&events, false)
            .max(subject.verdict(&other, false));
        let keyed = |events: Vec<Event>, key: &str, base: u64| {
            events
                .into_iter()
                .map(move |mut event| {
                    event.key = Some(Value::from(key));
                    subject.rename_process(&mut event, |number| number + base);
                    event
                })
                .collect::<Vec<_>>()
                .into_iter()
        };
        let (mut one, mut two) = (keyed(events, "a", 0), keyed(other, "b", 5000));
        let mut merged = Vec::new();
        while one.len() + two.len() > 0 {
            let from = if rng.random_bool(0.5) { &mut one } else { &mut two };
            merged.extend(from.next());
        }
        assert_eq!(subject.verdict(&merged, true), expected);
    });
}

#[test]
fn a_wider_interval_never_makes_a_violation() {
    on_random_histories(|subject, rng, events| {
        let before = subject.verdict(&events, false);
        let ends: Vec<usize> = (0..events.len())
            .filter(|&at| events[at].kind == Kind::Ok)
            .collect();
        if before != Verdict::Pass || ends.is_empty() {
            return;
        }
        let at = ends[rng.random_range(0..ends.len())];
        let (mut wider, process) = (events.clone(), events[at].process);
        let end = wider.remove(at);
        let next = wider[at..].iter().position(|event| event.process == process);
        let latest = next.map_or(wider.len(), |next| at + next);
        wider.insert(rng.random_range(at..=latest), end);
        assert_eq!(subject.verdict(&wider, false), Verdict::Pass);
    });
}
