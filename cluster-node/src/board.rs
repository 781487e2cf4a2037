//! Where the node posts how it stands, so that a status neither waits for the disk nor costs the node's thread much.
//!
//! It is posted after each batch of inputs: what stands there is on disk, and as much as anybody could have been told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::raft::types::Entry;
use crate::raft::{Action, Persist, Raft, Status};

/// No status shows more of the log's end.
pub const LONGEST_TAIL: usize = 256;

/// Cheap to clone; all clones are one board.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Posted>>);

struct Posted {
    /// Without its tail.
    status: Status,
    tail: VecDeque<Entry>,
}

impl Board {
    /// How the node stands before its first input.
    pub fn new(raft: &Raft) -> Self {
        Board(Arc::new(Mutex::new(Posted {
            status: raft.status(0),
            tail: raft.status(LONGEST_TAIL).tail.into(),
        })))
    }

    /// How the node stands now, with at most `tail` entries of the log's end.
    pub fn status(&self, tail: usize) -> Status {
        let posted = self.lock();
        let skipped = posted.tail.len().saturating_sub(tail);
        Status {
            tail: posted.tail.iter().skip(skipped).cloned().collect(),
            ..posted.status.clone()
        }
    }

    /// How the node stands after these actions, which have made what they say durable.
    pub(crate) fn post(&self, raft: &Raft, actions: &[Action]) {
        let mut posted = self.lock();
        posted.status = raft.status(0);
        for action in actions {
            match action {
                Action::Persist(Persist::Append(entries)) => posted.tail.extend(entries.iter().cloned()),
                Action::Persist(Persist::Truncate(from)) => posted.tail.retain(|entry| entry.index < *from),
                _ => {}
            }
        }
        let excess = posted.tail.len().saturating_sub(LONGEST_TAIL);
        posted.tail.drain(..excess);
        if posted.tail.len() < LONGEST_TAIL && posted.tail.front().is_none_or(|first| first.index.0 > 1) {
            // Deleted entries had pushed older ones out.
            posted.tail = raft.status(LONGEST_TAIL).tail.into();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        // What is posted is replaced as a whole or extended; there is nothing half done to be afraid of.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
