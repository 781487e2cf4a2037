//! What the lines of `nemesis.jsonl` prove: which faults really happened, and were undone.

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

/// What became of the faults of one kind.
struct Proof {
    fault: &'static Fault,
    /// Those that had their time.
    tried: usize,
    proved: usize,
    /// Those that the end of the run cut short before they showed anything.
    cut_short: usize,
    /// How many of them nobody can say anything of.
    attempted: usize,
}

impl Proof {
    fn of(fault: &'static Fault, trials: &[Trial]) -> Self {
        let of = trials.iter().filter(|trial| trial.fault.name == fault.name);
        let count = |which: fn(&Trial) -> bool| of.clone().filter(|trial| which(trial)).count();
        Proof {
            fault,
            tried: count(|trial| trial.proved || !trial.cut_short),
            proved: count(|trial| trial.proved),
            cut_short: count(|trial| !trial.proved && trial.cut_short),
            attempted: count(|trial| trial.attempted),
        }
    }

    /// `3 of 4 kills`.
    fn told(&self) -> String {
        let (tried, name) = (self.tried, plural(self.fault.name, self.tried));
        let mut told = format!("{} of {tried} {name}", self.proved);
        if self.attempted > 0 {
            told += &format!(" ({} only attempted: no probe proves it)", self.attempted);
        }
        if self.cut_short > 0 {
            told += &format!(", {} more cut short by the end of the run", self.cut_short);
        }
        told
    }
}

/// One fault that was tried.
struct Trial {
    id: u64,
    fault: &'static Fault,
    /// On one of its targets is enough.
    proved: bool,
    cut_short: bool,
    attempted: bool,
}

/// Every kind of fault that was tried, in the order of the table. A schedule that goes by the clock has each last at least
/// half of its interval, and says why it undoes one; the end of the run undoes what is left, and says nothing.
fn proofs(effects: &[EffectLine], interval: Duration) -> Vec<Proof> {
    let mut trials: Vec<Trial> = Vec::new();
    let mut in_force = InForce::default();
    let was_tried = |line: &&EffectLine| !matches!(line.outcome, Outcome::Skipped { .. });
    for line in effects.iter().filter(was_tried) {
        if let Some(fault) = line.effect.fault() {
            trials.push(Trial {
                id: line.id,
                fault,
                proved: false,
                cut_short: false,
                attempted: attempted(&line.outcome),
            });
        }
        for ended in in_force.after(&line.effect, &line.outcome, &line) {
            let spell = Spell {
                target: ended.target,
                begun: &ended.mark.outcome,
                end: &line.effect,
                ended: &line.outcome,
            };
            let begun: &EffectLine = ended.mark;
            // Effects are numbered in their order.
            let Ok(place) = trials.binary_search_by_key(&begun.id, |trial| trial.id) else {
                continue;
            };
            let trial = &mut trials[place];
            trial.proved |= (ended.fault.proof)(&spell);
            // By what the schedule meant: a command that takes its time cuts nothing short.
            let short = line.planned.since(begun.planned) < interval / 2;
            let by_the_end = line.choice.is_none() && begun.id != line.id;
            trial.cut_short |= short && by_the_end && !trial.attempted;
        }
    }
    let of = |fault: &&'static Fault| Proof::of(fault, &trials);
    let tried = |proof: &Proof| proof.tried + proof.cut_short > 0;
    TABLE.iter().map(of).filter(tried).collect()
}

/// Armed if there were enough faults for the length of the run, and of every kind that was tried, and had its time, at least
/// one.
pub(super) fn judge(evidence: &Evidence<'_>) -> Armed {
    let longer = evidence.interval.max(LASTING).as_secs_f64() / LASTING.as_secs_f64();
    let one_in = ONE_IN.mul_f64(longer);
    let needed = ((evidence.ran.as_secs_f64() / one_in.as_secs_f64()) as usize).clamp(1, ENOUGH);
    let tried = proofs(evidence.effects, evidence.interval);
    let proved: usize = tried.iter().map(|proof| proof.proved).sum();
    let told = match tried.as_slice() {
        [] => "no fault was tried".to_owned(),
        tried => {
            let told: Vec<String> = tried.iter().map(Proof::told).collect();
            format!("proved and undone: {}", told.join(", "))
        }
    };
    let unproved = tried.iter().find(|proof| proof.tried > 0 && proof.proved == 0);
    let reason = match unproved {
        Some(proof) => format!("no {} is proved ({told})", proof.fault.name),
        None if proved < needed => format!("a run of {} s needs {needed}; {told}", evidence.ran.as_secs()),
        None => told,
    };
    let counts = tried.iter().map(|proof| {
        let mut count = json!({ "tried": proof.tried, "proved": proof.proved });
        if proof.cut_short > 0 {
            count["cut_short"] = json!(proof.cut_short);
        }
        if proof.attempted > 0 {
            count["attempted"] = json!(proof.attempted);
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
    use histories::Nanos;

    use super::*;
    use crate::effect::{Choice, Effect, Link, LinkRule, NodeId};
    use crate::evidence::{Count, Traffic, installed};
    use crate::faults::{RuleEnded, RulesSet};

    const LINK: Link = Link(NodeId(0), NodeId(1));

    /// A link under a rule between two moments, over which this went meanwhile.
    fn spell(id: u64, rule: LinkRule, from: u64, until: u64, traffic: Traffic) -> [EffectLine; 2] {
        let line = |id, rule, at: u64, ended| EffectLine {
            id,
            planned: Nanos(at * 1_000_000),
            done: Nanos(at * 1_000_000),
            effect: Effect::links(rule, [LINK]),
            outcome: installed(&RulesSet {
                in_force_us: 1,
                ended,
            }),
            choice: None,
            undoes: Vec::new(),
        };
        let ended = RuleEnded {
            link: LINK,
            was: rule,
            for_us: (until - from) * 1000,
            left: None,
            kept: false,
            traffic,
        };
        [
            line(id, rule, from, vec![]),
            line(id + 1, LinkRule::Pass, until, vec![ended]),
        ]
    }

    #[test]
    fn what_the_end_cuts_short_is_not_held_against_the_run() {
        let offered = Traffic {
            offered: Count::frame(1),
            ..Traffic::default()
        };
        let nothing = Traffic::default();
        let cut = spell(0, LinkRule::Cut, 0, 1000, offered);
        let judged = |delay: [EffectLine; 2]| {
            judge(&Evidence {
                effects: &[cut.clone(), delay].concat(),
                records: &[],
                ran: Duration::from_secs(5),
                interval: Duration::from_secs(1),
            })
        };
        let short = judged(spell(2, LinkRule::DelayMs(100), 4950, 5010, nothing));
        assert!(short.armed, "{}", short.reason);
        assert!(
            short
                .reason
                .contains("1 of 1 cut, 0 of 0 delays, 1 more cut short by the end of the run"),
            "{}",
            short.reason
        );
        // The schedule itself undid it so soon.
        let mut hasty = spell(2, LinkRule::DelayMs(100), 4000, 4060, nothing);
        hasty[1].choice = Some(Choice {
            what: "undo: delay".to_owned(),
            resolved: String::new(),
        });
        assert!(!judged(hasty).armed);
        // It was given up at the moment at which it was to be undone.
        let mut slow = spell(2, LinkRule::DelayMs(100), 1000, 5000, nothing);
        slow[0].done = slow[1].planned;
        assert!(!judged(slow).armed);
        let long = judged(spell(2, LinkRule::DelayMs(100), 4000, 4500, nothing));
        assert!(!long.armed, "{}", long.reason);
        assert!(long.reason.starts_with("no delay is proved"), "{}", long.reason);
    }

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
