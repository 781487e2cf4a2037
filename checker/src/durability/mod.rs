//! The check `durability`: everything that was acknowledged is still there, or was overwritten by something
//! that may follow it.

mod balances;
mod growth;

use std::borrow::Cow;

use histories::{Event, Header, Kind, Process, Value};
use serde_json::json;

use crate::error::HistoryError;
use crate::operations::{Group, Operation, groups};
use crate::verdict::{Check, Edge, Reason, Verdict, Violation};
use growth::Missing;

const NAME: &str = "durability";

/// Whether the final reads return nothing older than an acknowledged write.
///
/// A final read is an `ok` read with `"final": true` on its invocation or its completion. It breaks the
/// promise if some acknowledged `write`, `cas`, `acquire` or `release` of its key had completed before it, and every write of the value
/// that it returned had completed before that one began. A write with an unknown outcome never counts as
/// earlier, and a failed one did not happen. Of lists, sets and counters (`append`, `add`) it must show everything that
/// was acknowledged before it, and of accounts (`transfer`) balances that the acknowledged transfers allow. A key with acknowledged writes and no final read is inconclusive.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn durability(header: &Header, events: &[Event]) -> Result<Check, HistoryError> {
    let groups = groups(header, events)?;
    let mut seen = Seen::default();
    for group in &groups {
        seen.judge(group)?;
    }
    Ok(seen.check())
}

/// Something that set the value: a write, or a cas.
struct Write<'a> {
    value: Cow<'a, Value>,
    operation: &'a Operation<'a>,
}

#[derive(Default)]
struct Seen {
    written_keys: usize,
    unread_keys: usize,
    final_reads: usize,
    acknowledged: usize,
    lost: Vec<serde_json::Value>,
    violations: Vec<Violation>,
}

impl Seen {
    fn judge(&mut self, group: &Group<'_>) -> Result<(), HistoryError> {
        let writes = writes(group)?;
        let ok = |operation: &&Operation<'_>| operation.outcome == Kind::Ok;
        let additions = group
            .operations
            .iter()
            .filter(ok)
            .filter(|operation| growth::adds(operation) || balances::moves(operation))
            .count();
        let acknowledged = additions + writes.iter().map(|write| write.operation).filter(ok).count();
        let finals: Vec<_> = group
            .operations
            .iter()
            .filter(|operation| is_final_read(operation))
            .collect();
        self.acknowledged += acknowledged;
        self.final_reads += finals.len();
        self.written_keys += usize::from(acknowledged > 0);
        self.unread_keys += usize::from(acknowledged > 0 && finals.is_empty());
        let lost = finals.iter().find_map(|read| Lost::find(group, &writes, read));
        if let Some(lost) = lost {
            self.lost.push(lost.data(group));
            self.violations.push(lost.violation(group));
        } else if additions > 0
            && let Some(missing) = finals.iter().find_map(|read| Missing::find(group, read))
        {
            self.lost.push(missing.data(group));
            self.violations.push(missing.violation(group));
        } else if let Some(wrong) = balances::wrong(group, &finals)? {
            self.lost.push(wrong.data(group));
            self.violations.push(wrong.violation(group));
        }
        Ok(())
    }

    fn check(self) -> Check {
        let Seen {
            written_keys,
            unread_keys,
            final_reads,
            acknowledged,
            ..
        } = self;
        let (verdict, reason) = if let Some(first) = self.lost.first() {
            (
                Verdict::Violation,
                format!(
                    "acknowledged writes were lost on {} keys; the first is {}",
                    self.lost.len(),
                    told(first)
                ),
            )
        } else if written_keys == 0 {
            (Verdict::Inconclusive, "no write was acknowledged".to_owned())
        } else if final_reads == 0 {
            (Verdict::Inconclusive, "the history has no final reads".to_owned())
        } else if unread_keys > 0 {
            (
                Verdict::Inconclusive,
                format!("{unread_keys} of {written_keys} written keys have no final read"),
            )
        } else {
            let reason =
                format!("{acknowledged} acknowledged writes on {written_keys} keys are all accounted for");
            (Verdict::Pass, reason)
        };
        let details = json!({
            "acknowledged": acknowledged, "written_keys": written_keys, "final_reads": final_reads,
            "keys_without_final_read": unread_keys, "lost": self.lost,
        });
        Check {
            name: NAME.to_owned(),
            verdict,
            reason,
            details,
            violations: self.violations,
        }
    }
}

/// A lost write as a person says it: what it wrote, where it stood in the log, what was read instead.
fn told(lost: &serde_json::Value) -> String {
    let key = match &lost["key"] {
        serde_json::Value::Null => String::new(),
        key => format!(" to {key}"),
    };
    let at = match (lost["index"].as_u64(), lost["term"].as_u64()) {
        (Some(index), Some(term)) => format!(" (log index {index}, term {term})"),
        _ => String::new(),
    };
    format!(
        "the write of {}{key}{at}, operation #{}; the final read #{} returned {}",
        lost["value"], lost["operation"], lost["read"], lost["returned"]
    )
}

/// Everything that happened or may have happened.
fn writes<'a>(group: &'a Group<'_>) -> Result<Vec<Write<'a>>, HistoryError> {
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

fn is_final_read(operation: &Operation<'_>) -> bool {
    let marked = |event: &Event| event.other.get("final") == Some(&true.into());
    &*operation.invoke.f == "read"
        && operation.outcome == Kind::Ok
        && (marked(operation.invoke) || operation.completion.is_some_and(marked))
}

/// The first acknowledged write that a final read denies.
struct Lost<'a> {
    write: &'a Write<'a>,
    read: &'a Operation<'a>,
    /// The last write of the value that was read; none if that is the initial one.
    older: Option<&'a Write<'a>>,
}

impl<'a> Lost<'a> {
    fn find(group: &'a Group<'_>, writes: &'a [Write<'a>], read: &'a Operation<'a>) -> Option<Self> {
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
        Some(Lost { write, read, older })
    }

    fn data(&self, group: &Group<'_>) -> serde_json::Value {
        let at = self.write.operation.completion.and_then(|event| event.at);
        json!({
            "key": group.key, "value": self.write.value, "operation": self.write.operation.index(),
            "index": at.map(|(index, _)| index), "term": at.map(|(_, term)| term),
            "read": self.read.index(), "returned": self.read.result(),
        })
    }

    fn violation(&self, group: &Group<'_>) -> Violation {
        let (write, read) = (self.write.operation, self.read);
        let real_time = |from: &Operation<'_>, to: &Operation<'_>| Edge {
            from: from.index(),
            to: to.index(),
            reason: Reason::RealTime,
        };
        let mut edges = vec![real_time(write, read)];
        let mut operations = vec![write.index(), read.index()];
        let before = match self.older {
            Some(older) => {
                edges.push(real_time(older.operation, write));
                edges.push(Edge {
                    from: older.operation.index(),
                    to: read.index(),
                    reason: Reason::ReadsFrom,
                });
                operations.push(older.operation.index());
                format!(
                    "That value was written by {}, which had completed before",
                    older.operation
                )
            }
            None => "That is the initial value; nothing wrote it".to_owned(),
        };
        operations.sort_unstable();
        let at = match write.completion.and_then(|event| event.at) {
            Some((index, term)) => format!(" at log index {index}, term {term}"),
            None => String::new(),
        };
        let why = format!(
            "{write} was acknowledged{at}. The final {read} began after that, and returned {}. {before}. So the \
             acknowledged write is lost.",
            read.result()
        );
        Violation {
            check: NAME.to_owned(),
            key: group.key.cloned(),
            operations,
            edges,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    fn verdict(text: &str) -> Check {
        durability(&header(text.contains('@')), &history(text)).unwrap()
    }

    #[test]
    fn an_older_value_after_an_acknowledged_write_is_a_loss() {
        let check = verdict("0 w 1, 0 w: 1, 0 w 2, 0 w: 2, 0 r *, 0 r: 1 *");
        assert_eq!(check.verdict, Verdict::Violation);
        assert_eq!(check.violations[0].operations, [0, 2, 4]);
        assert!(
            check.violations[0].why.contains("returned 1"),
            "{}",
            check.violations[0].why
        );
        assert_eq!(
            verdict("0 w 1, 0 w: 1, 0 w 2, 0 w: 2, 0 r *, 0 r: 2 *").verdict,
            Verdict::Pass
        );
    }

    #[test]
    fn the_initial_value_after_an_acknowledged_write_is_a_loss() {
        let check = verdict("0 w 1, 0 w: 1, 0 r, 0 r: null *");
        assert_eq!(
            (check.verdict, &check.violations[0].operations[..]),
            (Verdict::Violation, &[0, 2][..])
        );
        assert_eq!(
            verdict("0 c 1>2, 0 c: 1>2, 0 r, 0 r: 1 *").verdict,
            Verdict::Pass,
            "from nowhere"
        );
    }

    #[test]
    fn an_unknown_write_is_never_earlier() {
        let unknown = "0 w 1, 0 w? 1, 1 w 2, 1 w: 2, 1 r *, 1 r: 1";
        assert_eq!(verdict(unknown).verdict, Verdict::Pass);
        let failed = "0 w 1, 0 w: 1, 1 w 2, 1 w! 2, 1 r *, 1 r: 1";
        assert_eq!(verdict(failed).verdict, Verdict::Pass);
        let concurrent = "0 w 1, 1 w 2, 0 w: 1, 1 w: 2, 1 r *, 1 r: 1";
        assert_eq!(verdict(concurrent).verdict, Verdict::Pass);
    }

    #[test]
    fn a_cas_is_a_write() {
        let check = verdict("0 w 1, 0 w: 1, 0 c 1>2, 0 c: 1>2, 0 r *, 0 r: 1");
        assert_eq!(check.verdict, Verdict::Violation);
        assert_eq!(
            verdict("0 w 1, 0 w: 1, 0 c 1>2, 0 c? 1>2, 1 r *, 1 r: 2").verdict,
            Verdict::Pass
        );
    }

    #[test]
    fn without_final_reads_nobody_knows() {
        let check = verdict("0 w 1 @a, 0 w: 1 @a, 0 w 2 @b, 0 w: 2 @b, 0 r @a *, 0 r: 1 @a");
        assert_eq!(check.verdict, Verdict::Inconclusive);
        assert_eq!(check.reason, "1 of 2 written keys have no final read");
        assert_eq!(
            verdict("0 w 1, 0 w: 1, 0 r, 0 r: 1").reason,
            "the history has no final reads"
        );
        assert_eq!(verdict("0 r *, 0 r: null").reason, "no write was acknowledged");
    }

    #[test]
    fn the_log_position_of_the_lost_write_is_named() {
        let mut events = history("0 w 1, 0 w: 1, 0 r *, 0 r: null");
        events[1].at = Some((histories::LogIndex(7), histories::Term(3)));
        let check = durability(&header(false), &events).unwrap();
        assert_eq!(check.details["lost"][0]["term"], 3);
        assert!(check.violations[0].why.contains("log index 7, term 3"));
    }
}
