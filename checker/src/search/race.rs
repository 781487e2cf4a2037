//! Who searches when: depth-first alone, then both engines, side by side where a thread is idle.
//!
//! Before both begin, registers have a search of their own, [`supply`].
//!
//! Most histories are decided by depth-first within a few steps a return, and there a second engine would only cost. A
//! history that is not is hard for one of them at least, and nobody can tell beforehand for which. So from then on both
//! have turns of the same length, which grow; rayon runs the two turns at the same time if a thread has
//! nothing better to do, else one after the other, so that no key takes a thread from another one. Both are exhaustive
//! and make the same moves: whoever is first, the verdict is the same, and so is where it got stuck.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::bits::Bits;
use super::breadth::Breadth;
use super::depth::Depth;
use super::engine::{Back, Engine, Turn};
use super::plan::Plan;
use super::supply;
use super::{Found, Outcome};
use crate::budget::{Meter, Stop};
use crate::spec::Spec;

/// Configurations that depth-first may look at before it gets company. Few in tests, so that they see races.
const ALONE: u64 = if cfg!(test) { 3 } else { 1 << 14 };

/// So many configurations a return are still few. None in tests.
const FEW: u64 = if cfg!(test) { 1 } else { 4 };

/// Configurations of the longest turn.
const LONGEST: u64 = 1 << 19;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tactic {
    /// Both.
    Race,
    /// Depth-first alone.
    DepthFirst,
    /// Breadth-first alone.
    BreadthFirst,
    /// The search for registers alone, where it applies; else both.
    Supply,
}

/// An engine in a race.
struct Runner<'a, E> {
    engine: E,
    meter: Meter<'a>,
}

impl<E: Engine> Runner<'_, E> {
    fn run(&mut self, left: u64, decided: &AtomicBool) -> Result<Option<Found>, Stop> {
        let turn = self.engine.advance(&mut Turn { left, decided }, &mut self.meter);
        if let Ok(Some(_)) = turn {
            decided.store(true, Relaxed);
        }
        turn
    }

    fn outcome(self, found: Result<Option<Found>, Stop>) -> Outcome {
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => Found::Stopped(Stop::Steps, self.engine.attempt(Back::AtOnce)),
            Err(stop) => Found::Stopped(stop, self.engine.attempt(Back::after(stop))),
        };
        Outcome { found, by: E::NAME }
    }

    /// Without company, to the end.
    fn finish(mut self) -> Outcome {
        self.meter.limit_bytes(u64::MAX);
        let found = self.run(u64::MAX, &AtomicBool::new(false));
        self.outcome(found)
    }
}

/// Searches all orders.
pub(super) fn run<S: Spec, B: Bits>(
    spec: &S,
    plan: &Plan<S::Op>,
    tactic: Tactic,
    meter: &Meter<'_>,
) -> Outcome {
    let depth = || Runner {
        engine: Depth::<S, B>::new(spec, plan),
        meter: meter.beside(),
    };
    let breadth = || Runner {
        engine: Breadth::<S, B>::new(spec, plan),
        meter: meter.beside(),
    };
    if tactic == Tactic::Supply
        && let Some(outcome) = supply::run(spec, plan, true, meter)
    {
        return outcome;
    }
    match tactic {
        Tactic::DepthFirst => depth().finish(),
        Tactic::BreadthFirst => breadth().finish(),
        Tactic::Race | Tactic::Supply => {
            let mut depth = depth();
            match alone(&mut depth) {
                Ok(None)
                    if tactic == Tactic::Race
                        && let Some(outcome) = supply::run(spec, plan, false, meter) =>
                {
                    outcome
                }
                Ok(None) => race(depth, breadth(), !meter.is_capped()),
                decided => depth.outcome(decided),
            }
        }
    }
}

/// Turns without company, as long as they come on well.
fn alone<E: Engine>(runner: &mut Runner<'_, E>) -> Result<Option<Found>, Stop> {
    loop {
        let before = runner.engine.reached();
        let turn = runner.run(ALONE, &AtomicBool::new(false));
        let reached = runner.engine.reached();
        if !matches!(turn, Ok(None)) || reached - before < ALONE.div_ceil(FEW) {
            return turn;
        }
    }
}

/// Turns of growing length, until one of them knows. Each may hold half of the memory; whoever needs more gives
/// all of his back and leaves the other alone with it.
fn race<D: Engine + Send, B: Engine + Send>(
    mut depth: Runner<'_, D>,
    mut breadth: Runner<'_, B>,
    parallel: bool,
) -> Outcome {
    let half = (depth.meter.bytes_left() + depth.meter.held()) / 2;
    depth.meter.limit_bytes(half);
    breadth.meter.limit_bytes(half);
    let mut steps = ALONE;
    loop {
        let decided = AtomicBool::new(false);
        let (first, second) = both(
            parallel,
            || depth.run(steps, &decided),
            || breadth.run(steps, &decided),
        );
        match (first, second) {
            (Ok(None), Ok(None)) => steps = (steps * 2).min(LONGEST),
            (first @ Ok(Some(_)), _) => return depth.outcome(first),
            (_, second @ Ok(Some(_))) => return breadth.outcome(second),
            (Err(Stop::Bytes), Ok(None)) => {
                let given_up = depth.outcome(Err(Stop::Bytes));
                return further(breadth.finish(), given_up);
            }
            (Ok(None), Err(Stop::Bytes)) => {
                let given_up = breadth.outcome(Err(Stop::Bytes));
                return further(depth.finish(), given_up);
            }
            // Whoever had used up his own share, or only come to the end of a turn, does not say what ended it.
            (first @ (Err(Stop::Bytes) | Ok(None)), second @ Err(_)) => {
                return further(breadth.outcome(second), depth.outcome(first));
            }
            (first, second) => return further(depth.outcome(first), breadth.outcome(second)),
        }
    }
}

/// Turns at the same time; one after the other where the steps are counted, so that what is found in them does not
/// depend on the machine.
fn both<T: Send>(parallel: bool, one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T + Send) -> (T, T) {
    if parallel {
        rayon::join(one, other)
    } else {
        (one(), other())
    }
}

/// What the last one found; if it was stopped, then with the better attempt of both.
fn further(last: Outcome, other: Outcome) -> Outcome {
    let found = match (last.found, other.found) {
        (Found::Stopped(stop, one), Found::Stopped(_, other)) if other.explained > one.explained => {
            Found::Stopped(stop, other)
        }
        (found, _) => found,
    };
    Outcome { found, ..last }
}
