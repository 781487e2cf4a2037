//! Every engine against a brute force: small random histories, the same verdict.
//!
//! The brute force knows nothing of the crate but its events: it tries every order. `HARNESS_TWINS=5000000`
//! sets the number of histories per model and engine, `HARNESS_SEED` the first seed.

use std::collections::HashSet;
use std::hash::Hash;

use histories::{Event, Kind, Nanos, Process, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::testing::{header, order};
use crate::{Budget, Engine, Options, Stream, Verdict, linearizability, models};

mod answers;
mod collections;
mod every;
mod jepsen;
mod locks;
mod metamorphic;
mod mutants;
mod others;
mod registers;
mod round_trip;
mod supply;
mod unfinished;

pub(crate) use collections::{Collection, Queue};
pub(crate) use every::{Drawn, Examples, Proof};
pub(crate) use jepsen::{Bank, Echoes, Ids, Inserts, Logs, LongFork, Numbers, Seen, Transactions};
pub(crate) use locks::Lock;
pub(crate) use others::{Counter, Kv, MANY, MultiRegister, Mutex};
pub(crate) use registers::{Register, Versioned};

/// A model in its simplest form.
pub(crate) trait Twin: Sync {
    type State: Clone + Eq + Hash;
    fn initial(&self) -> Self::State;
    /// A random operation's word and argument.
    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value);
    /// All outcomes of an operation: the state after, and what it returns; none where it must fail.
    fn run(&self, state: &Self::State, process: u64, f: &str, argument: &Value) -> Vec<(Self::State, Value)>;
    /// The states after an operation that returned what it did; of one whose outcome is unknown, after any of its outcomes.
    fn after(&self, state: &Self::State, call: &Call) -> Vec<Self::State> {
        let outcomes = self.run(state, call.process, call.f, &call.argument);
        let fits = outcomes.into_iter().filter(|(_, result)| call.fits(result));
        fits.map(|(next, _)| next).collect()
    }
    /// A result that the operation may never have had.
    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value;
    /// Whether a failed operation says something that is wrong in this state.
    fn denies(&self, _: &Self::State, _: &str, _: &Value) -> bool {
        false
    }
    /// Whether a mutation turns a failure into a success, because results say nothing.
    fn breaks(&self) -> bool {
        false
    }
    /// Whether a stream must be able to judge it.
    fn is_unique(&self, _: &[Event]) -> bool {
        false
    }
    fn options(&self) -> Options {
        Options::default()
    }
}

/// One operation of a small history.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    process: u64,
    f: &'static str,
    argument: Value,
    result: Value,
    kind: Kind,
    inv: usize,
    ret: usize,
}

impl Call {
    fn fits(&self, result: &Value) -> bool {
        self.kind == Kind::Info || *result == self.result
    }
}

/// How long a random history is.
#[derive(Clone, Copy)]
struct Size {
    operations: usize,
    processes: usize,
}

impl Size {
    /// Of which a brute force tries every order.
    fn small(rng: &mut ChaCha8Rng) -> Self {
        Size {
            operations: rng.random_range(1..=7),
            processes: rng.random_range(1..=4),
        }
    }
}

/// A random run of a correct system, with a mutation in half of the cases.
fn random_history<T: Twin>(twin: &T, size: Size, rng: &mut ChaCha8Rng) -> Vec<Event> {
    let (most, processes) = (size.operations, size.processes);
    let mut state = twin.initial();
    let mut events = Vec::new();
    // By process: the operation in flight, and its result once it took effect.
    let mut flying: Vec<Option<(&'static str, Value, Option<Value>)>> = vec![None; processes];
    let mut names: Vec<u64> = (0..processes as u64).collect();
    let mut invoked = 0;
    while invoked < most || flying.iter().any(Option::is_some) {
        let process = rng.random_range(0..processes);
        match flying[process].take() {
            None if invoked < most => {
                let (f, argument) = twin.draw(rng);
                push(&mut events, names[process], Kind::Invoke, f, argument.clone());
                flying[process] = Some((f, argument, None));
                invoked += 1;
            }
            None => {}
            Some((f, argument, None)) => match rng.random_range(0..20) {
                0 => push(&mut events, names[process], Kind::Fail, f, argument),
                1..=2 => {
                    push(&mut events, names[process], Kind::Info, f, argument);
                    names[process] += 10;
                }
                _ => {
                    let mut outcomes = twin.run(&state, names[process], f, &argument);
                    if outcomes.is_empty() {
                        push(&mut events, names[process], Kind::Fail, f, argument);
                    } else {
                        let (next, result) = outcomes.swap_remove(rng.random_range(0..outcomes.len()));
                        state = next;
                        flying[process] = Some((f, argument, Some(result)));
                    }
                }
            },
            Some((f, argument, Some(result))) => match rng.random_range(0..12) {
                0 => {
                    push(&mut events, names[process], Kind::Info, f, argument);
                    names[process] += 10;
                }
                1 => names[process] += 10,
                _ => push(&mut events, names[process], Kind::Ok, f, result),
            },
        }
    }
    if rng.random_bool(0.6) {
        let oks: Vec<usize> = (0..events.len())
            .filter(|&at| events[at].kind == Kind::Ok)
            .collect();
        if !oks.is_empty() {
            let at = oks[rng.random_range(0..oks.len())];
            events[at].value = twin.mutate(rng, &events[at].f.clone(), &events[at].value.clone());
        }
    }
    if rng.random_bool(0.1) {
        fail_one(&mut events, rng);
    }
    if twin.breaks() && rng.random_bool(0.3) {
        events
            .iter_mut()
            .filter(|event| event.kind == Kind::Fail)
            .take(1)
            .for_each(|event| event.kind = Kind::Ok);
    }
    events
}

/// Something that happened is called a failure.
fn fail_one(events: &mut [Event], rng: &mut ChaCha8Rng) {
    let oks: Vec<usize> = (0..events.len())
        .filter(|&at| events[at].kind == Kind::Ok)
        .collect();
    if oks.is_empty() {
        return;
    }
    let at = oks[rng.random_range(0..oks.len())];
    let invoke = events[..at]
        .iter()
        .rfind(|event| event.process == events[at].process);
    (events[at].kind, events[at].value) = (Kind::Fail, invoke.unwrap().value.clone());
}

fn push(events: &mut Vec<Event>, process: u64, kind: Kind, f: &str, value: Value) {
    let index = events.len() as u64;
    let mut event = crate::testing::history("0 r").remove(0);
    (event.index, event.time, event.process) = (index, Nanos(index), Process::Client(process));
    (event.kind, event.f, event.value) = (kind, f.into(), value);
    events.push(event);
}

fn calls(events: &[Event], words: &[&'static str]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (inv, event) in events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.kind == Kind::Invoke)
    {
        let rest = events.iter().enumerate().skip(inv + 1);
        let end = rest.into_iter().find(|(_, end)| end.process == event.process);
        let kind = end.map_or(Kind::Info, |(_, end)| end.kind);
        let Process::Client(process) = event.process else {
            continue;
        };
        calls.push(Call {
            process,
            f: words.iter().find(|word| **word == &*event.f).unwrap(),
            argument: event.value.clone(),
            result: end.map_or(Value::Null, |(_, end)| end.value.clone()),
            kind,
            inv,
            ret: end
                .filter(|_| kind != Kind::Info)
                .map_or(usize::MAX, |(at, _)| at),
        });
    }
    calls
}

/// Whether some order is legal: tries them all.
fn brute<T: Twin>(twin: &T, calls: &[Call]) -> bool {
    fn from<T: Twin>(
        twin: &T,
        calls: &[Call],
        done: u32,
        state: &T::State,
        seen: &mut HashSet<(u32, T::State)>,
    ) -> bool {
        let must = |call: &Call| call.kind != Kind::Info;
        let waiting = || (0..calls.len()).filter(|at| done >> at & 1 == 0);
        if waiting().all(|at| !must(&calls[at])) {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            return false;
        }
        let first = waiting().map(|at| calls[at].ret).min().unwrap_or(usize::MAX);
        waiting().filter(|&at| calls[at].inv < first).any(|at| {
            let (call, done) = (&calls[at], done | 1 << at);
            if call.kind == Kind::Fail {
                return !twin.denies(state, call.f, &call.argument) && from(twin, calls, done, state, seen);
            }
            let after = twin.after(state, call);
            after.iter().any(|next| from(twin, calls, done, next, seen))
        })
    }
    from(twin, calls, 0, &twin.initial(), &mut HashSet::new())
}

fn how_many() -> u64 {
    let usual = if cfg!(debug_assertions) { 10_000 } else { 200_000 };
    std::env::var("HARNESS_TWINS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

fn first_seed() -> u64 {
    std::env::var("HARNESS_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// The values from 0 to `many`, one of them.
fn any(rng: &mut ChaCha8Rng, many: i64) -> Value {
    Value::from(rng.random_range(0..many))
}

/// Who decides, each on every history.
const ENGINES: [Engine; 4] = [
    Engine::Auto,
    Engine::DepthFirst,
    Engine::BreadthFirst,
    Engine::Supply,
];

/// On one history of so many the two searches race as well; in tests they do so after a few steps.
const RACES: u64 = 4;

/// Who decided the histories under `auto`.
#[must_use = "an engine that always declines must not pass for one that agrees"]
struct Decided {
    model: &'static str,
    /// Passes and violations, and how many of each the graph engine decided.
    passes: [usize; 2],
    violations: [usize; 2],
}

impl Decided {
    fn of(model: &'static str, outcomes: &[(bool, bool)]) -> Self {
        let count = |pass: bool| {
            let all = || outcomes.iter().filter(|(legal, _)| *legal == pass);
            [all().count(), all().filter(|(_, by_graph)| *by_graph).count()]
        };
        let (passes, violations) = (count(true), count(false));
        let many = outcomes.len() / 20;
        assert!(
            passes[0] > many && violations[0] > many,
            "{model}: {passes:?}, {violations:?}: no test"
        );
        Decided {
            model,
            passes,
            violations,
        }
    }

    /// The graph engine decided at least so many of a hundred passes, and of a hundred violations.
    fn by_graph(self, passes: usize, violations: usize) {
        let share = |[all, by_graph]: [usize; 2]| by_graph * 100 / all;
        let shares = (share(self.passes), share(self.violations));
        assert!(
            shares.0 >= passes && shares.1 >= violations,
            "{}: the graph engine decided {shares:?} of a hundred",
            self.model
        );
    }

    /// There is no graph engine.
    fn by_search(self) {
        assert_eq!([self.passes[1], self.violations[1]], [0, 0], "{}", self.model);
    }
}

/// Compares verdicts on `how_many()` histories; a violation's own operations must be illegal as well.
fn compare<T: Twin>(twin: &T, model: &str, words: &[&'static str]) -> Decided {
    let model = models::find(model).unwrap();
    let outcomes: Vec<(bool, bool)> = (first_seed()..first_seed() + how_many())
        .into_par_iter()
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let size = Size::small(&mut rng);
            let events = random_history(twin, size, &mut rng);
            let expected = brute(twin, &calls(&events, words));
            let what = || {
                let lines = events
                    .iter()
                    .map(|event| serde_json::to_string(event).unwrap() + "\n");
                format!("{} seed {seed}\n{}", model.name, lines.collect::<String>())
            };
            let race = seed.is_multiple_of(RACES).then_some(Engine::Search);
            let mut by_graph = false;
            for engine in ENGINES.into_iter().chain(race) {
                let by = agrees(twin, model, words, engine, &events, expected, &what);
                by_graph |= engine == Engine::Auto && by.get("graph").is_some();
            }
            streams_agree(twin, model, &events, expected, &what);
            (expected, by_graph)
        })
        .collect();
    Decided::of(model.name, &outcomes)
}

/// One engine's verdict, and its proof; gives who decided.
fn agrees<T: Twin>(
    twin: &T,
    model: &models::Model,
    words: &[&'static str],
    engine: Engine,
    events: &[Event],
    expected: bool,
    what: &dyn Fn() -> String,
) -> serde_json::Value {
    let options = Options {
        engine,
        certify: true,
        ..twin.options()
    };
    let check = linearizability(&header(false), events, model, &options, &Budget::unlimited()).unwrap();
    let verdict = match expected {
        true => Verdict::Pass,
        false => Verdict::Violation,
    };
    assert_eq!(order(&check), verdict, "{engine:?} {}{check:?}", what());
    let proved = check.verdict != Verdict::Inconclusive;
    let observed = !expected || events.iter().any(|event| observes(twin, model, event));
    assert_eq!(proved, observed, "{engine:?} {}{check:?}", what());
    for violation in &check.violations {
        let few: Vec<Call> = calls(events, words)
            .into_iter()
            .filter(|call| violation.operations.contains(&(call.inv as u64)))
            .collect();
        assert!(!brute(twin, &few), "{engine:?}: not a proof, {}{check:?}", what());
    }
    check.details["decided_by"].clone()
}

/// Whether an event tells of a result that may be wrong in some state.
fn observes<T: Twin>(twin: &T, model: &models::Model, event: &Event) -> bool {
    const BLIND: [&str; 6] = ["write", "add", "append", "enqueue", "put", "remove"];
    let accesses = || event.value.as_list().unwrap_or_default().iter();
    let reads = |access: &Value| {
        access
            .as_list()
            .is_some_and(|access| access[0] == Value::from("read"))
    };
    match (event.kind, &*event.f) {
        (Kind::Fail, "cas") => twin.options().failed_cas == crate::FailedCas::Observation,
        (Kind::Ok, "txn") => accesses().any(reads),
        // A version or a value that somebody knows.
        (Kind::Ok, _) if model.name.ends_with("d-register") || model.name == "revision-register" => {
            accesses().any(|part| *part != Value::Null)
                && (&*event.f != "write" || !is_null(accesses().next()))
        }
        (Kind::Ok, f) => !BLIND.contains(&f),
        _ => false,
    }
}

fn is_null(value: Option<&Value>) -> bool {
    value.is_none_or(|value| *value == Value::Null)
}

fn streams_agree<T: Twin>(
    twin: &T,
    model: &models::Model,
    events: &[Event],
    expected: bool,
    what: &dyn Fn() -> String,
) {
    let Some(mut stream) = Stream::of(&header(false), model, &twin.options()) else {
        return;
    };
    events.iter().for_each(|event| stream.push(&event.into()));
    let proved = stream.finish().is_some();
    assert!(!proved || expected, "a stream let it pass: {}", what());
    let unique = twin.is_unique(events) && events.iter().any(|event| observes(twin, model, event));
    assert!(!unique || proved == expected, "a stream knew less: {}", what());
}
