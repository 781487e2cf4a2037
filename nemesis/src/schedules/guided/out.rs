//! How a node is taken out of the game.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::effect::{Effect, NodeId};

/// How a node is taken out of the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Out {
    /// kill -9: what it had not answered is unknown for ever.
    Kill,
    /// All its links are cut; it lives on, alone.
    Cut,
    /// SIGSTOP, and all its links are cut.
    Pause,
}

impl Out {
    /// One of the three; a pause is the rarest, because it resembles a cut.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..5) {
            0 | 1 => Out::Kill,
            2 | 3 => Out::Cut,
            _ => Out::Pause,
        }
    }

    /// What takes the node out, beside the links.
    pub fn out(self, node: NodeId) -> Option<Effect> {
        match self {
            Out::Kill => Some(Effect::Kill(node)),
            Out::Cut => None,
            Out::Pause => Some(Effect::Pause(node)),
        }
    }

    /// What brings it back, beside the links.
    pub fn back(self, node: NodeId) -> Option<Effect> {
        self.out(node)?.undo()
    }
}
