//! `swarm`: kills, pauses, partitions and delays like chaos, each with a weight drawn from the seed, some switched off.
//!
//! A mix that has everything hides what only shows without the rest (Groce et al., "Swarm Testing", 2012): a system that
//! is killed all the time never gets far enough to suffer from a delay. So each seed is another mix, and many short runs
//! see more than one long one.

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::unguided::{CHAOS, LanePlan, Unguided};
use crate::fault::{Fault, Need};
use crate::faults::{self, CUT};
use crate::schedule::{Armed, Evidence, Row, Schedule, Settings};

/// The row of this schedule.
pub(super) const ROW: Row = Row {
    name: "swarm",
    about: "like chaos, but each fault has a weight drawn from the seed, and some are off",
    build,
    armed,
    ..CHAOS
};

/// The greatest weight.
const HEAVY: u8 = 4;

/// How often each fault comes, by its name: the calm before it is so much shorter; 0 is off. The record of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Weights(BTreeMap<String, u8>);

impl Weights {
    /// Each is off by one chance in three; at least one is not.
    fn draw(rng: &mut ChaCha8Rng, can: &[Need]) -> Self {
        let faults = faults::lanes(can).concat();
        let mut weight = |fault: &&Fault| {
            let weight = match rng.random_range(0..3) {
                0 => 0,
                _ => rng.random_range(1..=HEAVY),
            };
            (fault.name.to_owned(), weight)
        };
        let mut weights: BTreeMap<String, u8> = faults.iter().map(&mut weight).collect();
        if weights.values().all(|weight| *weight == 0) {
            let one = weights.contains_key(CUT.name).then_some(&CUT);
            let one = one.or(faults.first().copied());
            weights.extend(one.map(|fault| (fault.name.to_owned(), 1)));
        }
        Weights(weights)
    }

    fn of(&self, fault: &Fault) -> u8 {
        self.0.get(fault.name).copied().unwrap_or(0)
    }

    /// Lanes as in chaos, each fault in its lane as often as it has weight.
    fn lanes(&self, can: &[Need]) -> Vec<LanePlan> {
        let plan = |lane: Vec<&'static Fault>| {
            let weight = lane.iter().map(|fault| self.of(fault)).max()?;
            let several = |fault| std::iter::repeat_n(fault, self.of(fault).into());
            (weight > 0).then(|| LanePlan {
                faults: lane.into_iter().flat_map(several).collect(),
                calm: 2.0 / f64::from(weight),
            })
        };
        faults::lanes(can).into_iter().filter_map(plan).collect()
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = faults::TABLE
            .iter()
            .filter_map(|fault| self.0.get_key_value(fault.name));
        let told = known.map(|(fault, weight)| match weight {
            0 => format!("no {fault}"),
            weight => format!("{fault} {weight}"),
        });
        f.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

fn build(settings: &Settings) -> Box<dyn Schedule> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed.0);
    let weights = Weights::draw(&mut rng, &settings.can);
    let faults = Unguided::planned(settings, rng, weights.lanes(&settings.can));
    Box::new(faults.telling(format!("weights: {weights}"), serde_json::to_value(&weights).ok()))
}

/// As for chaos; the weights are told with it.
fn armed(evidence: &Evidence<'_>) -> Armed {
    let mut armed = (CHAOS.armed)(evidence);
    let first = evidence.records.first().cloned();
    match first.and_then(|record| serde_json::from_value::<Weights>(record).ok()) {
        Some(weights) => {
            armed.reason += &format!("; drawn were {weights}");
            armed.details["weights"] = serde_json::json!(weights);
        }
        None => {
            armed.armed = false;
            armed.reason += "; what was drawn is not on record";
        }
    }
    armed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_seed_has_some_fault_and_seeds_differ() {
        let can = [Need::Processes, Need::Restarts, Need::Links, Need::Delays];
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let weights = Weights::draw(&mut ChaCha8Rng::seed_from_u64(seed), &can);
            let of: Vec<u8> = weights.0.values().copied().collect();
            assert_eq!(of.len(), 4);
            assert!(of.iter().any(|weight| *weight > 0), "seed {seed}");
            assert!(of.iter().all(|weight| *weight <= HEAVY), "seed {seed}");
            assert!(!weights.lanes(&can).is_empty());
            seen.insert(of);
        }
        assert!(seen.len() > 50, "{}", seen.len());
        let off = |fault: usize| seen.iter().any(|weights| weights[fault] == 0);
        assert!((0..4).all(off));
    }

    #[test]
    fn what_is_in_nobodys_power_is_not_drawn() {
        for seed in 0..200 {
            let weights = Weights::draw(&mut ChaCha8Rng::seed_from_u64(seed), &[Need::Links]);
            assert!(
                weights.of(&CUT) > 0 && weights.0.len() == 1,
                "seed {seed}: {weights}"
            );
        }
    }
}
