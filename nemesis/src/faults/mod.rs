//! The faults, a file each: a row with what the fault needs, what proves it, what undoes it, how it is shown and how it is
//! drawn by lot, and the type of its evidence. What brings it about is an [`Effect`], carried out by [`crate::hands`].
//!
//! A new fault is a file here, its row in [`TABLE`], and a line in docs/faults.md. Where it needs something to be done that
//! no effect does yet, it is also a variant of [`Effect`], and the compiler asks the rest: what that variant means here in
//! [`Effect::act`], and who does it.

mod clients;
mod commanded;
mod cut;
mod delay;
mod hold;
mod in_force;
mod inject;
mod kill;
mod lose;
mod pass_then_cut;
mod pause;
mod reorder;
mod repeat;
mod rules;
#[cfg(test)]
mod tests;

pub use clients::{CUT_REPLIES, CUT_REQUESTS, ClientRuleEnded, ClientRulesSet};
pub use commanded::{Commanded, Proof, Ran, attempted, by_command};
pub use cut::CUT;
pub use delay::DELAY;
pub use hold::HOLD;
pub use in_force::{Ended, InForce};
pub use inject::{FramesInjected, INJECT, Injected};
pub use kill::{KILL, Killed, Started};
pub use lose::LOSE;
pub use pass_then_cut::PASS_THEN_CUT;
pub use pause::{PAUSE, Stopped};
pub use reorder::REORDER;
pub use repeat::REPEAT;
pub use rules::{RuleEnded, RulesSet};

use crate::effect::{ClientRule, Effect, Link, LinkRule, NodeId, Outcome};
use crate::evidence;
use crate::fault::{Act, Fault, Need, Target, Turn};

/// Every fault. Where schedules draw by lot, the order is that of the draws.
pub static TABLE: &[&Fault] = &[
    &KILL,
    &PAUSE,
    &CUT,
    &DELAY,
    &PASS_THEN_CUT,
    &HOLD,
    &INJECT,
    &CUT_REQUESTS,
    &CUT_REPLIES,
    &LOSE,
    &REPEAT,
    &REORDER,
];

/// The faults that are drawn by lot where this is in somebody's power, lane by lane, without those that are to be asked for.
pub fn lanes(can: &[Need]) -> Vec<Vec<&'static Fault>> {
    let mut lanes: Vec<(&str, Vec<&'static Fault>)> = Vec::new();
    for fault in TABLE.iter().copied().filter(|fault| can.contains(&fault.need)) {
        let Some(chance) = fault.chance.filter(|chance| !chance.asked_for) else {
            continue;
        };
        match lanes.iter_mut().find(|(lane, _)| *lane == chance.lane) {
            Some((_, faults)) => faults.push(fault),
            None => lanes.push((chance.lane, vec![fault])),
        }
    }
    lanes.into_iter().map(|(_, faults)| faults).collect()
}

impl Effect {
    /// What it means for those whom it is done to.
    pub fn act(&self) -> Act {
        let begins = |fault: &'static Fault, targets| act(fault.name, Turn::Begins(fault), targets);
        let ends = |word, targets| act(word, Turn::Ends, targets);
        let neutral = |word| act(word, Turn::Neutral, Vec::new());
        match self {
            Effect::Kill(node) => begins(&KILL, process(*node)),
            Effect::Start(node) => ends("start", process(*node)),
            Effect::Pause(node) => begins(&PAUSE, process(*node)),
            Effect::Resume(node) => ends("resume", process(*node)),
            Effect::Links { rule, links } => match rule {
                LinkRule::Pass => ends("heal", of_links(links)),
                LinkRule::Cut => begins(&CUT, of_links(links)),
                LinkRule::DelayMs(_) => begins(&DELAY, of_links(links)),
                LinkRule::PassThenCut(_) => begins(&PASS_THEN_CUT, of_links(links)),
                LinkRule::PassThenHold(..) | LinkRule::HoldFrom(_) => begins(&HOLD, of_links(links)),
                LinkRule::LosePercent(_) => begins(&LOSE, of_links(links)),
                LinkRule::RepeatPercent(_) => begins(&REPEAT, of_links(links)),
                LinkRule::ReorderMs(_) => begins(&REORDER, of_links(links)),
            },
            Effect::Record { links, .. } => act("record", Turn::Neutral, of_links(links)),
            Effect::Inject { links } => act(INJECT.name, Turn::Strikes(&INJECT), of_links(links)),
            Effect::Clients { rule, nodes } => {
                let clients = nodes.iter().copied().map(Target::Clients).collect();
                match rule {
                    ClientRule::Pass => ends("heal-clients", clients),
                    ClientRule::CutRequests => begins(&CUT_REQUESTS, clients),
                    ClientRule::CutReplies => begins(&CUT_REPLIES, clients),
                }
            }
            Effect::Gate { open: true } => neutral("open-gate"),
            Effect::Gate { open: false } => neutral("close-gate"),
            Effect::Probe(_) => neutral("probe"),
        }
    }

    /// The word for it in the history: `kill`, `cut`, `heal` …
    pub fn word(&self) -> &'static str {
        self.act().word
    }

    /// Whom it is done to, in words, and how much: `by 30 ms: n1→n2 n2→n1`.
    pub fn whom(&self) -> String {
        let targets = self.act().targets;
        let told: Vec<String> = targets.iter().map(Target::to_string).collect();
        let amount = match self {
            Effect::Links { rule, .. } => rule.amount(),
            _ => None,
        };
        amount.map_or(String::new(), |amount| format!("{amount}: ")) + &told.join(" ")
    }

    /// The fault that it begins, or that happens with it.
    pub fn fault(&self) -> Option<&'static Fault> {
        match self.act().turn {
            Turn::Begins(fault) | Turn::Strikes(fault) => Some(fault),
            Turn::Ends | Turn::Neutral => None,
        }
    }

    /// What ends the fault that it begins.
    pub fn undo(&self) -> Option<Effect> {
        (self.fault()?.undo)(self)
    }

    /// The node that comes back with it, if one does: what that said before is old.
    pub fn revives(&self) -> Option<NodeId> {
        let act = self.act();
        match (act.turn, act.targets.as_slice()) {
            (Turn::Ends, [Target::Process(node)]) => Some(*node),
            _ => None,
        }
    }
}

fn act(word: &'static str, turn: Turn, targets: Vec<Target>) -> Act {
    Act { word, turn, targets }
}

fn process(node: NodeId) -> Vec<Target> {
    vec![Target::Process(node)]
}

fn of_links(links: &[Link]) -> Vec<Target> {
    links.iter().copied().map(Target::Link).collect()
}

/// What an outcome's evidence says, in a line; nothing of what was not done.
pub fn told(outcome: &Outcome) -> String {
    let typed = [
        |outcome: &Outcome| Some(evidence::known::<RulesSet>(outcome)?.to_string()),
        |outcome: &Outcome| Some(evidence::known::<ClientRulesSet>(outcome)?.to_string()),
        |outcome: &Outcome| Some(evidence::known::<FramesInjected>(outcome)?.to_string()),
        |outcome: &Outcome| Some(evidence::known::<Commanded>(outcome)?.to_string()),
    ];
    let told = typed.iter().find_map(|told| told(outcome));
    told.unwrap_or_else(|| evidence::plain(outcome))
}
