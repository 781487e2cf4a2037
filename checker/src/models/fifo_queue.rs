//! A queue that gives its oldest element: `enqueue v`, `dequeue → v`; a dequeue of null found it empty.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::graph::pairs::{self, Discipline};
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::queue::{Action, element, restrict, role};
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Proof, Queue};

pub(super) const MODEL: Model = Model {
    name: "fifo-queue",
    about: "a queue that gives its oldest element, as Knossos's",
    operations: &["enqueue v", "dequeue → v, or null if it was empty"],
    is_register: false,
    judge: Judge::Key(judge::<FifoQueue>),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Queue::fifo(60))],
        illegal: "enqueue 7; enqueue 8; dequeue null → 8",
        states: &["[], front first", "[7], front first", "[7, 8], front first"],
        proofs: &[Proof::MayStay],
    },
};

/// An operation of either kind of queue.
pub(super) fn action<'a>(
    operation: &Operation<'a>,
    numbers: &mut Numbers<'a>,
    model: &'static str,
) -> Result<Option<Action>, HistoryError> {
    match (&*operation.invoke.f, operation.outcome, operation.result()) {
        ("enqueue", _, _) => Ok(Some(Action::Enqueue(numbers.of(operation.argument())))),
        ("dequeue", Kind::Ok, Value::Null) => Ok(Some(Action::FoundEmpty)),
        ("dequeue", Kind::Ok, taken) => Ok(Some(Action::Dequeue(numbers.of(taken)))),
        ("dequeue", Kind::Fail, _) => Ok(None),
        ("dequeue", _, _) => Ok(Some(Action::DequeueAny)),
        _ => Err(unknown_f(operation, model, MODEL.operations)),
    }
}

/// A queue that is empty at first.
pub(crate) struct FifoQueue {
    elements: usize,
}

impl Spec for FifoQueue {
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
            Action::Enqueue(element) => Some(state.iter().chain([element]).copied().collect()),
            Action::Dequeue(element) => (state.first() == Some(element)).then(|| state[1..].into()),
            Action::DequeueAny => Some(state.get(1..).unwrap_or_default().into()),
            Action::FoundEmpty => state.is_empty().then(|| state.clone()),
        }
    }

    fn role(&self, op: &Action) -> Role {
        role(op)
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        elements.extend(element(op));
    }

    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        restrict(op, kept)
    }
}

impl Decode for FifoQueue {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            action(operation, &mut numbers, MODEL.name)
        })?;
        Ok(Decoded {
            spec: FifoQueue {
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
        let elements = decoded.spec.elements;
        pairs::decide(&decoded.entries, elements, Discipline::Fifo, want_order, meter)
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::list("[", state, "], front first")
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Enqueue(element) = *op {
            name(element, operation.argument());
        }
    }
}
