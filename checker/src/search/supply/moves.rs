//! The moves from one configuration to the next.

use std::rc::Rc;

use super::super::bits::Bits;
use super::super::trail::Trail;
use super::super::witness::Linearized;
use super::configuration::Configuration;
use super::field::Field;
use super::{APPENDED, CHAINS, INSERTED, NONE, SLOT};
use crate::budget::{Meter, Stop};
use crate::spec::register::Action;

/// Cas that lead to a value, from where they start.
#[derive(Clone)]
struct Chain {
    start: u32,
    swaps: Vec<u32>,
}

/// A configuration in the making.
#[derive(Clone)]
struct Draft<B> {
    next: Configuration<B>,
    path: Vec<Linearized>,
}

/// Makes moves.
pub(super) struct Moves<'a, 'f, O, B> {
    pub field: &'f Field<'a, O, B>,
    /// Whether writes of unknown outcome may happen as often as one likes.
    pub unlimited: bool,
    pub trail: &'f mut Trail,
    pub out: &'f mut Vec<Configuration<B>>,
    /// Whether there were moves that were not made.
    pub lost: bool,
}

impl<O: Clone + Eq + std::hash::Hash, B: Bits> Moves<'_, '_, O, B> {
    /// All configurations after this one in which the entry that returns is linearized.
    pub(super) fn all(
        &mut self,
        from: &Configuration<B>,
        returning: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let field = self.field;
        let slot = field.plan.entries[returning as usize].slot as usize;
        if from.done.has(slot) {
            self.trail.hold(from.trail);
            let mut next = from.clone();
            next.done.remove(slot);
            self.out.push(next);
            return Ok(());
        }
        let before = self.out.len();
        match field.actions[returning as usize] {
            Action::Write(value) => {
                self.set(from, returning, &[], meter)?;
                if from.state != value && self.fits(from, returning) {
                    self.insert(from, returning, &[], meter)?;
                }
            }
            Action::Read(value) | Action::Differs(value) => {
                self.arrive(from, value, returning, None, meter)?
            }
            Action::Cas(old, _) => self.arrive(from, old, returning, Some(returning), meter)?,
        }
        for next in &mut self.out[before..] {
            next.done.remove(slot);
        }
        Ok(())
    }

    /// Whether the entry could take place before the last visible write.
    fn fits(&self, from: &Configuration<B>, at: u32) -> bool {
        from.state != NONE && at < from.slot
    }

    /// All ways to a value, and on by a cas.
    fn arrive(
        &mut self,
        from: &Configuration<B>,
        value: u32,
        returning: u32,
        last: Option<u32>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let now = self.field.now;
        for mut chain in self.chains_into(from, value, now, returning) {
            chain.swaps.extend(last);
            if chain.start == from.state && !chain.swaps.is_empty() {
                self.go_on(from, &chain.swaps, meter)?;
            }
            if let Some(write) = self.write_of(from, chain.start, now) {
                self.set(from, write, &chain.swaps, meter)?;
            }
        }
        if !self.fits(from, returning) {
            return Ok(());
        }
        for mut chain in self.chains_into(from, value, from.slot, returning) {
            chain.swaps.extend(last);
            if let Some(write) = self.write_of(from, chain.start, from.slot) {
                self.insert(from, write, &chain.swaps, meter)?;
            }
        }
        Ok(())
    }

    /// From the state on by cas.
    fn go_on(&mut self, from: &Configuration<B>, swaps: &[u32], meter: &mut Meter<'_>) -> Result<(), Stop> {
        let mut draft = Draft::of(from);
        self.follow(&mut draft, swaps, self.field.now, APPENDED);
        draft.next.since = self.field.now;
        self.finish(draft, from.trail, meter)
    }

    /// A visible write now, and on by cas; before it the state may be left by others.
    fn set(
        &mut self,
        from: &Configuration<B>,
        write: u32,
        swaps: &[u32],
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let now = self.field.now;
        for before in self.chains_from(from, from.state, now, swaps) {
            let mut draft = Draft::of(from);
            self.follow(&mut draft, &before, now, APPENDED);
            self.take(&mut draft, write, now, SLOT);
            self.follow(&mut draft, swaps, now, APPENDED);
            (draft.next.slot, draft.next.since) = (now, now);
            self.finish(draft, from.trail, meter)?;
        }
        Ok(())
    }

    /// A write right before the last visible one, and on by cas.
    fn insert(
        &mut self,
        from: &Configuration<B>,
        write: u32,
        swaps: &[u32],
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let slot = from.slot;
        let mut draft = Draft::of(from);
        self.take(&mut draft, write, slot, INSERTED);
        self.follow(&mut draft, swaps, slot, INSERTED);
        let end = draft.next.state;
        draft.next.state = from.state;
        for after in self.chains_from(&draft.next, end, slot, &[]) {
            let mut longer = draft.clone();
            self.follow(&mut longer, &after, slot, INSERTED);
            longer.next.state = from.state;
            self.finish(longer, from.trail, meter)?;
        }
        Ok(())
    }

    fn finish(&mut self, draft: Draft<B>, from: u32, meter: &mut Meter<'_>) -> Result<(), Stop> {
        meter.step()?;
        let Draft { mut next, path } = draft;
        next.trail = self.trail.extend(from, &path, meter)?;
        self.out.push(next);
        Ok(())
    }

    fn follow(&self, draft: &mut Draft<B>, swaps: &[u32], until: u32, place: u32) {
        swaps
            .iter()
            .for_each(|&swap| self.take(draft, swap, until, place));
    }

    /// An operation happens, and the reads of what it leaves.
    fn take(&self, draft: &mut Draft<B>, at: u32, until: u32, place: u32) {
        let field = self.field;
        let entry = &field.plan.entries[at as usize];
        let next = &mut draft.next;
        draft.path.push(Linearized {
            entry: at,
            choice: place,
            at: field.at as u32,
        });
        let (Action::Read(value) | Action::Differs(value) | Action::Write(value) | Action::Cas(_, value)) =
            field.actions[at as usize];
        match field.actions[at as usize] {
            _ if !entry.is_open() => next.done.insert(entry.slot as usize),
            Action::Cas(..) => next.swaps.insert(field.bit(at)),
            _ if self.unlimited => {}
            _ => {
                let counter = field.counter[value as usize] as usize;
                Rc::make_mut(&mut next.used)[counter] += 1;
                next.total += 1;
            }
        }
        next.state = value;
        let place = if place == SLOT { APPENDED } else { place };
        for &read in field.reads[value as usize].iter().filter(|&&read| read < until) {
            see(field, draft, read, place);
        }
    }

    /// A write of the value that is pending at a moment, if there is one: the one that returns first, an unknown one last. Any
    /// other could take its part later.
    fn write_of(&self, from: &Configuration<B>, value: u32, until: u32) -> Option<u32> {
        let field = self.field;
        let known = field.writes[value as usize].iter().copied();
        let known =
            known.filter(|&at| at < until && !from.done.has(field.plan.entries[at as usize].slot as usize));
        let first = known.min_by_key(|&at| field.plan.entries[at as usize].ret);
        first.or_else(|| {
            let counter = field.counter[value as usize];
            let used = match self.unlimited || counter == NONE {
                true => 0,
                false => from.used[counter as usize],
            };
            let next = field.unknown[value as usize].get(used as usize).copied();
            next.filter(|&at| at < until)
        })
    }

    fn is_left(&self, from: &Configuration<B>, swap: u32) -> bool {
        let entry = &self.field.plan.entries[swap as usize];
        match entry.is_open() {
            true => !from.swaps.has(self.field.bit(swap)),
            false => !from.done.has(entry.slot as usize),
        }
    }

    /// Of those cas that can happen at a moment, one of each two values: the one that returns first, else the one invoked last.
    fn swaps<'s>(
        &'s self,
        from: &'s Configuration<B>,
        among: &'s [u32],
        until: u32,
        not: &'s [u32],
    ) -> impl Iterator<Item = u32> + 's {
        let can = move |&swap: &u32| swap < until && !not.contains(&swap) && self.is_left(from, swap);
        let rank = |swap: u32| {
            (
                self.field.plan.entries[swap as usize].ret,
                std::cmp::Reverse(swap),
            )
        };
        among.iter().copied().filter(can).filter(move |&swap| {
            let alike =
                |other: &u32| self.field.actions[*other as usize] == self.field.actions[swap as usize];
            let mut others = among.iter().copied().filter(can).filter(alike);
            others.all(|other| rank(other) >= rank(swap))
        })
    }

    /// All chains of cas that end in a value, with the empty one.
    fn chains_into(&mut self, from: &Configuration<B>, value: u32, until: u32, returning: u32) -> Vec<Chain> {
        let mut chains = vec![Chain {
            start: value,
            swaps: Vec::new(),
        }];
        let mut at = 0;
        while at < chains.len() {
            let Chain { start, swaps } = chains[at].clone();
            at += 1;
            let mut not = swaps.clone();
            not.push(returning);
            for swap in self.swaps(from, &self.field.into[start as usize], until, &not) {
                let Action::Cas(old, _) = self.field.actions[swap as usize] else {
                    continue;
                };
                chains.push(Chain {
                    start: old,
                    swaps: std::iter::once(swap).chain(swaps.iter().copied()).collect(),
                });
            }
            if chains.len() > CHAINS {
                self.lost = true;
                break;
            }
        }
        chains
    }

    /// All chains of cas that start from a value and are of some use, with the empty one.
    fn chains_from(&mut self, from: &Configuration<B>, value: u32, until: u32, not: &[u32]) -> Vec<Vec<u32>> {
        let mut chains = vec![Vec::new()];
        if value == NONE || self.field.from[value as usize].is_empty() {
            return chains;
        }
        let mut at = 0;
        while at < chains.len() {
            let chain = chains[at].clone();
            at += 1;
            let end = chain.last().map_or(value, |&swap| self.leaves(swap));
            let not: Vec<u32> = not.iter().chain(&chain).copied().collect();
            let swaps: Vec<u32> = self
                .swaps(from, &self.field.from[end as usize], until, &not)
                .collect();
            for swap in swaps {
                chains.push(chain.iter().copied().chain([swap]).collect());
            }
            if chains.len() > CHAINS {
                self.lost = true;
                break;
            }
        }
        chains.retain(|chain| chain.last().is_none_or(|&swap| self.is_of_use(from, swap, until)));
        chains
    }

    fn leaves(&self, swap: u32) -> u32 {
        match self.field.actions[swap as usize] {
            Action::Cas(_, new) => new,
            _ => NONE,
        }
    }

    /// Whether a chain may end with this cas: it has to happen, or somebody waits for what it leaves.
    fn is_of_use(&self, from: &Configuration<B>, swap: u32, until: u32) -> bool {
        let entry = |at: u32| &self.field.plan.entries[at as usize];
        let mut waiting = self.field.reads[self.leaves(swap) as usize].iter();
        !entry(swap).is_open()
            || waiting.any(|&read| read < until && !from.done.has(entry(read).slot as usize))
    }
}

/// A read happens, unless it has.
fn see<O, B: Bits>(field: &Field<'_, O, B>, draft: &mut Draft<B>, read: u32, place: u32) {
    let slot = field.plan.entries[read as usize].slot as usize;
    if !draft.next.done.has(slot) {
        draft.next.done.insert(slot);
        draft.path.push(Linearized {
            entry: read,
            choice: place,
            at: field.at as u32,
        });
    }
}

impl<B: Bits> Draft<B> {
    fn of(from: &Configuration<B>) -> Self {
        Draft {
            next: from.clone(),
            path: Vec::new(),
        }
    }
}
