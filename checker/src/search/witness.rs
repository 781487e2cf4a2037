//! From the moves of a search to a legal order of the history.

use std::hash::Hash;

use super::Chosen;
use super::plan::Plan;
use crate::spec::Role;

/// The pending operation that returns does so without being visible (rule A).
pub(super) const PASS: u32 = u32::MAX;

/// A linearized operation, which of its outcomes it had, and the return event before which that was.
#[derive(Clone, Copy)]
pub(super) struct Linearized {
    pub entry: u32,
    pub choice: u32,
    pub at: u32,
}

/// The order up to the return event `upto`: the path, and each absorbed write that returned before it, just before the
/// overwrite that absorbed it.
pub(super) fn witness<O: Clone + Eq + Hash>(plan: &Plan<O>, path: &[Linearized], upto: usize) -> Vec<Chosen> {
    let end = plan.horizon(upto);
    let mut visible = vec![false; plan.entries.len()];
    path.iter().for_each(|step| visible[step.entry as usize] = true);
    let overwrites: Vec<usize> = (0..path.len())
        .filter(|&step| plan.entries[path[step].entry as usize].role == Role::Blind)
        .collect();
    let mut absorbed: Vec<(usize, u32)> = Vec::new();
    for (at, entry) in plan
        .entries
        .iter()
        .enumerate()
        .filter(|(at, entry)| !visible[*at] && entry.ret < end)
    {
        let first = overwrites.partition_point(|&step| plan.horizon(path[step].at as usize) < entry.inv);
        absorbed.push((overwrites.get(first).copied().unwrap_or(path.len()), at as u32));
    }
    absorbed.sort_unstable();
    let mut order = Vec::with_capacity(path.len() + absorbed.len());
    let mut absorbed = absorbed.into_iter().peekable();
    let chosen = |entry: u32, choice| Chosen {
        id: plan.entries[entry as usize].id,
        choice,
    };
    for (step, linearized) in path.iter().enumerate() {
        while let Some((_, entry)) = absorbed.next_if(|(before, _)| *before <= step) {
            order.push(chosen(entry, 0));
        }
        order.push(chosen(linearized.entry, linearized.choice));
    }
    debug_assert!(absorbed.peek().is_none() && !path.iter().any(|step| step.entry == PASS));
    order
}
