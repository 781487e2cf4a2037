//! A counter from 0: `add n`, `read → n`.

use histories::{Kind, Value};

use super::{Decode, Decoded, decode_each, unknown_f};
use crate::budget::{Meter, Stop};
use crate::error::Halt;
use crate::graph::{Decision, deadlines};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Role, Spec};

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
        deadlines::decide(decoded, want_order, meter)
    }
}
