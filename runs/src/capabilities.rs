//! What a system can tell of itself and do by itself.

use nemesis::Tells;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::store::StoreOp;

/// See the module. What a system never promised to tell is no reason to doubt a run of it; what it promised and did not tell is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// What its nodes tell.
    pub tells: Vec<Tells>,
    /// The operations that it has by itself; the others are done by compare-and-set.
    pub does: Vec<Does>,
    /// Whether a request that is sent again is done once (Raft section 8). All were of such a system before this was kept.
    #[serde(default = "yes")]
    pub sessions: bool,
    /// Whether every update has a number of its own, in one count for all keys, that its answer and every read of it tell.
    #[serde(default)]
    pub revisions: bool,
    /// How long a value is whose entry fills a batch, where a new leader appends an entry of its own at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filler: Option<u64>,
}

fn yes() -> bool {
    true
}

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// Set a value.
    Write,
    /// Set a value if it is what is expected.
    Cas,
    /// Put a value at the end of a list.
    Append,
    /// Add to a number.
    Add,
    /// Transactions over several keys.
    Txn,
    /// Put an element into a queue, and take one out.
    Queue,
    /// Give out identifiers.
    Generate,
    /// Tell of every change of some keys.
    Watch,
    /// Tell back what it was told.
    Echo,
    /// Have every node know what one was told.
    Broadcast,
    /// Keep a set that only grows, and that every node tells.
    GrowSet,
    /// Keep a counter that every node tells.
    GrowCounter,
    /// Keep logs of messages, with offsets.
    Log,
}

impl Does {
    /// What a store lacks that does not do it.
    pub fn noun(self) -> &'static str {
        match self {
            Does::Write => "write",
            Does::Cas => "compare-and-set",
            Does::Append => "append",
            Does::Add => "add",
            Does::Txn => "transactions",
            Does::Queue => "enqueue and dequeue",
            Does::Generate => "generate",
            Does::Watch => "watch",
            Does::Echo => "echo",
            Does::Broadcast => "broadcast",
            Does::GrowSet => "set without a key",
            Does::GrowCounter => "counter without a key",
            Does::Log => "logs with offsets",
        }
    }
}

impl Capabilities {
    /// Everything, as `cluster-node`.
    pub fn all() -> Self {
        Capabilities {
            tells: vec![
                Tells::Leader,
                Tells::Term,
                Tells::Commit,
                Tells::LogTail,
                Tells::Journal,
            ],
            does: vec![Does::Write, Does::Cas, Does::Append, Does::Add],
            sessions: true,
            revisions: false,
            filler: None,
        }
    }

    /// Whether its nodes tell this.
    pub fn tell(&self, what: Tells) -> bool {
        self.tells.contains(&what)
    }

    /// Whether Raft's own safety can be judged at all: by journals, or by what statuses call committed.
    pub fn tell_of_safety(&self) -> bool {
        self.tell(Tells::Journal) || (self.tell(Tells::Commit) && self.tell(Tells::LogTail))
    }

    /// Whether it does this by itself.
    pub fn does(&self, op: &StoreOp) -> bool {
        match op {
            // A store that cannot be read is none.
            StoreOp::Read => true,
            StoreOp::Write(_) => self.does.contains(&Does::Write),
            StoreOp::Cas { .. } => self.does.contains(&Does::Cas),
            StoreOp::Append(_) => self.does.contains(&Does::Append),
            StoreOp::Add(_) => self.does.contains(&Does::Add),
            StoreOp::Txn(_) => self.does.contains(&Does::Txn),
            StoreOp::Enqueue(_) | StoreOp::Dequeue => self.does.contains(&Does::Queue),
            StoreOp::Generate => self.does.contains(&Does::Generate),
            StoreOp::Call(call) => self.does.contains(&needed(call)),
        }
    }
}

/// What a system does that has words for this.
fn needed(call: &Call) -> Does {
    match call {
        Call::Echo(_) => Does::Echo,
        Call::Broadcast(_) | Call::Messages => Does::Broadcast,
        Call::Include(_) | Call::Elements => Does::GrowSet,
        Call::Increase(_) | Call::Total => Does::GrowCounter,
        Call::Send { .. } | Call::Poll(_) | Call::Commit(_) | Call::Committed(_) => Does::Log,
    }
}
