//! The step machine: which step follows, and what happens when one takes too long.

use std::time::Duration;

use histories::{Nanos, Seed, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::evidence::{Arm, Cast, Cycle, Ending, Outs, Tally, Terms};
use crate::effect::{Effect, NodeId, ProbeId};
use crate::schedule::{Schedule, Settings};
use crate::schedules::guided::{Net, Out, Panel, Probes};
use crate::view::View;

/// Where the story stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Everything is healed and the gate is open: wait for a leader, and for the workload to have its time.
    Settle,
    /// The gate is closed: wait until nothing is in flight.
    Drain,
    /// v0 is written at the leader.
    Before(ProbeId),
    /// Wait until all logs are equal and committed, then cast S1 and C.
    Even,
    /// (a) C is cut off: submit W.
    Isolate,
    /// (a) W is submitted: wait until it is on all of C.
    Plant,
    /// (b) C is out: wait for a leader among the others.
    Rival,
    /// (b) S5 is cut off: submit its own entries.
    RivalAlone,
    /// (b) S5's entries are submitted: wait until it holds them.
    RivalWrites(u64),
    /// (c) C and the helpers are alone: wait until a leader of C has W on a majority.
    Trap,
    /// (c) W is on a majority: hold, with a read of K at L.
    Hold { since: Nanos, read: ProbeId },
    /// (d1) the star around S5: wait until it leads.
    Spring,
    /// (d1) Z is submitted at S5.
    SpringWrite(ProbeId),
    /// (d1) K is read.
    SpringReads(Vec<ProbeId>),
    /// (d2) X is submitted at L.
    CloseWrite(ProbeId),
    /// (d2) L is out: wait until S5 is refused, or a holder of T4 wins.
    Refuse,
    /// (e) everything is healed and the gate is open: wait for a leader.
    Heal,
    /// (e) A write at the leader.
    HealWrite(ProbeId),
    /// (e) K is read at every node.
    FinalReads(Vec<(NodeId, ProbeId)>),
}

impl Step {
    /// The panel that a step belongs to, how long it may take, and what it waits for.
    fn limit(&self) -> (&'static str, Duration, &'static str) {
        let ms = Duration::from_millis;
        match self {
            Step::Settle => ("0", ms(5000), "no single leader with the workload running"),
            Step::Drain => ("0", ms(5000), "operations in flight did not end"),
            Step::Before(_) => ("0", ms(5000), "the leader did not acknowledge v0"),
            Step::Even => ("0", ms(5000), "the logs did not become equal"),
            Step::Isolate => ("a", ms(500), "S1 did not stay leader"),
            Step::Plant => ("a", ms(500), "W did not reach all of the cohort"),
            Step::Rival => ("b", ms(4000), "nobody outside of the cohort was elected"),
            Step::RivalAlone => ("b", ms(500), "S5 could not be cut off"),
            Step::RivalWrites(_) => ("b", ms(500), "S5 did not append its own entries"),
            Step::Trap => ("c", ms(4000), "no leader brought W to a majority"),
            Step::Hold { .. } => ("c", ms(2000), "the hold did not end"),
            Step::Spring => ("d", ms(5000), "S5 was not elected"),
            Step::SpringWrite(_) => ("d", ms(1500), "S5 did not commit Z"),
            Step::SpringReads(_) => ("d", ms(2500), "the reads at S5 did not end"),
            Step::CloseWrite(_) => ("d", ms(1500), "L did not commit X"),
            Step::Refuse => (
                "d",
                ms(2500),
                "S5 was neither refused by a holder of T4 nor outrun by one",
            ),
            Step::Heal => ("e", ms(5000), "no leader after the heal"),
            Step::HealWrite(_) => ("e", ms(1500), "the write after the heal did not end"),
            Step::FinalReads(_) => ("e", ms(1500), "the final reads did not end"),
        }
    }
}

/// What a step answers to a view.
pub(super) enum Turn {
    /// Not yet.
    Wait,
    /// On to the next step, with these effects first.
    Next(Step, Vec<Effect>),
    /// The story broke off; heal. The panel and the reason.
    Miss(&'static str, String),
    /// The story came to its end; heal.
    End(Ending, String),
    /// The cycle is over: all is healed.
    Done,
}

/// The schedule. See the module for the story.
pub struct Figure8 {
    pub(super) nodes: usize,
    pub(super) seed: Seed,
    pub(super) rng: ChaCha8Rng,
    pub(super) net: Net,
    pub(super) probes: Probes,
    /// The evidence of the cycle that is being played.
    pub(super) cycle: Cycle,
    /// W's probe.
    pub(super) planted: Option<ProbeId>,
    /// The last value that a probe wrote; each is used once.
    pub(super) last_value: i64,
    /// Whether the first view was seen.
    begun: bool,
    step: Step,
    entered: Nanos,
    /// When the last heal began.
    healing: Nanos,
    tally: Tally,
    records: Vec<serde_json::Value>,
}

impl Figure8 {
    /// The schedule for a cluster of `settings.nodes`, at least 3.
    pub fn new(settings: &Settings) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(settings.seed.0);
        let mut figure8 = Figure8 {
            nodes: settings.nodes,
            seed: settings.seed,
            rng,
            net: Net::new(settings.nodes),
            probes: Probes::default(),
            cycle: blank(settings, 0, Arm::D1, Out::Kill),
            planted: None,
            last_value: 0,
            begun: false,
            step: Step::Settle,
            entered: Nanos(0),
            healing: Nanos(0),
            tally: Tally::default(),
            records: Vec::new(),
        };
        figure8.next_cycle(Nanos(0));
        figure8
    }

    /// When the present step began.
    pub(super) fn entered(&self) -> Nanos {
        self.entered
    }

    /// When the last heal began.
    pub(super) fn healing_since(&self) -> Nanos {
        self.healing
    }

    /// The arm with fewer outcomes goes first; in doubt, the one that shows the bug.
    fn next_arm(&self) -> Arm {
        if self.tally.sprung + self.tally.refused <= self.tally.closed {
            Arm::D1
        } else {
            Arm::D2
        }
    }

    fn next_cycle(&mut self, now: Nanos) {
        let settings = Settings {
            nodes: self.nodes,
            seed: self.seed,
            interval: Duration::ZERO,
            can: Vec::new(),
        };
        let number = self.cycle.cycle + 1;
        self.cycle = blank(&settings, number, self.next_arm(), Out::draw(&mut self.rng));
        self.cycle.outs.s5 = Out::draw(&mut self.rng);
        self.cycle.outs.leader = Out::draw(&mut self.rng);
        self.cycle.started = now;
        self.planted = None;
    }

    /// The picture of this moment, from the entry before W on.
    pub(super) fn picture(&mut self, panel: &str, view: &View) {
        let from = self.cycle.index.map_or(0, |index| index.0.saturating_sub(1));
        self.cycle
            .panels
            .push(Panel::now(panel, view, &self.net, histories::LogIndex(from)));
    }

    fn enter(&mut self, step: Step, now: Nanos) {
        self.step = step;
        self.entered = now;
    }

    /// The story of this cycle has an end; heal, and read K everywhere.
    fn end(&mut self, ending: Ending, reason: String, view: &View) -> Vec<Effect> {
        self.cycle.outcome = ending;
        self.cycle.reason = reason;
        self.enter(Step::Heal, view.now);
        self.healing = view.now;
        self.heal(view)
    }

    /// The cycle is over: its record is complete.
    fn close_record(&mut self, now: Nanos) {
        self.cycle.ended = now;
        self.check_closed();
        self.tally.count(self.cycle.outcome);
        // A record is plain data; it always has a JSON form.
        self.records.extend(serde_json::to_value(&self.cycle));
    }

    fn take(&mut self, turn: Turn, view: &View) -> Vec<Effect> {
        match turn {
            Turn::Wait => self.give_up_if_late(view),
            Turn::Next(step, effects) => {
                self.enter(step, view.now);
                effects
            }
            Turn::Miss(panel, why) => self.end(Ending::Missed, format!("({panel}) {why}"), view),
            Turn::End(ending, reason) => self.end(ending, reason, view),
            Turn::Done => {
                self.close_record(view.now);
                self.next_cycle(view.now);
                self.enter(Step::Settle, view.now);
                Vec::new()
            }
        }
    }

    fn give_up_if_late(&mut self, view: &View) -> Vec<Effect> {
        let (panel, limit, waited_for) = self.step.limit();
        if view.now.since(self.entered) <= limit {
            return Vec::new();
        }
        match self.step {
            // Already healed: what the cycle came to stands, even if the reads after it did not end.
            Step::Heal | Step::HealWrite(_) | Step::FinalReads(_) => self.take(Turn::Done, view),
            _ => {
                let why = format!("{waited_for}: gave up after {} ms", limit.as_millis());
                self.take(Turn::Miss(panel, why), view)
            }
        }
    }
}

impl Schedule for Figure8 {
    fn observe(&mut self, view: &View) -> Vec<Effect> {
        if !self.begun {
            self.begun = true;
            self.cycle.started = view.now;
            self.enter(Step::Settle, view.now);
        }
        // What was decided must be in force before what follows from it is observed.
        if view.pending_effects > 0 {
            return Vec::new();
        }
        let turn = self.play(&self.step.clone(), view);
        self.take(turn, view)
    }

    fn interrupt(&mut self, view: &View) {
        // A violation that somebody else saw ends the load in the middle of the reads that expose it.
        let ended = match self.step.clone() {
            Step::SpringReads(probes) => self.end_of_spring(view, &probes),
            _ => Turn::Wait,
        };
        match (ended, &self.step) {
            (Turn::End(ending, reason), _) => {
                (self.cycle.outcome, self.cycle.reason) = (ending, reason);
            }
            (_, Step::Heal | Step::HealWrite(_) | Step::FinalReads(_)) => {}
            (_, step) => {
                self.cycle.outcome = Ending::Unfinished;
                self.cycle.reason = format!("({}) the load ended", step.limit().0);
            }
        }
        self.close_record(view.now);
    }

    fn take_records(&mut self) -> Vec<serde_json::Value> {
        std::mem::take(&mut self.records)
    }

    fn stage(&self) -> String {
        format!("cycle {} ({})", self.cycle.cycle, self.step.limit().0)
    }

    fn tally(&self) -> String {
        let Tally {
            sprung,
            refused,
            closed,
            missed,
        } = self.tally;
        format!("{sprung} sprung, {refused} refused, {closed} closed, {missed} missed")
    }
}

/// A cycle of which nothing has happened yet.
fn blank(settings: &Settings, cycle: u64, arm: Arm, out: Out) -> Cycle {
    Cycle {
        cycle,
        seed: settings.seed,
        n: settings.nodes,
        arm,
        out,
        outs: Outs {
            cohort: out,
            s5: out,
            leader: out,
        },
        cast: Cast::default(),
        terms: Terms::default(),
        entry: None,
        index: None,
        key: Value::Text(format!("fig8-{cycle}").into()),
        before: None,
        written: None,
        a: None,
        b: None,
        c: None,
        d: None,
        e: Vec::new(),
        panels: Vec::new(),
        started: Nanos(0),
        ended: Nanos(0),
        outcome: Ending::Unfinished,
        reason: String::new(),
    }
}
