//! Of every violation of every model: its operations are illegal by themselves, none of them can go, and a hint that
//! only the failures are wrong is given where that is so, and nowhere else.

use histories::{Event, Kind, Process, Value};

use super::every::{Row, on_every_model};
use crate::explain::ONLY_FAILURES;
use crate::operations::pair;
use crate::testing::header;
use crate::{Budget, Check, Engine, Options, Verdict, linearizability};

/// Models where every update counts, so that one that goes is missed by itself.
const SUMS: &[&str] = &["counter", "kv", "mutex", "owned-mutex"];

/// Its proofs pass over versions, whose lack alone makes a part of them illegal.
const PASSES_OVER: &str = "versioned-register";

/// What is never an update.
const READS: &[&str] = &["read", "get"];

fn judge(row: &Row, events: &[Event], engine: Engine) -> Check {
    let mut events = events.to_vec();
    (0..)
        .zip(&mut events)
        .for_each(|(index, event)| event.index = index);
    let options = Options {
        engine,
        ..row.options
    };
    linearizability(&header(false), &events, row.model, &options, &Budget::unlimited()).unwrap()
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
    let sums = SUMS.contains(&row.model.name);
    sums || proof.iter().any(|event| {
        owner(proof, event) != Some(invocation.index)
            && scalars(&event.value).iter().any(|seen| written.contains(seen))
    })
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
    let before = events.iter().filter(|other| {
        other.index <= event.index && other.kind == Kind::Invoke && other.process == event.process
    });
    before.last().map(|invocation| invocation.index)
}

#[test]
fn a_proof_is_illegal_by_itself() {
    let found = on_every_model(|row, rng, seed| {
        let events = row.draw(rng);
        let check = judge(row, &events, Engine::Auto);
        for violation in &check.violations {
            let proof = only(&events, &violation.operations);
            let again = judge(row, &proof, Engine::Search);
            assert_eq!(
                again.verdict,
                Verdict::Violation,
                "{} seed {seed}: {check:#?}",
                row.model.name
            );
        }
        check.violations.len()
    });
    for (model, found) in found {
        let proofs: usize = found.iter().sum();
        assert!(
            proofs * 100 > found.len(),
            "{model}: {proofs} proofs of {}",
            found.len()
        );
    }
}

#[test]
fn no_operation_of_a_proof_can_go() {
    let found = on_every_model(|row, rng, seed| {
        let events = row.draw(rng);
        let check = judge(row, &events, Engine::Auto);
        if PASSES_OVER == row.model.name {
            return (seed, Vec::new(), check);
        }
        let proofs = check
            .violations
            .iter()
            .map(|violation| only(&events, &violation.operations));
        let idle = proofs.flat_map(|proof| idle(row, &proof)).collect::<Vec<_>>();
        (seed, idle, check)
    });
    for (model, found) in found {
        let idle: Vec<_> = found.iter().filter(|(_, idle, _)| !idle.is_empty()).collect();
        assert!(
            idle.is_empty(),
            "{model}: {} of {}, first {:?}",
            idle.len(),
            found.len(),
            idle[0]
        );
    }
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
        let relaxed = judge(row, &unsure, Engine::Auto).verdict;
        for violation in &check.violations {
            let said = violation.why.contains(ONLY_FAILURES);
            let what = || format!("{} seed {seed}: {relaxed:?} {check:#?}", row.model.name);
            assert_eq!(said, relaxed == Verdict::Pass, "{}", what());
        }
        relaxed == Verdict::Pass
    });
    let given = found.iter().filter(|(_, given)| given.contains(&true)).count();
    assert!(
        given > found.len() / 3,
        "it was given for {given} of {} models",
        found.len()
    );
}
