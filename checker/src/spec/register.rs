//! A register that is read, written, and compared and set.
//!
//! Values are small numbers. All values that no operation looks at share the number [`UNSEEN`]: nobody can tell them
//! apart, so writes of them are alike.

use super::{Role, Spec};

/// The number of every value that no operation looks at.
pub(crate) const UNSEEN: u32 = 0;

/// An operation on a register of type `V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action<V> {
    /// It found this value.
    Read(V),
    /// It set this value.
    Write(V),
    /// It found the first value and set the second.
    Cas(V, V),
    /// It found another value than this.
    Differs(V),
}

impl<V> Action<V> {
    /// The same with other names for the values.
    pub(crate) fn named<W>(self, mut name: impl FnMut(V) -> W) -> Action<W> {
        match self {
            Action::Read(value) => Action::Read(name(value)),
            Action::Write(value) => Action::Write(name(value)),
            Action::Cas(old, new) => Action::Cas(name(old), name(new)),
            Action::Differs(value) => Action::Differs(name(value)),
        }
    }
}

/// The specification; states are numbers of values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    /// The number of the initial value.
    pub initial: u32,
    /// How many numbers are in use.
    pub values: u32,
    /// Whether an operation is [`Action::Differs`].
    pub differs: bool,
}

impl Spec for Register {
    const OFTEN: bool = true;
    const IS_A_VALUE: bool = true;

    type State = u32;
    type Op = Action<u32>;

    fn initial(&self) -> u32 {
        self.initial
    }

    fn step(&self, state: &u32, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Read(value) => (*state == value).then_some(value),
            Action::Write(value) => Some(value),
            Action::Cas(old, new) => (*state == old).then_some(new),
            Action::Differs(value) => (*state != value).then_some(*state),
        }
    }

    fn role(&self, op: &Action<u32>) -> Role {
        match *op {
            Action::Write(_) => Role::Blind,
            Action::Cas(old, new) if old != new => Role::Update,
            Action::Read(_) | Action::Cas(..) | Action::Differs(_) => Role::Pure,
        }
    }

    fn values(&self) -> usize {
        self.values as usize
    }

    fn writes(&self, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Write(value) => Some(value),
            Action::Cas(old, new) if old != new => Some(new),
            _ => None,
        }
    }

    fn observes(&self, op: &Action<u32>) -> Option<u32> {
        match *op {
            Action::Read(value) | Action::Cas(value, _) | Action::Differs(value) => Some(value),
            Action::Write(_) => None,
        }
    }

    fn shown(&self, state: &u32) -> Option<u32> {
        Some(*state)
    }

    fn dead(&self) -> Option<u32> {
        Some(UNSEEN)
    }

    fn weaken(&self, op: &Action<u32>) -> Option<Action<u32>> {
        match *op {
            Action::Cas(old, new) if old != new => Some(Action::Write(new)),
            _ => None,
        }
    }

    fn action(&self, op: &Action<u32>) -> Option<Action<u32>> {
        Some(*op)
    }

    fn sees_absence(&self) -> bool {
        self.differs
    }
}
