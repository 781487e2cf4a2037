//! From a history without a legal order to the few operations that prove it.
//!
//! An operation is left out only where that cannot make a legal history illegal: a pure one always; one
//! that writes a value if no remaining operation can have observed the value from it. So what remains
//! has no legal order by itself, *and* proves that the whole history has none. What remains is locally
//! minimal: no further operation can go.

use crate::budget::Budget;
use crate::operations::OPEN;
use crate::search::{Entry, Found, Role, Spec, Stuck, search};

/// What one attempt to leave something out may cost, in steps.
const STEPS: u64 = 200_000;

/// The fewest operations that still have no legal order.
pub(crate) fn shrink<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    stuck: &Stuck,
    budget: &Budget,
) -> Vec<Entry<S::Op>> {
    let mut few = prefix(entries, stuck);
    if !is_illegal(spec, &few, budget) {
        few = entries.to_vec();
    }
    loop {
        let before = few.len();
        let mut chunk = few.len().div_ceil(2);
        while chunk > 0 && !budget.is_cancelled() {
            drop_chunks(spec, &mut few, chunk, budget);
            chunk /= 2;
        }
        if few.len() == before || budget.is_cancelled() {
            return few;
        }
    }
}

/// What was invoked before the search could not go on.
fn prefix<O: Clone>(entries: &[Entry<O>], stuck: &Stuck) -> Vec<Entry<O>> {
    let end = stuck
        .pending
        .first()
        .and_then(|id| entries.iter().find(|entry| entry.id == *id));
    let end = end.map_or(OPEN, |entry| entry.ret);
    entries.iter().filter(|entry| entry.inv < end).cloned().collect()
}

/// Leaves out what can be left out of each run of `chunk` operations, the last run first.
fn drop_chunks<S: Spec>(spec: &S, few: &mut Vec<Entry<S::Op>>, chunk: usize, budget: &Budget) {
    let mut start = few.len().saturating_sub(1) / chunk * chunk;
    loop {
        let end = (start + chunk).min(few.len());
        let fewer = without(spec, few, start..end);
        if fewer.len() < few.len() && is_illegal(spec, &fewer, budget) {
            *few = fewer;
        }
        if start == 0 || budget.is_cancelled() {
            return;
        }
        start -= chunk;
    }
}

/// All but those operations of the range that may go.
fn without<S: Spec>(spec: &S, few: &[Entry<S::Op>], range: std::ops::Range<usize>) -> Vec<Entry<S::Op>> {
    let pure = |at: usize| range.contains(&at) && spec.role(&few[at].op) == Role::Pure;
    let mut rest: Vec<&Entry<S::Op>> = (0..few.len())
        .filter(|&at| !pure(at))
        .map(|at| &few[at])
        .collect();
    for writer in few.get(range.clone()).into_iter().flatten() {
        if spec.role(&writer.op) != Role::Pure && may_go(spec, writer, &rest) {
            rest.retain(|entry| entry.id != writer.id);
        }
    }
    rest.into_iter().cloned().collect()
}

/// Whether no remaining operation can have observed what `writer` wrote.
fn may_go<S: Spec>(spec: &S, writer: &Entry<S::Op>, rest: &[&Entry<S::Op>]) -> bool {
    let Some(value) = spec.writes(&writer.op) else {
        return false;
    };
    let observers = || rest.iter().filter(|entry| entry.id != writer.id);
    if spec.sees_absence() && observers().any(|entry| absence(spec, &entry.op)) {
        return false;
    }
    observers()
        .filter(|entry| spec.observes(&entry.op) == Some(value))
        .all(|observer| {
            let between = |entry: &&&Entry<S::Op>| {
                writer.ret < entry.inv && entry.ret < observer.inv && spec.role(&entry.op) != Role::Pure
            };
            observer.ret < writer.inv || observers().any(|entry| between(&entry))
        })
}

/// Whether the operation is legal because the state does not show a value.
fn absence<S: Spec>(spec: &S, op: &S::Op) -> bool {
    spec.role(op) == Role::Pure && spec.dead().is_some_and(|dead| spec.step(&dead, op).is_some())
}

fn is_illegal<S: Spec>(spec: &S, entries: &[Entry<S::Op>], budget: &Budget) -> bool {
    matches!(
        search(
            spec,
            entries,
            &mut budget.meter().capped(STEPS + 8 * entries.len() as u64)
        ),
        Found::Illegal(_)
    )
}
