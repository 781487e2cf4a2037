//! A lock that its holder may acquire again, and must release as often: `acquire`, `release`, as Jepsen's tests of Hazelcast.

use histories::Process;

use super::row::{Judge, Model, Start};
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Telling, decode_each, unknown_f};
use crate::error::Halt;
use crate::judge::judge;
use crate::operations::Group;
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Lock, Proof};

pub(super) const MODEL: Model = Model {
    name: "reentrant-mutex",
    about: "a lock that its holder may acquire again, as Jepsen's for Hazelcast",
    operations: &["acquire", "release"],
    suggested: |_| false,
    contradicted: |_| None,
    start: Start::Always("free"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<ReentrantMutex>),
    transactions: None,
    reading: |_, _| None,
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Lock::Reentrant)],
        illegal: "acquire null; release null; release null",
        states: &["free", "held by process 0", "free"],
        proofs: &[Proof::Sums, Proof::MayStay],
    },
};

/// An operation, and who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Acquire(Process),
    Release(Process),
}

/// A lock that is free at first; the state is its holder, and how often it was acquired.
pub(crate) struct ReentrantMutex;

impl Spec for ReentrantMutex {
    type State = Option<(Process, u32)>;
    type Op = Action;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, op: &Action) -> Option<Self::State> {
        match (*state, *op) {
            (None, Action::Acquire(by)) => Some(Some((by, 1))),
            (Some((holder, holds)), Action::Acquire(by)) if holder == by => {
                Some(Some((by, holds.checked_add(1)?)))
            }
            (Some((holder, 1)), Action::Release(by)) if holder == by => Some(None),
            (Some((holder, holds)), Action::Release(by)) if holder == by => Some(Some((by, holds - 1))),
            _ => None,
        }
    }

    fn role(&self, _: &Action) -> Role {
        Role::Update
    }

    /// An acquire found it free or its own, and a release held.
    fn observing(&self, _: &Action) -> bool {
        true
    }
}

impl Decode for ReentrantMutex {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| match &*operation.invoke.f {
            "acquire" => Ok(Some(Action::Acquire(operation.invoke.process))),
            "release" => Ok(Some(Action::Release(operation.invoke.process))),
            _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
        })?;
        Ok(Decoded {
            spec: ReentrantMutex,
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        Telling::text(match state {
            None => "free".to_owned(),
            Some((holder, 1)) => format!("held by process {holder}"),
            Some((holder, holds)) => format!("held {holds} times by process {holder}"),
        })
    }
}
