//! Where something stands in the journals, and who is meant.

use std::fmt;

use histories::{Incarnation, NodeName};

/// A node by its place in the list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeNumber(pub(super) u8);

/// A line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) node: NodeNumber,
    pub(super) incarnation: u32,
    pub(super) line: u32,
}

impl Place {
    pub(super) fn new(node: NodeNumber, incarnation: Incarnation, line: u64) -> Self {
        Place {
            node,
            incarnation: incarnation.0.min(u64::from(u32::MAX)) as u32,
            line: line.min(u64::from(u32::MAX)) as u32,
        }
    }
}

/// A set of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeSet(u32);

impl NodeSet {
    /// So many nodes it can hold.
    pub(super) const MOST: usize = 32;

    pub(super) fn add(&mut self, node: NodeNumber) {
        self.0 |= 1 << node.0;
    }

    pub(super) fn add_all(&mut self, other: NodeSet) {
        self.0 |= other.0;
    }

    pub(super) fn has(self, node: NodeNumber) -> bool {
        self.0 & 1 << node.0 != 0
    }

    pub(super) fn and(self, other: NodeSet) -> NodeSet {
        NodeSet(self.0 & other.0)
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn majority(self) -> usize {
        self.len() / 2 + 1
    }
}

/// The nodes' names.
#[derive(Debug)]
pub(super) struct Names(pub(super) Vec<NodeName>);

impl Names {
    pub(super) fn find(&self, name: &str) -> Option<NodeNumber> {
        let at = self.0.iter().position(|node| node.as_str() == name)?;
        Some(NodeNumber(at as u8))
    }

    pub(super) fn of(&self, node: NodeNumber) -> &str {
        self.0[usize::from(node.0)].as_str()
    }

    /// `n1/journal-2.jsonl:17`.
    pub(super) fn line(&self, at: Place) -> impl fmt::Display + '_ {
        let node = self.of(at.node);
        fmt::from_fn(move |f| write!(f, "{node}/journal-{}.jsonl:{}", at.incarnation, at.line))
    }

    /// `n1, n2`; `nobody` if it is empty.
    pub(super) fn list(&self, set: NodeSet) -> String {
        let all = (0..self.0.len() as u8).map(NodeNumber);
        let names: Vec<&str> = all
            .filter(|node| set.has(*node))
            .map(|node| self.of(node))
            .collect();
        match names.is_empty() {
            true => "nobody".to_owned(),
            false => names.join(", "),
        }
    }
}
