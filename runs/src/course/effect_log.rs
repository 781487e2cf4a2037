//! What the nemesis did, written down: `nemesis.jsonl` with an effect a line, and the nemesis' events of the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use histories::run_folder::FolderError;
use histories::{Event, Kind, Nanos, Process, Value};
use nemesis::effect::{Choice, EffectLine};
use nemesis::{ClientRule, Effect, LinkRule, NodeId, Outcome};

use crate::sink::Sink;

/// An effect that was carried out.
pub struct Done {
    /// When the schedule asked for it.
    pub planned: Nanos,
    /// When it was done.
    pub done: Nanos,
    /// What.
    pub effect: Effect,
    /// What came of it.
    pub outcome: Outcome,
    /// Why the schedule chose it.
    pub choice: Option<Choice>,
}

/// Writes `nemesis.jsonl`, and the nemesis' events of the history.
pub struct EffectLog {
    sink: Arc<dyn Sink>,
    next_id: u64,
    /// The faults that are in force, by what they are done to.
    in_force: BTreeMap<Target, u64>,
}

/// What a fault is done to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Process(NodeId),
    Link(nemesis::Link),
    Clients(NodeId),
}

impl EffectLog {
    /// An empty log.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        EffectLog {
            sink,
            next_id: 0,
            in_force: BTreeMap::new(),
        }
    }

    /// Write an effect down, with the faults that it ends.
    pub fn add(&mut self, done: Done) -> Result<(), FolderError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut undoes: Vec<u64> = Vec::new();
        for (target, is_fault) in targets(&done.effect) {
            undoes.extend(self.in_force.remove(&target));
            if is_fault && !matches!(done.outcome, Outcome::Skipped { .. }) {
                self.in_force.insert(target, id);
            }
        }
        undoes.sort_unstable();
        undoes.dedup();
        let installed = done.outcome.is_installed();
        self.sink.event(event(&done.effect, done.done, installed));
        let Done {
            planned,
            done,
            effect,
            outcome,
            choice,
        } = done;
        self.sink.effect(EffectLine {
            id,
            planned,
            done,
            effect,
            outcome,
            choice,
            undoes,
        })
    }
}

/// What an effect is done to, and whether it is a fault rather than the end of one.
fn targets(effect: &Effect) -> Vec<(Target, bool)> {
    match effect {
        Effect::Kill(node) | Effect::Pause(node) => vec![(Target::Process(*node), true)],
        Effect::Start(node) | Effect::Resume(node) => vec![(Target::Process(*node), false)],
        Effect::Links { rule, links } => links
            .iter()
            .map(|link| (Target::Link(*link), *rule != LinkRule::Pass))
            .collect(),
        Effect::Clients { rule, nodes } => nodes
            .iter()
            .map(|node| (Target::Clients(*node), *rule != ClientRule::Pass))
            .collect(),
        // Nothing of it stays in force.
        Effect::Record { .. } | Effect::Inject { .. } | Effect::Gate { .. } | Effect::Probe(_) => Vec::new(),
    }
}

/// An effect as the history shows it.
pub fn event(effect: &Effect, time: Nanos, installed: bool) -> Event {
    let name = |node: &NodeId| Value::from(node.name().as_str());
    let value = match effect {
        Effect::Start(node) | Effect::Kill(node) | Effect::Pause(node) | Effect::Resume(node) => name(node),
        Effect::Clients { nodes, .. } => Value::list(nodes.iter().map(name)),
        Effect::Links { links, .. } | Effect::Record { links, .. } | Effect::Inject { links } => {
            let links = links
                .iter()
                .map(|link| Value::list([name(&link.0), name(&link.1)]));
            Value::list([Value::list([Value::from("links"), Value::list(links)])])
        }
        Effect::Gate { .. } | Effect::Probe(_) => Value::Null,
    };
    Event {
        index: 0,
        time,
        process: Process::Nemesis,
        kind: Kind::Info,
        f: effect.word().into(),
        key: None,
        value,
        node: None,
        error: (!installed).then(|| "not-installed".into()),
        message: None,
        seq: None,
        at: None,
        other: serde_json::Map::new(),
    }
}
