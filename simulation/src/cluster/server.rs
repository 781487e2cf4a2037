//! One node with its disk: the real node, and what a process and a file system would do for it.

use std::sync::Arc;
use std::time::Duration;

use cluster_node::frame::Frame;
use cluster_node::inbox::{Arrival, Reply};
use cluster_node::journal::JournalError;
use cluster_node::node::{About, Node, Start};
use cluster_node::raft::types::{Entry, NodeId as Name};
use cluster_node::raft::{Action, Persist, Raft, Recovered};
use cluster_node::shell::Shell;
use cluster_node::storage::StorageError;
use histories::{Nanos, Term};
use nemesis::evidence::Count;
use nemesis::view::{Denied, Position, TailEntry};
use nemesis::{ClientRule, NodeId, NodeStatus, ProcessState, Role};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::ticket::TicketId;
use crate::template::Template;

/// How much of the log's end a status shows, as a harness asks for it.
const STATUS_TAIL: usize = 48;

/// What leaves a node at one moment.
#[derive(Default)]
pub(super) struct Departure {
    pub(super) lines: Vec<u8>,
    pub(super) frames: Vec<(Name, Frame)>,
    pub(super) answers: Vec<(TicketId, Reply)>,
}

impl Departure {
    fn append(&mut self, other: &mut Departure) {
        if self.lines.is_empty() && self.frames.is_empty() && self.answers.is_empty() {
            return std::mem::swap(self, other);
        }
        self.lines.append(&mut other.lines);
        self.frames.append(&mut other.frames);
        self.answers.append(&mut other.answers);
    }
}

/// What a turn of the node has led to.
#[derive(Default)]
pub(super) struct Turn {
    /// What is being put together.
    waiting: Departure,
    /// What leaves at once: ahead of the sync, or where there is none.
    pub(super) now: Departure,
    /// What leaves after the sync.
    pub(super) after: Departure,
    /// What the sync makes durable.
    pub(super) persists: Vec<Persist>,
    has_synced: bool,
}

impl Turn {
    pub(super) fn clear(&mut self) {
        self.has_synced = false;
        debug_assert!(self.waiting.frames.is_empty() && self.persists.is_empty());
    }
}

impl Shell for Turn {
    type Client = TicketId;

    fn persist(&mut self, what: &Persist) {
        self.persists.push(what.clone());
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.has_synced = !self.persists.is_empty();
        Ok(())
    }

    fn post(&mut self, _: &Raft, _: &[Action]) {}

    fn frame(&mut self, to: Name, frame: Frame) {
        self.waiting.frames.push((to, frame));
    }

    fn answer(&mut self, client: TicketId, reply: Reply) {
        self.waiting.answers.push((client, reply));
    }

    fn depart(&mut self, journal: &[u8]) -> Result<(), JournalError> {
        self.waiting.lines.extend_from_slice(journal);
        let leaves = match self.has_synced {
            true => &mut self.after,
            false => &mut self.now,
        };
        leaves.append(&mut self.waiting);
        Ok(())
    }
}

/// What waits for a sync that is under way.
pub(super) struct Held {
    pub(super) persists: Vec<Persist>,
    pub(super) departure: Departure,
    /// Whether the sync has come to its end while the node was paused.
    pub(super) is_over: bool,
}

/// What of a node survives its process.
#[derive(Default)]
pub(super) struct Disk {
    /// What is durable.
    recovered: Recovered,
    /// Counts the starts.
    incarnation: u64,
}

impl Disk {
    pub(super) fn write(&mut self, what: Persist) {
        let disk = &mut self.recovered;
        match what {
            Persist::HardState(hard) => disk.hard = hard,
            Persist::Truncate(from) => disk.entries.truncate(from.previous().0 as usize),
            Persist::Append(entries) => disk.entries.extend(entries),
        }
    }
}

/// The end of a log as a status tells it.
#[derive(Default)]
struct Tail {
    known: Vec<Entry>,
    /// These entries as the status shows them.
    told: Arc<[TailEntry]>,
}

impl Tail {
    /// It is told anew only if it is another one, and the hash of an entry is reckoned once.
    fn of(&mut self, raft: &Raft) -> Arc<[TailEntry]> {
        let entries = raft.tail(STATUS_TAIL);
        let gone = entries.first().map_or(self.known.len(), |first| {
            let is_before = |entry: &&Entry| entry.index < first.index;
            self.known.iter().take_while(is_before).count()
        });
        let is_same = |(known, entry): &(&Entry, &Entry)| {
            known.index == entry.index
                && known.term == entry.term
                && Arc::ptr_eq(&known.payload, &entry.payload)
        };
        let same = self.known[gone..].iter().zip(entries).take_while(is_same).count();
        if gone > 0 || same < entries.len() || same < self.known.len() {
            let new = entries[same..].iter().map(|entry| TailEntry {
                index: histories::LogIndex(entry.index.0),
                term: Term(entry.term.0),
                hash: format!("{:016x}", entry.hash()).into(),
            });
            self.told = self.told[gone..][..same].iter().cloned().chain(new).collect();
            self.known = entries.to_vec();
        }
        Arc::clone(&self.told)
    }
}

/// See the module.
pub(super) struct Server {
    id: NodeId,
    pub(super) process: ProcessState,
    node: Option<Node<TicketId>>,
    pub(super) disk: Disk,
    /// What has come and was not taken yet.
    pub(super) inbox: Vec<Arrival<TicketId>>,
    /// The earliest moment at which a turn is planned.
    pub(super) alarm: Option<Nanos>,
    pub(super) held: Option<Held>,
    /// What each incarnation wrote of itself.
    pub(super) journals: Vec<(u64, Vec<u8>)>,
    pub(super) client_rule: ClientRule,
    pub(super) client_dropped: Count,
    /// Who waits to hear how it stands.
    pub(super) askers: Vec<TicketId>,
    /// Who waits for it to be ready.
    pub(super) starter: Option<(TicketId, Nanos)>,
    /// Whether the last status is what it would say now.
    is_status_new: bool,
    status: Option<Arc<NodeStatus>>,
    /// The end of the log as the last status has it.
    tail: Tail,
}

impl Server {
    pub(super) fn new(id: NodeId) -> Self {
        Server {
            id,
            process: ProcessState::Down,
            node: None,
            disk: Disk::default(),
            inbox: Vec::new(),
            alarm: None,
            held: None,
            journals: Vec::new(),
            client_rule: ClientRule::Pass,
            client_dropped: Count::default(),
            askers: Vec::new(),
            starter: None,
            is_status_new: false,
            status: None,
            tail: Tail::default(),
        }
    }

    pub(super) fn id(&self) -> NodeId {
        self.id
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.disk.incarnation
    }

    /// A process that has read its disk.
    pub(super) fn boot(&mut self, template: &Template, now: Nanos, turn: &mut Turn) {
        self.disk.incarnation += 1;
        let incarnation = self.disk.incarnation;
        let start = Start {
            id: template.names[self.id.0].clone(),
            peers: template.peers(self.id),
            config: template.config.clone(),
            seed: template.node_seed(self.id),
            incarnation,
            recovered: self.disk.recovered.clone(),
            session_limit: template.session_limit,
            forward_timeout_ms: template.forward_timeout_ms,
            op_timeout: template.op_timeout,
            journal: template.journals.then_some(About {
                profile: &template.profile,
                bugs: &template.bugs,
            }),
        };
        let mut node = Node::start(start, monotonic(now));
        if template.journals {
            self.journals.push((incarnation, Vec::new()));
        }
        turn.clear();
        infallible(node.begin(turn));
        self.node = Some(node);
        self.process = ProcessState::Running;
        self.is_status_new = false;
        self.tail = Tail::default();
    }

    /// The process is no more. What its last sync has not made durable is lost but for a beginning of it, as a crash
    /// would leave it.
    pub(super) fn die(&mut self, rng: &mut ChaCha8Rng) {
        self.process = ProcessState::Down;
        self.node = None;
        self.inbox.clear();
        self.alarm = None;
        self.status = None;
        if let Some(held) = self.held.take() {
            let survives = match held.is_over {
                true => held.persists.len(),
                false => rng.random_range(0..=held.persists.len()),
            };
            for what in held.persists.into_iter().take(survives) {
                self.disk.write(what);
            }
        }
    }

    /// Whether it takes what comes.
    pub(super) fn is_idle(&self) -> bool {
        self.process == ProcessState::Running && self.held.is_none() && self.node.is_some()
    }

    /// It takes all that has come.
    pub(super) fn take_turn(&mut self, now: Nanos, turn: &mut Turn) {
        turn.clear();
        if let Some(node) = &mut self.node {
            infallible(node.turn(monotonic(now), self.inbox.drain(..), turn));
        }
        self.is_status_new = false;
    }

    /// It takes nothing of what has come, but sees how late it is.
    pub(super) fn wake_up(&mut self, now: Nanos, turn: &mut Turn) {
        turn.clear();
        if let Some(node) = &mut self.node {
            infallible(node.turn(monotonic(now), [], turn));
        }
        self.is_status_new = false;
    }

    /// When it wants a turn at the latest.
    pub(super) fn deadline(&self) -> Option<Nanos> {
        let deadline = self.node.as_ref()?.next_deadline();
        Some(Nanos(0) + deadline)
    }

    pub(super) fn log(&mut self, lines: &[u8]) {
        if let Some((_, journal)) = self.journals.last_mut() {
            journal.extend_from_slice(lines);
        }
    }

    /// What the node tells of itself; none while it is down.
    pub(super) fn status(&mut self) -> Option<Arc<NodeStatus>> {
        if !self.is_status_new {
            self.status = self.node.as_ref().map(|node| {
                let tail = self.tail.of(node.raft());
                Arc::new(status(node.raft(), self.disk.incarnation, tail))
            });
            self.is_status_new = true;
        }
        self.status.clone()
    }
}

/// The machine's monotonic clock, as the nodes see it.
fn monotonic(now: Nanos) -> Duration {
    Duration::from_nanos(now.0)
}

/// A disk and a journal in memory take everything.
fn infallible<E>(result: Result<(), E>) {
    debug_assert!(result.is_ok());
}

fn status(raft: &Raft, incarnation: u64, tail: Arc<[TailEntry]>) -> NodeStatus {
    let status = raft.status(0);
    let index = |index: cluster_node::raft::types::LogIndex| histories::LogIndex(index.0);
    let node = |name: &Name| node_of(name);
    NodeStatus {
        incarnation,
        role: Some(match status.role {
            cluster_node::raft::Role::Follower => Role::Follower,
            cluster_node::raft::Role::Candidate => Role::Candidate,
            cluster_node::raft::Role::Leader => Role::Leader,
        }),
        term: Some(Term(status.hard.term.0)),
        leader: status.leader.as_ref().map(node),
        commit: Some(index(status.commit)),
        applied: Some(index(status.applied)),
        last: Some(Position {
            index: index(status.last.index),
            term: Term(status.last.term.0),
        }),
        last_at_election: Some(index(status.last_at_election)),
        matched: status.matched.map(|matched| {
            matched
                .iter()
                .map(|(peer, at)| (node(peer), index(*at)))
                .collect()
        }),
        campaigns: Some(status.campaigns),
        denied: status
            .denied
            .iter()
            .map(|denied| Denied {
                by: node(&denied.by),
                term: Term(denied.term.0),
                why: word(denied.why).to_owned(),
            })
            .collect(),
        tail,
    }
}

fn word(why: cluster_node::raft::types::Refusal) -> &'static str {
    use cluster_node::raft::types::Refusal;
    match why {
        Refusal::Log => "log",
        Refusal::Voted => "voted",
        Refusal::Leader => "leader",
    }
}

/// The node of a name that this crate has given.
pub(super) fn node_of(name: &Name) -> NodeId {
    NodeId::from_name(&name.0).unwrap_or(NodeId(usize::MAX))
}
