//! What guided schedules share: the network they have drawn, who is out and how, probes, and pictures of a moment.

use std::collections::BTreeMap;

use histories::{LogIndex, Nanos, Term, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::effect::{Effect, Link, LinkRule, NodeId, Probe, ProbeId, ProbeOp};
use crate::view::{ProbeState, ProcessState, Role, TailEntry, View};

/// How many of `nodes` are a majority.
pub const fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}

/// How a node is taken out of the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Out {
    /// kill -9: what it had not answered is unknown for ever.
    Kill,
    /// All its links are cut; it lives on, alone.
    Cut,
    /// SIGSTOP, and all its links are cut.
    Pause,
}

impl Out {
    /// One of the three; a pause is the rarest, because it resembles a cut.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..5) {
            0 | 1 => Out::Kill,
            2 | 3 => Out::Cut,
            _ => Out::Pause,
        }
    }

    /// What takes the node out, beside the links.
    pub fn out(self, node: NodeId) -> Option<Effect> {
        match self {
            Out::Kill => Some(Effect::Kill(node)),
            Out::Cut => None,
            Out::Pause => Some(Effect::Pause(node)),
        }
    }

    /// What brings it back, beside the links.
    pub fn back(self, node: NodeId) -> Option<Effect> {
        match self {
            Out::Kill => Some(Effect::Start(node)),
            Out::Cut => None,
            Out::Pause => Some(Effect::Resume(node)),
        }
    }
}

/// The rule of every link as the schedule has set it, so that only changes are asked for.
pub struct Net {
    nodes: usize,
    rules: BTreeMap<Link, LinkRule>,
}

impl Net {
    /// Every link passes.
    pub fn new(nodes: usize) -> Self {
        Net {
            nodes,
            rules: Link::all(nodes).map(|link| (link, LinkRule::Pass)).collect(),
        }
    }

    /// Links pass where `open` says so, and are cut elsewhere: cuts first, so that nothing slips through in between.
    pub fn set(&mut self, open: impl Fn(Link) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (rule, wanted) in [(LinkRule::Cut, false), (LinkRule::Pass, true)] {
            let links: Vec<Link> = Link::all(self.nodes)
                .filter(|link| open(*link) == wanted && self.rules.get(link) != Some(&rule))
                .collect();
            for link in &links {
                self.rules.insert(*link, rule);
            }
            if !links.is_empty() {
                effects.push(Effect::Links { rule, links });
            }
        }
        effects
    }

    /// Links pass inside `group` and are cut everywhere else.
    pub fn only(&mut self, group: &[NodeId]) -> Vec<Effect> {
        self.set(|Link(from, to)| group.contains(&from) && group.contains(&to))
    }

    /// Links pass between `centre` and each of `leaves`, and are cut everywhere else.
    pub fn star(&mut self, centre: NodeId, leaves: &[NodeId]) -> Vec<Effect> {
        self.set(|Link(from, to)| {
            (from == centre && leaves.contains(&to)) || (to == centre && leaves.contains(&from))
        })
    }

    /// Every link passes.
    pub fn heal(&mut self) -> Vec<Effect> {
        self.set(|_| true)
    }

    /// The links that are cut now.
    pub fn cut(&self) -> Vec<Link> {
        self.rules
            .iter()
            .filter(|(_, rule)| **rule == LinkRule::Cut)
            .map(|(link, _)| *link)
            .collect()
    }
}

/// What brings every node back that is down or paused.
pub fn revive(view: &View) -> Vec<Effect> {
    NodeId::all(view.nodes.len())
        .filter_map(|node| match view.nodes[node.0].process {
            ProcessState::Down => Some(Effect::Start(node)),
            ProcessState::Paused => Some(Effect::Resume(node)),
            ProcessState::Starting | ProcessState::Running => None,
        })
        .collect()
}

/// Numbers the probes of a run.
#[derive(Default)]
pub struct Probes {
    next: u64,
}

impl Probes {
    /// A probe with a number of its own, and the effect that sends it.
    pub fn send(&mut self, node: NodeId, key: &Value, op: ProbeOp, timeout_ms: u64) -> (ProbeId, Effect) {
        let id = ProbeId(self.next);
        self.next += 1;
        (
            id,
            Effect::Probe(Probe {
                id,
                node,
                key: key.clone(),
                op,
                timeout_ms,
            }),
        )
    }
}

/// What came of a probe; pending if it is not known yet.
pub fn answer(view: &View, probe: ProbeId) -> &ProbeState {
    view.probes.get(&probe).unwrap_or(&ProbeState::Pending)
}

/// Whether nobody waits for this probe any more.
pub fn answered(view: &View, probe: ProbeId) -> bool {
    answer(view, probe) != &ProbeState::Pending
}

/// What a probe read or wrote, if it was ok.
pub fn ok_value(view: &View, probe: ProbeId) -> Option<Value> {
    match answer(view, probe) {
        ProbeState::Ok { value, .. } => Some(value.clone()),
        _ => None,
    }
}

/// The leader, if every node runs and follows it, in one term.
pub fn one_leader(view: &View) -> Option<NodeId> {
    let leader = view.leader()?;
    let term = view.status(leader)?.term;
    let follows = |node| {
        view.status(node)
            .is_some_and(|status| status.term == term && status.leader == Some(leader))
    };
    NodeId::all(view.nodes.len()).all(follows).then_some(leader)
}

/// Whether every node runs, was asked after `since`, follows one leader in one term, and all logs are equal and
/// committed to the end.
pub fn is_even(view: &View, since: Nanos) -> bool {
    let Some(leader) = view.leader() else { return false };
    let Some(first) = view.status(leader) else {
        return false;
    };
    view.nodes.iter().all(|node| match (&node.process, &node.status) {
        (ProcessState::Running, Some((asked, status))) => {
            *asked >= since
                && status.term == first.term
                && status.leader == Some(leader)
                && status.last == first.last
                && status.tail.last() == first.tail.last()
                && status.commit == first.last.index
        }
        _ => false,
    })
}

/// A server at one moment, for the storyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Which.
    pub node: NodeId,
    /// Its process.
    pub process: ProcessState,
    /// Its role, term and commit index, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// See `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    /// See `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<LogIndex>,
    /// The end of its log.
    pub log: Vec<TailEntry>,
}

/// The whole cluster at one moment: a panel of the storyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Which: `a`, `b`, `c`, `d1` …
    pub panel: String,
    /// When.
    pub t: Nanos,
    /// Every server. Of one that is out, the log is the last that was seen of it.
    pub servers: Vec<Server>,
    /// The links that are cut.
    pub cut: Vec<Link>,
}

impl Panel {
    /// The cluster as it is seen now, each log from `from` on.
    pub fn now(panel: &str, view: &View, net: &Net, from: LogIndex) -> Self {
        let servers = NodeId::all(view.nodes.len())
            .map(|node| {
                let seen = &view.nodes[node.0];
                let status = seen.status.as_ref().map(|(_, status)| status);
                let alive = status.filter(|_| seen.process == ProcessState::Running);
                Server {
                    node,
                    process: seen.process,
                    role: alive.map(|status| status.role),
                    term: alive.map(|status| status.term),
                    commit: alive.map(|status| status.commit),
                    log: status
                        .map(|status| {
                            status
                                .tail
                                .iter()
                                .filter(|entry| entry.index >= from)
                                .cloned()
                                .collect()
                        })
                        .unwrap_or_default(),
                }
            })
            .collect();
        Panel {
            panel: panel.to_owned(),
            t: view.now,
            servers,
            cut: net.cut(),
        }
    }
}
