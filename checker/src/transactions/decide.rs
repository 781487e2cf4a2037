//! Whether a history keeps to a level: an order that shows it, or the search's word that there is none.

use rustc_hash::FxHashMap;

use super::acyclic::Acyclic;
use super::choices::{Choices, Place};
use super::dependencies::Dependencies;
use super::facts::{Effect, Facts};
use super::guess::{Commit, Guess, Reads, guess};
use super::micro::NONE;
use super::nodes::Nodes;
use super::points;
use super::sessions::Sessions;
use super::solver::Solver;
use super::visible::Seen;
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::{Isolation, Level};

/// What shows that a history keeps to a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Witness {
    /// The transactions that took effect in the order of their commits, each with what it reads: the state after so
    /// many of them. Of a serial order that is the state just before its own commit.
    Snapshots(Vec<Commit>),
    /// The same where nobody reads the state of one moment: the order says which write of a key is the later one.
    Commits {
        /// The transactions.
        order: Vec<u32>,
        /// Who wrote what was read, where several may have.
        sources: FxHashMap<Place, u32>,
    },
}

/// The answer of the search.
#[derive(Debug)]
pub(super) enum Decided {
    /// It keeps to the level.
    Keeps(Witness),
    /// It does not, and these transactions alone are reason enough, as far as the search saw.
    Breaks(Vec<u32>),
}

/// The order that the clock proposes, if it is meant to be legal at this level.
pub(super) fn propose(facts: &Facts, level: Level, meter: &mut Meter<'_>) -> Result<(Guess, bool), Halt> {
    let serial = guess(facts, Reads::AtCommit, meter)?;
    if serial.fits || !Isolation::SnapshotIsolation.implies(level.isolation) {
        let fits = serial.fits;
        return Ok((serial, fits));
    }
    let snapshots = guess(facts, Reads::FromSnapshot, meter)?;
    match snapshots.fits {
        true => Ok((snapshots, true)),
        false => Ok((serial, false)),
    }
}

/// Searches for an order at this level, beginning with a proposal.
///
/// `dependencies` are what is known to stand before what, with the order that binds the level.
pub(super) fn decide(
    facts: &Facts,
    level: Level,
    dependencies: &Dependencies,
    proposal: &[Commit],
    meter: &mut Meter<'_>,
) -> Result<Decided, Halt> {
    let nodes = Nodes::new(facts.len(), level.isolation);
    let mut edges = nodes.edges(facts, level, dependencies);
    let mut joints = dependencies.nodes() - facts.len();
    let sessions = level.isolation.is_of_sessions();
    let sessions = sessions.then(|| Sessions::new(facts, level.isolation, nodes.owned() + joints));
    if let Some(sessions) = &sessions {
        joints += sessions.nodes();
        edges.extend(sessions.edges(facts));
    }
    let ranks = ranks(nodes, joints, proposal);
    meter.grow(ranks.len() * 80 + edges.len() * 16)?;
    let Some(graph) = Acyclic::new(&ranks, &edges) else {
        return Ok(Decided::Breaks(tangled(nodes, &ranks, &edges)));
    };
    let mut solver = Solver::new(graph, meter);
    let mut choices = Choices::default();
    let points = nodes.are_two()
        || matches!(
            level.isolation,
            Isolation::RepeatableRead | Isolation::Serializable
        );
    let conflicts = level.isolation == Isolation::SnapshotIsolation;
    let seen = (!points && sessions.is_none()).then(|| Seen::new(facts, level.isolation, dependencies));
    if !points && level.isolation != Isolation::ReadUncommitted {
        ask_all(facts, nodes, &mut choices, &mut solver)?;
    }
    if let Some(sessions) = &sessions {
        sessions.ask(facts, &choices, &mut solver)?;
    }
    while solver.solve()? {
        let broken = match (&sessions, &seen) {
            (Some(sessions), _) => sessions.refute(facts, nodes, &mut choices, &mut solver)?,
            (None, None) => points::refute(facts, nodes, conflicts, &mut choices, &mut solver)?,
            (None, Some(seen)) => seen.refute(facts, nodes, &mut choices, &mut solver)?,
        };
        if !broken {
            return Ok(Decided::Keeps(witness(facts, nodes, points, &choices, &solver)));
        }
    }
    let touched = solver.touched().iter();
    let mut touched: Vec<u32> = touched.filter_map(|&node| nodes.transaction(node)).collect();
    touched.sort_unstable();
    touched.dedup();
    Ok(Decided::Breaks(touched))
}

/// Asks who wrote what was read, of all reads of which that is not known. Of one that may not have happened it is never.
fn ask_all(
    facts: &Facts,
    nodes: Nodes,
    choices: &mut Choices,
    solver: &mut Solver<'_, '_>,
) -> Result<(), Halt> {
    for at in 0..facts.len() {
        let certain = facts.certain(at);
        for (&read, number) in facts.reads.of(at).iter().zip(0..) {
            let known = certain && matches!(*facts.sources(read), [source] if source != at);
            if !known && facts.effects[at as usize] != Effect::None {
                choices.ask(facts, nodes, (at, number), read, solver)?;
            }
        }
    }
    Ok(())
}

/// The place of each node in the order that was proposed; what is not in it comes last.
fn ranks(nodes: Nodes, joints: u32, proposal: &[Commit]) -> Vec<u32> {
    let mut ranks = vec![NONE; nodes.owned() as usize];
    ranks.resize(ranks.len() + joints as usize, 0);
    for (commit, place) in proposal.iter().zip(0_u32..) {
        ranks[nodes.commit(commit.transaction) as usize] = place * 2 + 1;
        if nodes.are_two() {
            ranks[nodes.snapshot(commit.transaction) as usize] = commit.snapshot.min(place) * 2;
        }
    }
    ranks
}

/// The transactions of a cycle of known edges, or rather of all that hang together by them.
fn tangled(nodes: Nodes, ranks: &[u32], edges: &[(u32, u32)]) -> Vec<u32> {
    let mut graph: petgraph::graph::DiGraph<(), (), u32> = petgraph::graph::DiGraph::new();
    for _ in ranks {
        graph.add_node(());
    }
    graph.extend_with_edges(edges.iter().copied());
    let components = petgraph::algo::kosaraju_scc(&graph).into_iter();
    let cyclic = components
        .filter(|component| component.len() > 1)
        .min_by_key(Vec::len);
    let cyclic = cyclic.into_iter().flatten();
    let mut found: Vec<u32> = cyclic
        .filter_map(|node| nodes.transaction(node.index() as u32))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn witness(facts: &Facts, nodes: Nodes, points: bool, choices: &Choices, solver: &Solver<'_, '_>) -> Witness {
    let mut commits: Vec<Commit> = Vec::new();
    let mut snapshots = vec![0; facts.len() as usize];
    for &node in solver.order().order() {
        let Some(at) = nodes.transaction(node) else {
            continue;
        };
        if !choices.took_effect(facts, at, solver) {
            continue;
        }
        if !nodes.are_two() || !nodes.is_commit(node) {
            snapshots[at as usize] = commits.len() as u32;
        }
        if nodes.is_commit(node) {
            commits.push(Commit {
                transaction: at,
                snapshot: snapshots[at as usize],
            });
        }
    }
    match points {
        true => Witness::Snapshots(commits),
        false => Witness::Commits {
            order: commits.iter().map(|commit| commit.transaction).collect(),
            sources: choices.chosen(solver),
        },
    }
}
