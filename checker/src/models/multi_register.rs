//! Several registers in one transaction: `txn [[read k v] [write k v] …]`, as Knossos's multi-register.
//!
//! The operations of a transaction take effect in their order. Where the history's `initial` is an array of pairs,
//! these are the first values; else a register has no value until the first read or write of it gives one. A read of
//! null says nothing, as in Knossos.

use std::sync::Arc;

use histories::{Kind, Value};

use super::{Decode, Decoded, Numbers, decode_each, unknown_f};
use crate::budget::Meter;
use crate::error::{Halt, HistoryError};
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::search::{Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["txn [[read k v], [write k v], …] (or r and w)"];

/// A read or write of one register; registers and values by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read(u32, u32),
    Write(u32, u32),
}

/// The specification; by register the number of its value plus one, 0 for one that has none yet.
pub(crate) struct MultiRegister {
    initial: Arc<[u32]>,
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

fn accesses<'a>(
    operation: &Operation<'a>,
    registers: &mut Numbers<'a>,
    values: &mut Numbers<'a>,
) -> Result<Arc<[Access]>, HistoryError> {
    let done = operation.outcome == Kind::Ok;
    let bad = || operation.bad_value(done, "an array of [read k v] and [write k v]");
    let list = if done {
        operation.result()
    } else {
        operation.argument()
    }
    .as_list()
    .ok_or_else(bad)?;
    let mut accesses = Vec::with_capacity(list.len());
    for access in list {
        match access.as_list() {
            Some([Value::Text(f), register, value]) => match &**f {
                "read" | "r" if *value == Value::Null || !done => drop(registers.of(register)),
                "read" | "r" => accesses.push(Access::Read(registers.of(register), values.of(value))),
                "write" | "w" => accesses.push(Access::Write(registers.of(register), values.of(value))),
                _ => return Err(bad()),
            },
            _ => return Err(bad()),
        }
    }
    Ok(accesses.into())
}

impl Decode for MultiRegister {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (mut registers, mut values) = (Numbers::default(), Numbers::default());
        let pairs = group
            .initial
            .as_list()
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_list);
        let mut known = Vec::new();
        for pair in pairs {
            if let [register, value] = pair {
                known.push((registers.of(register), values.of(value)));
            }
        }
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "txn" | "read" | "write" => accesses(operation, &mut registers, &mut values).map(Some),
            _ => Err(unknown_f(operation, "multi-register", OPERATIONS)),
        })?;
        let mut initial = vec![0; registers.len()];
        known
            .iter()
            .for_each(|&(register, value)| initial[register as usize] = value + 1);
        Ok(Decoded {
            spec: MultiRegister {
                initial: initial.into(),
            },
            entries,
            failed,
        })
    }
}
