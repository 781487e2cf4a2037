//! Writes that a follower hands to its leader on a client's behalf, and again while there is no answer.
//!
//! However often a write is handed on, it is one request: it travels under its client's session or, where the client
//! has none, under one that is made for it alone. So the state machine applies it once, whichever leader takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hash;
use crate::machine::{Command, Session};
use crate::raft::types::{Millis, NodeId, Position, RequestId};

/// A follower to its leader: append this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The follower's number of the request.
    pub id: RequestId,
    /// The entry's payload.
    #[serde(with = "crate::raft::types::bytes")]
    pub payload: Arc<[u8]>,
}

/// The leader's answer, when the entry is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The follower's number of the request.
    pub id: RequestId,
    /// Where it stands in the log.
    pub at: Position,
    /// The outcome as JSON.
    pub outcome: String,
}

/// A write that was handed on and is not answered yet.
struct Pending {
    command: Command,
    attempts: u64,
    again_at: Millis,
}

/// All of them.
pub struct Forwards {
    node: NodeId,
    timeout_ms: u64,
    keeps_id: bool,
    pending: BTreeMap<RequestId, Pending>,
}

impl Forwards {
    /// Nothing yet. Without `keeps_id`, which only a bug wants, each attempt is a request of its own.
    pub fn new(node: &NodeId, timeout_ms: u64, keeps_id: bool) -> Self {
        Forwards {
            node: node.clone(),
            timeout_ms,
            keeps_id,
            pending: BTreeMap::new(),
        }
    }

    /// A client's write is to be handed on; it is due at once.
    pub fn add(&mut self, id: RequestId, command: Command, now: Millis) {
        let pending = Pending {
            command,
            attempts: 0,
            again_at: now,
        };
        self.pending.insert(id, pending);
    }

    /// The client has its answer, or has gone.
    pub fn remove(&mut self, id: RequestId) {
        self.pending.remove(&id);
    }

    /// When the next one is due.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.pending.values().map(|pending| pending.again_at).min()
    }

    /// What is to be handed on now.
    pub fn due(&mut self, now: Millis) -> Vec<Forward> {
        let (node, keeps_id, again_at) = (&self.node, self.keeps_id, now.plus(self.timeout_ms));
        let due = self
            .pending
            .iter_mut()
            .filter(|(_, pending)| pending.again_at <= now);
        due.filter_map(|(id, pending)| {
            pending.again_at = again_at;
            pending.attempts += 1;
            let own = || own_session(node, *id);
            let command = Command {
                session: keeps_id.then(|| pending.command.session.unwrap_or_else(own)),
                retry: pending.command.retry || pending.attempts > 1,
                ..pending.command.clone()
            };
            let payload = command.encode()?;
            Some(Forward { id: *id, payload })
        })
        .collect()
    }
}

/// A client that there is only for this request. The highest bit is set: clients of people's choice are small numbers.
fn own_session(node: &NodeId, id: RequestId) -> Session {
    let own = hash::of([node.0.as_bytes(), &id.0.to_le_bytes()]);
    Session {
        client: own | 1 << 63,
        seq: 1,
    }
}
