//! Counters whose additions are all +1, in O(n log n).
//!
//! The greatest value read is V, so the additions fill the slots 1 to V, and further ones come after. An addition
//! may take a slot greater than every value read before it began, and at most the least value read after it
//! ended. Reads must not decrease in real time. Filling the slots in order with the earliest deadline first finds a
//! legal order iff there is one; deadlines agree with real time, so additions stay in order too.
//!
//! An addition that found v has the slot v + 1. It is a read of v for all that came before it, and one of v + 1 for
//! all that came after it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decoded};
use crate::operations::OPEN;
use crate::spec::counter::Action;
use crate::spec::{Entry, Spec};

/// An addition waiting for a slot: its deadline, whether its outcome is unknown, its invocation, its place.
type Waiting = Reverse<(i64, bool, u32, u32)>;

/// Decides the history; with `want_order` a legal one comes with its order.
pub(crate) fn decide<S: Spec<Op = Action, State = i64>>(
    decoded: &Decoded<S>,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Decision<Action>, Stop> {
    let entries = &decoded.entries;
    if entries
        .iter()
        .any(|entry| entry.op.delta().is_some_and(|delta| delta != 1))
    {
        return Ok(Decision::NotApplicable);
    }
    Ok(match fill(decoded, meter)? {
        Some(slots) if want_order => Decision::Legal(spell(entries, decoded.spec.initial(), &slots)),
        Some(_) => Decision::Legal(Vec::new()),
        None => Decision::Illegal(entries.clone()),
    })
}

/// The additions by slot; those after the last slot follow in the order of their invocations.
fn fill<S: Spec<Op = Action, State = i64>>(
    decoded: &Decoded<S>,
    meter: &mut Meter<'_>,
) -> Result<Option<Vec<u32>>, Stop> {
    let entries = &decoded.entries;
    meter.grow(entries.len() * 64)?;
    let Some(reads) = Reads::of(entries, decoded.spec.initial(), meter)? else {
        return Ok(None);
    };
    let Some(mut adds) = reads.windows(entries) else {
        return Ok(None);
    };
    adds.sort_unstable();
    let mut adds = adds.into_iter().peekable();
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    let mut slots = Vec::new();
    let mut value = decoded.spec.initial();
    while value < reads.greatest {
        meter.tick()?;
        while let Some((_, deadline, at)) = adds.next_if(|(before, ..)| *before <= value) {
            let entry = &entries[at as usize];
            waiting.push(Reverse((deadline, entry.ret == OPEN, entry.inv, at)));
        }
        value += 1;
        let Some(Reverse((deadline, _, _, at))) = waiting.pop() else {
            return Ok(None);
        };
        if deadline < value {
            return Ok(None);
        }
        slots.push(at);
    }
    let mut rest: Vec<(u32, i64)> = waiting
        .into_iter()
        .map(|Reverse((deadline, _, _, at))| (at, deadline))
        .chain(adds.map(|(_, deadline, at)| (at, deadline)))
        .collect();
    rest.retain(|(at, _)| entries[*at as usize].ret != OPEN);
    rest.sort_unstable();
    if rest.iter().any(|(_, deadline)| *deadline != i64::MAX) {
        return Ok(None);
    }
    slots.extend(rest.into_iter().map(|(at, _)| at));
    Ok(Some(slots))
}

/// What reads say about the moments around an addition.
struct Reads {
    /// Completions, ascending, and the greatest value read up to each.
    completed: Vec<(u32, i64)>,
    /// Invocations, ascending, and the least value read from each on.
    invoked: Vec<(u32, i64)>,
    initial: i64,
    greatest: i64,
}

impl Reads {
    /// None if reads decrease in real time, or fall below the initial value.
    fn of(entries: &[Entry<Action>], initial: i64, meter: &mut Meter<'_>) -> Result<Option<Self>, Stop> {
        let mut reads = Reads {
            completed: Vec::new(),
            invoked: Vec::new(),
            initial,
            greatest: initial,
        };
        for entry in entries {
            meter.tick()?;
            let (before, after) = match entry.op {
                Action::Read(seen) => (seen, seen),
                Action::FetchAdd(_, found) => (found, found.saturating_add(1)),
                Action::Add(_) => continue,
            };
            reads.completed.push((entry.ret, after));
            reads.invoked.push((entry.inv, before));
        }
        reads.completed.sort_unstable();
        for (_, seen) in &mut reads.completed {
            reads.greatest = reads.greatest.max(*seen);
            *seen = reads.greatest;
        }
        let mut least = i64::MAX;
        for (_, seen) in reads.invoked.iter_mut().rev() {
            least = least.min(*seen);
            *seen = least;
        }
        let decreases =
            |entry: &Entry<Action>| matches!(entry.op, Action::Read(seen) if seen < reads.before(entry));
        for entry in entries {
            meter.tick()?;
            if decreases(entry) {
                return Ok(None);
            }
        }
        Ok(Some(reads))
    }

    /// Each addition with the slots between which it has one: after the first, and up to the second. None if one that
    /// found a number cannot have found it.
    fn windows(&self, entries: &[Entry<Action>]) -> Option<Vec<(i64, i64, u32)>> {
        let mut windows = Vec::new();
        for (at, entry) in (0..).zip(entries) {
            match entry.op {
                Action::Add(_) => windows.push((self.before(entry), self.after(entry), at)),
                Action::FetchAdd(_, found) => {
                    let fits = self.before(entry) <= found && found < self.after(entry);
                    windows.push(fits.then_some((found, found + 1, at))?);
                }
                Action::Read(_) => {}
            }
        }
        Some(windows)
    }

    /// The greatest value that was read before the operation began.
    fn before(&self, entry: &Entry<Action>) -> i64 {
        let earlier = self.completed.partition_point(|(ret, _)| *ret < entry.inv);
        earlier
            .checked_sub(1)
            .map_or(self.initial, |at| self.completed[at].1)
    }

    /// The least value that was read after the operation ended.
    fn after(&self, entry: &Entry<Action>) -> i64 {
        let later = self.invoked.partition_point(|(inv, _)| *inv <= entry.ret);
        self.invoked.get(later).map_or(i64::MAX, |(_, seen)| *seen)
    }
}

/// Each read right after the addition that made its value.
fn spell(entries: &[Entry<Action>], initial: i64, slots: &[u32]) -> Vec<u32> {
    let mut reads: Vec<(i64, u32)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        if let Action::Read(seen) = entry.op {
            reads.push((seen, at as u32));
        }
    }
    reads.sort_unstable();
    let mut reads = reads.into_iter().peekable();
    let mut order = Vec::with_capacity(entries.len());
    let mut value = initial;
    for slot in std::iter::once(None).chain(slots.iter().map(Some)) {
        if let Some(&at) = slot {
            order.push(entries[at as usize].id);
            value += 1;
        }
        while let Some((_, at)) = reads.next_if(|(seen, _)| *seen == value) {
            order.push(entries[at as usize].id);
        }
    }
    order
}
