//! A cluster that stands still, whatever is asked of it: one leader, equal logs, and every probe is answered. No story can be
//! told with it, and each has to say so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use histories::{LogIndex, Nanos, Seed, Term};
use nemesis::schedule::{Evidence, Row, Settings};
use nemesis::schedules::TABLE;
use nemesis::schedules::guided::record::{Outcome, Record};
use nemesis::view::{Position, TailEntry};
use nemesis::{
    Effect, NodeId, NodeStatus, NodeView, Probe, ProbeOp, ProbeState, ProcessState, Role, Schedule, Tells,
    View,
};

const TICK: u64 = 5;

struct Still {
    schedule: Box<dyn Schedule>,
    nodes: usize,
    now: Nanos,
    gate_open: bool,
    probes: BTreeMap<nemesis::ProbeId, ProbeState>,
    saved: Vec<serde_json::Value>,
}

impl Still {
    fn new(row: &Row) -> Self {
        let settings = Settings {
            nodes: row.nodes,
            seed: Seed(1),
            interval: Duration::ZERO,
            can: Vec::new(),
            filler: None,
            failover: Duration::from_millis(300),
            tells: vec![Tells::Leader, Tells::Term, Tells::Commit, Tells::LogTail],
        };
        Still {
            schedule: (row.build)(&settings),
            nodes: row.nodes,
            now: Nanos(0),
            gate_open: true,
            probes: BTreeMap::new(),
            saved: Vec::new(),
        }
    }

    fn status(&self, node: NodeId) -> NodeStatus {
        let leads = node == NodeId(0);
        let last = Position {
            index: LogIndex(3),
            term: Term(1),
        };
        NodeStatus {
            incarnation: 1,
            role: Some(if leads { Role::Leader } else { Role::Follower }),
            term: Some(Term(1)),
            leader: Some(NodeId(0)),
            commit: Some(last.index),
            applied: Some(last.index),
            last: Some(last),
            last_at_election: Some(LogIndex(0)),
            matched: None,
            campaigns: Some(0),
            denied: Vec::new(),
            tail: [TailEntry {
                index: last.index,
                term: last.term,
                hash: "same".into(),
            }]
            .into(),
        }
    }

    fn view(&self) -> View {
        let node = |node| NodeView {
            process: ProcessState::Running,
            status: Some((self.now, Arc::new(self.status(node)))),
        };
        View {
            now: self.now,
            nodes: NodeId::all(self.nodes).map(node).collect(),
            gate_open: self.gate_open,
            in_flight: 0,
            pending_effects: 0,
            probes: Arc::new(self.probes.clone()),
        }
    }

    fn answer(&mut self, probe: &Probe) {
        let value = match &probe.op {
            ProbeOp::Write(value) | ProbeOp::WriteForwarded(value) => value.clone(),
            ProbeOp::Read | ProbeOp::ReadForwarded | ProbeOp::Retry(_) | ProbeOp::Fill(_) => 0.into(),
        };
        self.probes.insert(probe.id, ProbeState::Ok { value, at: None });
    }

    /// One look of the schedule; nothing that it does to links or nodes comes into force.
    fn turn(&mut self) {
        self.now = self.now + Duration::from_millis(TICK);
        for effect in self.schedule.observe(&self.view()) {
            match &effect {
                Effect::Gate { open } => self.gate_open = *open,
                Effect::Probe(probe) => self.answer(probe),
                other => {
                    let refused = nemesis::evidence::skipped("it stands still");
                    self.schedule.on_outcome(other, &refused);
                }
            }
        }
        self.saved.extend(self.schedule.take_records());
    }

    fn records(&self) -> Vec<Record> {
        let read = |record: &serde_json::Value| serde_json::from_value(record.clone()).unwrap();
        self.saved.iter().map(read).collect()
    }
}

fn stories() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| row.guided)
}

#[test]
fn a_cluster_that_does_not_play_along_is_a_miss_with_stage_and_reason() {
    for row in stories() {
        let mut still = Still::new(row);
        while still.now < Nanos::from_ms(20_000) {
            still.turn();
        }
        let armed = (row.armed)(&Evidence {
            effects: &[],
            records: &still.saved,
            ran: Duration::from_secs(20),
            interval: Duration::ZERO,
        });
        assert!(!armed.armed, "{}: {}", row.name, armed.reason);
        assert!(armed.reason.starts_with("trap not set: 0 "), "{}", armed.reason);
        let records = still.records();
        assert!(!records.is_empty(), "{}", row.name);
        for record in records {
            assert_eq!(record.outcome, Outcome::Missed, "{}: {}", row.name, record.reason);
            let miss = record.miss.unwrap();
            assert!(
                record.reason.starts_with(&miss) && miss.starts_with('('),
                "{miss}"
            );
        }
    }
}

#[test]
fn a_cycle_that_the_end_of_the_load_cuts_off_counts_only_if_its_trap_was_set() {
    for row in stories() {
        let mut still = Still::new(row);
        while !still.schedule.stage().contains("(a)") {
            still.turn();
        }
        let view = still.view();
        still.schedule.interrupt(&view);
        still.saved.extend(still.schedule.take_records());
        let cut = still.records().pop().unwrap();
        assert_eq!(cut.outcome, Outcome::Unfinished);
        assert_eq!(cut.reason, "(a) the load ended");
    }
}
