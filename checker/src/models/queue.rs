//! A queue, which gives its oldest element or any: `enqueue v`, `dequeue → v`; a dequeue of null found it empty.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use super::total_queue;
use crate::budget::{Budget, Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::pairs::{self, Discipline};
use crate::judge::{self, Judged};
use crate::operations::{Group, Operation};
use crate::options::{Analysis, Options};
use crate::proved::Reading;
use crate::spec::queue::Action;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

pub(super) const UNORDERED: Model = Model {
    name: "unordered-queue",
    about: "a queue that gives its elements in any order, as Knossos's",
    operations: &[
        "enqueue v",
        "dequeue → v, or null if it was empty",
        "drain → [v, …]",
    ],
    suggested: |shape| shape.only(&["enqueue", "dequeue", "drain"]) && shape.has("enqueue"),
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading,
    final_reads: Some(final_reads::drained),
    #[cfg(test)]
    examples: Examples {
        twins: || {
            vec![
                Drawn::of(twins::Queue::unordered(60)),
                Drawn::of(twins::Queue::unordered(60)).in_jepsens_sense(),
            ]
        },
        illegal: "enqueue 7; dequeue null",
        states: &["{}", "{7}"],
        proofs: &[Proof::MayStay],
    },
};

pub(super) const FIFO: Model = Model {
    name: "fifo-queue",
    about: "a queue that gives its oldest element, as Knossos's",
    operations: &["enqueue v", "dequeue → v, or null if it was empty"],
    suggested: |shape| shape.only(&["enqueue", "dequeue"]),
    judge: Judge::Key(in_order::<true>),
    reading: |_, _| None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Queue::fifo(60))],
        illegal: "enqueue 7; enqueue 8; dequeue null → 8",
        states: &["[], front first", "[7], front first", "[7, 8], front first"],
        ..UNORDERED.examples
    },
    ..UNORDERED
};

/// A drain takes all there is, one after the other, which no single moment explains.
fn reading(group: &Group<'_>, options: &Options) -> Option<Reading> {
    let drains = |operation: &Operation<'_>| &*operation.invoke.f == "drain";
    let total = options.analysis == Analysis::Jepsen || group.operations.iter().any(drains);
    total.then_some(Reading::TotalQueue)
}

/// By a legal order, or by what went in and came out.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    match reading(group, options) {
        Some(_) => total_queue::judge(group, UNORDERED.operations, budget),
        None => in_order::<false>(group, options, budget),
    }
}

/// By a legal order, which lets an element stay in the queue for ever: then it is said of how many.
fn in_order<const ORDERED: bool>(
    group: &Group<'_>,
    options: &Options,
    budget: &Budget,
) -> Result<Judged, Halt> {
    let mut judged = judge::judge::<Queue<ORDERED>>(group, options, budget)?;
    if let Judged::Pass { note, .. } = &mut judged {
        let ok = |f: &'static str| {
            let all = group
                .operations
                .iter()
                .filter(|operation| operation.outcome == Kind::Ok);
            all.filter(move |operation| &*operation.invoke.f == f)
        };
        let taken = ok("dequeue")
            .filter(|operation| *operation.result() != Value::Null)
            .count();
        let left = ok("enqueue").count().saturating_sub(taken);
        *note = (left > 0).then(|| {
            format!(
                "{left} acknowledged elements were never dequeued, which a legal order allows (as an unordered-queue \
                 --analysis jepsen asks where they are)"
            )
        });
    }
    Ok(judged)
}

/// A queue that is empty at first; states are its elements, the oldest first if that matters (`ORDERED`), else ascending.
pub(crate) struct Queue<const ORDERED: bool> {
    elements: usize,
}

impl<const ORDERED: bool> Spec for Queue<ORDERED> {
    type State = Arc<[u32]>;
    type Op = Action;

    fn state_bytes(state: &Self::State) -> usize {
        size_of_val(&**state) + 16
    }

    fn initial(&self) -> Self::State {
        Arc::new([])
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match op {
            Action::Enqueue(element) if ORDERED => Some(state.iter().chain([element]).copied().collect()),
            Action::Enqueue(element) => {
                let (less, more) = state.split_at(state.partition_point(|other| other < element));
                Some(less.iter().chain([element]).chain(more).copied().collect())
            }
            Action::Dequeue(element) if ORDERED => {
                (state.first() == Some(element)).then(|| without(state, 0))
            }
            Action::Dequeue(element) => state.binary_search(element).ok().map(|at| without(state, at)),
            Action::DequeueAny if state.is_empty() => Some(state.clone()),
            Action::DequeueAny => Some(without(state, 0)),
            Action::FoundEmpty => state.is_empty().then(|| state.clone()),
        }
    }

    fn choices(&self, state: &Self::State, op: &Action) -> usize {
        match op {
            Action::DequeueAny if !ORDERED => state.len().max(1),
            _ => 1,
        }
    }

    fn choose(&self, state: &Self::State, op: &Action, choice: usize) -> Option<Self::State> {
        match op {
            Action::DequeueAny if !ORDERED && choice < state.len() => Some(without(state, choice)),
            _ => self.step(state, op),
        }
    }

    fn observing(&self, op: &Action) -> bool {
        matches!(op, Action::Dequeue(_) | Action::FoundEmpty)
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::FoundEmpty => Role::Pure,
            _ => Role::Update,
        }
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        elements.extend(op.element());
    }

    /// A queue without an element is one of the others. A dequeue that may have taken any need not have happened.
    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        op.element().is_none_or(kept).then_some(*op)
    }
}

fn without(state: &[u32], at: usize) -> Arc<[u32]> {
    match at {
        0 => state[1..].into(),
        _ => state[..at].iter().chain(&state[at + 1..]).copied().collect(),
    }
}

fn action<'a>(
    operation: &Operation<'a>,
    numbers: &mut Numbers<'a>,
    model: &Model,
) -> Result<Option<Action>, HistoryError> {
    match (&*operation.invoke.f, operation.outcome, operation.result()) {
        ("enqueue", _, _) => Ok(Some(Action::Enqueue(numbers.of(operation.argument())))),
        ("dequeue", Kind::Ok, Value::Null) => Ok(Some(Action::FoundEmpty)),
        ("dequeue", Kind::Ok, taken) => Ok(Some(Action::Dequeue(numbers.of(taken)))),
        ("dequeue", Kind::Fail, _) => Ok(None),
        ("dequeue", _, _) => Ok(Some(Action::DequeueAny)),
        _ => Err(unknown_f(operation, model.name, model.operations)),
    }
}

impl<const ORDERED: bool> Decode for Queue<ORDERED> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let model = if ORDERED { FIFO } else { UNORDERED };
        let decode = |operation| action(operation, &mut numbers, &model);
        let (entries, failed) = decode_each::<Self>(group, meter, decode)?;
        Ok(Decoded {
            spec: Queue {
                elements: numbers.len(),
            },
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        let discipline = if ORDERED {
            Discipline::Fifo
        } else {
            Discipline::Unordered
        };
        pairs::decide(
            &decoded.entries,
            decoded.spec.elements,
            discipline,
            want_order,
            meter,
        )
    }

    fn tell(&self, state: &Self::State) -> Telling {
        match ORDERED {
            true => Telling::list("[", state, "], front first"),
            false => Telling::list("{", state, "}"),
        }
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Enqueue(element) = *op {
            name(element, operation.argument());
        }
    }
}
