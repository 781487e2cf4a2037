//! A set with removal: `add v`, `remove v`, `read → [v, …]` in any order.

use std::sync::Arc;

use histories::{Kind, Value};

use super::row::{Judge, Model};
use super::set::{seen, with};
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::Halt;
use crate::final_reads;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Collection, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "set-remove",
    about: "a set with removal, read as a whole or asked for one element",
    operations: &["add v", "remove v", "read → [v, …]"],
    is_register: false,
    judge: Judge::Key(judge::<SetRemove>),
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Collection::with_removal(5))],
        illegal: "add 7; remove 7; read null → [7]",
        states: &["{}", "{7}", "{}"],
        proofs: &[Proof::Elements],
    },
};

/// Elements by their numbers, ascending and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Add(u32),
    Remove(u32),
    Read(Arc<[u32]>),
}

/// A set that is empty at first; removing what is not there changes nothing.
pub(crate) struct SetRemove;

impl Spec for SetRemove {
    type State = Arc<[u32]>;
    type Op = Action;

    fn op_bytes(op: &Action) -> usize {
        match op {
            Action::Read(seen) => size_of_val(&**seen) + 16,
            _ => 0,
        }
    }

    fn state_bytes(state: &Self::State) -> usize {
        size_of_val(&**state) + 16
    }

    fn initial(&self) -> Self::State {
        Arc::new([])
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match op {
            Action::Add(element) => Some(with(state, *element)),
            Action::Remove(element) => Some(state.iter().copied().filter(|x| x != element).collect()),
            Action::Read(seen) => (seen == state).then(|| state.clone()),
        }
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Add(_) | Action::Remove(_) => Role::Update,
            Action::Read(_) => Role::Pure,
        }
    }

    fn elements(&self, op: &Action, elements: &mut Vec<u32>) {
        match op {
            Action::Add(element) | Action::Remove(element) => elements.push(*element),
            Action::Read(seen) => elements.extend(&**seen),
        }
    }

    fn restrict(&self, op: &Action, kept: &dyn Fn(u32) -> bool) -> Option<Action> {
        match op {
            Action::Add(element) | Action::Remove(element) => kept(*element).then(|| op.clone()),
            Action::Read(seen) => Some(Action::Read(seen.iter().copied().filter(|x| kept(*x)).collect())),
        }
    }
}

impl Decode for SetRemove {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let mut numbers = Numbers::default();
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "add" => Ok(Some(Action::Add(numbers.of(operation.argument())))),
            "remove" => Ok(Some(Action::Remove(numbers.of(operation.argument())))),
            "read" if operation.outcome != Kind::Ok => Ok(None),
            "read" => Ok(Some(Action::Read(seen(operation, &mut numbers)?))),
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        Ok(Decoded {
            spec: SetRemove,
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::list("{", state, "}")
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        if let Action::Add(element) = *op {
            name(element, operation.argument());
        }
    }
}
