//! What leaves the node's thread: frames to peers and answers to clients.
//!
//! The sockets live on another thread, and each word to it wakes it with a system call. So everything that a batch
//! of inputs leads to crosses over together.

use std::collections::BTreeMap;

use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::frame::{self, Frame};
use crate::inbox::{Answer, Reply};
use crate::raft::types::NodeId;

/// What leaves together.
#[derive(Default)]
struct Departure {
    frames: BTreeMap<NodeId, Vec<u8>>,
    answers: Vec<(Answer, Reply)>,
}

/// The node's end.
pub struct Outbox {
    waiting: Departure,
    sender: UnboundedSender<Departure>,
}

/// The sockets' end.
pub struct Departures(UnboundedReceiver<Departure>);

/// The outbox and its other end.
pub fn outbox() -> (Outbox, Departures) {
    let (sender, receiver) = unbounded_channel();
    let waiting = Departure::default();
    (Outbox { waiting, sender }, Departures(receiver))
}

impl Outbox {
    pub(crate) fn frame(&mut self, to: NodeId, frame: &Frame) {
        frame::write(self.waiting.frames.entry(to).or_default(), frame);
    }

    pub(crate) fn answer(&mut self, answer: Answer, reply: Reply) {
        self.waiting.answers.push((answer, reply));
    }

    /// Let go of what was put in.
    pub(crate) fn depart(&mut self) {
        if !self.waiting.frames.is_empty() || !self.waiting.answers.is_empty() {
            // Nobody receives once the node's process is about to end.
            let _ = self.sender.send(std::mem::take(&mut self.waiting));
        }
    }
}

impl Departures {
    /// Hand everything to the clients, and to the peers' queues, until the node has ended.
    pub async fn distribute(mut self, peers: BTreeMap<NodeId, Sender<Vec<u8>>>) {
        while let Some(Departure { frames, answers }) = self.0.recv().await {
            for (to, bytes) in frames {
                if let Some(queue) = peers.get(&to) {
                    // A full queue loses the frames, as a network would.
                    let _ = queue.try_send(bytes);
                }
            }
            for (answer, reply) in answers {
                answer.give(reply);
            }
        }
    }
}
