//! Strings: `get → s`, `put s`, `append s`, as Porcupine's key-value model.
//!
//! A string that no get returned and that is no beginning of one can never become one that was returned, whatever
//! is appended: all such strings are the same state.

use std::collections::HashSet;
use std::sync::Arc;

use histories::{Kind, Value};

use super::{Decode, Decoded, decode_each, unknown_f};
use crate::budget::Meter;
use crate::error::{Halt, HistoryError};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["get → s", "put s", "append s"];

/// An operation on one string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Get(Arc<str>),
    Put(Arc<str>),
    Append(Arc<str>),
}

/// The specification.
pub(crate) struct Kv {
    initial: Arc<str>,
    /// What was returned, ascending: to see whether a string is the beginning of one.
    returned: Vec<Arc<str>>,
}

impl Kv {
    /// The state that shows this string; none for all strings that nobody can see any more.
    fn state(&self, text: Arc<str>) -> Option<Arc<str>> {
        let at = self.returned.partition_point(|other| **other < *text);
        self.returned
            .get(at)
            .is_some_and(|other| other.starts_with(&*text))
            .then_some(text)
    }
}

impl Spec for Kv {
    type State = Option<Arc<str>>;
    type Op = Action;

    fn state_bytes(state: &Self::State) -> usize {
        state.as_ref().map_or(0, |text| text.len() + 16)
    }

    fn initial(&self) -> Self::State {
        self.state(self.initial.clone())
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match (op, state) {
            (Action::Get(seen), _) => (Some(seen) == state.as_ref()).then(|| state.clone()),
            (Action::Put(text), _) => Some(self.state(text.clone())),
            (Action::Append(_), None) => Some(None),
            (Action::Append(more), Some(text)) => Some(self.state(format!("{text}{more}").into())),
        }
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Get(_) => Role::Pure,
            Action::Append(more) if more.is_empty() => Role::Pure,
            Action::Put(_) => Role::Blind,
            Action::Append(_) => Role::Update,
        }
    }
}

fn text(operation: &Operation<'_>, value: &Value, in_result: bool) -> Result<Arc<str>, HistoryError> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Null => Ok("".into()),
        _ => Err(operation.bad_value(in_result, "a string")),
    }
}

impl Decode for Kv {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "get" if operation.outcome != Kind::Ok => Ok(None),
            "get" => Ok(Some(Action::Get(text(operation, operation.result(), true)?))),
            "put" => Ok(Some(Action::Put(text(operation, operation.argument(), false)?))),
            "append" => Ok(Some(Action::Append(text(
                operation,
                operation.argument(),
                false,
            )?))),
            _ => Err(unknown_f(operation, "kv", OPERATIONS)),
        })?;
        let gets = entries.iter().filter_map(|entry| match &entry.op {
            Action::Get(seen) => Some(seen.clone()),
            _ => None,
        });
        let mut returned: Vec<_> = gets.collect::<HashSet<_>>().into_iter().collect();
        returned.sort_unstable();
        let initial = match group.initial {
            Value::Text(text) => text.clone(),
            _ => "".into(),
        };
        Ok(Decoded {
            spec: Kv { initial, returned },
            entries,
            failed,
        })
    }
}
