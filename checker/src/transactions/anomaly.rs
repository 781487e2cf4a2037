//! The anomalies by their names, and the cases of them that were found.
//!
//! The names are Adya's (Weak Consistency, 1999) and Elle's (Kingsbury, Alvaro, VLDB 2020). Each of them breaks
//! serializability; those of a process or of real time break strict serializability only.

use std::collections::BTreeMap;
use std::fmt;

use super::dependencies::Link;
use crate::levels::{Isolation, Level, Levels, Order};

/// Cases of one name that are kept to be told; the others are counted.
const KEPT: usize = 3;

/// Which dependencies a cycle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// Writes over writes only.
    G0,
    /// Reads of what was written, too.
    G1c,
    /// Exactly one transaction missed a write.
    GSingle,
    /// Several missed a write, no two of them in a row.
    GNonadjacent,
    /// Several missed a write.
    G2Item,
}

/// All orders, from what needs none.
pub(super) const ORDERS: [Order; 3] = [Order::Any, Order::Session, Order::RealTime];

impl Shape {
    pub(super) const ALL: [Shape; 5] = [
        Shape::G0,
        Shape::G1c,
        Shape::GSingle,
        Shape::GNonadjacent,
        Shape::G2Item,
    ];

    /// Whether a cycle of this shape is one of `weaker`, too.
    pub(super) fn implies(self, weaker: Shape) -> bool {
        match self {
            Shape::G0 | Shape::G1c => self <= weaker && weaker <= Shape::G1c,
            _ => self <= weaker,
        }
    }
}

/// What is wrong, from the worst to the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anomaly {
    /// An element stands twice in a list to which it was appended once.
    DuplicateElements,
    /// A version is older than itself.
    CyclicVersions,
    /// Two reads of a list are not beginnings of one list.
    IncompatibleOrder,
    /// A list has an element that nobody appended.
    GarbageRead,
    /// A committed write stands upon one that was aborted.
    DirtyUpdate,
    /// A read of what an aborted transaction wrote.
    G1a,
    /// A read of what its writer overwrote in the same transaction.
    G1b,
    /// A read that contradicts what the same transaction wrote before.
    Internal,
    /// A read that contradicts what the same transaction read before, and did not write.
    Unrepeatable,
    /// A read of what the same transaction writes later.
    FutureRead,
    /// Two transactions read one version, and both replaced it.
    LostUpdate,
    /// Transactions that all stand before each other.
    Cycle(Order, Shape),
}

impl Anomaly {
    /// The name of a cycle with these links, in their order.
    pub(super) fn of_cycle(links: &[Link]) -> Self {
        let count = |link| links.iter().filter(|&&found| found == link).count();
        let follows = |at: usize| links[(at + 1) % links.len()];
        let adjacent = (0..links.len()).any(|at| links[at] == Link::Rw && follows(at) == Link::Rw);
        let shape = match (count(Link::Rw), count(Link::Wr)) {
            (0, 0) => Shape::G0,
            (0, _) => Shape::G1c,
            (1, _) => Shape::GSingle,
            _ if adjacent => Shape::G2Item,
            _ => Shape::GNonadjacent,
        };
        let level = match (count(Link::RealTime), count(Link::Process)) {
            (0, 0) => Order::Any,
            (0, _) => Order::Session,
            _ => Order::RealTime,
        };
        Anomaly::Cycle(level, shape)
    }

    /// Its place among all: the worst first.
    fn rank(self) -> (Order, u8) {
        match self {
            Anomaly::DuplicateElements => (Order::Any, 0),
            Anomaly::CyclicVersions => (Order::Any, 1),
            Anomaly::IncompatibleOrder => (Order::Any, 2),
            Anomaly::GarbageRead => (Order::Any, 3),
            Anomaly::Cycle(level, Shape::G0) => (level, 4),
            Anomaly::DirtyUpdate => (Order::Any, 5),
            Anomaly::G1a => (Order::Any, 6),
            Anomaly::G1b => (Order::Any, 7),
            Anomaly::Internal => (Order::Any, 8),
            Anomaly::Unrepeatable => (Order::Any, 9),
            Anomaly::FutureRead => (Order::Any, 10),
            Anomaly::Cycle(level, Shape::G1c) => (level, 11),
            Anomaly::LostUpdate => (Order::Any, 12),
            Anomaly::Cycle(level, Shape::GSingle) => (level, 13),
            Anomaly::Cycle(level, Shape::GNonadjacent) => (level, 14),
            Anomaly::Cycle(level, Shape::G2Item) => (level, 15),
        }
    }

    /// Whether a history with this anomaly cannot be one of the level.
    ///
    /// Adya 1999, 3.1 and 4.2 (what a transaction wrote it reads, and what nobody wrote nobody reads, at every level),
    /// 3.2.3 and 3.2.5 (PL-2, PL-2.99, PL-3); Cerone, Gotsman 2016, 4 (of snapshot isolation every cycle has two
    /// misses in a row, of parallel snapshot isolation two anywhere). What is not said here the search finds.
    pub(super) fn breaks(self, level: Level) -> bool {
        use Isolation::{
            ParallelSnapshotIsolation, ReadAtomic, ReadCommitted, RepeatableRead, SnapshotIsolation,
        };
        let least = |isolation: Isolation| level.isolation.implies(isolation);
        match self {
            // Of sessions: what was aborted or comes only later is nothing to be seen; all else is for the search.
            Anomaly::GarbageRead
            | Anomaly::Internal
            | Anomaly::CyclicVersions
            | Anomaly::G1a
            | Anomaly::FutureRead
                if level.isolation.is_of_sessions() =>
            {
                true
            }
            _ if level.isolation.is_of_sessions() => false,
            Anomaly::DuplicateElements | Anomaly::GarbageRead | Anomaly::Internal => true,
            Anomaly::CyclicVersions
            | Anomaly::IncompatibleOrder
            | Anomaly::DirtyUpdate
            | Anomaly::G1a
            | Anomaly::G1b
            | Anomaly::FutureRead => least(ReadCommitted),
            Anomaly::Unrepeatable => least(ReadAtomic) || level.isolation == RepeatableRead,
            Anomaly::LostUpdate => least(ParallelSnapshotIsolation) || level.isolation == RepeatableRead,
            Anomaly::Cycle(order, _) if order > level.order => false,
            Anomaly::Cycle(_, Shape::G0) => true,
            Anomaly::Cycle(_, Shape::G1c) => least(ReadCommitted),
            Anomaly::Cycle(_, Shape::GSingle) => {
                least(ParallelSnapshotIsolation) || level.isolation == RepeatableRead
            }
            Anomaly::Cycle(_, Shape::GNonadjacent) => {
                least(SnapshotIsolation) || level.isolation == RepeatableRead
            }
            Anomaly::Cycle(_, Shape::G2Item) => least(RepeatableRead),
        }
    }
}

impl PartialOrd for Anomaly {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Anomaly {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, name) = match self {
            Anomaly::DuplicateElements => (Order::Any, "duplicate-elements"),
            Anomaly::CyclicVersions => (Order::Any, "cyclic-versions"),
            Anomaly::IncompatibleOrder => (Order::Any, "incompatible-order"),
            Anomaly::GarbageRead => (Order::Any, "garbage-read"),
            Anomaly::DirtyUpdate => (Order::Any, "dirty-update"),
            Anomaly::G1a => (Order::Any, "G1a"),
            Anomaly::G1b => (Order::Any, "G1b"),
            Anomaly::Internal | Anomaly::Unrepeatable => (Order::Any, "internal"),
            Anomaly::FutureRead => (Order::Any, "future-read"),
            Anomaly::LostUpdate => (Order::Any, "lost-update"),
            Anomaly::Cycle(level, Shape::G0) => (*level, "G0"),
            Anomaly::Cycle(level, Shape::G1c) => (*level, "G1c"),
            Anomaly::Cycle(level, Shape::GSingle) => (*level, "G-single"),
            Anomaly::Cycle(level, Shape::GNonadjacent) => (*level, "G-nonadjacent"),
            Anomaly::Cycle(level, Shape::G2Item) => (*level, "G2-item"),
        };
        f.write_str(name)?;
        f.write_str(match level {
            Order::Any => "",
            Order::Session => "-process",
            Order::RealTime => "-realtime",
        })
    }
}

/// One case of an anomaly.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The transactions that prove it; `T1` in the text is the first one.
    pub transactions: Vec<u32>,
    /// What is wrong.
    pub why: String,
    /// What stands before what.
    pub edges: Vec<(u32, u32, Link)>,
}

/// All cases, by name.
#[derive(Debug, Default)]
pub(super) struct Cases {
    found: BTreeMap<Anomaly, Vec<Case>>,
    counts: BTreeMap<Anomaly, u64>,
}

impl Cases {
    /// Counts a case; the sentence is only written for those that may be told.
    pub(super) fn add(&mut self, anomaly: Anomaly, case: impl FnOnce() -> Case) {
        *self.counts.entry(anomaly).or_default() += 1;
        let kept = self.found.entry(anomaly).or_default();
        if kept.len() < KEPT {
            kept.push(case());
        }
    }

    /// How many there are of each name.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (name, count) in &self.counts {
            *counts.entry(name.to_string()).or_default() += count;
        }
        counts
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether one of them breaks the level.
    pub(super) fn break_level(&self, level: Level) -> bool {
        self.counts.keys().any(|anomaly| anomaly.breaks(level))
    }

    /// Those that break one of the levels.
    pub(super) fn retain(&mut self, levels: Levels) {
        let breaks = |anomaly: &Anomaly| levels.iter().any(|level| anomaly.breaks(level));
        self.found.retain(|anomaly, _| breaks(anomaly));
    }

    /// The first `most` cases: one of each name, the worst first, then the others.
    pub(super) fn told(self, most: usize) -> Vec<(Anomaly, Case)> {
        let mut told = Vec::new();
        for (anomaly, cases) in self.found {
            told.extend(
                cases
                    .into_iter()
                    .enumerate()
                    .map(|(turn, case)| (turn, anomaly, case)),
            );
        }
        told.sort_by_key(|&(turn, anomaly, _)| (turn, anomaly));
        told.truncate(most);
        told.into_iter()
            .map(|(_, anomaly, case)| (anomaly, case))
            .collect()
    }
}
