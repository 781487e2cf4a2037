//! What a node is joined to: the shell of a process is in [`crate::thread`], another is the simulation's.

use crate::frame::Frame;
use crate::inbox::Reply;
use crate::journal::JournalError;
use crate::raft::types::NodeId;
use crate::raft::{Action, Persist, Raft};
use crate::storage::StorageError;

/// What a node is joined to. It is called in the order in which things have to happen.
pub trait Shell {
    /// A client who waits for a reply.
    type Client;

    /// Keep this for the next sync.
    fn persist(&mut self, what: &Persist);

    /// Make all of it durable.
    ///
    /// # Errors
    /// It is not, and never will be: the node must stop.
    fn sync(&mut self) -> Result<(), StorageError>;

    /// The node stands like this, and what it says is durable.
    fn post(&mut self, raft: &Raft, actions: &[Action]);

    /// Send it with the next departure; it may get lost.
    fn frame(&mut self, to: NodeId, frame: Frame);

    /// Tell the client with the next departure.
    fn answer(&mut self, client: Self::Client, reply: Reply);

    /// Let go of frames and answers, after these lines of the journal have been written down.
    ///
    /// # Errors
    /// The lines could not be written: the node must stop.
    fn depart(&mut self, journal: &[u8]) -> Result<(), JournalError>;
}
