//! What the lines of `nemesis.jsonl` prove: which faults really happened, and were undone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::unguided::plural;
use crate::effect::{Effect, EffectLine, LinkRule, NodeId, Outcome};
use crate::evidence::{self, Killed, RuleEnded, RulesSet, Stopped};
use crate::schedule::{Armed, Evidence};

/// One fault that is proved is enough for so much of a run.
const ONE_IN: Duration = Duration::from_secs(10);

/// More are never asked for: a long run may have chosen long faults.
const ENOUGH: usize = 10;

/// SIGKILL.
const KILL: i32 = 9;

/// How many faults of a kind were tried, and how many of them were proved and undone.
pub(super) struct Proof {
    kind: &'static str,
    tried: usize,
    proved: usize,
}

impl Proof {
    /// Kills: the signal stands in the exit status, and the node was started again.
    pub(super) fn kills(effects: &[EffectLine]) -> Self {
        let kill = |effect: &Effect| match effect {
            Effect::Kill(node) => Some(*node),
            _ => None,
        };
        let died = |outcome: &Outcome| {
            evidence::of::<Killed>(outcome).is_some_and(|killed| killed.signal == Some(KILL))
        };
        Self::of_processes("kill", effects, kill, died, Effect::Start)
    }

    /// Pauses: every thread was stopped, and the node was continued.
    pub(super) fn pauses(effects: &[EffectLine]) -> Self {
        let pause = |effect: &Effect| match effect {
            Effect::Pause(node) => Some(*node),
            _ => None,
        };
        let stopped =
            |outcome: &Outcome| evidence::of::<Stopped>(outcome).is_some_and(|state| state.all_stopped());
        Self::of_processes("pause", effects, pause, stopped, Effect::Resume)
    }

    fn of_processes(
        kind: &'static str,
        effects: &[EffectLine],
        victim: impl Fn(&Effect) -> Option<NodeId>,
        happened: impl Fn(&Outcome) -> bool,
        undo: impl Fn(NodeId) -> Effect,
    ) -> Self {
        let mut proof = Proof::none(kind);
        for (place, line) in effects.iter().enumerate() {
            let Some(node) = victim(&line.effect).filter(|_| was_tried(line)) else {
                continue;
            };
            proof.tried += 1;
            let wanted = undo(node);
            let undone = |later: &EffectLine| later.effect == wanted && later.outcome.is_installed();
            if happened(&line.outcome) && effects[place..].iter().any(undone) {
                proof.proved += 1;
            }
        }
        proof
    }

    /// Cuts: on at least one of its links something was offered, and nothing delivered.
    pub(super) fn cuts(effects: &[EffectLine]) -> Self {
        Self::of_links(
            "cut",
            effects,
            |rule| rule == LinkRule::Cut,
            RuleEnded::proves_cut,
        )
    }

    /// Delays: on at least one of its links something was delivered.
    pub(super) fn delays(effects: &[EffectLine]) -> Self {
        let delay = |rule| matches!(rule, LinkRule::DelayMs(_));
        Self::of_links("delay", effects, delay, RuleEnded::proves_delay)
    }

    fn of_links(
        kind: &'static str,
        effects: &[EffectLine],
        wanted: impl Fn(LinkRule) -> bool,
        proves: impl Fn(&RuleEnded) -> bool,
    ) -> Self {
        let mut tried = BTreeSet::new();
        let mut proved = BTreeSet::new();
        // The line that set the rule of a link: the next line about the link tells what went through.
        let mut set_by = BTreeMap::new();
        for line in effects {
            let Effect::Links { rule, .. } = &line.effect else {
                continue;
            };
            let ended = evidence::of::<RulesSet>(&line.outcome).map_or(Vec::new(), |set| set.ended);
            if wanted(*rule) && was_tried(line) {
                tried.insert(line.id);
            }
            for ended in ended {
                let begun_by = set_by.insert(ended.link, line.id);
                proved.extend(begun_by.filter(|_| proves(&ended)));
            }
        }
        Proof {
            kind,
            tried: tried.len(),
            proved: tried.intersection(&proved).count(),
        }
    }

    fn none(kind: &'static str) -> Self {
        Proof {
            kind,
            tried: 0,
            proved: 0,
        }
    }

    /// `3 of 4 kills`.
    fn told(&self) -> String {
        format!(
            "{} of {} {}",
            self.proved,
            self.tried,
            plural(self.kind, self.tried)
        )
    }
}

fn was_tried(line: &EffectLine) -> bool {
    !matches!(line.outcome, Outcome::Skipped { .. })
}

/// Armed if there were enough faults for the length of the run, and of every kind that was tried at least one.
pub(super) fn judge(evidence: &Evidence<'_>, proofs: &[Proof]) -> Armed {
    let needed = ((evidence.ran.as_secs() / ONE_IN.as_secs()) as usize).clamp(1, ENOUGH);
    let proved: usize = proofs.iter().map(|proof| proof.proved).sum();
    let tried: Vec<&Proof> = proofs.iter().filter(|proof| proof.tried > 0).collect();
    let told = match tried.as_slice() {
        [] => "no fault was tried".to_owned(),
        tried => {
            let told: Vec<String> = tried.iter().map(|proof| proof.told()).collect();
            format!("proved and undone: {}", told.join(", "))
        }
    };
    let unproved = tried.iter().find(|proof| proof.proved == 0);
    let reason = match unproved {
        Some(proof) => format!("no {} is proved ({told})", proof.kind),
        None if proved < needed => format!("a run of {} s needs {needed}; {told}", evidence.ran.as_secs()),
        None => told,
    };
    let counts = tried.iter().map(|proof| {
        let count = json!({ "tried": proof.tried, "proved": proof.proved });
        (proof.kind.to_owned(), count)
    });
    Armed {
        armed: unproved.is_none() && proved >= needed,
        reason,
        details: json!({ "needed": needed, "faults": counts.collect::<serde_json::Map<_, _>>() }),
    }
}
