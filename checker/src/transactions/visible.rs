//! Levels at which a transaction sees some of the others and not the state of one moment: what an order of commits
//! breaks.
//!
//! Of those that write a key, a transaction reads from the last one that it sees (Cerone, Bernardi, Gotsman 2015, 3:
//! EXT). What it has to see, at least: read atomic, those from which it read; causal, whatever they saw, too
//! (TRANSVIS); parallel snapshot isolation, also who wrote before it what it writes (NOCONFLICT). To see no more than
//! that is best, since what is seen can only forbid. Monotonic atomic view: within a transaction what was read before
//! brings all of its writer with it (Biswas, Enea 2019, figure 2, where it is called read committed). Read committed and
//! read uncommitted ask no more than that the order of commits exists.

use batsat::Lit;

use super::choices::{Choices, Source};
use super::dependencies::{Dependencies, Link};
use super::facts::Facts;
use super::micro::NONE;
use super::nodes::{Nodes, written_and_read};
use super::solver::Solver;
use crate::budget::Stop;
use crate::levels::Isolation;

/// What is seen whatever is chosen: for each node of the graph, those before it.
pub(super) struct Seen {
    before: Vec<Vec<(u32, Link)>>,
    isolation: Isolation,
}

/// Of each node, and each key, the place of the last commit that it sees; 0 if it sees none. Places count from 1.
pub(super) struct Last {
    keys: usize,
    of: Vec<u32>,
}

impl Last {
    pub(super) fn new(nodes: usize, keys: usize) -> Self {
        Last {
            keys,
            of: vec![0; nodes * keys],
        }
    }

    pub(super) fn of(&self, node: u32) -> &[u32] {
        &self.of[node as usize * self.keys..(node as usize + 1) * self.keys]
    }

    /// `to` sees what `from` does.
    pub(super) fn merge(&mut self, from: u32, to: u32) {
        for key in 0..self.keys {
            let seen = self.of[from as usize * self.keys + key];
            let here = &mut self.of[to as usize * self.keys + key];
            *here = seen.max(*here);
        }
    }

    pub(super) fn see(&mut self, node: u32, key: u32, place: u32) {
        let here = &mut self.of[node as usize * self.keys + key as usize];
        *here = place.max(*here);
    }
}

impl Seen {
    /// From the edges that are known.
    pub(super) fn new(facts: &Facts, isolation: Isolation, dependencies: &Dependencies) -> Self {
        let mut before = vec![Vec::new(); dependencies.nodes() as usize];
        let links = dependencies.links().iter();
        for &(from, to, link) in links.filter(|(.., link)| matches!(link, Link::Process | Link::RealTime)) {
            before[to as usize].push((from, link));
        }
        for (writer, reader) in written_and_read(facts) {
            before[reader as usize].push((writer, Link::Wr));
        }
        Seen { before, isolation }
    }

    /// What the order at hand breaks, put to the search as clauses; whether there is anything.
    pub(super) fn refute(
        &self,
        facts: &Facts,
        nodes: Nodes,
        choices: &mut Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<bool, Stop> {
        match self.isolation {
            Isolation::ReadUncommitted | Isolation::ReadCommitted => Ok(false),
            Isolation::MonotonicAtomicView => monotonic(facts, nodes, choices, solver),
            _ => Sight::new(self, facts, nodes, choices, solver)?.refute(choices, solver),
        }
    }
}

/// A read that misses a commit: who read, from whom, and what it should have seen.
pub(super) struct Missed {
    pub source: Source,
    pub missed: u32,
    /// What has to hold for it to be seen; each as a literal that says so.
    pub because: Vec<Lit>,
}

impl Missed {
    fn put(
        self,
        facts: &Facts,
        nodes: Nodes,
        choices: &mut Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<(), Stop> {
        let because = self.because.iter().chain(&self.source.because);
        let mut clause: Vec<Lit> = because.map(|&lit| !lit).collect();
        clause.extend(choices.effect(facts, self.missed, solver)?.map(|lit| !lit));
        if self.source.writer != NONE {
            clause.push(solver.before(nodes.commit(self.missed), nodes.commit(self.source.writer))?);
        }
        solver.clause(&clause)
    }
}

/// Monotonic atomic view.
fn monotonic(
    facts: &Facts,
    nodes: Nodes,
    choices: &mut Choices,
    solver: &mut Solver<'_, '_>,
) -> Result<bool, Stop> {
    let mut found: Vec<Missed> = Vec::new();
    let mut seen: Vec<(u32, Source)> = Vec::new();
    for at in (0..facts.len()).filter(|&at| facts.certain(at)) {
        seen.clear();
        for (&read, number) in facts.reads.of(at).iter().zip(0..) {
            let Some(source) = choices.source(facts, (at, number), read, solver) else {
                continue;
            };
            let place = |writer: u32| match writer {
                NONE => 0,
                writer => solver.order().place(nodes.commit(writer)) + 1,
            };
            let known = seen.iter().filter(|(key, _)| *key == read.key);
            let last = known.max_by_key(|(_, source)| place(source.writer));
            if let Some(&(_, last)) = last
                && place(last.writer) > place(source.writer)
            {
                found.push(Missed {
                    source,
                    missed: last.writer,
                    because: last.because.into_iter().collect(),
                });
            }
            if source.writer != NONE {
                seen.extend(
                    facts
                        .writes
                        .of(source.writer)
                        .iter()
                        .map(|write| (write.key, source)),
                );
            }
        }
    }
    put(found, facts, nodes, choices, solver)
}

pub(super) fn put(
    found: Vec<Missed>,
    facts: &Facts,
    nodes: Nodes,
    choices: &mut Choices,
    solver: &mut Solver<'_, '_>,
) -> Result<bool, Stop> {
    let any = !found.is_empty();
    for missed in found {
        missed.put(facts, nodes, choices, solver)?;
    }
    Ok(any)
}

/// What everybody sees in the order at hand.
struct Sight<'a> {
    seen: &'a Seen,
    facts: &'a Facts,
    nodes: Nodes,
    /// What each sees, without what it writes itself.
    last: Last,
    /// Besides, what each process has written; only where what is seen brings nothing with it.
    carried: Last,
    /// Of parallel snapshot isolation: who wrote a key just before each of its writers.
    previous: Vec<Vec<u32>>,
    /// The sources of reads that are chosen.
    chosen: Vec<Vec<Source>>,
    /// The transaction at each place.
    at: Vec<u32>,
}

impl<'a> Sight<'a> {
    fn new(
        seen: &'a Seen,
        facts: &'a Facts,
        nodes: Nodes,
        choices: &Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<Self, Stop> {
        let many = seen.before.len();
        let direct = seen.isolation == Isolation::ReadAtomic;
        let tables = if direct { 2 } else { 1 };
        solver.meter().grow(many * facts.keys * 4 * tables + many * 64)?;
        let table = |many: usize| Last::new(many, facts.keys);
        let mut sight = Sight {
            seen,
            facts,
            nodes,
            last: table(many),
            carried: table(if direct { many } else { 0 }),
            previous: vec![Vec::new(); facts.len() as usize],
            chosen: vec![Vec::new(); facts.len() as usize],
            at: vec![NONE; many + 1],
        };
        let order = solver.order().order().to_vec();
        let mut writers = vec![NONE; facts.keys];
        for (place, node) in order.into_iter().enumerate() {
            solver.meter().step()?;
            sight.at[place + 1] = node;
            if nodes
                .transaction(node)
                .is_some_and(|at| !choices.took_effect(facts, at, solver))
            {
                continue;
            }
            sight.look(node, choices, solver, &mut writers);
        }
        Ok(sight)
    }

    /// Works out what a node sees; those before it are done.
    fn look(&mut self, node: u32, choices: &Choices, solver: &Solver<'_, '_>, writers: &mut [u32]) {
        let Some(at) = self.nodes.transaction(node) else {
            for &(from, _) in &self.seen.before[node as usize] {
                self.bring(from, node, Link::RealTime, solver);
            }
            return;
        };
        for &(from, link) in &self.seen.before[node as usize] {
            self.bring(from, node, link, solver);
        }
        for (&read, number) in self.facts.reads.of(at).iter().zip(0..) {
            if let Some(source) = choices.source(self.facts, (at, number), read, solver)
                && source.because.is_some()
                && source.writer != NONE
            {
                self.chosen[at as usize].push(source);
                self.bring(source.writer, node, Link::Wr, solver);
            }
        }
        for write in self.facts.writes.of(at) {
            let previous = std::mem::replace(&mut writers[write.key as usize], at);
            if previous != NONE && self.seen.isolation == Isolation::ParallelSnapshotIsolation {
                self.previous[at as usize].push(previous);
                self.bring(previous, node, Link::Ww, solver);
            }
        }
        if self.seen.isolation == Isolation::ReadAtomic {
            for &(from, link) in &self.seen.before[node as usize] {
                if link == Link::Process {
                    self.carried.merge(from, node);
                }
            }
            for write in self.facts.writes.of(at) {
                self.carried.see(node, write.key, solver.order().place(node) + 1);
            }
        }
    }

    /// `to` sees `from`, and what comes with it.
    fn bring(&mut self, from: u32, to: u32, link: Link, solver: &Solver<'_, '_>) {
        let Some(at) = self.nodes.transaction(from) else {
            self.last.merge(from, to);
            return;
        };
        let place = solver.order().place(from) + 1;
        for write in self.facts.writes.of(at) {
            self.last.see(to, write.key, place);
        }
        if self.seen.isolation != Isolation::ReadAtomic {
            self.last.merge(from, to);
        } else if link == Link::Process {
            for key in 0..self.facts.keys {
                let place = self.carried.of(from)[key];
                self.last.see(to, key as u32, place);
            }
        }
    }

    fn refute(&self, choices: &mut Choices, solver: &mut Solver<'_, '_>) -> Result<bool, Stop> {
        let mut found = Vec::new();
        for at in 0..self.facts.len() {
            if !choices.took_effect(self.facts, at, solver) {
                continue;
            }
            for (&read, number) in self.facts.reads.of(at).iter().zip(0..) {
                let Some(source) = choices.source(self.facts, (at, number), read, solver) else {
                    continue;
                };
                let last = self.last.of(at)[read.key as usize];
                let place = match source.writer {
                    NONE => 0,
                    writer => solver.order().place(writer) + 1,
                };
                if last > place {
                    let mut because = Vec::new();
                    self.trace(at, read.key, last, solver, &mut because)?;
                    let missed = self.at[last as usize];
                    found.push(Missed {
                        source,
                        missed,
                        because,
                    });
                }
            }
        }
        put(found, self.facts, self.nodes, choices, solver)
    }

    /// What has to hold for a node to see the commit to a key at this place.
    fn trace(
        &self,
        node: u32,
        key: u32,
        place: u32,
        solver: &mut Solver<'_, '_>,
        because: &mut Vec<Lit>,
    ) -> Result<(), Stop> {
        let mut node = node;
        let goal = self.at[place as usize];
        while node != goal {
            solver.meter().step()?;
            let shows = |from: u32| from == goal || self.last.of(from)[key as usize] == place;
            if let Some(&(from, _)) = self.seen.before[node as usize].iter().find(|&&(from, link)| {
                from == goal
                    || match (
                        self.seen.isolation == Isolation::ReadAtomic,
                        self.nodes.transaction(from),
                    ) {
                        (true, Some(_)) => {
                            link == Link::Process && self.carried.of(from)[key as usize] == place
                        }
                        _ => self.last.of(from)[key as usize] == place,
                    }
            }) {
                if self.seen.isolation == Isolation::ReadAtomic && self.nodes.transaction(from).is_some() {
                    // The rest of the way is the order of a process, which is known.
                    return Ok(());
                }
                node = from;
                continue;
            }
            let chosen = self.chosen.get(node as usize).into_iter().flatten();
            if let Some(source) = chosen.into_iter().find(|source| {
                source.writer == goal
                    || (self.seen.isolation != Isolation::ReadAtomic && shows(source.writer))
            }) {
                because.extend(source.because);
                node = source.writer;
                continue;
            }
            let previous = self.previous.get(node as usize).into_iter().flatten();
            let Some(&previous) = previous.into_iter().find(|previous| shows(**previous)) else {
                debug_assert!(false, "what is seen was brought by nobody");
                return Ok(());
            };
            because.push(solver.before(previous, node)?);
            node = previous;
        }
        Ok(())
    }
}
