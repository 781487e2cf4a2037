//! The journal: what a node writes about itself, before anybody else can know of it (docs/journal.md).
//!
//! A batch of steps is written with one write(2), after its sync and before anything leaves. Only where AppendEntries
//! leave ahead of the sync are the batch's steps written ahead as well.

mod chain;
mod file;
mod line;

use std::time::Duration;

pub use self::chain::{Chain, link};
pub use self::file::{JournalError, JournalFile};
use self::line::{Line, number_to, text_to};
use crate::machine::{Applied, Session};
use crate::raft::notes::{Event, Note, ReadMode, Refused};
use crate::raft::types::{Entry, LogIndex, NodeId, Position, Refusal, Term};
use crate::raft::{HardState, Role};

/// What the first line says.
pub struct Boot<'a> {
    /// The node.
    pub id: &'a NodeId,
    /// Which start of it.
    pub incarnation: u64,
    /// Term and vote.
    pub hard: &'a HardState,
    /// The log.
    pub entries: &'a [Entry],
    /// The other voters.
    pub peers: &'a [NodeId],
    /// Its profile.
    pub profile: &'a str,
    /// Its bugs.
    pub bugs: &'a [String],
}

/// What there is to say of a client's write that is about to be answered.
pub struct Reply<'a> {
    /// The operation.
    pub op: &'a str,
    /// Its session.
    pub session: Option<Session>,
    /// Its place in the log.
    pub at: Position,
    /// `ok`, or the code of the error.
    pub result: &'a str,
}

/// What there is to say of a client's read that is about to be answered.
pub struct Read<'a> {
    /// How its index was found.
    pub mode: &'a ReadMode,
    /// The index.
    pub index: LogIndex,
    /// What was applied.
    pub applied: LogIndex,
}

/// The journal of one incarnation: makes its lines, and leaves it to others to write them down.
pub struct Journal {
    /// What every line begins with, up to its number.
    prefix: Vec<u8>,
    sequence: u64,
    term: Term,
    me: NodeId,
    chain: Chain,
    /// Whether entries were appended or deleted since the last `sync` line, and term or vote changed.
    unsynced: Unsynced,
    /// Up to where the log is durable.
    durable: LogIndex,
    buffer: Vec<u8>,
    mono_ns: u64,
}

#[derive(Default)]
struct Unsynced {
    log: bool,
    hard: bool,
}

impl Journal {
    /// Begin the journal of an incarnation, at this moment of the machine's monotonic clock, with what the start has found.
    pub fn begin(boot: &Boot<'_>, now: Duration) -> Self {
        let mut prefix = b"{\"v\":1,\"n\":".to_vec();
        text_to(&mut prefix, &boot.id.0);
        prefix.extend_from_slice(b",\"inc\":");
        number_to(&mut prefix, boot.incarnation);
        prefix.extend_from_slice(b",\"s\":");
        let chain = Chain::of(boot.entries);
        let mut journal = Journal {
            prefix,
            sequence: 0,
            term: boot.hard.term,
            me: boot.id.clone(),
            durable: chain.last(),
            chain,
            unsynced: Unsynced::default(),
            buffer: Vec::new(),
            mono_ns: now.as_nanos() as u64,
        };
        journal.boot(boot);
        journal
    }

    /// The lines that wait to be written down, before anything that they tell of has any effect outside.
    pub fn lines(&self) -> &[u8] {
        &self.buffer
    }

    /// The lines are written down.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    fn line(&mut self, event: &str) -> Line<'_> {
        self.buffer.extend_from_slice(&self.prefix);
        number_to(&mut self.buffer, self.sequence);
        self.sequence += 1;
        let mut line = Line(&mut self.buffer);
        line.number("mono", self.mono_ns)
            .number("term", self.term.0)
            .word("e", event);
        line
    }

    fn boot(&mut self, boot: &Boot<'_>) {
        let last = boot.entries.last().map(position).unwrap_or_default();
        let ch = self.chain.at(last.index);
        let mut line = self.line("boot");
        line.position("last", last)
            .hash("ch", ch)
            .number("commit", 0)
            .number("applied", 0)
            .null("snap");
        match &boot.hard.voted_for {
            Some(voted_for) => line.text("vote", &voted_for.0),
            None => line.null("vote"),
        };
        let voters = std::iter::once(boot.id).chain(boot.peers);
        line.texts("voters", voters.map(|voter| &*voter.0))
            .text("profile", boot.profile)
            .texts("bugs", boot.bugs.iter().map(String::as_str))
            .end();
    }

    /// What the core has noted. `is_ahead` where it is written before the sync.
    pub fn steps(&mut self, notes: impl Iterator<Item = Note>, is_ahead: bool, now: Duration) {
        self.mono_ns = now.as_nanos() as u64;
        for note in notes {
            self.term = note.term;
            self.step(note.event, is_ahead);
        }
    }

    fn step(&mut self, event: Event, is_ahead: bool) {
        match event {
            Event::Term { from, is_election } => self.term_changed(from, is_election),
            Event::Vote {
                to,
                pre,
                req_last,
                my_last,
                refused,
            } => {
                let mut line = self.line("vote");
                line.text("to", &to.0)
                    .bool("granted", refused.is_none())
                    .bool("pre", pre)
                    .position("req_last", req_last)
                    .position("my_last", my_last);
                match refused {
                    Some(why) => line.word("why", refusal(why)),
                    None => line.null("why"),
                };
                line.end();
                self.unsynced.hard |= refused.is_none() && !pre;
            }
            Event::Role(role) => self.line("role").word("role", role_name(role)).end(),
            Event::Elected { votes, last } => self
                .line("role")
                .word("role", "leader")
                .texts("votes", votes.iter().map(|voter| &*voter.0))
                .position("last_at_election", last)
                .end(),
            Event::Append { entry, from } => self.appended(&entry, &from),
            Event::Truncate {
                from,
                removed,
                by,
                commit,
            } => {
                self.chain.truncate(from);
                self.durable = self.durable.min(self.chain.last());
                self.unsynced.log = true;
                self.line("trunc")
                    .number("from", from.0)
                    .number("removed", removed)
                    .text("by", &by.0)
                    .number("commit", commit.0)
                    .end();
            }
            Event::Ack { to, matched } => self.acknowledged(&to, matched, is_ahead),
            commit @ Event::Commit { .. } => self.committed(commit),
            Event::CommitBlocked { index, term } => self
                .line("commit_blocked")
                .number("q_index", index.0)
                .number("q_term", term.0)
                .end(),
            Event::Broken { name, detail } => {
                self.line("assert")
                    .text("name", name)
                    .text("detail", &detail)
                    .end();
            }
        }
    }

    fn term_changed(&mut self, from: Term, is_election: bool) {
        let to = self.term;
        self.unsynced.hard = true;
        self.line("term")
            .number("from", from.0)
            .number("to", to.0)
            .word("why", if is_election { "election" } else { "message" })
            .end();
    }

    fn appended(&mut self, entry: &Entry, from: &NodeId) {
        let hash = entry.hash();
        let chained = self.chain.push(hash);
        self.unsynced.log = true;
        self.line("append")
            .number("i", entry.index.0)
            .number("t", entry.term.0)
            .hash("h", hash)
            .hash("ch", chained)
            .word("kind", if entry.payload.is_empty() { "noop" } else { "op" })
            .text("from", &from.0)
            .end();
    }

    fn acknowledged(&mut self, to: &NodeId, matched: LogIndex, is_ahead: bool) {
        if !is_ahead {
            self.synced();
        }
        let durable = self.durable;
        self.line("ack")
            .text("to", &to.0)
            .number("match", matched.0)
            .number("durable", durable.0)
            .end();
    }

    fn committed(&mut self, commit: Event) {
        let Event::Commit {
            from,
            to,
            t_at,
            role,
            matched,
        } = commit
        else {
            return;
        };
        let ch = self.chain.at(to);
        let mut line = self.line("commit");
        line.number("from", from.0)
            .number("to", to.0)
            .number("t_at", t_at.0)
            .hash("ch", ch)
            .word("role", role_name(role));
        if let Some(matched) = &matched {
            line.numbers("match", matched.iter().map(|(node, index)| (&*node.0, index.0)));
        }
        let rule = if role == Role::Leader { "quorum" } else { "leader" };
        line.word("rule", rule).end();
    }

    /// All that the steps have told of log, term and vote is durable.
    pub fn synced(&mut self) {
        if std::mem::take(&mut self.unsynced.hard) {
            self.line("sync").word("what", "hard").end();
        }
        if std::mem::take(&mut self.unsynced.log) {
            self.durable = self.chain.last();
            let upto = self.durable.0;
            self.line("sync").word("what", "log").number("upto", upto).end();
        }
    }

    /// An entry was applied; `state` is the hash of the state machine after it.
    pub fn applied(&mut self, entry: &Entry, applied: Option<&Applied>, state: u64) {
        let mut line = self.line("apply");
        line.number("i", entry.index.0)
            .number("t", entry.term.0)
            .hash("h", entry.hash())
            .hash("sm", state);
        if let Some(applied) = applied {
            session(&mut line, applied.session);
            if applied.is_repeated {
                line.bool("dup", true);
            }
        }
        line.end();
    }

    /// A client's write is about to be answered.
    pub fn reply(&mut self, reply: &Reply<'_>) {
        let mut line = self.line("reply");
        line.word("op", reply.op);
        session(&mut line, reply.session)
            .number("i", reply.at.index.0)
            .number("t", reply.at.term.0)
            .word("res", reply.result)
            .end();
    }

    /// A client's read is about to be answered.
    pub fn read(&mut self, read: &Read<'_>) {
        let me = &self.me.clone();
        let mut line = self.line("read");
        line.word("op", "get");
        match read.mode {
            ReadMode::Leader { round, acks } => line
                .word("mode", "leader")
                .number("round", round.0)
                .texts("acks", acks.iter().map(|node| &*node.0)),
            ReadMode::Forwarded => line.word("mode", "forwarded").texts("acks", []),
            ReadMode::Local => line.word("mode", "local").texts("acks", [&*me.0]),
        };
        line.number("ri", read.index.0)
            .number("applied", read.applied.0)
            .end();
    }

    /// A clean end.
    pub fn stop(&mut self, why: &str, now: Duration) {
        self.mono_ns = now.as_nanos() as u64;
        self.line("stop").text("why", why).end();
    }
}

fn session<'l, 'a>(line: &'l mut Line<'a>, session: Option<Session>) -> &'l mut Line<'a> {
    match session {
        Some(Session { client, seq }) => line.number("client", client).number("seq", seq),
        None => line,
    }
}

fn position(entry: &Entry) -> Position {
    Position {
        index: entry.index,
        term: entry.term,
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

fn refusal(why: Refused) -> &'static str {
    match why {
        Refused::Term => "term",
        Refused::For(Refusal::Log) => "log",
        Refused::For(Refusal::Voted) => "voted",
        Refused::For(Refusal::Leader) => "leader",
    }
}
