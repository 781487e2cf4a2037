//! What the core tells of itself while it is observed, in the order in which it happens (docs/journal.md).

use std::sync::Arc;

use super::types::{Entry, LogIndex, NodeId, Position, Refusal, Term};
use super::{Raft, Role};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The term after it.
    pub term: Term,
    /// What it was.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "docs/journal.md says it")]
pub enum Event {
    Term {
        from: Term,
        is_election: bool,
    },
    Vote {
        to: NodeId,
        pre: bool,
        req_last: Position,
        my_last: Position,
        refused: Option<Refused>,
    },
    Role(Role),
    /// The role changed to leader: who voted, and where the log ended then.
    Elected {
        votes: Vec<NodeId>,
        last: Position,
    },
    Append {
        entry: Entry,
        from: NodeId,
    },
    Truncate {
        from: LogIndex,
        removed: u64,
        by: NodeId,
        commit: LogIndex,
    },
    /// An AppendEntries is about to be answered with success.
    Ack {
        to: NodeId,
        matched: LogIndex,
    },
    Commit {
        from: LogIndex,
        to: LogIndex,
        t_at: Term,
        role: Role,
        /// Of a leader who counted.
        matched: Option<Vec<(NodeId, LogIndex)>>,
    },
    /// A quorum holds an entry of an older term, and the leader does not commit it by counting (Raft section 5.4.2).
    CommitBlocked {
        index: LogIndex,
        term: Term,
    },
    /// An invariant is broken.
    Broken {
        name: &'static str,
        detail: String,
    },
}

/// Why a vote was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The candidate's term is over.
    Term,
    /// What the candidate is told.
    For(Refusal),
}

impl Refused {
    pub(super) fn of(why: Refusal, is_over: bool) -> Self {
        if is_over { Refused::Term } else { Refused::For(why) }
    }
}

/// How a read came to its index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "docs/journal.md says it")]
pub enum ReadMode {
    /// Confirmed by these, in this round of the leader's; nobody is named while the core is not observed.
    Leader {
        round: super::types::Round,
        acks: Arc<[NodeId]>,
    },
    /// The leader was asked.
    Forwarded,
    /// Nobody was asked.
    Local,
}

/// The notes since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Notes {
    is_observed: bool,
    taken: Vec<Note>,
    /// What was blocked last.
    blocked: Position,
}

impl Raft {
    /// From now on, take notes.
    pub fn observe(&mut self) {
        self.notes.is_observed = true;
    }

    /// What happened since it was last asked.
    pub fn take_notes(&mut self) -> impl Iterator<Item = Note> + '_ {
        self.notes.taken.drain(..)
    }

    pub(super) fn is_observed(&self) -> bool {
        self.notes.is_observed
    }

    /// The event is only made where somebody wants it.
    pub(super) fn note(&mut self, event: impl FnOnce(&Raft) -> Event) {
        if self.notes.is_observed {
            let note = Note {
                term: self.hard.term,
                event: event(self),
            };
            self.notes.taken.push(note);
        }
    }

    /// Once for an index and a term.
    pub(super) fn note_blocked(&mut self, blocked: Position) {
        if self.notes.blocked != blocked {
            self.notes.blocked = blocked;
            self.note(|_| Event::CommitBlocked {
                index: blocked.index,
                term: blocked.term,
            });
        }
    }

    /// An invariant is broken. A correct node must not come here; one with a bug goes on, for that is what was asked for.
    pub(super) fn broken(&mut self, name: &'static str, detail: impl FnOnce(&Raft) -> String) {
        debug_assert!(self.has_bugs(), "{name}: {}", detail(self));
        self.note(|raft| Event::Broken {
            name,
            detail: detail(raft),
        });
    }

    pub(super) fn has_bugs(&self) -> bool {
        self.config.rules != super::rules::Rules::default()
    }
}
