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

/// Whether entries follow `prev` without a gap, and their terms never fall nor pass the leader's.
fn fits(term: Term, prev: Position, entries: &[Entry]) -> bool {
    let mut before = prev;
    entries.iter().all(|entry| {
        let fits = Some(entry.index.0) == before.index.0.checked_add(1)
            && (before.term..=term).contains(&entry.term);
        before = Position {
            index: entry.index,
            term: entry.term,
        };
        fits
    })
}

impl Raft {
    pub(super) fn send_heartbeats(&mut self) {
        self.heartbeat_due = self.now.plus(self.config.heartbeat_ms);
        for peer in self.peers.clone() {
            self.send_append(&peer, Vec::new());
            self.replicate(&peer);
        }
    }

    /// Send what the follower lacks, as far as the window allows. Whether anything was sent.
    pub(super) fn replicate(&mut self, peer: &NodeId) -> bool {
        self.resend_what_was_lost(peer);
        let mut sent = false;
        while let Some(entries) = self.next_batch(peer) {
            let last = entries.last().map(|entry| entry.index);
            self.send_append(peer, entries);
            if let Some((at, last)) = self.progress.get_mut(peer).zip(last) {
                at.under_way.push((last, self.now));
                at.next = last.next();
            }
            sent = true;
        }
        sent
    }

    /// No answer for long: lost, or the follower is slow. Begin again where the logs agree.
    fn resend_what_was_lost(&mut self, peer: &NodeId) {
        let Some(at) = self.progress.get_mut(peer) else {
            return;
        };
        let lost = |sent: Millis| self.now >= sent.plus(self.config.resend_ms);
        if at.under_way.first().is_some_and(|(_, sent)| lost(*sent)) {
            at.under_way.clear();
            at.next = at.matched.next();
        }
    }

    /// The entries that may be sent now, never an empty batch.
    fn next_batch(&self, peer: &NodeId) -> Option<Vec<Entry>> {
        let at = self.progress.get(peer)?;
        if !at.known || at.under_way.len() >= self.config.window {
            return None;
        }
        let (batch, bytes) = (self.config.batch, self.config.batch_bytes);
        let entries = self.log.slice_within(at.next, batch, bytes);
        (!entries.is_empty()).then(|| entries.to_vec())
    }

    pub(super) fn send_append(&mut self, peer: &NodeId, entries: Vec<Entry>) {
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
            // The term is news to the sender. No round: rounds are counted within a term, and should the sender lead
            // ours, this answer says nothing about that.
            let reply = Message::AppendEntriesReply {
                term: self.hard.term,
                matched: None,
                hint: LogIndex(0),
                round: Round(0),
            };
            return self.send(from, reply);
        }
        if !fits(term, prev, &entries) {
            return;
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
        let reply = Message::AppendEntriesReply {
            term,
            matched,
            hint,
            round,
        };
        self.send(from, reply);
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
        // What a follower claims beyond the end of the log is no claim of this term.
        let is_beyond = matched.is_some_and(|matched| matched > self.last().index);
        if self.role != Role::Leader || term < self.hard.term || is_beyond {
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
