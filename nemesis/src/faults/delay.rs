//! `delay`: links that hand every frame on later, in order.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::rules::{self, RuleEnded};
use crate::effect::LinkRule;
use crate::fault::{Chance, Fault, Look, Need, Shape};
use crate::scope::{Drawn, Scope};

/// The row of this fault.
pub static DELAY: Fault = Fault {
    name: "delay",
    about: "links between nodes hand everything on later; they are healed",
    need: Need::Delays,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_delay()),
    look: Some(Look {
        band: "delay",
        shape: Shape::Under,
        word: "delayed",
        colours: ["#b07cc6", "#c69adb"],
    }),
    chance: Some(Chance {
        lane: "links",
        draw,
        asked_for: false,
    }),
};

/// From what a busy network does to what looks like an election timeout.
const DELAYS_MS: [u64; 4] = [10, 30, 100, 300];

impl RuleEnded {
    /// Whether this proves a delay: something was delivered under it.
    pub fn proves_delay(&self) -> bool {
        matches!(self.was, LinkRule::DelayMs(_)) && !self.traffic.delivered.is_zero()
    }
}

fn draw(rng: &mut ChaCha8Rng, scope: &Scope<'_>) -> Option<Drawn> {
    let rule = |rng: &mut ChaCha8Rng| LinkRule::DelayMs(DELAYS_MS[rng.random_range(0..DELAYS_MS.len())]);
    Some(rules::around(rng, scope, rule, |whom, amount| {
        format!("delay {whom} {amount}")
    }))
}
