//! `pause`: SIGSTOP. A paused leader wakes up and still believes that it leads.

use serde::{Deserialize, Serialize};

use super::commanded;
use crate::effect::Effect;
use crate::evidence;
use crate::fault::{Chance, Fault, Look, Need, Shape};

/// The row of this fault.
pub static PAUSE: Fault = Fault {
    name: "pause",
    about: "SIGSTOP of a node; it is continued",
    need: Need::Processes,
    undo: |effect| match effect {
        Effect::Pause(node) => Some(Effect::Resume(*node)),
        _ => None,
    },
    proof: |spell| {
        let stopped = evidence::of::<Stopped>(spell.begun).is_some_and(|state| state.all_stopped());
        matches!(spell.end, Effect::Resume(_))
            && (stopped && spell.ended.is_installed() || commanded::proves(spell))
    },
    look: Some(Look {
        band: "pause",
        shape: Shape::Over,
        word: "❚❚ paused",
        colours: ["#6b5ca5", "#9a8cd0"],
    }),
    chance: Some(Chance {
        lane: "pause",
        draw: |rng, scope| scope.victims(rng, "pause", Effect::Pause),
        asked_for: false,
    }),
};

/// Evidence of a pause or a resume: what the operating system says of every thread of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// The process.
    pub pid: u32,
    /// A letter for each thread, as in /proc/PID/stat: `T` is stopped.
    pub threads: String,
    /// From the decision until they were in that state.
    pub took_us: u64,
}

impl Stopped {
    /// Whether there is at least one thread, and each is stopped.
    pub fn all_stopped(&self) -> bool {
        !self.threads.is_empty() && self.threads.chars().all(|state| state == 'T')
    }
}
