//! Steps 0 and e: bring everybody back, let the workload have its time, and read K everywhere.

use std::time::Duration;

use super::evidence::Ending;
use super::machine::{Figure8, Step, Turn};
use super::steps::PROMPT_MS;
use crate::effect::{Effect, NodeId, ProbeId, ProbeOp};
use crate::schedules::guided::{answer, answered, ok_value, one_leader, revive};
use crate::view::{ProbeState, View};

/// The workload has this long with the gate open in each cycle.
const GATE_OPEN: Duration = Duration::from_millis(200);
/// So long the final reads are repeated where a node does not answer.
const READING: Duration = Duration::from_millis(2500);

impl Figure8 {
    // Step 0: settle.

    /// Bring everybody and every link back, and open the gate.
    pub(super) fn heal(&mut self, view: &View) -> Vec<Effect> {
        let mut effects = self.net.heal();
        effects.extend(revive(view));
        effects.push(Effect::Gate { open: true });
        effects
    }

    pub(super) fn settle(&mut self, view: &View) -> Turn {
        if one_leader(view).is_some() && view.now.since(self.entered()) >= GATE_OPEN {
            return Turn::Next(Step::Drain, vec![Effect::Gate { open: false }]);
        }
        Turn::Wait
    }

    pub(super) fn drain(&mut self, view: &View) -> Turn {
        match view.leader() {
            Some(leader) if view.in_flight == 0 => self.submit_before(leader),
            _ => Turn::Wait,
        }
    }

    /// v0 does two things: K has an acknowledged value, and the last entry is of the leader's term.
    pub(super) fn submit_before(&mut self, leader: NodeId) -> Turn {
        let value = self.fresh_value();
        self.cycle.before = Some(value.clone());
        let (probe, send) = self
            .probes
            .send(leader, &self.cycle.key, ProbeOp::Write(value), PROMPT_MS);
        Turn::Next(Step::Before(probe), vec![send])
    }

    pub(super) fn before(&mut self, view: &View, probe: ProbeId) -> Turn {
        match (answer(view, probe), view.leader()) {
            (ProbeState::Ok { .. }, _) => Turn::Next(Step::Even, Vec::new()),
            (ProbeState::Pending, _) => Turn::Wait,
            (_, Some(_)) => Turn::Miss("0", "v0 was not acknowledged: the leader changed".to_owned()),
            (_, None) => Turn::Wait,
        }
    }

    // Step e: heal.

    /// A leader knows what is committed only after a write of its own term (Raft section 8), so one goes first.
    pub(super) fn healed(&mut self, view: &View) -> Turn {
        let Some(leader) = one_leader(view) else {
            return Turn::Wait;
        };
        let (probe, send) = self.write_beside(leader, "e", PROMPT_MS);
        Turn::Next(Step::HealWrite(probe), vec![send])
    }

    pub(super) fn heal_write(&mut self, view: &View, probe: ProbeId) -> Turn {
        match answer(view, probe) {
            ProbeState::Pending => Turn::Wait,
            ProbeState::Ok { .. } => {
                self.cycle.e = NodeId::all(self.nodes).map(|node| (node, None)).collect();
                self.ask_everywhere()
            }
            // The leader changed in between.
            _ if view.now.since(self.healing_since()) < READING => Turn::Next(Step::Heal, Vec::new()),
            _ => Turn::Done,
        }
    }

    /// Read K at every node that has not told it yet.
    pub(super) fn ask_everywhere(&mut self) -> Turn {
        let key = self.cycle.key.clone();
        let silent = self
            .cycle
            .e
            .iter()
            .filter(|(_, read)| read.is_none())
            .map(|(node, _)| *node);
        let (probes, sends): (Vec<_>, Vec<_>) = silent
            .collect::<Vec<_>>()
            .into_iter()
            .map(|node| {
                let (probe, send) = self.probes.send(node, &key, ProbeOp::ReadForwarded, PROMPT_MS);
                ((node, probe), send)
            })
            .unzip();
        Turn::Next(Step::FinalReads(probes), sends)
    }

    pub(super) fn final_reads(&mut self, view: &View, probes: &[(NodeId, ProbeId)]) -> Turn {
        if !probes.iter().all(|(_, probe)| answered(view, *probe)) {
            return Turn::Wait;
        }
        for (node, probe) in probes {
            if let Some((_, read)) = self.cycle.e.iter_mut().find(|(reader, _)| reader == node) {
                *read = ok_value(view, *probe);
            }
        }
        if self.cycle.e.iter().any(|(_, read)| read.is_none())
            && view.now.since(self.healing_since()) < READING
        {
            return self.ask_everywhere();
        }
        Turn::Done
    }

    /// A closed trap is proved by reading W: a missing answer proves nothing, another value proves the opposite.
    pub(super) fn check_closed(&mut self) {
        if self.cycle.outcome != Ending::Closed {
            return;
        }
        let mut read = self
            .cycle
            .e
            .iter()
            .filter_map(|(_, value)| value.as_ref())
            .peekable();
        if read.peek().is_none() {
            self.cycle.outcome = Ending::Missed;
            self.cycle.reason = "(e) K was not read after the heal".to_owned();
        } else if read.any(|value| Some(value) != self.cycle.written.as_ref()) {
            self.cycle.outcome = Ending::Sprung;
            self.cycle.reason = "W was committed with X, and is gone after the heal".to_owned();
        }
    }
}
