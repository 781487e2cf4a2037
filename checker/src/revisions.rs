//! The check `revisions`: the numbers that a store gave to its updates agree with the order in which they happened.
//!
//! A store with one count for all of its keys (etcd's `mod_revision`) says more of an update than that it happened: where it
//! stands among all others, on any key. So what no key shows by itself is seen here: two updates that got one number, an update
//! that is numbered before another which had ended when it began, and a read that shows an older update of its key than
//! somebody had seen before. Etcd's documentation (KV API guarantees) promises all of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use histories::{Event, Header, Kind, Value};
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::error::HistoryError;
use crate::operations::{Operation, all};
use crate::verdict::{Check, CheckName, Edge, Reason, Verdict, Violation};

/// The field of a completion that holds the number: of an update the one that it got, of a read that of the update it shows.
pub const REVISION: &str = "revision";

/// So many violations are told; the others are counted.
const TOLD: usize = 8;

/// Judge the revisions of a history. None if it has none, and none were `promised`.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn revisions(header: &Header, events: &[Event], promised: bool) -> Result<Option<Check>, HistoryError> {
    let mut seen = Seen::default();
    let (mut updates, mut reads, mut without) = (0u64, 0u64, 0u64);
    for operation in all(header, events)? {
        let is_read = operation.invoke.f.as_ref() == "read";
        match revision(&operation) {
            _ if operation.outcome != Kind::Ok => {}
            Some(revision) => {
                *(if is_read { &mut reads } else { &mut updates }) += 1;
                seen.take(Numbered {
                    operation,
                    revision,
                    is_read,
                });
            }
            // A read of nothing shows no update.
            None if is_read => {}
            None => without += 1,
        }
    }
    if updates + reads == 0 && !promised {
        return Ok(None);
    }
    let (verdict, reason) = if !seen.violations.is_empty() {
        let first = &seen.violations[0].why;
        (Verdict::Violation, first.clone())
    } else if updates == 0 {
        let reason = "no update has a revision, which the store promises to tell";
        (Verdict::Inconclusive, reason.to_owned())
    } else if without > 0 {
        let reason = format!("{without} updates have no revision, and {updates} have one");
        (Verdict::Inconclusive, reason)
    } else {
        let reason =
            format!("the revisions of {updates} updates and {reads} reads agree with their order in time");
        (Verdict::Pass, reason)
    };
    Ok(Some(Check {
        name: CheckName::Revisions,
        verdict,
        reason,
        details: json!({
            "updates": updates,
            "reads": reads,
            "updates_without": without,
            "violations": seen.found,
        }),
        violations: seen.violations,
    }))
}

fn revision(operation: &Operation<'_>) -> Option<i64> {
    operation.completion?.other.get(REVISION)?.as_i64()
}

/// An operation that succeeded, with its number.
#[derive(Clone, Copy)]
struct Numbered<'a> {
    operation: Operation<'a>,
    revision: i64,
    is_read: bool,
}

impl<'a> Numbered<'a> {
    fn key(&self) -> Option<&'a Value> {
        self.operation.invoke.key.as_ref()
    }

    /// What stood under the key after it, where the operation says so by itself.
    fn leaves(&self) -> Option<&'a Value> {
        let argument = self.operation.argument();
        match &*self.operation.invoke.f {
            "read" => Some(self.operation.result()),
            "write" => Some(argument),
            "cas" => argument.as_list()?.get(1),
            _ => None,
        }
    }
}

/// What has been seen before an operation began, in the order of the invocations.
#[derive(Default)]
struct Seen<'a> {
    /// Those that have begun, until they have ended, too: the position of the end, and the place in `taken`.
    open: BinaryHeap<Reverse<(u32, usize)>>,
    taken: Vec<Numbered<'a>>,
    /// The newest revision that somebody has seen at an end, and who.
    newest: Option<usize>,
    newest_of: FxHashMap<Option<&'a Value>, usize>,
    /// Who told of a revision first; an update, once there is one.
    of_revision: FxHashMap<i64, usize>,
    violations: Vec<Violation>,
    /// How many there are, told or not.
    found: u64,
}

impl<'a> Seen<'a> {
    /// The next operation in the order of the invocations.
    fn take(&mut self, next: Numbered<'a>) {
        self.ended_before(next.operation.inv);
        let place = self.taken.len();
        self.taken.push(next);
        self.open.push(Reverse((next.operation.ret, place)));
        let before = match next.is_read {
            true => self.newest_of.get(&next.key()).copied(),
            false => self.newest,
        };
        if let Some(before) = before {
            self.compare(before, place);
        }
        self.agree(place);
    }

    fn ended_before(&mut self, moment: u32) {
        while let Some(&Reverse((end, place))) = self.open.peek()
            && end < moment
        {
            self.open.pop();
            let ended = self.taken[place];
            let newer = |than: &usize| self.taken[*than].revision < ended.revision;
            if self.newest.as_ref().is_none_or(newer) {
                self.newest = Some(place);
            }
            let of_key = self.newest_of.get(&ended.key());
            if of_key.is_none_or(newer) {
                self.newest_of.insert(ended.key(), place);
            }
        }
    }

    /// `earlier` had ended when `later` began.
    fn compare(&mut self, earlier: usize, later: usize) {
        let [first, second] = [earlier, later].map(|place| self.taken[place]);
        let is_right = match second.is_read {
            true => second.revision >= first.revision,
            false => second.revision > first.revision,
        };
        if is_right {
            return;
        }
        let why = format!(
            "{} has revision {}, and had ended before {} began, whose revision is {}.",
            first.operation, first.revision, second.operation, second.revision
        );
        self.violated(earlier, later, Reason::RealTime, why);
    }

    /// A revision is one update's, and whoever shows it shows what that left.
    fn agree(&mut self, place: usize) {
        let revision = self.taken[place].revision;
        let other = match self.of_revision.entry(revision) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                return;
            }
            Entry::Occupied(mut occupied) => {
                let other = *occupied.get();
                if self.taken[other].is_read && !self.taken[place].is_read {
                    occupied.insert(place);
                }
                other
            }
        };
        let [first, second] = [other, place].map(|place| self.taken[place]);
        let both_update = !first.is_read && !second.is_read;
        let one_key = first.key() == second.key();
        let one_value = match (first.leaves(), second.leaves()) {
            (Some(first), Some(second)) => first == second,
            _ => true,
        };
        if both_update || !one_key || !one_value {
            let why = format!(
                "{} and {} both have revision {revision}.",
                first.operation, second.operation
            );
            self.violated(other, place, Reason::VersionOrder, why);
        }
    }

    fn violated(&mut self, from: usize, to: usize, reason: Reason, why: String) {
        self.found += 1;
        if self.violations.len() == TOLD {
            return;
        }
        let [from, to] = [from, to].map(|place| self.taken[place].operation);
        let mut few = [from, to];
        few.sort_by_key(Operation::index);
        self.violations.push(Violation {
            key: to.invoke.key.clone(),
            operations: few.iter().map(Operation::index).collect(),
            told: few.iter().map(Operation::brief).collect(),
            edges: vec![Edge {
                from: from.index(),
                to: to.index(),
                reason,
            }],
            ..Violation::in_words(CheckName::Revisions, why)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    fn judged(text: &str, promised: bool) -> Option<Check> {
        revisions(&header(true), &history(text), promised).unwrap()
    }

    #[test]
    fn revisions_follow_the_order_of_updates_on_all_keys() {
        use Verdict::{Inconclusive, Pass, Violation};
        for (text, wanted) in [
            (
                "0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @b, 0 w: 1 @b #3, 0 r @a, 0 r: 1 @a #2",
                Pass,
            ),
            // Side by side any order will do, and a read of a key may show an older update than another key has.
            (
                "0 w 1 @a, 1 w 1 @b, 0 w: 1 @a #3, 1 w: 1 @b #2, 1 r @b, 1 r: 1 @b #2",
                Pass,
            ),
            // What nobody knows the end of has no number, and takes one.
            (
                "0 w 1 @a, 0 w? 1 @a, 1 w 2 @a, 1 w: 2 @a #3, 1 r @a, 1 r: 2 @a #3",
                Pass,
            ),
            ("0 w 1 @a, 0 w: 1 @a #3, 0 w 1 @b, 0 w: 1 @b #2", Violation),
            ("0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @b, 0 w: 1 @b #2", Violation),
            ("0 w 1 @a, 1 w 1 @b, 0 w: 1 @a #2, 1 w: 1 @b #2", Violation),
            // A read from before, which a register that is written the same value again does not show.
            (
                "0 w 1 @a, 0 w: 1 @a #2, 0 w 1 @a, 0 w: 1 @a #3, 1 r @a, 1 r: 1 @a #2",
                Violation,
            ),
            // What a read has shown is older than any update that begins later.
            (
                "0 w 1 @a, 0 w: 1 @a #9, 1 r @a, 1 r: 1 @a #9, 0 w 2 @b, 0 w: 2 @b #8",
                Violation,
            ),
            ("0 w 1 @a, 0 w: 1 @a #2, 1 r @a, 1 r: 5 @a #2", Violation),
            ("1 r @a, 1 r: 5 @a #2, 1 r @b, 1 r: 5 @b #2", Violation),
            ("0 c 1>2 @a, 0 c: 1>2 @a #2, 1 r @a, 1 r: 2 @a #2", Pass),
            ("0 c 1>2 @a, 0 c: 1>2 @a #2, 1 r @a, 1 r: 1 @a #2", Violation),
            ("0 w 1 @a, 0 w: 1 @a #2, 0 w 2 @a, 0 w: 2 @a", Inconclusive),
            ("0 w 1 @a, 0 w: 1 @a", Inconclusive),
        ] {
            let check = judged(text, true).unwrap();
            assert_eq!(check.verdict, wanted, "{text}: {}", check.reason);
        }
        assert_eq!(judged("0 w 1 @a, 0 w: 1 @a", false), None);
    }
}
