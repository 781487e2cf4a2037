//! Which operations are pending at a return event; moves both ways, so that backtracking costs no copies.

use super::bits::Bits;
use super::plan::{Plan, Prepared};
use crate::spec::Role;

pub(super) struct Cursor<'a, O, B> {
    plan: &'a Plan<O>,
    /// The return event, as a place in `plan.returns`.
    at: usize,
    /// Entries invoked so far.
    invoked: usize,
    /// Expiries passed so far.
    expired: usize,
    /// Who has a slot.
    holder: Vec<u32>,
    /// Slots of pending operations.
    pub pending: B,
    /// Those of them that are pure.
    pub pure: B,
    /// Those of them that are blind.
    pub blind: B,
    /// Unknown operations that are invoked and still of use.
    pub live: B,
}

impl<'a, O: Clone + Eq + std::hash::Hash, B: Bits> Cursor<'a, O, B> {
    /// At the first return event.
    pub(super) fn new(plan: &'a Plan<O>) -> Self {
        let empty = || B::empty(plan.width());
        let mut cursor = Cursor {
            plan,
            at: 0,
            invoked: 0,
            expired: 0,
            holder: vec![u32::MAX; plan.slots],
            pending: empty(),
            pure: empty(),
            blind: empty(),
            live: empty(),
        };
        cursor.invoke_until(plan.horizon(0));
        cursor
    }

    /// The number of return events passed.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The entry that returns here; none at the end.
    pub(super) fn returning(&self) -> Option<u32> {
        self.plan.returns.get(self.at).copied()
    }

    /// The entry that has this slot.
    pub(super) fn holder(&self, slot: usize) -> u32 {
        self.holder[slot]
    }

    /// Passes the return event. Entries invoked before the next one become pending: gives their range.
    pub(super) fn forward(&mut self) -> std::ops::Range<usize> {
        let slot = self.entry(self.plan.returns[self.at]).slot as usize;
        self.mark(slot, None);
        self.at += 1;
        let before = self.invoked;
        self.invoke_until(self.plan.horizon(self.at));
        before..self.invoked
    }

    /// Moves to a return event that lies ahead.
    pub(super) fn forward_to(&mut self, at: usize) {
        while self.at < at {
            self.forward();
        }
    }

    /// Moves to a return event that lies before.
    pub(super) fn back_to(&mut self, at: usize) {
        while self.at > at {
            self.back();
        }
    }

    fn back(&mut self) {
        self.at -= 1;
        let horizon = self.plan.horizon(self.at);
        while self.expired > 0 && self.plan.expiries[self.expired - 1].0 >= horizon {
            self.expired -= 1;
            self.live.insert(self.plan.expiries[self.expired].1 as usize);
        }
        while self.invoked > 0 && self.plan.entries[self.invoked - 1].inv >= horizon {
            self.invoked -= 1;
            let entry = &self.plan.entries[self.invoked];
            let slot = entry.slot as usize;
            if entry.is_open() {
                self.live.remove(slot);
            } else {
                self.holder[slot] = entry.previous;
                self.mark(slot, None);
            }
        }
        let returning = self.plan.returns[self.at];
        let entry = self.entry(returning);
        self.mark(entry.slot as usize, Some(entry.role));
    }

    fn invoke_until(&mut self, horizon: u32) {
        while let Some(entry) = self.plan.entries.get(self.invoked)
            && entry.inv < horizon
        {
            if entry.is_open() {
                self.live.insert(entry.slot as usize);
            } else {
                self.holder[entry.slot as usize] = self.invoked as u32;
                self.mark(entry.slot as usize, Some(entry.role));
            }
            self.invoked += 1;
        }
        while let Some(&(position, bit)) = self.plan.expiries.get(self.expired)
            && position < horizon
        {
            self.live.remove(bit as usize);
            self.expired += 1;
        }
    }

    fn entry(&self, at: u32) -> &'a Prepared<O> {
        &self.plan.entries[at as usize]
    }

    fn mark(&mut self, slot: usize, role: Option<Role>) {
        let sets = [
            (&mut self.pending, role.is_some()),
            (&mut self.pure, role == Some(Role::Pure)),
            (&mut self.blind, role == Some(Role::Blind)),
        ];
        for (set, member) in sets {
            if member {
                set.insert(slot)
            } else {
                set.remove(slot)
            }
        }
    }
}
