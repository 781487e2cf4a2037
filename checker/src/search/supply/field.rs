//! What a history says before anybody chooses, and what is pending at a return event.

use super::super::bits::Bits;
use super::super::plan::Plan;
use super::NONE;
use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::spec::Spec;
use crate::spec::register::Action;

/// The least completion of some operations, and what they need or leave; and the least of those of another value.
type Ends = [(u32, u32); 2];

/// A moment is told by how many entries were invoked before it, so that an entry is pending or over at a moment if its place is
/// less.
pub(super) struct Field<'a, O, B> {
    pub plan: &'a Plan<O>,
    pub actions: Vec<Action<u32>>,
    /// By value: who looks at it, ascending.
    observers: Vec<Vec<u32>>,
    /// By entry: of it and all later ones, the first completions.
    ends: Vec<Ends>,
    /// By value: its writes of unknown outcome, ascending.
    pub unknown: Vec<Vec<u32>>,
    /// By value: the place of its counter, if it has such writes.
    pub counter: Vec<u32>,
    pub counters: usize,
    /// By entry: the bit of a cas of unknown outcome.
    bits: Vec<u32>,
    /// The return event, as a place in `plan.returns`.
    pub at: usize,
    /// Entries invoked so far: now.
    pub now: u32,
    holder: Vec<u32>,
    /// By value: pending reads of it, pending writes of it, cas that leave it and cas that find it; unknown cas stay.
    pub reads: Vec<Vec<u32>>,
    pub writes: Vec<Vec<u32>>,
    pub into: Vec<Vec<u32>>,
    pub from: Vec<Vec<u32>>,
    /// Slots of pending reads, writes, and cas.
    pub is_read: B,
    pub is_write: B,
    pub is_cas: B,
}

impl<'a, O: Clone + Eq + std::hash::Hash, B: Bits> Field<'a, O, B> {
    /// At the first return event; none if an operation does something else than to read, write, and compare and set.
    pub(super) fn new<S: Spec<Op = O>>(
        spec: &S,
        plan: &'a Plan<O>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<Self>, Stop> {
        let (values, many) = (spec.values(), plan.entries.len());
        meter.grow(values * 7 * size_of::<Vec<u32>>() + many * 60)?;
        let actions = plan.entries.iter().map(|entry| spec.action(&entry.op));
        let Some(actions) = actions.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let lists = || vec![Vec::new(); values];
        let width = width(plan, &actions);
        let empty = || B::empty(width);
        let mut field = Field {
            plan,
            actions,
            observers: lists(),
            ends: vec![[(OPEN, NONE); 2]; many + 1],
            unknown: lists(),
            counter: vec![NONE; values],
            counters: 0,
            bits: vec![NONE; many],
            at: 0,
            now: 0,
            holder: vec![NONE; plan.slots],
            reads: lists(),
            writes: lists(),
            into: lists(),
            from: lists(),
            is_read: empty(),
            is_write: empty(),
            is_cas: empty(),
        };
        field.prepare();
        Ok(Some(field))
    }

    fn prepare(&mut self) {
        let mut bit = 0;
        for (at, action) in self.actions.iter().enumerate() {
            let open = self.plan.entries[at].is_open();
            match *action {
                Action::Read(value) | Action::Differs(value) => {
                    self.observers[value as usize].push(at as u32);
                }
                Action::Cas(old, _) => {
                    self.observers[old as usize].push(at as u32);
                    if open {
                        (self.bits[at], bit) = (bit, bit + 1);
                    }
                }
                Action::Write(value) if open => {
                    self.unknown[value as usize].push(at as u32);
                    let counter = &mut self.counter[value as usize];
                    if *counter == NONE {
                        (*counter, self.counters) = (self.counters as u32, self.counters + 1);
                    }
                }
                Action::Write(_) => {}
            }
        }
        for (at, action) in self.actions.iter().enumerate().rev() {
            let (Action::Read(value) | Action::Write(value) | Action::Cas(value, _) | Action::Differs(value)) =
                *action;
            self.ends[at] = with(self.ends[at + 1], (self.plan.entries[at].ret, value));
        }
    }

    /// The entry that returns here; none at the end.
    pub(super) fn returning(&self) -> Option<u32> {
        self.plan.returns.get(self.at).copied()
    }

    /// Back to the beginning.
    pub(super) fn restart(&mut self) {
        (self.at, self.now) = (0, 0);
        for lists in [&mut self.reads, &mut self.writes, &mut self.into, &mut self.from] {
            lists.iter_mut().for_each(Vec::clear);
        }
        let slots: Vec<usize> = (0..self.plan.slots).collect();
        for set in [&mut self.is_read, &mut self.is_write, &mut self.is_cas] {
            slots.iter().for_each(|&slot| set.remove(slot));
        }
    }

    /// Everything that is invoked before the next completion becomes pending: gives the range.
    pub(super) fn invoke(&mut self) -> std::ops::Range<u32> {
        let before = self.now;
        let horizon = self.plan.horizon(self.at);
        while let Some(entry) = self.plan.entries.get(self.now as usize)
            && entry.inv < horizon
        {
            let slot = entry.slot as usize;
            let (at, open) = (self.now, entry.is_open());
            if !open {
                self.holder[slot] = at;
            }
            match self.actions[at as usize] {
                Action::Read(value) | Action::Differs(value) => {
                    self.reads[value as usize].push(at);
                    self.is_read.insert(slot);
                }
                Action::Write(value) if !open => {
                    self.writes[value as usize].push(at);
                    self.is_write.insert(slot);
                }
                Action::Write(_) => {}
                Action::Cas(old, new) => {
                    self.into[new as usize].push(at);
                    self.from[old as usize].push(at);
                    if !open {
                        self.is_cas.insert(slot);
                    }
                }
            }
            self.now += 1;
        }
        before..self.now
    }

    /// Passes the return event.
    pub(super) fn pass(&mut self) {
        let Some(at) = self.returning() else { return };
        let slot = self.plan.entries[at as usize].slot as usize;
        let forget = |list: &mut Vec<u32>| list.retain(|&other| other != at);
        match self.actions[at as usize] {
            Action::Read(value) | Action::Differs(value) => forget(&mut self.reads[value as usize]),
            Action::Write(value) => forget(&mut self.writes[value as usize]),
            Action::Cas(old, new) => {
                forget(&mut self.into[new as usize]);
                forget(&mut self.from[old as usize]);
            }
        }
        for set in [&mut self.is_read, &mut self.is_write, &mut self.is_cas] {
            set.remove(slot);
        }
        self.at += 1;
    }

    /// The pending entries that are not among these slots, the one that returns first in front.
    pub(super) fn waiting(&self, done: &B) -> Vec<u32> {
        let mut pending = self.is_read.clone();
        pending.add_all(&self.is_write);
        pending.add_all(&self.is_cas);
        let waiting = pending.without(done);
        let mut waiting: Vec<u32> = waiting.ones().map(|slot| self.holder[slot]).collect();
        waiting.sort_unstable_by_key(|&at| self.plan.entries[at as usize].ret);
        waiting
    }

    /// The bit of a cas of unknown outcome.
    pub(super) fn bit(&self, at: u32) -> usize {
        self.bits[at as usize] as usize
    }

    /// Whether it may pay that the state stays `value`, which it is since a moment: whether somebody who looks at it will be
    /// invoked before an operation that needs another one has come and gone meanwhile.
    pub(super) fn is_needed(&self, value: u32, since: u32) -> bool {
        let observers = &self.observers[value as usize];
        let next = observers.partition_point(|&at| at < self.now);
        let Some(&next) = observers.get(next) else {
            return false;
        };
        let [first, second] = self.ends[since as usize];
        let end = if first.1 == value { second.0 } else { first.0 };
        self.plan.entries[next as usize].inv < end
    }
}

/// The bits that a configuration needs.
pub(super) fn width<O>(plan: &Plan<O>, actions: &[Action<u32>]) -> usize {
    let unknown = plan
        .open
        .iter()
        .filter(|&&at| matches!(actions[at as usize], Action::Cas(..)));
    plan.slots.max(unknown.count())
}

/// The first completions with one more.
fn with([first, second]: Ends, end: (u32, u32)) -> Ends {
    match () {
        () if end.1 == first.1 => [first.min(end), second],
        () if end.0 < first.0 => [end, first],
        () if end.1 == second.1 || end.0 < second.0 => [first, second.min(end)],
        () => [first, second],
    }
}
