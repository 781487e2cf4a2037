//! Operations on a queue, of whatever order.

use super::Role;

/// An operation on a queue; elements by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Enqueue(u32),
    Dequeue(u32),
    /// Nobody knows what it took.
    DequeueAny,
    FoundEmpty,
}

/// The role of an operation on either kind of queue.
pub(crate) fn role(op: &Action) -> Role {
    if *op == Action::FoundEmpty {
        Role::Pure
    } else {
        Role::Update
    }
}

/// The element that an operation speaks of.
pub(crate) fn element(op: &Action) -> Option<u32> {
    match *op {
        Action::Enqueue(element) | Action::Dequeue(element) => Some(element),
        Action::DequeueAny | Action::FoundEmpty => None,
    }
}

/// What remains of an operation if only some elements exist: a queue without an element is one of the others. A
/// dequeue that may have taken any need not have happened.
pub(crate) fn restrict(op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
    element(op).is_none_or(kept).then_some(*op)
}
