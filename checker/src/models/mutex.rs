//! A lock: `acquire`, `release`.

use histories::Process;

use super::{Decode, Decoded, decode_each, unknown_f};
use crate::budget::Meter;
use crate::error::Halt;
use crate::operations::Group;
use crate::options::Options;
use crate::search::{Role, Spec};

/// What the model takes.
pub(super) const OPERATIONS: &[&str] = &["acquire", "release"];

/// An operation on a lock, and who did it if that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Acquire(Option<Process>),
    Release(Option<Process>),
}

/// A lock that is free at first; if it is `OWNED`, only its holder may release it.
pub(crate) struct Mutex<const OWNED: bool>;

impl<const OWNED: bool> Spec for Mutex<OWNED> {
    type State = Option<Action>;
    type Op = Action;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match (state, op) {
            (None, Action::Acquire(_)) => Some(Some(*op)),
            (Some(Action::Acquire(holder)), Action::Release(by)) if holder == by => Some(None),
            _ => None,
        }
    }

    fn role(&self, _: &Action) -> Role {
        Role::Update
    }
}

impl<const OWNED: bool> Decode for Mutex<OWNED> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let name = if OWNED { "owned-mutex" } else { "mutex" };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            let by = OWNED.then_some(operation.invoke.process);
            match &*operation.invoke.f {
                "acquire" => Ok(Some(Action::Acquire(by))),
                "release" => Ok(Some(Action::Release(by))),
                _ => Err(unknown_f(operation, name, OPERATIONS)),
            }
        })?;
        Ok(Decoded {
            spec: Mutex,
            entries,
            failed,
        })
    }
}
