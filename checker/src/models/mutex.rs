//! A lock: `acquire`, `release`; of one that has an owner, also `read → the process that holds it, or null`.

use histories::{Kind, Process, Value};

use super::row::{Judge, Model, Start};
use crate::budget::Meter;
use crate::decode::{Decode, Decoded, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::{Role, Spec};
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "mutex",
    about: "a lock that anybody may release, as Knossos's",
    operations: &["acquire", "release"],
    suggested: |shape| shape.only(&["acquire", "release"]),
    contradicted: |shape| shape.lock_value,
    start: Start::Always("free"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<Mutex<false>>),
    transactions: None,
    reading: |_, _| None,
    final_reads: Some(final_reads::last_write),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Mutex { owned: false })],
        illegal: "acquire null; acquire null",
        states: &["free", "held"],
        proofs: &[Proof::Sums],
    },
};

/// With an owner.
pub(super) const WITH_OWNER: Model = Model {
    name: "owned-mutex",
    about: "a lock that only its holder may release",
    operations: &["acquire", "release", "read → process, or null"],
    suggested: |shape| {
        shape.only(&["acquire", "release", "read"]) && shape.has("acquire") && shape.has("read")
    },
    judge: Judge::Key(judge::<Mutex<true>>),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Mutex { owned: true })],
        states: &["free", "held by process 0"],
        proofs: &[Proof::Sums, Proof::MayStay],
        ..MODEL.examples
    },
    ..MODEL
};

/// An operation on a lock, and who did it if that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Acquire(Option<Process>),
    Release(Option<Process>),
    /// It was held by this process, or free.
    Read(Option<Process>),
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
            (Some(Action::Acquire(holder)), Action::Read(seen)) if holder == seen && seen.is_some() => {
                Some(*state)
            }
            (None, Action::Read(None)) => Some(None),
            _ => None,
        }
    }

    /// An acquire found it free, and a release held.
    fn observing(&self, _: &Action) -> bool {
        true
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Read(_) => Role::Pure,
            Action::Acquire(_) | Action::Release(_) => Role::Update,
        }
    }

    /// If they acquired as often as they released, nothing; if once more, any acquire.
    ///
    /// Take a legal order, and of those in flight the ones that had happened at the moment. They are all concurrent, so they
    /// can take turns, beginning with what the lock's state asks for; they leave the lock as it was left in that
    /// order, because there were as many of each kind.
    fn stands_for(&self, ops: &[&Action]) -> Option<Vec<usize>> {
        let change = |op: &&Action| match op {
            Action::Acquire(_) => 1,
            Action::Release(_) => -1,
            Action::Read(_) => 0,
        };
        let last_acquire = || ops.iter().rposition(|op| matches!(op, Action::Acquire(_)));
        match ops.iter().map(change).sum::<i64>() {
            _ if OWNED => None,
            0 => Some(Vec::new()),
            1 => last_acquire().map(|last| vec![last]),
            _ => None,
        }
    }
}

impl<const OWNED: bool> Decode for Mutex<OWNED> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let model = if OWNED { WITH_OWNER } else { MODEL };
        let (entries, failed) = decode_each::<Self>(group, meter, |operation| {
            let by = OWNED.then_some(operation.invoke.process);
            match &*operation.invoke.f {
                "acquire" => Ok(Some(Action::Acquire(by))),
                "release" => Ok(Some(Action::Release(by))),
                "read" if OWNED && operation.outcome != Kind::Ok => Ok(None),
                "read" if OWNED => Ok(Some(Action::Read(holder(operation)?))),
                _ => Err(unknown_f(operation, model.name, model.operations)),
            }
        })?;
        Ok(Decoded {
            spec: Mutex,
            entries,
            failed,
        })
    }

    fn tell(&self, state: &Self::State) -> Telling {
        match state {
            Some(Action::Acquire(Some(holder))) => Telling::text(format!("held by process {holder}")),
            Some(_) => Telling::text("held"),
            None => Telling::text("free"),
        }
    }
}

/// Who held it, as a read saw it.
fn holder(operation: &Operation<'_>) -> Result<Option<Process>, HistoryError> {
    let process = match operation.result() {
        Value::Null => return Ok(None),
        Value::Int(process) => u64::try_from(*process).ok(),
        _ => None,
    };
    let bad = || operation.bad_value(true, "the number of the process that holds it, or null");
    process.map(Process::Client).map(Some).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::testing::{check, history};

    fn verdict(text: &str) -> Verdict {
        check("owned-mutex", &history(text)).verdict
    }

    #[test]
    fn rounds_before_a_violation_are_no_part_of_its_proof() {
        let round = "1 acquire, 1 acquire: null, 2 release, 2 release: null, ";
        let many = round.repeat(20);
        let text = format!("{many}3 release, 3 release? null, {many}");
        let wrong = "1 acquire, 1 acquire: null, 2 acquire, 2 acquire: null, 1 acquire, 1 acquire: null";
        let check = check("mutex", &history(&format!("{text}{wrong}")));
        assert_eq!(check.verdict, Verdict::Violation);
        let operations = &check.violations[0].operations;
        assert_eq!(operations.len(), 4, "{operations:?}");
    }

    #[test]
    fn rounds_need_not_end_before_others_begin() {
        // Somebody always waits for the lock, so no moment is quiet.
        let round = "3 acquire, 1 release, 1 release: null, 2 acquire: null, 1 acquire, 2 release, 2 release: null, \
                     3 acquire: null, 2 acquire, 3 release, 3 release: null, 1 acquire: null, ";
        let begin = "1 acquire, 1 acquire: null, 2 acquire, ";
        let check = check(
            "mutex",
            &history(&format!("{begin}{}2 acquire: null", round.repeat(20))),
        );
        assert_eq!(check.verdict, Verdict::Violation);
        let operations = &check.violations[0].operations;
        assert_eq!(operations.len(), 2, "{operations:?}");
    }

    #[test]
    fn a_read_shows_who_holds_it() {
        let held = "1 acquire, 1 acquire: null, 2 r, 2 r: 1";
        assert_eq!(verdict(held), Verdict::Pass);
        assert_eq!(
            verdict("1 acquire, 1 acquire: null, 2 r, 2 r: null"),
            Verdict::Violation
        );
        assert_eq!(
            verdict(&format!("{held}, 1 release, 1 release: null, 2 r, 2 r: 1")),
            Verdict::Violation
        );
        assert_eq!(
            verdict(&format!("{held}, 1 release, 1 release? null, 2 r, 2 r: null")),
            Verdict::Pass
        );
        assert_eq!(
            verdict(&format!("{held}, 2 acquire, 2 acquire: null")),
            Verdict::Violation
        );
    }
}
