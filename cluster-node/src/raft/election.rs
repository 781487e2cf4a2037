//! Terms, votes, pre-votes, and the leader who no longer hears a majority.

use std::collections::BTreeSet;

use rand::RngExt;

use super::notes::{Event, Refused};
use super::replication::Progress;
use super::types::{LogIndex, Message, NodeId, Position, Refusal, Term};
use super::{Raft, Rejection, Role};

/// So many refusals are remembered.
const DENIED_KEPT: usize = 16;

/// The votes of the present candidacy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Campaign {
    /// Whether these are only pre-votes.
    pre: bool,
    granted: BTreeSet<NodeId>,
}

/// A vote that this server was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// By whom.
    pub by: NodeId,
    /// In which term.
    pub term: Term,
    /// Why.
    pub why: Refusal,
}

impl Raft {
    pub(super) fn reset_election_timer(&mut self) {
        let wait = self
            .rng
            .random_range(self.config.election_min_ms..self.config.election_max_ms);
        self.election_deadline = self.now.plus(wait);
    }

    /// Fall back to follower, in a later term or in the present one.
    pub(super) fn become_follower(&mut self, term: Term, leader: Option<NodeId>) {
        debug_assert!(term >= self.hard.term, "terms never fall");
        if term > self.hard.term {
            self.enter_term(term, None);
        }
        let was_leader = self.role == Role::Leader;
        self.set_role(Role::Follower);
        self.follow(leader);
        if was_leader {
            self.step_down();
        }
    }

    /// One's own vote is given with the term.
    fn enter_term(&mut self, term: Term, vote: Option<NodeId>) {
        let (from, is_election) = (self.hard.term, vote.is_some());
        self.hard.term = term;
        self.hard.voted_for = vote;
        self.note(|_| Event::Term { from, is_election });
        self.save_hard_state();
    }

    /// What was asked of another leader is not answered any more.
    fn follow(&mut self, leader: Option<NodeId>) {
        if self.leader != leader {
            self.leader = leader;
            self.reject_forwarded_reads();
        }
    }

    /// What a leader owes to those who wait. A write may yet commit under another leader: its outcome is unknown.
    fn step_down(&mut self) {
        self.progress.clear();
        self.reject_reads();
        self.reset_election_timer();
        let why = if self.config.rules.unknown_is_not_failure {
            Rejection::LeadershipLost
        } else {
            let leader = self.leader.clone();
            Rejection::NotLeader { leader }
        };
        if !self.config.keep_waiters || why != Rejection::LeadershipLost {
            self.reject_waiters(LogIndex(0), &why);
        }
    }

    pub(super) fn election_timeout(&mut self) {
        self.follow(None);
        self.reset_election_timer();
        if self.config.pre_vote {
            self.ask_whether_to_campaign()
        } else {
            self.start_campaign()
        }
    }

    fn ask_whether_to_campaign(&mut self) {
        self.set_role(Role::Candidate);
        self.campaign = Campaign {
            pre: true,
            granted: BTreeSet::from([self.id.clone()]),
        };
        let message = Message::PreVote {
            term: self.hard.term.next(),
            last: self.last(),
        };
        self.broadcast(&message);
        self.count_votes();
    }

    /// Raft section 5.2: a new term, a vote for oneself, and a request to everybody else.
    fn start_campaign(&mut self) {
        self.enter_term(self.hard.term.next(), Some(self.id.clone()));
        self.set_role(Role::Candidate);
        let last = self.last();
        self.note_vote(&self.id.clone(), false, last, None);
        self.campaigns += 1;
        self.campaign = Campaign {
            pre: false,
            granted: BTreeSet::from([self.id.clone()]),
        };
        let message = Message::RequestVote {
            term: self.hard.term,
            last: self.last(),
        };
        self.broadcast(&message);
        self.count_votes();
    }

    fn broadcast(&mut self, message: &Message) {
        for peer in self.peers.clone() {
            self.send(peer, message.clone());
        }
    }

    fn count_votes(&mut self) {
        if self.campaign.granted.len() < self.majority() {
            return;
        }
        if self.campaign.pre {
            self.start_campaign()
        } else {
            self.become_leader()
        }
    }

    pub(super) fn on_pre_vote(&mut self, from: NodeId, term: Term, last: Position) {
        let hears_leader = self.role == Role::Leader
            || self
                .heard_leader
                .is_some_and(|heard| self.now < heard.plus(self.config.election_min_ms));
        let refused = match () {
            () if term <= self.hard.term => Some(Refusal::Voted),
            () if hears_leader => Some(Refusal::Leader),
            () if self.is_ahead_of(last) => Some(Refusal::Log),
            () => None,
        };
        let is_over = term <= self.hard.term;
        self.note_vote(&from, true, last, refused.map(|why| Refused::of(why, is_over)));
        let term = if refused.is_none() { term } else { self.hard.term };
        self.send(from, Message::PreVoteReply { term, refused });
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, refused: Option<Refusal>) {
        if self.role != Role::Candidate || !self.campaign.pre {
            return;
        }
        match refused {
            Some(why) => self.note_denied(from, term, why),
            None if term == self.hard.term.next() => {
                self.campaign.granted.insert(from);
                self.count_votes();
            }
            None => {}
        }
    }

    /// Raft sections 5.2 and 5.4.1: one vote a term, and none for a log that is behind.
    pub(super) fn on_request_vote(&mut self, from: NodeId, term: Term, last: Position) {
        let voted_for_another = self.hard.voted_for.as_ref().is_some_and(|voted| *voted != from);
        let refused = match () {
            () if term < self.hard.term => Some(Refusal::Voted),
            () if self.is_ahead_of(last) => Some(Refusal::Log),
            () if voted_for_another => Some(Refusal::Voted),
            () => None,
        };
        if refused.is_none() {
            if self.hard.voted_for.is_none() {
                self.hard.voted_for = Some(from.clone());
                self.save_hard_state();
            }
            self.reset_election_timer();
        }
        let is_over = term < self.hard.term;
        self.note_vote(&from, false, last, refused.map(|why| Refused::of(why, is_over)));
        self.send(
            from,
            Message::RequestVoteReply {
                term: self.hard.term,
                refused,
            },
        );
    }

    /// Whether this server's log is more up to date than one that ends there (Raft section 5.4.1).
    fn is_ahead_of(&self, last: Position) -> bool {
        let rules = &self.config.rules;
        let is_behind = if rules.vote_compares_terms {
            !last.is_up_to_date_with(self.last())
        } else {
            last.index < self.last().index
        };
        is_behind && rules.vote_needs_log
    }

    fn note_vote(&mut self, to: &NodeId, pre: bool, req_last: Position, refused: Option<Refused>) {
        self.note(|raft| Event::Vote {
            to: to.clone(),
            pre,
            req_last,
            my_last: raft.last(),
            refused,
        });
    }

    pub(super) fn on_vote_reply(&mut self, from: NodeId, term: Term, refused: Option<Refusal>) {
        // An answer of an earlier term is no vote in this one (Raft section 5.2).
        let counts = term == self.hard.term || !self.config.rules.vote_reply_of_this_term;
        match refused {
            Some(why) => self.note_denied(from, term, why),
            None if counts && self.role == Role::Candidate && !self.campaign.pre => {
                self.campaign.granted.insert(from);
                self.count_votes();
            }
            None => {}
        }
    }

    fn note_denied(&mut self, by: NodeId, term: Term, why: Refusal) {
        if self.denied.len() == DENIED_KEPT {
            self.denied.pop_front();
        }
        self.denied.push_back(Denied { by, term, why });
    }

    fn become_leader(&mut self) {
        debug_assert_eq!(self.role, Role::Candidate);
        self.role = Role::Leader;
        self.note(|raft| Event::Elected {
            votes: raft.campaign.granted.iter().cloned().collect(),
            last: raft.last(),
        });
        self.leader = Some(self.id.clone());
        let next = self.last().index.next();
        self.progress = self
            .peers
            .iter()
            .map(|peer| (peer.clone(), Progress::unknown(next, self.now)))
            .collect();
        if self.config.no_op {
            self.append_own([].into());
        }
        self.last_at_election = self.last().index;
        self.send_heartbeats();
        self.advance_commit();
    }

    pub(super) fn tick_leader(&mut self) {
        if self.config.check_quorum && !self.hears_majority() {
            let term = self.hard.term;
            return self.become_follower(term, None);
        }
        if self.now >= self.heartbeat_due {
            self.send_heartbeats();
        }
    }

    fn hears_majority(&self) -> bool {
        let recent = |at: &&Progress| self.now < at.heard.plus(self.config.election_max_ms);
        self.progress.values().filter(recent).count() + 1 >= self.majority()
    }

    /// A leader's message in this term: whoever sent it leads.
    pub(super) fn hear_leader(&mut self, from: NodeId, term: Term) {
        if self.role == Role::Leader {
            self.broken("one leader a term", |raft| {
                format!("{from} leads term {term} as {} does", raft.id)
            });
        }
        self.become_follower(term, Some(from));
        self.heard_leader = Some(self.now);
        self.reset_election_timer();
    }
}
