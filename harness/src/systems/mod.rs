//! The systems that can be tested, one file each, and what the harness asks of each.

mod cluster_node;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use histories::{LogIndex, RunFolder, Seed, Term, Value};
use nemesis::hands::{Framing, Hands, NodeCommand};
use nemesis::{NodeId, NodeStatus};
use serde::Serialize;

use crate::exit::Failure;
use crate::run::settings::Reads;

/// A future without a name, as a trait's method returns it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is done to the value under a key, in words that every store can be taught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Tell it; null if there is none.
    Read,
    /// Set it.
    Write(Value),
    /// Set it if it is what is expected.
    Cas {
        /// What it must be.
        expected: Value,
        /// What it is to be.
        new: Value,
    },
    /// Put this at the end of the list that it is.
    Append(Value),
    /// Add this to the number that it is.
    Add(i64),
}

impl StoreOp {
    /// Whether it changes nothing, so that it may be asked as often as one likes.
    pub fn is_read(&self) -> bool {
        *self == StoreOp::Read
    }
}

/// One request as it goes to the system.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub op: StoreOp,
    /// The key.
    pub key: Value,
    /// Whether a follower may ask the leader on the client's behalf.
    pub forward: bool,
    /// The client's session and the number of this request in it; none for a read.
    pub session: Option<(u64, u64)>,
    /// Whether the same request was sent before and may have been done.
    pub retry: bool,
    /// How long the client waits.
    pub timeout: Duration,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened; what was read. As a system's answer to a write it is null.
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

impl Reply {
    /// Whether the store took the request and decided it, rather than turning it away: then it is known what came of
    /// it, even if it was sent before.
    pub fn is_decided(&self) -> bool {
        match self.answer {
            Answer::Ok(_) => true,
            Answer::Fail => self.at.is_some(),
            Answer::Unknown => false,
        }
    }

    /// A failure that the client decided on by itself.
    pub fn refused(why: &str) -> Self {
        Reply {
            answer: Answer::Fail,
            error: Some("refused".to_owned()),
            message: Some(why.to_owned()),
            at: None,
            elsewhere: None,
        }
    }
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
    /// Its profiles; the first is the barest, the last what one would run.
    pub profiles: &'static [&'static str],
    /// What can be broken in it on purpose.
    pub bugs: &'static [Bug],
    /// How its peers speak.
    pub framing: Framing,
    /// Build it.
    pub build: fn(&Settings<'_>) -> Result<Box<dyn System>, Failure>,
}

/// A rule of a system that can be switched off, so that the tester is tested.
#[derive(Clone, Copy, Debug)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The rule, with its place in the paper.
    pub rule: &'static str,
    /// Where it was seen for real.
    pub seen: &'static str,
    /// The run that catches it.
    pub case: Case,
}

/// The settings of a run that shows a bug, as far as they are not the schedule's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The schedule.
    pub schedule: &'static str,
    /// The workload, where it is not the schedule's own.
    pub workload: Option<&'static str>,
    /// How many nodes, where that is not the schedule's own.
    pub nodes: Option<usize>,
    /// Whether clients ask again where the outcome is unknown.
    pub retry: bool,
    /// Which nodes clients read from.
    pub reads: Reads,
}

impl Case {
    /// Under this schedule, everything else as it likes.
    pub const fn under(schedule: &'static str) -> Self {
        Case {
            schedule,
            workload: None,
            nodes: None,
            retry: false,
            reads: Reads::Leader,
        }
    }

    /// With this workload.
    pub const fn workload(self, workload: &'static str) -> Self {
        Case {
            workload: Some(workload),
            ..self
        }
    }

    /// With so many nodes.
    pub const fn nodes(self, nodes: usize) -> Self {
        Case {
            nodes: Some(nodes),
            ..self
        }
    }

    /// Clients ask again where the outcome is unknown.
    pub const fn retrying(self) -> Self {
        Case { retry: true, ..self }
    }

    /// Clients read from any node.
    pub const fn reading_anywhere(self) -> Self {
        Case {
            reads: Reads::Follower,
            ..self
        }
    }

    /// As `harness run` is told.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["--nemesis".to_owned(), self.schedule.to_owned()];
        words.extend(self.flags());
        words
    }

    /// As a person is told: the schedule, and what is not its own.
    pub fn describe(&self) -> String {
        let mut words = vec![self.schedule.to_owned()];
        words.extend(self.flags());
        words.join(" ")
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let mut flag = |words: &[&str]| flags.extend(words.iter().map(|word| (*word).to_owned()));
        if let Some(workload) = self.workload {
            flag(&["--workload", workload]);
        }
        if let Some(nodes) = self.nodes {
            flag(&["--nodes", &nodes.to_string()]);
        }
        if self.retry {
            flag(&["--retry"]);
        }
        if self.reads == Reads::Follower {
            flag(&["--reads", "follower"]);
        }
        flags
    }
}

/// Every system.
pub const TABLE: &[Row] = &[cluster_node::ROW];

/// The system of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}
