//! `status.jsonl`: what the nodes said of themselves, whenever it changed.

use histories::{LogIndex, Nanos, Term};
use nemesis::NodeId;
use nemesis::view::{Role, TailEntry};
use serde::{Deserialize, Serialize};

/// A line of `status.jsonl`: what a node said of itself when it had changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusLine {
    /// When it was asked.
    pub time: Nanos,
    /// Who.
    pub node: NodeId,
    /// Which start of it.
    pub incarnation: u64,
    /// What it is.
    pub role: Option<Role>,
    /// Its term.
    pub term: Option<Term>,
    /// Whom it follows.
    pub leader: Option<NodeId>,
    /// Its commit index.
    pub commit: Option<LogIndex>,
    /// Its last entry's index.
    pub last: Option<LogIndex>,
    /// The end of its log that is new since the last line, as far as the status showed it.
    pub tail: Vec<TailEntry>,
}
