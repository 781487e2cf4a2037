//! What is overwritten: a final read returns nothing older than an acknowledged write.

use std::borrow::Cow;

use histories::{Kind, Process, Value};

use super::loss::{Loss, told_acknowledged};
use super::{Kept, acknowledged};
use crate::error::HistoryError;
use crate::operations::{Group, Operation};

/// Something that set the value: a write, or a cas.
struct Write<'a> {
    value: Cow<'a, Value>,
    operation: &'a Operation<'a>,
}

/// The last write, or one that may have followed it.
pub(crate) fn last_write<'a>(
    group: &'a Group<'a>,
    finals: &[&'a Operation<'a>],
) -> Result<Kept<'a>, HistoryError> {
    let writes = writes(group)?;
    Ok(Kept {
        acknowledged: acknowledged(writes.iter().map(|write| write.operation)),
        lost: finals.iter().find_map(|read| lost(group, &writes, read)),
        unproved: None,
    })
}

/// Everything that happened or may have happened.
fn writes<'a>(group: &'a Group<'a>) -> Result<Vec<Write<'a>>, HistoryError> {
    let mut writes = Vec::new();
    for operation in group
        .operations
        .iter()
        .filter(|operation| operation.outcome != Kind::Fail)
    {
        let value = match &*operation.invoke.f {
            "write" => Cow::Borrowed(operation.argument()),
            "cas" => match operation.argument().as_list() {
                Some([_, new]) => Cow::Borrowed(new),
                _ => return Err(operation.bad_value(false, "a pair [expected, new]")),
            },
            // A lock holds the number of the process that has it, as a read shows it.
            "acquire" => Cow::Owned(holder(operation.invoke.process)),
            "release" => Cow::Owned(Value::Null),
            _ => continue,
        };
        writes.push(Write { value, operation });
    }
    Ok(writes)
}

fn holder(process: Process) -> Value {
    match process {
        Process::Client(number) => Value::Int(number as i64),
        Process::Nemesis => Value::Null,
    }
}

/// The first acknowledged write that the final read denies.
fn lost<'a>(group: &Group<'_>, writes: &[Write<'a>], read: &'a Operation<'a>) -> Option<Loss<'a>> {
    if writes.is_empty() {
        return None;
    }
    let of_this = || writes.iter().filter(|write| *write.value == *read.result());
    let older = of_this().max_by_key(|write| write.operation.ret);
    if older.is_none() && read.result() != group.initial {
        return None; // a value from nowhere: that is for linearizability to say
    }
    let after = |write: &&Write<'_>| {
        write.operation.outcome == Kind::Ok
            && write.operation.precedes(read)
            && older.is_none_or(|older| older.operation.precedes(write.operation))
    };
    let write = writes
        .iter()
        .filter(after)
        .min_by_key(|write| write.operation.ret)?;
    let older = older.map(|older| older.operation);
    Some(Loss {
        what: "write",
        value: write.value.clone(),
        operation: write.operation,
        read,
        older,
        account: None,
        why: why(write.operation, read, older),
    })
}

fn why(write: &Operation<'_>, read: &Operation<'_>, older: Option<&Operation<'_>>) -> String {
    let before = match older {
        Some(older) => format!("That value was written by {older}, which had completed before"),
        None => "That is the initial value; nothing wrote it".to_owned(),
    };
    format!(
        "{}. The final {read} began after that, and returned {}. {before}. So the acknowledged write is lost.",
        told_acknowledged(write),
        read.result()
    )
}
