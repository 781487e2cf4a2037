//! Why a run cannot go on.

use nemesis::NodeId;

/// What ends a run before its time; nothing of it is the store's answer to a fault.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// A node that was to come up again is broken by itself.
    #[error("{node} did not start again: {reason}")]
    NotStarted {
        /// Who.
        node: NodeId,
        /// Why not, with the last lines that it wrote.
        reason: String,
    },
    /// A node ended otherwise than it was killed.
    #[error("{node} was to be killed, but {reason}: {evidence}")]
    NotKilled {
        /// Who.
        node: NodeId,
        /// What was seen.
        reason: String,
        /// All that is known.
        evidence: serde_json::Value,
    },
    /// A fault that is still in force would be blamed on the store.
    #[error("cannot undo a fault: {what}: {why}")]
    NotUndone {
        /// The effect that was to undo it.
        what: &'static str,
        /// What came of that.
        why: String,
    },
    /// Our own fault.
    #[error("{0} broke, a bug of ours")]
    Panicked(&'static str),
}
