//! Several registers in one transaction: `txn [[read k v] [write k v] …]`, as Knossos's multi-register.
//!
//! The operations of a transaction take effect in their order. Where the history's `initial` is an array of pairs,
//! these are the first values; else a register has no value until the first read or write of it gives one. A read of
//! null says nothing, as in Knossos.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model};
use super::shape::Micros;
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{self, Drawn, Examples};

pub(super) const MODEL: Model = Model {
    name: "multi-register",
    about: "several registers, read and written together in transactions, as Knossos's",
    operations: &["txn [[read k v], [write k v], …] (or r and w)"],
    suggested: |shape| {
        let spelled = matches!(shape.micro, Some("read" | "write"));
        let transactions = matches!(shape.micros, Micros::Empty | Micros::Spelled);
        shape.only(&["read", "write"]) && spelled || shape.only(&["txn"]) && transactions
    },
    is_register: false,
    judge: Judge::Key(judge::<MultiRegister>),
    final_reads: Some(final_reads::last_write),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::MultiRegister)],
        illegal: "txn [['write','x',1],['read','y',null]] → [['write','x',1],['read','y',2]]; \
                  txn [['read','x',null]] → [['read','x',2]]",
        states: &["x=? y=?", "x=1 y=2"],
        proofs: &[],
    },
};

/// A read or write of one register; registers and values by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read(u32, u32),
    Write(u32, u32),
}

/// The specification; by register the number of its value plus one, 0 for one that has none yet.
pub(crate) struct MultiRegister {
    initial: Arc<[u32]>,
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
                Access::Read(register, value) => {
                    let held = &mut next[register as usize];
                    if *held != 0 && *held != value + 1 {
                        return None;
                    }
                    *held = value + 1;
                }
                Access::Write(register, value) => next[register as usize] = value + 1,
            }
        }
        Some(if next[..] == state[..] {
            state.clone()
        } else {
            next.into()
        })
    }

    fn role(&self, op: &Self::Op) -> Role {
        let pure = |access: &Access| match access {
            Access::Read(register, _) => self.initial[*register as usize] != 0,
            Access::Write(..) => false,
        };
        if op.iter().all(pure) {
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
    says_nothing: bool,
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
        let Some([Value::Text(f), register, value]) = access.as_list() else {
            return Err(bad());
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
            says_nothing: is_read && (*value == Value::Null || !done),
        })
    };
    list.iter().map(access).collect()
}

fn accesses<'a>(
    operation: &Operation<'a>,
    registers: &mut Numbers<'a>,
    values: &mut Numbers<'a>,
) -> Result<Arc<[Access]>, HistoryError> {
    let written = written(operation)?;
    let mut accesses = Vec::with_capacity(written.len());
    for access in written {
        let register = registers.of(access.register);
        if !access.says_nothing {
            let value = values.of(access.value);
            accesses.push(match access.is_read {
                true => Access::Read(register, value),
                false => Access::Write(register, value),
            });
        }
    }
    Ok(accesses.into())
}

/// The registers' values at first.
fn pairs(initial: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let pairs = initial.as_list().unwrap_or_default().iter();
    pairs.filter_map(|pair| match pair.as_list()? {
        [register, value] => Some((register, value)),
        _ => None,
    })
}

impl Decode for MultiRegister {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (mut registers, mut values) = (Numbers::default(), Numbers::default());
        let known: Vec<_> = pairs(group.initial)
            .map(|(register, value)| (registers.of(register), values.of(value)))
            .collect();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "txn" | "read" | "write" => accesses(operation, &mut registers, &mut values).map(Some),
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        let mut initial = vec![0; registers.len()];
        known
            .iter()
            .for_each(|&(register, value)| initial[register as usize] = value + 1);
        Ok(Decoded {
            spec: MultiRegister {
                initial: initial.into(),
                registers: registers.values(),
            },
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::joined(state.len(), " ", |at| {
            let value = match state[at].checked_sub(1) {
                Some(number) => Telling::value(number),
                None => Telling::text("?"),
            };
            let register = match &self.registers[at] {
                Value::Text(name) => name.to_string(),
                other => other.to_string(),
            };
            Telling::text(register + "=").and(value)
        })
    }

    fn names<'a>(op: &Self::Op, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        let written = written(operation).unwrap_or_default();
        let said = written.iter().filter(|access| !access.says_nothing);
        for (access, said) in op.iter().zip(said) {
            let (Access::Read(_, number) | Access::Write(_, number)) = *access;
            name(number, said.value);
        }
    }

    /// The value of a register that has it from the beginning.
    fn first<'a>(&self, initial: &'a Value, number: u32) -> &'a Value {
        let has = |(register, _): &(&Value, _)| {
            let at = self.registers.iter().position(|known| known == *register);
            at.is_some_and(|at| self.initial[at] == number + 1)
        };
        pairs(initial).find(has).map_or(&Value::Null, |(_, value)| value)
    }
}
