//! Queues: when a final dequeue found one empty, everything that was acknowledged before had been taken out.

use std::borrow::Cow;

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::loss::{Loss, told_acknowledged};
use super::{Kept, Unproved, acknowledged};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Everything that was put in and is not known to have been taken out; `finals` found the queue empty.
pub(crate) fn drained<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    let mut kept = Kept {
        acknowledged: acknowledged(of(group, "enqueue")),
        ..Kept::default()
    };
    if let Some(empty) = finals.iter().max_by_key(|read| read.inv) {
        let missing = missing(group, empty);
        let unseen = of(group, "dequeue").filter(|dequeue| !matches!(dequeue.outcome, Kind::Ok | Kind::Fail));
        match unseen.count() {
            unseen if missing.len() > unseen => kept.lost = Some(loss(&missing, unseen, empty)),
            _ => kept.unproved = Unproved::of(missing.len(), PERHAPS),
        }
    }
    Ok(kept)
}

/// Why an element may be missing.
const PERHAPS: &str = "dequeues with an unknown outcome may have taken them";

fn of<'a>(group: &'a Group<'a>, f: &'static str) -> impl Iterator<Item = &'a Operation<'a>> {
    let all = group.operations.iter();
    all.filter(move |operation| &*operation.invoke.f == f)
}

/// The elements that were acknowledged and that nobody is known to have taken, first acknowledged first.
fn missing<'a>(group: &'a Group<'a>, empty: &Operation<'_>) -> Vec<&'a Operation<'a>> {
    let mut taken: FxHashMap<&Value, usize> = FxHashMap::default();
    for dequeue in of(group, "dequeue").filter(|dequeue| dequeue.outcome == Kind::Ok) {
        *taken.entry(dequeue.result()).or_default() += 1;
    }
    let acknowledged =
        of(group, "enqueue").filter(|enqueue| enqueue.outcome == Kind::Ok && enqueue.precedes(empty));
    let mut missing: Vec<&Operation<'_>> = acknowledged
        .filter(|enqueue| match taken.get_mut(enqueue.argument()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect();
    missing.sort_by_key(|enqueue| enqueue.ret);
    missing
}

/// The first of those that are missing, which are more than the `unseen` dequeues of unknown outcome may have taken.
fn loss<'a>(missing: &[&'a Operation<'a>], unseen: usize, empty: &'a Operation<'a>) -> Loss<'a> {
    let first = missing[0];
    let few = match (missing.len() - 1, unseen) {
        (0, _) => String::new(),
        (more, 0) => format!(" So were {more} more."),
        (more, unseen) => format!(
            " So were {more} more, and only {unseen} dequeues have an unknown outcome, which may have taken one each."
        ),
    };
    Loss {
        what: "enqueue",
        value: Cow::Borrowed(first.argument()),
        operation: first,
        read: empty,
        older: None,
        account: None,
        why: format!(
            "{}. The final dequeue #{} began after that and found the queue empty, though no dequeue took it out.{few}",
            told_acknowledged(first),
            empty.index()
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::models::find;
    use crate::testing::{header, history};
    use crate::{Verdict, durability};

    #[test]
    fn what_was_acknowledged_was_taken_out_before_the_queue_was_empty() {
        let two = "0 enqueue 1, 0 enqueue: 1, 0 enqueue 2, 0 enqueue: 2, 1 dequeue, 1 dequeue: 1";
        let empty = "3 dequeue *, 3 dequeue: null *";
        for (more, wanted) in [
            (format!("2 dequeue, 2 dequeue: 2, {empty}"), Verdict::Pass),
            (empty.to_owned(), Verdict::Violation),
            // It may have been taken by somebody who never heard of it.
            (format!("2 dequeue, 2 dequeue?, {empty}"), Verdict::Inconclusive),
            (
                format!("2 dequeue, 2 dequeue?, 0 enqueue 3, 0 enqueue: 3, {empty}"),
                Verdict::Violation,
            ),
            (format!("2 dequeue, 2 dequeue!, {empty}"), Verdict::Violation),
            // What was put in afterwards may be there.
            (
                format!("2 dequeue, 2 dequeue: 2, {empty}, 0 enqueue 3, 0 enqueue: 3"),
                Verdict::Pass,
            ),
            // The drain never came to an end.
            ("3 dequeue *, 3 dequeue: 2 *".to_owned(), Verdict::Inconclusive),
        ] {
            let text = format!("{two}, {more}");
            let model = find("unordered-queue").unwrap();
            let check = durability(&header(false), &history(&text), model).unwrap();
            assert_eq!(check.verdict, wanted, "{text}: {}", check.reason);
        }
    }
}
