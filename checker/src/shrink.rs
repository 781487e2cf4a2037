//! From a history without a legal order to the few operations that prove it.
//!
//! An operation is left out only where that cannot make a legal history illegal: a pure one always; one
//! that writes a value if no remaining operation can have observed the value from it. So what remains
//! has no legal order by itself, *and* proves that the whole history has none. What remains is locally
//! minimal: no further operation can go.

use std::ops::Range;

use crate::budget::Budget;
use crate::operations::OPEN;
use crate::search::{Found, Stuck, Tactic, search};
use crate::spec::{Entry, Role, Spec, absence};

/// Stands for whatever value there is, where operations do not name values.
const NAMELESS: u32 = 0;

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
    drop_beginning(spec, &mut few, &mut work, budget);
    let mut chunk = few.len().div_ceil(2);
    loop {
        let mut last_pass = false;
        while chunk > 0 && work <= WORK && !budget.is_cancelled() {
            last_pass = drop_chunks(spec, &mut few, chunk, &mut work, budget);
            chunk /= 2;
        }
        let elements = drop_elements(spec, &mut few, &mut work, budget);
        if !last_pass && !elements || work > WORK || budget.is_cancelled() {
            return few;
        }
        // What is left to ask is whether a pair or a single one can go.
        chunk = 2;
    }
}

/// Leaves out elements, with everything that is said of them; whether one could go.
fn drop_elements<S: Spec>(spec: &S, few: &mut Vec<Entry<S::Op>>, work: &mut u64, budget: &Budget) -> bool {
    let mut elements = Vec::new();
    few.iter()
        .for_each(|entry| spec.elements(&entry.op, &mut elements));
    elements.sort_unstable();
    elements.dedup();
    let all = elements.len();
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
    elements.len() < all
}

/// Leaves out what had completed at some moment, but for what stands for all of it; the later the moment, the better.
fn drop_beginning<S: Spec>(spec: &S, few: &mut Vec<Entry<S::Op>>, work: &mut u64, budget: &Budget) {
    if spec.stands_for(&[]).is_none() {
        return;
    }
    let completions = few.iter().map(|entry| entry.ret);
    let mut moments: Vec<u32> = completions.filter(|ret| *ret != OPEN).collect();
    moments.sort_unstable();
    for moment in moments.into_iter().rev() {
        if *work > WORK || budget.is_cancelled() {
            return;
        }
        let over: Vec<usize> = (0..few.len()).filter(|&at| few[at].ret <= moment).collect();
        let ops: Vec<&S::Op> = over.iter().map(|&at| &few[at].op).collect();
        let Some(kept) = spec.stands_for(&ops).filter(|kept| kept.len() < over.len()) else {
            continue;
        };
        let kept: Vec<usize> = kept.into_iter().map(|place| over[place]).collect();
        let stays = |at: &usize| few[*at].ret > moment || kept.contains(at);
        let fewer: Vec<_> = (0..few.len()).filter(stays).map(|at| few[at].clone()).collect();
        *work += fewer.len() as u64;
        if is_illegal(spec, &fewer, budget) {
            *few = fewer;
            return;
        }
    }
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
    let mut keep = 8;
    while keep < few.len() && !budget.is_cancelled() {
        let before = 0..few.len() - keep;
        let weak = weakened(spec, &few, before.clone());
        let last = without(spec, weak.as_ref().unwrap_or(&few), before, budget);
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

/// The same with the weakest operations in the range; none if they are that already.
fn weakened<S: Spec>(spec: &S, few: &[Entry<S::Op>], range: Range<usize>) -> Option<Vec<Entry<S::Op>>> {
    let weaker = |entry: &Entry<S::Op>| spec.weaken(&entry.op).filter(|weaker| *weaker != entry.op);
    let first = range.clone().find(|&at| weaker(&few[at]).is_some())?;
    let mut weak = few.to_vec();
    for entry in &mut weak[first..range.end] {
        entry.op = weaker(entry).unwrap_or_else(|| entry.op.clone());
    }
    Some(weak)
}

/// Leaves out what can be left out of each run of `chunk` operations, the last run first; whether something could.
fn drop_chunks<S: Spec>(
    spec: &S,
    few: &mut Vec<Entry<S::Op>>,
    chunk: usize,
    work: &mut u64,
    budget: &Budget,
) -> bool {
    let mut dropped = false;
    let mut start = few.len().saturating_sub(1) / chunk * chunk;
    loop {
        let end = (start + chunk).min(few.len());
        if let Some(fewer) = fewer(spec, few, start..end, budget) {
            (*few, dropped) = (fewer, true);
        }
        *work += few.len() as u64;
        if start == 0 || *work > WORK || budget.is_cancelled() {
            return dropped;
        }
        start -= chunk;
    }
}

/// Operations without a legal order that lack some of the range, or have weaker ones there; none if nothing can go.
fn fewer<S: Spec>(
    spec: &S,
    few: &[Entry<S::Op>],
    range: Range<usize>,
    budget: &Budget,
) -> Option<Vec<Entry<S::Op>>> {
    let weak = weakened(spec, few, range.clone());
    let tried = match weak.map(|weak| without(spec, &weak, range.clone(), budget)) {
        Some(weak) if is_illegal(spec, &weak, budget) => return Some(weak),
        tried => tried,
    };
    let fewer = without(spec, few, range, budget);
    let tried = tried.is_some_and(|weak| weak == fewer);
    (!tried && fewer.len() < few.len() && is_illegal(spec, &fewer, budget)).then_some(fewer)
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
        let mut changed = false;
        for at in range.clone().filter(|&at| at < few.len()) {
            if !stays[at] && spec.role(&few[at].op) != Role::Pure && !rest.can_spare(spec, &few[at]) {
                (stays[at], changed) = (true, true);
            }
        }
        if !changed && !keep_a_writer(spec, few, &mut stays) {
            let staying = few.iter().zip(stays).filter(|(_, stays)| *stays);
            return staying.map(|(entry, _)| entry.clone()).collect();
        }
    }
    few.to_vec()
}

/// A value that something observes, and that needs a writer.
struct Lacking {
    value: u32,
    /// The last completion of an observer.
    until: u32,
    /// Whether something that stays wrote it.
    written: bool,
    /// The write closest to its observers.
    closest: Option<usize>,
}

/// Keeps, for each value that something observes and nothing that stays wrote, the write closest to it: a proof
/// shows where a value came from. Whether there was one to keep.
fn keep_a_writer<S: Spec>(spec: &S, few: &[Entry<S::Op>], stays: &mut [bool]) -> bool {
    let initial = spec.shown(&spec.initial());
    let mut lacking: Vec<Lacking> = Vec::with_capacity(few.len());
    for entry in staying(few, stays).filter(|entry| !absence(spec, &entry.op)) {
        let value = spec.observes(&entry.op).filter(|value| initial != Some(*value));
        lacking.extend(value.map(|value| Lacking {
            value,
            until: entry.ret,
            written: false,
            closest: None,
        }));
    }
    lacking.sort_unstable_by_key(|lack| (lack.value, std::cmp::Reverse(lack.until)));
    lacking.dedup_by_key(|lack| lack.value);
    let place = |lacking: &[Lacking], entry: &Entry<S::Op>| {
        let value = spec.writes(&entry.op)?;
        lacking.binary_search_by_key(&value, |lack| lack.value).ok()
    };
    for entry in staying(few, stays) {
        if let Some(at) = place(&lacking, entry) {
            lacking[at].written = true;
        }
    }
    lacking.retain(|lack| !lack.written);
    if lacking.is_empty() {
        return false;
    }
    for (at, entry) in few.iter().enumerate() {
        if let Some(lack) = place(&lacking, entry).map(|place| &mut lacking[place])
            && (entry.inv < lack.until || lack.closest.is_none())
        {
            lack.closest = Some(at);
        }
    }
    let closest = lacking.iter().filter_map(|lack| lack.closest);
    closest.fold(false, |_, at| {
        stays[at] = true;
        true
    })
}

/// The operations that stay.
fn staying<'a, O>(few: &'a [Entry<O>], stays: &'a [bool]) -> impl Iterator<Item = &'a Entry<O>> {
    let both = few.iter().zip(stays);
    both.filter(|(_, stays)| **stays).map(|(entry, _)| entry)
}

/// What stays, seen from an operation that may go.
struct Rest {
    /// What observes a value.
    observers: Lookers,
    /// Everything that is not blind, where operations do not name values.
    lookers: Lookers,
    writers: Hiders,
    /// Where operations do not name values.
    blind: Hiders,
    /// Whether an operation observes that a value is absent.
    absence: bool,
}

/// Operations that look at a value: by value and invocation, with the greatest completion of the value's up to there.
#[derive(Default)]
struct Lookers(Vec<(u32, u32, u32)>);

impl Lookers {
    fn close(&mut self) {
        self.0.sort_unstable();
        for at in 1..self.0.len() {
            let (value, _, latest) = self.0[at - 1];
            if self.0[at].0 == value {
                self.0[at].2 = self.0[at].2.max(latest);
            }
        }
    }

    /// The greatest completion of those of a value that were invoked up to `position`.
    fn last_until(&self, value: u32, position: u32) -> Option<u32> {
        let up_to = self
            .0
            .partition_point(|&(of, inv, _)| (of, inv) <= (value, position));
        let &(of, _, latest) = self.0.get(up_to.checked_sub(1)?)?;
        (of == value).then_some(latest)
    }
}

/// Operations that hide what was there before: by invocation, with the least completion from there on.
#[derive(Default)]
struct Hiders(Vec<(u32, u32)>);

impl Hiders {
    fn close(&mut self) {
        let mut least = OPEN;
        for (_, earliest) in self.0.iter_mut().rev() {
            least = least.min(*earliest);
            *earliest = least;
        }
    }

    /// The least completion of those invoked after `position`.
    fn first_after(&self, position: u32) -> u32 {
        let later = self.0.partition_point(|(inv, _)| *inv <= position);
        self.0.get(later).map_or(OPEN, |(_, earliest)| *earliest)
    }
}

impl Rest {
    fn of<S: Spec>(spec: &S, few: &[Entry<S::Op>], stays: &[bool]) -> Self {
        let mut rest = Rest {
            observers: Lookers(Vec::with_capacity(few.len())),
            lookers: Lookers::default(),
            writers: Hiders(Vec::with_capacity(few.len())),
            blind: Hiders::default(),
            absence: false,
        };
        let nameless =
            |entry: &Entry<S::Op>| spec.role(&entry.op) != Role::Pure && spec.writes(&entry.op).is_none();
        let nameless = few.iter().any(nameless);
        for entry in staying(few, stays) {
            let (ends, role) = ((entry.inv, entry.ret), spec.role(&entry.op));
            if let Some(value) = spec.observes(&entry.op) {
                rest.observers.0.push((value, entry.inv, entry.ret));
            }
            if role != Role::Pure {
                rest.writers.0.push(ends);
            }
            match role {
                _ if !nameless => {}
                Role::Blind => rest.blind.0.push(ends),
                Role::Pure | Role::Update => rest.lookers.0.push((NAMELESS, entry.inv, entry.ret)),
            }
            rest.absence |= spec.sees_absence() && absence(spec, &entry.op);
        }
        rest.observers.close();
        rest.lookers.close();
        rest.writers.close();
        rest.blind.close();
        rest
    }

    /// Whether nothing that stays can have noticed `writer`: each observer of its value (or, where operations do not
    /// name values, each operation that is not blind) completed before it, or some other writer (a blind one) lies
    /// between the two.
    fn can_spare<S: Spec>(&self, spec: &S, writer: &Entry<S::Op>) -> bool {
        let (lookers, value, hiders) = match spec.writes(&writer.op) {
            Some(_) if self.absence => return false,
            Some(value) => (&self.observers, value, &self.writers),
            None => (&self.lookers, NAMELESS, &self.blind),
        };
        let hidden_from = hiders.first_after(writer.ret);
        lookers
            .last_until(value, hidden_from)
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
