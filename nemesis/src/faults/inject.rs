//! `inject`: frames that were recorded are delivered once more, or late: TCP alone never does either.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::effect::Link;
use crate::evidence::{self, Count};
use crate::fault::{Fault, Need, Target};

/// The row of this fault.
pub static INJECT: Fault = Fault {
    name: "inject",
    about: "recorded frames are delivered again, or late",
    need: Need::Frames,
    undo: |_| None,
    proof: |spell| {
        let injected = evidence::of::<FramesInjected>(spell.ended);
        injected.is_some_and(|injected| injected.links.iter().any(|put| put.delivered.frames > 0))
    },
    look: None,
    chance: None,
};

/// What was put into a link by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Injected {
    /// Which link.
    pub link: Link,
    /// How many frames had been recorded.
    pub recorded: u64,
    /// What was handed to the receiver; it is in none of the counts of [`evidence::Traffic`].
    pub delivered: Count,
}

/// Evidence of an injection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramesInjected {
    /// From the call until the last of the frames was handed on.
    pub took_us: u64,
    /// Link by link.
    pub links: Vec<Injected>,
}

impl fmt::Display for FramesInjected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for put in &self.links {
            let (link, frames) = (Target::Link(put.link), put.delivered.frames);
            write!(f, "{link}: delivered {frames} of {} frames; ", put.recorded)?;
        }
        write!(f, "took {} µs", self.took_us)
    }
}
