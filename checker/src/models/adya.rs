//! An anti-dependency cycle of predicates (Adya 1999, section 4.2.2: G2): `insert [a, b]`, one of them null, as jepsen.tests.adya.
//!
//! A transaction reads by a predicate whether there is a row of its key in either of two tables, and inserts one only if there
//! is none. In a serial order the second insert of a key sees the first, so of each key one succeeds at most.

use histories::{Kind, Value};

use super::row::{Judge, Model, Start};
use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::judge::Judged;
use crate::operations::Group;
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Examples, Inserts};

pub(super) const MODEL: Model = Model {
    name: "adya-g2",
    about: "inserts of which one a key may succeed, as Jepsen's test of Adya's G2",
    operations: &["insert [a, null]", "insert [null, b]"],
    suggested: |shape| shape.only(&["insert"]),
    contradicted: |_| None,
    start: Start::Always("empty"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::AdyaG2),
    final_reads: None,
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(Inserts)],
        illegal: "insert [1,null]; insert [null,2]",
        states: &[],
        proofs: &[],
    },
};

/// What is kept of an insert until all were seen.
const BYTES: usize = 64;

/// Judges the inserts of one key.
fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut done = Vec::new();
    for (at, operation) in (0..).zip(&group.operations) {
        meter.step()?;
        if &*operation.invoke.f != "insert" {
            return Err(unknown_f(operation, MODEL.name, MODEL.operations).into());
        }
        if !is_insert(operation.argument()) {
            let expected = "a pair of ids, one of them null";
            return Err(operation.bad_value(false, expected).into());
        }
        if operation.outcome == Kind::Ok {
            done.push(at);
        }
    }
    let [first, second, ..] = done[..] else {
        return Ok(Judged::Bounds {
            engine: "predicates",
            compared: !done.is_empty(),
        });
    };
    let (t1, t2) = (
        &group.operations[first as usize],
        &group.operations[second as usize],
    );
    let why = format!(
        "Let\n  T1 = {t1}\n  T2 = {t2}\nThen\n  - T1 inserted a row where its predicate found none, so it came before T2 (rw),\n  \
         - and T2 did the same, so it came before T1 (rw): a contradiction (G2)."
    );
    Ok(Judged::violation("predicates", vec![first, second], why))
}

/// Whether it is an id for one of the two tables.
fn is_insert(value: &Value) -> bool {
    match value.as_list() {
        Some([a, b]) => (*a == Value::Null) != (*b == Value::Null),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::testing::{check, history};
    use histories::{Event, Value};

    fn inserts(text: &str) -> Vec<Event> {
        let mut events = history(text);
        for event in &mut events {
            let id = event.value.clone();
            event.value = match event.process {
                histories::Process::Client(0) => Value::list([id, Value::Null]),
                _ => Value::list([Value::Null, id]),
            };
        }
        events
    }

    #[test]
    fn one_insert_of_a_key_may_succeed() {
        let both = inserts("0 insert 1, 1 insert 2, 0 insert: 1, 1 insert: 2");
        let check_of = |events: &[Event]| check("adya-g2", events);
        let violation = check_of(&both);
        assert_eq!(violation.verdict, Verdict::Violation);
        assert!(
            violation.violations[0].why.contains("a contradiction (G2)"),
            "{:?}",
            violation.violations
        );
        for one in ["0 insert: 1, 1 insert! 2", "0 insert: 1, 1 insert? 2"] {
            let events = inserts(&format!("0 insert 1, 1 insert 2, {one}"));
            assert_eq!(check_of(&events).verdict, Verdict::Pass, "{one}");
        }
    }
}
