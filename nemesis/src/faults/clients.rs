//! `cut-requests` and `cut-replies`: what goes between nodes and their clients is lost with its connection. A lost reply
//! is of something that was done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::effect::{ClientRule, Effect, NodeId};
use crate::evidence::{self, Count};
use crate::fault::{Fault, Look, Need, Shape, Spell, Target};

/// The row of the one.
pub static CUT_REQUESTS: Fault = lost(
    "cut-requests",
    "what clients ask is lost; the node never hears of it",
    "requests of its clients lost",
);

/// The row of the other.
pub static CUT_REPLIES: Fault = lost(
    "cut-replies",
    "what clients are answered is lost; they never hear of what was done",
    "replies of its clients lost",
);

const fn lost(name: &'static str, about: &'static str, word: &'static str) -> Fault {
    Fault {
        name,
        about,
        need: Need::Clients,
        undo,
        proof,
        look: Some(Look {
            band: name,
            shape: Shape::Above,
            word,
            colours: ["#a0522d", "#e0a070"],
        }),
        chance: None,
    }
}

fn undo(effect: &Effect) -> Option<Effect> {
    let Effect::Clients { nodes, .. } = effect else {
        return None;
    };
    let (rule, nodes) = (ClientRule::Pass, nodes.clone());
    Some(Effect::Clients { rule, nodes })
}

/// Something was dropped.
fn proof(spell: &Spell<'_>) -> bool {
    let set = evidence::of::<ClientRulesSet>(spell.ended);
    let lost =
        |ended: &ClientRuleEnded| Target::Clients(ended.node) == spell.target && !ended.dropped.is_zero();
    set.is_some_and(|set| set.ended.iter().any(lost))
}

/// What was lost between a node and its clients under the rule that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRuleEnded {
    /// Whose clients.
    pub node: NodeId,
    /// The rule that ended.
    pub was: ClientRule,
    /// How many requests, or replies, were dropped with their connections.
    pub dropped: Count,
}

/// Evidence of new rules for clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRulesSet {
    /// What ended, node by node.
    pub ended: Vec<ClientRuleEnded>,
}

impl fmt::Display for ClientRulesSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.ended.iter().map(|ended| {
            let (clients, lost) = (Target::Clients(ended.node), ended.dropped.frames);
            format!("{clients}: {lost} dropped")
        });
        f.write_str(&lost.collect::<Vec<_>>().join("; "))
    }
}
