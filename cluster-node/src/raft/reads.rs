//! ReadIndex: reads that are linearizable without an entry in the log (Raft section 8; thesis section 6.4).
//!
//! A leader notes its commit index, has a majority confirm by a round of heartbeats that it still leads, and lets the
//! read go as soon as that index is applied. Before that, everything that it had in its log when it was elected must
//! be committed: earlier its commit index may lag behind what another leader has acknowledged.

use super::types::{LogIndex, Message, NodeId, RequestId, Round, Term};
use super::{Action, Raft, Rejection, Role};

/// Who asked for a read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asker {
    /// A client of this node.
    Client,
    /// A follower, on behalf of a client of its own.
    Follower(NodeId),
}

/// Reads on their way through a leader; one round at a time confirms all that came before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    /// The round that heartbeats carry.
    pub round: Round,
    /// Not yet part of a round.
    waiting: Vec<(RequestId, Asker)>,
    /// Waits for a majority to answer the present round.
    asked: Vec<(RequestId, Asker, LogIndex)>,
    /// Asked of the leader by this follower.
    forwarded: Vec<RequestId>,
}

impl Raft {
    pub(super) fn read(&mut self, id: RequestId, forward: bool) {
        match (self.role, self.leader.clone()) {
            (Role::Leader, _) => self.reads.waiting.push((id, Asker::Client)),
            (_, Some(leader)) if forward => {
                self.reads.forwarded.push(id);
                let term = self.hard.term;
                self.send(leader, Message::ReadIndex { term, id });
            }
            (_, leader) => self.actions.push(Action::Reject {
                id,
                why: Rejection::NotLeader { leader },
            }),
        }
    }

    pub(super) fn on_read_index(&mut self, from: NodeId, term: Term, id: RequestId) {
        if self.role == Role::Leader && term == self.hard.term {
            return self.reads.waiting.push((id, Asker::Follower(from)));
        }
        let term = self.hard.term;
        self.send(
            from,
            Message::ReadIndexReply {
                term,
                id,
                index: None,
            },
        );
    }

    pub(super) fn on_read_index_reply(&mut self, id: RequestId, index: Option<LogIndex>) {
        let Some(at) = self.reads.forwarded.iter().position(|forwarded| *forwarded == id) else {
            return;
        };
        self.reads.forwarded.swap_remove(at);
        self.actions.push(match index {
            Some(index) => Action::ReadAt { id, index },
            None => Action::Reject {
                id,
                why: Rejection::NotLeader {
                    leader: self.leader.clone(),
                },
            },
        });
    }

    /// Begin a round for the reads that wait, unless one is under way.
    pub(super) fn begin_read_round(&mut self) {
        if self.reads.waiting.is_empty() || !self.reads.asked.is_empty() || self.commit < self.read_barrier()
        {
            return;
        }
        let index = self.commit;
        self.reads.round = Round(self.reads.round.0 + 1);
        self.reads.asked = std::mem::take(&mut self.reads.waiting)
            .into_iter()
            .map(|(id, asker)| (id, asker, index))
            .collect();
        self.send_heartbeats();
        self.confirm_reads();
    }

    /// The barrier may have opened.
    pub(super) fn release_reads(&mut self) {
        self.begin_read_round();
    }

    /// Let the reads go whose round a majority has answered.
    pub(super) fn confirm_reads(&mut self) {
        if self.reads.asked.is_empty() {
            return;
        }
        let round = self.reads.round;
        let confirmed = self.progress.values().filter(|at| at.round >= round).count() + 1;
        if confirmed < self.majority() {
            return;
        }
        for (id, asker, index) in std::mem::take(&mut self.reads.asked) {
            match asker {
                Asker::Client => self.actions.push(Action::ReadAt { id, index }),
                Asker::Follower(follower) => {
                    let (term, index) = (self.hard.term, Some(index));
                    self.send(follower, Message::ReadIndexReply { term, id, index });
                }
            }
        }
        self.begin_read_round();
    }

    /// A leader that steps down confirms nothing more. A read that failed has not happened.
    pub(super) fn reject_reads(&mut self) {
        let asked = std::mem::take(&mut self.reads.asked)
            .into_iter()
            .map(|(id, asker, _)| (id, asker));
        for (id, asker) in std::mem::take(&mut self.reads.waiting)
            .into_iter()
            .chain(asked.collect::<Vec<_>>())
        {
            match asker {
                Asker::Client => {
                    let leader = self.leader.clone();
                    self.actions.push(Action::Reject {
                        id,
                        why: Rejection::NotLeader { leader },
                    });
                }
                Asker::Follower(follower) => {
                    let term = self.hard.term;
                    self.send(
                        follower,
                        Message::ReadIndexReply {
                            term,
                            id,
                            index: None,
                        },
                    );
                }
            }
        }
    }
}
