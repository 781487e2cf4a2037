//! The check `durability`: everything that was acknowledged is still there, or was overwritten by something
//! that may follow it.

use histories::{Event, Header, Kind, Value};
use serde_json::json;

use crate::error::HistoryError;
use crate::final_reads::{Kept, Unproved};
use crate::models::Model;
use crate::operations::{Group, Operation, groups};
use crate::verdict::{Check, CheckName, Verdict, Violation};

/// Whether the final reads return nothing older than an acknowledged write.
///
/// A final read is an `ok` read with `"final": true` on its invocation or its completion; the model's row says what it
/// must show. Of registers and locks it breaks the promise if some acknowledged `write`, `cas`, `acquire` or `release` of
/// its key had completed before it, and every write of the value that it returned had completed before that one began.
/// A write with an unknown outcome never counts as earlier, and a failed one did not happen. Of lists, sets and counters
/// (`append`, `add`) it must show everything that was acknowledged before it, and of accounts (`transfer`) balances that
/// the acknowledged transfers allow. Of logs the last reads are polls, by which every acknowledged message must have been polled. Of queues the last reads are dequeues that found nothing, before which everything acknowledged
/// must have been taken. A key with acknowledged writes and no final read is inconclusive, and so is a write that the final reads
/// neither show nor deny.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn durability(header: &Header, events: &[Event], model: &Model) -> Result<Check, HistoryError> {
    let groups = groups(header, events)?;
    let mut seen = Seen::default();
    for group in &groups {
        seen.judge(group, model)?;
    }
    Ok(seen.check())
}

#[derive(Default)]
struct Seen {
    written_keys: usize,
    unread_keys: usize,
    final_reads: usize,
    acknowledged: usize,
    unproved: Option<Unproved>,
    lost: Vec<serde_json::Value>,
    /// The first of them, as a person says it.
    told: Option<String>,
    violations: Vec<Violation>,
}

impl Seen {
    fn judge(&mut self, group: &Group<'_>, model: &Model) -> Result<(), HistoryError> {
        let finals: Vec<_> = group
            .operations
            .iter()
            .filter(|operation| is_final_read(operation))
            .collect();
        let judge = model.final_reads.map(|judge| judge(group, &finals));
        let Kept {
            acknowledged,
            lost,
            unproved,
        } = judge.transpose()?.unwrap_or_default();
        self.acknowledged += acknowledged;
        self.final_reads += finals.len();
        self.written_keys += usize::from(acknowledged > 0);
        self.unread_keys += usize::from(acknowledged > 0 && finals.is_empty());
        if let Some(lost) = lost {
            self.lost.push(lost.data(group));
            self.told.get_or_insert_with(|| lost.told(group));
            self.violations.push(lost.violation(group));
        } else if let Some(more) = unproved.filter(|_| !finals.is_empty()) {
            let before = self.unproved.map_or(0, |unproved| unproved.count);
            self.unproved = Some(Unproved {
                count: before + more.count,
                ..more
            });
        }
        Ok(())
    }

    fn check(self) -> Check {
        let Seen {
            written_keys,
            unread_keys,
            final_reads,
            acknowledged,
            unproved,
            ..
        } = self;
        let (verdict, reason) = if let Some(first) = self.told {
            let lost = self.lost.len();
            let reason = format!("acknowledged writes were lost on {lost} keys; the first is {first}");
            (Verdict::Violation, reason)
        } else if written_keys == 0 {
            (Verdict::Inconclusive, "no write was acknowledged".to_owned())
        } else if final_reads == 0 {
            (Verdict::Inconclusive, "the history has no final reads".to_owned())
        } else if unread_keys > 0 {
            (
                Verdict::Inconclusive,
                format!("{unread_keys} of {written_keys} written keys have no final read"),
            )
        } else if let Some(Unproved { count, why }) = unproved {
            let reason =
                format!("{count} of {acknowledged} acknowledged writes are not accounted for: {why}");
            (Verdict::Inconclusive, reason)
        } else {
            let reason =
                format!("{acknowledged} acknowledged writes on {written_keys} keys are all accounted for");
            (Verdict::Pass, reason)
        };
        let details = json!({
            "acknowledged": acknowledged, "written_keys": written_keys, "final_reads": final_reads,
            "keys_without_final_read": unread_keys, "unproved": unproved.map_or(0, |unproved| unproved.count),
            "lost": self.lost,
        });
        Check {
            name: CheckName::Durability,
            verdict,
            reason,
            details,
            violations: self.violations,
        }
    }
}

fn is_final_read(operation: &Operation<'_>) -> bool {
    // A queue is read to its end when it is found empty.
    let tells = match &*operation.invoke.f {
        "read" | "poll" => true,
        "dequeue" => *operation.result() == Value::Null,
        _ => false,
    };
    tells && operation.outcome == Kind::Ok && operation.is_marked_final()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    fn register() -> &'static Model {
        crate::models::find("register").unwrap()
    }

    fn verdict(text: &str) -> Check {
        durability(&header(text.contains('@')), &history(text), register()).unwrap()
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
        let check = durability(&header(false), &events, register()).unwrap();
        assert_eq!(check.details["lost"][0]["term"], 3);
        assert!(check.violations[0].why.contains("log index 7, term 3"));
    }
}
