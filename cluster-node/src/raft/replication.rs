//! AppendEntries on both sides, and the commit rule.

use super::types::{Entry, LogIndex, Message, Millis, NodeId, Position, Round, Term};
use super::{Action, Persist, Raft, Rejection, Role};

/// What a leader knows of a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The logs agree up to here for certain.
    pub matched: LogIndex,
    /// The next entry to send.
    pub next: LogIndex,
    /// Whether an answer has told where the logs agree; until then one message at a time.
    pub known: bool,
    /// Messages with entries under way: the last index of each, and when it was sent.
    pub under_way: Vec<(LogIndex, Millis)>,
    /// When it was last heard.
    pub heard: Millis,
    /// The last round that it has confirmed.
    pub round: Round,
}

impl Progress {
    pub(super) fn unknown(next: LogIndex, now: Millis) -> Self {
        Progress {
            matched: LogIndex(0),
            next,
            known: false,
            under_way: Vec::new(),
            heard: now,
            round: Round(0),
        }
    }
}

impl Raft {
    pub(super) fn send_heartbeats(&mut self) {
        self.heartbeat_due = self.now.plus(self.config.heartbeat_ms);
        for peer in self.peers.clone() {
            self.send_append(&peer, Vec::new());
            self.replicate(&peer);
        }
    }

    /// Send what the follower lacks, as far as the window allows.
    pub(super) fn replicate(&mut self, peer: &NodeId) {
        let (resend_ms, window, batch) = (self.config.resend_ms, self.config.window, self.config.batch);
        loop {
            let now = self.now;
            let Some(at) = self.progress.get_mut(peer) else {
                return;
            };
            if at
                .under_way
                .first()
                .is_some_and(|(_, sent)| now >= sent.plus(resend_ms))
            {
                // Lost, or the follower is slow: begin again where the logs agree.
                at.under_way.clear();
                at.next = at.matched.next();
            }
            let window = if at.known { window } else { 0 };
            if at.under_way.len() >= window {
                return;
            }
            let next = at.next;
            let entries = self.log.slice(next, batch).to_vec();
            let Some(last) = entries.last().map(|entry| entry.index) else {
                return;
            };
            self.send_append(peer, entries);
            if let Some(at) = self.progress.get_mut(peer) {
                at.under_way.push((last, now));
                at.next = last.next();
            }
        }
    }

    fn send_append(&mut self, peer: &NodeId, entries: Vec<Entry>) {
        let Some(at) = self.progress.get(peer) else { return };
        let prev = at.next.previous();
        let Some(term) = self.log.term(prev) else { return };
        let message = Message::AppendEntries {
            term: self.hard.term,
            prev: Position { index: prev, term },
            entries,
            commit: self.commit,
            round: self.reads.round,
        };
        self.send(peer.clone(), message);
    }

    /// Raft, figure 2: the receiver of AppendEntries.
    pub(super) fn on_append_entries(
        &mut self,
        from: NodeId,
        term: Term,
        prev: Position,
        entries: Vec<Entry>,
        commit: LogIndex,
        round: Round,
    ) {
        if term < self.hard.term {
            let (term, hint) = (self.hard.term, LogIndex(0));
            return self.send(
                from,
                Message::AppendEntriesReply {
                    term,
                    matched: None,
                    hint,
                    round,
                },
            );
        }
        self.hear_leader(from.clone(), term);
        let (matched, hint) = if self.log.term(prev.index) == Some(prev.term) {
            let matched = LogIndex(prev.index.0 + entries.len() as u64);
            self.take_entries(entries);
            // min(leaderCommit, index of last new entry): what follows is not known to agree.
            self.commit_up_to(commit.min(matched));
            (Some(matched), matched.next())
        } else {
            (None, self.conflict_hint(prev.index))
        };
        self.send(
            from,
            Message::AppendEntriesReply {
                term,
                matched,
                hint,
                round,
            },
        );
    }

    /// Delete what conflicts, and append what is new (Raft section 5.3).
    fn take_entries(&mut self, entries: Vec<Entry>) {
        let known = entries
            .iter()
            .take_while(|entry| self.log.term(entry.index) == Some(entry.term))
            .count();
        let new = entries[known..].to_vec();
        let Some(first) = new.first() else { return };
        if first.index <= self.last().index {
            self.truncate(first.index);
        }
        for entry in &new {
            self.log.push(entry.clone());
        }
        self.actions.push(Action::Persist(Persist::Append(new)));
    }

    fn truncate(&mut self, from: LogIndex) {
        debug_assert!(
            from > self.commit || !self.config.rules.commit_current_term_only,
            "a committed entry is never deleted"
        );
        self.log.truncate(from);
        self.actions.push(Action::Persist(Persist::Truncate(from)));
        for (_, (_, id)) in self.waiters.split_off(&from) {
            self.actions.push(Action::Reject {
                id,
                why: Rejection::Truncated,
            });
        }
    }

    /// Where the leader should try again: after the end of a short log, or at the first entry of the wrong term.
    fn conflict_hint(&self, prev: LogIndex) -> LogIndex {
        let last = self.last().index;
        if prev > last {
            last.next()
        } else {
            self.log.first_of_term_at(prev)
        }
    }

    pub(super) fn on_append_reply(
        &mut self,
        from: NodeId,
        term: Term,
        matched: Option<LogIndex>,
        hint: LogIndex,
        round: Round,
    ) {
        if self.role != Role::Leader || term < self.hard.term {
            return;
        }
        let now = self.now;
        let Some(at) = self.progress.get_mut(&from) else {
            return;
        };
        at.heard = now;
        at.round = at.round.max(round);
        match matched {
            Some(matched) => {
                at.known = true;
                at.matched = at.matched.max(matched);
                at.next = at.next.max(at.matched.next());
                at.under_way.retain(|(last, _)| *last > matched);
                self.advance_commit();
                self.replicate(&from);
            }
            None => {
                at.known = false;
                at.under_way.clear();
                at.next = hint.min(at.next.previous()).max(at.matched.next());
                self.send_append(&from, Vec::new());
            }
        }
        self.confirm_reads();
    }

    /// The commit rule (Raft sections 5.3 and 5.4.2).
    pub(super) fn advance_commit(&mut self) {
        let mut matched: Vec<LogIndex> = self.progress.values().map(|at| at.matched).collect();
        matched.push(self.last().index);
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let quorum = matched[self.majority() - 1];
        if quorum <= self.commit {
            return;
        }
        let of_current_term = self.log.term(quorum) == Some(self.hard.term);
        if of_current_term || !self.config.rules.commit_current_term_only {
            self.commit_up_to(quorum);
            self.release_reads();
        }
    }

    fn commit_up_to(&mut self, index: LogIndex) {
        if index <= self.commit {
            return;
        }
        self.commit = index;
        while self.applied < self.commit {
            self.applied = self.applied.next();
            let Some(entry) = self.log.slice(self.applied, 1).first().cloned() else {
                return;
            };
            let waiter = self.waiters.remove(&entry.index);
            let waiter = waiter.filter(|(term, _)| *term == entry.term).map(|(_, id)| id);
            self.actions.push(Action::Apply { entry, waiter });
        }
    }
}
