//! (c) and what follows from it: the trap, and its two ends.

use std::time::Duration;

use histories::{LogIndex, Term};
use rand::seq::SliceRandom;

use super::evidence::{Arm, End, Ending, Trap};
use super::machine::{Figure8, Step, Turn};
use super::steps::{PROMPT_MS, has_term};
use crate::effect::{NodeId, ProbeId, ProbeOp};
use crate::schedules::guided::{answer, answered, holders, majority, ok_value};
use crate::view::{ProbeState, TailEntry, View};

/// How long W stands on a majority before (d).
const HOLD: Duration = Duration::from_millis(300);

impl Figure8 {
    // Step c: trap.

    /// S5 goes out; the cohort and as many clean nodes as make a majority are brought together.
    pub(super) fn gather(&mut self, view: &View, s5: NodeId, leaked: &[NodeId]) -> Turn {
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
        let mut effects = self.net.only(&together);
        effects.extend(self.cycle.outs.s5.out(s5));
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

    pub(super) fn trap(&mut self, view: &View) -> Turn {
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
        // FIGURE8: those who hold W count only as far as the leader knows of them.
        let match_quorum = match_quorum(view, leader, self.nodes);
        if holders.len() < majority(self.nodes) || match_quorum < entry.index {
            return Turn::Wait;
        }
        self.cycle.c = Some(Trap {
            t: view.now,
            leader,
            holders,
            p,
            match_quorum,
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

    pub(super) fn hold(&mut self, view: &View, held: Duration, read: ProbeId) -> Turn {
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
        if holders(view, &entry).len() < majority(self.nodes) {
            return Turn::Miss("c", "W did not stay on a majority during the hold".to_owned());
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

    pub(super) fn fork(&mut self, view: &View, leader: NodeId, t4: Term) -> Turn {
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
    pub(super) fn unleash(&mut self, view: &View, leader: NodeId, t4: Term) -> Turn {
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
        let mut effects = self.net.star(s5, &leaves);
        effects.extend(self.cycle.outs.leader.out(leader));
        effects.extend(self.cycle.outs.s5.back(s5));
        Turn::Next(Step::Spring, effects)
    }

    pub(super) fn spring(&mut self, view: &View) -> Turn {
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

    pub(super) fn spring_write(&mut self, view: &View, probe: ProbeId) -> Turn {
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

    pub(super) fn spring_reads(&mut self, view: &View, probes: &[ProbeId]) -> Turn {
        if !probes.iter().all(|probe| answered(view, *probe)) {
            return Turn::Wait;
        }
        self.end_of_spring(view, probes)
    }

    /// What stands at W's index now, and what the reads have told so far.
    pub(super) fn end_of_spring(&mut self, view: &View, probes: &[ProbeId]) -> Turn {
        let (Some(s5), Some(entry)) = (self.cycle.cast.s5, self.cycle.entry.clone()) else {
            return Turn::Wait;
        };
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

    pub(super) fn verdict_of_spring(&self, entry: &TailEntry, index_now: Option<TailEntry>) -> Turn {
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

    pub(super) fn close_write(&mut self, view: &View, probe: ProbeId) -> Turn {
        let (Some(leader), Some(s5)) = (self.cycle.cast.leader, self.cycle.cast.s5) else {
            return Turn::Wait;
        };
        match answer(view, probe) {
            ProbeState::Pending => Turn::Wait,
            ProbeState::Ok { .. } => {
                let mut effects = self.net.set(|link| link.0 != leader && link.1 != leader);
                effects.extend(self.cycle.outs.leader.out(leader));
                effects.extend(self.cycle.outs.s5.back(s5));
                Turn::Next(Step::Refuse, effects)
            }
            _ => Turn::Miss("d", "L did not commit X".to_owned()),
        }
    }

    pub(super) fn refuse(&mut self, view: &View) -> Turn {
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
}

fn closed_by_accident(p: usize, t4: Term) -> String {
    format!("trap closed by the no-op: P = {p} nodes hold an entry of T4 (term {t4})")
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
