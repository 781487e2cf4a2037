//! What was seen of a system: answers, statuses, faults. Facts only; what follows from them is told by
//! [`super::findings`].

use std::path::PathBuf;
use std::time::Duration;

use histories::{LogIndex, Term, Value};
use nemesis::{NodeId, NodeStatus, Role};
use runs::capabilities::Capabilities;
use runs::store::{Answer, Reply};
use serde::{Serialize, Serializer};
use systems::Basis;

pub(crate) use super::plan::Fit;

/// Everything that was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) system: String,
    pub(crate) about: String,
    pub(crate) profile: String,
    pub(crate) program: PathBuf,
    pub(crate) nodes: usize,
    /// What the system is said to tell and to do.
    pub(crate) capabilities: Capabilities,
    /// Whether it is a file that describes it.
    pub(crate) described: bool,
    /// How long a failover takes at most, as its description says.
    #[serde(rename = "failover_ms", serialize_with = "milliseconds")]
    pub(crate) failover: Option<Duration>,
    pub(crate) rows: Rows,
    pub(crate) visits: Vec<Visit>,
    pub(crate) standings: Vec<Standing>,
    pub(crate) faults: Vec<Tried>,
    pub(crate) failovers: Vec<Failover>,
    /// Nodes that did not stop as they should when they were asked to.
    pub(crate) unclean: Vec<String>,
}

/// The table of errors of a description.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Rows {
    pub(crate) total: usize,
    /// The codes of those without a recorded answer.
    pub(crate) unrecorded: Vec<String>,
}

/// In which state a node was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Spot {
    /// A cluster of one.
    Alone,
    Leader,
    Follower,
    /// One of several, of which it is not told who leads.
    Untold,
    Killed,
    Paused,
    /// All links to its peers are cut, those of its clients are not.
    CutOff,
}

impl Spot {
    /// Whether nothing stands between the node and its clients, and it need not ask another to be right.
    pub(crate) fn decides(self) -> bool {
        matches!(self, Spot::Alone | Spot::Leader)
    }

    /// Whether nothing was done to it.
    pub(crate) fn is_well(self) -> bool {
        !matches!(self, Spot::Killed | Spot::Paused | Spot::CutOff)
    }
}

/// A node that was asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Visit {
    pub(crate) spot: Spot,
    pub(crate) node: NodeId,
    /// Whether it was said to lead when it was hurt.
    pub(crate) led: bool,
    pub(crate) answers: Vec<Answered>,
}

/// What an answer was classified as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    Ok,
    Fail,
    Unknown,
}

/// An answer, as it was understood.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answered {
    /// What was asked for, in words.
    pub(crate) what: &'static str,
    pub(crate) is_read: bool,
    pub(crate) class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Whether another node should be asked.
    pub(crate) elsewhere: bool,
    pub(crate) basis: Basis,
    pub(crate) fit: Fit,
}

impl Answered {
    /// Of a reply.
    pub(crate) fn new(what: &'static str, is_read: bool, reply: Reply, basis: Basis, fit: Fit) -> Self {
        let (class, value) = match reply.answer {
            Answer::Ok(value) => (Class::Ok, is_read.then_some(value)),
            Answer::Fail => (Class::Fail, None),
            Answer::Unknown => (Class::Unknown, None),
        };
        Answered {
            what,
            is_read,
            class,
            value,
            code: reply.error,
            message: reply.message,
            elsewhere: reply.elsewhere.is_some(),
            basis,
            fit,
        }
    }
}

/// A node that was killed to see how long the others need.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failover {
    pub(crate) killed: NodeId,
    /// Whether it was said to lead.
    pub(crate) led: bool,
    /// From the kill to a write that another node acknowledged; none where that took too long to wait for.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub(crate) took: Option<Duration>,
    /// Until it was ready again; none where it did not start.
    #[serde(rename = "restart_ms", serialize_with = "milliseconds")]
    pub(crate) restart: Option<Duration>,
}

fn milliseconds<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_millis() as u64).serialize(to)
}

/// How a node stood, as far as it said so.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    pub(crate) node: NodeId,
    pub(crate) answered: bool,
    pub(crate) role: Option<Role>,
    pub(crate) term: Option<Term>,
    pub(crate) commit: Option<LogIndex>,
    pub(crate) applied: Option<LogIndex>,
    pub(crate) log_tail: bool,
}

impl Standing {
    /// Of a status.
    pub(crate) fn new(node: NodeId, status: Option<&NodeStatus>) -> Self {
        Standing {
            node,
            answered: status.is_some(),
            role: status.and_then(|status| status.role),
            term: status.and_then(|status| status.term),
            commit: status.and_then(|status| status.commit),
            applied: status.and_then(|status| status.applied),
            log_tail: status.is_some_and(|status| status.last.is_some()),
        }
    }

    /// Whether it says that it leads.
    pub(crate) fn leads(&self) -> bool {
        self.role == Some(Role::Leader)
    }
}

/// A fault that was tried once.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tried {
    pub(crate) fault: &'static str,
    pub(crate) node: NodeId,
    pub(crate) proved: bool,
    /// What is known.
    pub(crate) evidence: String,
}
