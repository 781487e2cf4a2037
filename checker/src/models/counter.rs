//! A counter from 0: `add n`, `read → n`.

use histories::{Kind, Value};

use super::{Decode, Decoded, bounds, decode_each, unknown_f};
use crate::budget::{Budget, Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::graph::{Decision, deadlines};
use crate::judge::{self, Judged};
use crate::operations::{Group, Operation};
use crate::options::{Analysis, Options};
use crate::search::{Entry, Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["add n", "read → n"];

/// An operation on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Add(i64),
    Read(i64),
}

/// The specification; it begins with this number.
pub(crate) struct Counter {
    pub initial: i64,
}

impl Spec for Counter {
    type State = i64;
    type Op = Action;

    fn initial(&self) -> i64 {
        self.initial
    }

    fn step(&self, state: &i64, op: &Action) -> Option<i64> {
        match op {
            Action::Add(delta) => state.checked_add(*delta),
            Action::Read(seen) => (seen == state).then_some(*state),
        }
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Add(0) | Action::Read(_) => Role::Pure,
            Action::Add(_) => Role::Update,
        }
    }
}

impl Decode for Counter {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let number = |operation: &Operation<'_>, value: &Value, in_result| {
            value
                .as_int()
                .ok_or_else(|| operation.bad_value(in_result, "an integer"))
        };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "add" => Ok(Some(Action::Add(number(operation, operation.argument(), false)?))),
            "read" if operation.outcome != Kind::Ok => Ok(None),
            "read" => Ok(Some(Action::Read(number(operation, operation.result(), true)?))),
            _ => Err(unknown_f(operation, "counter", OPERATIONS)),
        })?;
        Ok(Decoded {
            spec: Counter {
                initial: group.initial.as_int().unwrap_or(0),
            },
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        match deadlines::decide(decoded, want_order, meter)? {
            Decision::NotApplicable => {}
            decision => return Ok(decision),
        }
        Ok(match bounds::beyond(decoded, meter)? {
            Some(beyond) => Decision::Illegal(about(&decoded.entries, beyond.at)),
            None => Decision::NotApplicable,
        })
    }
}

/// A read, and all that can have changed what it saw.
fn about(entries: &[Entry<Action>], read: u32) -> Vec<Entry<Action>> {
    let end = entries[read as usize].ret;
    let counts = |(at, entry): &(usize, &Entry<Action>)| {
        *at == read as usize || matches!(entry.op, Action::Add(_)) && entry.inv < end
    };
    let few = entries.iter().enumerate().filter(counts);
    few.map(|(_, entry)| entry.clone()).collect()
}

/// By a legal order, or by the bounds of each read.
pub(super) fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, HistoryError> {
    match options.analysis {
        Analysis::Linearizable => judge::judge::<Counter>(group, options, budget),
        Analysis::Jepsen => bounds::judge(group, options, budget),
    }
}
