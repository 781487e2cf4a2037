//! What can be done to a cluster, and what came of it.

use std::fmt;
use std::time::Duration;

use histories::{NodeName, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A node by its position, from 0; written as its name, `n1` for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

impl NodeId {
    /// All nodes of a cluster of `count`.
    pub fn all(count: usize) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..count).map(NodeId)
    }

    /// The name that the node goes by.
    pub fn name(self) -> NodeName {
        NodeName::numbered(self.0 + 1)
    }

    /// The node of that name: the inverse of [`NodeId::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        let number: usize = name.strip_prefix('n')?.parse().ok()?;
        number.checked_sub(1).map(NodeId)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name().as_str())
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = NodeName::deserialize(deserializer)?;
        NodeId::from_name(name.as_str())
            .ok_or_else(|| de::Error::custom(format!("{name} is no node: expected n1, n2, …")))
    }
}

/// A directed link between two nodes: frames from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link(pub NodeId, pub NodeId);

impl Link {
    /// Every directed link between two different nodes of a cluster of `count`.
    pub fn all(count: usize) -> impl Iterator<Item = Link> {
        NodeId::all(count).flat_map(move |from| {
            NodeId::all(count)
                .filter(move |to| *to != from)
                .map(move |to| Link(from, to))
        })
    }

    /// Both directions between every node of `left` and every one of `right`.
    pub fn between(left: &[NodeId], right: &[NodeId]) -> Vec<Link> {
        let mut links = Vec::with_capacity(left.len() * right.len() * 2);
        for &a in left {
            for &b in right.iter().filter(|b| **b != a) {
                links.extend([Link(a, b), Link(b, a)]);
            }
        }
        links
    }
}

/// What a link does with the frames that are offered to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkRule {
    /// Hand them on.
    Pass,
    /// Drop them, and what is queued.
    Cut,
    /// Hand them on, each this many milliseconds later, in order.
    DelayMs(u64),
    /// Hand on this many AppendEntries frames that carry entries, and whatever comes between them; then cut.
    PassThenCut(u64),
    /// Hand on this many frames of this kind, and whatever comes between them; then keep the rest until another rule lets it
    /// go or drops it.
    PassThenHold(FrameKind, u64),
    /// Hand on what comes before the first frame of this kind; keep that and the rest until another rule lets it go or drops it.
    HoldFrom(FrameKind),
    /// Lose so many of a hundred messages, by lot.
    LosePercent(u64),
    /// Hand so many of a hundred messages on twice, by lot.
    RepeatPercent(u64),
    /// Hand each message on later by up to so many milliseconds, by lot: some overtake others.
    ReorderMs(u64),
}

impl LinkRule {
    /// How much of it: `by 30 ms`, `after 2 frames`.
    pub fn amount(self) -> Option<String> {
        match self {
            LinkRule::Pass | LinkRule::Cut => None,
            LinkRule::DelayMs(ms) => Some(format!("by {ms} ms")),
            LinkRule::ReorderMs(ms) => Some(format!("by up to {ms} ms")),
            LinkRule::LosePercent(percent) | LinkRule::RepeatPercent(percent) => Some(format!("{percent} %")),
            LinkRule::PassThenCut(frames) => Some(format!("after {frames} frames")),
            LinkRule::PassThenHold(kind, frames) => Some(format!("after {frames} of {kind}")),
            LinkRule::HoldFrom(kind) => Some(format!("from the first of {kind}")),
        }
    }

    /// Of which frames it hands a number on, and how many; none if it does not count.
    pub fn counts(self) -> Option<(FrameKind, u64)> {
        match self {
            LinkRule::PassThenCut(frames) => Some((FrameKind::AppendEntries, frames)),
            LinkRule::PassThenHold(kind, frames) => Some((kind, frames)),
            LinkRule::Pass
            | LinkRule::Cut
            | LinkRule::DelayMs(_)
            | LinkRule::HoldFrom(_)
            | LinkRule::LosePercent(_)
            | LinkRule::RepeatPercent(_)
            | LinkRule::ReorderMs(_) => None,
        }
    }

    /// Whether nothing passes any more, and what comes is dropped, when `left` of the frames that it counts may still go.
    pub fn is_cut(self, left: u64) -> bool {
        match self {
            LinkRule::Cut => true,
            LinkRule::PassThenCut(_) => left == 0,
            LinkRule::Pass
            | LinkRule::DelayMs(_)
            | LinkRule::PassThenHold(..)
            | LinkRule::HoldFrom(_)
            | LinkRule::LosePercent(_)
            | LinkRule::RepeatPercent(_)
            | LinkRule::ReorderMs(_) => false,
        }
    }

    /// Whether what comes is kept, when `left` of the frames that it counts may still go.
    pub fn holds(self, left: u64) -> bool {
        matches!(self, LinkRule::PassThenHold(..)) && left == 0
    }
}

/// A kind of frame that peers send each other, as Raft calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// An AppendEntries with as many entries as go into one: of systems that are not known to have such, any with entries.
    Batch,
    /// An AppendEntries that carries entries.
    AppendEntries,
    /// Any AppendEntries, a heartbeat too: what only a leader sends.
    Append,
    /// A candidate asks for a vote.
    RequestVote,
    /// The answer.
    RequestVoteReply,
}

impl FrameKind {
    /// Whether a frame of this kind is also one of `wanted`.
    pub fn is(self, wanted: FrameKind) -> bool {
        match wanted {
            FrameKind::Append => matches!(
                self,
                FrameKind::Batch | FrameKind::AppendEntries | FrameKind::Append
            ),
            FrameKind::AppendEntries => matches!(self, FrameKind::Batch | FrameKind::AppendEntries),
            _ => self == wanted,
        }
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameKind::Batch => "batch",
            FrameKind::AppendEntries => "entries",
            FrameKind::Append => "append",
            FrameKind::RequestVote => "request for votes",
            FrameKind::RequestVoteReply => "vote",
        })
    }
}

/// What the link between a node and its clients does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientRule {
    /// Requests and replies go through.
    #[default]
    Pass,
    /// A request is dropped, and its connection reset: the node never hears of it.
    CutRequests,
    /// A reply is dropped, and its connection reset: the client never hears of what was done.
    CutReplies,
}

/// The number of a probe within a run; chosen by the schedule, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeId(pub u64);

/// An operation of the schedule's own client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOp {
    /// Read at the node itself, as leader.
    Read,
    /// Read at the node; a follower forwards by ReadIndex.
    ReadForwarded,
    /// Write this value.
    Write(Value),
    /// Write this value; a follower hands it to its leader.
    WriteForwarded(Value),
    /// Write a value of so many letters, by lot, which hardly can be packed. Nobody asks for it, and it stands in no history.
    Fill(u64),
    /// The same operation in the same session, asked again: by the client of a probe that was [`held`](Probe::held).
    Retry(ProbeId),
}

/// One operation of the schedule's own client, sent to one node and to no other. It stands in the history like any
/// other operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Its number.
    pub id: ProbeId,
    /// Whom to ask.
    pub node: NodeId,
    /// The key.
    pub key: Value,
    /// Read or write.
    pub op: ProbeOp,
    /// How long the client waits for an answer, in milliseconds.
    pub timeout_ms: u64,
    /// Whether the client asks again where the outcome is unknown: the operation is not over before it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// One thing done to the cluster: the closed set that [`crate::hands`] know. What each means for those whom it is done to
/// stands in [`crate::faults`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Start a node that is down.
    Start(NodeId),
    /// SIGKILL.
    Kill(NodeId),
    /// SIGSTOP.
    Pause(NodeId),
    /// SIGCONT.
    Resume(NodeId),
    /// Set the rule of these links. The evidence tells what went through them under the rule that ends here.
    Links {
        /// The new rule.
        rule: LinkRule,
        /// Which links.
        links: Vec<Link>,
    },
    /// Keep a copy of the first frames of this kind that are offered to these links from now on, whatever their rule.
    /// What was kept of a link before is forgotten.
    Record {
        /// Which frames.
        kind: FrameKind,
        /// How many of each link at most.
        first: u64,
        /// Which links.
        links: Vec<Link>,
    },
    /// Put what was recorded into the present connection of each link, past its rule.
    Inject {
        /// Which links.
        links: Vec<Link>,
    },
    /// Set the rule of the links between these nodes and their clients.
    Clients {
        /// The new rule.
        rule: ClientRule,
        /// Whose clients.
        nodes: Vec<NodeId>,
    },
    /// Open or close the gate: while it is closed no client of the workload begins an operation.
    Gate {
        /// Whether operations may begin.
        open: bool,
    },
    /// An operation of the schedule's own client. Its answer stands in `View::probes`.
    Probe(Probe),
}

impl Effect {
    /// Set the rule of these links.
    pub fn links(rule: LinkRule, links: impl IntoIterator<Item = Link>) -> Self {
        Effect::Links {
            rule,
            links: links.into_iter().collect(),
        }
    }
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in force.
    Installed {
        /// What proves it: the process's state, the bytes through a link.
        evidence: serde_json::Value,
    },
    /// It was not done.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It was attempted; whether it is in force is not known.
    Indeterminate {
        /// Why.
        reason: String,
        /// What is known.
        evidence: serde_json::Value,
    },
}

impl Outcome {
    /// Whether it is in force for certain.
    pub fn is_installed(&self) -> bool {
        matches!(self, Outcome::Installed { .. })
    }
}

/// Why an effect was asked for: what the seed chose, and what that came to in this cluster at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The abstract choice: `kill the leader`.
    pub what: String,
    /// What it resolved to: `n3, term 7`.
    pub resolved: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.resolved)
    }
}

/// A line of `nemesis.jsonl`: an effect and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectLine {
    /// Counts from 0.
    pub id: u64,
    /// When the schedule decided, in ns since the run began.
    pub planned: histories::Nanos,
    /// When it was in force, or given up.
    pub done: histories::Nanos,
    /// What.
    pub effect: Effect,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Why, where the schedule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The lines whose faults this one ended, on some of their targets at least (a start undoes a kill).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<u64>,
}

impl EffectLine {
    /// From the decision to the moment it was in force.
    pub fn took(&self) -> Duration {
        self.done.since(self.planned)
    }
}
