//! Permits that processes acquire and give back: `acquire n`, `release n`, one where nobody says how many, as Jepsen's tests of
//! Hazelcast. There are as many as the history's `initial` says, and two, as there, where it says nothing.
//!
//! Who releases must have acquired.

use std::collections::BTreeMap;

use histories::{Process, Value};

use super::row::{Judge, Model, Start};
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Telling, bad_initial, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Lock, Proof};

/// Permits where nobody says how many.
const PERMITS: u32 = 2;

pub(super) const MODEL: Model = Model {
    name: "semaphore",
    about: "permits that processes acquire and give back, as Jepsen's for Hazelcast",
    operations: &["acquire n, or null for one", "release n, or null for one"],
    suggested: |_| false,
    contradicted: |_| None,
    start: Start::Else("2"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<Semaphore>),
    transactions: None,
    reading: |_, _| None,
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Lock::Permits)],
        illegal: "acquire 2; acquire 1",
        states: &["free 2", "free 0, process 0 has 2"],
        proofs: &[Proof::Sums, Proof::MayStay],
    },
};

/// An operation, who did it, and with how many permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Acquire(Process, u32),
    Release(Process, u32),
}

/// So many permits; the state is who has how many of them.
pub(crate) struct Semaphore {
    permits: u32,
}

impl Semaphore {
    fn free(&self, held: &BTreeMap<Process, u32>) -> u32 {
        self.permits - held.values().sum::<u32>()
    }
}

impl Spec for Semaphore {
    type State = BTreeMap<Process, u32>;
    type Op = Action;

    fn state_bytes(state: &Self::State) -> usize {
        state.len() * 32
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        let mut held = state.clone();
        match *op {
            Action::Acquire(_, many) if many > self.free(state) => return None,
            Action::Acquire(by, many) => *held.entry(by).or_default() += many,
            Action::Release(by, many) => {
                let of_it = held.get_mut(&by).filter(|of_it| **of_it >= many)?;
                *of_it -= many;
                held.retain(|_, of_it| *of_it > 0);
            }
        }
        Some(held)
    }

    fn role(&self, _: &Action) -> Role {
        Role::Update
    }

    /// An acquire found as many permits, and a release had them.
    fn observing(&self, _: &Action) -> bool {
        true
    }
}

fn many(operation: &Operation<'_>) -> Result<u32, HistoryError> {
    let bad = || operation.bad_value(false, "a number of permits above zero, or null for one");
    match operation.argument() {
        Value::Null => Ok(1),
        Value::Int(many @ 1..) => u32::try_from(*many).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

impl Decode for Semaphore {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let bad = || bad_initial(group, MODEL.name, "a number of permits");
        let permits = match group.initial {
            Value::Null => PERMITS,
            Value::Int(permits) => u32::try_from(*permits).map_err(|_| bad())?,
            _ => return Err(bad().into()),
        };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            let by = operation.invoke.process;
            match &*operation.invoke.f {
                "acquire" => Ok(Some(Action::Acquire(by, many(operation)?))),
                "release" => Ok(Some(Action::Release(by, many(operation)?))),
                _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
            }
        })?;
        Ok(Decoded {
            spec: Semaphore { permits },
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        let held = state
            .iter()
            .map(|(by, many)| format!(", process {by} has {many}"));
        Telling::text(format!("free {}{}", self.free(state), held.collect::<String>()))
    }

    fn start(initial: &Value) -> Option<String> {
        Some(MODEL.start.of(initial))
    }
}
