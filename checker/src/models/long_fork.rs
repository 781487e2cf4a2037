//! Reads of several keys must agree on the order of the writes: `write [[w k v]]`, `read [[r k v], …]`, as
//! jepsen.tests.long-fork.
//!
//! Each key is written once, and every read is of as many keys; of a history that is not like that nobody knows. Two
//! reads of the same keys fork if one saw a write that the other missed, and missed one that the other saw. In a
//! history without forks the reads of a group, sorted by how much they saw, form a chain, so neighbours suffice.

use std::collections::BTreeMap;

use histories::{Kind, Value};
use rustc_hash::FxHashSet;

use super::row::{Judge, Model, Start};
use crate::budget::Budget;
use crate::decode::{micro, unknown_f};
use crate::error::{Halt, HistoryError};
use crate::final_reads;
use crate::judge::Judged;
use crate::operations::{Group, Operation};
use crate::options::Options;
use crate::proved::Reading;
#[cfg(test)]
use crate::twins::{Drawn, Examples, LongFork};

pub(super) const MODEL: Model = Model {
    name: "long-fork",
    about: "reads of several keys that must agree on the order of the writes, as Jepsen's",
    operations: &["txn (or write) [[w k v]]", "txn (or read) [[r k v], …]"],
    suggested: |shape| shape.only(&["read", "write"]) && matches!(shape.micro, Some("r" | "w")),
    contradicted: |_| None,
    start: Start::Always("nothing written"),
    is_register: false,
    takes_implied_analysis: false,
    judge: Judge::Key(judge),
    transactions: None,
    reading: |_, _| Some(Reading::LongFork),
    final_reads: Some(final_reads::all_written),
    #[cfg(test)]
    examples: Examples {
        twins: || vec![Drawn::of(LongFork { keys: 8 })],
        illegal: "read [['r',0,1],['r',1,null]]; read [['r',0,null],['r',1,1]]",
        states: &[],
        proofs: &[],
    },
};

/// What a read costs until all are compared: its keys, and a small tree.
const BYTES: usize = 256;

/// The keys of a read, and which of them it saw written.
type Seen<'a> = BTreeMap<&'a Value, &'a Value>;

/// Judges the reads of each group of keys.
fn judge(group: &Group<'_>, _: &Options, budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut reads: BTreeMap<Vec<&Value>, Vec<(u32, Seen<'_>)>> = BTreeMap::new();
    let mut written = FxHashSet::default();
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        if !matches!(&*operation.invoke.f, "txn" | "read" | "write") {
            return Err(unknown_f(operation, MODEL.name, MODEL.operations).into());
        }
        if let Some(key) = only_write(operation.argument())
            && !written.insert(key)
        {
            return Ok(Judged::unknown("a key that was written twice"));
        }
        if operation.outcome == Kind::Ok
            && let Some(seen) = seen(operation)?
        {
            let keys = seen.keys().copied().collect();
            reads.entry(keys).or_default().push((at as u32, seen));
        }
    }
    Ok(forks(group, reads))
}

/// The key of a transaction that is one write.
fn only_write(argument: &Value) -> Option<&Value> {
    match argument.as_list()? {
        [only] => micro(only).filter(|(f, ..)| *f == "w").map(|(_, key, _)| key),
        _ => None,
    }
}

/// A fork; or what makes the history one that this model cannot judge; or none.
fn forks(group: &Group<'_>, mut reads: BTreeMap<Vec<&Value>, Vec<(u32, Seen<'_>)>>) -> Judged {
    let mut differ = false;
    for reads in reads.values_mut() {
        reads.sort_by_key(|(_, seen)| seen.values().filter(|value| ***value != Value::Null).count());
        for pair in reads.windows(2) {
            if let Some(why) = fork(group, &pair[0], &pair[1]) {
                let mut operations = vec![pair[0].0, pair[1].0];
                operations.sort_unstable();
                return Judged::violation("forks", operations, why);
            }
            let other = |(key, value): (&&Value, &&Value)| {
                **value != Value::Null && *pair[1].1[*key] != Value::Null && pair[1].1[*key] != *value
            };
            differ |= pair[0].1.iter().any(other);
        }
    }
    let sizes = |reads: &BTreeMap<Vec<&Value>, _>| {
        let mut sizes = reads.keys().map(Vec::len);
        let first = sizes.next();
        sizes.any(|size| Some(size) != first)
    };
    let compared = reads.values().any(|reads| reads.len() > 1);
    match reads.is_empty() {
        true => Judged::unknown("the lack of a read"),
        false if differ => Judged::unknown("a key of which two reads saw different values"),
        false if sizes(&reads) => {
            Judged::unknown("reads of different numbers of keys, which this model cannot judge,")
        }
        false => Judged::Bounds {
            engine: "forks",
            compared,
        },
    }
}

/// What a read saw; none for a write.
fn seen<'a>(operation: &Operation<'a>) -> Result<Option<Seen<'a>>, HistoryError> {
    let bad = || operation.bad_value(true, "an array of [r k v], or one [w k v]");
    let mut seen = Seen::new();
    for access in operation.result().as_list().ok_or_else(bad)? {
        match micro(access) {
            Some(("r", key, value)) => drop(seen.insert(key, value)),
            Some(("w", ..)) => return Ok(None),
            _ => return Err(bad()),
        }
    }
    Ok(Some(seen))
}

fn fork(group: &Group<'_>, one: &(u32, Seen<'_>), other: &(u32, Seen<'_>)) -> Option<String> {
    let missed = |by: &Seen<'_>, of: &Seen<'_>| {
        let mut keys = of
            .iter()
            .filter(|(key, value)| ***value != Value::Null && *by[*key] == Value::Null);
        keys.next().map(|(key, _)| (*key).clone())
    };
    let (x, y) = (missed(&other.1, &one.1)?, missed(&one.1, &other.1)?);
    let (t1, t2) = (
        &group.operations[one.0 as usize],
        &group.operations[other.0 as usize],
    );
    Some(format!(
        "Let\n  T1 = {t1}\n  T2 = {t2}\nThen\n  - T1 saw the write of {x} and not that of {y}, so {x} was written \
         before {y},\n  - however, T2 saw the write of {y} and not that of {x}: a contradiction."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::testing::{check, read_of};

    fn verdict(reads: &[&[(i64, Option<i64>)]]) -> Verdict {
        let access = |(key, value): &(i64, Option<i64>)| {
            Value::list([
                Value::from("r"),
                (*key).into(),
                value.map_or(Value::Null, Value::from),
            ])
        };
        let values = reads.iter().map(|read| Value::list(read.iter().map(access)));
        check("long-fork", &values.flat_map(read_of).collect::<Vec<_>>()).verdict
    }

    #[test]
    fn two_reads_that_disagree_are_a_fork() {
        assert_eq!(
            verdict(&[&[(0, Some(1)), (1, None)], &[(0, Some(1)), (1, Some(1))]]),
            Verdict::Pass
        );
        assert_eq!(
            verdict(&[&[(0, Some(1)), (1, None)], &[(0, None), (1, Some(1))]]),
            Verdict::Violation
        );
        assert_eq!(
            verdict(&[&[(0, Some(1)), (1, None)], &[(0, None), (2, Some(1))]]),
            Verdict::Inconclusive,
            "nothing is compared"
        );
        assert_eq!(verdict(&[]), Verdict::Inconclusive);
    }

    #[test]
    fn of_what_this_model_does_not_allow_nobody_knows() {
        let read: &[(i64, Option<i64>)] = &[(0, Some(1)), (1, None)];
        assert_eq!(
            verdict(&[read, &[(0, Some(2)), (1, None)]]),
            Verdict::Inconclusive
        );
        assert_eq!(verdict(&[read, &[(2, None)]]), Verdict::Inconclusive);
        let write = |key: i64| {
            let mut events = crate::testing::history("8 write, 8 write:");
            let access = Value::list([Value::from("w"), key.into(), 1.into()]);
            events
                .iter_mut()
                .for_each(|event| event.value = Value::list([access.clone()]));
            events
        };
        assert_eq!(
            check("long-fork", &[write(0), write(0)].concat()).verdict,
            Verdict::Inconclusive
        );
    }
}
