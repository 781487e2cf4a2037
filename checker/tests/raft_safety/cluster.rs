//! A small cluster that follows Raft, drawn from a seed, and writes journals: what comes out must never alarm.
//!
//! A step is one input to one node: its lines are written, then what it changed is made durable, then `sync` is
//! written, then its messages leave. A kill comes at any of these points, and cuts the step's lines at any byte.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// None.
    None,
    /// A leader commits entries of any term by counting.
    CommitAnyTerm,
    /// One acknowledgement less is enough.
    SmallQuorum,
    /// Votes are given twice in a term.
    VoteTwice,
    /// The candidate's log does not matter.
    VoteNoLogCheck,
    /// A follower commits to the end of its log.
    CommitNoMin,
    /// What conflicts stays.
    NoTruncation,
    /// Followers acknowledge what they never make durable.
    NoSync,
    /// Retries are applied again.
    NoDedupe,
    /// Clients are answered at once.
    AckAtPropose,
}

#[derive(Clone, Debug)]
struct Entry {
    term: u64,
    session: Option<(u64, u64)>,
    ch: u64,
}

impl Entry {
    fn h(&self) -> u64 {
        hash(&(self.term, self.session))
    }
}

#[derive(Clone, Debug)]
enum Message {
    RequestVote {
        term: u64,
        last: (u64, u64),
    },
    Vote {
        term: u64,
    },
    Append {
        term: u64,
        prev: (u64, u64),
        entries: Vec<Entry>,
        commit: u64,
    },
    Accepted {
        term: u64,
        matched: u64,
    },
    Refused {
        term: u64,
        last: u64,
    },
}

/// What a kill spares.
#[derive(Clone, Debug, Default)]
struct Disk {
    term: u64,
    vote: Option<usize>,
    log: Vec<Entry>,
}

#[derive(Default)]
struct Node {
    now: Disk,
    saved: Disk,
    incarnation: u64,
    leads: bool,
    votes: Vec<usize>,
    matched: Vec<u64>,
    commit: u64,
    applied: u64,
    sessions: BTreeMap<u64, (u64, u64)>,
    sm: u64,
    seq: u64,
    /// The lines of the present step.
    lines: String,
    out: Vec<(usize, Message)>,
}

/// The cluster, and what its journals have come to.
pub struct Cluster {
    rng: ChaCha8Rng,
    nodes: Vec<Node>,
    flying: Vec<(usize, usize, Message)>,
    bug: Bug,
    next: u64,
    mono: u64,
    /// A journal by node (from 0) and incarnation.
    pub journals: BTreeMap<(usize, u64), Vec<u8>>,
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn hex(value: u64) -> String {
    format!("{value:016x}")
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

impl Node {
    fn last(&self) -> (u64, u64) {
        let term = self.now.log.last().map_or(0, |entry| entry.term);
        (term, self.now.log.len() as u64)
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        match index.checked_sub(1) {
            None => Some(0),
            Some(at) => self.now.log.get(at as usize).map(|entry| entry.term),
        }
    }

    fn ch_at(&self, index: u64) -> u64 {
        index.checked_sub(1).map_or(0, |at| self.now.log[at as usize].ch)
    }
}

impl Cluster {
    pub fn new(seed: u64, nodes: usize, bug: Bug) -> Self {
        let mut cluster = Cluster {
            rng: ChaCha8Rng::seed_from_u64(seed),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            flying: Vec::new(),
            bug,
            next: 0,
            mono: 0,
            journals: BTreeMap::new(),
        };
        for node in 0..nodes {
            cluster.boot(node);
        }
        cluster
    }

    pub fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let node = self.rng.random_range(0..self.nodes.len());
            match self.rng.random_range(0..100) {
                0..2 => self.kill(node),
                2..4 => self.campaign(node),
                4..25 => self.propose(),
                25..45 => self.replicate(node),
                _ => self.deliver(),
            }
        }
    }

    fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1 - usize::from(self.bug == Bug::SmallQuorum)
    }

    fn note(&mut self, node: usize, e: &str, fields: Value) {
        self.mono += 1;
        let at = &mut self.nodes[node];
        let mut line = json!({
            "v": 1, "n": name(node), "inc": at.incarnation, "s": at.seq, "mono": self.mono, "term": at.now.term, "e": e,
        });
        let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) else {
            return;
        };
        line.extend(fields);
        at.seq += 1;
        at.lines += &format!("{}\n", Value::Object(line.clone()));
    }

    fn write(&mut self, node: usize) {
        let lines = std::mem::take(&mut self.nodes[node].lines);
        let journal = self
            .journals
            .entry((node, self.nodes[node].incarnation))
            .or_default();
        journal.extend_from_slice(lines.as_bytes());
    }

    /// The step is over: write, make durable, write that, and let the messages go. Or die on the way.
    fn end_step(&mut self, node: usize) {
        let dies = self.rng.random_range(0..60);
        if dies == 0 {
            let cut = self.rng.random_range(0..=self.nodes[node].lines.len());
            self.nodes[node].lines.truncate(cut);
            self.write(node);
            // The disk may be ahead of the journal: what was handed to it is there after a kill.
            if self.rng.random_bool(0.5) {
                self.nodes[node].saved = self.nodes[node].now.clone();
            }
            return self.boot(node);
        }
        self.write(node);
        if self.bug != Bug::NoSync || self.nodes[node].leads {
            let at = &self.nodes[node];
            let hard = (at.now.term, at.now.vote) != (at.saved.term, at.saved.vote);
            let log = at.now.log.last().map(|entry| entry.ch) != at.saved.log.last().map(|entry| entry.ch);
            let upto = at.now.log.len();
            self.nodes[node].saved = self.nodes[node].now.clone();
            if dies == 1 {
                return self.boot(node);
            }
            if hard {
                self.note(node, "sync", json!({ "what": "hard" }));
            }
            if log {
                self.note(node, "sync", json!({ "what": "log", "upto": upto }));
            }
            self.write(node);
        }
        for (to, message) in std::mem::take(&mut self.nodes[node].out) {
            self.flying.push((node, to, message));
        }
    }

    fn kill(&mut self, node: usize) {
        if self.rng.random_bool(0.5) {
            self.nodes[node].saved = self.nodes[node].now.clone();
        }
        self.boot(node);
    }

    fn boot(&mut self, node: usize) {
        let old = std::mem::take(&mut self.nodes[node]);
        self.nodes[node] = Node {
            now: old.saved.clone(),
            saved: old.saved,
            incarnation: old.incarnation + 1,
            ..Node::default()
        };
        let at = &self.nodes[node];
        let (t, i) = at.last();
        let voters: Vec<String> = (0..self.nodes.len()).map(name).collect();
        let boot = json!({
            "last": {"i": i, "t": t}, "ch": hex(at.ch_at(i)), "commit": 0, "applied": 0, "snap": null,
            "vote": at.now.vote.map(name), "voters": voters, "profile": "prod", "bugs": [],
        });
        self.note(node, "boot", boot);
        self.write(node);
    }

    fn set_term(&mut self, node: usize, term: u64, vote: Option<usize>) {
        let from = self.nodes[node].now.term;
        if term > from {
            let at = &mut self.nodes[node];
            (at.now.term, at.now.vote, at.leads) = (term, vote, false);
            let why = if vote.is_some() { "election" } else { "message" };
            self.note(node, "term", json!({ "from": from, "to": term, "why": why }));
        }
    }

    fn vote(&mut self, node: usize, to: usize, granted: bool) {
        let position = json!({ "i": 0, "t": 0 });
        let vote = json!({
            "to": name(to), "granted": granted, "pre": false, "req_last": position, "my_last": position, "why": null,
        });
        self.note(node, "vote", vote);
    }

    fn campaign(&mut self, node: usize) {
        let term = self.nodes[node].now.term + 1;
        self.set_term(node, term, Some(node));
        self.nodes[node].votes = vec![node];
        self.note(node, "role", json!({ "role": "candidate" }));
        self.vote(node, node, true);
        let last = self.nodes[node].last();
        self.broadcast(node, &Message::RequestVote { term, last });
        self.end_step(node);
    }

    fn broadcast(&mut self, node: usize, message: &Message) {
        let others = (0..self.nodes.len()).filter(|to| *to != node);
        let all: Vec<_> = others.map(|to| (to, message.clone())).collect();
        self.nodes[node].out.extend(all);
    }

    fn append(&mut self, node: usize, from: usize, entry: Entry) {
        let at = &mut self.nodes[node];
        let (h, ch, t) = (entry.h(), entry.ch, entry.term);
        at.now.log.push(entry);
        let i = at.now.log.len();
        let append = json!({ "i": i, "t": t, "h": hex(h), "ch": hex(ch), "kind": "op", "from": name(from) });
        self.note(node, "append", append);
    }

    /// Now and then the last operation comes again, as that of a client who was not answered.
    fn propose(&mut self) {
        let Some(node) = (0..self.nodes.len()).rev().find(|node| self.nodes[*node].leads) else {
            return;
        };
        self.next += u64::from(self.next == 0 || self.rng.random_bool(0.8));
        let session = Some((self.next, 1));
        let at = &self.nodes[node];
        let term = at.now.term;
        let before = at.ch_at(at.now.log.len() as u64);
        let mut entry = Entry { term, session, ch: 0 };
        entry.ch = hash(&(before, entry.h()));
        self.append(node, node, entry);
        if self.bug == Bug::AckAtPropose {
            let i = self.nodes[node].now.log.len() as u64;
            self.reply(node, i, session);
        }
        self.end_step(node);
    }

    fn reply(&mut self, node: usize, index: u64, session: Option<(u64, u64)>) {
        if let Some((client, seq)) = session {
            let t = self.nodes[node].term_at(index);
            let reply = json!({ "op": "put", "client": client, "seq": seq, "i": index, "t": t, "res": "ok" });
            self.note(node, "reply", reply);
        }
    }

    fn replicate(&mut self, node: usize) {
        if !self.nodes[node].leads {
            return;
        }
        for to in (0..self.nodes.len()).filter(|to| *to != node) {
            // As many as fit, and often none: a heartbeat.
            let part = self.rng.random_range(0.0..=1.0);
            let at = &self.nodes[node];
            let prev = at.matched[to].min(at.now.log.len() as u64);
            let Some(prev_term) = at.term_at(prev) else {
                continue;
            };
            let behind = &at.now.log[prev as usize..];
            let entries = behind[..(behind.len() as f64 * part + 0.5) as usize].to_vec();
            let message = Message::Append {
                term: at.now.term,
                prev: (prev_term, prev),
                entries,
                commit: at.commit,
            };
            self.nodes[node].out.push((to, message));
        }
        self.end_step(node);
    }

    /// Any message may come next, twice, or never.
    fn deliver(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.flying.len());
        let (from, to, message) = match self.rng.random_range(0..10) {
            0 => self.flying[at].clone(),
            _ => self.flying.swap_remove(at),
        };
        if self.rng.random_range(0..10) > 0 {
            self.receive(from, to, message);
            self.end_step(to);
        }
    }

    fn receive(&mut self, from: usize, node: usize, message: Message) {
        let (Message::RequestVote { term, .. }
        | Message::Vote { term }
        | Message::Append { term, .. }
        | Message::Accepted { term, .. }
        | Message::Refused { term, .. }) = message;
        self.set_term(node, term, None);
        if term < self.nodes[node].now.term {
            return;
        }
        match message {
            Message::RequestVote { last, .. } => self.on_request_vote(from, node, term, last),
            Message::Vote { .. } => self.on_vote(from, node),
            Message::Append {
                prev,
                entries,
                commit,
                ..
            } => self.on_append(from, node, prev, entries, commit),
            Message::Accepted { matched, .. } if self.nodes[node].leads => {
                let known = &mut self.nodes[node].matched[from];
                *known = (*known).max(matched);
                self.count(node);
            }
            Message::Refused { last, .. } if self.nodes[node].leads => {
                let known = &mut self.nodes[node].matched[from];
                *known = (*known).min(last).saturating_sub(1);
            }
            _ => {}
        }
    }

    fn on_request_vote(&mut self, from: usize, node: usize, term: u64, last: (u64, u64)) {
        let at = &self.nodes[node];
        let is_free = at.now.vote.is_none_or(|vote| vote == from) || self.bug == Bug::VoteTwice;
        let granted = is_free && (last >= at.last() || self.bug == Bug::VoteNoLogCheck);
        self.vote(node, from, granted);
        if granted {
            self.nodes[node].now.vote = Some(from);
            self.nodes[node].out.push((from, Message::Vote { term }));
        }
    }

    fn on_vote(&mut self, from: usize, node: usize) {
        let (count, majority) = (self.nodes.len(), self.nodes.len() / 2 + 1);
        let at = &mut self.nodes[node];
        if at.now.vote != Some(node) || at.leads || at.votes.is_empty() || at.votes.contains(&from) {
            return;
        }
        at.votes.push(from);
        if at.votes.len() >= majority {
            at.leads = true;
            let (t, i) = at.last();
            let votes: Vec<String> = std::mem::take(&mut at.votes).into_iter().map(name).collect();
            // Nothing is known of the others: where they agree is found by asking.
            at.matched = vec![0; count];
            let role = json!({ "role": "leader", "votes": votes, "last_at_election": {"i": i, "t": t} });
            self.note(node, "role", role);
        }
    }

    fn on_append(&mut self, from: usize, node: usize, prev: (u64, u64), entries: Vec<Entry>, commit: u64) {
        let term = self.nodes[node].now.term;
        self.nodes[node].votes.clear();
        if self.nodes[node].term_at(prev.1) != Some(prev.0) {
            let last = self.nodes[node].now.log.len() as u64;
            return self.nodes[node].out.push((from, Message::Refused { term, last }));
        }
        let matched = prev.1 + entries.len() as u64;
        for (index, entry) in (prev.1 + 1..).zip(entries) {
            match self.nodes[node].term_at(index) {
                Some(known) if known == entry.term => {}
                Some(_) if self.bug == Bug::NoTruncation => {}
                Some(_) => {
                    let at = &mut self.nodes[node];
                    let (removed, commit) = (at.now.log.len() as u64 + 1 - index, at.commit);
                    at.now.log.truncate(index as usize - 1);
                    let trunc =
                        json!({ "from": index, "removed": removed, "by": name(from), "commit": commit });
                    self.note(node, "trunc", trunc);
                    self.append(node, from, entry);
                }
                None => self.append(node, from, entry),
            }
        }
        let upto = match self.bug {
            Bug::CommitNoMin => self.nodes[node].now.log.len() as u64,
            _ => matched,
        };
        self.commit(node, commit.min(upto), "leader");
        self.note(
            node,
            "ack",
            json!({ "to": name(from), "match": matched, "durable": matched }),
        );
        self.nodes[node]
            .out
            .push((from, Message::Accepted { term, matched }));
    }

    fn count(&mut self, node: usize) {
        let majority = self.majority();
        let at = &mut self.nodes[node];
        at.matched[node] = at.now.log.len() as u64;
        let mut matched = at.matched.clone();
        matched.sort_unstable();
        let quorum = matched[matched.len() - majority];
        if at.term_at(quorum) == Some(at.now.term) || self.bug == Bug::CommitAnyTerm {
            self.commit(node, quorum, "quorum");
        }
    }

    fn commit(&mut self, node: usize, to: u64, rule: &str) {
        let at = &mut self.nodes[node];
        if to <= at.commit {
            return;
        }
        let from = std::mem::replace(&mut at.commit, to);
        let role = if at.leads { "leader" } else { "follower" };
        let commit = json!({
            "from": from, "to": to, "t_at": at.term_at(to), "ch": hex(at.ch_at(to)), "role": role, "rule": rule,
        });
        self.note(node, "commit", commit);
        for index in self.nodes[node].applied + 1..=to {
            self.apply(node, index);
        }
    }

    fn apply(&mut self, node: usize, index: u64) {
        let at = &mut self.nodes[node];
        let entry = at.now.log[index as usize - 1].clone();
        at.applied = index;
        let (client, seq) = entry.session.unwrap_or_default();
        let dup = at.sessions.contains_key(&client) && self.bug != Bug::NoDedupe;
        if !dup {
            at.sm = hash(&(at.sm, client, seq));
            at.sessions.insert(client, (seq, index));
        }
        let apply = json!({
            "i": index, "t": entry.term, "h": hex(entry.h()), "sm": hex(at.sm), "client": client, "seq": seq, "dup": dup,
        });
        let leads = at.leads;
        self.note(node, "apply", apply);
        if leads && self.bug != Bug::AckAtPropose {
            self.reply(node, index, entry.session);
        }
    }
}
