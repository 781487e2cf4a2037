//! What only grows: lists, sets and counters must show everything that was acknowledged.

use std::borrow::Cow;
use std::collections::HashSet;

use histories::{Kind, Value};

use super::loss::{Loss, told_acknowledged};
use super::{Kept, acknowledged};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Everything that was added and not removed.
pub(crate) fn growth<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    Ok(Kept {
        acknowledged: acknowledged(group.operations.iter().filter(|operation| adds(operation))),
        lost: finals.iter().find_map(|read| lost(group, read)),
        unproved: None,
    })
}

/// Whether the operation adds an element to a list or a set, or a number to a counter.
fn adds(operation: &Operation<'_>) -> bool {
    matches!(
        &*operation.invoke.f,
        "append" | "add" | "add-and-get" | "fetch-add"
    )
}

/// The first acknowledged addition, by completion, that the final read does not show.
fn lost<'a>(group: &'a Group<'_>, read: &'a Operation<'a>) -> Option<Loss<'a>> {
    let acknowledged = || {
        let all = group.operations.iter().filter(|operation| adds(operation));
        all.filter(|add| add.outcome == Kind::Ok && add.precedes(read))
    };
    if let Value::Int(shown) = read.result() {
        let least = least(group, read);
        let add = acknowledged()
            .filter(|add| add.argument().as_int() > Some(0))
            .min_by_key(|add| add.ret)?;
        let lacks = format!("shows {shown}, though what was acknowledged adds up to {least}");
        return (i128::from(*shown) < least).then(|| loss(add, read, &lacks));
    }
    let shown: HashSet<&Value> = read.result().as_list().unwrap_or_default().iter().collect();
    let missing = |add: &&Operation<'_>| !shown.contains(add.argument()) && !may_be_removed(group, add);
    let add = acknowledged().filter(missing).min_by_key(|add| add.ret)?;
    Some(loss(add, read, "does not have it"))
}

fn loss<'a>(add: &'a Operation<'a>, read: &'a Operation<'a>, lacks: &str) -> Loss<'a> {
    Loss {
        what: "addition",
        value: Cow::Borrowed(add.argument()),
        operation: add,
        read,
        older: None,
        account: None,
        why: format!(
            "{}. The final read #{} began after that, and {lacks}.",
            told_acknowledged(add),
            read.index()
        ),
    }
}

/// What a counter must show at least: all that was acknowledged, and whatever may have been subtracted.
fn least(group: &Group<'_>, read: &Operation<'_>) -> i128 {
    let initial = i128::from(group.initial.as_int().unwrap_or(0));
    let counted = |add: &&Operation<'_>| {
        let negative = add.argument().as_int() < Some(0);
        let possible = add.outcome != Kind::Fail && add.inv < read.ret;
        adds(add)
            && if negative {
                possible
            } else {
                add.outcome == Kind::Ok && add.precedes(read)
            }
    };
    let amounts = group
        .operations
        .iter()
        .filter(counted)
        .filter_map(|add| add.argument().as_int());
    initial + amounts.map(i128::from).sum::<i128>()
}

/// Whether something may have removed the element after it was added.
fn may_be_removed(group: &Group<'_>, add: &Operation<'_>) -> bool {
    group.operations.iter().any(|operation| {
        &*operation.invoke.f == "remove"
            && operation.outcome != Kind::Fail
            && operation.argument() == add.argument()
            && !operation.precedes(add)
    })
}

#[cfg(test)]
mod tests {
    use crate::models::find;
    use crate::testing::{header, history};
    use crate::{Check, Verdict, durability};
    use histories::{Event, Value};

    fn verdict(adds: &str, shown: Value) -> Check {
        let mut events: Vec<Event> = history(adds);
        let mut read = history("9 r, 9 r: *");
        read[1].value = shown;
        events.extend(read);
        events
            .iter_mut()
            .zip(0..)
            .for_each(|(event, index)| event.index = index);
        let model = if matches!(events[events.len() - 1].value, Value::Int(_)) {
            "counter"
        } else {
            "set-remove"
        };
        durability(&header(false), &events, find(model).unwrap()).unwrap()
    }

    #[test]
    fn every_acknowledged_element_must_be_there() {
        let adds = "0 add 1, 0 add: 1, 0 add 2, 0 add? 2";
        assert_eq!(verdict(adds, Value::list([1.into()])).verdict, Verdict::Pass);
        let lost = verdict(adds, Value::list([2.into()]));
        assert_eq!(
            (lost.verdict, &lost.violations[0].operations[..]),
            (Verdict::Violation, &[0, 4][..])
        );
        assert!(
            lost.reason
                .ends_with("the addition of 1, operation #0; the final read #4 returned [2]"),
            "{}",
            lost.reason
        );
        assert_eq!(
            verdict("0 append 1, 0 append: 1", Value::Null).verdict,
            Verdict::Violation
        );
        assert_eq!(
            verdict("0 add 1, 0 add: 1, 0 remove 1, 0 remove? 1", Value::list([])).verdict,
            Verdict::Pass
        );
        assert_eq!(
            verdict("0 add 1, 0 add! 1", Value::list([])).verdict,
            Verdict::Inconclusive
        );
    }

    #[test]
    fn a_counter_shows_at_least_what_was_acknowledged() {
        let adds = "0 add 1, 0 add: 1, 0 add 2, 0 add: 2, 1 add 5, 1 add? 5";
        assert_eq!(verdict(adds, 3.into()).verdict, Verdict::Pass);
        assert_eq!(verdict(adds, 8.into()).verdict, Verdict::Pass);
        assert_eq!(verdict(adds, 2.into()).verdict, Verdict::Violation);
        assert_eq!(
            verdict("0 add 1, 0 add: 1, 0 add -1, 0 add? -1", 0.into()).verdict,
            Verdict::Pass
        );
    }
}
