//! The one clock of a run.

use std::time::{Duration, Instant};

use histories::Nanos;

/// Tells how long ago the run began; monotonic. Every part of the harness holds a copy of the same one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// The run begins now.
    pub fn start() -> Self {
        Clock {
            began: Instant::now(),
        }
    }

    /// Now.
    pub fn now(&self) -> Nanos {
        Nanos(0) + self.began.elapsed()
    }
}

/// Whole microseconds, as evidence gives them.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
