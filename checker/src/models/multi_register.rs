//! Several registers in one transaction: `txn [[read k v] [write k v] …]`, as Knossos's multi-register.
//!
//! The operations of a transaction take effect in their order. Where the history's `initial` is an array of pairs, these are
//! the first values of the registers that it names, and the others start from null; else all start from it, as a single
//! register does. What a read of null says is [`NullRead`]'s to decide.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use super::shape::Micros;
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::{Assume, FailedCas, NullRead, Options};
use crate::spec::{Role, Spec};
use crate::subject::Subject;
use crate::transactions::Words;
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

const OPERATIONS: &[&str] = &["txn [[read k v], [write k v], …] (or r and w)"];

pub(super) const MODEL: Model = Model {
    name: "multi-register",
    about: "several registers, read and written together in transactions, as Knossos's",
    operations: OPERATIONS,
    suggested: |shape| {
        let spelled = matches!(shape.micro, Some("read" | "write"));
        let transactions = matches!(shape.micros, Micros::Empty | Micros::Spelled);
        shape.only(&["read", "write"]) && spelled || shape.only(&["txn"]) && transactions
    },
    contradicted: |_| None,
    start: Start::Initial,
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<MultiRegister>),
    transactions: Some(WORDS),
    reading: |_, _| None,
    final_reads: Some(final_reads::last_write),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::MultiRegister)],
        illegal: "txn [['write','x',1],['write','y',2]]; txn [['read','x',null]] → [['read','x',2]]",
        states: &["x=null y=null", "x=1 y=2"],
        proofs: &[Proof::MayStay],
    },
};

/// For levels that say nothing of real time.
const WORDS: Words = Words {
    model: "multi-register",
    operations: OPERATIONS,
    write: "write",
    lists: false,
    expected: "an array of [read k v] and [write k v]",
    subject: Subject::MultiRegisters,
    null_read: NullRead::Observation,
    failed_cas: FailedCas::DidNotHappen,
    assume: Assume::NOTHING,
    timed: true,
};

/// A read or write of one register; registers and values by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read(u32, u32),
    Write(u32, u32),
}

/// The specification; by register the number of its value.
pub(crate) struct MultiRegister {
    initial: Arc<[u32]>,
    /// The number of the value from which all start that the history's `initial` does not name.
    others: u32,
    /// What the registers are called.
    registers: Vec<Value>,
}

impl Spec for MultiRegister {
    type State = Arc<[u32]>;
    type Op = Arc<[Access]>;

    fn op_bytes(op: &Self::Op) -> usize {
        size_of_val(&**op) + 16
    }

    fn state_bytes(state: &Self::State) -> usize {
        size_of_val(&**state) + 16
    }

    fn initial(&self) -> Self::State {
        self.initial.clone()
    }

    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State> {
        let mut next = state.to_vec();
        for access in op.iter() {
            match *access {
                Access::Read(register, value) if next[register as usize] != value => return None,
                Access::Read(..) => {}
                Access::Write(register, value) => next[register as usize] = value,
            }
        }
        Some(if next[..] == state[..] {
            state.clone()
        } else {
            next.into()
        })
    }

    fn observing(&self, op: &Self::Op) -> bool {
        op.iter().any(|access| matches!(access, Access::Read(..)))
    }

    fn role(&self, op: &Self::Op) -> Role {
        if op.iter().all(|access| matches!(access, Access::Read(..))) {
            Role::Pure
        } else {
            Role::Update
        }
    }
}

/// An access as it is written.
struct Written<'a> {
    is_read: bool,
    register: &'a Value,
    value: &'a Value,
    /// Whether it is a read of which nobody knows what it saw.
    unknown: bool,
}

impl Written<'_> {
    /// Whether it says something of the register.
    fn says(&self, null_read: NullRead) -> bool {
        let nothing = null_read == NullRead::SaysNothing && self.is_read && *self.value == Value::Null;
        !self.unknown && !nothing
    }
}

/// The accesses of a transaction in their order.
fn written<'a>(operation: &Operation<'a>) -> Result<Vec<Written<'a>>, HistoryError> {
    let done = operation.outcome == Kind::Ok;
    let bad = || operation.bad_value(done, "an array of [read k v] and [write k v]");
    let list = if done {
        operation.result()
    } else {
        operation.argument()
    }
    .as_list()
    .ok_or_else(bad)?;
    let access = |access: &'a Value| {
        let (f, register, value) = match access.as_list() {
            Some([Value::Text(f), register, value]) => (f, register, value),
            // What it will see is not yet known.
            Some([Value::Text(f), register]) if matches!(&**f, "read" | "r") => (f, register, &Value::Null),
            _ => return Err(bad()),
        };
        let is_read = match &**f {
            "read" | "r" => true,
            "write" | "w" => false,
            _ => return Err(bad()),
        };
        Ok(Written {
            is_read,
            register,
            value,
            unknown: is_read && !done,
        })
    };
    list.iter().map(access).collect()
}

fn accesses<'a>(
    operation: &Operation<'a>,
    null_read: NullRead,
    registers: &mut Numbers<'a>,
    values: &mut Numbers<'a>,
) -> Result<Arc<[Access]>, HistoryError> {
    let written = written(operation)?;
    let mut accesses = Vec::with_capacity(written.len());
    for access in written {
        let register = registers.of(access.register);
        if access.says(null_read) {
            let value = values.of(access.value);
            accesses.push(match access.is_read {
                true => Access::Read(register, value),
                false => Access::Write(register, value),
            });
        }
    }
    Ok(accesses.into())
}

/// The registers' values at first, where the history's `initial` names each.
fn pairs(initial: &Value) -> Option<Vec<(&Value, &Value)>> {
    let pairs = initial.as_list().filter(|pairs| !pairs.is_empty())?.iter();
    pairs
        .map(|pair| match pair.as_list()? {
            [register, value] => Some((register, value)),
            _ => None,
        })
        .collect()
}

impl Decode for MultiRegister {
    fn decode(group: &Group<'_>, options: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (mut registers, mut values) = (Numbers::default(), Numbers::default());
        let pairs = pairs(group.initial);
        let others = values.of(if pairs.is_some() {
            &Value::Null
        } else {
            group.initial
        });
        let named: Vec<_> = pairs
            .unwrap_or_default()
            .into_iter()
            .map(|(register, value)| (registers.of(register), values.of(value)))
            .collect();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "txn" | "read" | "write" => {
                accesses(operation, options.null_read, &mut registers, &mut values).map(Some)
            }
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        let mut initial = vec![others; registers.len()];
        for (register, value) in named {
            initial[register as usize] = value;
        }
        Ok(Decoded {
            spec: MultiRegister {
                initial: initial.into(),
                others,
                registers: registers.values(),
            },
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::joined(state.len(), " ", |at| {
            let register = match &self.registers[at] {
                Value::Text(name) => name.to_string(),
                other => other.to_string(),
            };
            Telling::text(register + "=").and(Telling::value(state[at]))
        })
    }

    fn names<'a>(op: &Self::Op, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        let written = written(operation).unwrap_or_default();
        let said = |null_read: NullRead| written.iter().filter(move |access| access.says(null_read));
        // Whether reads of null are among them shows in their number.
        let null_read = match said(NullRead::Observation).count() == op.len() {
            true => NullRead::Observation,
            false => NullRead::SaysNothing,
        };
        for (access, said) in op.iter().zip(said(null_read)) {
            let (Access::Read(_, number) | Access::Write(_, number)) = *access;
            name(number, said.value);
        }
    }

    /// The value of a register that has it from the beginning.
    fn first<'a>(&self, initial: &'a Value, number: u32) -> &'a Value {
        let Some(pairs) = pairs(initial) else {
            return initial;
        };
        let has = |(register, _): &(&Value, _)| {
            let at = self.registers.iter().position(|known| known == *register);
            at.is_some_and(|at| self.initial[at] == number)
        };
        let named = pairs.into_iter().find(has).map(|(_, value)| value);
        named.filter(|_| number != self.others).unwrap_or(&Value::Null)
    }

    fn start(initial: &Value) -> Option<String> {
        Some(initial.to_string())
    }
}
