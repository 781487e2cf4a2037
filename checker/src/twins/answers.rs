//! Of every violation of every model: its operations are illegal by themselves, none of them can go, and a hint that
//! only the failures are wrong is given where that is so, and nowhere else.

use histories::{Event, Kind, Process, Value};

use super::every::{Proof, Row, on_every_model};
use crate::explain::ONLY_FAILURES;
use crate::judge::HINT_STEPS;
use crate::operations::pair;
use crate::testing::header;
use crate::{Budget, Check, Engine, Options, Verdict, linearizability};

/// What one check may take; a history that needs more is left out.
const STEPS: u64 = 300_000;
const BYTES: u64 = 1 << 28;

/// Of fewer histories of a model nothing has to be found.
const ENOUGH: usize = 100;

/// What is never an update.
const READS: &[&str] = &["read", "get"];

fn judge(row: &Row, events: &[Event], engine: Engine) -> Check {
    judge_within(row, events, engine, &Budget::new(STEPS, BYTES))
}

fn judge_within(row: &Row, events: &[Event], engine: Engine, budget: &Budget) -> Check {
    let mut events = events.to_vec();
    (0..)
        .zip(&mut events)
        .for_each(|(index, event)| event.index = index);
    let options = Options {
        engine,
        ..row.options
    };
    linearizability(&header(false), &events, row.model, &options, budget).unwrap()
}

/// The events of the operations with these invocations.
fn only(events: &[Event], invocations: &[u64]) -> Vec<Event> {
    let operations = pair(events).unwrap();
    let kept = operations
        .iter()
        .filter(|operation| invocations.contains(&operation.index()));
    let mut indexes: Vec<u64> = kept
        .flat_map(|operation| [Some(operation.invoke), operation.completion])
        .flatten()
        .map(|event| event.index)
        .collect();
    indexes.sort_unstable();
    indexes
        .into_iter()
        .map(|index| events[index as usize].clone())
        .collect()
}

/// The same, were the outcome of one operation unknown.
fn unsure(events: &[Event], invocation: &Event) -> Vec<Event> {
    let begin = events
        .iter()
        .position(|event| event.index == invocation.index)
        .unwrap();
    let mut events = events.to_vec();
    let end = (begin + 1..events.len()).find(|&at| events[at].process == invocation.process);
    if let Some(end) = end {
        events.remove(end);
    }
    events[begin].process = Process::Client(1_000_000);
    events
}

/// The scalars in a value.
fn scalars(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(elements) => elements.iter().flat_map(scalars).collect(),
        Value::Null => Vec::new(),
        scalar => vec![scalar],
    }
}

/// Whether an operation of the proof tells where something in another one's result comes from.
fn is_source(row: &Row, proof: &[Event], invocation: &Event) -> bool {
    if READS.contains(&&*invocation.f) {
        return false;
    }
    let written = scalars(&invocation.value);
    let sums = row.has(Proof::Sums);
    sums || proof.iter().any(|event| {
        owner(proof, event) != Some(invocation.index)
            && scalars(&event.value).iter().any(|seen| written.contains(seen))
    })
}

/// A cas that saw a value of which the proof says nothing stands there for its write alone.
fn weakened(proof: &[Event]) -> Vec<Event> {
    let pair = |event: &Event| match event.value.as_list() {
        Some([old, new]) if &*event.f == "cas" => Some((old.clone(), new.clone())),
        _ => None,
    };
    let written: Vec<Value> = proof
        .iter()
        .map(|event| pair(event).map_or_else(|| event.value.clone(), |(_, new)| new))
        .collect();
    let mut weak = proof.to_vec();
    for event in &mut weak {
        if let Some((old, new)) = pair(event).filter(|(old, _)| !written.contains(old)) {
            debug_assert_ne!(old, Value::Null);
            (event.f, event.value) = ("write".into(), new);
        }
    }
    weak
}

/// The proof as it is meant: reads without the elements that it does not speak of, but for those that nobody added.
fn narrowed(row: &Row, events: &[Event], proof: &[Event]) -> Vec<Event> {
    if !row.has(Proof::Elements) {
        return proof.to_vec();
    }
    let adds = |events: &[Event], element: &Value| {
        let mut invocations = events.iter().filter(|event| event.kind == Kind::Invoke);
        invocations.any(|event| event.value == *element)
    };
    let about = |element: &&Value| adds(proof, element) || !adds(events, element);
    let mut proof_of_some = proof.to_vec();
    for event in &mut proof_of_some {
        if let (Kind::Ok, "read", Value::List(seen)) = (event.kind, &*event.f, &event.value) {
            event.value = Value::list(seen.iter().filter(about).cloned().collect::<Vec<_>>());
        }
    }
    proof_of_some
}

/// The operations of the proof that could go.
fn idle(row: &Row, proof: &[Event]) -> Vec<u64> {
    let passes = |events: &[Event]| judge(row, events, Engine::Auto).verdict != Verdict::Violation;
    let invocations: Vec<&Event> = proof.iter().filter(|event| event.kind == Kind::Invoke).collect();
    let needed = |invocation: &Event| {
        let others: Vec<u64> = invocations.iter().map(|event| event.index).collect();
        let others: Vec<u64> = others
            .into_iter()
            .filter(|index| *index != invocation.index)
            .collect();
        let rest: Vec<Event> = proof
            .iter()
            .filter(|event| owner(proof, event).is_some_and(|owner| others.contains(&owner)))
            .cloned()
            .collect();
        passes(&rest) || passes(&unsure(proof, invocation)) || is_source(row, proof, invocation)
    };
    let idle = invocations.iter().filter(|invocation| !needed(invocation));
    idle.map(|invocation| invocation.index).collect()
}

/// The index of the invocation that an event belongs to.
fn owner(events: &[Event], event: &Event) -> Option<u64> {
    let begins = |other: &&Event| {
        other.index <= event.index && other.kind == Kind::Invoke && other.process == event.process
    };
    events.iter().rfind(begins).map(|invocation| invocation.index)
}

#[test]
fn a_proof_is_illegal_by_itself() {
    let found = on_every_model(|row, rng, seed| {
        let events = row.draw(rng);
        let check = judge(row, &events, Engine::Auto);
        for violation in &check.violations {
            let proof = only(&events, &violation.operations);
            let again = judge(row, &proof, Engine::Search);
            assert_ne!(
                again.verdict,
                Verdict::Pass,
                "{} seed {seed}: {check:#?}",
                row.model.name
            );
        }
        check.violations.len()
    });
    for (row, found) in found {
        let proofs: usize = found.iter().sum();
        assert!(
            proofs > 0 || found.len() < ENOUGH,
            "{}: {proofs} proofs of {}",
            row.name(),
            found.len()
        );
    }
}

#[test]
fn no_operation_of_a_proof_can_go() {
    let found = on_every_model(|row, rng, seed| {
        let events = row.draw(rng);
        let check = judge(row, &events, Engine::Auto);
        if row.has(Proof::PassesOver) {
            return (seed, Vec::new(), check);
        }
        let proofs = check
            .violations
            .iter()
            .map(|violation| only(&events, &violation.operations));
        let idle = proofs
            .flat_map(|proof| idle(row, &narrowed(row, &events, &weakened(&proof))))
            .collect::<Vec<_>>();
        (seed, idle, check)
    });
    let mut too_many = Vec::new();
    for (row, found) in found {
        let idle: Vec<_> = found.iter().filter(|(_, idle, _)| !idle.is_empty()).collect();
        let bounded = row.has(Proof::MayStay);
        let allowed = if bounded { found.len().div_ceil(8) } else { 0 };
        if idle.len() > allowed {
            too_many.push(format!(
                "{}: {} of {}, first {:?}",
                row.name(),
                idle.len(),
                found.len(),
                idle[0]
            ));
        }
    }
    assert!(too_many.is_empty(), "{too_many:#?}");
}

#[test]
fn the_hint_about_failures_is_given_where_it_is_true() {
    let found = on_every_model(|row, rng, seed| {
        let events = row.draw(rng);
        let check = judge(row, &events, Engine::Auto);
        if check.verdict != Verdict::Violation {
            return false;
        }
        let mut unsure = events.clone();
        for event in unsure.iter_mut().filter(|event| event.kind == Kind::Fail) {
            event.kind = Kind::Info;
        }
        // No more than half of what the question may cost, so that it was surely answered.
        let budget = Budget::new(HINT_STEPS / 2, u64::MAX);
        let relaxed = judge_within(row, &unsure, Engine::Auto, &budget).verdict;
        for violation in &check.violations {
            let said = violation.why.contains(ONLY_FAILURES);
            let what = || format!("{} seed {seed}: {relaxed:?} {check:#?}", row.model.name);
            match relaxed {
                Verdict::Inconclusive if said => {
                    assert_ne!(
                        judge(row, &unsure, Engine::Auto).verdict,
                        Verdict::Violation,
                        "{}",
                        what()
                    );
                }
                Verdict::Inconclusive => {}
                _ => assert_eq!(said, relaxed == Verdict::Pass, "{}", what()),
            }
        }
        relaxed == Verdict::Pass
    });
    let given = found.iter().filter(|(_, given)| given.contains(&true)).count();
    assert!(
        given > found.len() / 3 || found.iter().any(|(_, given)| given.len() < ENOUGH),
        "it was given for {given} of {} models",
        found.len()
    );
}
