//! The check `revisions`: the numbers that a store gave to its updates agree with the order in which they happened.
//!
//! A store with one count for all of its keys (etcd's `mod_revision`) says more of an update than that it happened: where it
//! stands among all others, on any key. So what no key shows by itself is seen here: two updates that got one number, an update
//! that is numbered before another which had ended when it began, and a read that shows an older update of its key than
//! somebody had seen before. Etcd's documentation (KV API guarantees) promises all of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use histories::{Event, Header, Kind, Value};
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::decode::{field, micro};
use crate::error::HistoryError;
use crate::operations::{Operation, all};
use crate::verdict::{Check, CheckName, Edge, Reason, Verdict, Violation};

/// The field of a completion that holds the number: of an update the one that it got, of a read that of the update it shows.
pub const REVISION: &str = "revision";

/// The field of a transaction's completion that holds the numbers of the updates that its reads show, each with its key:
/// `[[key, revision], …]`.
pub const READ_REVISIONS: &str = "read_revisions";

/// The word of a transaction.
const TXN: &str = "txn";

/// So many violations are told; the others are counted.
const TOLD: usize = 8;

/// Judge the revisions of a history. None if it has none, and none were `promised`.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn revisions(header: &Header, events: &[Event], promised: bool) -> Result<Option<Check>, HistoryError> {
    let mut numbered = Vec::new();
    let (mut updates, mut reads, mut without) = (0u64, 0u64, 0u64);
    for operation in all(header, events)? {
        if operation.outcome != Kind::Ok {
            continue;
        }
        let own = revision(&operation)?;
        let tells: Vec<_> = match is_txn(&operation) {
            true => of_txn(operation, own, &read_revisions(&operation)?),
            false => own.map(|own| of_one(operation, own)).into_iter().collect(),
        };
        reads += u64::from(tells.iter().any(|one| one.is_read));
        updates += u64::from(tells.iter().any(|one| !one.is_read));
        without += u64::from(changes(&operation) && own.is_none());
        numbered.extend(tells);
    }
    let mut seen = Seen::of(&numbered);
    numbered.into_iter().for_each(|one| seen.take(one));
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

/// The number that its completion has.
///
/// # Errors
/// What stands there is no number.
pub(crate) fn revision(operation: &Operation<'_>) -> Result<Option<i64>, HistoryError> {
    let told = operation.completion.map(|end| field(end, REVISION, "an integer"));
    Ok(told.transpose()?.flatten())
}

/// The numbers of what its reads show, each with its key.
fn read_revisions(operation: &Operation<'_>) -> Result<Vec<(Value, i64)>, HistoryError> {
    let told = operation
        .completion
        .map(|end| field(end, READ_REVISIONS, "[[key, revision], …]"));
    Ok(told.transpose()?.flatten().unwrap_or_default())
}

/// Whether it is made of micro-operations, which have keys of their own; some workloads call theirs reads and writes.
fn is_txn(operation: &Operation<'_>) -> bool {
    let argument = operation.argument();
    let all = || {
        argument
            .as_list()
            .is_some_and(|list| list.len() == micros(argument).count())
    };
    match &*operation.invoke.f {
        TXN => true,
        "read" | "write" => {
            let mut of_argument = micros(argument).peekable();
            of_argument.peek().is_some()
                && all()
                && of_argument.all(|(f, ..)| matches!(f, "r" | "w" | "append"))
        }
        _ => false,
    }
}

/// Whether it changes something: a read of nothing shows no update, and needs no number.
fn changes(operation: &Operation<'_>) -> bool {
    match is_txn(operation) {
        true => micros(operation.argument()).any(|(f, ..)| !is_read(f)),
        false => !only_looks(operation),
    }
}

/// Whether one on a single key, which succeeded, left everything as it was: who takes something out and finds nothing has only
/// read.
fn only_looks(operation: &Operation<'_>) -> bool {
    match &*operation.invoke.f {
        "read" => true,
        "dequeue" => *operation.result() == Value::Null,
        _ => false,
    }
}

/// What an operation that succeeded tells of a key, with its number.
#[derive(Clone, Copy)]
struct Numbered<'a> {
    operation: Operation<'a>,
    revision: i64,
    is_read: bool,
    /// The key; a transaction has some of its own.
    key: Option<&'a Value>,
    /// What stood under the key after it, where the operation says so by itself.
    leaves: Option<&'a Value>,
}

fn of_one(operation: Operation<'_>, revision: i64) -> Numbered<'_> {
    let argument = operation.argument();
    let f = &*operation.invoke.f;
    Numbered {
        revision,
        is_read: only_looks(&operation),
        key: operation.invoke.key.as_ref(),
        leaves: match f {
            "read" => Some(operation.result()),
            "write" => Some(argument),
            "cas" => argument.as_list().and_then(|pair| pair.get(1)),
            _ => None,
        },
        operation,
    }
}

/// A transaction is an update of every key that it writes, and a read of those that it read as they were before.
fn of_txn<'a>(operation: Operation<'a>, own: Option<i64>, reads: &[(Value, i64)]) -> Vec<Numbered<'a>> {
    let mut numbered: Vec<Numbered<'_>> = Vec::new();
    for (f, key, value) in micros(operation.result()) {
        let known = |is_read: bool| {
            let mut of_key = numbered.iter().filter(|one| one.key == Some(key));
            of_key.any(|one| one.is_read == is_read)
        };
        let (was_read, was_written) = (known(true), known(false));
        let one = |revision: i64, is_read: bool, leaves| Numbered {
            operation,
            revision,
            is_read,
            key: Some(key),
            leaves,
        };
        let read = reads.iter().find(|(of, _)| of == key);
        if let Some((_, revision)) = read.filter(|_| !was_read) {
            // What it reads after its own write is nobody else's.
            let leaves = Some(value).filter(|_| is_read(f) && !was_written);
            numbered.push(one(*revision, true, leaves));
        }
        if let Some(revision) = own
            && !is_read(f)
            && !was_written
        {
            numbered.push(one(revision, false, None));
        }
    }
    numbered
}

fn micros(txn: &Value) -> impl Iterator<Item = (&str, &Value, &Value)> {
    txn.as_list().unwrap_or_default().iter().filter_map(micro)
}

fn is_read(f: &str) -> bool {
    f == "r"
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
    /// Who told of a revision first, by keys: of an update, and of a read.
    of_revision: FxHashMap<i64, Vec<usize>>,
    /// The keys that an operation updates, by its index, whenever it began.
    updated: FxHashMap<u64, Vec<Option<&'a Value>>>,
    violations: Vec<Violation>,
    /// How many there are, told or not.
    found: u64,
}

impl<'a> Seen<'a> {
    /// Nothing yet, of all that there will be.
    fn of(numbered: &[Numbered<'a>]) -> Self {
        let mut seen = Seen::default();
        for update in numbered.iter().filter(|one| !one.is_read) {
            let keys = seen.updated.entry(update.operation.index()).or_default();
            keys.push(update.key);
        }
        seen
    }

    /// The next operation in the order of the invocations.
    fn take(&mut self, next: Numbered<'a>) {
        self.ended_before(next.operation.inv);
        let place = self.taken.len();
        self.taken.push(next);
        self.open.push(Reverse((next.operation.ret, place)));
        let before = match next.is_read {
            true => self.newest_of.get(&next.key).copied(),
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
            let of_key = self.newest_of.get(&ended.key);
            if of_key.is_none_or(newer) {
                self.newest_of.insert(ended.key, place);
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
        let second = self.taken[place];
        let told = self.of_revision.entry(second.revision).or_default();
        let others = told.clone();
        let same = |other: &usize| {
            let other = self.taken[*other];
            (other.key, other.is_read) == (second.key, second.is_read)
        };
        if !told.iter().any(same) {
            told.push(place);
        }
        let contradicts = |other: &&usize| self.contradicts(**other, place);
        if let Some(&other) = others.iter().find(contradicts) {
            let why = format!(
                "{} and {} both have revision {}.",
                self.taken[other].operation, second.operation, second.revision
            );
            self.violated(other, place, Reason::VersionOrder, why);
        }
    }

    /// Whether two that tell of the same revision cannot both be right.
    fn contradicts(&self, other: usize, place: usize) -> bool {
        let [first, second] = [other, place].map(|place| self.taken[place]);
        if first.operation.index() == second.operation.index() {
            return false;
        }
        if !first.is_read && !second.is_read {
            return true;
        }
        if first.key == second.key {
            return matches!((first.leaves, second.leaves), (Some(first), Some(second)) if first != second);
        }
        match (first.is_read, second.is_read) {
            (false, _) => self.leaves_out(&first, second.key),
            (true, false) => self.leaves_out(&second, first.key),
            // One transaction updates several keys, and each of them shows its number.
            (true, true) => !is_txn(&first.operation) && !is_txn(&second.operation),
        }
    }

    /// Whether the update is of other keys than this one; told once, of the first of them.
    fn leaves_out(&self, update: &Numbered<'a>, key: Option<&'a Value>) -> bool {
        let keys = self.updated.get(&update.operation.index());
        keys.is_some_and(|keys| keys.first() == Some(&update.key) && !keys.contains(&key))
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
mod tests;
