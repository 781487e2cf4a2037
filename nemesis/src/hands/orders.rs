//! What a cluster that is not ours is told: commands, each with a limit, and what proves that it did what it is for. Data
//! alone: whoever describes the system plans them, the hands carry them out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::command::NodeCommand;
use crate::effect::Link;
use crate::fault::Need;

/// A command line without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The program, and its arguments.
    pub words: Vec<String>,
    /// How long it may take; then its process group is killed, and it has failed.
    pub within: Duration,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shell_words::join(&self.words))
    }
}

/// Something that a command does.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The command.
    pub order: Order,
    /// What proves that it did it; none where nothing can.
    pub probe: Option<Probe>,
}

/// What proves that a command did what it is for.
#[derive(Clone, Debug)]
pub enum Probe {
    /// A command that ends with 0, and prints what fits.
    Order {
        /// The command.
        order: Order,
        /// What its output has to be like, if that matters.
        says: Option<Says>,
    },
    /// The node answers clients, within so long.
    Answers(Duration),
    /// The node leaves clients unanswered, which has to be seen within so long.
    DoesNotAnswer(Duration),
}

/// A pattern of an output.
#[derive(Clone)]
pub struct Says {
    /// As it stands in the description.
    pub what: String,
    /// Whether this output fits.
    pub fits: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Says").field(&self.what).finish()
    }
}

impl Probe {
    /// How long it is asked again until it says so.
    pub(super) fn within(&self) -> Duration {
        match self {
            Probe::Order { order, .. } => order.within,
            Probe::Answers(within) | Probe::DoesNotAnswer(within) => *within,
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Order { order, says: None } => write!(f, "`{order}`"),
            Probe::Order {
                order,
                says: Some(says),
            } => write!(f, "`{order}`, which says {}", says.what),
            Probe::Answers(_) => f.write_str("its answer"),
            Probe::DoesNotAnswer(_) => f.write_str("its silence"),
        }
    }
}

/// Tells whether a node answers clients.
pub type Answering = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What can be done to one node.
#[derive(Clone)]
pub struct NodeOrders {
    /// Start it, or see that it runs: its probe is what a node that lives is known by.
    pub start: Option<Deed>,
    /// What proves that it lives.
    pub lives: Probe,
    /// End it at once.
    pub kill: Option<Deed>,
    /// End it in order.
    pub stop: Option<Deed>,
    /// Stop it where it stands.
    pub pause: Option<Deed>,
    /// Let it go on.
    pub resume: Option<Deed>,
    /// Print its logs.
    pub logs: Option<Order>,
    /// Bring its data.
    pub data: Option<Order>,
    /// Asks it as a client.
    pub answers: Answering,
    /// Where what is collected of it is kept.
    pub folder: PathBuf,
}

/// What can be done to one link.
#[derive(Clone, Debug)]
pub struct LinkOrders {
    /// Let nothing pass.
    pub cut: Deed,
    /// Let everything pass.
    pub heal: Deed,
}

/// Leaves out of a text what nobody may read.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Everything that a cluster can be told.
#[derive(Clone)]
pub struct Orders {
    /// Whose cluster it is.
    pub system: String,
    /// The run's folder: `commands.jsonl` and `undo` stand there.
    pub folder: PathBuf,
    /// Of each node.
    pub nodes: Vec<NodeOrders>,
    /// Of each link that can be cut.
    pub links: BTreeMap<Link, LinkOrders>,
    /// Whether the run starts the nodes, and stops them; otherwise they were there before, and stay.
    pub starts_nodes: bool,
    /// For whatever is written down.
    pub redact: Redact,
}

/// How the nodes of a cluster are led.
#[derive(Clone)]
pub enum Instructions {
    /// As processes of the harness, each started like this.
    Processes(Vec<NodeCommand>),
    /// By commands.
    Commands(Box<Orders>),
}

/// What is known of such a cluster before anything is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Where clients reach each node: `db1.example.com:2379`.
    pub clients: Vec<String>,
    /// Which needs of faults its commands meet.
    pub can: Vec<Need>,
}
