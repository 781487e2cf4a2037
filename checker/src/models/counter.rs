//! A counter from 0: `add n`, `read → n`; and additions that return what they found or made, `fetch-add n → [n, before]`
//! and `add-and-get n → [n, after]`, the second as in Jepsen's tests of JGroups.

use histories::{Kind, Value};

use super::bounds;
use super::row::{Judge, Model, Start};
use super::shape::Reads;
use crate::budget::{Budget, Meter, Stop};
use crate::decode::{Decision, Decode, Decoded, Telling, bad_initial, decode_each, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::graph::deadlines;
use crate::judge::{self, Judged};
use crate::operations::{Group, Operation};
use crate::options::{Analysis, Options};
use crate::proved::Reading;
use crate::spec::counter::Action;
use crate::spec::{Entry, Role, Spec};
#[cfg(test)]
use crate::twins::{self, Drawn, Examples, Proof};

pub(super) const MODEL: Model = Model {
    name: "counter",
    about: "a number from 0: add, read, and additions that return a number",
    operations: &[
        "add n",
        "fetch-add n → [n, before]",
        "add-and-get n → [n, after]",
        "read → n",
    ],
    suggested: |shape| {
        let returns = shape.has("add-and-get") || shape.has("fetch-add");
        shape.only(&["read", "add", "add-and-get", "fetch-add"]) && returns
            || shape.adds() && shape.reads != Some(Reads::List)
    },
    contradicted: |_| None,
    start: Start::Else("0"),
    is_register: false,
    takes_implied_analysis: true,
    judge: Judge::Key(judge),
    transactions: None,
    reading,
    final_reads: Some(final_reads::growth),
    #[cfg(test)]
    examples: Examples {
        twins: || {
            vec![
                Drawn::of(twins::Counter::of(&[1], true)),
                Drawn::of(twins::Counter::of(&[1, 2], true)),
                Drawn::of(twins::Counter::of(&[1, 2], false)).in_jepsens_sense(),
            ]
        },
        illegal: "add 7; read null → 8",
        states: &["0", "7"],
        proofs: &[Proof::Sums],
    },
};

/// The specification; it begins with this number.
pub(crate) struct Counter {
    initial: i64,
}

impl Spec for Counter {
    type State = i64;
    type Op = Action;

    fn initial(&self) -> i64 {
        self.initial
    }

    fn step(&self, state: &i64, op: &Action) -> Option<i64> {
        match op {
            Action::Add(delta) => state.checked_add(*delta),
            Action::FetchAdd(delta, found) if found == state => state.checked_add(*delta),
            Action::FetchAdd(..) => None,
            Action::Read(seen) => (seen == state).then_some(*state),
        }
    }

    fn observing(&self, op: &Action) -> bool {
        !matches!(op, Action::Add(_))
    }

    fn role(&self, op: &Action) -> Role {
        match op {
            Action::Add(0) | Action::FetchAdd(0, _) | Action::Read(_) => Role::Pure,
            Action::Add(_) | Action::FetchAdd(..) => Role::Update,
        }
    }
}

fn action(operation: &Operation<'_>) -> Result<Option<Action>, HistoryError> {
    let number = |value: &Value, in_result| {
        value
            .as_int()
            .ok_or_else(|| operation.bad_value(in_result, "an integer"))
    };
    let delta = || number(operation.argument(), false);
    let action = match (&*operation.invoke.f, operation.outcome) {
        ("add", _) => Action::Add(delta()?),
        ("read", Kind::Ok) => Action::Read(number(operation.result(), true)?),
        ("read", _) => return Ok(None),
        ("fetch-add", Kind::Ok) => Action::FetchAdd(delta()?, returned(operation, delta()?)?),
        ("add-and-get", Kind::Ok) => {
            let (delta, after) = (delta()?, returned(operation, delta()?)?);
            let found = after.checked_sub(delta);
            Action::FetchAdd(delta, found.ok_or_else(|| operation.bad_value(true, PAIR))?)
        }
        // What it returned nobody knows.
        ("fetch-add" | "add-and-get", _) => Action::Add(delta()?),
        _ => return Err(unknown_f(operation, MODEL.name, MODEL.operations)),
    };
    Ok(Some(action))
}

/// What an addition that returns a number must return.
const PAIR: &str = "a pair of what was added and a number";

/// The second number of `[n, number]`.
fn returned(operation: &Operation<'_>, delta: i64) -> Result<i64, HistoryError> {
    match operation.result().as_list() {
        Some([Value::Int(added), Value::Int(number)]) if *added == delta => Ok(*number),
        _ => Err(operation.bad_value(true, PAIR)),
    }
}

impl Decode for Counter {
    fn decode(group: &Group<'_>, _: &Options, meter: &mut Meter<'_>) -> Result<Decoded<Self>, Halt> {
        let (entries, failed) = decode_each::<Self>(group, meter, action)?;
        Ok(Decoded {
            spec: Counter {
                initial: match group.initial {
                    Value::Null => 0,
                    Value::Int(number) => *number,
                    _ => return Err(bad_initial(group, MODEL.name, "an integer").into()),
                },
            },
            entries,
            failed,
        })
    }

    fn graph(
        decoded: &Decoded<Self>,
        want_order: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Decision<Action>, Stop> {
        match deadlines::decide(decoded, want_order, meter)? {
            Decision::NotApplicable => {}
            decision => return Ok(decision),
        }
        Ok(match bounds::beyond(decoded, meter)? {
            Some(beyond) => Decision::Illegal(about(&decoded.entries, beyond.at)),
            None => Decision::NotApplicable,
        })
    }

    fn start(initial: &Value) -> Option<String> {
        Some(MODEL.start.of(initial))
    }

    fn tell(&self, state: &i64) -> Telling {
        Telling::text(state.to_string())
    }
}

/// An operation that saw a number, and all that can have changed what it saw.
fn about(entries: &[Entry<Action>], read: u32) -> Vec<Entry<Action>> {
    let end = entries[read as usize].ret;
    let counts = |(at, entry): &(usize, &Entry<Action>)| {
        *at == read as usize || entry.op.delta().is_some() && entry.inv < end
    };
    let few = entries.iter().enumerate().filter(counts);
    few.map(|(_, entry)| entry.clone()).collect()
}

/// Jepsen's checker knows no additions that return a number; where Jepsen's tests have them they ask for a legal order.
fn reading(group: &Group<'_>, options: &Options) -> Option<Reading> {
    let returns = |operation: &Operation<'_>| matches!(&*operation.invoke.f, "fetch-add" | "add-and-get");
    let by_bounds = options.analysis == Analysis::Jepsen && !group.operations.iter().any(returns);
    by_bounds.then_some(Reading::Counter)
}

/// By a legal order, or by the bounds of each read.
fn judge(group: &Group<'_>, options: &Options, budget: &Budget) -> Result<Judged, Halt> {
    match reading(group, options) {
        Some(_) => bounds::judge::<Counter>(group, options, budget),
        None => judge::judge::<Counter>(group, options, budget),
    }
}
