//! The Raft core: inputs in, ordered actions out. No I/O, no clock, no randomness but its seed.
//!
//! ```text
//!   Tick, Message, Propose, Read, Flush ──► step(now, input) ──► Persist, Send, Apply, Reply …
//! ```
//!
//! The actions of a step are carried out in their order; what is persisted must be durable before any action that
//! follows it. So a vote, an acknowledgement or an answer never leaves before what it promises is on disk. Only an
//! AppendEntries promises nothing but its leader's term: where a step's actions persist no term or vote, it may leave
//! before its entries are on the leader's own disk (thesis section 10.2.1), as long as no further input is taken
//! before they are.
//!
//! | file | what |
//! | --- | --- |
//! | `election` | terms, votes, pre-votes, check-quorum (Raft sections 5.1, 5.2, 5.4.1) |
//! | `replication` | AppendEntries on both sides, and the commit rule (Raft sections 5.3, 5.4.2) |
//! | `reads` | ReadIndex (Raft section 8; thesis section 6.4) |
//! | `log`, [`types`], [`config`], [`rules`], [`bugs`] | what they work with |
//! | [`notes`] | what the core tells of itself, for the journal |

pub mod bugs;
pub mod config;
mod election;
mod log;
pub mod notes;
mod reads;
mod replication;
pub mod rules;
pub mod types;

use std::collections::{BTreeMap, VecDeque};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::config::Config;
use self::election::{Campaign, Denied};
use self::log::Log;
use self::notes::{Event, Notes, ReadMode};
use self::reads::Reads;
use self::replication::Progress;
use self::rules::Rules;
use self::types::{Entry, LogIndex, Message, Millis, NodeId, Position, RequestId, Term};

/// Raft section 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers.
    Follower,
    /// Asks for votes, or whether it should.
    Candidate,
    /// Leads.
    Leader,
}

/// What must survive a crash beside the log (Raft, figure 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The current term.
    pub term: Term,
    /// Whom this node voted for in it.
    pub voted_for: Option<NodeId>,
}

impl HardState {
    /// What a start remembers of it.
    pub(crate) fn remembered(self, rules: &Rules) -> HardState {
        HardState {
            term: if rules.term_is_durable { self.term } else { Term(0) },
            voted_for: self.voted_for.filter(|_| rules.vote_is_durable),
        }
    }
}

/// What happens to the core.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A frame has arrived.
    Message { from: NodeId, message: Message },
    /// A client wants this to be appended.
    Propose {
        id: RequestId,
        payload: std::sync::Arc<[u8]>,
    },
    /// A client wants to read; with `forward` a follower asks its leader.
    Read { id: RequestId, forward: bool },
    /// No more input for now: send what was appended, confirm what is to be read.
    Flush,
}

/// What is to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persist {
    /// Term and vote.
    HardState(HardState),
    /// The entry at this index and all that follow are deleted.
    Truncate(LogIndex),
    /// Entries are appended.
    Append(Vec<Entry>),
}

/// Why a request ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Rejection {
    /// This node does not lead; nothing was appended.
    NotLeader { leader: Option<NodeId> },
    /// The leader stepped down while the write was pending: its outcome is unknown.
    LeadershipLost,
    /// The entry was overwritten here: its outcome is unknown, another node may still hold it.
    Truncated,
}

/// What the shell has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields' names say it")]
pub enum Action {
    /// Make it durable, before anything that follows.
    Persist(Persist),
    /// Send it; it may get lost.
    Send { to: NodeId, message: Message },
    /// Apply the entry, and answer the client who waits for it here, if any.
    Apply { entry: Entry, waiter: Option<RequestId> },
    /// Answer the client that its write, now at this place of the log, has happened: only a bug says so before it is applied.
    Acknowledge { id: RequestId, at: Position },
    /// Read as soon as everything up to `index` is applied.
    ReadAt {
        id: RequestId,
        index: LogIndex,
        mode: ReadMode,
    },
    /// Tell the client that it failed.
    Reject { id: RequestId, why: Rejection },
}

/// One server.
pub struct Raft {
    id: NodeId,
    peers: Vec<NodeId>,
    config: Config,
    rng: ChaCha8Rng,
    now: Millis,

    hard: HardState,
    log: Log,
    commit: LogIndex,
    applied: LogIndex,

    role: Role,
    leader: Option<NodeId>,
    election_deadline: Millis,
    /// When a leader was last heard, for pre-votes.
    heard_leader: Option<Millis>,
    campaign: Campaign,
    campaigns: u64,
    denied: VecDeque<Denied>,

    progress: BTreeMap<NodeId, Progress>,
    heartbeat_due: Millis,
    last_at_election: LogIndex,
    reads: Reads,
    /// Clients who wait for an entry of this node, by the entry's index.
    waiters: BTreeMap<LogIndex, Waiter>,
    notes: Notes,

    actions: Vec<Action>,
}

/// A client who waits for an entry.
struct Waiter {
    id: RequestId,
    /// The term of the entry; none where the index alone is to tell.
    term: Option<Term>,
}

impl Waiter {
    fn waits_for(&self, entry: &Entry) -> bool {
        self.term.is_none_or(|term| term == entry.term)
    }
}

/// What a restart finds.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Term and vote.
    pub hard: HardState,
    /// The log.
    pub entries: Vec<Entry>,
}

impl Raft {
    /// A server as it starts: a follower that waits for a leader.
    pub fn new(
        id: NodeId,
        peers: Vec<NodeId>,
        config: Config,
        seed: u64,
        recovered: Recovered,
        now: Millis,
    ) -> Self {
        let hard = recovered.hard.remembered(&config.rules);
        let mut raft = Raft {
            id,
            peers,
            config,
            rng: ChaCha8Rng::seed_from_u64(seed),
            now,
            hard,
            log: Log::new(recovered.entries),
            commit: LogIndex(0),
            applied: LogIndex(0),
            role: Role::Follower,
            leader: None,
            election_deadline: now,
            heard_leader: None,
            campaign: Campaign::default(),
            campaigns: 0,
            denied: VecDeque::new(),
            progress: BTreeMap::new(),
            heartbeat_due: now,
            last_at_election: LogIndex(0),
            reads: Reads::default(),
            waiters: BTreeMap::new(),
            notes: Notes::default(),
            actions: Vec::new(),
        };
        raft.reset_election_timer();
        raft
    }

    /// Take one input; the actions are to be carried out in their order.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Action> {
        debug_assert!(now >= self.now, "the clock went back");
        self.now = now;
        match input {
            Input::Tick => self.tick(),
            Input::Message { from, message } => self.receive(from, message),
            Input::Propose { id, payload } => self.propose(id, payload),
            Input::Read { id, forward } => self.read(id, forward),
            Input::Flush => self.flush(),
        }
        debug_assert!(self.has_bugs() || (self.applied <= self.commit && self.commit <= self.last().index));
        std::mem::take(&mut self.actions)
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whom this server follows, or itself where it leads.
    pub fn leader(&self) -> Option<&NodeId> {
        self.leader.as_ref()
    }

    /// When the core next wants a tick.
    pub fn next_deadline(&self) -> Millis {
        match self.role {
            Role::Leader => self.heartbeat_due,
            _ => self.election_deadline,
        }
    }

    fn receive(&mut self, from: NodeId, message: Message) {
        if !self.peers.contains(&from) {
            return;
        }
        // A pre-vote asks about a term that nobody is in yet; a granted one repeats it (thesis, section 9.6).
        let hypothetical = matches!(
            message,
            Message::PreVote { .. } | Message::PreVoteReply { refused: None, .. }
        );
        if message.term() > self.hard.term && !hypothetical {
            self.become_follower(message.term(), None);
        }
        match message {
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last),
            Message::PreVoteReply { term, refused } => self.on_pre_vote_reply(from, term, refused),
            Message::RequestVote { term, last } => self.on_request_vote(from, term, last),
            Message::RequestVoteReply { term, refused } => self.on_vote_reply(from, term, refused),
            Message::AppendEntries {
                term,
                prev,
                entries,
                commit,
                round,
            } => {
                self.on_append_entries(from, term, prev, entries, commit, round);
            }
            Message::AppendEntriesReply {
                term,
                matched,
                hint,
                round,
            } => {
                self.on_append_reply(from, term, matched, hint, round);
            }
            Message::ReadIndex { term, id } => self.on_read_index(from, term, id),
            Message::ReadIndexReply { id, index, .. } => self.on_read_index_reply(id, index),
        }
    }

    fn tick(&mut self) {
        self.forget_old_reads();
        match self.role {
            Role::Leader => self.tick_leader(),
            _ if self.now >= self.election_deadline => self.election_timeout(),
            _ => {}
        }
    }

    fn flush(&mut self) {
        if self.role != Role::Leader {
            return;
        }
        let round_began = self.begin_read_round();
        for peer in self.peers.clone() {
            let sent = self.replicate(&peer);
            // Entries carry the round's number too; only who gets none is asked by an empty message.
            if round_began && !sent {
                self.send_append(&peer, Vec::new());
            }
        }
        if round_began {
            self.confirm_reads();
        }
    }

    fn propose(&mut self, id: RequestId, payload: std::sync::Arc<[u8]>) {
        if self.role != Role::Leader {
            let leader = self.leader.clone();
            return self.actions.push(Action::Reject {
                id,
                why: Rejection::NotLeader { leader },
            });
        }
        let index = self.append_own(payload);
        let term = self.hard.term;
        if self.config.rules.ack_after_commit {
            let term = self.config.rules.ack_by_index_and_term.then_some(term);
            self.waiters.insert(index, Waiter { id, term });
        } else {
            let at = Position { index, term };
            self.actions.push(Action::Acknowledge { id, at });
        }
        self.advance_commit();
    }

    /// A leader never overwrites or deletes entries of its own (Leader Append-Only, section 5.3).
    fn append_own(&mut self, payload: std::sync::Arc<[u8]>) -> LogIndex {
        debug_assert_eq!(self.role, Role::Leader);
        let index = self.log.last().index.next();
        let entry = Entry {
            term: self.hard.term,
            index,
            payload,
        };
        self.append(entry.clone(), self.id.clone());
        self.actions.push(Action::Persist(Persist::Append(vec![entry])));
        index
    }

    fn append(&mut self, entry: Entry, from: NodeId) {
        if entry.term < self.last().term {
            self.broken("terms never fall along a log", |raft| {
                let Position { index, term } = raft.last();
                format!(
                    "an entry of term {} follows entry {index} of term {term}",
                    entry.term
                )
            });
        }
        self.note(|_| Event::Append {
            entry: entry.clone(),
            from,
        });
        self.log.push(entry);
    }

    fn set_role(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.note(|_| Event::Role(role));
        }
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.actions.push(Action::Send { to, message });
    }

    fn save_hard_state(&mut self) {
        self.actions
            .push(Action::Persist(Persist::HardState(self.hard.clone())));
    }

    fn majority(&self) -> usize {
        let servers = self.peers.len() + 1;
        if self.config.rules.quorum_is_majority {
            servers / 2 + 1
        } else {
            servers.div_ceil(2)
        }
    }

    fn last(&self) -> Position {
        self.log.last()
    }
}

/// How a server stands, for the status page and for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its role.
    pub role: Role,
    /// Term and vote.
    pub hard: HardState,
    /// Whom it follows, or itself.
    pub leader: Option<NodeId>,
    /// The commit index.
    pub commit: LogIndex,
    /// Handed to the state machine.
    pub applied: LogIndex,
    /// Where the log ends.
    pub last: Position,
    /// Where it ended when this server was last elected.
    pub last_at_election: LogIndex,
    /// On a leader: up to where each peer is known to agree.
    pub matched: Option<BTreeMap<NodeId, LogIndex>>,
    /// Real candidacies since the start.
    pub campaigns: u64,
    /// Reads that are neither confirmed nor given up.
    pub pending_reads: usize,
    /// The last refusals.
    pub denied: Vec<Denied>,
    /// The end of the log.
    pub tail: Vec<Entry>,
}

impl Raft {
    /// At most so many entries of the log's end.
    pub fn tail(&self, most: usize) -> &[Entry] {
        let last = self.last().index.0;
        self.log
            .slice(LogIndex(last.saturating_sub(most as u64) + 1), most)
    }

    /// How it stands, with at most `tail` entries of the log's end.
    pub fn status(&self, tail: usize) -> Status {
        Status {
            role: self.role,
            hard: self.hard.clone(),
            leader: self.leader.clone(),
            commit: self.commit,
            applied: self.applied,
            last: self.last(),
            last_at_election: self.last_at_election,
            matched: (self.role == Role::Leader).then(|| {
                self.progress
                    .iter()
                    .map(|(peer, at)| (peer.clone(), at.matched))
                    .collect()
            }),
            campaigns: self.campaigns,
            pending_reads: self.reads.len(),
            denied: self.denied.iter().cloned().collect(),
            tail: self.tail(tail).to_vec(),
        }
    }
}
