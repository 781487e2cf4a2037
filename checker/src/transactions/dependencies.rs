//! What must stand before what: transactions and the links between them.
//!
//! Two relations would be quadratic if every pair had its link: real time, and "everybody who read this version
//! before everybody who replaced it". Both go through joints, nodes that are no transactions, so that the paths
//! between transactions are exactly the pairs, and the number of links stays linear.

use histories::{Kind, Process};
use rustc_hash::FxHashMap;

use super::micro::{NONE, Transactions};
use crate::budget::Meter;
use crate::error::Halt;
use crate::operations::OPEN;

/// Why one transaction stands before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Link {
    /// The other replaced what it wrote.
    Ww,
    /// The other read what it wrote.
    Wr,
    /// The other replaced what it read.
    Rw,
    /// The same process ran it before.
    Process,
    /// It had completed before the other was invoked.
    RealTime,
}

/// The graph while it is built: nodes below `transactions` are transactions, those above are joints.
#[derive(Debug)]
pub(super) struct Dependencies {
    transactions: u32,
    nodes: u32,
    links: Vec<(u32, u32, Link)>,
}

impl Dependencies {
    /// No links yet.
    pub(super) fn new(transactions: usize) -> Self {
        Dependencies {
            transactions: transactions as u32,
            nodes: transactions as u32,
            links: Vec::with_capacity(transactions * 8),
        }
    }

    /// How many links of this kind begin at a transaction.
    pub(super) fn count(&self, link: Link) -> usize {
        let begins = |&&(from, _, kind): &&(u32, u32, Link)| kind == link && from < self.transactions;
        self.links.iter().filter(begins).count()
    }

    /// All of them.
    pub(super) fn links(&self) -> &[(u32, u32, Link)] {
        &self.links
    }

    /// How many nodes there are, joints included.
    pub(super) fn nodes(&self) -> u32 {
        self.nodes
    }

    /// `from` stands before `to`; nobody stands before himself.
    pub(super) fn link(&mut self, from: u32, to: u32, link: Link) {
        if from != to {
            self.links.push((from, to, link));
        }
    }

    fn joint(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// Each of `readers` missed the write of each of `writers`, but not its own.
    ///
    /// Those that did both stand in a row: one chain of joints leads from each to the later ones, another to the
    /// earlier ones, so that nobody reaches himself.
    pub(super) fn missed(&mut self, readers: &[u32], writers: &[u32]) {
        if readers.len().min(writers.len()) <= 1 {
            for &reader in readers {
                writers
                    .iter()
                    .for_each(|&writer| self.link(reader, writer, Link::Rw));
            }
            return;
        }
        let (mut readers, mut writers) = (readers.to_vec(), writers.to_vec());
        readers.sort_unstable();
        readers.dedup();
        writers.sort_unstable();
        writers.dedup();
        let (both, readers): (Vec<u32>, Vec<u32>) = readers
            .into_iter()
            .partition(|reader| writers.binary_search(reader).is_ok());
        writers.retain(|writer| both.binary_search(writer).is_err());
        self.missed_later(&readers, &both, &writers);
        self.missed_later(&[], &both.into_iter().rev().collect::<Vec<_>>(), &[]);
    }

    /// `readers` before all others, each of `both` before the ones after it, and all before `writers`.
    fn missed_later(&mut self, readers: &[u32], both: &[u32], writers: &[u32]) {
        let mut joint = self.joint();
        readers
            .iter()
            .for_each(|&reader| self.link(reader, joint, Link::Rw));
        for &each in both {
            self.link(joint, each, Link::Rw);
            let next = self.joint();
            self.link(joint, next, Link::Rw);
            self.link(each, next, Link::Rw);
            joint = next;
        }
        writers
            .iter()
            .for_each(|&writer| self.link(joint, writer, Link::Rw));
    }

    /// Each process runs one transaction after the other. One of unknown outcome may take effect at any later time,
    /// so nothing stands after it.
    pub(super) fn processes(&mut self, transactions: &Transactions<'_>) {
        let mut last: FxHashMap<Process, u32> = FxHashMap::default();
        for at in 0..self.transactions {
            let outcome = transactions.outcome(at);
            if outcome == Kind::Fail {
                continue;
            }
            let process = transactions.process(at);
            if let Some(&before) = last.get(&process) {
                self.link(before, at, Link::Process);
            }
            if outcome == Kind::Ok {
                last.insert(process, at);
            }
        }
    }

    /// Real time as a line of joints: a completed transaction leads to the first invocation after it.
    pub(super) fn real_time(
        &mut self,
        transactions: &Transactions<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Halt> {
        let mut ends: Vec<(u32, u32)> = transactions
            .of(Kind::Ok)
            .map(|at| (transactions.operations[at as usize].ret, at))
            .filter(|&(ret, _)| ret != OPEN)
            .collect();
        ends.sort_unstable();
        let mut ends = ends.into_iter().peekable();
        let mut now = NONE;
        for at in 0..self.transactions {
            meter.step()?;
            let operation = &transactions.operations[at as usize];
            let before = now;
            while let Some((_, end)) = ends.next_if(|&(ret, _)| ret < operation.inv) {
                if now == before {
                    now = self.joint();
                }
                self.link(end, now, Link::RealTime);
            }
            if now != before && before != NONE {
                self.link(before, now, Link::RealTime);
            }
            if now != NONE && operation.outcome != Kind::Fail {
                self.link(now, at, Link::RealTime);
            }
        }
        Ok(())
    }

    /// The graph to walk on.
    pub(super) fn graph(&self) -> Graph {
        Graph::new((0..self.nodes).collect(), self.transactions, &self.links)
    }
}

/// Links by their origin.
#[derive(Debug)]
pub(super) struct Graph {
    /// The transaction's number of each node; for a joint, something not below `transactions`.
    pub names: Vec<u32>,
    transactions: u32,
    starts: Vec<u32>,
    links: Vec<(u32, Link)>,
}

impl Graph {
    /// A graph of as many nodes as there are names.
    pub(super) fn new(names: Vec<u32>, transactions: u32, links: &[(u32, u32, Link)]) -> Self {
        let mut starts = vec![0; names.len() + 1];
        links
            .iter()
            .for_each(|&(from, ..)| starts[from as usize + 1] += 1);
        for at in 0..names.len() {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut sorted = vec![(0, Link::Ww); links.len()];
        for &(from, to, link) in links {
            let place = &mut next[from as usize];
            sorted[*place as usize] = (to, link);
            *place += 1;
        }
        Graph {
            names,
            transactions,
            starts,
            links: sorted,
        }
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.names.len()
    }

    /// How many links there are.
    pub(super) fn size(&self) -> usize {
        self.links.len()
    }

    /// What it holds, with what the search for components needs.
    pub(super) fn bytes(&self) -> usize {
        self.size() * 24 + self.nodes() * 40
    }

    /// Whether a node is no transaction.
    pub(super) fn is_joint(&self, node: u32) -> bool {
        self.names[node as usize] >= self.transactions
    }

    /// What stands after a node.
    pub(super) fn after(&self, node: u32) -> &[(u32, Link)] {
        &self.links[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// The nodes that remain when those before which nothing stands are taken away, again and again: none of a graph
    /// without cycles, and of another the cycles with what comes after them. Far cheaper than the components.
    pub(super) fn tangled(&self, meter: &mut Meter<'_>) -> Result<Vec<u32>, Halt> {
        let mut before = vec![0_u32; self.nodes()];
        self.links.iter().for_each(|&(to, _)| before[to as usize] += 1);
        let mut free: Vec<u32> = (0..self.nodes() as u32)
            .filter(|&node| before[node as usize] == 0)
            .collect();
        while let Some(node) = free.pop() {
            meter.step()?;
            for &(to, _) in self.after(node) {
                before[to as usize] -= 1;
                if before[to as usize] == 0 {
                    free.push(to);
                }
            }
        }
        Ok((0..self.nodes() as u32)
            .filter(|&node| before[node as usize] > 0)
            .collect())
    }

    /// The nodes that lie on a cycle of the links that `allowed` lets through, one list for each component.
    pub(super) fn components(&self, allowed: impl Fn(Link) -> bool) -> Vec<Vec<u32>> {
        let nodes = self.nodes() as u32;
        let links = (0..nodes).flat_map(|from| {
            let after = self.after(from).iter().filter(|(_, link)| allowed(*link));
            after.map(move |&(to, _)| (from, to))
        });
        let mut graph: petgraph::graph::DiGraph<(), (), u32> =
            petgraph::graph::DiGraph::with_capacity(self.nodes(), self.size());
        for _ in 0..nodes {
            graph.add_node(());
        }
        graph.extend_with_edges(links);
        // Kosaraju's, since petgraph's version of Tarjan's calls itself once for each node of a path.
        let components = petgraph::algo::kosaraju_scc(&graph);
        let cyclic = components.into_iter().filter(|component| component.len() > 1);
        cyclic
            .map(|component| component.into_iter().map(|node| node.index() as u32).collect())
            .collect()
    }

    /// The part that a component spans.
    pub(super) fn part(&self, component: &[u32], place: &mut [u32]) -> Graph {
        for (at, &node) in component.iter().enumerate() {
            place[node as usize] = at as u32;
        }
        let mut links = Vec::new();
        for (at, &node) in component.iter().enumerate() {
            let inside = self
                .after(node)
                .iter()
                .filter(|(to, _)| place[*to as usize] != NONE);
            links.extend(inside.map(|&(to, link)| (at as u32, place[to as usize], link)));
        }
        component.iter().for_each(|&node| place[node as usize] = NONE);
        let names = component.iter().map(|&node| self.names[node as usize]).collect();
        Graph::new(names, self.transactions, &links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transactions that a path through joints reaches.
    fn reached(graph: &Graph, from: u32) -> Vec<u32> {
        let (mut joints, mut found) = (vec![from], Vec::new());
        while let Some(node) = joints.pop() {
            for &(to, _) in graph.after(node) {
                if graph.is_joint(to) {
                    &mut joints
                } else {
                    &mut found
                }
                .push(to);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn joints_lead_from_each_reader_to_each_other_writer() {
        for sets in 0..1 << 10_u32 {
            let of = |shift: u32| {
                (0..5)
                    .filter(|at| sets >> (shift + at) & 1 == 1)
                    .collect::<Vec<u32>>()
            };
            let (readers, writers) = (of(0), of(5));
            let mut dependencies = Dependencies::new(5);
            dependencies.missed(&readers, &writers);
            let graph = dependencies.graph();
            for at in 0..5 {
                let others = writers.iter().copied().filter(|&writer| writer != at);
                let expected: Vec<u32> = others.filter(|_| readers.contains(&at)).collect();
                assert_eq!(reached(&graph, at), expected, "{readers:?} {writers:?}");
            }
        }
    }
}
