//! `lose`: links that lose some of the messages, here and there.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::rules::{self, RuleEnded};
use crate::effect::LinkRule;
use crate::fault::{Chance, Fault, Look, Need, Shape};
use crate::scope::{Drawn, Scope};

/// The row of this fault.
pub static LOSE: Fault = Fault {
    name: "lose",
    about: "links between nodes lose messages here and there; they are healed",
    need: Need::Messages,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_loss()),
    look: Some(Look {
        band: "lose",
        shape: Shape::Under,
        word: "loses messages",
        colours: ["#d9822b", "#f0a75a"],
    }),
    chance: Some(Chance {
        lane: "links",
        draw,
        asked_for: false,
    }),
};

/// From what a bad line does to what a retry must expect.
const PERCENT: [u64; 3] = [5, 20, 50];

impl RuleEnded {
    /// Whether this proves a loss: a message was lost by lot under it, and another one was delivered. What is on its way to a
    /// node that ends is dropped as well, and proves nothing here.
    pub fn proves_loss(&self) -> bool {
        matches!(self.was, LinkRule::LosePercent(_))
            && self.traffic.lost > 0
            && !self.traffic.delivered.is_zero()
    }
}

fn draw(rng: &mut ChaCha8Rng, scope: &Scope<'_>) -> Option<Drawn> {
    let rule = |rng: &mut ChaCha8Rng| LinkRule::LosePercent(PERCENT[rng.random_range(0..PERCENT.len())]);
    Some(rules::around(rng, scope, rule, |whom, amount| {
        format!("lose {amount} around {whom}")
    }))
}
