//! A cluster in a hundred lines or two: Raft without messages, five milliseconds a tick. It knows just enough for a
//! schedule to be led through its stages, with the rule of section 5.4.2 intact or broken, and with or without a
//! no-op at election.

use std::collections::BTreeMap;
use std::time::Duration;

use histories::{LogIndex, Nanos, Term, Value};
use nemesis::evidence::{self, ClientRuleEnded, ClientRulesSet, Count, FramesInjected, Injected};
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

    fn campaign(&mut self, me: NodeId) {
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
    fn vote(&mut self, me: NodeId, voter: NodeId, term: Term, last: (Term, usize)) -> Option<&'static str> {
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

    fn win(&mut self, me: NodeId) {
        if self.rules.no_op {
            self.append(me, None);
        }
        let node = &mut self.nodes[me.0];
        (node.role, node.leader) = (Role::Leader, Some(me));
        node.last_at_election = node.log.len();
        node.matched.clear();
        self.lead(me);
    }

    fn append(&mut self, me: NodeId, write: Option<(Value, Value)>) -> (usize, Term) {
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

    fn lead(&mut self, me: NodeId) {
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
    fn replicate(&mut self, me: NodeId, other: NodeId) {
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

    fn commit(&mut self, me: NodeId) {
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

    fn answer(&mut self) {
        for mut probe in std::mem::take(&mut self.waiting) {
            match self.state(&mut probe) {
                ProbeState::Pending => self.waiting.push(probe),
                state => {
                    let state = self.unless_mute(&probe, state);
                    self.probes.insert(probe.id, state);
                }
            }
        }
    }

    fn unless_mute(&mut self, probe: &Waiting, state: ProbeState) -> ProbeState {
        match (self.mute.get_mut(&probe.node), state) {
            (Some(dropped), ProbeState::Ok { .. } | ProbeState::Fail { .. }) => {
                *dropped += 1;
                ProbeState::Info {
                    code: "connection-lost".to_owned(),
                }
            }
            (_, state) => state,
        }
    }

    fn state(&mut self, probe: &mut Waiting) -> ProbeState {
        let asked = &self.nodes[probe.node.0];
        if asked.process == ProcessState::Down || asked.incarnation != probe.incarnation {
            return ProbeState::Info {
                code: "connection-lost".to_owned(),
            };
        }
        if self.now >= probe.until {
            return ProbeState::Info {
                code: "client-timeout".to_owned(),
            };
        }
        if asked.process == ProcessState::Paused {
            return ProbeState::Pending;
        }
        match probe.op.clone() {
            ProbeOp::Write(value) => self.write(probe, probe.node, value),
            // What the session has had already is applied to nothing.
            ProbeOp::Retry(_) => self.write(probe, probe.node, Value::Null),
            ProbeOp::WriteForwarded(value) => match asked.leader {
                Some(leader) => {
                    let delay = match self.rules_of.get(&Link(leader, probe.node)) {
                        Some(LinkRule::DelayMs(ms)) => Duration::from_millis(*ms),
                        _ => Duration::ZERO,
                    };
                    match self.write(probe, leader, value) {
                        ProbeState::Ok { .. } if self.now.since(probe.since) < delay => ProbeState::Pending,
                        state => state,
                    }
                }
                None => ProbeState::Pending,
            },
            ProbeOp::Read => self.read(probe.node, &probe.key),
            ProbeOp::ReadForwarded => match asked.leader {
                Some(leader) if leader == probe.node || self.reaches(probe.node, leader) => {
                    self.read(leader, &probe.key)
                }
                _ => ProbeState::Pending,
            },
        }
    }

    fn write(&mut self, probe: &mut Waiting, at: NodeId, value: Value) -> ProbeState {
        if let Some((index, term)) = probe.entry {
            let node = &self.nodes[at.0];
            return match node.log.get(index - 1) {
                Some(entry) if entry.term == term && node.commit >= index => {
                    let at = Some(Position {
                        index: LogIndex(index as u64),
                        term,
                    });
                    ProbeState::Ok { value, at }
                }
                Some(entry) if entry.term == term => ProbeState::Pending,
                _ => ProbeState::Info {
                    code: "truncated".to_owned(),
                },
            };
        }
        if self.nodes[at.0].role != Role::Leader {
            return ProbeState::Fail {
                code: "not-leader".to_owned(),
            };
        }
        let write = (probe.key.clone(), value);
        let is_retry = matches!(probe.op, ProbeOp::Retry(_));
        probe.entry = Some(self.append(at, (!is_retry).then_some(write)));
        ProbeState::Pending
    }

    fn read(&self, at: NodeId, key: &Value) -> ProbeState {
        let node = &self.nodes[at.0];
        let reached = NodeId::all(self.nodes.len())
            .filter(|other| self.reaches(at, *other))
            .count()
            + 1;
        let confirmed = node.role == Role::Leader
            && node.commit >= node.last_at_election
            && reached > self.nodes.len() / 2;
        if confirmed {
            ProbeState::Ok {
                value: node.read(key),
                at: None,
            }
        } else {
            ProbeState::Pending
        }
    }

    pub fn apply(&mut self, effect: &Effect) -> Outcome {
        match effect {
            Effect::Start(node) => {
                self.rest(*node);
                let node = &mut self.nodes[node.0];
                assert_eq!(
                    node.process,
                    ProcessState::Down,
                    "a start of a node that is not down"
                );
                (node.process, node.role, node.leader) = (ProcessState::Running, Role::Follower, None);
                node.incarnation += 1;
                (node.commit, node.campaigns) = (0, 0);
                node.denied.clear();
            }
            Effect::Kill(node) => self.nodes[node.0].process = ProcessState::Down,
            Effect::Pause(node) => self.nodes[node.0].process = ProcessState::Paused,
            Effect::Resume(node) => self.nodes[node.0].process = ProcessState::Running,
            Effect::Links { rule, links } => self.rules_of.extend(links.iter().map(|link| (*link, *rule))),
            Effect::Record { kind, first, links } => {
                for link in links {
                    let recording = Recording {
                        kind: *kind,
                        left: *first,
                        frames: Vec::new(),
                    };
                    self.recordings.insert(*link, recording);
                }
            }
            Effect::Inject { links } => return self.inject(links),
            Effect::Clients { rule, nodes } => return self.set_clients(*rule, nodes),
            Effect::Gate { open } => self.gate_open = *open,
            Effect::Probe(probe) => {
                self.probes.insert(probe.id, ProbeState::Pending);
                while self.probes.len() > PROBES {
                    self.probes.pop_first();
                }
                self.waiting.push(Waiting {
                    id: probe.id,
                    since: self.now,
                    node: probe.node,
                    key: probe.key.clone(),
                    op: probe.op.clone(),
                    until: self.now + Duration::from_millis(probe.timeout_ms),
                    incarnation: self.nodes[probe.node.0].incarnation,
                    entry: None,
                });
            }
        }
        Outcome::Installed {
            evidence: serde_json::Value::Null,
        }
    }

    fn inject(&mut self, links: &[Link]) -> Outcome {
        let mut injected = Vec::new();
        for link in links {
            let recording = self.recordings.remove(link);
            let frames = recording.map_or(Vec::new(), |recording| recording.frames);
            if frames.is_empty() {
                return evidence::skipped("nothing was recorded");
            }
            for frame in &frames {
                // A correct node minds no other frame that comes late or again.
                if let Frame::RequestVote { term, last } = frame {
                    self.vote(link.0, link.1, *term, *last);
                }
            }
            let delivered = Count {
                frames: frames.len() as u64,
                bytes: 1,
            };
            injected.push(Injected {
                link: *link,
                recorded: delivered.frames,
                delivered,
            });
        }
        evidence::installed(&FramesInjected {
            took_us: 1,
            links: injected,
        })
    }

    fn set_clients(&mut self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        let ended = nodes.iter().map(|node| {
            let dropped = self.mute.remove(node);
            if rule == ClientRule::CutReplies {
                self.mute.insert(*node, 0);
            }
            let was = match dropped {
                Some(_) => ClientRule::CutReplies,
                None => ClientRule::Pass,
            };
            let frames = dropped.unwrap_or_default();
            let dropped = Count {
                frames,
                bytes: frames,
            };
            ClientRuleEnded {
                node: *node,
                was,
                dropped,
            }
        });
        let ended = ended.collect();
        evidence::installed(&ClientRulesSet { ended })
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
            probes: self.probes.clone(),
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
            hash: entry.hash.clone(),
        });
        let status = NodeStatus {
            incarnation: node.incarnation,
            role: node.role,
            term: node.term,
            leader: node.leader,
            commit: index(node.commit),
            applied: index(node.commit),
            last: Position {
                index: index(last_index),
                term: last_term,
            },
            last_at_election: index(node.last_at_election),
            matched: (node.role == Role::Leader).then(|| {
                node.matched
                    .iter()
                    .map(|(node, at)| (*node, index(*at)))
                    .collect()
            }),
            campaigns: node.campaigns,
            denied: node.denied.clone(),
            tail: tail.collect(),
        };
        NodeView {
            process: node.process,
            status: Some((self.now, status)),
        }
    }
}
