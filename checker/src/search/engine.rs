//! A search that goes on turn by turn.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{Found, Stuck};
use crate::budget::{Meter, Stop};

/// Configurations between two looks at the flag.
const STRIDE: u64 = 32;

/// A search that can be interrupted.
pub(super) trait Engine {
    const NAME: &'static str;
    /// Goes on until the turn is over (none), or to its end. After an error it is of no use.
    fn advance(&mut self, turn: &mut Turn<'_>, meter: &mut Meter<'_>) -> Result<Option<Found>, Stop>;
    /// The return events that the best attempt passed.
    fn reached(&self) -> u64;
    /// How far the best attempt came, and its order; everything else is given back first, or meanwhile.
    fn attempt(self, back: Back) -> Stuck;
}

/// When memory is given back. A large table takes seconds for that, which nobody has who was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// At once: somebody needs it.
    AtOnce,
    /// By a thread that has nothing better to do.
    Meanwhile,
}

impl Back {
    /// After the search was stopped.
    pub(super) fn after(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Back::Meanwhile,
            Stop::Steps | Stop::Bytes => Back::AtOnce,
        }
    }

    pub(super) fn give(self, held: impl Send + 'static) {
        match self {
            Back::AtOnce => drop(held),
            Back::Meanwhile => rayon::spawn(move || drop(held)),
        }
    }
}

/// How long an engine may go on.
pub(super) struct Turn<'a> {
    pub left: u64,
    /// Set when the other engine knows.
    pub decided: &'a AtomicBool,
}

impl Turn<'_> {
    /// Whether another configuration is one too many.
    #[inline]
    pub(super) fn is_over(&mut self) -> bool {
        if self.left == 0 || self.left.is_multiple_of(STRIDE) && self.decided.load(Relaxed) {
            return true;
        }
        self.left -= 1;
        false
    }
}
