//! `hold`: links that hand so many frames of a kind on, and keep what comes after them until they are let go. With it a story
//! stops what a node does of its own accord, such as the entry of a leader that has just been elected, without ending its
//! connections.

use super::rules;
use crate::effect::LinkRule;
use crate::fault::{Fault, Look, Need, Shape};

/// The row of this fault.
pub static HOLD: Fault = Fault {
    name: "hold",
    about: "links between nodes hand on so many frames of a kind, then keep what comes; they are healed",
    need: Need::Counts,
    undo: rules::heal,
    proof: |spell| {
        rules::ended(spell)
            .is_some_and(|ended| matches!(ended.was, LinkRule::PassThenHold(..)) && ended.left == Some(0))
    },
    look: Some(Look {
        band: "hold",
        shape: Shape::Under,
        word: "held back",
        colours: ["#8a7f5c", "#bfb286"],
    }),
    chance: None,
};
