//! What only grows: lists, sets and counters must show everything that was acknowledged.

use histories::{Kind, Value};
use serde_json::json;

use super::NAME;
use crate::operations::{Group, Operation};
use crate::verdict::{Edge, Reason, Violation};

/// An acknowledged addition that a final read does not show.
pub(super) struct Missing<'a> {
    add: &'a Operation<'a>,
    read: &'a Operation<'a>,
    /// What the read should show at least, for a counter.
    least: Option<i128>,
}

/// Whether the operation adds an element to a list or a set, or a number to a counter.
pub(super) fn adds(operation: &Operation<'_>) -> bool {
    matches!(&*operation.invoke.f, "append" | "add")
}

impl<'a> Missing<'a> {
    /// The first one, by completion.
    pub(super) fn find(group: &'a Group<'_>, read: &'a Operation<'a>) -> Option<Self> {
        let acknowledged = || {
            let all = group.operations.iter().filter(|operation| adds(operation));
            all.filter(|add| add.outcome == Kind::Ok && add.precedes(read))
        };
        if let Value::Int(shown) = read.result() {
            let least = least(group, read);
            let add = acknowledged()
                .filter(|add| add.argument().as_int() > Some(0))
                .min_by_key(|add| add.ret)?;
            return (i128::from(*shown) < least).then_some(Missing {
                add,
                read,
                least: Some(least),
            });
        }
        let shown: std::collections::HashSet<&Value> =
            read.result().as_list().unwrap_or_default().iter().collect();
        let missing = |add: &&Operation<'_>| !shown.contains(add.argument()) && !may_be_removed(group, add);
        let add = acknowledged().filter(missing).min_by_key(|add| add.ret)?;
        Some(Missing {
            add,
            read,
            least: None,
        })
    }

    /// As in the details of the check.
    pub(super) fn data(&self, group: &Group<'_>) -> serde_json::Value {
        let at = self.add.completion.and_then(|event| event.at);
        json!({
            "key": group.key, "value": self.add.argument(), "operation": self.add.index(),
            "index": at.map(|(index, _)| index), "term": at.map(|(_, term)| term), "read": self.read.index(),
        })
    }

    /// The proof.
    pub(super) fn violation(&self, group: &Group<'_>) -> Violation {
        let (from, to) = (self.add.index(), self.read.index());
        let lacks = match self.least {
            Some(least) => format!(
                "shows {}, though what was acknowledged adds up to {least}",
                self.read.result()
            ),
            None => "does not have it".to_owned(),
        };
        let at = match self.add.completion.and_then(|event| event.at) {
            Some((index, term)) => format!(" at log index {index}, term {term}"),
            None => String::new(),
        };
        Violation {
            check: NAME.to_owned(),
            key: group.key.cloned(),
            operations: vec![from, to],
            edges: vec![Edge {
                from,
                to,
                reason: Reason::RealTime,
            }],
            why: format!(
                "{} was acknowledged{at}. The final read #{to} began after that, and {lacks}.",
                self.add
            ),
        }
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
        durability(&header(false), &events).unwrap()
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
