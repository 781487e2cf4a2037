//! Keys that are written once, `write [[w, k, v]]`, and read together: the last reads show every acknowledged one.

use std::borrow::Cow;

use histories::{Kind, Value};

use super::loss::{Loss, told_acknowledged};
use super::{Kept, acknowledged};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Every key that was written is there.
pub(crate) fn all_written<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    let writes = || {
        group
            .operations
            .iter()
            .filter(|operation| key(operation).is_some())
    };
    Ok(Kept {
        acknowledged: acknowledged(writes()),
        lost: finals.iter().find_map(|read| {
            let before = writes().filter(|write| write.outcome == Kind::Ok && write.precedes(read));
            let missing = before.filter(|write| lacks(read, write));
            Some(loss(missing.min_by_key(|write| write.ret)?, read))
        }),
    })
}

/// The key that it writes, if it is one write.
fn key<'a>(operation: &Operation<'a>) -> Option<&'a Value> {
    match operation.argument().as_list()? {
        [only] => access(only, "w").map(|(key, _)| key),
        _ => None,
    }
}

fn access<'a>(access: &'a Value, wanted: &str) -> Option<(&'a Value, &'a Value)> {
    match access.as_list()? {
        [Value::Text(f), key, value] if &**f == wanted => Some((key, value)),
        _ => None,
    }
}

/// Whether the read looked at the key of this write and found nothing.
fn lacks(read: &Operation<'_>, write: &Operation<'_>) -> bool {
    let accesses = read.result().as_list().unwrap_or_default().iter();
    let mut of_key = accesses
        .filter_map(|each| access(each, "r"))
        .filter(|(read, _)| Some(*read) == key(write));
    of_key.any(|(_, value)| *value == Value::Null)
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
