//! What the lines of `nemesis.jsonl` prove: which faults really happened, and were undone.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::effect::{EffectLine, Outcome};
use crate::fault::{Fault, Spell};
use crate::faults::{InForce, TABLE, attempted};
use crate::schedule::{Armed, Evidence};

/// One fault that is proved is enough for so much of a run whose faults last three seconds; longer faults are fewer.
const ONE_IN: Duration = Duration::from_secs(10);
const LASTING: Duration = Duration::from_secs(3);

/// More are never asked for: a long run may have chosen long faults.
const ENOUGH: usize = 10;

/// How many times a fault was tried, and how many of them were proved.
struct Proof {
    fault: &'static Fault,
    tried: usize,
    proved: usize,
    /// How many of them nobody can say anything of.
    attempted: usize,
}

impl Proof {
    fn none(fault: &'static Fault) -> Self {
        Proof {
            fault,
            tried: 0,
            proved: 0,
            attempted: 0,
        }
    }

    /// `3 of 4 kills`.
    fn told(&self) -> String {
        let told = format!(
            "{} of {} {}",
            self.proved,
            self.tried,
            plural(self.fault.name, self.tried)
        );
        match self.attempted {
            0 => told,
            attempted => format!("{told} ({attempted} only attempted: no probe proves it)"),
        }
    }
}

/// Every fault that was tried, in the order of the table.
fn proofs(effects: &[EffectLine]) -> Vec<Proof> {
    let mut proofs: Vec<Proof> = TABLE.iter().map(|fault| Proof::none(fault)).collect();
    let mut count = |fault: &Fault, more: fn(&mut Proof)| {
        proofs
            .iter_mut()
            .filter(|proof| proof.fault.name == fault.name)
            .for_each(more);
    };
    let mut in_force = InForce::default();
    let mut proved = BTreeSet::new();
    let was_tried = |line: &&EffectLine| !matches!(line.outcome, Outcome::Skipped { .. });
    for line in effects.iter().filter(was_tried) {
        if let Some(fault) = line.effect.fault() {
            count(fault, |proof| proof.tried += 1);
            if attempted(&line.outcome) {
                count(fault, |proof| proof.attempted += 1);
            }
        }
        for ended in in_force.after(&line.effect, &line.outcome, &line) {
            let spell = Spell {
                target: ended.target,
                begun: &ended.mark.outcome,
                end: &line.effect,
                ended: &line.outcome,
            };
            // On one of its targets is enough.
            if !proved.contains(&ended.mark.id) && (ended.fault.proof)(&spell) {
                proved.insert(ended.mark.id);
                count(ended.fault, |proof| proof.proved += 1);
            }
        }
    }
    proofs.retain(|proof| proof.tried > 0);
    proofs
}

/// Armed if there were enough faults for the length of the run, and of every kind that was tried at least one.
pub(super) fn judge(evidence: &Evidence<'_>) -> Armed {
    let longer = evidence.interval.max(LASTING).as_secs_f64() / LASTING.as_secs_f64();
    let one_in = ONE_IN.mul_f64(longer);
    let needed = ((evidence.ran.as_secs_f64() / one_in.as_secs_f64()) as usize).clamp(1, ENOUGH);
    let tried = proofs(evidence.effects);
    let proved: usize = tried.iter().map(|proof| proof.proved).sum();
    let told = match tried.as_slice() {
        [] => "no fault was tried".to_owned(),
        tried => {
            let told: Vec<String> = tried.iter().map(Proof::told).collect();
            format!("proved and undone: {}", told.join(", "))
        }
    };
    let unproved = tried.iter().find(|proof| proof.proved == 0);
    let reason = match unproved {
        Some(proof) => format!("no {} is proved ({told})", proof.fault.name),
        None if proved < needed => format!("a run of {} s needs {needed}; {told}", evidence.ran.as_secs()),
        None => told,
    };
    let counts = tried.iter().map(|proof| {
        let mut count = json!({ "tried": proof.tried, "proved": proof.proved });
        if proof.attempted > 0 {
            count["attempted"] = proof.attempted.into();
        }
        (proof.fault.name.to_owned(), count)
    });
    Armed {
        armed: unproved.is_none() && proved >= needed,
        reason,
        details: json!({ "needed": needed, "faults": counts.collect::<serde_json::Map<_, _>>() }),
    }
}

/// The word for so many faults of a kind.
pub(super) fn plural(kind: &str, count: usize) -> String {
    if count == 1 {
        kind.to_owned()
    } else {
        format!("{kind}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_longer_faults_needs_fewer() {
        let needed = |interval| {
            let armed = judge(&Evidence {
                effects: &[],
                records: &[],
                ran: Duration::from_secs(60),
                interval: Duration::from_secs(interval),
            });
            armed.details["needed"].as_u64()
        };
        let wanted = [(0, 6), (3, 6), (6, 3), (30, 1)];
        for (interval, wanted) in wanted {
            assert_eq!(needed(interval), Some(wanted), "{interval} s");
        }
    }
}
