//! `cut-requests` and `cut-replies`: what goes between nodes and their clients is lost with its connection. A lost reply
//! is of something that was done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::effect::{ClientRule, Effect, NodeId};
use crate::evidence::{self, Count};
use crate::fault::{Fault, Look, Need, Shape, Spell, Target};

/// The row of the one.
pub static CUT_REQUESTS: Fault = Fault {
    name: "cut-requests",
    about: "what clients ask is lost; the node never hears of it",
    look: Some(Look {
        band: "cut-requests",
        word: "requests of its clients lost",
        ..LOOK
    }),
    ..LOST
};

/// The row of the other.
pub static CUT_REPLIES: Fault = Fault {
    name: "cut-replies",
    about: "what clients are answered is lost; they never hear of what was done",
    ..LOST
};

const LOST: Fault = Fault {
    name: "",
    about: "",
    need: Need::Clients,
    undo: |effect| match effect {
        Effect::Clients { nodes, .. } => Some(Effect::Clients {
            rule: ClientRule::Pass,
            nodes: nodes.clone(),
        }),
        _ => None,
    },
    proof,
    look: Some(LOOK),
    chance: None,
};

const LOOK: Look = Look {
    band: "cut-replies",
    shape: Shape::Above,
    word: "replies of its clients lost",
    colours: ["#a0522d", "#e0a070"],
};

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
