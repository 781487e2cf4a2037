//! A graph that stays without cycles while edges come and go.
//!
//! It keeps an order of its nodes in which every edge leads forward (Pearce, Kelly: A Dynamic Topological Sort Algorithm
//! for Directed Acyclic Graphs, JEA 2006, section 2). An edge that already does costs nothing; another one reorders what
//! lies between its ends, or shows the cycle that it would close. To take an edge away leaves the order as it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::budget::{Meter, Stop};

/// An edge that can be taken away, with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arc<L> {
    pub to: u32,
    pub name: L,
}

/// Fixed edges by their origin.
#[derive(Debug)]
struct Fixed {
    starts: Vec<u32>,
    to: Vec<u32>,
}

impl Fixed {
    fn new(nodes: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        edges.clone().for_each(|(from, _)| starts[from as usize + 1] += 1);
        for at in 0..nodes {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut to = vec![0; starts[nodes] as usize];
        for (from, target) in edges {
            to[next[from as usize] as usize] = target;
            next[from as usize] += 1;
        }
        Fixed { starts, to }
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.to[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

/// The graph.
#[derive(Debug)]
pub(super) struct Acyclic<L> {
    after: Fixed,
    before: Fixed,
    added_after: Vec<Vec<Arc<L>>>,
    added_before: Vec<Vec<Arc<L>>>,
    /// The place of each node in the order, and the node at each place.
    place: Vec<u32>,
    at: Vec<u32>,
    /// The edges that were added, in their order.
    trail: Vec<(u32, u32)>,
    /// Where each node was reached from, in the walk with this number.
    reached: Vec<(u32, u32, Option<L>)>,
    walk: u32,
}

/// The way from the end of an edge back to its beginning: each step with its name, if it is no fixed one.
pub(super) type Way<L> = Vec<(u32, Option<L>)>;

/// Why an edge was not added.
#[derive(Debug)]
pub(super) enum Refused<L> {
    /// It would close a cycle with this way.
    Cycle(Way<L>),
    /// The budget ended.
    Stopped(Stop),
}

impl<L: Copy> Acyclic<L> {
    /// A graph of fixed edges, in an order in which a node of lower rank comes first if it may; none if they have a
    /// cycle.
    pub(super) fn new(ranks: &[u32], edges: &[(u32, u32)]) -> Option<Self> {
        let nodes = ranks.len();
        let after = Fixed::new(nodes, edges.iter().copied());
        let before = Fixed::new(nodes, edges.iter().map(|&(from, to)| (to, from)));
        let mut graph = Acyclic {
            after,
            before,
            added_after: vec![Vec::new(); nodes],
            added_before: vec![Vec::new(); nodes],
            place: vec![0; nodes],
            at: Vec::with_capacity(nodes),
            trail: Vec::new(),
            reached: vec![(0, 0, None); nodes],
            walk: 0,
        };
        graph.sort(ranks).then_some(graph)
    }

    /// Whether there is an order; sets it.
    fn sort(&mut self, ranks: &[u32]) -> bool {
        let nodes = ranks.len() as u32;
        let mut open: Vec<u32> = (0..nodes).map(|node| self.before.of(node).len() as u32).collect();
        let free = (0..nodes).filter(|&node| open[node as usize] == 0);
        let mut free: BinaryHeap<Reverse<(u32, u32)>> =
            free.map(|node| Reverse((ranks[node as usize], node))).collect();
        while let Some(Reverse((_, node))) = free.pop() {
            self.place[node as usize] = self.at.len() as u32;
            self.at.push(node);
            for &to in self.after.of(node) {
                open[to as usize] -= 1;
                if open[to as usize] == 0 {
                    free.push(Reverse((ranks[to as usize], to)));
                }
            }
        }
        self.at.len() == ranks.len()
    }

    /// The place of a node in the order.
    pub(super) fn place(&self, node: u32) -> u32 {
        self.place[node as usize]
    }

    /// All nodes in their order.
    pub(super) fn order(&self) -> &[u32] {
        &self.at
    }

    /// How many edges were added.
    pub(super) fn added(&self) -> usize {
        self.trail.len()
    }

    /// Adds an edge.
    pub(super) fn add(
        &mut self,
        from: u32,
        to: u32,
        name: L,
        meter: &mut Meter<'_>,
    ) -> Result<(), Refused<L>> {
        if from == to {
            return Err(Refused::Cycle(Vec::new()));
        }
        let (low, high) = (self.place[to as usize], self.place[from as usize]);
        if low < high {
            let ahead = self.ahead(to, from, high, meter)?;
            let behind = self.behind(from, low, meter).map_err(Refused::Stopped)?;
            self.reorder(behind, ahead);
        }
        self.added_after[from as usize].push(Arc { to, name });
        self.added_before[to as usize].push(Arc { to: from, name });
        self.trail.push((from, to));
        Ok(())
    }

    /// Takes the edges away that were added after the first `many`.
    pub(super) fn shrink(&mut self, many: usize) {
        for (from, to) in self.trail.drain(many..).rev() {
            self.added_after[from as usize].pop();
            self.added_before[to as usize].pop();
        }
    }

    /// What is reached from `start` up to the place `high`; a cycle if that is `end`.
    fn ahead(
        &mut self,
        start: u32,
        end: u32,
        high: u32,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<u32>, Refused<L>> {
        self.walk += 1;
        self.reached[start as usize] = (self.walk, start, None);
        let (mut found, mut next) = (vec![start], 0);
        while next < found.len() {
            let node = found[next];
            next += 1;
            let fixed = self.after.of(node).iter().map(|&to| (to, None));
            let added = self.added_after[node as usize]
                .iter()
                .map(|arc| (arc.to, Some(arc.name)));
            for (to, name) in fixed.chain(added) {
                meter.step().map_err(Refused::Stopped)?;
                if self.place[to as usize] > high || self.reached[to as usize].0 == self.walk {
                    continue;
                }
                self.reached[to as usize] = (self.walk, node, name);
                if to == end {
                    return Err(Refused::Cycle(self.way(start, end)));
                }
                found.push(to);
            }
        }
        Ok(found)
    }

    /// From `start` to `end`, as they were reached.
    fn way(&self, start: u32, end: u32) -> Way<L> {
        let mut way = Vec::new();
        let mut node = end;
        while node != start {
            let (_, from, name) = self.reached[node as usize];
            way.push((from, name));
            node = from;
        }
        way.reverse();
        way
    }

    /// What leads to `end` from the place `low` on.
    fn behind(&mut self, end: u32, low: u32, meter: &mut Meter<'_>) -> Result<Vec<u32>, Stop> {
        self.walk += 1;
        self.reached[end as usize].0 = self.walk;
        let (mut found, mut next) = (vec![end], 0);
        while next < found.len() {
            let node = found[next];
            next += 1;
            let fixed = self.before.of(node).iter().copied();
            let added = self.added_before[node as usize].iter().map(|arc| arc.to);
            for from in fixed.chain(added) {
                meter.step()?;
                if self.place[from as usize] >= low && self.reached[from as usize].0 != self.walk {
                    self.reached[from as usize].0 = self.walk;
                    found.push(from);
                }
            }
        }
        Ok(found)
    }

    /// Puts the nodes behind the new edge before those ahead of it, on the places that all of them have now.
    fn reorder(&mut self, mut behind: Vec<u32>, mut ahead: Vec<u32>) {
        let place = |node: &u32| self.place[*node as usize];
        behind.sort_unstable_by_key(place);
        ahead.sort_unstable_by_key(place);
        behind.append(&mut ahead);
        let mut places: Vec<u32> = behind.iter().map(place).collect();
        places.sort_unstable();
        for (node, place) in behind.into_iter().zip(places) {
            self.place[node as usize] = place;
            self.at[place as usize] = node;
        }
    }
}

impl<L> From<Stop> for Refused<L> {
    fn from(stop: Stop) -> Self {
        Refused::Stopped(stop)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::budget::Budget;

    /// Whether `to` is reached from `from`.
    fn leads(edges: &[(u32, u32)], from: u32, to: u32) -> bool {
        let mut found = vec![from];
        let mut next = 0;
        while next < found.len() {
            let node = found[next];
            next += 1;
            for &(_, to) in edges.iter().filter(|(from, _)| *from == node) {
                if !found.contains(&to) {
                    found.push(to);
                }
            }
        }
        found.contains(&to)
    }

    #[test]
    fn it_refuses_what_closes_a_cycle_and_nothing_else() {
        let budget = Budget::unlimited();
        for seed in 0..500 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let fixed: Vec<(u32, u32)> = (0..5)
                .map(|_| (random.random_range(0..5), random.random_range(5..9)))
                .collect();
            let ranks: Vec<u32> = (0..9).map(|_| random.random_range(0..9)).collect();
            let mut graph = Acyclic::new(&ranks, &fixed).unwrap();
            let mut edges = fixed.clone();
            for name in 0..40_u32 {
                let (from, to) = (random.random_range(0..9), random.random_range(0..9));
                let cyclic = leads(&edges, to, from);
                match graph.add(from, to, name, &mut budget.meter()) {
                    Ok(()) => edges.push((from, to)),
                    Err(Refused::Cycle(way)) => {
                        assert!(cyclic && (from == to || way[0].0 == to), "seed {seed}")
                    }
                    Err(Refused::Stopped(_)) => unreachable!(),
                }
                assert_eq!(
                    cyclic,
                    edges.last() != Some(&(from, to)) || leads(&edges, to, from),
                    "seed {seed}"
                );
                assert!(
                    edges
                        .iter()
                        .all(|&(from, to)| graph.place(from) < graph.place(to)),
                    "seed {seed}"
                );
                if random.random_range(0..8) == 0 {
                    let many = random.random_range(0..=graph.added());
                    graph.shrink(many);
                    edges.truncate(fixed.len() + many);
                }
            }
        }
    }
}
