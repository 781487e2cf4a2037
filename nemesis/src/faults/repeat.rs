//! `repeat`: links that hand some of the messages on twice. Maelstrom's network loses messages and is late, and repeats none, so
//! only the nemesis `messages` draws it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::rules::{self, RuleEnded};
use crate::effect::LinkRule;
use crate::fault::{Chance, Fault, Look, Need, Shape};
use crate::scope::{Drawn, Scope};

/// The row of this fault.
pub static REPEAT: Fault = Fault {
    name: "repeat",
    about: "links between nodes hand messages on twice here and there; they are healed",
    need: Need::Messages,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_repetition()),
    look: Some(Look {
        band: "repeat",
        shape: Shape::Under,
        word: "hears twice",
        colours: ["#2f8f83", "#5cc4b6"],
    }),
    chance: Some(Chance {
        lane: "links",
        draw,
        asked_for: true,
    }),
};

/// From a line that sends again too soon to one that always does.
const PERCENT: [u64; 3] = [10, 50, 100];

impl RuleEnded {
    /// Whether this proves a repetition: a message was handed on a second time under it.
    pub fn proves_repetition(&self) -> bool {
        matches!(self.was, LinkRule::RepeatPercent(_)) && self.traffic.repeated > 0
    }
}

fn draw(rng: &mut ChaCha8Rng, scope: &Scope<'_>) -> Option<Drawn> {
    let rule = |rng: &mut ChaCha8Rng| LinkRule::RepeatPercent(PERCENT[rng.random_range(0..PERCENT.len())]);
    Some(rules::around(rng, scope, rule, |whom, amount| {
        format!("repeat {amount} around {whom}")
    }))
}
