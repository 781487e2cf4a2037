//! The way to the node's thread: what comes to it, and what its clients are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::forward::{Forward, Forwarded};
use crate::machine::{Command, Outcome, Session};
use crate::raft::Rejection;
use crate::raft::types::{Message, NodeId, Position};

/// So many requests may wait; what is more is told `overloaded`.
const MOST_WAITING: usize = 20_000;

/// What comes to a node; `C` is a client who waits for a reply.
pub enum Arrival<C> {
    /// What a peer's core says.
    Message(NodeId, Message),
    /// A write of a client of a peer's.
    Forward(NodeId, Forward),
    /// What came of a write that this node had forwarded.
    Forwarded(Forwarded),
    /// A command to be applied.
    Write(Write, C),
    /// A read.
    Read {
        /// Of this key.
        key: String,
        /// Whether a follower asks its leader.
        forward: bool,
        /// Who asks.
        client: C,
    },
}

/// What comes to the node's thread.
pub(crate) enum Letter {
    Arrival(Arrival<Answer>),
    Stop,
}

/// A write as it comes to the node.
pub struct Write {
    /// Its entry's payload.
    pub payload: Arc<[u8]>,
    /// The name of its operation.
    pub op: &'static str,
    /// Its session.
    pub session: Option<Session>,
    /// Whether a follower hands it to its leader.
    pub forward: bool,
}

impl Write {
    /// None if the command is too long for an entry.
    pub fn of(command: &Command, forward: bool) -> Option<Self> {
        Some(Write {
            payload: command.encode()?,
            op: command.name(),
            session: command.session,
            forward,
        })
    }
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The command was applied there, with this outcome.
    Applied(Position, Outcome),
    /// The value, and the last applied entry.
    Value(Position, Value),
    /// It failed.
    Rejected(Rejection),
    /// It took too long: a read did not happen, a write may yet.
    Timeout {
        /// Whether it was a write.
        write: bool,
    },
    /// Too much is waiting; nothing was appended.
    Overloaded,
    /// The node is stopping.
    Stopping,
}

/// A client who waits for a reply, be it still there or gone.
pub struct Answer {
    reply: oneshot::Sender<Reply>,
    _waiting: Waiting,
}

impl Answer {
    /// Tell the client. One who has gone is not told.
    pub(crate) fn give(self, reply: Reply) {
        let _ = self.reply.send(reply);
    }
}

/// A request counts as waiting for as long as the node holds on to it, even if its client has gone.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The way to the node. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    sender: Sender<Letter>,
    waiting: Arc<AtomicUsize>,
}

impl Inbox {
    fn send(&self, arrival: Arrival<Answer>) {
        // Nobody receives once the node's process is about to end.
        let _ = self.sender.send(Letter::Arrival(arrival));
    }

    /// A message of a peer.
    pub fn message(&self, from: NodeId, message: Message) {
        self.send(Arrival::Message(from, message));
    }

    /// A write that a peer hands on.
    pub fn forward(&self, from: NodeId, forward: Forward) {
        self.send(Arrival::Forward(from, forward));
    }

    /// What a peer says of a write that was handed to it.
    pub fn forwarded(&self, forwarded: Forwarded) {
        self.send(Arrival::Forwarded(forwarded));
    }

    /// A command to be applied.
    pub async fn write(&self, write: Write) -> Reply {
        self.ask(|client| Arrival::Write(write, client)).await
    }

    /// A read; with `forward` a follower asks its leader.
    pub async fn read(&self, key: String, forward: bool) -> Reply {
        self.ask(|client| Arrival::Read { key, forward, client }).await
    }

    async fn ask(&self, arrival: impl FnOnce(Answer) -> Arrival<Answer>) -> Reply {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(Arc::clone(&self.waiting));
        if before >= MOST_WAITING {
            return Reply::Overloaded;
        }
        let (reply, replied) = oneshot::channel();
        let answer = Answer {
            reply,
            _waiting: waiting,
        };
        self.send(arrival(answer));
        replied.await.unwrap_or(Reply::Stopping)
    }

    /// Stop after what has come before.
    pub fn stop(&self) {
        let _ = self.sender.send(Letter::Stop);
    }
}

/// The node's end of the inbox.
pub struct Arrivals(pub(crate) Receiver<Letter>);

/// The inbox and its other end.
pub fn inbox() -> (Inbox, Arrivals) {
    let (sender, receiver) = channel();
    let waiting = Arc::default();
    (Inbox { sender, waiting }, Arrivals(receiver))
}
