//! Levels at which a transaction reads the state of one moment: what an order of snapshots and commits breaks.
//!
//! Serializable: snapshot and commit are one. Snapshot isolation: no commit to a key that it writes lies between them.
//! Prefix: no more than that the snapshot is a state that was (Cerone, Bernardi, Gotsman 2015, 3, by the totality of the
//! order of commits; Crooks et al. 2017, 4, by states).

use batsat::Lit;

use super::choices::{Choices, Place, Source};
use super::facts::{Facts, Read};
use super::micro::NONE;
use super::nodes::Nodes;
use super::solver::Solver;
use crate::budget::Stop;

/// A commit to a key: the place of its node, the version, the transaction.
type Stand = (u32, u32, u32);

/// What the order at hand breaks, put to the search as clauses; whether there is anything.
pub(super) fn refute(
    facts: &Facts,
    nodes: Nodes,
    conflicts: bool,
    choices: &mut Choices,
    solver: &mut Solver<'_, '_>,
) -> Result<bool, Stop> {
    let mut stands: Vec<Vec<Stand>> = vec![Vec::new(); facts.keys];
    let mut broken: Vec<Broken> = Vec::new();
    for (place, &node) in solver.order().order().iter().enumerate() {
        let Some(at) = nodes.transaction(node) else {
            continue;
        };
        if !choices.took_effect(facts, at, solver) {
            continue;
        }
        if !nodes.are_two() || !nodes.is_commit(node) {
            for (&read, number) in facts.reads.of(at).iter().zip(0..) {
                broken.extend(misread(
                    facts,
                    choices,
                    (at, number),
                    read,
                    &stands[read.key as usize],
                    solver,
                ));
            }
        }
        if !nodes.is_commit(node) {
            continue;
        }
        let snapshot = solver.order().place(nodes.snapshot(at));
        for write in facts.writes.of(at) {
            let stand = &mut stands[write.key as usize];
            if let Some(&(committed, _, other)) = stand.last()
                && conflicts
                && committed > snapshot
            {
                broken.push(Broken::Conflict(other, at));
            }
            stand.push((place as u32, write.version, at));
        }
    }
    for one in &broken {
        one.put(facts, nodes, choices, solver)?;
    }
    Ok(!broken.is_empty())
}

/// What cannot stay as it is.
enum Broken {
    /// Nobody has said yet who wrote what was read.
    Unknown(Place, Read),
    /// Somebody writes the key between the writer and the reader.
    Between(Source, u32, u32),
    /// Two that write the same key, neither of which sees the other.
    Conflict(u32, u32),
}

/// Why a read does not find its version here; at most two reasons, which are as good as all.
fn misread(
    facts: &Facts,
    choices: &Choices,
    at: Place,
    read: Read,
    stands: &[Stand],
    solver: &Solver<'_, '_>,
) -> impl Iterator<Item = Broken> + use<> {
    let last = stands.last().map_or(NONE, |&(_, version, _)| version);
    let initial = facts.sources(read).contains(&NONE);
    let fits = last == read.version || (stands.is_empty() && initial);
    let mut found = [None, None];
    if !fits {
        match choices.source(facts, at, read, solver) {
            None => found[0] = Some(Broken::Unknown(at, read)),
            Some(source) => {
                let written = stands.iter().rposition(|&(.., writer)| writer == source.writer);
                let next = written.map_or(0, |written| written + 1);
                let between = |&(.., writer): &Stand| Broken::Between(source, writer, at.0);
                found[0] = stands.get(next).map(between);
                found[1] = stands.last().filter(|_| stands.len() > next + 1).map(between);
                debug_assert!(found[0].is_some(), "a source that took no effect");
            }
        }
    }
    found.into_iter().flatten()
}

impl Broken {
    fn put(
        &self,
        facts: &Facts,
        nodes: Nodes,
        choices: &mut Choices,
        solver: &mut Solver<'_, '_>,
    ) -> Result<(), Stop> {
        match *self {
            Broken::Unknown(at, read) => choices.ask(facts, nodes, at, read, solver),
            Broken::Between(source, between, reader) => {
                let mut clause: Vec<Lit> = source.because.iter().map(|&lit| !lit).collect();
                clause.extend(choices.effect(facts, between, solver)?.map(|lit| !lit));
                if source.writer != NONE {
                    clause.push(solver.before(nodes.commit(between), nodes.commit(source.writer))?);
                }
                clause.push(solver.before(nodes.snapshot(reader), nodes.commit(between))?);
                solver.clause(&clause)
            }
            Broken::Conflict(one, other) => {
                let mut clause = vec![
                    solver.before(nodes.commit(one), nodes.snapshot(other))?,
                    solver.before(nodes.commit(other), nodes.snapshot(one))?,
                ];
                for transaction in [one, other] {
                    clause.extend(choices.effect(facts, transaction, solver)?.map(|lit| !lit));
                }
                solver.clause(&clause)
            }
        }
    }
}
