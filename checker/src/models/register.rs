//! A register: `read`, `write v`, `cas [u, v]`.

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use crate::budget::{Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, NUMBER_BYTES, Numbers, Telling, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::chains;
use crate::judge::judge;
use crate::operations::{Group, OPEN, Operation};
use crate::options::{Assume, FailedCas, NullRead, Options};
use crate::spec::Entry;
use crate::spec::register::{Action, Register, UNSEEN};
use crate::subject::Subject;
use crate::transactions::Words;
#[cfg(test)]
use crate::twins::{self, Drawn, Examples};

const OPERATIONS: &[&str] = &["read → v", "write v", "cas [u, v]"];

pub(super) const MODEL: Model = Model {
    name: "register",
    about: "one value: read, write, cas; fast where each value is written once",
    operations: OPERATIONS,
    suggested: |shape| shape.only(&["read", "write"]) && !shape.versions && !shape.has_accesses(),
    contradicted: |shape| shape.strange_read,
    start: Start::Initial,
    is_register: true,
    takes_implied_analysis: false,
    judge: Judge::Key(judge::<Register>),
    transactions: Some(WORDS),
    reading: |_, _| None,
    final_reads: Some(final_reads::last_write),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Register::of(60, false))],
        illegal: "write [1,2]; cas [[1,2],3]; read null → [1,2]",
        states: &["null", "[1,2]", "3"],
        proofs: &[],
    },
};

/// As Knossos calls it.
pub(super) const CAS: Model = Model {
    name: "cas-register",
    transactions: Some(Words {
        model: "cas-register",
        ..WORDS
    }),
    about: "one value with compare-and-set, as Knossos's",
    suggested: |shape| shape.only(&["read", "write", "cas"]) && shape.has("cas") && !shape.versions,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(twins::Register::of(8, true))],
        ..MODEL.examples
    },
    ..MODEL
};

/// Each operation as a transaction, for levels that say nothing of real time.
const WORDS: Words = Words {
    model: "register",
    operations: OPERATIONS,
    write: "write",
    lists: false,
    expected: "a value, or a pair of values",
    subject: Subject::Registers,
    null_read: NullRead::Observation,
    failed_cas: FailedCas::DidNotHappen,
    assume: Assume::NOTHING,
    timed: true,
};

impl Decode for Register {
    fn decode(group: &Group<'_>, options: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let bytes = size_of::<Entry<Action<u32>>>() + NUMBER_BYTES;
        meter.grow(group.operations.len() * bytes)?;
        let mut numbers = Numbers::default();
        let initial = numbers.of(group.initial);
        let mut entries = Vec::with_capacity(group.operations.len());
        let mut failed = Vec::new();
        for (id, operation) in group.operations.iter().enumerate() {
            meter.tick()?;
            let action = action(operation, options)?;
            if options.null_read == NullRead::SaysNothing && action == Action::Read(&Value::Null) {
                continue;
            }
            let numbered = action.named(|value| numbers.of(value));
            let entry = Entry {
                op: numbered,
                inv: operation.inv,
                ret: operation.ret,
                id: id as u32,
            };
            match (operation.outcome, action) {
                (Kind::Fail, Action::Differs(_)) | (Kind::Ok, _) => entries.push(entry),
                (Kind::Fail, _) => failed.push(entry),
                (_, Action::Read(_)) => {}
                _ => entries.push(Entry { ret: OPEN, ..entry }),
            }
        }
        Ok(rename(initial, numbers.len(), entries, failed, meter)?)
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action<u32>>, Stop> {
        chains::decide(decoded, want_order, meter)
    }

    fn start(initial: &Value) -> Option<String> {
        Some(initial.to_string())
    }

    fn tell(&self, state: &u32) -> Telling {
        Telling::value(*state)
    }

    fn names<'a>(op: &Action<u32>, operation: &Operation<'a>, name: &mut dyn FnMut(u32, &'a Value)) {
        let (Action::Write(number) | Action::Cas(_, number)) = *op else {
            return;
        };
        match (&*operation.invoke.f, operation.argument().as_list()) {
            ("cas", Some([_, new])) => name(number, new),
            _ => name(number, operation.argument()),
        }
    }
}

fn action<'a>(operation: &Operation<'a>, options: &Options) -> Result<Action<&'a Value>, HistoryError> {
    match &*operation.invoke.f {
        "read" => Ok(Action::Read(operation.result())),
        "write" => Ok(Action::Write(operation.argument())),
        "cas" => match operation.argument().as_list() {
            Some([old, _])
                if operation.outcome == Kind::Fail && options.failed_cas == FailedCas::Observation =>
            {
                Ok(Action::Differs(old))
            }
            Some([old, new]) => Ok(Action::Cas(old, new)),
            _ => Err(operation.bad_value(false, "a pair [expected, new]")),
        },
        _ => Err(unknown_f(operation, MODEL.name, MODEL.operations)),
    }
}

/// Gives the values that somebody looks at numbers from 1 on, and all others [`UNSEEN`].
fn rename(
    initial: u32,
    values: usize,
    mut entries: Vec<Entry<Action<u32>>>,
    mut failed: Vec<Entry<Action<u32>>>,
    meter: &mut Meter<'_>,
) -> Result<Decoded<Register>, Stop> {
    meter.grow(values * size_of::<u32>())?;
    let mut names = vec![UNSEEN; values];
    let (mut next, mut differs) = (UNSEEN, false);
    for entry in &entries {
        meter.tick()?;
        let (Action::Read(seen) | Action::Cas(seen, _) | Action::Differs(seen)) = entry.op else {
            continue;
        };
        differs |= matches!(entry.op, Action::Differs(_));
        let name = &mut names[seen as usize];
        if *name == UNSEEN {
            next += 1;
            *name = next;
        }
    }
    for entry in entries.iter_mut().chain(&mut failed) {
        meter.tick()?;
        entry.op = entry.op.named(|value| names[value as usize]);
    }
    Ok(Decoded {
        spec: Register {
            initial: names[initial as usize],
            values: next + 1,
            differs,
        },
        entries,
        failed,
    })
}
