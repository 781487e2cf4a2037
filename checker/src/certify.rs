//! The independent verifier: replays a legal order step by step.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::spec::{Entry, Spec};

/// Whether `order` (ids) has every completed operation once and no other twice, respects real time, and is legal.
pub(crate) fn replay<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    order: &[u32],
    meter: &mut Meter<'_>,
) -> Result<bool, Stop> {
    let left = beginning(spec, entries, order, meter)?;
    Ok(left.is_some_and(|left| left.iter().all(|entry| entry.ret == OPEN)))
}

/// What is left after `order` (ids), if that is the beginning of an order that respects real time, has no operation twice,
/// and is legal as far as it goes.
pub(crate) fn beginning<'e, S: Spec>(
    spec: &S,
    entries: &'e [Entry<S::Op>],
    order: &[u32],
    meter: &mut Meter<'_>,
) -> Result<Option<Vec<&'e Entry<S::Op>>>, Stop> {
    meter.grow(entries.len() * 40)?;
    let mut waiting: HashMap<u32, &Entry<S::Op>> = HashMap::with_capacity(entries.len());
    for entry in entries {
        meter.tick()?;
        waiting.insert(entry.id, entry);
    }
    // More than one where an outcome is unknown: their number has no bound but the budget.
    let mut states = vec![spec.initial()];
    let mut held = meter.beside();
    let mut last_inv = 0;
    for id in order {
        meter.tick()?;
        let Some(entry) = waiting.remove(id) else {
            return Ok(None);
        };
        last_inv = last_inv.max(entry.inv);
        let after = |state: &S::State| -> Vec<S::State> {
            let all = 0..spec.choices(state, &entry.op);
            all.filter_map(|choice| spec.choose(state, &entry.op, choice))
                .collect()
        };
        states = states.iter().flat_map(after).collect();
        if states.len() > 1 {
            states = distinct(states, &mut held)?;
        }
        if states.is_empty() || entry.ret <= last_inv {
            return Ok(None);
        }
    }
    let left: Vec<_> = waiting.into_values().collect();
    Ok(left.iter().all(|entry| last_inv <= entry.ret).then_some(left))
}

/// Each state once.
fn distinct<T: Eq + Hash>(states: Vec<T>, held: &mut Meter<'_>) -> Result<Vec<T>, Stop> {
    held.shrink(held.held());
    held.grow(states.len() * 2 * size_of::<T>())?;
    held.pass(states.len())?;
    let states: HashSet<T> = states.into_iter().collect();
    Ok(states.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::register::{Action, Register};

    #[test]
    fn only_a_complete_legal_order_in_real_time_replays() {
        let spec = Register {
            initial: 1,
            values: 4,
            differs: false,
        };
        let entry = |op, inv, ret, id| Entry { op, inv, ret, id };
        let entries = [
            entry(Action::Write(2), 0, 1, 0),
            entry(Action::Read(2), 2, 5, 1),
            entry(Action::Write(3), 3, 4, 2),
            entry(Action::Write(1), 6, OPEN, 3),
        ];
        let budget = crate::Budget::unlimited();
        let replay = |spec: &Register, entries: &[Entry<Action<u32>>], order: &[u32]| {
            replay(spec, entries, order, &mut budget.meter()).unwrap()
        };
        assert!(replay(&spec, &entries, &[0, 1, 2]) && replay(&spec, &entries, &[0, 1, 2, 3]));
        assert!(!replay(&spec, &entries, &[0, 1]), "one is missing");
        assert!(!replay(&spec, &entries, &[0, 2, 1]), "not legal");
        assert!(!replay(&spec, &entries, &[2, 0, 1]), "against real time");
        assert!(!replay(&spec, &entries, &[0, 1, 1, 2]), "one twice");
    }
}
