//! What a fault is: the row that each file of [`crate::faults`] has, and whom it is done to.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::effect::{Effect, Link, NodeId, Outcome};
use crate::scope::{Drawn, Scope};

/// A fault: what it needs, what proves and undoes it, how it is shown, and how it is drawn by lot. What brings it about is
/// an [`Effect`].
#[derive(Debug)]
pub struct Fault {
    /// Its word in the history, in what schedules tell, and in the swarm's record: a singular noun.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Without which nobody can bring it about.
    pub need: Need,
    /// What ends this effect, if it can be ended.
    pub undo: fn(&Effect) -> Option<Effect>,
    /// Whether what is on record proves that it really happened to its target, and was undone.
    pub proof: fn(&Spell<'_>) -> bool,
    /// How it is shown while it lasts; none if nothing of it lasts.
    pub look: Option<Look>,
    /// How schedules that go by the clock draw it; none if only stories use it.
    pub chance: Option<Chance>,
}

/// What must be in somebody's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// To signal the nodes' processes.
    Processes,
    /// To end them and start them again: what a node keeps has to be kept over that.
    Restarts,
    /// To cut links between nodes.
    Links,
    /// To hand on later what goes over them.
    Delays,
    /// To lose, repeat and reorder single messages on them.
    Messages,
    /// To tell the kinds of frames on them apart, and to count them.
    Counts,
    /// To record the frames on them, and to put some in.
    Frames,
    /// To lose what goes between nodes and their clients.
    Clients,
}

impl Need {
    /// Everything that a fault may need.
    pub const ALL: [Need; 8] = [
        Need::Processes,
        Need::Restarts,
        Need::Links,
        Need::Delays,
        Need::Messages,
        Need::Counts,
        Need::Frames,
        Need::Clients,
    ];

    /// What can be done to nodes over whose links frames go, as our own: all but what is done to single messages.
    pub const OVER_FRAMES: [Need; 7] = [
        Need::Processes,
        Need::Restarts,
        Need::Links,
        Need::Delays,
        Need::Counts,
        Need::Frames,
        Need::Clients,
    ];
}

/// One thing that a fault is done to. It has one fault at a time: the next effect on it ends what was in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A node's process.
    Process(NodeId),
    /// A link between two nodes.
    Link(Link),
    /// What is between a node and its clients.
    Clients(NodeId),
}

impl Target {
    /// The nodes that suffer with it.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> {
        let (one, other) = match self {
            Target::Process(node) | Target::Clients(node) => (node, None),
            Target::Link(Link(from, to)) => (from, Some(to)),
        };
        [Some(one), other].into_iter().flatten()
    }

    /// How many such targets a node of a cluster of `count` has.
    pub fn per_node(self, count: usize) -> usize {
        match self {
            Target::Process(_) | Target::Clients(_) => 1,
            Target::Link(_) => count.saturating_sub(1) * 2,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Process(node) => write!(f, "{node}"),
            Target::Link(Link(from, to)) => write!(f, "{from}→{to}"),
            Target::Clients(node) => write!(f, "{node}'s clients"),
        }
    }
}

/// What an effect means for those whom it is done to.
#[derive(Clone, Debug)]
pub struct Act {
    /// Its word in the history.
    pub word: &'static str,
    /// What it makes of its targets.
    pub turn: Turn,
    /// Whom it is done to.
    pub targets: Vec<Target>,
}

/// What an effect makes of its targets.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// This fault is in force from now on.
    Begins(&'static Fault),
    /// No fault is.
    Ends,
    /// This fault happens, and nothing of it stays in force.
    Strikes(&'static Fault),
    /// It is no fault, and ends none.
    Neutral,
}

/// What is on record of a fault on one target.
#[derive(Clone, Copy, Debug)]
pub struct Spell<'a> {
    /// The target.
    pub target: Target,
    /// What came of the effect that began it.
    pub begun: &'a Outcome,
    /// The effect that ended it there; of what does not last, its own.
    pub end: &'a Effect,
    /// What came of that.
    pub ended: &'a Outcome,
}

/// How a fault is shown while it lasts, as a band along a time axis.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Look {
    /// The name of the band; faults that share it are shown as one. A word for a style sheet.
    pub band: &'static str,
    /// Where the band lies.
    pub shape: Shape,
    /// What a node is that it hit.
    pub word: &'static str,
    /// Its colour on paper, and on a dark screen.
    #[serde(skip)]
    pub colours: [&'static str; 2],
}

/// Where a band lies along a node's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Over all of it: the node is gone.
    Over,
    /// Above it: whoever asks the node.
    Above,
    /// Under it, the thicker the more is hit: what the node hears and says.
    Under,
}

/// How a fault is drawn by lot.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// Faults of one lane take turns, because one would disturb the other's undo; lanes go side by side.
    pub lane: &'static str,
    /// Whether only a schedule draws it that names it: what no network that a node was written for does to it.
    pub asked_for: bool,
    /// Draws whom it hits; none if there is nobody.
    pub draw: fn(&mut ChaCha8Rng, &Scope<'_>) -> Option<Drawn>,
}
