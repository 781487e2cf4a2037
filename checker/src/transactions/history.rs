//! A group's transactions with all that is known of them, and the engines that are asked about a level.

use super::assumed;
use super::decide::{Decided, Witness, decide, propose};
use super::dependencies::{Dependencies, Link};
use super::facts::Facts;
use super::guess::Commit;
use super::lists::Lists;
use super::micro::Transactions;
use super::registers::Registers;
use super::replay::replay;
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::{Isolation, Level, Order};

/// Steps that the question which other levels a history keeps to may cost, for each of them.
pub(super) const BOUNDARY_STEPS: u64 = 2_000_000;

/// Of so many transactions an order that respects real time is looked for first, with so many steps.
const LONG: u32 = 64;
const TIMED_STEPS: u64 = 50_000_000;

/// What shows that a history keeps to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
    /// One transaction after the other.
    Serial,
    /// An order of commits, and where in it each one reads.
    Snapshots,
    /// An order of commits, and what each one sees of it.
    Commits,
}

/// The answer of the search for an order.
pub(super) enum Searched {
    /// There is one, and it was verified.
    Keeps(Shown),
    /// There is none among these transactions.
    Breaks(Vec<u32>),
    /// The verifier did not agree.
    Unverified,
}

/// A group's transactions, with what the engines need to know of them.
pub(super) struct History<'a> {
    pub transactions: &'a Transactions<'a>,
    pub initial: &'a histories::Value,
    pub model: &'a Inferred<'a>,
    pub facts: &'a Facts,
    /// The dependencies with each order that was needed.
    pub known: Vec<(Order, Dependencies)>,
}

impl History<'_> {
    /// What is known to stand before what, with the order that binds a level.
    pub(super) fn dependencies(
        &mut self,
        order: Order,
        meter: &mut Meter<'_>,
    ) -> Result<&Dependencies, Halt> {
        if let Some(at) = self.known.iter().position(|(known, _)| *known == order) {
            return Ok(&self.known[at].1);
        }
        let mut dependencies = Dependencies::new(self.transactions.len());
        self.model.link(&mut dependencies, meter)?;
        if self.facts.assume.orders_versions() {
            assumed::link(self.facts, &mut dependencies);
        }
        if order != Order::Any {
            dependencies.processes(self.transactions);
        }
        if order == Order::RealTime {
            dependencies.real_time(self.transactions, meter)?;
        }
        self.known.push((order, dependencies));
        Ok(&self.known[self.known.len() - 1].1)
    }

    /// Whether the order that the clock proposes is legal at this level.
    pub(super) fn proposed(&self, level: Level, meter: &mut Meter<'_>) -> Result<Option<Shown>, Halt> {
        let (guess, fits) = propose(self.facts, level, meter)?;
        if !fits {
            return Ok(None);
        }
        let serial = guess
            .order
            .iter()
            .zip(0..)
            .all(|(commit, now)| commit.snapshot == now);
        let isolation = match serial {
            true => Isolation::Serializable,
            false => Isolation::SnapshotIsolation,
        };
        let stronger = Level::of(isolation, level.order);
        let legal = replay(
            self.transactions,
            self.initial,
            stronger,
            &Witness::Snapshots(guess.order),
            meter,
        )?;
        Ok(legal.then_some(if serial { Shown::Serial } else { Shown::Snapshots }))
    }

    /// An order at this level, verified; or the transactions among which there is none.
    ///
    /// Real time is tried first, whatever order the level asks for, or that of sessions where the history has no other: most
    /// histories respect it, and it keeps apart what has nothing to do with each other.
    pub(super) fn search(&mut self, level: Level, meter: &mut Meter<'_>) -> Result<Searched, Halt> {
        let first = match self.transactions.timed {
            true => Order::RealTime,
            false => Order::Session,
        };
        let of_transactions = !level.isolation.is_of_sessions() && self.facts.len() > LONG;
        // Where the proposal is worth little a serial order is found sooner than one of snapshots.
        let of_snapshots = matches!(level.isolation, Isolation::SnapshotIsolation | Isolation::Prefix);
        let serial = (of_snapshots && !self.transactions.timed).then_some(Isolation::Serializable);
        let stronger = serial.into_iter().chain([level.isolation]);
        let stronger = stronger.map(|isolation| Level::of(isolation, first));
        for stronger in stronger.filter(|&stronger| of_transactions && stronger != level) {
            match self.find(stronger, &mut meter.beside().capped(TIMED_STEPS)) {
                Ok(Searched::Keeps(shown)) => return Ok(Searched::Keeps(shown)),
                Err(Halt::Stop(stop)) if meter.is_over() => return Err(Halt::Stop(stop)),
                _ => {}
            }
        }
        self.find(level, meter)
    }

    fn find(&mut self, level: Level, meter: &mut Meter<'_>) -> Result<Searched, Halt> {
        let proposal: Vec<Commit> = propose(self.facts, level, meter)?.0.order;
        let facts = self.facts;
        let dependencies = self.dependencies(level.order, meter)?;
        match decide(facts, level, dependencies, &proposal, meter)? {
            Decided::Breaks(among) => Ok(Searched::Breaks(among)),
            Decided::Keeps(witness) => {
                let legal = replay(self.transactions, self.initial, level, &witness, meter)?;
                debug_assert!(legal, "the search's order does not replay");
                if !legal {
                    return Ok(Searched::Unverified);
                }
                Ok(Searched::Keeps(match witness {
                    Witness::Commits { .. } => Shown::Commits,
                    Witness::Snapshots(order) => {
                        let serial = order.iter().zip(0..).all(|(commit, now)| commit.snapshot == now);
                        if serial { Shown::Serial } else { Shown::Snapshots }
                    }
                }))
            }
        }
    }

    /// The same within a limit of its own, and by a proposal where that may be legal.
    pub(super) fn decides(&mut self, level: Level, clean: bool, meter: &Meter<'_>) -> Result<Searched, Halt> {
        let mut capped = meter.beside().capped(BOUNDARY_STEPS);
        if clean && let Some(shown) = self.proposed(level, &mut capped)? {
            return Ok(Searched::Keeps(shown));
        }
        self.search(level, &mut capped)
    }
}

/// What a model made of the transactions.
pub(super) enum Inferred<'a> {
    Lists(Lists<'a>),
    Registers(Registers<'a>),
}

impl Inferred<'_> {
    pub(super) fn link(&self, dependencies: &mut Dependencies, meter: &mut Meter<'_>) -> Result<(), Halt> {
        match self {
            Inferred::Lists(lists) => lists.link(dependencies, meter),
            Inferred::Registers(registers) => registers.link(dependencies, meter),
        }
    }

    /// A list to which several appended the same, so that nobody knows whose element stands there.
    pub(super) fn ambiguous(&self) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.ambiguous(),
            Inferred::Registers(_) => None,
        }
    }

    pub(super) fn facts(&self, initial: &histories::Value, meter: &mut Meter<'_>) -> Result<Facts, Halt> {
        match self {
            Inferred::Lists(lists) => Facts::of_lists(lists, meter),
            Inferred::Registers(registers) => Facts::of_registers(registers.transactions, initial, meter),
        }
    }

    pub(super) fn because(&self, before: u32, after: u32, link: Link, t: &str, u: &str) -> Option<String> {
        match self {
            Inferred::Lists(lists) => lists.because(before, after, link, t, u),
            Inferred::Registers(registers) => registers.because(before, after, link, t, u),
        }
    }
}
