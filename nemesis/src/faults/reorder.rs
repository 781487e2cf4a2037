//! `reorder`: links on which messages overtake each other.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::rules::{self, RuleEnded};
use crate::effect::LinkRule;
use crate::fault::{Chance, Fault, Look, Need, Shape};
use crate::scope::{Drawn, Scope};

/// The row of this fault.
pub static REORDER: Fault = Fault {
    name: "reorder",
    about: "messages on links between nodes overtake each other; they are healed",
    need: Need::Messages,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_reordering()),
    look: Some(Look {
        band: "reorder",
        shape: Shape::Under,
        word: "hears out of order",
        colours: ["#6d7fd1", "#9aa8ee"],
    }),
    chance: Some(Chance {
        lane: "links",
        draw,
        asked_for: false,
    }),
};

/// From messages of one burst to what looks like an election timeout.
const WITHIN_MS: [u64; 3] = [10, 50, 300];

impl RuleEnded {
    /// Whether this proves a reordering: a message came under it after one that was sent later.
    pub fn proves_reordering(&self) -> bool {
        matches!(self.was, LinkRule::ReorderMs(_)) && self.traffic.overtaken > 0
    }
}

fn draw(rng: &mut ChaCha8Rng, scope: &Scope<'_>) -> Option<Drawn> {
    let rule = |rng: &mut ChaCha8Rng| LinkRule::ReorderMs(WITHIN_MS[rng.random_range(0..WITHIN_MS.len())]);
    Some(rules::around(rng, scope, rule, |whom, amount| {
        format!("reorder {amount} around {whom}")
    }))
}
