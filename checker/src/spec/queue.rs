//! Operations on a queue, of whatever order.

/// An operation on a queue; elements by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Enqueue(u32),
    Dequeue(u32),
    /// Nobody knows what it took.
    DequeueAny,
    FoundEmpty,
}

impl Action {
    /// The element that it speaks of.
    pub(crate) fn element(self) -> Option<u32> {
        match self {
            Action::Enqueue(element) | Action::Dequeue(element) => Some(element),
            Action::DequeueAny | Action::FoundEmpty => None,
        }
    }
}
