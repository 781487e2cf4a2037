//! The levels of consistency to which transactions can be held: the lattice of Elle's `consistency-model` without the
//! levels that only predicates tell apart.
//!
//! A level is an isolation and how far the order of events binds it. The isolations are those of Adya (Weak
//! Consistency, 1999, chapter 3: PL-1, PL-2, PL-2.99, PL-3), of Bailis et al. (Highly Available Transactions, VLDB
//! 2014, 5.1: monotonic atomic view) and of Cerone, Bernardi, Gotsman (A Framework for Transactional Consistency Models
//! with Atomic Visibility, CONCUR 2015, 3: read atomic, causal, prefix, parallel snapshot, snapshot). They form no chain:
//! prefix and parallel snapshot isolation allow what the other forbids.
//!
//! Beside them stand the guarantees that a session of single reads and writes may have (Terry et al., Session Guarantees
//! for Weakly Consistent Replicated Data, PDIS 1994, section 2), to which registers can be held: they are levels in which
//! the order of a process is all that binds, and no transaction of several keys has them.

use std::fmt;

/// What transactions may see of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// PL-1: no cycle of writes over writes.
    ReadUncommitted,
    /// PL-2: nor of reads of what was written; no read of what was aborted or not the last write.
    ReadCommitted,
    /// Who saw something of a transaction sees all of it from then on.
    MonotonicAtomicView,
    /// Who sees something of a transaction sees all of it.
    ReadAtomic,
    /// What is seen brings with it what its writer saw.
    Causal,
    /// What is seen are the first transactions of one order of commits.
    Prefix,
    /// Causal, and of two transactions that write the same key one sees the other.
    ParallelSnapshotIsolation,
    /// Prefix, and of two transactions that write the same key one sees the other.
    SnapshotIsolation,
    /// PL-2.99: serializable but for predicates, of which there are none here.
    RepeatableRead,
    /// As if one after the other.
    Serializable,
    /// Who read a write sees it from then on.
    MonotonicReads,
    /// Who sees a write sees what its process wrote before, and in that order.
    MonotonicWrites,
    /// Who wrote sees it from then on.
    ReadYourWrites,
    /// Who sees a write sees what its process had read before, and in that order.
    WritesFollowReads,
    /// Monotonic reads, monotonic writes and read your writes.
    Pram,
}

use Isolation::{
    Causal, MonotonicAtomicView, MonotonicReads, MonotonicWrites, ParallelSnapshotIsolation, Pram, Prefix,
    ReadAtomic, ReadCommitted, ReadUncommitted, ReadYourWrites, RepeatableRead, Serializable,
    SnapshotIsolation, WritesFollowReads,
};

impl Isolation {
    const ALL: [Isolation; 10] = [
        ReadUncommitted,
        ReadCommitted,
        MonotonicAtomicView,
        ReadAtomic,
        Causal,
        Prefix,
        ParallelSnapshotIsolation,
        SnapshotIsolation,
        RepeatableRead,
        Serializable,
    ];

    /// What it asks, in a line.
    pub fn about(self) -> &'static str {
        match self {
            ReadUncommitted => "no cycle of writes over writes",
            ReadCommitted => "nor of reads of what was written; nothing aborted or intermediate is read",
            MonotonicAtomicView => "who saw something of a transaction sees all of it from then on",
            ReadAtomic => "who sees something of a transaction sees all of it",
            Causal => "what is seen brings with it what its writer saw",
            Prefix => "what is seen are the first transactions of one order of commits",
            ParallelSnapshotIsolation => "causal, and of two that write a key one sees the other",
            SnapshotIsolation => "prefix, and of two that write a key one sees the other",
            RepeatableRead => "serializable but for predicates, of which there are none here",
            Serializable => "as if one after the other",
            MonotonicReads => "who read a write sees it from then on",
            MonotonicWrites => "who sees a write sees what its process wrote before it, in that order",
            ReadYourWrites => "who wrote sees it from then on",
            WritesFollowReads => "who sees a write sees what its process read before it, in that order",
            Pram => "monotonic reads, monotonic writes and read your writes together",
        }
    }

    /// Whether it is a guarantee to sessions of single reads and writes.
    pub fn is_of_sessions(self) -> bool {
        matches!(
            self,
            MonotonicReads | MonotonicWrites | ReadYourWrites | WritesFollowReads | Pram
        )
    }

    /// The isolations of which each follows from this one at once.
    fn weaker(self) -> &'static [Isolation] {
        match self {
            ReadUncommitted | MonotonicReads | MonotonicWrites | ReadYourWrites | WritesFollowReads => &[],
            Pram => &[MonotonicReads, MonotonicWrites, ReadYourWrites],
            ReadCommitted => &[ReadUncommitted],
            MonotonicAtomicView => &[ReadCommitted],
            ReadAtomic => &[MonotonicAtomicView],
            // Of single operations: Brzezinski, Sobaniec, Wawrzyniak 2004.
            Causal => &[ReadAtomic, Pram, WritesFollowReads],
            Prefix | ParallelSnapshotIsolation => &[Causal],
            SnapshotIsolation => &[Prefix, ParallelSnapshotIsolation],
            RepeatableRead => &[MonotonicAtomicView],
            Serializable => &[SnapshotIsolation, RepeatableRead],
        }
    }

    /// Whether every history of this isolation is one of `other`.
    pub fn implies(self, other: Isolation) -> bool {
        self == other || self.weaker().iter().any(|weaker| weaker.implies(other))
    }
}

/// Which order of events a transaction has to respect, besides what it read and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// None.
    Any,
    /// That of its process (Daudjee, Salem 2006: strong session).
    Session,
    /// That of real time.
    RealTime,
}

/// An isolation with the order that binds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level {
    /// What transactions may see of each other.
    pub isolation: Isolation,
    /// The order that they respect.
    pub order: Order,
}

impl Level {
    /// As if one after the other, in an order that respects real time.
    pub const STRICT_SERIALIZABLE: Level = Level::of(Serializable, Order::RealTime);
    /// As if one after the other.
    pub const SERIALIZABLE: Level = Level::of(Serializable, Order::Any);

    /// The level of both.
    pub const fn of(isolation: Isolation, order: Order) -> Self {
        Level { isolation, order }
    }

    /// As if one after the other, each process in its order: of single operations, sequential consistency (Lamport 1979).
    pub const STRONG_SESSION_SERIALIZABLE: Level = Level::of(Serializable, Order::Session);
    /// Of single operations, causal consistency in which all agree on one order of writes.
    pub const STRONG_SESSION_CAUSAL: Level = Level::of(Causal, Order::Session);

    /// The guarantees to sessions, from the weakest to the strongest.
    pub const OF_SESSIONS: [Level; 5] = [
        Level::of(MonotonicReads, Order::Session),
        Level::of(MonotonicWrites, Order::Session),
        Level::of(ReadYourWrites, Order::Session),
        Level::of(WritesFollowReads, Order::Session),
        Level::of(Pram, Order::Session),
    ];

    /// All levels of transactions, from the weakest isolation to the strongest.
    pub fn all() -> &'static [Level] {
        &ALL
    }

    /// Its name, as on the command line and as Elle's.
    ///
    /// ```
    /// assert_eq!(checker::Level::STRICT_SERIALIZABLE.as_str(), "strict-serializable");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self.isolation {
            MonotonicReads => "monotonic-reads",
            MonotonicWrites => "monotonic-writes",
            ReadYourWrites => "read-your-writes",
            WritesFollowReads => "writes-follow-reads",
            Pram => "pram",
            _ => NAMES[self.place()],
        }
    }

    /// Adya's names, and others that people use.
    pub fn aliases(self) -> &'static [&'static str] {
        match (self.isolation, self.order) {
            (ReadUncommitted, Order::Any) => &["PL-1"],
            (ReadCommitted, Order::Any) => &["PL-2"],
            (Causal, Order::Any) => &["causal-cerone"],
            (SnapshotIsolation, Order::Any) => &["PL-SI", "si"],
            (ParallelSnapshotIsolation, Order::Any) => &["psi"],
            (RepeatableRead, Order::Any) => &["PL-2.99"],
            (Serializable, Order::Any) => &["PL-3", "conflict-serializable"],
            (Serializable, Order::RealTime) => &["PL-SS", "strong-serializable"],
            _ => &[],
        }
    }

    /// The level of transactions of this name.
    pub fn find(name: &str) -> Option<Level> {
        let called = |level: &&Level| {
            let mut names = level.aliases().iter().chain([&NAMES[level.place()]]);
            names.any(|known| known.eq_ignore_ascii_case(name))
        };
        ALL.iter().find(called).copied()
    }

    /// Whether every history of this level is one of `other`.
    ///
    /// ```
    /// use checker::Level;
    /// let [snapshot, repeatable] = ["snapshot-isolation", "repeatable-read"].map(|name| Level::find(name).unwrap());
    /// assert!(Level::STRICT_SERIALIZABLE.implies(snapshot));
    /// assert!(!snapshot.implies(repeatable) && !repeatable.implies(snapshot));
    /// ```
    pub fn implies(self, other: Level) -> bool {
        self.isolation.implies(other.isolation) && self.order >= other.order
    }

    /// This one and all that follow from it.
    pub fn weaker(self) -> Levels {
        Level::known().filter(|&other| self.implies(other)).collect()
    }

    /// This one and all from which it follows.
    pub fn stronger(self) -> Levels {
        Level::known().filter(|&other| other.implies(self)).collect()
    }

    /// Those of transactions, and those of sessions.
    fn known() -> impl Iterator<Item = Level> {
        ALL.iter().chain(&Level::OF_SESSIONS).copied()
    }

    const fn place(self) -> usize {
        self.isolation as usize * 3 + self.order as usize
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

static ALL: [Level; 30] = {
    let mut all = [Level::STRICT_SERIALIZABLE; 30];
    let mut at = 0;
    while at < 30 {
        let order = [Order::Any, Order::Session, Order::RealTime][at % 3];
        all[at] = Level::of(Isolation::ALL[at / 3], order);
        at += 1;
    }
    all
};

static NAMES: [&str; 30] = [
    "read-uncommitted",
    "strong-session-read-uncommitted",
    "strong-read-uncommitted",
    "read-committed",
    "strong-session-read-committed",
    "strong-read-committed",
    "monotonic-atomic-view",
    "strong-session-monotonic-atomic-view",
    "strong-monotonic-atomic-view",
    "read-atomic",
    "strong-session-read-atomic",
    "strong-read-atomic",
    "causal",
    "strong-session-causal",
    "strong-causal",
    "prefix",
    "strong-session-prefix",
    "strong-prefix",
    "parallel-snapshot-isolation",
    "strong-session-parallel-snapshot-isolation",
    "strong-parallel-snapshot-isolation",
    "snapshot-isolation",
    "strong-session-snapshot-isolation",
    "strong-snapshot-isolation",
    "repeatable-read",
    "strong-session-repeatable-read",
    "strong-repeatable-read",
    "serializable",
    "strong-session-serializable",
    "strict-serializable",
];

/// Some of the levels.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Levels(u64);

/// What transactions are held to where nothing else is said: strict serializability.
impl Default for Levels {
    fn default() -> Self {
        Level::STRICT_SERIALIZABLE.into()
    }
}

impl Levels {
    /// No level at all.
    pub const NONE: Levels = Levels(0);

    /// Those that are in both.
    pub fn and(self, other: Levels) -> Levels {
        Levels(self.0 & other.0)
    }

    /// Those that are in one of them.
    pub fn or(self, other: Levels) -> Levels {
        Levels(self.0 | other.0)
    }

    /// Those that are not in the other.
    pub fn without(self, other: Levels) -> Levels {
        Levels(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    pub fn contains(self, level: Level) -> bool {
        self.0 & 1 << level.place() != 0
    }

    /// One more.
    pub fn insert(&mut self, level: Level) {
        self.0 |= 1 << level.place();
    }

    /// Whether all of the other are among them.
    pub fn contains_all(self, other: Levels) -> bool {
        other.without(self).is_empty()
    }

    /// From the weakest isolation to the strongest.
    pub fn iter(self) -> impl Iterator<Item = Level> {
        Level::known().filter(move |&level| self.contains(level))
    }

    /// Those that no other one of them implies.
    pub fn strongest(self) -> Levels {
        let implied = |level: Level| self.iter().any(|other| other != level && other.implies(level));
        self.iter().filter(|&level| !implied(level)).collect()
    }

    /// Those that imply no other one of them.
    pub fn weakest(self) -> Levels {
        let implies = |level: Level| self.iter().any(|other| other != level && level.implies(other));
        self.iter().filter(|&level| !implies(level)).collect()
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Level::as_str).collect()
    }
}

impl From<Level> for Levels {
    fn from(level: Level) -> Self {
        Levels(1 << level.place())
    }
}

impl FromIterator<Level> for Levels {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Self {
        Levels(levels.into_iter().fold(0, |set, level| set | 1 << level.place()))
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// With commas.
impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_stands_at_its_level() {
        for &level in Level::all() {
            assert_eq!(Level::find(level.as_str()), Some(level));
            let plain = Level::of(level.isolation, Order::Any).as_str();
            let expected = match (level.isolation, level.order) {
                (Serializable, Order::RealTime) => "strict-serializable".to_owned(),
                (_, Order::Any) => plain.to_owned(),
                (_, Order::Session) => format!("strong-session-{plain}"),
                (_, Order::RealTime) => format!("strong-{plain}"),
            };
            assert_eq!(level.as_str(), expected);
        }
        assert_eq!(Level::find("pl-ss"), Some(Level::STRICT_SERIALIZABLE));
        assert_eq!(Level::find("linearizable"), None);
    }

    #[test]
    fn the_strongest_implies_all_and_the_weakest_none() {
        let all: Levels = Level::all().iter().copied().collect();
        assert_eq!(all.strongest(), Level::STRICT_SERIALIZABLE.into());
        assert_eq!(all.weakest(), Level::of(ReadUncommitted, Order::Any).into());
        for &one in Level::all() {
            assert!(Level::STRICT_SERIALIZABLE.implies(one));
            for &other in Level::all().iter().filter(|&&other| other != one) {
                assert!(!(one.implies(other) && other.implies(one)), "{one} {other}");
            }
        }
    }
}
