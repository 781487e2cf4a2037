//! The models: what each operation means. One file and one row each.

pub(crate) mod append;
mod bank;
mod bounds;
pub(crate) mod counter;
pub(crate) mod fifo_queue;
mod final_read;
pub(crate) mod kv;
mod long_fork;
pub(crate) mod multi_register;
pub(crate) mod mutex;
pub(crate) mod register;
mod set;
mod set_full;
pub(crate) mod set_remove;
mod spelling;
mod telling;
pub(crate) mod unordered_queue;
pub(crate) mod versioned_register;

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use crate::budget::{Budget, Meter, Stop};
use crate::error::{Halt, HistoryError};
use crate::graph::Decision;
use crate::judge::{Judged, judge};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Entry, Spec};
use crate::transactions;
pub(crate) use telling::Telling;

/// A row of the table: a model by its name.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name, as in a history's header and on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The words for its operations, and the values that they take.
    pub operations: &'static [&'static str],
    pub(crate) judge: fn(&Group<'_>, &Options, &Budget) -> Result<Judged, HistoryError>,
}

/// All models.
pub static TABLE: &[Model] = &[
    Model {
        name: "register",
        about: "one value: read, write, cas; fast where each value is written once",
        operations: register::OPERATIONS,
        judge: judge::<register::Register>,
    },
    Model {
        name: "cas-register",
        about: "one value with compare-and-set, as Knossos's",
        operations: register::OPERATIONS,
        judge: judge::<register::Register>,
    },
    Model {
        name: "versioned-register",
        about: "one value and the number of its updates, as in Jepsen's tests of etcd",
        operations: versioned_register::OPERATIONS,
        judge: judge::<versioned_register::VersionedRegister<false>>,
    },
    Model {
        name: "revision-register",
        about: "one value and the revision of its last update, as etcd's mod_revision",
        operations: versioned_register::OPERATIONS,
        judge: judge::<versioned_register::VersionedRegister<true>>,
    },
    Model {
        name: "multi-register",
        about: "several registers, read and written together in transactions, as Knossos's",
        operations: multi_register::OPERATIONS,
        judge: judge::<multi_register::MultiRegister>,
    },
    Model {
        name: "kv",
        about: "strings: get, put, append, as Porcupine's",
        operations: kv::OPERATIONS,
        judge: judge::<kv::Kv>,
    },
    Model {
        name: "append",
        about: "a list that grows, read as a whole",
        operations: append::OPERATIONS,
        judge: judge::<append::List>,
    },
    Model {
        name: "set",
        about: "a set that grows, read as a whole",
        operations: set::OPERATIONS,
        judge: set::judge,
    },
    Model {
        name: "set-full",
        about: "Jepsen's analysis of a set: which elements were lost, duplicated or seen late",
        operations: set::OPERATIONS,
        judge: set_full::judge,
    },
    Model {
        name: "set-remove",
        about: "a set with removal, read as a whole or asked for one element",
        operations: set_remove::OPERATIONS,
        judge: judge::<set_remove::SetRemove>,
    },
    Model {
        name: "counter",
        about: "a number from 0: add, read, and additions that return a number",
        operations: counter::OPERATIONS,
        judge: counter::judge,
    },
    Model {
        name: "unordered-queue",
        about: "a queue that gives its elements in any order, as Knossos's",
        operations: unordered_queue::OPERATIONS,
        judge: judge::<unordered_queue::UnorderedQueue>,
    },
    Model {
        name: "fifo-queue",
        about: "a queue that gives its oldest element, as Knossos's",
        operations: fifo_queue::OPERATIONS,
        judge: judge::<fifo_queue::FifoQueue>,
    },
    Model {
        name: "mutex",
        about: "a lock that anybody may release, as Knossos's",
        operations: mutex::OPERATIONS,
        judge: judge::<mutex::Mutex<false>>,
    },
    Model {
        name: "owned-mutex",
        about: "a lock that only its holder may release",
        operations: mutex::OWNED_OPERATIONS,
        judge: judge::<mutex::Mutex<true>>,
    },
    Model {
        name: "bank",
        about: "accounts whose total never changes, as Jepsen's",
        operations: bank::OPERATIONS,
        judge: bank::judge,
    },
    Model {
        name: "long-fork",
        about: "reads of several keys that must agree on the order of the writes, as Jepsen's",
        operations: long_fork::OPERATIONS,
        judge: long_fork::judge,
    },
    Model {
        name: "list-append",
        about: "transactions that read and append to lists, as Elle's",
        operations: transactions::LIST_APPEND,
        judge: transactions::judge_lists,
    },
    Model {
        name: "rw-register",
        about: "transactions that read and write registers, as Elle's",
        operations: transactions::RW_REGISTER,
        judge: transactions::judge_registers,
    },
];

/// The model of this name.
///
/// ```
/// assert!(checker::models::find("cas-register").is_some());
/// ```
pub fn find(name: &str) -> Option<&'static Model> {
    TABLE.iter().find(|model| model.name == name)
}

/// A group's operations in the model's terms.
pub(crate) struct Decoded<S: Spec> {
    /// The specification that belongs to them.
    pub spec: S,
    /// What happened or may have happened, in the order of invocations.
    pub entries: Vec<Entry<S::Op>>,
    /// What certainly did not happen, as if it had.
    pub failed: Vec<Entry<S::Op>>,
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

/// What [`Numbers`] holds for an operation, more or less.
pub(crate) const NUMBER_BYTES: usize = 24;

/// How far integers may run ahead of their count and still be in turn.
const SLACK: usize = 64;

/// Small numbers for the values of one group.
#[derive(Default)]
pub(crate) struct Numbers<'a> {
    /// How many values have a number.
    count: u32,
    /// The numbers of the integers from 0 on, counted from 1, as long as they come about in turn.
    dense: Vec<u32>,
    /// The numbers of other values.
    sparse: FxHashMap<&'a Value, u32>,
}

impl<'a> Numbers<'a> {
    /// The value's number, counted from 0.
    #[inline]
    pub fn of(&mut self, value: &'a Value) -> u32 {
        let place = value.as_int().and_then(|number| usize::try_from(number).ok());
        match place.filter(|place| *place < 4 * self.count as usize + SLACK) {
            Some(place) => match self.dense.get(place) {
                Some(&number) if number > 0 => number - 1,
                _ => self.place(place, value),
            },
            None => self.look_up(value),
        }
    }

    /// The number of an integer without one in its place; it may have come too early for that.
    fn place(&mut self, place: usize, value: &'a Value) -> u32 {
        let number = self.look_up_in_sparse(value).unwrap_or_else(|| self.next());
        if place >= self.dense.len() {
            self.dense.resize(place + 1, 0);
        }
        self.dense[place] = number + 1;
        number
    }

    fn look_up(&mut self, value: &'a Value) -> u32 {
        match self.look_up_in_sparse(value) {
            Some(number) => number,
            None => {
                let number = self.next();
                self.sparse.insert(value, number);
                number
            }
        }
    }

    fn look_up_in_sparse(&self, value: &Value) -> Option<u32> {
        self.sparse.get(value).copied()
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    /// How many values have a number.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// The values in the order of their numbers.
    pub fn values(&self) -> Vec<Value> {
        let mut values = vec![Value::Null; self.len()];
        for (place, number) in (0..).zip(&self.dense).filter(|(_, number)| **number > 0) {
            values[*number as usize - 1] = Value::Int(place);
        }
        for (value, number) in &self.sparse {
            values[*number as usize] = (*value).clone();
        }
        values
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_one_number_whenever_it_comes() {
        let far = 4 * SLACK as i64;
        let mut values: Vec<Value> = vec![far.into(), (-1).into(), Value::Null, "1".into()];
        values.extend((0..2 * far).map(Value::from));
        let mut numbers = Numbers::default();
        let first: Vec<u32> = values.iter().map(|value| numbers.of(value)).collect();
        let again: Vec<u32> = values.iter().map(|value| numbers.of(value)).collect();
        assert_eq!(first, again, "far integers are looked up until it is their turn");
        let mut different = first.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different, (0..numbers.len() as u32).collect::<Vec<_>>());
        assert_eq!(numbers.len(), values.len() - 1, "one integer stands there twice");
    }
}
