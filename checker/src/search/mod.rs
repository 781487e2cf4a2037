//! The search engine: just-in-time linearization for any model.
//!
//! Lowe, "Testing for linearizability" (2017): an operation is linearized only when one that must be
//! returns, so that a configuration is a return event, a set of *pending* operations, a set of used unknown
//! ones, and a state. Its size grows with concurrency, not with the length of the history.
//!
//! Pruning, each rule exact:
//!
//! | rule | what |
//! | --- | --- |
//! | S | a legal operation that never changes any state is linearized at once |
//! | Y | of pending operations that are alike only the one that returns first is tried, unknown ones last |
//! | D | a configuration is dropped if one that used fewer unknown operations was seen to fail |
//! | U | an unknown operation must change the state, and no blind write may follow it directly |
//! | A | a blind write with an overwrite inside its interval may return without being visible |
//! | L | all states that no later operation can tell apart are one |

//!
//! Depth-first ([`depth`]) finds an order soon where there is one; breadth-first ([`breadth`]) holds only a frontier. Both
//! make the same moves; [`race`] says who runs when.

mod bits;
mod breadth;
mod configuration;
mod cursor;
mod depth;
mod plan;
mod race;
mod seen;
mod trail;
mod witness;

use std::hash::Hash;

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use bits::Wide;
use plan::Plan;
pub(crate) use plan::useful;
pub(crate) use race::Tactic;

/// What an operation can do to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It never changes any state.
    Pure,
    /// It is legal in every state, and what it leaves does not depend on what it found.
    Blind,
    /// Anything else.
    Update,
}

/// A sequential specification.
///
/// A model over single values names them by small numbers, and says in `writes`, `observes` and `shown`
/// how operations and states speak of them; rules L and the dropping of unknown operations live on that. A
/// model that leaves them out is searched without these two.
pub(crate) trait Spec: Sync {
    type State: Clone + Eq + Hash + Send;
    type Op: Clone + Eq + Hash + Send + Sync;

    fn initial(&self) -> Self::State;
    /// The state after `op`, if `op` with its result is legal in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;
    fn role(&self, op: &Self::Op) -> Role;

    /// Bytes on the heap that `op` holds.
    fn op_bytes(_: &Self::Op) -> usize {
        0
    }
    /// Bytes on the heap that a state holds.
    fn state_bytes(_: &Self::State) -> usize {
        0
    }

    /// How many outcomes `op` may have in `state`: more than one only where its result is unknown.
    fn choices(&self, _: &Self::State, _: &Self::Op) -> usize {
        1
    }
    /// The state after one of them.
    fn choose(&self, state: &Self::State, op: &Self::Op, _choice: usize) -> Option<Self::State> {
        self.step(state, op)
    }

    /// How many values there are: `writes`, `observes` and `shown` stay below it.
    fn values(&self) -> usize {
        0
    }
    /// The value that the state shows after `op`, if `op` is not pure.
    fn writes(&self, _: &Self::Op) -> Option<u32> {
        None
    }
    /// The value on which the legality of `op` depends.
    fn observes(&self, _: &Self::Op) -> Option<u32> {
        None
    }
    /// The value that a state shows.
    fn shown(&self, _: &Self::State) -> Option<u32> {
        None
    }
    /// A state that shows a value that no operation observes.
    fn dead(&self) -> Option<Self::State> {
        None
    }
    /// Adds the elements that `op` speaks of, where the model is about elements that do not touch each other.
    fn elements(&self, _: &Self::Op, _: &mut Vec<u32>) {}
    /// What remains of `op` if only the elements that are `kept` exist; none if nothing does. What is illegal
    /// with fewer elements is illegal with all.
    fn restrict(&self, op: &Self::Op, _kept: &dyn Fn(u32) -> bool) -> Option<Self::Op> {
        Some(op.clone())
    }
    /// The specification as these operations alone would have it, where it knows all of a history: those with
    /// fewer elements are others.
    fn among(&self, _: &[Entry<Self::Op>]) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
    /// The places of those operations that stand for all of these, which are all that had completed at some moment; none if
    /// nobody can tell. What is legal with all of them, and whatever was in flight then or came later, is legal with
    /// these alone in their place.
    fn stands_for(&self, _: &[&Self::Op]) -> Option<Vec<usize>> {
        None
    }
    /// An operation that asks less of the state and leaves the same: what is illegal with it in `op`'s place is
    /// illegal with `op`.
    fn weaken(&self, _: &Self::Op) -> Option<Self::Op> {
        None
    }
    /// Whether some operation observes that the state does *not* show a value: then an unknown write helps
    /// even if nobody sees what it wrote.
    fn sees_absence(&self) -> bool {
        false
    }
}

/// One operation for an engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry<O> {
    pub op: O,
    /// Position of the invocation.
    pub inv: u32,
    /// Position of the completion; [`OPEN`](crate::operations::OPEN) if unknown.
    pub ret: u32,
    /// Which of the group's operations it is.
    pub id: u32,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// What came of it.
    pub found: Found,
    /// Who found it.
    pub by: &'static str,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// A legal order, as ids; unknown operations that did not happen are not in it.
    Legal(Vec<u32>),
    /// There is none.
    Illegal(Stuck),
    /// The budget ran out.
    Stopped(Stop, Stuck),
}

/// How far the best attempt came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stuck {
    /// Completed operations that it explains.
    pub explained: usize,
    /// The ids of the operations pending where it ended; the first one had to return.
    pub pending: Vec<u32>,
    /// What it linearized, in its order; empty where the search came to its end.
    pub order: Vec<Chosen>,
}

/// A step of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The operation.
    pub id: u32,
    /// Which of its outcomes it had.
    pub choice: u32,
}

/// The operations alone.
fn ids(order: Vec<Chosen>) -> Vec<u32> {
    order.into_iter().map(|step| step.id).collect()
}

/// Whether the operation is legal because the state does not show a value.
pub(crate) fn absence<S: Spec>(spec: &S, op: &S::Op) -> bool {
    spec.role(op) == Role::Pure && spec.dead().is_some_and(|dead| spec.step(&dead, op).is_some())
}

/// An operation that observed a value that was not there yet, whatever the order.
fn too_early<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    meter: &mut Meter<'_>,
) -> Result<Option<u32>, Stop> {
    meter.grow(spec.values() * 4)?;
    let mut written = vec![OPEN; spec.values()];
    if let Some(value) = spec
        .shown(&spec.initial())
        .filter(|value| (*value as usize) < written.len())
    {
        written[value as usize] = 0;
    }
    for entry in entries {
        meter.tick()?;
        if let Some(value) = spec.writes(&entry.op) {
            written[value as usize] = written[value as usize].min(entry.inv);
        }
    }
    let early = |entry: &&Entry<S::Op>| {
        let value = spec
            .observes(&entry.op)
            .filter(|_| entry.ret != OPEN && !absence(spec, &entry.op));
        value.is_some_and(|value| written[value as usize] > entry.ret)
    };
    for entry in entries {
        meter.tick()?;
        if early(&entry) {
            return Ok(Some(entry.id));
        }
    }
    Ok(None)
}

/// Looks for a legal order of `entries`, which are in the order of their invocations.
pub(crate) fn search<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    tactic: Tactic,
    meter: &mut Meter<'_>,
) -> Outcome {
    let before = |found| Outcome {
        found,
        by: "prechecks",
    };
    match too_early(spec, entries, meter) {
        Ok(None) => {}
        Ok(Some(early)) => {
            return before(Found::Illegal(Stuck {
                pending: vec![early],
                ..Stuck::default()
            }));
        }
        Err(stop) => return before(Found::Stopped(stop, Stuck::default())),
    }
    let plan = match Plan::build(spec, entries, meter) {
        Ok(plan) => plan,
        Err(stop) => return before(Found::Stopped(stop, Stuck::default())),
    };
    match plan.width() {
        0..=64 => race::run::<S, u64>(spec, &plan, tactic, meter),
        65..=128 => race::run::<S, u128>(spec, &plan, tactic, meter),
        _ => race::run::<S, Wide>(spec, &plan, tactic, meter),
    }
}
