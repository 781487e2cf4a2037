//! `kill`: SIGKILL. What a node had not answered is unknown for ever; what it wrote without a sync survives, for the page
//! cache is the system's.

use serde::{Deserialize, Serialize};

use super::commanded;
use crate::effect::Effect;
use crate::evidence;
use crate::fault::{Chance, Fault, Look, Need, Shape};

/// The row of this fault.
pub static KILL: Fault = Fault {
    name: "kill",
    about: "kill -9 of a node; it is started again",
    need: Need::Restarts,
    undo: |effect| match effect {
        Effect::Kill(node) => Some(Effect::Start(*node)),
        _ => None,
    },
    proof: |spell| {
        let killed = evidence::of::<Killed>(spell.begun);
        let killed = killed.is_some_and(|killed| killed.signal == Some(SIGKILL));
        matches!(spell.end, Effect::Start(_))
            && (killed && spell.ended.is_installed() || commanded::proves(spell))
    },
    look: Some(Look {
        band: "kill",
        shape: Shape::Over,
        word: "✕ killed",
        colours: ["#33383f", "#aab4c0"],
    }),
    chance: Some(Chance {
        lane: "kill",
        draw: |rng, scope| scope.victims(rng, "kill", Effect::Kill),
        asked_for: false,
    }),
};

const SIGKILL: i32 = 9;

/// Evidence of a kill: how the process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Killed {
    /// The process.
    pub pid: u32,
    /// The signal in its exit status.
    pub signal: Option<i32>,
    /// The exit status in words.
    pub status: String,
    /// From the decision until the process was reaped.
    pub took_us: u64,
}

/// Evidence of a start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The process.
    pub pid: u32,
    /// How often the hands have started the node, this time included.
    pub starts: u64,
    /// From the decision until the node was ready.
    pub took_us: u64,
    /// The node's own addresses, as it reported them.
    pub client: String,
    /// See `client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}
