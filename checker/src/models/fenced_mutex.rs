//! A lock whose every acquire returns a greater number than the one before, its fence: `acquire → fence`, `release`, as Jepsen's
//! tests of Hazelcast. Of one that may be acquired again by its holder, that returns the same fence.
//!
//! Fences are above zero. One that nobody knows (an acquire with an unknown outcome, or one that returned null) is greater than the one before by one at least.

use histories::{Kind, Process, Value};

use super::row::{Judge, Model, Start};
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Lock, Proof};

pub(super) const MODEL: Model = Model {
    name: "fenced-mutex",
    about: "a lock whose acquires return rising fences, as Jepsen's for Hazelcast",
    operations: &["acquire → fence, or null", "release"],
    suggested: |_| false,
    contradicted: |_| None,
    start: Start::Always("free"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<FencedMutex<false>>),
    transactions: None,
    reading: |_, _| None,
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Lock::Fenced)],
        illegal: "acquire null → 2; release null; acquire null → 2",
        states: &[
            "free, no fence yet",
            "held by process 0, fence 2",
            "free, fence 2",
        ],
        proofs: &[Proof::Sums, Proof::MayStay],
    },
};

pub(super) const REENTRANT: Model = Model {
    name: "reentrant-fenced-mutex",
    about: "the same, which its holder may acquire again",
    judge: Judge::Key(judge::<FencedMutex<true>>),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Lock::ReentrantFenced)],
        illegal: "acquire null → 2; acquire null → 3",
        states: &["free, no fence yet", "held by process 0, fence 2"],
        ..MODEL.examples
    },
    ..MODEL
};

/// An operation, and who did it; an acquire with its fence, if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Acquire(Process, Option<i64>),
    Release(Process),
}

/// Who holds the lock, and the last fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The holder, and how often it acquired the lock.
    holder: Option<(Process, u32)>,
    /// 0 before the first acquire.
    fence: i64,
    /// Whether the fence may be a greater one, since nobody knows it.
    least: bool,
}

impl State {
    /// With the fence of a new acquire.
    fn acquired(self, by: Process, fence: Option<i64>) -> Option<Self> {
        let rises = fence.is_none_or(|fence| fence > self.fence);
        rises.then(|| State {
            holder: Some((by, 1)),
            fence: fence.unwrap_or(self.fence.saturating_add(1)),
            least: fence.is_none(),
        })
    }

    /// The fence again.
    fn again(self, by: Process, holds: u32, fence: Option<i64>) -> Option<Self> {
        let same = |fence| fence == self.fence || self.least && fence > self.fence;
        fence.is_none_or(same).then(|| State {
            holder: Some((by, holds.saturating_add(1))),
            fence: fence.unwrap_or(self.fence),
            least: self.least && fence.is_none(),
        })
    }
}

/// A lock that is free at first.
pub(crate) struct FencedMutex<const REENTRANT: bool>;

impl<const REENTRANT: bool> Spec for FencedMutex<REENTRANT> {
    type State = State;
    type Op = Action;

    fn initial(&self) -> State {
        State {
            holder: None,
            fence: 0,
            least: false,
        }
    }

    fn step(&self, state: &State, op: &Action) -> Option<State> {
        match (state.holder, *op) {
            (None, Action::Acquire(by, fence)) => state.acquired(by, fence),
            (Some((holder, holds)), Action::Acquire(by, fence)) if REENTRANT && holder == by => {
                state.again(by, holds, fence)
            }
            (Some((holder, holds)), Action::Release(by)) if holder == by => Some(State {
                holder: (holds > 1).then(|| (by, holds - 1)),
                ..*state
            }),
            _ => None,
        }
    }

    fn role(&self, _: &Action) -> Role {
        Role::Update
    }

    /// An acquire found it free, and a release held.
    fn observing(&self, _: &Action) -> bool {
        true
    }
}

/// What an acquire returned.
fn fence(operation: &Operation<'_>) -> Result<Option<i64>, HistoryError> {
    match operation.result() {
        _ if operation.outcome != Kind::Ok => Ok(None),
        Value::Null => Ok(None),
        Value::Int(fence) => Ok(Some(*fence)),
        _ => Err(operation.bad_value(true, "a fence, which is an integer, or null")),
    }
}

impl<const REENTRANT: bool> Decode for FencedMutex<REENTRANT> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let model = if REENTRANT {
            self::REENTRANT.name
        } else {
            MODEL.name
        };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            let by = operation.invoke.process;
            match &*operation.invoke.f {
                "acquire" => Ok(Some(Action::Acquire(by, fence(operation)?))),
                "release" => Ok(Some(Action::Release(by))),
                _ => Err(unknown_f(operation, model, MODEL.operations)),
            }
        })?;
        Ok(Decoded {
            spec: FencedMutex,
            entries,
            failed,
        })
    }

    fn tell(&self, state: &State) -> Telling {
        let holder = match state.holder {
            None => "free".to_owned(),
            Some((holder, 1)) => format!("held by process {holder}"),
            Some((holder, holds)) => format!("held {holds} times by process {holder}"),
        };
        let fence = match (state.fence, state.least) {
            (0, _) => "no fence yet".to_owned(),
            (fence, true) => format!("fence {fence} or greater"),
            (fence, false) => format!("fence {fence}"),
        };
        Telling::text(format!("{holder}, {fence}"))
    }
}
