//! The guarantees to sessions (Terry et al., Session Guarantees for Weakly Consistent Replicated Data, PDIS 1994), as
//! questions about one order of writes.
//!
//! A read sees some of the writes, and returns the last of them to its key in the order of writes, which is one for all
//! (there: `WriteOrder` and `DB(S, t)`, section 2; Viotti, Vukolic 2016, 2.3: arbitration and visibility). It sees at least
//!
//! - what was read before in its session: monotonic reads (Terry 3.2; `RelevantWrites` of a register is the write that was read),
//! - what was written before in its session: read your writes (3.1),
//! - with a write what its session wrote before, which also comes first in the order: monotonic writes (3.4),
//! - with a write what its session read before, which also comes first: writes follow reads (3.3).
//!
//! To see no more is best, since what is seen can only forbid; and what is seen hangs on who wrote what was read, not on the
//! order. A compare-and-set reads and then writes, and what it read comes before it whatever is asked. Where an outcome is
//! unknown the operation may come at any later time, so nothing is bound to come after it.

use batsat::Lit;
use rustc_hash::FxHashMap;

use super::choices::{Choices, Source};
use super::facts::{Effect, Facts};
use super::micro::NONE;
use super::nodes::Nodes;
use super::solver::Solver;
use super::visible::{Last, Missed, put};
use crate::budget::Stop;
use crate::levels::Isolation;
use crate::operations::OPEN;

/// The sessions, and what is guaranteed to them.
pub(super) struct Sessions {
    guaranteed: Guaranteed,
    /// The operations of each process in their order.
    of: Vec<Vec<u32>>,
    /// The write of the same session before each operation; [`NONE`] where that says nothing.
    written: Vec<u32>,
    /// The node at which all is done that a write of this operation has to follow; [`NONE`] if that is nothing.
    line: Vec<u32>,
    /// Of each node of such a line its operation, and the node before it.
    stops: Vec<(u32, u32)>,
    /// The first of these nodes.
    first: u32,
}

/// Which of the four are asked for.
#[derive(Clone, Copy, Debug)]
struct Guaranteed {
    monotonic_reads: bool,
    monotonic_writes: bool,
    read_your_writes: bool,
    writes_follow_reads: bool,
}

impl Guaranteed {
    fn by(isolation: Isolation) -> Self {
        Guaranteed {
            monotonic_reads: isolation.implies(Isolation::MonotonicReads),
            monotonic_writes: isolation.implies(Isolation::MonotonicWrites),
            read_your_writes: isolation.implies(Isolation::ReadYourWrites),
            writes_follow_reads: isolation.implies(Isolation::WritesFollowReads),
        }
    }
}

impl Sessions {
    /// Of a history whose graph has `first` nodes besides.
    pub(super) fn new(facts: &Facts, isolation: Isolation, first: u32) -> Self {
        let mut sessions = Sessions {
            guaranteed: Guaranteed::by(isolation),
            of: Vec::new(),
            written: vec![NONE; facts.len() as usize],
            line: vec![NONE; facts.len() as usize],
            stops: Vec::new(),
            first,
        };
        let mut numbers = FxHashMap::default();
        for at in (0..facts.len()).filter(|&at| facts.effects[at as usize] != Effect::None) {
            let next = sessions.of.len();
            let number = *numbers.entry(facts.process[at as usize]).or_insert(next);
            if number == next {
                sessions.of.push(Vec::new());
            }
            sessions.of[number].push(at);
        }
        for session in 0..sessions.of.len() {
            sessions.bind(facts, session);
        }
        sessions
    }

    fn bind(&mut self, facts: &Facts, session: usize) {
        let (mut written, mut line) = (NONE, NONE);
        for &at in &self.of[session] {
            let certain = facts.ret[at as usize] != OPEN;
            (self.written[at as usize], self.line[at as usize]) = (written, line);
            if self.guaranteed.writes_follow_reads && !facts.reads.of(at).is_empty() {
                self.stops.push((at, line));
                let stop = self.first + self.stops.len() as u32 - 1;
                self.line[at as usize] = stop;
                line = if certain { stop } else { line };
            }
            if self.guaranteed.monotonic_writes && certain && !facts.writes.of(at).is_empty() {
                written = at;
            }
        }
    }

    /// How many nodes they need in the graph.
    pub(super) fn nodes(&self) -> u32 {
        self.stops.len() as u32
    }

    /// What comes first in the order of writes whatever is chosen.
    pub(super) fn edges(&self, facts: &Facts) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        for at in (0..facts.len()).filter(|&at| !facts.writes.of(at).is_empty()) {
            let before = [self.written[at as usize], self.line[at as usize]];
            edges.extend(before.into_iter().filter(|&one| one != NONE).map(|one| (one, at)));
        }
        for (&(at, before), stop) in self.stops.iter().zip(self.first..) {
            edges.extend((before != NONE).then_some((before, stop)));
            for &read in facts.reads.of(at).iter().filter(|_| facts.certain(at)) {
                if let [writer] = *facts.sources(read)
                    && writer != NONE
                    && writer != at
                {
                    edges.push((writer, stop));
                }
            }
        }
        edges
    }

    /// The same of what is chosen.
    pub(super) fn ask(
        &self,
        facts: &Facts,
        choices: &Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<(), Stop> {
        for (&(at, _), stop) in self.stops.iter().zip(self.first..) {
            for number in 0..facts.reads.of(at).len() as u32 {
                for &(writer, lit) in choices.options((at, number)) {
                    if writer != NONE {
                        let before = solver.before(writer, stop)?;
                        solver.clause(&[!lit, before])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the order at hand breaks, put to the search as clauses; whether there is anything.
    pub(super) fn refute(
        &self,
        facts: &Facts,
        nodes: Nodes,
        choices: &mut Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<bool, Stop> {
        let many = (self.first + self.nodes()) as usize;
        solver.meter().grow(many * facts.keys * 4)?;
        let mut seen = Seen {
            sessions: self,
            facts,
            brought: Last::new(many, facts.keys),
        };
        for node in solver.order().order().to_vec() {
            solver.meter().step()?;
            seen.bring(node, choices, solver);
        }
        let mut found = Vec::new();
        for session in &self.of {
            seen.misses(session, choices, solver, &mut found)?;
        }
        put(found, facts, nodes, choices, solver)
    }
}

/// What writes bring with them in the order at hand.
struct Seen<'a> {
    sessions: &'a Sessions,
    facts: &'a Facts,
    /// Of each write, and each stop of a line, the last commit to each key that is seen with it.
    brought: Last,
}

impl Seen<'_> {
    /// The sources of an operation's reads; none where it did not happen.
    fn sources(&self, at: u32, choices: &Choices, solver: &Solver<'_, '_>) -> Vec<(u32, Source)> {
        if !choices.took_effect(self.facts, at, solver) {
            return Vec::new();
        }
        let reads = self.facts.reads.of(at).iter().zip(0..);
        let source = |(&read, number): (&super::facts::Read, u32)| {
            let source = choices.source(self.facts, (at, number), read, solver)?;
            Some((read.key, source))
        };
        reads.filter_map(source).collect()
    }

    /// Works out what a node brings; those before it are done.
    fn bring(&mut self, node: u32, choices: &Choices, solver: &Solver<'_, '_>) {
        if let Some(&(at, before)) = node
            .checked_sub(self.sessions.first)
            .and_then(|stop| self.sessions.stops.get(stop as usize))
        {
            let sources = self.sources(at, choices, solver).into_iter();
            let sources = sources.map(|(_, source)| source.writer);
            for from in sources.chain([before]).filter(|&from| from != NONE) {
                self.brought.merge(from, node);
            }
        } else if node < self.facts.len() && choices.took_effect(self.facts, node, solver) {
            let place = solver.order().place(node) + 1;
            for write in self.facts.writes.of(node) {
                self.brought.see(node, write.key, place);
            }
            let before = [
                self.sessions.written[node as usize],
                self.sessions.line[node as usize],
            ];
            for from in before.into_iter().filter(|&from| from != NONE) {
                self.brought.merge(from, node);
            }
        }
    }

    /// The reads of a session that are not from the last write that they have to see.
    fn misses(
        &self,
        session: &[u32],
        choices: &Choices,
        solver: &mut Solver<'_, '_>,
        found: &mut Vec<Missed>,
    ) -> Result<(), Stop> {
        let mut known: Vec<(u32, Option<Lit>)> = Vec::new();
        let mut last = vec![(0, 0); self.facts.keys];
        for &at in session {
            solver.meter().step()?;
            let sources = self.sources(at, choices, solver);
            for &(key, source) in &sources {
                let place = match source.writer {
                    NONE => 0,
                    writer => solver.order().place(writer) + 1,
                };
                let (seen, by) = last[key as usize];
                if seen > place {
                    let missed = solver.order().order()[seen as usize - 1];
                    let mut because = Vec::new();
                    let (from, lit) = known[by];
                    because.extend(lit);
                    self.trace(from, missed, (key, seen), choices, solver, &mut because);
                    found.push(Missed {
                        source,
                        missed,
                        because,
                    });
                }
            }
            if self.facts.ret[at as usize] == OPEN {
                continue;
            }
            let guaranteed = self.sessions.guaranteed;
            let read = sources.iter().filter(|_| guaranteed.monotonic_reads);
            let read = read.map(|(_, source)| (source.writer, source.because));
            let writes = guaranteed.read_your_writes && !self.facts.writes.of(at).is_empty();
            for (from, lit) in read
                .chain(writes.then_some((at, None)))
                .filter(|one| one.0 != NONE)
            {
                for (last, &place) in last.iter_mut().zip(self.brought.of(from)) {
                    if place > last.0 {
                        *last = (place, known.len());
                    }
                }
                known.push((from, lit));
            }
        }
        Ok(())
    }

    /// What has to hold for a write to bring another one: the choices on the way.
    fn trace(
        &self,
        from: u32,
        goal: u32,
        (key, place): (u32, u32),
        choices: &Choices,
        solver: &Solver<'_, '_>,
        because: &mut Vec<Lit>,
    ) {
        let shows = |node: u32| node != NONE && self.brought.of(node)[key as usize] == place;
        let mut node = from;
        while node != goal {
            let (written, line) = match node.checked_sub(self.sessions.first) {
                None => (
                    self.sessions.written[node as usize],
                    self.sessions.line[node as usize],
                ),
                Some(stop) => {
                    let (at, before) = self.sessions.stops[stop as usize];
                    let sources = self.sources(at, choices, solver);
                    if let Some((_, source)) = sources.iter().find(|(_, source)| shows(source.writer)) {
                        because.extend(source.because);
                        (source.writer, NONE)
                    } else {
                        (NONE, before)
                    }
                }
            };
            let Some(next) = [written, line].into_iter().find(|&next| shows(next)) else {
                debug_assert!(false, "what is seen was brought by nobody");
                return;
            };
            node = next;
        }
    }
}
