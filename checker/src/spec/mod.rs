//! Specifications: what an operation does to a state, and how an engine may look at it.
//!
//! A model's specification stands in the model's file. What a graph engine takes apart stands here, below the engine.

pub(crate) mod counter;
pub(crate) mod queue;
pub(crate) mod register;
pub(crate) mod strings;
pub(crate) mod versions;

use std::hash::Hash;

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
    type State: Clone + Eq + Hash + Send + 'static;
    type Op: Clone + Eq + Hash + Send + Sync;

    /// Whether so many histories are searched with it that code of its own for few operations at a time pays.
    const OFTEN: bool = false;
    /// Whether a state is nothing but the value that it shows: then [`Spec::action`] says of every operation what it does to it.
    const IS_A_VALUE: bool = false;

    fn initial(&self) -> Self::State;
    /// The state after `op`, if `op` with its result is legal in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;
    fn role(&self, op: &Self::Op) -> Role;

    /// Whether `op`, as it completed, is illegal in some state: only such an operation can show that something is wrong.
    fn observing(&self, op: &Self::Op) -> bool {
        self.role(op) == Role::Pure || self.observes(op).is_some()
    }

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
    /// What `op` does to a state that is nothing but the value which it shows, by the numbers of the values; none if the model is
    /// about something else.
    fn action(&self, _: &Self::Op) -> Option<register::Action<u32>> {
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

/// Whether the operation is legal because the state does not show a value.
pub(crate) fn absence<S: Spec>(spec: &S, op: &S::Op) -> bool {
    spec.role(op) == Role::Pure && spec.dead().is_some_and(|dead| spec.step(&dead, op).is_some())
}
