//! What a schedule may know of a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use histories::{LogIndex, Nanos, Term, Value};
use serde::{Deserialize, Serialize};

use crate::effect::{NodeId, ProbeId};

/// What Raft calls a server's state (Raft section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Follows.
    Follower,
    /// Campaigns, or asks whether it should.
    Candidate,
    /// Leads.
    Leader,
}

/// The position of a log's entry, without what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where.
    pub index: LogIndex,
    /// Of which term.
    pub term: Term,
}

/// An entry of a log's tail as a node reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailEntry {
    /// Where.
    pub index: LogIndex,
    /// Of which term.
    pub term: Term,
    /// The hash of the entry's bytes.
    pub hash: Arc<str>,
}

/// A vote that a node was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// By whom.
    pub by: NodeId,
    /// In which term.
    pub term: Term,
    /// `log`: the candidate's log is older; `voted`: for another; `leader`: one is known.
    pub why: String,
}

/// What a node says of itself (docs/cluster-node.md). What its system does not tell is none, or empty, and proves nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Counts the node's starts, from 1.
    pub incarnation: u64,
    /// Its role.
    pub role: Option<Role>,
    /// Its term.
    pub term: Option<Term>,
    /// Whom it follows, or itself.
    pub leader: Option<NodeId>,
    /// Its commit index.
    pub commit: Option<LogIndex>,
    /// What it has applied.
    pub applied: Option<LogIndex>,
    /// Its last entry.
    pub last: Option<Position>,
    /// Its last index when it was last elected.
    pub last_at_election: Option<LogIndex>,
    /// On a leader: up to where it knows the others to agree.
    #[serde(default, rename = "match")]
    pub matched: Option<BTreeMap<NodeId, LogIndex>>,
    /// How often it was a candidate in this incarnation.
    pub campaigns: Option<u64>,
    /// The votes that it was refused lately.
    #[serde(default)]
    pub denied: Vec<Denied>,
    /// The last entries of its log.
    #[serde(default)]
    pub tail: Arc<[TailEntry]>,
}

impl NodeStatus {
    /// Where its log ends.
    pub fn last_index(&self) -> Option<LogIndex> {
        self.last.map(|last| last.index)
    }

    /// Whether it says that it knows `index` to be committed.
    pub fn has_committed(&self, index: LogIndex) -> bool {
        self.commit.is_some_and(|commit| commit >= index)
    }

    /// Whether it says that it does not.
    pub fn lacks_commit_of(&self, index: LogIndex) -> bool {
        self.commit.is_some_and(|commit| commit < index)
    }

    /// The entry at `index`, if it stands in the reported tail.
    pub fn entry(&self, index: LogIndex) -> Option<&TailEntry> {
        let first = self.tail.first()?.index;
        self.tail.get(index.0.checked_sub(first.0)? as usize)
    }

    /// Whether the log holds this very entry.
    pub fn holds(&self, entry: &TailEntry) -> bool {
        self.entry(entry.index) == Some(entry)
    }

    /// Whether the reported tail has an entry of `term`.
    pub fn has_entry_of(&self, term: Term) -> bool {
        self.tail.iter().any(|entry| entry.term == term)
    }
}

/// What the operating system says of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessState {
    /// There is none.
    Down,
    /// It runs, but has not reported its addresses.
    Starting,
    /// It runs.
    Running,
    /// It is stopped (SIGSTOP).
    Paused,
}

/// What is known of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// Its process.
    pub process: ProcessState,
    /// Its last status, of this incarnation only, and when it was asked for.
    pub status: Option<(Nanos, Arc<NodeStatus>)>,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeState {
    /// No answer yet.
    Pending,
    /// It happened.
    Ok {
        /// What was read, or written.
        value: Value,
        /// The position that the system reported.
        at: Option<Position>,
    },
    /// It certainly did not happen.
    Fail {
        /// The error's code.
        code: String,
    },
    /// Nobody knows.
    Info {
        /// The error's code.
        code: String,
    },
}

/// What a schedule is shown, every few milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Now.
    pub now: Nanos,
    /// Each node, by position.
    pub nodes: Vec<NodeView>,
    /// Whether the workload's gate is open.
    pub gate_open: bool,
    /// How many operations of the workload are in flight.
    pub in_flight: usize,
    /// How many effects were decided and not yet answered; probes do not count.
    pub pending_effects: usize,
    /// Every probe of the run.
    pub probes: Arc<BTreeMap<ProbeId, ProbeState>>,
}

impl View {
    /// The status of a node that runs, as last seen.
    pub fn status(&self, node: NodeId) -> Option<&NodeStatus> {
        let view = self.nodes.get(node.0)?;
        match view.process {
            ProcessState::Running => view.status.as_ref().map(|(_, status)| &**status),
            _ => None,
        }
    }

    /// The nodes that run and say that they lead, the one with the greatest term first.
    pub fn leaders(&self) -> Vec<NodeId> {
        let mut leaders: Vec<NodeId> = NodeId::all(self.nodes.len())
            .filter(|node| {
                self.status(*node)
                    .is_some_and(|status| status.role == Some(Role::Leader))
            })
            .collect();
        leaders.sort_by_key(|node| std::cmp::Reverse(self.status(*node).map(|status| status.term)));
        leaders
    }

    /// The newest leader, if any.
    pub fn leader(&self) -> Option<NodeId> {
        self.leaders().first().copied()
    }
}

/// How many of `nodes` are a majority.
pub const fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}
