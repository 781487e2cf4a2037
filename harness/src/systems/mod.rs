//! The systems that can be tested, one file each, and what the harness asks of each.

mod cluster_node;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use histories::{LogIndex, RunFolder, Seed, Term, Value};
use nemesis::hands::{Framing, Hands, NodeCommand};
use nemesis::{NodeId, NodeStatus};

use crate::exit::Failure;

/// A future without a name, as a trait's method returns it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One operation as it goes to the system.
#[derive(Clone, Debug)]
pub struct Request {
    /// The workload's word: `read`, `write`, `cas`.
    pub f: &'static str,
    /// The key.
    pub key: Value,
    /// The argument; of a cas, the pair of what is expected and what is to be.
    pub value: Value,
    /// Whether a follower may ask the leader on the client's behalf; reads only.
    pub forward: bool,
    /// The client's session and the number of this operation in it; writes only.
    pub session: Option<(u64, u64)>,
    /// How long the client waits.
    pub timeout: Duration,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened; what was read, or written.
    Ok(Value),
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Unknown,
}

/// The answer to a request, and what came with it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// How it ended.
    pub answer: Answer,
    /// A short code, where it was not ok.
    pub error: Option<String>,
    /// The system's own words.
    pub message: Option<String>,
    /// Where it stands in the log.
    pub at: Option<(LogIndex, Term)>,
    /// Whether another node should be asked, and which one leads, if that was said.
    pub elsewhere: Option<Option<NodeId>>,
}

/// What a run tests: how its processes start, and how they are spoken to.
pub trait System: Send + Sync {
    /// How this node is started.
    fn command(&self, node: NodeId) -> NodeCommand;

    /// Ask a node for an operation.
    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply>;

    /// Ask a node how it stands, past all proxies. `None` if it does not answer.
    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>>;
}

/// What a system is built from.
pub struct Settings<'a> {
    /// How many nodes.
    pub nodes: usize,
    /// Fixes what the nodes draw by lot.
    pub seed: Seed,
    /// The profile, one of the row's.
    pub profile: &'a str,
    /// The bugs to switch on.
    pub bugs: &'a [String],
    /// The binary.
    pub program: PathBuf,
    /// Where the nodes' folders belong.
    pub folder: &'a RunFolder,
    /// The addresses.
    pub hands: Hands,
}

/// A row of the table of systems.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The binary that is looked for.
    pub binary: &'static str,
    /// How to get that binary.
    pub how_to_get: &'static str,
    /// Its profiles: under a guided schedule the first, otherwise the last.
    pub profiles: &'static [&'static str],
    /// What can be broken in it on purpose.
    pub bugs: &'static [Bug],
    /// How its peers speak.
    pub framing: Framing,
    /// Build it.
    pub build: fn(&Settings<'_>) -> Result<Box<dyn System>, Failure>,
}

/// A rule of a system that can be switched off, so that the tester is tested.
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The rule, with its place in the paper.
    pub rule: &'static str,
    /// Where it was seen for real.
    pub seen: &'static str,
    /// The schedule that catches it.
    pub schedule: &'static str,
}

/// Every system.
pub const TABLE: &[Row] = &[cluster_node::ROW];

/// The system of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}
