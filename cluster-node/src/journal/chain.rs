//! The chained hash of the log: equal at an index means equal logs up to it.

use crate::raft::types::{Entry, LogIndex};

/// The chained hash at every index of a log.
#[derive(Clone, Debug, Default)]
pub struct Chain(Vec<u64>);

impl Chain {
    /// That of a log.
    pub fn of(entries: &[Entry]) -> Self {
        let mut chain = Chain::default();
        for entry in entries {
            chain.push(entry.hash());
        }
        chain
    }

    /// The hash at an index; 0 before the first entry and behind the last one.
    pub fn at(&self, index: LogIndex) -> u64 {
        let at = index.0.checked_sub(1).and_then(|at| self.0.get(at as usize));
        at.copied().unwrap_or_default()
    }

    pub(super) fn last(&self) -> LogIndex {
        LogIndex(self.0.len() as u64)
    }

    /// The hash with one more entry, of this hash.
    pub(super) fn push(&mut self, entry: u64) -> u64 {
        let chained = link(self.at(self.last()), entry);
        self.0.push(chained);
        chained
    }

    pub(super) fn truncate(&mut self, from: LogIndex) {
        self.0.truncate(from.previous().0 as usize);
    }
}

/// `H` of docs/journal.md.
pub fn link(before: u64, entry: u64) -> u64 {
    mix(before.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(entry))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}
