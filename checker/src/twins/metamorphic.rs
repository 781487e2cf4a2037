//! Changes to a history that must not change its verdict, or only for the better.

use histories::{Event, Kind, Nanos, Process, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::registers::Register;
use super::{first_seed, how_many, random_history};
use crate::testing::header;
use crate::{Budget, FailedCas, Options, Verdict, linearizability, models};

fn verdict(events: &[Event], keyed: bool) -> Verdict {
    let model = models::find("register").unwrap();
    let mut events = events.to_vec();
    events
        .iter_mut()
        .zip(0..)
        .for_each(|(event, index)| event.index = index);
    let options = Options {
        certify: true,
        ..Options::default()
    };
    linearizability(&header(keyed), &events, model, &options, &Budget::unlimited())
        .unwrap()
        .verdict
}

fn on_random_histories(change: impl Fn(&mut ChaCha8Rng, Vec<Event>) + Sync) {
    (first_seed()..first_seed() + how_many() / 10)
        .into_par_iter()
        .for_each(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let twin = Register {
                values: 4,
                cas: true,
                failed_cas: FailedCas::DidNotHappen,
            };
            let events = random_history(&twin, &mut rng);
            let told = format!("seed {seed}");
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| change(&mut rng, events)));
            assert!(result.is_ok(), "{told}");
        });
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Int(number) => Value::from(format!("v{}", 7 - number).as_str()),
        Value::List(elements) => Value::list(elements.iter().map(renamed)),
        other => other.clone(),
    }
}

#[test]
fn names_and_times_do_not_matter() {
    on_random_histories(|_, events| {
        let mut other = events.clone();
        for event in &mut other {
            event.value = renamed(&event.value);
            event.time = Nanos(event.time.0 * 3 + 17);
            if let Process::Client(number) = event.process {
                event.process = Process::Client(1000 - number);
            }
        }
        assert_eq!(verdict(&events, false), verdict(&other, false));
    });
}

#[test]
fn an_unknown_write_that_nobody_saw_does_not_matter() {
    on_random_histories(|rng, events| {
        let mut more = events.clone();
        let mut invoke = events[0].clone();
        (invoke.process, invoke.kind) = (Process::Client(500), Kind::Invoke);
        (invoke.f, invoke.value) = ("write".into(), Value::from("nobody reads this"));
        more.insert(rng.random_range(0..=events.len()), invoke);
        assert_eq!(verdict(&events, false), verdict(&more, false));
    });
}

#[test]
fn keys_do_not_touch_each_other() {
    on_random_histories(|rng, events| {
        let twin = Register {
            values: 3,
            cas: true,
            failed_cas: FailedCas::DidNotHappen,
        };
        let other = random_history(&twin, rng);
        let expected = verdict(&events, false).max(verdict(&other, false));
        let keyed = |events: Vec<Event>, key: &str, base: u64| {
            events
                .into_iter()
                .map(move |mut event| {
                    event.key = Some(Value::from(key));
                    if let Process::Client(number) = event.process {
                        event.process = Process::Client(number + base);
                    }
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
        assert_eq!(verdict(&merged, true), expected);
    });
}

#[test]
fn a_wider_interval_never_makes_a_violation() {
    on_random_histories(|rng, events| {
        let before = verdict(&events, false);
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
        assert_eq!(verdict(&wider, false), Verdict::Pass);
    });
}
