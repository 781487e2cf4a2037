//! The graph that a level speaks of: its nodes, and the edges that stand from the start.

use super::dependencies::{Dependencies, Link};
use super::facts::Facts;
use super::micro::NONE;
use crate::levels::{Isolation, Level};

/// What a node of the graph is.
///
/// Where transactions read at a point of time, each has two: its snapshot and its commit (Cerone, Gotsman: Analysing
/// Snapshot Isolation, PODC 2016, 3; Zhang et al.: Viper, EuroSys 2023, 4). Else a transaction is one node, and the
/// graph is an order of commits. Joints come after all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes {
    transactions: u32,
    twice: bool,
}

impl Nodes {
    pub(super) fn new(transactions: u32, isolation: Isolation) -> Self {
        let twice = matches!(isolation, Isolation::Prefix | Isolation::SnapshotIsolation);
        Nodes { transactions, twice }
    }

    /// Whether snapshot and commit are two.
    pub(super) fn are_two(self) -> bool {
        self.twice
    }

    /// How many nodes belong to transactions.
    pub(super) fn owned(self) -> u32 {
        self.transactions << u32::from(self.twice)
    }

    /// Where a transaction reads.
    pub(super) fn snapshot(self, transaction: u32) -> u32 {
        transaction << u32::from(self.twice)
    }

    /// Where it writes.
    pub(super) fn commit(self, transaction: u32) -> u32 {
        self.snapshot(transaction) + u32::from(self.twice)
    }

    /// The transaction of a node; none for a joint.
    pub(super) fn transaction(self, node: u32) -> Option<u32> {
        (node < self.owned()).then_some(node >> u32::from(self.twice))
    }

    /// Whether the node is where its transaction writes.
    pub(super) fn is_commit(self, node: u32) -> bool {
        !self.twice || node % 2 == 1
    }

    /// The edges of a level, of all that are known.
    pub(super) fn edges(self, facts: &Facts, level: Level, dependencies: &Dependencies) -> Vec<(u32, u32)> {
        let own = (0..self.transactions).filter(|_| self.twice);
        let own = own.map(|at| (self.snapshot(at), self.commit(at)));
        let known = dependencies
            .links()
            .iter()
            .filter(|(.., link)| orders(level.isolation, *link));
        let joint = |node: u32| node - self.transactions + self.owned();
        let known = known.map(|&(from, to, link)| {
            let start = match (from < self.transactions, link) {
                (false, _) => joint(from),
                (true, Link::Rw) => self.snapshot(from),
                (true, _) => self.commit(from),
            };
            let end = match (to < self.transactions, link) {
                (false, _) => joint(to),
                (true, Link::Rw) => self.commit(to),
                // Of two that write the same key the later one sees the earlier one, or they only commit in turn.
                (true, Link::Ww) if level.isolation == Isolation::Prefix => self.commit(to),
                (true, _) => self.snapshot(to),
            };
            (start, end)
        });
        let mut edges: Vec<(u32, u32)> = own.chain(known).collect();
        if level.isolation != Isolation::ReadUncommitted {
            edges.extend(
                written_and_read(facts).map(|(writer, reader)| (self.commit(writer), self.snapshot(reader))),
            );
        }
        edges
    }
}

/// Who read from whom, where it is certain that it read and only one can have written that.
pub(super) fn written_and_read(facts: &Facts) -> impl Iterator<Item = (u32, u32)> {
    let readers = (0..facts.len()).filter(|&at| facts.certain(at));
    let reads = readers.flat_map(|at| facts.reads.of(at).iter().map(move |&read| (at, read)));
    reads.filter_map(|(reader, read)| match *facts.sources(read) {
        [writer] if writer != NONE && writer != reader => Some((writer, reader)),
        _ => None,
    })
}

/// Whether a link orders the commits at this isolation.
fn orders(isolation: Isolation, link: Link) -> bool {
    use Isolation::{Prefix, RepeatableRead, Serializable, SnapshotIsolation};
    match link {
        // What of it binds stands in `sessions`.
        Link::Process if isolation.is_of_sessions() => false,
        // From the reads themselves: one transaction may read several versions of a key.
        Link::Wr => false,
        Link::Rw => matches!(
            isolation,
            Prefix | SnapshotIsolation | RepeatableRead | Serializable
        ),
        Link::Ww | Link::Process | Link::RealTime => true,
    }
}
