//! Short cycles in a component, one of each kind that is not implied by a worse one.

use super::anomaly::{Anomaly, ORDERS, Shape};
use super::dependencies::{Graph, Link};
use super::micro::NONE;
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::Order;

/// Components in which cycles are looked for by name; there is a cycle in each of the others, too.
pub(super) const COMPONENTS: usize = 200;

/// Transactions in the order of the cycle, each with the link to the next one; the last leads to the first.
pub(super) type Cycle = Vec<(u32, Link)>;

/// The cycles of a component, by name.
pub(super) fn named(part: &Graph, meter: &mut Meter<'_>) -> Result<Vec<(Anomaly, Cycle)>, Halt> {
    let mut found: Vec<(Anomaly, Cycle)> = Vec::new();
    let mut walk = Walk::new(part);
    for level in ORDERS {
        for shape in Shape::ALL {
            if implied(&found, Anomaly::Cycle(level, shape)) {
                continue;
            }
            let Some(cycle) = walk.shortest(level, shape, meter)? else {
                continue;
            };
            let links: Vec<Link> = cycle.iter().map(|&(_, link)| link).collect();
            let anomaly = Anomaly::of_cycle(&links);
            if !implied(&found, anomaly) {
                found.push((anomaly, cycle));
            }
        }
    }
    Ok(found)
}

/// Whether a cycle of this name says nothing that one of those found does not.
fn implied(found: &[(Anomaly, Cycle)], anomaly: Anomaly) -> bool {
    found.iter().any(|(known, _)| match (known, anomaly) {
        (Anomaly::Cycle(at, worse), Anomaly::Cycle(level, shape)) => *at <= level && worse.implies(shape),
        _ => false,
    })
}

/// Whether a cycle of this shape and level may have this link.
fn allows(level: Order, shape: Shape, link: Link) -> bool {
    match link {
        Link::Ww => true,
        Link::Wr => shape >= Shape::G1c,
        Link::Rw => shape >= Shape::GSingle,
        Link::Process => level >= Order::Session,
        Link::RealTime => level >= Order::RealTime,
    }
}

/// Searches in breadth, transaction by transaction; joints lie between them.
struct Walk<'a> {
    part: &'a Graph,
    /// Where each state was reached from; two states a node.
    from: Vec<(u32, Link)>,
    /// The search that reached it.
    round: Vec<u32>,
    now: u32,
    /// Steps that are left for the search at hand.
    left: usize,
}

impl<'a> Walk<'a> {
    fn new(part: &'a Graph) -> Self {
        Walk {
            part,
            from: vec![(NONE, Link::Ww); part.nodes() * 2],
            round: vec![0; part.nodes() * 2],
            now: 0,
            left: 0,
        }
    }

    /// A shortest cycle, or a short one where the component is too large to try every beginning.
    fn shortest(&mut self, level: Order, shape: Shape, meter: &mut Meter<'_>) -> Result<Option<Cycle>, Halt> {
        self.left = self.part.size() + self.part.nodes() + 50_000;
        let mut best: Option<Cycle> = None;
        for start in self.beginnings(level, shape) {
            let most = best.as_ref().map_or(u32::MAX, |cycle| cycle.len() as u32 - 1);
            if most < 2 || self.left == 0 {
                break;
            }
            if let Some(cycle) = self.around(start, level, shape, most, meter)? {
                best = Some(cycle);
            }
        }
        Ok(best)
    }

    /// Transactions from which a cycle can be followed, the smallest component first.
    fn beginnings(&self, level: Order, shape: Shape) -> Vec<u32> {
        let mut components = self.part.components(|link| allows(level, shape, link));
        components.sort_by_key(Vec::len);
        let misses = |node: u32| self.part.after(node).iter().any(|&(_, link)| link == Link::Rw);
        let mut nodes: Vec<u32> = components.into_iter().flatten().collect();
        nodes.retain(|&node| !self.part.is_joint(node) && (shape != Shape::GSingle || misses(node)));
        nodes
    }

    /// A shortest cycle through `start` with at most so many transactions.
    ///
    /// A state is a node, and whether an rw came: for G-single at all, for G-nonadjacent just before. The beginning
    /// of the latter counts as one, so that its cycle does not close with two in a row.
    fn around(
        &mut self,
        start: u32,
        level: Order,
        shape: Shape,
        most: u32,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Cycle>, Halt> {
        self.now += 1;
        let first = start * 2 + u32::from(shape == Shape::GNonadjacent);
        let rule = Rule { start, level, shape };
        let mut here = vec![first];
        for length in 0..most {
            let (mut joints, mut next) = (Vec::new(), Vec::new());
            for state in here {
                let flag = if length == 0 { None } else { Some(state % 2) };
                if let Some(link) = self.step(state, flag, rule, &mut joints, &mut next, meter)? {
                    return Ok(Some(self.cycle(state, link, first)));
                }
            }
            while let Some(state) = joints.pop() {
                if let Some(link) = self.step(state, Some(state % 2), rule, &mut joints, &mut next, meter)? {
                    return Ok(Some(self.cycle(state, link, first)));
                }
            }
            here = next;
            if here.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Reaches what stands after a state; the link that closes the cycle, if there is one.
    fn step(
        &mut self,
        state: u32,
        flag: Option<u32>,
        rule: Rule,
        joints: &mut Vec<u32>,
        next: &mut Vec<u32>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Link>, Halt> {
        let part = self.part;
        let joint = part.is_joint(state / 2);
        for &(to, link) in part.after(state / 2) {
            meter.step()?;
            self.left = self.left.saturating_sub(1);
            let flag = if joint { flag } else { rule.after(flag, link) };
            let Some(flag) = flag.filter(|_| allows(rule.level, rule.shape, link)) else {
                continue;
            };
            if to == rule.start {
                return Ok(Some(link));
            }
            let reached = to * 2 + flag;
            if self.round[reached as usize] != self.now {
                self.round[reached as usize] = self.now;
                self.from[reached as usize] = (state, link);
                if part.is_joint(to) {
                    &mut *joints
                } else {
                    &mut *next
                }
                .push(reached);
            }
        }
        Ok(None)
    }

    /// The way back from the last state to the first one, without what comes twice.
    fn cycle(&self, last: u32, link: Link, first: u32) -> Cycle {
        let mut steps = vec![(last, link)];
        let mut at = last;
        while at != first {
            let (before, link) = self.from[at as usize];
            steps.push((before, link));
            at = before;
        }
        steps.reverse();
        steps.retain(|&(state, _)| !self.part.is_joint(state / 2));
        let nodes: Vec<(u32, Link)> = steps
            .into_iter()
            .map(|(state, link)| (self.part.names[state as usize / 2], link))
            .collect();
        simple(nodes)
    }
}

/// Which cycles are looked for.
#[derive(Clone, Copy)]
struct Rule {
    start: u32,
    level: Order,
    shape: Shape,
}

impl Rule {
    /// The flag after a link; none if the shape forbids it. At the beginning there is no flag yet.
    fn after(self, flag: Option<u32>, link: Link) -> Option<u32> {
        let missed = link == Link::Rw;
        match self.shape {
            Shape::GSingle => (flag.is_none() == missed).then_some(1),
            Shape::GNonadjacent => (!missed || flag == Some(0)).then_some(u32::from(missed)),
            _ => Some(0),
        }
    }
}

/// A closed walk may pass a transaction twice; what lies between is a cycle by itself.
fn simple(walk: Cycle) -> Cycle {
    let mut seen = rustc_hash::FxHashMap::default();
    for (at, &(transaction, _)) in walk.iter().enumerate() {
        if let Some(before) = seen.insert(transaction, at) {
            return walk[before..at].to_vec();
        }
    }
    walk
}
