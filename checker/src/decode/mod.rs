//! From a group's operations to a specification's, and what a graph engine answers about them.

mod field;
mod micro;
mod numbers;
mod telling;

use histories::{Kind, Value};

use crate::budget::{Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Entry, Spec};
pub(crate) use field::field;
pub(crate) use micro::micro;
pub(crate) use numbers::{NUMBER_BYTES, Numbers};
pub(crate) use telling::{Telling, shortened};

/// A group's operations in the model's terms.
pub(crate) struct Decoded<S: Spec> {
    /// The specification that belongs to them.
    pub spec: S,
    /// What happened or may have happened, in the order of invocations.
    pub entries: Vec<Entry<S::Op>>,
    /// What certainly did not happen, as if it had.
    pub failed: Vec<Entry<S::Op>>,
}

/// What a graph engine found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision<O> {
    /// A legal order, as ids; empty unless it was asked for.
    Legal(Vec<u32>),
    /// Operations, or weaker ones in their place, that have no legal order by themselves.
    Illegal(Vec<Entry<O>>),
    /// The history is not of the kind that this engine decides.
    NotApplicable,
}

/// A specification that reads a history's operations.
pub(crate) trait Decode: Spec + Sized {
    /// All operations of the group.
    fn decode(group: &Group<'_>, options: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt>;

    /// The model's graph engine; with `want_order` a legal history comes with its order.
    fn graph(_: &Decoded<Self>, _want_order: bool, _: &mut Meter<'_>) -> Result<Decision<Self::Op>, Stop> {
        Ok(Decision::NotApplicable)
    }

    /// Where the operation stands in every legal order, if its result tells: before those of a greater rank.
    fn rank(_: &Self::Op) -> Option<u64> {
        None
    }

    /// What the state shows.
    fn tell(&self, state: &Self::State) -> Telling;

    /// Hands over each value that `op` can leave in a state, with its number there.
    fn names<'a>(_: &Self::Op, _: &Operation<'a>, _name: &mut dyn FnMut(u32, &'a Value)) {}

    /// What there is before the first operation, as a person says it, where the history's initial value decides that.
    fn start(_initial: &Value) -> Option<String> {
        None
    }

    /// The value of a number that was there before all operations, of the history's initial value.
    fn first<'a>(&self, initial: &'a Value, _number: u32) -> &'a Value {
        initial
    }
}

/// The error for a word that the model does not know.
pub(crate) fn unknown_f(operation: &Operation<'_>, model: &'static str, known: &[&str]) -> HistoryError {
    HistoryError::UnknownF {
        index: operation.index(),
        model,
        f: operation.invoke.f.to_string(),
        known: known.join(", "),
    }
}

/// The error for a first value that the model cannot start from.
pub(crate) fn bad_initial(group: &Group<'_>, model: &'static str, expected: &'static str) -> HistoryError {
    HistoryError::BadInitial {
        model,
        initial: group.initial.clone(),
        expected,
    }
}

/// Operations, in the order of their invocations.
pub(crate) type Entries<O> = Vec<Entry<O>>;

/// What may have happened, and what failed.
pub(crate) type Split<O> = (Entries<O>, Entries<O>);

/// Reads a group operation by operation: what may have happened, and what failed; an operation that says nothing is decoded as none.
pub(crate) fn decode_each<'a, S: Spec>(
    group: &'a Group<'a>,
    meter: &mut Meter<'_>,
    mut decode: impl FnMut(&'a Operation<'a>) -> Result<Option<S::Op>, HistoryError>,
) -> Result<Split<S::Op>, Halt> {
    meter.grow(group.operations.len() * (size_of::<Entry<S::Op>>() + NUMBER_BYTES))?;
    let (mut entries, mut failed) = (Vec::with_capacity(group.operations.len()), Vec::new());
    for (id, operation) in group.operations.iter().enumerate() {
        meter.tick()?;
        let Some(op) = decode(operation)? else { continue };
        let heap = S::op_bytes(&op);
        if heap > 0 {
            meter.grow(heap)?;
        }
        let entry = Entry {
            op,
            inv: operation.inv,
            ret: operation.ret,
            id: id as u32,
        };
        if operation.outcome == Kind::Fail {
            failed.push(entry)
        } else {
            entries.push(entry)
        }
    }
    Ok((entries, failed))
}
