//! The independent verifier: replays a legal order step by step.

use std::collections::HashMap;

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::search::{Entry, Spec};

/// Whether `order` (ids) has every completed operation once and no other twice, respects real time, and is legal.
pub(crate) fn replay<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Op>],
    order: &[u32],
    meter: &mut Meter<'_>,
) -> Result<bool, Stop> {
    meter.grow(entries.len() * 40)?;
    let mut waiting: HashMap<u32, &Entry<S::Op>> = HashMap::with_capacity(entries.len());
    for entry in entries {
        meter.tick()?;
        waiting.insert(entry.id, entry);
    }
    let mut states = vec![spec.initial()];
    let mut last_inv = 0;
    for id in order {
        meter.tick()?;
        let Some(entry) = waiting.remove(id) else {
            return Ok(false);
        };
        last_inv = last_inv.max(entry.inv);
        let after = |state: &S::State| -> Vec<S::State> {
            let all = 0..spec.choices(state, &entry.op);
            all.filter_map(|choice| spec.choose(state, &entry.op, choice))
                .collect()
        };
        states = states.iter().flat_map(after).collect();
        if states.is_empty() || entry.ret <= last_inv {
            return Ok(false);
        }
    }
    Ok(waiting.values().all(|entry| entry.ret == OPEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::register::{Action, Register};

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
