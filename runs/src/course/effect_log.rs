//! What the nemesis did, written down: `nemesis.jsonl` with an effect a line, and the nemesis' events of the history.

use std::collections::BTreeSet;
use std::sync::Arc;

use histories::{Event, Kind, Nanos, Process, Value};
use nemesis::effect::{Choice, EffectLine};
use nemesis::fault::Target;
use nemesis::faults::InForce;
use nemesis::{Effect, NodeId, Outcome};

use crate::sink::Sink;

/// An effect that was carried out.
pub(super) struct Done {
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
pub(super) struct EffectLog {
    sink: Arc<dyn Sink>,
    next_id: u64,
    /// The faults that are in force, by the lines that began them.
    in_force: InForce<u64>,
}

impl EffectLog {
    /// An empty log.
    pub(super) fn new(sink: Arc<dyn Sink>) -> Self {
        EffectLog {
            sink,
            next_id: 0,
            in_force: InForce::default(),
        }
    }

    /// Write an effect down, with the faults that it ends.
    pub(super) fn add(&mut self, done: Done) {
        let id = self.next_id;
        self.next_id += 1;
        let undoes = undone(&mut self.in_force, id, &done.effect, &done.outcome);
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
        });
    }
}

/// The lines whose faults this one ended.
fn undone(in_force: &mut InForce<u64>, id: u64, effect: &Effect, outcome: &Outcome) -> Vec<u64> {
    let over = in_force.after(effect, outcome, &id);
    let others: BTreeSet<u64> = over
        .iter()
        .map(|fault| fault.mark)
        .filter(|of| *of != id)
        .collect();
    others.into_iter().collect()
}

/// An effect as the history shows it.
pub(super) fn event(effect: &Effect, time: Nanos, installed: bool) -> Event {
    let name = |node: NodeId| Value::from(node.name().as_str());
    let act = effect.act();
    let value = match act.targets.as_slice() {
        [] => Value::Null,
        [Target::Process(node)] => name(*node),
        [Target::Link(_), ..] => {
            let ends = |target: &Target| Value::list(target.nodes().map(name));
            let links = Value::list(act.targets.iter().map(ends));
            Value::list([Value::list([Value::from("links"), links])])
        }
        [Target::Process(_) | Target::Clients(_), ..] => {
            Value::list(act.targets.iter().flat_map(|target| target.nodes()).map(name))
        }
    };
    Event {
        index: 0,
        time,
        process: Process::Nemesis,
        kind: Kind::Info,
        f: act.word.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_lines_are_written_as_they_were_and_undo_what_they_undid() {
        let saved = concat!(env!("CARGO_MANIFEST_DIR"), "/../harness/tests/saved");
        let mut lines = 0;
        for run in std::fs::read_dir(saved).unwrap() {
            let text = std::fs::read_to_string(run.unwrap().path().join("nemesis.jsonl")).unwrap();
            let mut in_force = InForce::default();
            for written in text.lines() {
                let json: serde_json::Value = serde_json::from_str(written).unwrap();
                let line: EffectLine = serde_json::from_str(written).unwrap();
                assert_eq!(serde_json::to_value(&line).unwrap(), json);
                let undoes = undone(&mut in_force, line.id, &line.effect, &line.outcome);
                assert_eq!(undoes, line.undoes, "{written}");
                lines += 1;
            }
        }
        assert!(lines > 50, "{lines}");
    }
}
