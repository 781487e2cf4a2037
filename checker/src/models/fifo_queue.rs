//! A queue that gives its oldest element: `enqueue v`, `dequeue → v`; a dequeue of null found it empty.

use std::sync::Arc;

use histories::{Kind, Value};

use super::{Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::budget::{Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::graph::Decision;
use crate::graph::pairs::{self, Discipline};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["enqueue v", "dequeue → v, or null if it was empty"];

/// An operation on a queue; elements by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Enqueue(u32),
    Dequeue(u32),
    /// Nobody knows what it took.
    DequeueAny,
    FoundEmpty,
}

/// What both kinds of queue take.
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
        _ => Err(unknown_f(operation, model, OPERATIONS)),
    }
}

/// The role of an operation on either kind of queue.
pub(super) fn role(op: &Action) -> Role {
    if *op == Action::FoundEmpty {
        Role::Pure
    } else {
        Role::Update
    }
}

/// The element that an operation speaks of.
pub(super) fn element(op: &Action) -> Option<u32> {
    match *op {
        Action::Enqueue(element) | Action::Dequeue(element) => Some(element),
        Action::DequeueAny | Action::FoundEmpty => None,
    }
}

/// What remains of an operation if only some elements exist: a queue without an element is one of the others. A
/// dequeue that may have taken any need not have happened.
pub(super) fn restrict(op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
    element(op).is_none_or(kept).then_some(*op)
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
            action(operation, &mut numbers, "fifo-queue")
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
