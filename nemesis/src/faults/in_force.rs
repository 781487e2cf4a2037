//! Which faults are in force, and what ends them.

use std::collections::BTreeMap;

use crate::effect::{Effect, Outcome};
use crate::fault::{Fault, Target, Turn};

/// The faults in force, each with a mark of whoever keeps count of them.
#[derive(Clone, Debug)]
pub struct InForce<T> {
    faults: BTreeMap<Target, (&'static Fault, T)>,
}

/// A fault that is over on one target.
#[derive(Clone, Debug)]
pub struct Ended<T> {
    /// The target.
    pub target: Target,
    /// The fault.
    pub fault: &'static Fault,
    /// Its mark.
    pub mark: T,
}

impl<T> Default for InForce<T> {
    fn default() -> Self {
        InForce {
            faults: BTreeMap::new(),
        }
    }
}

impl<T: Clone> InForce<T> {
    /// An effect was asked for, and this came of it: what was not done changes nothing. Tells the faults that are over, and
    /// marks the one that begins; one that only strikes is over at once.
    pub fn after(&mut self, effect: &Effect, outcome: &Outcome, mark: &T) -> Vec<Ended<T>> {
        if matches!(outcome, Outcome::Skipped { .. }) {
            return Vec::new();
        }
        let act = effect.act();
        let turn = |target| {
            let over = match act.turn {
                Turn::Begins(fault) => self.faults.insert(target, (fault, mark.clone())),
                Turn::Ends => self.faults.remove(&target),
                Turn::Strikes(fault) => Some((fault, mark.clone())),
                Turn::Neutral => None,
            };
            over.map(|(fault, mark)| Ended { target, fault, mark })
        };
        act.targets.into_iter().filter_map(turn).collect()
    }

    /// What is in force now.
    pub fn iter(&self) -> impl Iterator<Item = (Target, &'static Fault)> + '_ {
        self.faults.iter().map(|(target, (fault, _))| (*target, *fault))
    }
}
