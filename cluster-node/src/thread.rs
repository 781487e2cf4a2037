//! The node's thread: takes all that waits in its inbox, and has the node take its turn.
//!
//! What waits during a sync shares the next one.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::board::Board;
use crate::frame::Frame;
use crate::inbox::{Answer, Arrivals, Letter, Reply};
use crate::journal::{JournalError, JournalFile};
use crate::node::{Node, NodeError};
use crate::outbox::Outbox;
use crate::raft::types::NodeId;
use crate::raft::{Action, Persist, Raft};
use crate::shell::Shell;
use crate::storage::{Storage, StorageError};

/// So many inputs share a sync at most.
const BATCH: usize = 4096;
/// A turn that is due is not waited for in smaller steps.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// What joins a node to its process.
pub struct Joint {
    /// The log file.
    pub storage: Storage,
    /// The way out.
    pub outbox: Outbox,
    /// Where the node posts how it stands.
    pub board: Board,
    /// Its journal, if it is to keep one.
    pub journal: Option<JournalFile>,
}

impl Shell for Joint {
    type Client = Answer;

    fn persist(&mut self, what: &Persist) {
        self.storage.persist(what);
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.storage.sync()
    }

    fn post(&mut self, raft: &Raft, actions: &[Action]) {
        self.board.post(raft, actions);
    }

    fn frame(&mut self, to: NodeId, frame: Frame) {
        self.outbox.frame(to, &frame);
    }

    fn answer(&mut self, client: Answer, reply: Reply) {
        self.outbox.answer(client, reply);
    }

    fn depart(&mut self, journal: &[u8]) -> Result<(), JournalError> {
        if let Some(file) = &mut self.journal {
            file.write(journal)?;
        }
        self.outbox.depart();
        Ok(())
    }
}

/// Run the node until it is told to stop. An error means that nothing may be promised any more.
pub fn run(mut node: Node<Answer>, mut joint: Joint, letters: &Arrivals) -> Result<(), NodeError> {
    let mut arrivals = Vec::new();
    loop {
        let wait = node.next_deadline().saturating_sub(now()).max(LEAST_WAIT);
        let first = match letters.0.recv_timeout(wait) {
            Ok(letter) => Some(letter),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut is_to_stop = false;
        for letter in first.into_iter().chain(letters.0.try_iter().take(BATCH)) {
            match letter {
                Letter::Arrival(arrival) => arrivals.push(arrival),
                Letter::Stop => is_to_stop = true,
            }
        }
        node.turn(now(), arrivals.drain(..), &mut joint)?;
        if is_to_stop {
            return node.stop(&mut joint);
        }
    }
}

/// The machine's monotonic clock, which all processes share.
pub fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
