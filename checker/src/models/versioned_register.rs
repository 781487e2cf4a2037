//! A register that counts its updates: values are pairs `[version, value]`, as in jepsen.etcd's register workload.
//!
//! Every update raises the version by one, from 0; it returns the version that it made, and a read the one that it
//! saw. Null stands for what nobody knows: the version of an update that timed out, the value of a read.
//!
//! As `revision-register` its versions rise and have gaps, as etcd's `mod_revision` does, which counts the updates of all
//! keys. That the keys share one count is not looked at: each is judged by itself.

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Numbers, Telling, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::versions;
use crate::judge::judge;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::spec::versions::{Access, Action};
use crate::spec::{Entry, Role, Spec};
#[cfg(test)]
use crate::twins::{Drawn, Examples, Proof, Versioned};

pub(super) const MODEL: Model = Model {
    name: "versioned-register",
    about: "one value and the number of its updates, as in Jepsen's tests of etcd",
    operations: &[
        "read → [version, v]",
        "write [null, v] → [version, v]",
        "cas [null, [u, v]] → [version, [u, v]]",
    ],
    suggested: |shape| {
        let accesses = shape.has_accesses() && !shape.has("cas");
        shape.only(&["read", "write", "cas"]) && shape.versions && !accesses
    },
    contradicted: |_| None,
    start: Start::Initial,
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<VersionedRegister<false>>),
    transactions: None,
    reading: |_, _| None,
    final_reads: Some(final_reads::last_write),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Versioned::of(60, false))],
        illegal: "write [null,'a'] → [1,'a']; cas [null,['a','b']] → [2,['a','b']]; read null → [2,'a']",
        states: &["version 0: null", "version 1: \"a\"", "version 2: \"b\""],
        proofs: &[Proof::PassesOver],
    },
};

/// As etcd counts.
pub(super) const WITH_REVISIONS: Model = Model {
    name: "revision-register",
    about: "one value and the revision of its last update, as etcd's mod_revision",
    suggested: |_| false,
    judge: Judge::Key(judge::<VersionedRegister<true>>),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Versioned::of(60, true))],
        illegal: "write [null,'a'] → [4,'a']; cas [null,['a','b']] → [9,['a','b']]; read null → [9,'a']",
        states: &["version 0: null", "version 4: \"a\"", "version 9: \"b\""],
        ..MODEL.examples
    },
    ..MODEL
};

/// What the register holds; a value that nobody saw is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    version: u32,
    /// Whether the version may be a greater one, since nobody knows that of the last update.
    least: bool,
    value: Option<u32>,
}

/// The specification; `REVISIONS`: versions may have gaps.
pub(crate) struct VersionedRegister<const REVISIONS: bool> {
    pub initial: u32,
    /// Whether it begins with version 0; else with one that nobody knows.
    pub new: bool,
    /// Whether there is a version that nobody knows.
    unknown: bool,
}

impl<const REVISIONS: bool> Spec for VersionedRegister<REVISIONS> {
    type State = State;
    type Op = Action;

    fn initial(&self) -> State {
        State {
            version: 0,
            least: REVISIONS && !self.new,
            value: Some(self.initial),
        }
    }

    fn step(&self, state: &State, op: &Action) -> Option<State> {
        if op.gaps {
            return with_gaps(state, op);
        }
        let fits = |value: u32| state.value == Some(value);
        let next = state.version.checked_add(1)?;
        let update = |value| {
            let fits = |version: u32| version == next || REVISIONS && version > next;
            op.version.is_none_or(fits).then_some(State {
                version: op.version.unwrap_or(next),
                least: REVISIONS && op.version.is_none(),
                value: Some(value),
            })
        };
        match op.access {
            Access::Read(seen) => {
                let fits_version =
                    |version: u32| version == state.version || state.least && version > state.version;
                let legal = op.version.is_none_or(fits_version) && seen.is_none_or(fits);
                legal.then_some(State {
                    version: op.version.unwrap_or(state.version),
                    least: state.least && op.version.is_none(),
                    ..*state
                })
            }
            Access::Write(value) => update(value),
            Access::Cas(old, new) => update(new).filter(|_| fits(old)),
        }
    }

    fn observing(&self, op: &Action) -> bool {
        let saw = matches!(op.access, Access::Read(Some(_)) | Access::Cas(..));
        saw || op.version.is_some()
    }

    fn role(&self, op: &Action) -> Role {
        // A read may tell which version it is.
        let tells = self.unknown && op.version.is_some();
        if op.is_read() && !op.gaps && !tells {
            Role::Pure
        } else {
            Role::Update
        }
    }
}

/// A step that may pass over versions, to the one that the operation names.
fn with_gaps(state: &State, op: &Action) -> Option<State> {
    let version = op.version?;
    let after = State {
        version,
        least: false,
        value: op.value(),
    };
    let agrees = |value: Option<u32>| value.is_none() || state.value.is_none() || value == state.value;
    match op.access {
        Access::Read(seen) if version == state.version => agrees(seen).then_some(State {
            value: state.value.or(seen),
            ..after
        }),
        Access::Cas(old, _) if version == state.version.checked_add(1)? => agrees(Some(old)).then_some(after),
        _ => (version > state.version).then_some(after),
    }
}

/// `[version, value]`.
fn pair<'a>(
    operation: &Operation<'a>,
    value: &'a Value,
    in_result: bool,
) -> Result<(Option<u32>, &'a Value), HistoryError> {
    let bad = || {
        operation.bad_value(
            in_result,
            "a pair [version, value], either of them null if unknown",
        )
    };
    match value {
        Value::Null => Ok((None, &Value::Null)),
        Value::List(pair) => match &pair[..] {
            [Value::Null, value] => Ok((None, value)),
            [Value::Int(version), value] => {
                let version = u32::try_from(*version).map_err(|_| bad())?;
                Ok((Some(version), value))
            }
            _ => Err(bad()),
        },
        _ => Err(bad()),
    }
}

/// Where the version and the value stand.
fn end<'a>(operation: &Operation<'a>) -> &'a Value {
    match operation.outcome {
        Kind::Ok => operation.result(),
        _ => operation.argument(),
    }
}

fn action<'a>(
    operation: &Operation<'a>,
    numbers: &mut Numbers<'a>,
    model: &'static str,
) -> Result<Option<Action>, HistoryError> {
    let done = operation.outcome == Kind::Ok;
    let (version, value) = pair(operation, end(operation), done)?;
    let access = match &*operation.invoke.f {
        "read" if !done => return Ok(None),
        "read" if *value == Value::Null => Access::Read(None),
        "read" => Access::Read(Some(numbers.of(value))),
        "write" => Access::Write(numbers.of(value)),
        "cas" => match value.as_list() {
            Some([old, new]) => Access::Cas(numbers.of(old), numbers.of(new)),
            _ => return Err(operation.bad_value(done, "a pair [version, [expected, new]]")),
        },
        _ => return Err(unknown_f(operation, model, MODEL.operations)),
    };
    Ok(Some(Action {
        access,
        version: version.filter(|_| done),
        gaps: false,
    }))
}

impl<const REVISIONS: bool> Decode for VersionedRegister<REVISIONS> {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let model = match REVISIONS {
            true => "revision-register",
            false => "versioned-register",
        };
        let mut numbers = Numbers::default();
        let initial = numbers.of(group.initial);
        let (entries, failed) =
            decode_each::<Self>(group, meter, |operation| action(operation, &mut numbers, model))?;
        let new = *group.initial == Value::Null;
        let unversioned = |entry: &Entry<Action>| !entry.op.is_read() && entry.op.version.is_none();
        let spec = VersionedRegister {
            initial,
            new,
            unknown: REVISIONS && (!new || entries.iter().any(unversioned)),
        };
        Ok(Decoded {
            spec,
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        let Decoded { spec, entries, .. } = decoded;
        match REVISIONS {
            false => versions::decide(entries, spec.initial, true, want_order, meter),
            true if !spec.new => Ok(Decision::NotApplicable),
            true => {
                let dense = versions::without_gaps(entries, meter)?;
                versions::decide(&dense, spec.initial, false, want_order, meter)
            }
        }
    }

    fn rank(op: &Action) -> Option<u64> {
        op.rank()
    }

    fn start(initial: &Value) -> Option<String> {
        Some(initial.to_string())
    }

    fn tell(&self, state: &State) -> Telling {
        let later = if state.least { " or later" } else { "" };
        let value = state
            .value
            .map_or_else(|| Telling::text("a value that nobody saw"), Telling::value);
        Telling::text(format!("version {}{later}: ", state.version)).and(value)
    }

    fn names<'a>(op: &Action, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        let done = operation.outcome == Kind::Ok;
        let (Some(number), Ok((_, value))) = (op.value(), pair(operation, end(operation), done)) else {
            return;
        };
        match (&*operation.invoke.f, value.as_list()) {
            ("cas", Some([_, new])) => name(number, new),
            _ => name(number, value),
        }
    }
}
