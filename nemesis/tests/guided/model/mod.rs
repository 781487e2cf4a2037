//! A small cluster: Raft without messages, five milliseconds a tick. It knows just enough for a
//! schedule to be led through its stages, with the rule of section 5.4.2 intact or broken, and with or without a
//! no-op at election.

mod clients;
mod faults;
mod raft;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use histories::{LogIndex, Nanos, Term, Value};
use nemesis::evidence::{self, Count};
use nemesis::faults::{ClientRuleEnded, ClientRulesSet, FramesInjected, Injected};
use nemesis::view::{Denied, Position, TailEntry};
use nemesis::{
    ClientRule, Effect, FrameKind, Link, LinkRule, NodeId, NodeStatus, NodeView, Outcome, ProbeId, ProbeOp,
    ProbeState, ProcessState, Role, View,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TICK: Duration = Duration::from_millis(5);
/// So many probes are remembered.
const PROBES: usize = 64;

#[derive(Clone, Copy)]
pub struct Rules {
    /// Only an entry of the leader's own term is committed by counting.
    pub current_term_only: bool,
    /// A new leader appends an entry of its own.
    pub no_op: bool,
}

impl Rules {
    /// Bare Raft as in the paper.
    pub const CORRECT: Rules = Rules {
        current_term_only: true,
        no_op: false,
    };
}

#[derive(Clone)]
struct Entry {
    term: Term,
    /// What it writes; none in a no-op.
    write: Option<(Value, Value)>,
    hash: String,
}

struct Node {
    process: ProcessState,
    incarnation: u64,
    term: Term,
    voted: Option<NodeId>,
    role: Role,
    leader: Option<NodeId>,
    log: Vec<Entry>,
    commit: usize,
    matched: BTreeMap<NodeId, usize>,
    last_at_election: usize,
    deadline: Nanos,
    campaigns: u64,
    denied: Vec<Denied>,
}

impl Node {
    fn last(&self) -> (Term, usize) {
        (
            self.log.last().map_or(Term(0), |entry| entry.term),
            self.log.len(),
        )
    }

    fn read(&self, key: &Value) -> Value {
        let writes = self.log[..self.commit]
            .iter()
            .rev()
            .filter_map(|entry| entry.write.as_ref());
        writes
            .clone()
            .find(|(written, _)| written == key)
            .map_or(Value::Null, |(_, value)| value.clone())
    }
}

/// Up to where two logs agree: where they have the same entry, they have the same before it (Raft section 5.3).
fn common(a: &[Entry], b: &[Entry]) -> usize {
    let (mut agree, mut differ) = (0, a.len().min(b.len()) + 1);
    while agree + 1 < differ {
        let middle = agree.midpoint(differ);
        if a[middle - 1].hash == b[middle - 1].hash {
            agree = middle;
        } else {
            differ = middle;
        }
    }
    agree
}

/// A frame as far as a recording needs it.
#[derive(Clone, Copy)]
enum Frame {
    AppendEntries,
    RequestVote { term: Term, last: (Term, usize) },
    RequestVoteReply,
}

impl Frame {
    fn kind(self) -> FrameKind {
        match self {
            Frame::AppendEntries => FrameKind::AppendEntries,
            Frame::RequestVote { .. } => FrameKind::RequestVote,
            Frame::RequestVoteReply => FrameKind::RequestVoteReply,
        }
    }
}

struct Recording {
    kind: FrameKind,
    left: u64,
    frames: Vec<Frame>,
}

struct Waiting {
    id: ProbeId,
    since: Nanos,
    node: NodeId,
    key: Value,
    op: ProbeOp,
    until: Nanos,
    incarnation: u64,
    /// Where a write stands.
    entry: Option<(usize, Term)>,
}

pub struct Cluster {
    pub now: Nanos,
    rules: Rules,
    rng: ChaCha8Rng,
    nodes: Vec<Node>,
    rules_of: BTreeMap<Link, LinkRule>,
    recordings: BTreeMap<Link, Recording>,
    /// Whose clients hear no replies, and how many were dropped.
    mute: BTreeMap<NodeId, u64>,
    gate_open: bool,
    probes: BTreeMap<ProbeId, ProbeState>,
    waiting: Vec<Waiting>,
    next_hash: u64,
}

impl Cluster {
    pub fn new(nodes: usize, seed: u64, rules: Rules) -> Self {
        let node = |_| Node {
            process: ProcessState::Running,
            incarnation: 1,
            term: Term(1),
            voted: None,
            role: Role::Follower,
            leader: None,
            log: Vec::new(),
            commit: 0,
            matched: BTreeMap::new(),
            last_at_election: 0,
            deadline: Nanos(0),
            campaigns: 0,
            denied: Vec::new(),
        };
        let mut cluster = Cluster {
            now: Nanos(0),
            rules,
            rng: ChaCha8Rng::seed_from_u64(seed),
            nodes: (0..nodes).map(node).collect(),
            rules_of: BTreeMap::new(),
            recordings: BTreeMap::new(),
            mute: BTreeMap::new(),
            gate_open: true,
            probes: BTreeMap::new(),
            waiting: Vec::new(),
            next_hash: 0,
        };
        NodeId::all(nodes).for_each(|node| cluster.rest(node));
        cluster
    }

    pub fn tick(&mut self) {
        self.now = self.now + TICK;
        for node in NodeId::all(self.nodes.len()) {
            if self.nodes[node.0].process != ProcessState::Running {
                continue;
            }
            match self.nodes[node.0].role {
                Role::Leader => self.lead(node),
                _ if self.now >= self.nodes[node.0].deadline => self.campaign(node),
                _ => {}
            }
        }
        self.answer();
    }

    fn rest(&mut self, node: NodeId) {
        let wait = Duration::from_millis(self.rng.random_range(150..300));
        self.nodes[node.0].deadline = self.now + wait;
    }

    /// Whether what is said arrives.
    fn arrives(&self, from: NodeId, to: NodeId) -> bool {
        let is_cut = |rule: &LinkRule| matches!(rule, LinkRule::Cut | LinkRule::PassThenCut(0));
        let is_open = !self.rules_of.get(&Link(from, to)).is_some_and(is_cut);
        from != to && is_open && self.nodes[to.0].process == ProcessState::Running
    }

    /// Whether what is said arrives, and so does the answer.
    fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        self.arrives(from, to) && self.arrives(to, from)
    }

    fn see_term(&mut self, node: NodeId, term: Term) {
        let node = &mut self.nodes[node.0];
        if term > node.term {
            (node.term, node.voted, node.role, node.leader) = (term, None, Role::Follower, None);
        }
    }

    fn others(&self, me: NodeId) -> Vec<NodeId> {
        NodeId::all(self.nodes.len()).filter(|node| *node != me).collect()
    }

    /// A frame is offered to a link, whether it arrives or not.
    fn offer(&mut self, link: Link, frame: Frame) {
        if let Some(recording) = self.recordings.get_mut(&link)
            && recording.kind == frame.kind()
            && recording.left > 0
        {
            recording.left -= 1;
            recording.frames.push(frame);
        }
    }

    pub fn view(&self) -> View {
        View {
            now: self.now,
            nodes: NodeId::all(self.nodes.len())
                .map(|node| self.node_view(node))
                .collect(),
            gate_open: self.gate_open,
            in_flight: 0,
            pending_effects: 0,
            probes: Arc::new(self.probes.clone()),
        }
    }

    fn node_view(&self, id: NodeId) -> NodeView {
        let node = &self.nodes[id.0];
        let (last_term, last_index) = node.last();
        let index = |at: usize| LogIndex(at as u64);
        let first = node.log.len().saturating_sub(32);
        let tail = node.log[first..].iter().enumerate().map(|(at, entry)| TailEntry {
            index: index(first + at + 1),
            term: entry.term,
            hash: entry.hash.as_str().into(),
        });
        let status = NodeStatus {
            incarnation: node.incarnation,
            role: Some(node.role),
            term: Some(node.term),
            leader: node.leader,
            commit: Some(index(node.commit)),
            applied: Some(index(node.commit)),
            last: Some(Position {
                index: index(last_index),
                term: last_term,
            }),
            last_at_election: Some(index(node.last_at_election)),
            matched: (node.role == Role::Leader).then(|| {
                node.matched
                    .iter()
                    .map(|(node, at)| (*node, index(*at)))
                    .collect()
            }),
            campaigns: Some(node.campaigns),
            denied: node.denied.clone(),
            tail: tail.collect(),
        };
        NodeView {
            process: node.process,
            status: Some((self.now, Arc::new(status))),
        }
    }
}
