//! ReadIndex: reads that are linearizable without an entry in the log (Raft section 8; thesis section 6.4).
//!
//! A leader notes its commit index, has a majority confirm by a round of AppendEntries that it still leads, and lets
//! the read go as soon as that index is applied. Before that, everything that it had in its log when it was elected
//! must be committed: earlier its commit index may lag behind what another leader has acknowledged.
//!
//! A read that is not confirmed within the patience of whoever asked is forgotten without a word: the shell has told
//! its client by then.

use std::collections::VecDeque;

use super::notes::ReadMode;
use super::types::{LogIndex, Message, Millis, NodeId, RequestId, Round, Term};
use super::{Action, Raft, Rejection, Role};

/// Who asked for a read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asker {
    /// A client of this node.
    Client,
    /// A follower, on behalf of a client of its own.
    Follower(NodeId),
}

/// A read on its way.
#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    asker: Asker,
    since: Millis,
}

/// Reads on their way through a leader; one round at a time confirms all that came before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    /// The round that AppendEntries carry. It only rises, so an answer to an earlier one confirms nothing.
    pub round: Round,
    /// Not yet part of a round, the oldest first.
    waiting: VecDeque<Pending>,
    /// Waits for a majority to answer the present round, the oldest first.
    asked: VecDeque<Pending>,
    /// The commit index when the present round began.
    index: LogIndex,
    /// Asked of the present leader by this follower, the oldest first.
    forwarded: VecDeque<(RequestId, Millis)>,
}

impl Reads {
    /// How many reads are under way.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.asked.len() + self.forwarded.len()
    }
}

impl Raft {
    pub(super) fn read(&mut self, id: RequestId, forward: bool) {
        match (self.role, self.leader.clone()) {
            (Role::Leader, _) => self.enqueue_read(id, Asker::Client),
            _ if !self.config.rules.read_asks_leader => {
                let (index, mode) = (self.applied, ReadMode::Local);
                self.actions.push(Action::ReadAt { id, index, mode });
            }
            (_, Some(leader)) if forward => {
                self.reads.forwarded.push_back((id, self.now));
                let term = self.hard.term;
                self.send(leader, Message::ReadIndex { term, id });
            }
            _ => self.reject_read(id, Asker::Client),
        }
    }

    pub(super) fn on_read_index(&mut self, from: NodeId, term: Term, id: RequestId) {
        let asker = Asker::Follower(from);
        if self.role == Role::Leader && term == self.hard.term {
            self.enqueue_read(id, asker)
        } else {
            self.reject_read(id, asker)
        }
    }

    fn enqueue_read(&mut self, id: RequestId, asker: Asker) {
        let since = self.now;
        self.reads.waiting.push_back(Pending { id, asker, since });
    }

    /// Whoever answers was asked in its term: the index was its commit index after the read began.
    pub(super) fn on_read_index_reply(&mut self, id: RequestId, index: Option<LogIndex>) {
        let mut forwarded = self.reads.forwarded.iter();
        let Some(at) = forwarded.position(|(forwarded, _)| *forwarded == id) else {
            return;
        };
        self.reads.forwarded.remove(at);
        match index {
            Some(index) => {
                let mode = ReadMode::Forwarded;
                self.actions.push(Action::ReadAt { id, index, mode });
            }
            None => self.reject_read(id, Asker::Client),
        }
    }

    /// Begin a round for the reads that wait, unless one is under way or the barrier is closed. Whether one began:
    /// its number is still to be sent.
    pub(super) fn begin_read_round(&mut self) -> bool {
        let barrier_is_open =
            self.commit >= self.last_at_election || !self.config.rules.read_waits_for_barrier;
        if self.reads.waiting.is_empty() || !self.reads.asked.is_empty() || !barrier_is_open {
            return false;
        }
        self.reads.round = Round(self.reads.round.0 + 1);
        self.reads.index = self.commit;
        self.reads.asked = std::mem::take(&mut self.reads.waiting);
        true
    }

    /// Let the reads go whose round a majority has answered.
    pub(super) fn confirm_reads(&mut self) {
        let round = self.reads.round;
        let confirmed = self.progress.values().filter(|at| at.round >= round).count() + 1;
        if confirmed < self.majority() && self.config.rules.read_confirms_leadership {
            return;
        }
        let index = self.reads.index;
        let mode = self.confirmation();
        for Pending { id, asker, .. } in std::mem::take(&mut self.reads.asked) {
            match asker {
                Asker::Client => {
                    let mode = mode.clone();
                    self.actions.push(Action::ReadAt { id, index, mode });
                }
                Asker::Follower(follower) => self.reply_read_index(follower, id, Some(index)),
            }
        }
    }

    /// Who has confirmed the present round.
    fn confirmation(&self) -> ReadMode {
        let round = self.reads.round;
        let confirmed = self.progress.iter().filter(|(_, at)| at.round >= round);
        let others = confirmed.map(|(peer, _)| peer.clone());
        let acks = if self.is_observed() && !self.reads.asked.is_empty() {
            std::iter::once(self.id.clone()).chain(others).collect()
        } else {
            [].into()
        };
        ReadMode::Leader { round, acks }
    }

    /// A leader that steps down confirms nothing more. A read that failed has not happened.
    pub(super) fn reject_reads(&mut self) {
        let asked = std::mem::take(&mut self.reads.asked);
        for read in asked.into_iter().chain(std::mem::take(&mut self.reads.waiting)) {
            self.reject_read(read.id, read.asker);
        }
    }

    /// The leader that was asked leads no more, or may not; its answer is not waited for.
    pub(super) fn reject_forwarded_reads(&mut self) {
        for (id, _) in std::mem::take(&mut self.reads.forwarded) {
            self.reject_read(id, Asker::Client);
        }
    }

    /// Forget the reads that nobody waits for any more.
    pub(super) fn forget_old_reads(&mut self) {
        let patience_ms = self.config.read_patience_ms;
        let is_old = |since: Millis| since.plus(patience_ms) <= self.now;
        while self
            .reads
            .waiting
            .pop_front_if(|read| is_old(read.since))
            .is_some()
        {}
        while self.reads.asked.pop_front_if(|read| is_old(read.since)).is_some() {}
        while self
            .reads
            .forwarded
            .pop_front_if(|(_, since)| is_old(*since))
            .is_some()
        {}
    }

    fn reject_read(&mut self, id: RequestId, asker: Asker) {
        match asker {
            Asker::Client => {
                let leader = self.leader.clone();
                let why = Rejection::NotLeader { leader };
                self.actions.push(Action::Reject { id, why });
            }
            Asker::Follower(follower) => self.reply_read_index(follower, id, None),
        }
    }

    fn reply_read_index(&mut self, follower: NodeId, id: RequestId, index: Option<LogIndex>) {
        let term = self.hard.term;
        self.send(follower, Message::ReadIndexReply { term, id, index });
    }
}
