//! Probes: their numbers, and what came of them.

use histories::Value;

use crate::effect::{Effect, NodeId, Probe, ProbeId, ProbeOp};
use crate::view::{ProbeState, View};

/// Numbers the probes of a run.
#[derive(Default)]
pub(super) struct Probes {
    next: u64,
}

impl Probes {
    /// A probe with a number of its own, and the effect that sends it.
    pub(super) fn send(
        &mut self,
        node: NodeId,
        key: &Value,
        op: ProbeOp,
        timeout_ms: u64,
    ) -> (ProbeId, Effect) {
        let probe = self.probe(node, key, op, timeout_ms);
        (probe.id, Effect::Probe(probe))
    }

    /// The same without the effect.
    pub(super) fn probe(&mut self, node: NodeId, key: &Value, op: ProbeOp, timeout_ms: u64) -> Probe {
        let id = ProbeId(self.next);
        self.next += 1;
        Probe {
            id,
            node,
            key: key.clone(),
            op,
            timeout_ms,
            held: false,
        }
    }
}

/// What came of a probe; pending if it is not known yet.
pub(super) fn answer(view: &View, probe: ProbeId) -> &ProbeState {
    view.probes.get(&probe).unwrap_or(&ProbeState::Pending)
}

/// Whether nobody waits for this probe any more.
pub(super) fn answered(view: &View, probe: ProbeId) -> bool {
    answer(view, probe) != &ProbeState::Pending
}

/// What a probe read or wrote, if it was ok.
pub(super) fn ok_value(view: &View, probe: ProbeId) -> Option<Value> {
    match answer(view, probe) {
        ProbeState::Ok { value, .. } => Some(value.clone()),
        _ => None,
    }
}
