//! Locks that can be acquired again, locks with fences, and permits.

use std::collections::BTreeMap;

use histories::{Kind, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Call, Twin, any, compare};

/// No history is so long that a fence is greater.
const GREATEST: i64 = 16;

/// What is acquired and released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Reentrant,
    Fenced,
    ReentrantFenced,
    /// Two of them.
    Permits,
}

/// Who has it how often, and the last fence.
type Held = (BTreeMap<u64, i64>, i64);

impl Lock {
    fn has_fences(self) -> bool {
        matches!(self, Lock::Fenced | Lock::ReentrantFenced)
    }

    fn acquire(self, (held, fence): &Held, by: u64, many: i64) -> Vec<(Held, Value)> {
        let again = held.contains_key(&by);
        let free = held.is_empty();
        let may = match self {
            Lock::Permits => held.values().sum::<i64>() + many <= 2,
            Lock::Reentrant | Lock::ReentrantFenced => free || again,
            Lock::Fenced => free,
        };
        let mut next = held.clone();
        *next.entry(by).or_default() += many;
        match (may, self.has_fences(), again) {
            (false, ..) => vec![],
            (true, false, _) => vec![((next, 0), Value::Null)],
            (true, true, true) => vec![((next, *fence), Value::from(*fence))],
            (true, true, false) => {
                let fences = fence + 1..=fence + 2;
                fences
                    .map(|fence| ((next.clone(), fence), Value::from(fence)))
                    .collect()
            }
        }
    }
}

impl Twin for Lock {
    type State = Held;

    fn initial(&self) -> Held {
        (BTreeMap::new(), 0)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> (&'static str, Value) {
        let many = match self {
            Lock::Permits => Value::from(rng.random_range(1..=2)),
            _ => Value::Null,
        };
        (["acquire", "release"][rng.random_range(0..2)], many)
    }

    fn run(&self, state: &Held, by: u64, f: &str, argument: &Value) -> Vec<(Held, Value)> {
        let many = argument.as_int().unwrap_or(1);
        let done = |value: Value| {
            if *self == Lock::Permits {
                argument.clone()
            } else {
                value
            }
        };
        if f == "acquire" {
            let outcomes = self.acquire(state, by, many).into_iter();
            return outcomes.map(|(next, value)| (next, done(value))).collect();
        }
        let mut held = state.0.clone();
        match held.get_mut(&by) {
            Some(holds) if *holds >= many => *holds -= many,
            _ => return vec![],
        }
        held.retain(|_, holds| *holds > 0);
        vec![((held, state.1), done(Value::Null))]
    }

    /// A fence need only be greater than the one before.
    fn after(&self, state: &Held, call: &Call) -> Vec<Held> {
        let outcomes = self.run(state, call.process, call.f, &call.argument);
        if !self.has_fences() || call.f != "acquire" {
            let fits = outcomes.into_iter().filter(|(_, result)| call.fits(result));
            return fits.map(|(next, _)| next).collect();
        }
        let Some(((held, _), _)) = outcomes.first() else {
            return vec![];
        };
        let known = call.result.as_int().filter(|_| call.kind == Kind::Ok);
        let fences = match state.0.contains_key(&call.process) {
            true => state.1..=state.1,
            false => state.1 + 1..=GREATEST,
        };
        let fits = fences.filter(|fence| known.is_none_or(|known| known == *fence));
        fits.map(|fence| (held.clone(), fence)).collect()
    }

    fn mutate(&self, rng: &mut ChaCha8Rng, f: &str, result: &Value) -> Value {
        match self.has_fences() && f == "acquire" {
            true => any(rng, 9),
            false => result.clone(),
        }
    }

    fn breaks(&self) -> bool {
        true
    }
}

#[test]
fn locks_of_every_kind() {
    for (lock, model) in [
        (Lock::Reentrant, "reentrant-mutex"),
        (Lock::Fenced, "fenced-mutex"),
        (Lock::ReentrantFenced, "reentrant-fenced-mutex"),
        (Lock::Permits, "semaphore"),
    ] {
        compare(&lock, model, &["acquire", "release"]).by_search();
    }
}
