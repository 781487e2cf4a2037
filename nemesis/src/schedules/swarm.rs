//! `swarm`: kills, pauses, partitions and delays like chaos, each with a weight drawn from the seed, some switched off.
//!
//! A mix that has everything hides what only shows without the rest (Groce et al., "Swarm Testing", 2012): a system that
//! is killed all the time never gets far enough to suffer from a delay. So each seed is another mix, and many short runs
//! see more than one long one.

use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::unguided::{Draw, LanePlan, Unguided};
use super::{chaos, kill, partition, pause};
use crate::effect::{Choice, Effect, Outcome};
use crate::schedule::{Armed, Evidence, Profile, Row, Schedule, Settings};
use crate::view::View;

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "swarm",
    about: "like chaos, but each fault has a weight drawn from the seed, and some are off",
    least_nodes: 3,
    nodes: 5,
    guided: false,
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Swarm::new(settings)),
    armed,
};

/// The greatest weight.
const HEAVY: u8 = 4;

/// How often each fault comes: the calm before it is so much shorter; 0 is off. The record of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Of kill -9.
    pub kill: u8,
    /// Of SIGSTOP.
    pub pause: u8,
    /// Of partitions.
    pub cut: u8,
    /// Of delays.
    pub delay: u8,
}

impl Weights {
    /// Each is off by one chance in three; at least one is not.
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut weight = || match rng.random_range(0..3) {
            0 => 0,
            _ => rng.random_range(1..=HEAVY),
        };
        let mut weights = Weights {
            kill: weight(),
            pause: weight(),
            cut: weight(),
            delay: weight(),
        };
        if weights.kill + weights.pause + weights.cut + weights.delay == 0 {
            weights.cut = 1;
        }
        weights
    }

    /// Lanes as in chaos: cuts and delays share one, so that none disturbs the other's undo.
    fn lanes(self) -> impl Iterator<Item = LanePlan> {
        let several = |draw: Draw, weight: u8| vec![draw; weight.into()];
        let mut links = several(partition::draw, self.cut);
        links.extend(several(chaos::draw_delay, self.delay));
        let lanes = [
            (several(kill::draw, self.kill), self.kill),
            (several(pause::draw, self.pause), self.pause),
            (links, self.cut.max(self.delay)),
        ];
        lanes
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .map(|(draws, weight)| LanePlan {
                draws,
                calm: 2.0 / f64::from(weight),
            })
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Weights {
            kill,
            pause,
            cut,
            delay,
        } = *self;
        let faults = [("kill", kill), ("pause", pause), ("cut", cut), ("delay", delay)];
        let told = faults.map(|(fault, weight)| match weight {
            0 => format!("no {fault}"),
            weight => format!("{fault} {weight}"),
        });
        f.write_str(&told.join(", "))
    }
}

struct Swarm {
    weights: Weights,
    faults: Unguided,
    /// The record, until it is handed out.
    record: Option<serde_json::Value>,
}

impl Swarm {
    fn new(settings: &Settings) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed.0);
        let weights = Weights::draw(&mut rng);
        Swarm {
            weights,
            faults: Unguided::planned(settings, rng, weights.lanes()),
            record: serde_json::to_value(weights).ok(),
        }
    }
}

impl Schedule for Swarm {
    fn observe(&mut self, view: &View) -> Vec<Effect> {
        self.faults.observe(view)
    }

    fn choice(&self) -> Option<Choice> {
        self.faults.choice()
    }

    fn on_outcome(&mut self, effect: &Effect, outcome: &Outcome) {
        self.faults.on_outcome(effect, outcome);
    }

    fn take_records(&mut self) -> Vec<serde_json::Value> {
        self.record.take().into_iter().collect()
    }

    fn stage(&self) -> String {
        self.faults.stage()
    }

    fn tally(&self) -> String {
        let tally = self.faults.tally();
        match tally.as_str() {
            "" => format!("weights: {}", self.weights),
            tally => format!("{tally} (weights: {})", self.weights),
        }
    }
}

/// As for chaos; the weights are told with it.
fn armed(evidence: &Evidence<'_>) -> Armed {
    let mut armed = chaos::armed(evidence);
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

    fn drawn(seed: u64) -> Weights {
        Weights::draw(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn every_seed_has_some_fault_and_seeds_differ() {
        let of = |weights: Weights| [weights.kill, weights.pause, weights.cut, weights.delay];
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let weights = drawn(seed);
            assert!(of(weights).iter().any(|weight| *weight > 0), "seed {seed}");
            assert!(of(weights).iter().all(|weight| *weight <= HEAVY), "seed {seed}");
            assert!(weights.lanes().count() > 0);
            seen.insert(of(weights));
        }
        assert!(seen.len() > 50, "{}", seen.len());
        let off = |fault: usize| seen.iter().any(|weights| weights[fault] == 0);
        assert!((0..4).all(off));
    }
}
