//! A set as `jepsen.checker/set` looks at it: only the read that completed last counts.
//!
//! It must have every element whose addition was acknowledged, and none that nobody tried to add; an addition that
//! failed was tried.

use histories::{Kind, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::budget::Budget;
use crate::decode::unknown_f;
use crate::error::Halt;
use crate::judge::Judged;
use crate::operations::Group;

/// What an operation costs in the tables of elements.
const BYTES: usize = 48;

/// Judges the last read.
pub(super) fn judge(group: &Group<'_>, words: &[&str], budget: &Budget) -> Result<Judged, Halt> {
    let meter = &mut budget.meter();
    meter.grow(group.operations.len() * BYTES)?;
    let mut tried: FxHashMap<&Value, u32> = FxHashMap::default();
    let mut acknowledged: Vec<u32> = Vec::new();
    let mut last: Option<u32> = None;
    for (at, operation) in group.operations.iter().enumerate() {
        meter.step()?;
        match (&*operation.invoke.f, operation.outcome) {
            ("add", outcome) => {
                tried.entry(operation.argument()).or_insert(at as u32);
                acknowledged.extend((outcome == Kind::Ok).then_some(at as u32));
            }
            ("read", Kind::Ok)
                if last.is_none_or(|last| group.operations[last as usize].ret < operation.ret) =>
            {
                last = Some(at as u32);
            }
            ("read", _) => {}
            _ => return Err(unknown_f(operation, "set", words).into()),
        }
    }
    let Some(at) = last else {
        return Ok(Judged::unknown("the lack of a read"));
    };
    let read = &group.operations[at as usize];
    let seen = match read.result() {
        Value::Null => return Ok(Judged::unknown("a last read that returned nothing")),
        Value::List(seen) => &seen[..],
        _ => return Err(read.bad_value(true, "an array of elements").into()),
    };
    meter.pass(seen.len())?;
    if let Some(stranger) = seen.iter().find(|element| !tried.contains_key(element)) {
        let why = format!(
            "The last read, #{}, has {stranger}, which nobody added.",
            read.index()
        );
        return Ok(Judged::violation("final read", vec![at], why));
    }
    let seen: FxHashSet<&Value> = seen.iter().collect();
    let lost = |&&add: &&u32| !seen.contains(group.operations[add as usize].argument());
    Ok(match acknowledged.iter().find(lost) {
        None => Judged::Bounds {
            engine: "final read",
            compared: true,
        },
        Some(&add) => {
            let lost = &group.operations[add as usize];
            let why = format!(
                "The element of {lost} is lost: the last read, #{}, has it not.",
                read.index()
            );
            let mut operations = vec![add, at];
            operations.sort_unstable();
            Judged::violation("final read", operations, why)
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_with, history, read_of};
    use crate::{Analysis, Options, Verdict};
    use histories::{Event, Value};

    fn events(adds: &str, reads: &[&[i64]]) -> Vec<Event> {
        let mut events = history(adds);
        let read = |read: &&[i64]| read_of(Value::list(read.iter().map(|&element| Value::from(element))));
        events.extend(reads.iter().flat_map(read));
        events
    }

    fn last(adds: &str, reads: &[&[i64]]) -> Verdict {
        let options = Options {
            analysis: Analysis::Jepsen,
            ..Options::default()
        };
        check_with("set", &events(adds, reads), &options).verdict
    }

    #[test]
    fn the_last_read_has_what_was_acknowledged_and_nothing_that_was_never_tried() {
        let adds = "0 add 1, 0 add: 1, 0 add 2, 0 add? 2, 1 add 3, 1 add! 3";
        assert_eq!(last(adds, &[&[1]]), Verdict::Pass);
        assert_eq!(last(adds, &[&[1, 2, 3]]), Verdict::Pass, "tried");
        assert_eq!(last(adds, &[&[1], &[2]]), Verdict::Violation, "lost");
        assert_eq!(last(adds, &[&[1, 4]]), Verdict::Violation, "unexpected");
        assert_eq!(last(adds, &[]), Verdict::Inconclusive, "never read");
    }

    #[test]
    fn an_earlier_read_counts_for_the_linearizable_set_alone() {
        let adds = "0 add 1, 0 add: 1";
        assert_eq!(last(adds, &[&[], &[1]]), Verdict::Pass);
        let strict = check("set", &events(adds, &[&[], &[1]]));
        assert_eq!(strict.verdict, Verdict::Violation);
    }
}
