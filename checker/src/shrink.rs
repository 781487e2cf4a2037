//! From a history without a legal order to the few operations that prove it.
//!
//! An operation is left out only where that cannot make a legal history illegal: a pure one always; one
//! that writes a value if no remaining operation can have observed the value from it. So what remains
//! has no legal order by itself, *and* proves that the whole history has none. What remains is locally
//! minimal: no further operation can go.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::budget::Budget;
use crate::operations::OPEN;
use crate::search::{Entry, Found, Role, Spec, Stuck, Tactic, absence, search};

/// What one attempt to leave something out may cost, in steps.
const STEPS: u64 = 200_000;

/// How often it is looked for what else must stay before a run of operations is left as it is.
const PASSES: usize = 12;

/// What all attempts together may cost, in operations looked at; beyond it the proof is not minimal.
const WORK: u64 = 20_000_000;

/// The fewest operations of these, which have no legal order, that still have none.
///
/// An operation that need only be a weaker one (a cas of which only the write matters) is replaced by it.
pub(crate) fn shrink<S: Spec>(spec: &S, illegal: Vec<Entry<S::Op>>, budget: &Budget) -> Vec<Entry<S::Op>> {
    if budget.is_cancelled() {
        return illegal;
    }
    let mut few = window(spec, illegal, budget);
    let mut work = 0;
    loop {
        let before = few.clone();
        let mut chunk = few.len().div_ceil(2);
        while chunk > 0 && work <= WORK && !budget.is_cancelled() {
            drop_chunks(spec, &mut few, chunk, &mut work, budget);
            chunk /= 2;
        }
        drop_elements(spec, &mut few, &mut work, budget);
        drop_rounds(spec, &mut few, &mut work, budget);
        if few == before || work > WORK || budget.is_cancelled() {
            return few;
        }
    }
}

/// Leaves out elements, with everything that is said of them.
fn drop_elements<S: Spec>(spec: &S, few: &mut Vec<Entry<S::Op>>, work: &mut u64, budget: &Budget) {
    let mut elements = Vec::new();
    few.iter()
        .for_each(|entry| spec.elements(&entry.op, &mut elements));
    elements.sort_unstable();
    elements.dedup();
    let mut chunk = elements.len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        while start < elements.len() && *work <= WORK && !budget.is_cancelled() {
            let end = (start + chunk).min(elements.len());
            let dropped = &elements[start..end];
            let fewer = restrict(spec, few, &|element| dropped.binary_search(&element).is_err());
            *work += few.len() as u64;
            if is_illegal(spec, &fewer, budget) {
                *few = fewer;
                elements.drain(start..end);
            } else {
                start = end;
            }
        }
        chunk /= 2;
    }
}

/// Leaves out operations between two quiet points that leave the state as they found it, the longest runs first.
fn drop_rounds<S: Spec>(spec: &S, few: &mut Vec<Entry<S::Op>>, work: &mut u64, budget: &Budget) {
    let mut begin = 0;
    while begin < few.len() {
        let quiet = quiet_points(few, begin);
        let Some(&start) = quiet.first() else { return };
        for &end in quiet[1..].iter().rev() {
            if *work > WORK || budget.is_cancelled() {
                return;
            }
            let (gone, stay): (Vec<_>, Vec<_>) = (0..few.len())
                .map(|at| (at, &few[at]))
                .partition(|(at, entry)| (start..end).contains(at) && entry.ret != OPEN);
            if !gone.is_empty() && spec.cancel(&mut gone.iter().map(|(_, entry)| &entry.op)) {
                let fewer: Vec<_> = stay.into_iter().map(|(_, entry)| entry.clone()).collect();
                *work += few.len() as u64;
                if is_illegal(spec, &fewer, budget) {
                    *few = fewer;
                    break;
                }
            }
        }
        begin = start + 1;
    }
}

/// The places, not before `begin`, at which everything before that completed did so; the end is one.
fn quiet_points<O>(few: &[Entry<O>], begin: usize) -> Vec<usize> {
    let mut latest = 0;
    let mut quiet = Vec::new();
    for (at, entry) in few.iter().enumerate() {
        if at >= begin && latest <= entry.inv {
            quiet.push(at);
        }
        if entry.ret != OPEN {
            latest = latest.max(entry.ret);
        }
    }
    quiet.push(few.len());
    quiet
}

/// What remains of the operations if only some elements exist.
pub(crate) fn restrict<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    kept: &dyn Fn(u32) -> bool,
) -> Vec<Entry<S::Op>> {
    let restrict = |entry: &Entry<S::Op>| {
        Some(Entry {
            op: spec.restrict(&entry.op, kept)?,
            ..*entry
        })
    };
    entries.iter().filter_map(restrict).collect()
}

/// The last operations alone, if they suffice: first few, then more, so that a long history costs little.
fn window<S: Spec>(spec: &S, few: Vec<Entry<S::Op>>, budget: &Budget) -> Vec<Entry<S::Op>> {
    let mut keep = 32;
    while keep < few.len() && !budget.is_cancelled() {
        let before = 0..few.len() - keep;
        let last = without(spec, &weakened(spec, &few, before.clone()), before, budget);
        if last.len() < few.len() && is_illegal(spec, &last, budget) {
            return last;
        }
        keep *= 4;
    }
    few
}

/// What was invoked before the search could not go on, as it was known then: an operation that was still pending may
/// have happened, or not. Of what it returned later nobody knew, and the writes that explain it may have come later, too.
pub(crate) fn prefix<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    stuck: &Stuck,
    budget: &Budget,
) -> Vec<Entry<S::Op>> {
    let end = stuck
        .pending
        .first()
        .and_then(|id| entries.iter().find(|entry| entry.id == *id));
    let end = end.map_or(OPEN, |entry| entry.ret);
    let until_then = |entry: &Entry<S::Op>| {
        let pending = entry.ret > end;
        (!pending || spec.role(&entry.op) != Role::Pure).then(|| Entry {
            ret: if pending { OPEN } else { entry.ret },
            ..entry.clone()
        })
    };
    let before = entries.iter().take_while(|entry| entry.inv < end);
    let before: Vec<_> = before.filter_map(until_then).collect();
    if is_illegal(spec, &before, budget) {
        before
    } else {
        entries.to_vec()
    }
}

/// The same with the weakest operations in the range.
fn weakened<S: Spec>(spec: &S, few: &[Entry<S::Op>], range: Range<usize>) -> Vec<Entry<S::Op>> {
    let mut weak = few.to_vec();
    for entry in &mut weak[range] {
        entry.op = spec.weaken(&entry.op).unwrap_or_else(|| entry.op.clone());
    }
    weak
}

/// Leaves out what can be left out of each run of `chunk` operations, the last run first.
fn drop_chunks<S: Spec>(
    spec: &S,
    few: &mut Vec<Entry<S::Op>>,
    chunk: usize,
    work: &mut u64,
    budget: &Budget,
) {
    let mut start = few.len().saturating_sub(1) / chunk * chunk;
    loop {
        let end = (start + chunk).min(few.len());
        let mut tried = None;
        for weak in [weakened(spec, few, start..end), few.clone()] {
            let fewer = without(spec, &weak, start..end, budget);
            if tried.as_ref() == Some(&fewer) {
                break;
            }
            if (fewer.len() < few.len() || fewer != *few) && is_illegal(spec, &fewer, budget) {
                *few = fewer;
                break;
            }
            tried = Some(fewer);
        }
        *work += few.len() as u64;
        if start == 0 || *work > WORK || budget.is_cancelled() {
            return;
        }
        start -= chunk;
    }
}

/// All but those operations of the range that may go.
///
/// Those that may not are observers too, so that others may have to stay for them: until nothing changes.
fn without<S: Spec>(
    spec: &S,
    few: &[Entry<S::Op>],
    range: Range<usize>,
    budget: &Budget,
) -> Vec<Entry<S::Op>> {
    let mut stays: Vec<bool> = (0..few.len()).map(|at| !range.contains(&at)).collect();
    for _ in 0..PASSES {
        if budget.is_cancelled() {
            break;
        }
        let rest = Rest::of(spec, few, &stays);
        let before = stays.clone();
        for at in range.clone().filter(|&at| at < few.len() && !before[at]) {
            stays[at] = spec.role(&few[at].op) != Role::Pure && !rest.can_spare(spec, &few[at]);
        }
        if stays == before && !keep_a_writer(spec, few, &mut stays) {
            return few
                .iter()
                .zip(stays)
                .filter(|(_, stays)| *stays)
                .map(|(entry, _)| entry.clone())
                .collect();
        }
    }
    few.to_vec()
}

/// Keeps, for each value that something observes and nothing that stays wrote, the write closest to it: a proof
/// shows where a value came from. Whether there was one to keep.
fn keep_a_writer<S: Spec>(spec: &S, few: &[Entry<S::Op>], stays: &mut [bool]) -> bool {
    let mut lacking: FxHashMap<u32, u32> = FxHashMap::default();
    let staying = || {
        few.iter()
            .zip(&*stays)
            .filter(|(_, stays)| **stays)
            .map(|(entry, _)| entry)
    };
    for entry in staying().filter(|entry| !absence(spec, &entry.op)) {
        if let Some(value) = spec
            .observes(&entry.op)
            .filter(|value| spec.shown(&spec.initial()) != Some(*value))
        {
            lacking
                .entry(value)
                .and_modify(|ret| *ret = entry.ret.max(*ret))
                .or_insert(entry.ret);
        }
    }
    for entry in staying() {
        spec.writes(&entry.op).and_then(|value| lacking.remove(&value));
    }
    let mut found: FxHashMap<u32, usize> = FxHashMap::default();
    for (at, entry) in few.iter().enumerate() {
        let value = spec.writes(&entry.op).filter(|value| lacking.contains_key(value));
        if let Some(value) = value
            && (entry.inv < lacking[&value] || !found.contains_key(&value))
        {
            found.insert(value, at);
        }
    }
    found.values().for_each(|&at| stays[at] = true);
    !found.is_empty()
}

/// What stays, seen from an operation that may go.
struct Rest {
    /// By value: its observers.
    observers: FxHashMap<u32, Intervals>,
    /// Everything that is not blind.
    lookers: Intervals,
    writers: Intervals,
    blind: Intervals,
    /// Whether an operation observes that a value is absent.
    absence: bool,
}

/// Operations by their invocations, ascending.
#[derive(Default)]
struct Intervals {
    /// Invocations and completions.
    ends: Vec<(u32, u32)>,
    /// The greatest completion up to each.
    latest: Vec<u32>,
    /// The least completion from each on.
    earliest: Vec<u32>,
}

impl Intervals {
    fn add<O>(&mut self, entry: &Entry<O>) {
        self.ends.push((entry.inv, entry.ret));
        self.latest
            .push(self.latest.last().map_or(entry.ret, |ret| entry.ret.max(*ret)));
    }

    fn close(&mut self) {
        let mut least = OPEN;
        self.earliest = self.ends.iter().map(|(_, ret)| *ret).collect();
        for ret in self.earliest.iter_mut().rev() {
            least = least.min(*ret);
            *ret = least;
        }
    }

    /// The least completion of those invoked after `position`.
    fn first_after(&self, position: u32) -> u32 {
        let later = self.ends.partition_point(|(inv, _)| *inv <= position);
        self.earliest.get(later).copied().unwrap_or(OPEN)
    }

    /// The greatest completion of those invoked up to `position`.
    fn last_until(&self, position: u32) -> Option<u32> {
        let up_to = self.ends.partition_point(|(inv, _)| *inv <= position);
        up_to.checked_sub(1).map(|at| self.latest[at])
    }
}

impl Rest {
    fn of<S: Spec>(spec: &S, few: &[Entry<S::Op>], stays: &[bool]) -> Self {
        let mut rest = Rest {
            observers: FxHashMap::default(),
            lookers: Intervals::default(),
            writers: Intervals::default(),
            blind: Intervals::default(),
            absence: false,
        };
        for (entry, _) in few.iter().zip(stays).filter(|(_, stays)| **stays) {
            if let Some(value) = spec.observes(&entry.op) {
                rest.observers.entry(value).or_default().add(entry);
            }
            let role = spec.role(&entry.op);
            if role != Role::Pure {
                rest.writers.add(entry);
            }
            if role == Role::Blind {
                rest.blind.add(entry)
            } else {
                rest.lookers.add(entry)
            }
            rest.absence |= spec.sees_absence() && absence(spec, &entry.op);
        }
        rest.writers.close();
        rest.blind.close();
        rest
    }

    /// Whether nothing that stays can have noticed `writer`: each observer of its value (or, where operations do not
    /// name values, each operation that is not blind) completed before it, or some other writer (a blind one) lies
    /// between the two.
    fn can_spare<S: Spec>(&self, spec: &S, writer: &Entry<S::Op>) -> bool {
        let (observers, hiders) = match spec.writes(&writer.op) {
            Some(_) if self.absence => return false,
            Some(value) => (self.observers.get(&value), &self.writers),
            None => (Some(&self.lookers), &self.blind),
        };
        let hidden_from = hiders.first_after(writer.ret);
        observers
            .and_then(|observers| observers.last_until(hidden_from))
            .is_none_or(|ret| ret < writer.inv)
    }
}

/// Whether the operations have no legal order; false if that would take too long to see.
pub(crate) fn is_illegal<S: Spec>(spec: &S, entries: &[Entry<S::Op>], budget: &Budget) -> bool {
    matches!(again(spec, entries, budget), Found::Illegal(_))
}

/// The search's word on a few operations, at a price that a proof is worth.
pub(crate) fn again<S: Spec>(spec: &S, entries: &[Entry<S::Op>], budget: &Budget) -> Found {
    let steps = STEPS + 8 * entries.len() as u64;
    let narrow = spec.among(entries);
    let spec = narrow.as_ref().unwrap_or(spec);
    search(spec, entries, Tactic::Race, &mut budget.meter().capped(steps)).found
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, history};

    #[test]
    fn a_read_in_flight_at_the_contradiction_proves_nothing() {
        // Its write comes after the stale read of process 2 and before its own end.
        let text = "0 w 1, 0 w: 1, 0 w 1, 0 w: 1, 0 w 3, 0 w: 3, 1 r, 2 r, 2 r: 1, 0 w 2, 0 w: 2, 1 r: 2";
        let check = check("cas-register", &history(text));
        assert_eq!(check.violations[0].operations, [2, 4, 7]);
    }
}
