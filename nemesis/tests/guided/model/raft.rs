//! Elections, replication and commitment, each done in one step.

use super::*;

impl Cluster {
    pub fn campaign(&mut self, me: NodeId) {
        self.rest(me);
        let node = &mut self.nodes[me.0];
        node.term = Term(node.term.0 + 1);
        (node.role, node.voted, node.leader) = (Role::Candidate, Some(me), None);
        node.campaigns += 1;
        let (term, last) = (node.term, node.last());
        let mut votes = 1;
        for other in self.others(me) {
            self.offer(Link(me, other), Frame::RequestVote { term, last });
            if !self.reaches(me, other) {
                continue;
            }
            match self.vote(me, other, term, last) {
                None => votes += 1,
                Some(why) => {
                    let (by, newer) = (other, self.nodes[other.0].term);
                    let why = why.to_owned();
                    self.nodes[me.0].denied.push(Denied { by, term, why });
                    self.see_term(me, newer);
                }
            }
        }
        if votes > self.nodes.len() / 2 && self.nodes[me.0].term == term {
            self.win(me);
        }
    }

    /// `voter` is asked by `me`; why it refuses, if it does.
    pub fn vote(
        &mut self,
        me: NodeId,
        voter: NodeId,
        term: Term,
        last: (Term, usize),
    ) -> Option<&'static str> {
        self.see_term(voter, term);
        let at = &mut self.nodes[voter.0];
        let why = match () {
            () if at.term > term => Some("term"),
            () if at.last() > last => Some("log"),
            () if at.voted.is_some_and(|voted| voted != me) => Some("voted"),
            () => None,
        };
        if why.is_none() {
            at.voted = Some(me);
            self.rest(voter);
        }
        self.offer(Link(voter, me), Frame::RequestVoteReply);
        why
    }

    pub fn win(&mut self, me: NodeId) {
        if self.rules.no_op {
            self.append(me, None);
        }
        let node = &mut self.nodes[me.0];
        (node.role, node.leader) = (Role::Leader, Some(me));
        node.last_at_election = node.log.len();
        node.matched.clear();
        self.lead(me);
    }

    pub fn append(&mut self, me: NodeId, write: Option<(Value, Value)>) -> (usize, Term) {
        self.next_hash += 1;
        let hash = format!("{:x}", self.next_hash);
        let node = &mut self.nodes[me.0];
        node.log.push(Entry {
            term: node.term,
            write,
            hash,
        });
        (node.log.len(), node.term)
    }

    pub fn lead(&mut self, me: NodeId) {
        for other in self.others(me) {
            let at = &self.nodes[me.0];
            if at.matched.get(&other).copied().unwrap_or_default() < at.log.len() {
                self.offer(Link(me, other), Frame::AppendEntries);
            }
        }
        for other in self.others(me) {
            if !self.arrives(me, other) {
                continue;
            }
            let newer = self.nodes[other.0].term;
            match newer > self.nodes[me.0].term {
                true if self.arrives(other, me) => return self.see_term(me, newer),
                true => {}
                false => self.replicate(me, other),
            }
        }
        self.commit(me);
    }

    /// One entry a tick, as with one entry an AppendEntries.
    pub fn replicate(&mut self, me: NodeId, other: NodeId) {
        let term = self.nodes[me.0].term;
        self.see_term(other, term);
        let log = std::mem::take(&mut self.nodes[me.0].log);
        let commit = self.nodes[me.0].commit;
        let follower = &mut self.nodes[other.0];
        (follower.role, follower.leader) = (Role::Follower, Some(me));
        let mut matched = common(&follower.log, &log);
        if let Some(next) = log.get(matched) {
            follower.log.truncate(matched);
            follower.log.push(next.clone());
            matched += 1;
            if let Some(LinkRule::PassThenCut(left)) = self.rules_of.get_mut(&Link(me, other)) {
                *left -= 1;
            }
        }
        follower.commit = follower.commit.max(commit.min(matched));
        self.nodes[me.0].log = log;
        if self.arrives(other, me) {
            self.nodes[me.0].matched.insert(other, matched);
        }
        self.rest(other);
    }

    pub fn commit(&mut self, me: NodeId) {
        let majority = self.nodes.len() / 2 + 1;
        let node = &mut self.nodes[me.0];
        let mut matched: Vec<usize> = node.matched.values().copied().chain([node.log.len()]).collect();
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&quorum) = matched.get(majority - 1) else {
            return;
        };
        let may =
            quorum > node.commit && (!self.rules.current_term_only || node.log[quorum - 1].term == node.term);
        if may {
            node.commit = quorum;
        }
    }
}
