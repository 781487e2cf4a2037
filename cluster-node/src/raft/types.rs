//! Terms, indexes, entries, messages: what the core speaks of.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hash;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A term (Raft section 5.1). No leader has term 0.
    Term
}
number! {
    /// A position in the log; the first entry has index 1 (Raft section 5.3).
    LogIndex
}
number! {
    /// A request of a client or of a follower that waits for an answer; unique while the node runs.
    RequestId
}
number! {
    /// A round of heartbeats that confirms leadership for reads (Raft section 8).
    Round
}

impl LogIndex {
    /// The one after it.
    pub const fn next(self) -> LogIndex {
        LogIndex(self.0 + 1)
    }

    /// The one before it; that of the first is 0, where no entry is.
    pub const fn previous(self) -> LogIndex {
        LogIndex(self.0.saturating_sub(1))
    }
}

impl Term {
    /// The one after it.
    pub const fn next(self) -> Term {
        Term(self.0 + 1)
    }
}

/// Milliseconds on the node's monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// So much later.
    pub const fn plus(self, ms: u64) -> Millis {
        Millis(self.0 + ms)
    }
}

/// The name of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Arc<str>);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        NodeId(name.into())
    }
}

/// An entry of the log. An empty payload is a no-op.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader who appended it.
    pub term: Term,
    /// Where it stands.
    pub index: LogIndex,
    /// What the state machine is to do.
    #[serde(with = "bytes")]
    pub payload: Arc<[u8]>,
}

/// Bytes as one piece; serde would take them one by one.
pub(crate) mod bytes {
    use std::fmt;
    use std::sync::Arc;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Arc<[u8]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }
    }
}

impl Entry {
    /// Equal iff the entries are, as far as 64 bits can tell.
    pub fn hash(&self) -> u64 {
        hash::of([
            self.term.0.to_le_bytes().as_slice(),
            &self.index.0.to_le_bytes(),
            &self.payload,
        ])
    }
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last entry's index.
    pub index: LogIndex,
    /// The last entry's term.
    pub term: Term,
}

impl Position {
    /// Whether a log that ends here is at least as up to date as one that ends at `other` (Raft section 5.4.1).
    pub fn is_up_to_date_with(self, other: Position) -> bool {
        (self.term, self.index) >= (other.term, other.index)
    }
}

/// Why a vote was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// The candidate's log is older than the voter's.
    Log,
    /// The voter has voted for another, or is in a later term.
    Voted,
    /// The voter hears a leader (pre-vote only).
    Leader,
}

/// What nodes tell each other. Each carries the sender's term, except as said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Message {
    /// Would you vote for me in this term? `term` is the one after the sender's (Raft thesis, section 9.6).
    PreVote { term: Term, last: Position },
    /// The answer; `term` is the one asked about if it was granted, else the voter's.
    PreVoteReply { term: Term, refused: Option<Refusal> },
    /// Raft, figure 2.
    RequestVote { term: Term, last: Position },
    /// Raft, figure 2.
    RequestVoteReply { term: Term, refused: Option<Refusal> },
    /// Raft, figure 2; `round` is repeated in the reply, and confirms reads.
    AppendEntries {
        term: Term,
        prev: Position,
        entries: Vec<Entry>,
        commit: LogIndex,
        round: Round,
    },
    /// `matched` is up to where the logs agree for certain; on a conflict `hint` is where to try again.
    AppendEntriesReply {
        term: Term,
        matched: Option<LogIndex>,
        hint: LogIndex,
        round: Round,
    },
    /// A follower asks on a client's behalf up to where it has to apply before it may read.
    ReadIndex { term: Term, id: RequestId },
    /// The answer; none if the asked node does not lead.
    ReadIndexReply {
        term: Term,
        id: RequestId,
        index: Option<LogIndex>,
    },
}

impl Message {
    /// The term that it speaks of.
    pub fn term(&self) -> Term {
        match self {
            Message::PreVote { term, .. }
            | Message::PreVoteReply { term, .. }
            | Message::RequestVote { term, .. }
            | Message::RequestVoteReply { term, .. }
            | Message::AppendEntries { term, .. }
            | Message::AppendEntriesReply { term, .. }
            | Message::ReadIndex { term, .. }
            | Message::ReadIndexReply { term, .. } => *term,
        }
    }
}
