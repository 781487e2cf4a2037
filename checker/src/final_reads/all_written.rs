//! Keys that are written once, `write [[w, k, v]]`, and read together: the last reads show every acknowledged one.

use std::borrow::Cow;
use std::collections::HashSet;

use histories::{Kind, Value};

use super::loss::{Loss, told_acknowledged};
use super::{Kept, Unproved, acknowledged};
use crate::decode::micro;
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Every key that was written is there.
pub(crate) fn all_written<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    let all = group.operations.iter();
    let writes: Vec<_> = all
        .filter_map(|operation| Some((operation, written(operation)?)))
        .collect();
    let certain = || writes.iter().filter(|(write, _)| write.outcome == Kind::Ok);
    let shown: HashSet<_> = finals.iter().flat_map(|read| shown(read)).collect();
    let unshown = certain().filter(|(_, written)| !shown.contains(written));
    Ok(Kept {
        acknowledged: acknowledged(writes.iter().map(|(write, _)| *write)),
        lost: finals.iter().find_map(|read| {
            let before = certain().filter(|(write, _)| write.precedes(read));
            let missing = before.filter(|(_, (key, _))| lacks(read, key));
            Some(loss(missing.min_by_key(|(write, _)| write.ret)?.0, read))
        }),
        unproved: Unproved::of(unshown.count(), "no final read shows them"),
    })
}

/// The key and the value that it writes, if it is one write.
fn written<'a>(operation: &Operation<'a>) -> Option<(&'a Value, &'a Value)> {
    match operation.argument().as_list()? {
        [only] => micro(only)
            .filter(|(f, ..)| *f == "w")
            .map(|(_, key, value)| (key, value)),
        _ => None,
    }
}

/// What a read shows, null where it found nothing under a key.
fn shown<'a>(read: &Operation<'a>) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    let accesses = read.result().as_list().unwrap_or_default().iter();
    let reads = accesses.filter_map(micro).filter(|(f, ..)| *f == "r");
    reads.map(|(_, key, value)| (key, value))
}

/// Whether the read looked at this key and found nothing.
fn lacks(read: &Operation<'_>, key: &Value) -> bool {
    shown(read).any(|(of, value)| of == key && *value == Value::Null)
}

fn loss<'a>(write: &'a Operation<'a>, read: &'a Operation<'a>) -> Loss<'a> {
    Loss {
        what: "write",
        value: Cow::Borrowed(write.argument()),
        operation: write,
        read,
        older: None,
        account: None,
        why: format!(
            "{}. The final read #{} began after that, and found nothing under that key.",
            told_acknowledged(write),
            read.index()
        ),
    }
}

#[cfg(test)]
mod tests {
    use histories::{Event, Value};

    use crate::models::find;
    use crate::testing::{header, history};
    use crate::{Verdict, durability};

    #[test]
    fn every_acknowledged_key_is_there() {
        let value = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        for (end, read, wanted) in [
            (":", r#"[["r",1,5],["r",2,null]]"#, Verdict::Pass),
            (":", r#"[["r",1,null],["r",2,null]]"#, Verdict::Violation),
            ("?", r#"[["r",1,null],["r",2,null]]"#, Verdict::Inconclusive),
            // Nobody looked there, or something else is there.
            (":", r#"[["r",2,null]]"#, Verdict::Inconclusive),
            (":", r#"[["r",1,6],["r",2,null]]"#, Verdict::Inconclusive),
        ] {
            let text = format!("0 write, 0 write{end}, 1 read *, 1 read: *");
            let mut events: Vec<Event> = history(&text);
            events[0].value = value(r#"[["w",1,5]]"#);
            events[1].value = value(r#"[["w",1,5]]"#);
            events[2].value = value(r#"[["r",1,null],["r",2,null]]"#);
            events[3].value = value(read);
            let check = durability(&header(false), &events, find("long-fork").unwrap()).unwrap();
            assert_eq!(check.verdict, wanted, "{end} {read}: {}", check.reason);
        }
    }
}
