//! The configurations that need not be looked at again: the table that grows with a hard search.
//!
//! A large hash table that doubles stops the world for seconds and holds three times its size meanwhile. So
//! beyond a size the table is many small ones, which grow one at a time between two looks at the budget.

use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::bits::Bits;
use crate::budget::{Meter, Stop};

/// Places in one table before it is split.
const WHOLE: usize = 1 << 15;

/// Tables after that.
const SHARDS: usize = 1 << 10;

/// The part of a configuration that must be equal.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Place<S, B> {
    pub at: u32,
    pub done: B,
    pub state: S,
}

/// The part of a configuration that need only be no better.
pub(super) struct Failed<B> {
    pub used: B,
    pub absorbed: B,
    pub fresh: bool,
}

impl<B: Bits> Failed<B> {
    /// Whether whatever can be done from `other` could have been done from here (rule D).
    fn covers(&self, other: &Failed<B>) -> bool {
        self.used.is_subset(&other.used)
            && other.absorbed.is_subset(&self.absorbed)
            && self.fresh <= other.fresh
    }
}

/// What failed at one place, none better than another; one is so common that it needs no allocation.
struct Failures<B> {
    first: Failed<B>,
    more: Vec<Failed<B>>,
}

impl<B: Bits> Failures<B> {
    /// The bytes that more are held for it; `heap` is what one holds by itself.
    fn add(&mut self, failed: Failed<B>, heap: usize) -> usize {
        let before = self.bytes(heap);
        self.more.retain(|other| !failed.covers(other));
        if failed.covers(&self.first) {
            self.first = failed;
        } else {
            self.more.push(failed);
        }
        self.bytes(heap).saturating_sub(before)
    }

    fn bytes(&self, heap: usize) -> usize {
        self.more.capacity() * (size_of::<Failed<B>>() + 2 * heap)
    }
}

type Shard<S, B> = FxHashMap<Place<S, B>, Failures<B>>;

/// All that failed.
pub(super) struct Seen<S, B> {
    /// One table, or [`SHARDS`].
    shards: Vec<Shard<S, B>>,
}

impl<S: Hash + Eq, B: Bits> Seen<S, B> {
    pub(super) fn new() -> Self {
        Seen {
            shards: vec![Shard::default()],
        }
    }

    /// Forgets everything, and keeps its room.
    pub(super) fn clear(&mut self) {
        self.shards.iter_mut().for_each(FxHashMap::clear);
    }

    /// Whether there is room for no more than so many places.
    pub(super) fn is_small(&self, places: usize) -> bool {
        self.shards.len() == 1 && self.shards[0].capacity() <= 2 * places
    }

    /// Whether something failed from which as much could be done.
    pub(super) fn cover(&self, place: &Place<S, B>, rest: &Failed<B>) -> bool {
        let known = self.shards[self.shard(place)].get(place);
        known.is_some_and(|known| known.first.covers(rest) || known.more.iter().any(|one| one.covers(rest)))
    }

    /// Remembers a failure.
    pub(super) fn add(
        &mut self,
        place: Place<S, B>,
        rest: Failed<B>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let heap = place.done.heap_bytes();
        let at = self.shard(&place);
        let shard = &mut self.shards[at];
        if shard.len() == shard.capacity() {
            // Accounted before it is held; hash tables hold an eighth more than they offer, and double.
            let more = shard.capacity().max(4) * 9 / 8;
            meter.grow(more * (size_of::<(Place<S, B>, Failures<B>)>() + 1))?;
        }
        match shard.entry(place) {
            Entry::Occupied(mut others) => {
                let more = others.get_mut().add(rest, heap);
                if more > 0 {
                    meter.grow(more)?;
                }
            }
            Entry::Vacant(new) => {
                if heap > 0 {
                    meter.grow(3 * heap + 48)?;
                }
                new.insert(Failures {
                    first: rest,
                    more: Vec::new(),
                });
            }
        }
        if self.shards.len() == 1 && self.shards[0].len() >= WHOLE {
            self.split();
        }
        Ok(())
    }

    /// The high bits choose the shard: a table uses the highest seven and the lowest ones.
    fn shard(&self, place: &Place<S, B>) -> usize {
        match self.shards.len() {
            1 => 0,
            _ => (FxBuildHasher.hash_one(place) >> 40) as usize % SHARDS,
        }
    }

    fn split(&mut self) {
        let whole = std::mem::take(&mut self.shards[0]);
        self.shards.resize_with(SHARDS, Shard::default);
        for (place, failures) in whole {
            let at = self.shard(&place);
            self.shards[at].insert(place, failures);
        }
    }
}
