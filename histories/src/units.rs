//! A type for every kind of number, so that a term is never taken for an index.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds on one monotonic clock since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The moment `ms` milliseconds after the run began.
    pub const fn from_ms(ms: u64) -> Self {
        Nanos(ms * 1_000_000)
    }

    /// Whole milliseconds since the run began.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Seconds since the run began, for people.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Nanos;
    fn add(self, span: Duration) -> Nanos {
        Nanos(self.0.saturating_add(span.as_nanos() as u64))
    }
}

impl Sub<Duration> for Nanos {
    type Output = Nanos;
    fn sub(self, span: Duration) -> Nanos {
        Nanos(self.0.saturating_sub(span.as_nanos() as u64))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The one number that fixes everything that the harness chooses.
    Seed
}
number! {
    /// A Raft term (Raft section 5.1).
    Term
}
number! {
    /// A position in a Raft log; the first entry has index 1 (Raft section 5.3).
    LogIndex
}

number! {
    /// Counts the starts of a node, from 1.
    Incarnation
}

/// The name of a node: `n1`, `n2`, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeName(pub Arc<str>);

impl NodeName {
    /// The name of the `number`th node, counted from 1.
    pub fn numbered(number: usize) -> Self {
        NodeName(format!("n{number}").into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        NodeName(name.into())
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
