//! From the moves of a search to a legal order of the history.

use std::hash::Hash;

use super::Role;
use super::configuration::{Linearized, PASS};
use super::plan::Plan;

/// The whole order: the path, and each absorbed write just before the overwrite that absorbed it.
pub(super) fn witness<O: Clone + Eq + Hash>(plan: &Plan<O>, path: &[Linearized]) -> Vec<u32> {
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
        .filter(|(at, entry)| !visible[*at] && !entry.is_open())
    {
        let first = overwrites.partition_point(|&step| plan.horizon(path[step].at as usize) < entry.inv);
        absorbed.push((overwrites.get(first).copied().unwrap_or(path.len()), at as u32));
    }
    absorbed.sort_unstable();
    let mut absorbed = absorbed.into_iter().peekable();
    let mut order = Vec::with_capacity(plan.entries.len());
    for (step, linearized) in path.iter().enumerate() {
        while let Some((_, entry)) = absorbed.next_if(|(before, _)| *before <= step) {
            order.push(plan.entries[entry as usize].id);
        }
        order.push(plan.entries[linearized.entry as usize].id);
    }
    debug_assert!(absorbed.peek().is_none() && !path.iter().any(|step| step.entry == PASS));
    order
}
