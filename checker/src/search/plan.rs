//! What the search needs to know of a history before it starts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::spec::{Entry, Role, Spec};

/// So many operations get a table for their classes at once.
const SMALL: usize = 32;

/// One operation, prepared.
pub(super) struct Prepared<O> {
    pub op: O,
    pub inv: u32,
    pub ret: u32,
    pub id: u32,
    pub role: Role,
    /// Operations of one class are alike (rule Y).
    pub class: u32,
    /// The value that it observes, if any.
    pub observes: Option<u32>,
    /// Its bit: among the pending operations, or among the unknown ones.
    pub slot: u32,
    /// Who had this slot before, as a place in `entries`.
    pub previous: u32,
}

impl<O> Prepared<O> {
    pub(super) fn is_open(&self) -> bool {
        self.ret == OPEN
    }
}

/// The prepared history.
pub(super) struct Plan<O> {
    /// In the order of invocations.
    pub entries: Vec<Prepared<O>>,
    /// Completed operations in the order of their completions.
    pub returns: Vec<u32>,
    /// Unknown operations, by their bit.
    pub open: Vec<u32>,
    /// When an unknown operation stops to be of use, and its bit; ascending.
    pub expiries: Vec<(u32, u32)>,
    /// By value: the last invocation of an observer.
    pub observed_inv: Vec<u32>,
    /// By value: the last completion of an observer.
    pub observed_ret: Vec<u32>,
    pub slots: usize,
    pub classes: usize,
}

impl<O: Clone + Eq + std::hash::Hash> Plan<O> {
    pub(super) fn build<S: Spec<Op = O>>(
        spec: &S,
        all: &[Entry<O>],
        meter: &mut Meter<'_>,
    ) -> Result<Self, Stop> {
        let kept: Vec<&Entry<O>> = useful(spec, all, meter)?
            .into_iter()
            .map(|at| &all[at as usize])
            .collect();
        meter.grow(kept.len() * (size_of::<Prepared<O>>() + 48) + spec.values() * 8)?;
        let mut plan = Plan {
            entries: Vec::with_capacity(kept.len()),
            returns: Vec::new(),
            open: Vec::new(),
            expiries: Vec::new(),
            observed_inv: vec![0; spec.values()],
            observed_ret: vec![0; spec.values()],
            slots: 0,
            classes: 0,
        };
        plan.prepare(spec, &kept, meter)?;
        plan.give_slots(meter)?;
        plan.find_expiries(spec);
        Ok(plan)
    }

    /// The bits that a configuration needs.
    pub(super) fn width(&self) -> usize {
        self.slots.max(self.open.len())
    }

    /// Before which position an operation must have been invoked to be pending at this return.
    pub(super) fn horizon(&self, at: usize) -> u32 {
        self.returns
            .get(at)
            .map_or(OPEN, |&entry| self.entries[entry as usize].ret)
    }

    fn prepare<S: Spec<Op = O>>(
        &mut self,
        spec: &S,
        kept: &[&Entry<O>],
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let mut classes: FxHashMap<&O, u32> = FxHashMap::default();
        // Most proofs are as small, and need not grow.
        classes.reserve(kept.len().min(SMALL));
        self.returns.reserve(kept.len());
        for entry in kept {
            meter.tick()?;
            let fresh = classes.len() as u32;
            let class = *classes.entry(&entry.op).or_insert(fresh);
            let observes = spec.observes(&entry.op);
            if let Some(value) = observes {
                let value = value as usize;
                self.observed_inv[value] = self.observed_inv[value].max(entry.inv);
                self.observed_ret[value] = self.observed_ret[value].max(entry.ret);
            }
            let at = self.entries.len() as u32;
            if entry.ret == OPEN {
                self.open.push(at)
            } else {
                self.returns.push(at)
            }
            self.entries.push(Prepared {
                op: entry.op.clone(),
                inv: entry.inv,
                ret: entry.ret,
                id: entry.id,
                role: spec.role(&entry.op),
                class,
                observes,
                slot: self.open.len().wrapping_sub(1) as u32,
                previous: u32::MAX,
            });
        }
        self.classes = classes.len();
        let entries = &self.entries;
        self.returns.sort_unstable_by_key(|&at| entries[at as usize].ret);
        Ok(())
    }

    /// Operations that are pending at the same time have different slots.
    fn give_slots(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let mut holder: Vec<u32> = Vec::new();
        let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
        let mut returned = self.returns.iter().peekable();
        for at in 0..self.entries.len() {
            meter.tick()?;
            if self.entries[at].is_open() {
                continue;
            }
            let inv = self.entries[at].inv;
            while let Some(&&first) = returned.peek()
                && self.entries[first as usize].ret < inv
            {
                free.push(Reverse(self.entries[first as usize].slot));
                returned.next();
            }
            let slot = free.pop().map_or(holder.len() as u32, |Reverse(slot)| slot);
            if slot as usize == holder.len() {
                holder.push(u32::MAX);
            }
            let previous = std::mem::replace(&mut holder[slot as usize], at as u32);
            let entry = &mut self.entries[at];
            (entry.slot, entry.previous) = (slot, previous);
        }
        self.slots = holder.len();
        Ok(())
    }

    /// An unknown write is of no use any more when the last observer of its value has returned.
    fn find_expiries<S: Spec<Op = O>>(&mut self, spec: &S) {
        if spec.sees_absence() {
            return;
        }
        for (bit, &at) in self.open.iter().enumerate() {
            let entry = &self.entries[at as usize];
            if let Some(value) = spec.writes(&entry.op) {
                self.expiries
                    .push((self.observed_ret[value as usize].max(entry.inv), bit as u32));
            }
        }
        self.expiries.sort_unstable();
    }
}

/// The places of everything but the unknown operations that nobody observes, directly or through others.
pub(crate) fn useful<S: Spec>(
    spec: &S,
    all: &[Entry<S::Op>],
    meter: &mut Meter<'_>,
) -> Result<Vec<u32>, Stop> {
    meter.grow(all.len() * 8 + spec.values())?;
    if all.iter().all(|entry| entry.ret != OPEN) {
        return Ok((0..all.len() as u32).collect());
    }
    let mut observed = vec![spec.sees_absence(); spec.values()];
    let mut by_value: FxHashMap<u32, Vec<&S::Op>> = FxHashMap::default();
    let mut news: Vec<u32> = Vec::new();
    for entry in all {
        meter.tick()?;
        if entry.ret != OPEN {
            news.extend(spec.observes(&entry.op));
        } else if let Some(value) = spec.writes(&entry.op) {
            by_value.entry(value).or_default().push(&entry.op);
        }
    }
    while let Some(value) = news.pop() {
        if !std::mem::replace(&mut observed[value as usize], true) {
            let writers = by_value.get(&value).into_iter().flatten();
            news.extend(writers.filter_map(|op| spec.observes(op)));
        }
    }
    let useful = |entry: &Entry<S::Op>| {
        entry.ret != OPEN
            || spec.role(&entry.op) != Role::Pure
                && spec
                    .writes(&entry.op)
                    .is_none_or(|value| observed[value as usize])
    };
    let mut kept = Vec::with_capacity(all.len());
    for (at, entry) in all.iter().enumerate() {
        meter.tick()?;
        if useful(entry) {
            kept.push(at as u32);
        }
    }
    Ok(kept)
}
