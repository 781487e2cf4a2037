//! `hold`: links that hand so many frames of a kind on, and keep what comes after them until they are let go. With it a story
//! stops what a node does of its own accord, such as the entry of a leader that has just been elected, without ending its
//! connections.

use super::rules::{self, RuleEnded};
use crate::effect::LinkRule;
use crate::fault::{Fault, Look, Need, Shape};

/// The row of this fault.
pub static HOLD: Fault = Fault {
    name: "hold",
    about: "links between nodes keep what comes from a frame of some kind on; they are healed",
    need: Need::Counts,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_hold()),
    look: Some(Look {
        band: "hold",
        shape: Shape::Under,
        word: "held back",
        colours: ["#8a7f5c", "#bfb286"],
    }),
    chance: None,
};

impl RuleEnded {
    /// Whether this proves that frames were held: as many passed as were to, or something was kept. That less was delivered than
    /// offered proves nothing, for a receiver may be slow, and a frame may not have come to its end.
    pub fn proves_hold(&self) -> bool {
        match self.was {
            LinkRule::PassThenHold(_, 1..) => self.kept || self.left == Some(0),
            LinkRule::PassThenHold(_, 0) | LinkRule::HoldFrom(_) => self.kept,
            _ => false,
        }
    }
}
