//! The steps, in the order of the story. Each looks at the view and says what follows.

use histories::{LogIndex, Term, Value};
use rand::RngExt;
use rand::seq::SliceRandom;

use super::evidence::{Plant, Rival};
use super::machine::{Figure8, Step, Turn};
use crate::effect::{Effect, NodeId, ProbeId, ProbeOp};
use crate::schedules::guided::{holders, is_even, majority};
use crate::view::{NodeStatus, Role, TailEntry, View};

/// The client of W waits longer than any cycle holds its entry back.
const W_TIMEOUT_MS: u64 = 10_000;
/// A probe that is to be answered at once.
pub(super) const PROMPT_MS: u64 = 1_000;

impl Figure8 {
    pub(super) fn play(&mut self, step: &Step, view: &View) -> Turn {
        match step {
            Step::Settle => self.settle(view),
            Step::Drain => self.drain(view),
            Step::Before(probe) => self.before(view, *probe),
            Step::Even => self.even(view),
            Step::Isolate => self.isolate(view),
            Step::Plant => self.plant(view),
            Step::Rival => self.rival(view),
            Step::RivalAlone => self.rival_alone(view),
            Step::RivalWrites(count) => self.rival_writes(view, *count),
            Step::Trap => self.trap(view),
            Step::Hold { since, read } => self.hold(view, view.now.since(*since), *read),
            Step::Spring => self.spring(view),
            Step::SpringWrite(probe) => self.spring_write(view, *probe),
            Step::SpringReads(probes) => self.spring_reads(view, probes),
            Step::CloseWrite(probe) => self.close_write(view, *probe),
            Step::Refuse => self.refuse(view),
            Step::Heal => self.healed(view),
            Step::HealWrite(probe) => self.heal_write(view, *probe),
            Step::FinalReads(probes) => self.final_reads(view, probes),
        }
    }

    // Step a: plant.

    fn even(&mut self, view: &View) -> Turn {
        let Some(s1) = view.leader().filter(|_| is_even(view, self.entered())) else {
            return Turn::Wait;
        };
        let Some(status) = view.status(s1) else {
            return Turn::Wait;
        };
        let (term, last) = (status.term, status.last.index);
        let mut others: Vec<NodeId> = NodeId::all(self.nodes).filter(|node| *node != s1).collect();
        others.shuffle(&mut self.rng);
        let size = self.nodes - majority(self.nodes);
        self.cycle.cast.s1 = Some(s1);
        self.cycle.cast.cohort = [s1].into_iter().chain(others).take(size).collect();
        self.cycle.terms.t2 = Some(term);
        self.cycle.index = Some(LogIndex(last.0 + 1));
        let cohort = self.cycle.cast.cohort.clone();
        let cut = self
            .net
            .set(|link| cohort.contains(&link.0) == cohort.contains(&link.1));
        Turn::Next(Step::Isolate, cut)
    }

    fn isolate(&mut self, view: &View) -> Turn {
        let Some(s1) = self.cycle.cast.s1 else {
            return Turn::Wait;
        };
        let leads =
            |status: &NodeStatus| status.role == Role::Leader && Some(status.term) == self.cycle.terms.t2;
        if !view.status(s1).is_some_and(leads) {
            return Turn::Miss("a", "S1 lost its leadership before W was submitted".to_owned());
        }
        let value = self.fresh_value();
        self.cycle.written = Some(value.clone());
        let (probe, send) = self
            .probes
            .send(s1, &self.cycle.key, ProbeOp::Write(value), W_TIMEOUT_MS);
        self.planted = Some(probe);
        Turn::Next(Step::Plant, vec![send])
    }

    fn plant(&mut self, view: &View) -> Turn {
        let Some((s1, index)) = self.cycle.cast.s1.zip(self.cycle.index) else {
            return Turn::Wait;
        };
        let Some(entry) = view.status(s1).and_then(|status| status.entry(index)).cloned() else {
            return Turn::Wait;
        };
        if Some(entry.term) != self.cycle.terms.t2 {
            return Turn::Miss("a", "another entry took W's place".to_owned());
        }
        let holders = holders(view, &entry);
        if holders.iter().any(|node| !self.cycle.cast.cohort.contains(node)) {
            return Turn::Miss("a", "W reached a node outside of the cohort".to_owned());
        }
        if holders.len() < self.cycle.cast.cohort.len() {
            return Turn::Wait;
        }
        self.cycle.entry = Some(entry);
        self.cycle.a = Some(Plant { t: view.now, holders });
        self.picture("a", view);
        let cohort = self.cycle.cast.cohort.clone();
        let out = self.cycle.outs.cohort;
        Turn::Next(
            Step::Rival,
            cohort.into_iter().filter_map(|node| out.out(node)).collect(),
        )
    }

    // Step b: rival.

    fn rival(&mut self, view: &View) -> Turn {
        let rest = self.rest();
        let Some((s5, t3)) = rest
            .iter()
            .find_map(|node| self.leads_after(view, *node, self.cycle.terms.t2))
        else {
            return Turn::Wait;
        };
        self.cycle.cast.s5 = Some(s5);
        self.cycle.terms.t3 = Some(t3);
        let cut = self
            .net
            .set(|link| rest.contains(&link.0) && rest.contains(&link.1) && link.0 != s5 && link.1 != s5);
        Turn::Next(Step::RivalAlone, cut)
    }

    fn rival_alone(&mut self, view: &View) -> Turn {
        let Some(s5) = self.cycle.cast.s5 else {
            return Turn::Wait;
        };
        let still_leads = view
            .status(s5)
            .is_some_and(|status| status.role == Role::Leader && Some(status.term) == self.cycle.terms.t3);
        if !still_leads {
            return Turn::Miss("b", "S5 lost its leadership before it was alone".to_owned());
        }
        let count = self.rng.random_range(1..=5);
        let sends = (1..=count).map(|number| self.write_beside(s5, &format!("r{number}"), W_TIMEOUT_MS).1);
        let sends = sends.collect();
        Turn::Next(Step::RivalWrites(count), sends)
    }

    fn rival_writes(&mut self, view: &View, count: u64) -> Turn {
        let Some((s5, t3)) = self.cycle.cast.s5.zip(self.cycle.terms.t3) else {
            return Turn::Wait;
        };
        let Some(status) = view.status(s5) else {
            return Turn::Wait;
        };
        let own: Vec<&TailEntry> = status.tail.iter().filter(|entry| entry.term == t3).collect();
        let Some(last) = own.last().filter(|_| own.len() as u64 >= count) else {
            return Turn::Wait;
        };
        let leaked = self.holders_of_term(view, t3, s5);
        let last = (*last).clone();
        self.cycle.b = Some(Rival {
            t: view.now,
            s5,
            last,
            leaked: leaked.clone(),
        });
        self.picture("b", view);
        self.gather(view, s5, &leaked)
    }

    // What the steps share.

    pub(super) fn fresh_value(&mut self) -> Value {
        self.last_value += 1;
        Value::Int(self.last_value)
    }

    /// A write to a key beside K, which belongs to this cycle alone.
    pub(super) fn write_beside(&mut self, node: NodeId, suffix: &str, timeout_ms: u64) -> (ProbeId, Effect) {
        let value = self.fresh_value();
        let key = Value::Text(format!("fig8-{}-{suffix}", self.cycle.cycle).into());
        self.probes.send(node, &key, ProbeOp::Write(value), timeout_ms)
    }

    /// The nodes outside of the cohort.
    pub(super) fn rest(&self) -> Vec<NodeId> {
        NodeId::all(self.nodes)
            .filter(|node| !self.cycle.cast.cohort.contains(node))
            .collect()
    }

    /// The cohort and its helpers: exactly a majority.
    pub(super) fn together(&self) -> Vec<NodeId> {
        self.cycle
            .cast
            .cohort
            .iter()
            .chain(&self.cycle.cast.helpers)
            .copied()
            .collect()
    }

    /// The node and its term, if it leads a later term than `after`.
    pub(super) fn leads_after(
        &self,
        view: &View,
        node: NodeId,
        after: Option<Term>,
    ) -> Option<(NodeId, Term)> {
        let status = view.status(node)?;
        (status.role == Role::Leader && status.term > after?).then_some((node, status.term))
    }

    /// Who beside `except` holds an entry of `term`.
    pub(super) fn holders_of_term(&self, view: &View, term: Term, except: NodeId) -> Vec<NodeId> {
        NodeId::all(self.nodes)
            .filter(|node| *node != except && has_term(view, *node, term))
            .collect()
    }
}

/// Whether the node was last seen with an entry of this term, be it out or not.
pub(super) fn has_term(view: &View, node: NodeId, term: Term) -> bool {
    view.nodes[node.0]
        .status
        .as_ref()
        .is_some_and(|(_, status)| status.has_entry_of(term))
}
