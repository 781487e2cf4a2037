//! A queue that gives its elements in any order: `enqueue v`, `dequeue → v`; a dequeue of null found it empty.

use std::sync::Arc;

use histories::Value;

use super::fifo_queue::{self, action};
use super::row::{Judge, Model};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each};
use crate::error::Halt;
use crate::graph::pairs::{self, Discipline};
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::queue::{Action, element, restrict, role};
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Proof, Queue};

pub(super) const MODEL: Model = Model {
    name: "unordered-queue",
    about: "a queue that gives its elements in any order, as Knossos's",
    operations: fifo_queue::MODEL.operations,
    is_register: false,
    judge: Judge::Key(judge::<UnorderedQueue>),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Queue::unordered(60))],
        illegal: "enqueue 7; dequeue null",
        states: &["{}", "{7}"],
        proofs: &[Proof::MayStay],
    },
};

/// A queue that is empty at first; states are its elements, ascending.
pub(crate) struct UnorderedQueue {
    elements: usize,
}

impl Spec for UnorderedQueue {
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
            Action::Enqueue(element) => {
                let at = state.partition_point(|other| other < element);
                Some(
                    state[..at]
                        .iter()
                        .chain([element])
                        .chain(&state[at..])
                        .copied()
                        .collect(),
                )
            }
            Action::Dequeue(element) => state.binary_search(element).ok().map(|at| without(state, at)),
            Action::DequeueAny if state.is_empty() => Some(state.clone()),
            Action::DequeueAny => Some(without(state, 0)),
            Action::FoundEmpty => state.is_empty().then(|| state.clone()),
        }
    }

    fn choices(&self, state: &Self::State, op: &Action) -> usize {
        if *op == Action::DequeueAny {
            state.len().max(1)
        } else {
            1
        }
    }

    fn choose(&self, state: &Self::State, op: &Action, choice: usize) -> Option<Self::State> {
        match op {
            Action::DequeueAny if choice < state.len() => Some(without(state, choice)),
            _ => self.step(state, op),
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

fn without(state: &Arc<[u32]>, at: usize) -> Arc<[u32]> {
    state[..at].iter().chain(&state[at + 1..]).copied().collect()
}

impl Decode for UnorderedQueue {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            action(operation, &mut numbers, MODEL.name)
        })?;
        Ok(Decoded {
            spec: UnorderedQueue {
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
        pairs::decide(
            &decoded.entries,
            elements,
            Discipline::Unordered,
            want_order,
            meter,
        )
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::list("{", state, "}")
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Enqueue(element) = *op {
            name(element, operation.argument());
        }
    }
}
