//! AppendEntries on both sides, and the commit rule.

use super::notes::Event;
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

/// Whether entries follow `prev` without a gap.
fn is_gapless(prev: Position, entries: &[Entry]) -> bool {
    let mut before = prev.index;
    entries.iter().all(|entry| {
        let follows = Some(entry.index.0) == before.0.checked_add(1);
        before = entry.index;
        follows
    })
}

/// Whether the terms of entries after `prev` never fall, nor pass their leader's.
fn terms_fit(term: Term, prev: Position, entries: &[Entry]) -> bool {
    let mut before = prev.term;
    entries.iter().all(|entry| {
        let fits = (before..=term).contains(&entry.term);
        before = entry.term;
        fits
    })
}

impl Raft {
    /// Whether entries of a leader make sense: they follow `prev` without a gap, and terms never fall.
    fn accepts(&mut self, term: Term, prev: Position, entries: &[Entry]) -> bool {
        if !is_gapless(prev, entries) {
            return false;
        }
        let fits = terms_fit(term, prev, entries);
        if !fits && self.has_bugs() {
            self.broken("terms never fall along a log", |_| {
                format!("entries after {} do not fit term {term}", prev.index)
            });
        }
        // What another bug has let through is taken like anything else.
        fits || self.has_bugs()
    }

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
        if term < self.hard.term && self.config.rules.refuse_old_terms {
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
        if !self.accepts(term, prev, &entries) {
            return;
        }
        self.hear_leader(from.clone(), self.hard.term);
        let (matched, hint) = if self.agrees_at(prev) {
            let matched = LogIndex(prev.index.0 + entries.len() as u64);
            self.take_entries(&from, entries);
            self.follow_commit(commit, matched);
            self.note(|_| Event::Ack {
                to: from.clone(),
                matched,
            });
            (Some(matched), self.last().index.next())
        } else {
            (None, self.conflict_hint(prev.index))
        };
        let reply = Message::AppendEntriesReply {
            term: self.hard.term,
            matched,
            hint,
            round,
        };
        self.send(from, reply);
    }

    /// The consistency check of Raft section 5.3.
    fn agrees_at(&self, prev: Position) -> bool {
        let term = self.log.term(prev.index);
        term == Some(prev.term) || (term.is_some() && !self.config.rules.check_prev_term)
    }

    /// Delete what conflicts, and append what is new (Raft section 5.3).
    fn take_entries(&mut self, from: &NodeId, entries: Vec<Entry>) {
        let known = entries.iter().take_while(|entry| self.is_known(entry)).count();
        let new = entries[known..].to_vec();
        let Some(first) = new.first() else { return };
        if first.index <= self.last().index {
            self.truncate(from, first.index);
        }
        for entry in &new {
            self.append(entry.clone(), from.clone());
        }
        self.actions.push(Action::Persist(Persist::Append(new)));
    }

    /// Whether the entry need not be taken.
    fn is_known(&self, entry: &Entry) -> bool {
        let rules = &self.config.rules;
        match self.log.term(entry.index) {
            None => false,
            Some(term) if term == entry.term => rules.truncate_on_conflict_only,
            Some(_) => !rules.truncate_on_conflict,
        }
    }

    fn truncate(&mut self, by: &NodeId, from: LogIndex) {
        let (commit, last) = (self.commit, self.last().index);
        self.note(|_| Event::Truncate {
            from,
            removed: last.next().0 - from.0,
            by: by.clone(),
            commit,
        });
        if from <= commit {
            self.broken("a committed entry is never deleted", |_| {
                format!("{by} has entry {from} deleted, and {commit} is committed")
            });
        }
        self.log.truncate(from);
        self.actions.push(Action::Persist(Persist::Truncate(from)));
        self.reject_waiters(from, &Rejection::Truncated);
    }

    /// Who waits for an entry from `from` on is told; who waits for whatever comes there goes on waiting.
    pub(super) fn reject_waiters(&mut self, from: LogIndex, why: &Rejection) {
        for (index, waiter) in self.waiters.split_off(&from) {
            if waiter.term.is_none() {
                self.waiters.insert(index, waiter);
            } else {
                let (id, why) = (waiter.id, why.clone());
                self.actions.push(Action::Reject { id, why });
            }
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
        let end = self.last().index.next();
        let is_beyond = matched.is_some_and(|matched| matched >= end);
        if self.role != Role::Leader || term < self.hard.term || is_beyond {
            return;
        }
        let matched = if self.config.rules.match_is_prev_plus_entries {
            matched
        } else {
            matched.map(|_| hint.previous())
        };
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
                at.next = at.next.max(at.matched.next()).min(end);
                at.under_way.retain(|(last, _)| *last > matched);
                self.advance_commit();
                self.replicate(&from);
            }
            None => {
                at.known = false;
                at.under_way.clear();
                let before = at.next;
                at.next = hint.min(before.previous()).max(at.matched.next()).min(end);
                // Nothing earlier can be asked for: the next heartbeat will do, or the two would talk without a pause.
                if at.next < before {
                    self.send_append(&from, Vec::new());
                }
            }
        }
        self.confirm_reads();
    }

    /// The commit rule (Raft sections 5.3 and 5.4.2).
    pub(super) fn advance_commit(&mut self) {
        let mut matched: Vec<LogIndex> = self.progress.values().map(|at| at.matched).collect();
        matched.push(self.last().index);
        if !self.config.rules.leader_counts_once {
            matched.push(self.last().index);
        }
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let quorum = matched[self.majority() - 1].min(self.last().index);
        if quorum <= self.commit {
            return;
        }
        let term = self.log.term(quorum).unwrap_or_default();
        if term == self.hard.term || !self.config.rules.commit_current_term_only {
            self.commit_up_to(quorum);
        } else {
            self.note_blocked(Position { index: quorum, term });
        }
    }

    /// What a leader says that it has committed, after its AppendEntries has been taken up to `matched`.
    fn follow_commit(&mut self, commit: LogIndex, matched: LogIndex) {
        // min(leaderCommit, index of last new entry): what follows is not known to agree.
        let agreed = if self.config.rules.commit_up_to_last_new_entry {
            matched
        } else {
            self.last().index
        };
        let commit = commit.min(agreed);
        if commit < self.commit && !self.config.rules.commit_only_rises {
            self.set_commit(commit);
            self.broken("the commit index only rises", |raft| {
                format!("it falls to {commit}, and {} is applied", raft.applied)
            });
        }
        self.commit_up_to(commit);
    }

    fn set_commit(&mut self, to: LogIndex) {
        let from = std::mem::replace(&mut self.commit, to);
        self.note(|raft| Event::Commit {
            from,
            to,
            t_at: raft.log.term(to).unwrap_or_default(),
            role: raft.role,
            matched: (raft.role == Role::Leader).then(|| raft.matched()),
        });
    }

    /// Up to where each server holds the log, this one included.
    fn matched(&self) -> Vec<(NodeId, LogIndex)> {
        let of_peers = self.progress.iter().map(|(peer, at)| (peer.clone(), at.matched));
        let own = (self.id.clone(), self.last().index);
        std::iter::once(own).chain(of_peers).collect()
    }

    fn commit_up_to(&mut self, index: LogIndex) {
        if index <= self.commit {
            return;
        }
        self.set_commit(index);
        while self.applied < self.commit {
            self.applied = self.applied.next();
            let Some(entry) = self.log.slice(self.applied, 1).first().cloned() else {
                return;
            };
            let waiter = self.waiters.remove(&entry.index);
            let waiter = waiter.filter(|waiter| waiter.waits_for(&entry));
            let waiter = waiter.map(|waiter| waiter.id);
            self.actions.push(Action::Apply { entry, waiter });
        }
    }
}
