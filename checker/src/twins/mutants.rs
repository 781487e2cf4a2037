//! Histories without sense: an error or a verdict, never a panic, and never more than the budget.

use histories::{Event, Kind, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{any, first_seed, how_many, push};
use crate::testing::header;
use crate::{
    Analysis, Bank, Budget, Engine, FailedCas, NullRead, Options, Verdict, activity, durability,
    linearizability, models,
};

const WORDS: &[&str] = &[
    "read", "write", "cas", "get", "put", "append", "add", "remove", "enqueue", "dequeue", "acquire",
    "release", "transfer", "txn", "", "nonsense",
];

fn any_value(rng: &mut ChaCha8Rng, depth: u32) -> Value {
    match rng.random_range(0..if depth > 0 { 8 } else { 5 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.random()),
        2 => Value::from(["r", "w", "read", "write", "a", ""][rng.random_range(0..6)]),
        3 => Value::from(rng.random_range(-1..3)),
        4 => Value::from([i64::MAX, i64::MIN][rng.random_range(0..2)]),
        _ => Value::list(
            (0..rng.random_range(0..4))
                .map(|_| any_value(rng, depth - 1))
                .collect::<Vec<_>>(),
        ),
    }
}

fn any_history(rng: &mut ChaCha8Rng) -> Vec<Event> {
    let mut events = Vec::new();
    let words: Vec<&str> = (0..2).map(|_| WORDS[rng.random_range(0..WORDS.len())]).collect();
    let tame = rng.random_bool(0.8);
    let mut flying: [Option<&str>; 3] = [None; 3];
    for _ in 0..rng.random_range(0..12) {
        let process = rng.random_range(0..3usize);
        let (kind, f) = match flying[process] {
            Some(f) if tame => (
                [Kind::Ok, Kind::Ok, Kind::Fail, Kind::Info][rng.random_range(0..4)],
                f,
            ),
            None if tame => (Kind::Invoke, words[rng.random_range(0..2)]),
            _ => (
                [Kind::Ok, Kind::Invoke][rng.random_range(0..2)],
                words[rng.random_range(0..2)],
            ),
        };
        flying[process] = (kind == Kind::Invoke).then_some(f);
        let value = any_value(rng, 3);
        push(&mut events, process as u64, kind, f, value);
        if rng.random_bool(0.3) {
            events
                .last_mut()
                .unwrap()
                .other
                .insert("final".into(), true.into());
        }
    }
    events
}

#[test]
fn nothing_panics() {
    let judged: usize = (first_seed()..first_seed() + how_many() / 4)
        .into_par_iter()
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let events = any_history(&mut rng);
            let keyed = header(rng.random_bool(0.05));
            let failed_cas = [FailedCas::DidNotHappen, FailedCas::Observation][rng.random_range(0..2)];
            let analysis = [Analysis::Linearizable, Analysis::Jepsen][rng.random_range(0..2)];
            let null_read = [NullRead::Observation, NullRead::SaysNothing][rng.random_range(0..2)];
            let bank = Bank {
                total: rng.random_bool(0.2).then(|| rng.random()),
                negative_balances: rng.random(),
            };
            let outcome = std::panic::catch_unwind(|| {
                let budget = Budget::new(20_000, 1 << 20);
                let all = models::TABLE.iter();
                let options = Options {
                    failed_cas,
                    analysis,
                    null_read,
                    bank,
                    certify: true,
                    ..Options::default()
                };
                let checks =
                    all.filter_map(|model| linearizability(&keyed, &events, model, &options, &budget).ok());
                let judged = checks.count();
                for model in models::TABLE {
                    let _ = durability(&keyed, &events, model);
                }
                let _ = activity(&keyed, &events, 1);
                judged
            });
            outcome.unwrap_or_else(|_| panic!("seed {seed}"))
        })
        .sum();
    assert!(judged > 0);
}

/// Sixty cas between twelve values, all in flight to the end, and a read of what was overwritten before.
fn hard() -> Vec<Event> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut events = Vec::new();
    let cas: Vec<Value> = (0..60)
        .map(|at| Value::list([any(&mut rng, 12), (at % 12).into()]))
        .collect();
    for value in [99, 0] {
        push(&mut events, 1000, Kind::Invoke, "write", Value::from(value));
        push(&mut events, 1000, Kind::Ok, "write", Value::from(value));
    }
    let all = |events: &mut Vec<Event>, kind| {
        (0..)
            .zip(&cas)
            .for_each(|(process, cas)| push(events, process, kind, "cas", cas.clone()));
    };
    all(&mut events, Kind::Invoke);
    push(&mut events, 1000, Kind::Invoke, "read", Value::Null);
    push(&mut events, 1000, Kind::Ok, "read", Value::from(99));
    all(&mut events, Kind::Ok);
    events
}

#[test]
fn a_budget_is_kept() {
    let model = models::find("register").unwrap();
    let options = Options {
        // The search for registers sees at once that nothing leads back to what is read.
        engine: Engine::DepthFirst,
        ..Options::default()
    };
    let verdict = |budget: &Budget| {
        let check = linearizability(&header(false), &hard(), model, &options, budget).unwrap();
        (check.verdict, check.reason)
    };
    let (steps, reason) = verdict(&Budget::new(1000, u64::MAX));
    assert!(
        steps == Verdict::Inconclusive && reason.contains("step limit"),
        "{reason}"
    );
    let (bytes, reason) = verdict(&Budget::new(u64::MAX, 100_000));
    assert!(
        bytes == Verdict::Inconclusive && reason.contains("memory limit"),
        "{reason}"
    );
    let cancelled = Budget::unlimited();
    cancelled.cancel();
    let (flag, reason) = verdict(&cancelled);
    assert!(
        flag == Verdict::Inconclusive && reason.contains("time limit"),
        "{reason}"
    );
}
