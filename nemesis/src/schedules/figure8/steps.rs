//! The steps, in the order of the story. Each looks at the view and says what follows.

use std::time::Duration;

use histories::{LogIndex, Term, Value};
use rand::RngExt;
use rand::seq::SliceRandom;

use super::evidence::{Arm, End, Ending, Plant, Rival, Trap};
use super::machine::{Figure8, Step, Turn};
use crate::effect::{Effect, NodeId, ProbeId, ProbeOp};
use crate::schedules::guided::{answer, answered, is_even, majority, ok_value, revive};
use crate::view::{NodeStatus, ProbeState, Role, TailEntry, View};

/// The workload has this long with the gate open in each cycle.
const GATE_OPEN: Duration = Duration::from_millis(200);
/// How long W stands on a majority before (d).
const HOLD: Duration = Duration::from_millis(300);
/// The client of W waits longer than any cycle holds its entry back.
const W_TIMEOUT_MS: u64 = 10_000;
/// A probe that is to be answered at once.
const PROMPT_MS: u64 = 1_000;

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
            Step::FinalReads(probes) => self.final_reads(view, probes),
        }
    }

    // Step 0: settle.

    /// Bring everybody and every link back, and open the gate.
    pub(super) fn heal(&mut self, view: &View) -> Vec<Effect> {
        let mut effects = self.net.heal();
        effects.extend(revive(view));
        effects.push(Effect::Gate { open: true });
        effects
    }

    fn settle(&mut self, view: &View) -> Turn {
        let led = view.leader().is_some() && view.nodes.iter().all(|node| node.status.is_some());
        if led && view.now.since(self.entered()) >= GATE_OPEN {
            return Turn::Next(Step::Drain, vec![Effect::Gate { open: false }]);
        }
        Turn::Wait
    }

    fn drain(&mut self, view: &View) -> Turn {
        match view.leader() {
            Some(leader) if view.in_flight == 0 => self.submit_before(leader),
            _ => Turn::Wait,
        }
    }

    /// v0 does two things: K has an acknowledged value, and the last entry is of the leader's term.
    fn submit_before(&mut self, leader: NodeId) -> Turn {
        let value = self.fresh_value();
        self.cycle.before = Some(value.clone());
        let (probe, send) = self
            .probes
            .send(leader, &self.cycle.key, ProbeOp::Write(value), PROMPT_MS);
        Turn::Next(Step::Before(probe), vec![send])
    }

    fn before(&mut self, view: &View, probe: ProbeId) -> Turn {
        match (answer(view, probe), view.leader()) {
            (ProbeState::Ok { .. }, _) => Turn::Next(Step::Even, Vec::new()),
            (ProbeState::Pending, _) => Turn::Wait,
            (_, Some(_)) => Turn::Miss("0", "v0 was not acknowledged: the leader changed".to_owned()),
            (_, None) => Turn::Wait,
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
        let count = self.rng.random_range(1..=3);
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

    // Step c: trap.

    /// S5 goes out; the cohort and as many clean nodes as make a majority are brought together.
    fn gather(&mut self, view: &View, s5: NodeId, leaked: &[NodeId]) -> Turn {
        let cohort = self.cycle.cast.cohort.clone();
        let wanted = majority(self.nodes) - cohort.len();
        let mut clean: Vec<NodeId> = self
            .rest()
            .into_iter()
            .filter(|node| *node != s5 && !leaked.contains(node))
            .collect();
        if clean.len() < wanted {
            let names: Vec<String> = leaked.iter().map(NodeId::to_string).collect();
            return Turn::Miss(
                "b",
                format!(
                    "trap closed by the no-op: S5's entry of T3 reached {}",
                    names.join(", ")
                ),
            );
        }
        clean.shuffle(&mut self.rng);
        clean.truncate(wanted);
        self.cycle.cast.helpers = clean;
        let together = self.together();
        let mut effects: Vec<Effect> = self.cycle.outs.s5.out(s5).into_iter().collect();
        effects.extend(self.net.only(&together));
        let down = |node: &NodeId| view.status(*node).is_none();
        let out = self.cycle.outs.cohort;
        effects.extend(
            cohort
                .iter()
                .filter(|node| down(node))
                .filter_map(|node| out.back(*node)),
        );
        Turn::Next(Step::Trap, effects)
    }

    fn trap(&mut self, view: &View) -> Turn {
        let Some(entry) = self.cycle.entry.clone() else {
            return Turn::Wait;
        };
        let together = self.together();
        let Some((leader, t4)) = together
            .iter()
            .find_map(|node| self.leads_after(view, *node, self.cycle.terms.t3))
        else {
            return Turn::Wait;
        };
        self.cycle.cast.leader = Some(leader);
        self.cycle.terms.t4 = Some(t4);
        let holders = holders(view, &entry);
        let p = together.iter().filter(|node| has_term(view, **node, t4)).count();
        if p > self.nodes - majority(self.nodes) {
            return Turn::Miss("c", closed_by_accident(p, t4));
        }
        if holders.len() < majority(self.nodes) {
            return Turn::Wait;
        }
        self.cycle.c = Some(Trap {
            t: view.now,
            leader,
            holders,
            p,
            match_quorum: match_quorum(view, leader, self.nodes),
            commit: commit_of_holders(view, &entry),
            held_ms: 0,
            read: None,
            acknowledged: false,
        });
        let (read, send) = self
            .probes
            .send(leader, &self.cycle.key, ProbeOp::Read, HOLD.as_millis() as u64);
        Turn::Next(
            Step::Hold {
                since: view.now,
                read,
            },
            vec![send],
        )
    }

    fn hold(&mut self, view: &View, held: Duration, read: ProbeId) -> Turn {
        let (Some(entry), Some(leader), Some(t4)) = (
            self.cycle.entry.clone(),
            self.cycle.cast.leader,
            self.cycle.terms.t4,
        ) else {
            return Turn::Wait;
        };
        if self.leads_after(view, leader, self.cycle.terms.t3) != Some((leader, t4)) {
            return Turn::Miss("c", "L lost its leadership during the hold".to_owned());
        }
        let p = self
            .together()
            .iter()
            .filter(|node| has_term(view, **node, t4))
            .count();
        if p > self.nodes - majority(self.nodes) {
            return Turn::Miss("c", closed_by_accident(p, t4));
        }
        let acknowledged = self
            .planted
            .is_some_and(|planted| ok_value(view, planted).is_some());
        let nobody_waits = self.planted.is_none_or(|planted| answered(view, planted));
        let Some(trap) = self.cycle.c.as_mut() else {
            return Turn::Wait;
        };
        trap.p = trap.p.max(p);
        trap.match_quorum = trap.match_quorum.max(match_quorum(view, leader, self.nodes));
        trap.commit = trap.commit.max(commit_of_holders(view, &entry));
        trap.held_ms = held.as_millis() as u64;
        trap.read = ok_value(view, read);
        trap.acknowledged = acknowledged;
        let exposed = trap.commit >= entry.index && trap.read.is_some() && nobody_waits;
        if exposed || (held >= HOLD && answered(view, read)) {
            self.picture("c", view);
            return self.fork(view, leader, t4);
        }
        Turn::Wait
    }

    fn fork(&mut self, view: &View, leader: NodeId, t4: Term) -> Turn {
        match self.cycle.arm {
            Arm::D1 => self.unleash(view, leader, t4),
            Arm::D2 => {
                let (probe, send) = self.write_beside(leader, "x", PROMPT_MS);
                Turn::Next(Step::CloseWrite(probe), vec![send])
            }
        }
    }

    // Step d1: spring.

    /// L goes out; S5 comes back into a star of nodes without an entry of T4, in which only it can win.
    fn unleash(&mut self, view: &View, leader: NodeId, t4: Term) -> Turn {
        let Some(s5) = self.cycle.cast.s5 else {
            return Turn::Wait;
        };
        let mut leaves: Vec<NodeId> = NodeId::all(self.nodes)
            .filter(|node| *node != s5 && *node != leader && !has_term(view, *node, t4))
            .collect();
        leaves.shuffle(&mut self.rng);
        leaves.truncate(majority(self.nodes) - 1);
        if leaves.len() + 1 < majority(self.nodes) {
            return Turn::Miss(
                "d",
                "too few nodes without an entry of T4 for S5 to win".to_owned(),
            );
        }
        let mut effects: Vec<Effect> = self.cycle.outs.leader.out(leader).into_iter().collect();
        effects.extend(self.net.star(s5, &leaves));
        effects.extend(self.cycle.outs.s5.back(s5));
        Turn::Next(Step::Spring, effects)
    }

    fn spring(&mut self, view: &View) -> Turn {
        let Some(s5) = self.cycle.cast.s5 else {
            return Turn::Wait;
        };
        let Some((_, t5)) = self.leads_after(view, s5, self.cycle.terms.t4) else {
            return Turn::Wait;
        };
        self.cycle.terms.t5 = Some(t5);
        let (probe, send) = self.write_beside(s5, "z", PROMPT_MS);
        Turn::Next(Step::SpringWrite(probe), vec![send])
    }

    fn spring_write(&mut self, view: &View, probe: ProbeId) -> Turn {
        let Some(s5) = self.cycle.cast.s5 else {
            return Turn::Wait;
        };
        match answer(view, probe) {
            ProbeState::Pending => Turn::Wait,
            ProbeState::Ok { .. } => {
                let elsewhere = NodeId::all(self.nodes).find(|node| {
                    view.status(*node).is_some_and(|status| status.leader == Some(s5)) && *node != s5
                });
                let key = self.cycle.key.clone();
                let mut reads = vec![(s5, ProbeOp::Read), (s5, ProbeOp::Read)];
                reads.extend(elsewhere.map(|node| (node, ProbeOp::ReadForwarded)));
                let (probes, sends) = reads
                    .into_iter()
                    .map(|(node, op)| self.probes.send(node, &key, op, PROMPT_MS))
                    .unzip();
                Turn::Next(Step::SpringReads(probes), sends)
            }
            _ => Turn::Miss("d", "S5 did not commit Z".to_owned()),
        }
    }

    fn spring_reads(&mut self, view: &View, probes: &[ProbeId]) -> Turn {
        let (Some(s5), Some(entry)) = (self.cycle.cast.s5, self.cycle.entry.clone()) else {
            return Turn::Wait;
        };
        if !probes.iter().all(|probe| answered(view, *probe)) {
            return Turn::Wait;
        }
        let Some(status) = view.status(s5).filter(|status| status.commit >= entry.index) else {
            return Turn::Wait;
        };
        let index_now = status.entry(entry.index).cloned();
        self.cycle.d = Some(End {
            t: view.now,
            s5_won: true,
            campaigns: status.campaigns,
            denied_by: Vec::new(),
            index_now: index_now.clone(),
            read: probes.iter().map(|probe| ok_value(view, *probe)).collect(),
        });
        self.picture("d1", view);
        self.verdict_of_spring(&entry, index_now)
    }

    fn verdict_of_spring(&self, entry: &TailEntry, index_now: Option<TailEntry>) -> Turn {
        let held = self.cycle.c.as_ref().map_or(0, |trap| trap.held_ms);
        match index_now {
            None => Turn::Miss("d", "what stands at W's index now is not known".to_owned()),
            Some(now) if now == *entry => Turn::Miss("d", "S5 won, yet W is still there".to_owned()),
            Some(now) if self.cycle.was_committed() => Turn::End(
                Ending::Sprung,
                format!(
                    "W (index {}, term {}) was committed at (c) and is gone: now term {}",
                    entry.index, entry.term, now.term
                ),
            ),
            Some(_) if held < HOLD.as_millis() as u64 => {
                Turn::Miss("c", format!("W stood on a majority for {held} ms only"))
            }
            Some(now) => Turn::End(
                Ending::Refused,
                format!(
                    "W stood on a majority for {held} ms, was not committed, and was overwritten by term {}",
                    now.term
                ),
            ),
        }
    }

    // Step d2: close.

    fn close_write(&mut self, view: &View, probe: ProbeId) -> Turn {
        let (Some(leader), Some(s5)) = (self.cycle.cast.leader, self.cycle.cast.s5) else {
            return Turn::Wait;
        };
        match answer(view, probe) {
            ProbeState::Pending => Turn::Wait,
            ProbeState::Ok { .. } => {
                let mut effects: Vec<Effect> = self.cycle.outs.leader.out(leader).into_iter().collect();
                effects.extend(self.net.set(|link| link.0 != leader && link.1 != leader));
                effects.extend(self.cycle.outs.s5.back(s5));
                Turn::Next(Step::Refuse, effects)
            }
            _ => Turn::Miss("d", "L did not commit X".to_owned()),
        }
    }

    fn refuse(&mut self, view: &View) -> Turn {
        let (Some(s5), Some(t3), Some(t4), Some(entry)) = (
            self.cycle.cast.s5,
            self.cycle.terms.t3,
            self.cycle.terms.t4,
            self.cycle.entry.clone(),
        ) else {
            return Turn::Wait;
        };
        let Some(status) = view.status(s5) else {
            return Turn::Wait;
        };
        let denied_by: Vec<NodeId> = status
            .denied
            .iter()
            .filter(|denied| denied.why == "log" && denied.term > t3 && has_term(view, denied.by, t4))
            .map(|denied| denied.by)
            .collect();
        let campaigns = status.campaigns;
        let winner = NodeId::all(self.nodes).find_map(|node| self.leads_after(view, node, Some(t4)));
        if denied_by.is_empty() && winner.is_none() {
            return Turn::Wait;
        }
        self.cycle.terms.t5 = winner.map(|(_, t5)| t5);
        let index_now = winner.and_then(|(node, _)| view.status(node)?.entry(entry.index).cloned());
        let s5_won = winner.is_some_and(|(node, _)| node == s5);
        self.cycle.d = Some(End {
            t: view.now,
            s5_won,
            campaigns,
            denied_by,
            index_now,
            read: Vec::new(),
        });
        self.picture("d2", view);
        if s5_won {
            return Turn::End(
                Ending::Sprung,
                "S5 was elected though W and X were committed".to_owned(),
            );
        }
        let how = match winner {
            Some((node, _)) => format!("{node}, a holder of T4, was elected over S5"),
            None => "S5 was refused by a holder of T4".to_owned(),
        };
        Turn::End(Ending::Closed, format!("X of T4 was committed, W with it; {how}"))
    }

    // Step e: heal.

    fn healed(&mut self, view: &View) -> Turn {
        let led = view.leader().is_some() && view.nodes.iter().all(|node| node.status.is_some());
        if !led {
            return Turn::Wait;
        }
        let key = self.cycle.key.clone();
        let (probes, sends) = NodeId::all(self.nodes)
            .map(|node| {
                self.probes
                    .send(node, &key, ProbeOp::ReadForwarded, 2 * PROMPT_MS)
            })
            .unzip();
        Turn::Next(Step::FinalReads(probes), sends)
    }

    fn final_reads(&mut self, view: &View, probes: &[ProbeId]) -> Turn {
        self.cycle.e = NodeId::all(self.nodes)
            .zip(probes.iter().map(|probe| ok_value(view, *probe)))
            .collect();
        if !probes.iter().all(|probe| answered(view, *probe)) {
            return Turn::Wait;
        }
        if self.cycle.outcome == Ending::Closed {
            self.check_closed();
        }
        Turn::Done
    }

    /// A closed trap is proved by reading W: a missing answer proves nothing, another value proves the opposite.
    fn check_closed(&mut self) {
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

    // What the steps share.

    fn fresh_value(&mut self) -> Value {
        self.last_value += 1;
        Value::Int(self.last_value)
    }

    /// A write to a key beside K, which belongs to this cycle alone.
    fn write_beside(&mut self, node: NodeId, suffix: &str, timeout_ms: u64) -> (ProbeId, Effect) {
        let value = self.fresh_value();
        let key = Value::Text(format!("fig8-{}-{suffix}", self.cycle.cycle).into());
        self.probes.send(node, &key, ProbeOp::Write(value), timeout_ms)
    }

    /// The nodes outside of the cohort.
    fn rest(&self) -> Vec<NodeId> {
        NodeId::all(self.nodes)
            .filter(|node| !self.cycle.cast.cohort.contains(node))
            .collect()
    }

    /// The cohort and its helpers: exactly a majority.
    fn together(&self) -> Vec<NodeId> {
        self.cycle
            .cast
            .cohort
            .iter()
            .chain(&self.cycle.cast.helpers)
            .copied()
            .collect()
    }

    /// The node and its term, if it leads a later term than `after`.
    fn leads_after(&self, view: &View, node: NodeId, after: Option<Term>) -> Option<(NodeId, Term)> {
        let status = view.status(node)?;
        (status.role == Role::Leader && status.term > after?).then_some((node, status.term))
    }

    /// Who beside `except` holds an entry of `term`.
    fn holders_of_term(&self, view: &View, term: Term, except: NodeId) -> Vec<NodeId> {
        NodeId::all(self.nodes)
            .filter(|node| *node != except && has_term(view, *node, term))
            .collect()
    }
}

fn closed_by_accident(p: usize, t4: Term) -> String {
    format!("trap closed by the no-op: P = {p} nodes hold an entry of T4 (term {t4})")
}

/// The nodes that run and hold this entry.
fn holders(view: &View, entry: &TailEntry) -> Vec<NodeId> {
    let holds = |node: &NodeId| view.status(*node).is_some_and(|status| status.holds(entry));
    NodeId::all(view.nodes.len()).filter(holds).collect()
}

/// Whether the node was last seen with an entry of this term, be it out or not.
fn has_term(view: &View, node: NodeId, term: Term) -> bool {
    view.nodes[node.0]
        .status
        .as_ref()
        .is_some_and(|(_, status)| status.has_entry_of(term))
}

/// The greatest commit index of those who run and hold W.
fn commit_of_holders(view: &View, entry: &TailEntry) -> LogIndex {
    holders(view, entry)
        .into_iter()
        .filter_map(|node| view.status(node).map(|status| status.commit))
        .max()
        .unwrap_or_default()
}

/// Up to where the leader knows a majority to agree with it.
fn match_quorum(view: &View, leader: NodeId, nodes: usize) -> LogIndex {
    let Some(status) = view.status(leader) else {
        return LogIndex(0);
    };
    let mut matched: Vec<LogIndex> = status.matched.iter().flatten().map(|(_, index)| *index).collect();
    matched.push(status.last.index);
    matched.sort_unstable_by(|a, b| b.cmp(a));
    matched.get(majority(nodes) - 1).copied().unwrap_or_default()
}
