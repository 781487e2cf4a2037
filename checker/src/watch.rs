//! The check `watch`: who holds a watch is told of every change that was acknowledged, in the order of revisions, once, and of
//! nothing that nobody did. A watch that was lost and taken up again is the same watch.
//!
//! What watchers were told are events that are no operations: `watch` with `[[key, value, revision], …]`. A change is known by its key
//! and value, which are written once.

use std::collections::BTreeMap;

use histories::{Event, Header, Kind, Process, Value};
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::decode::field;
use crate::error::HistoryError;
use crate::operations::{Operation, all};
use crate::revisions::revision;
use crate::verdict::{Check, CheckName, Verdict, Violation};

/// The word of an event that tells a watcher of changes.
pub const WATCH: &str = "watch";
/// The field of such an event that has the watcher's number.
pub const WATCHER: &str = "watcher";
/// The field that has the beginning of the keys that are watched.
pub const PREFIX: &str = "prefix";
/// The word of an event that says that a watch begins, or is taken up again.
const FROM: &str = "watch-from";

/// So many violations are told; the others are counted.
const TOLD: usize = 8;

/// A change, by its key and value.
type Change<'a> = (&'a Value, &'a Value);

/// A change that a watcher was told of.
#[derive(Clone, Copy)]
struct Delivered<'a> {
    change: Change<'a>,
    revision: i64,
    /// The event.
    index: u64,
}

/// A change that a client asked for, and its number, if it was acknowledged with one.
struct Tried<'a> {
    operation: Operation<'a>,
    revision: Option<i64>,
}

/// What one watcher was told, in its order.
#[derive(Default)]
struct Watcher<'a> {
    told: Vec<Delivered<'a>>,
    /// How often it was begun or taken up again.
    begun: u64,
}

/// Judge what the watchers of a history were told. None if there were none, and none were `promised`.
///
/// # Errors
/// The history means nothing: see [`HistoryError`].
pub fn watch(header: &Header, events: &[Event], promised: bool) -> Result<Option<Check>, HistoryError> {
    let watchers = watchers(events)?;
    if watchers.is_empty() && !promised {
        return Ok(None);
    }
    let prefix = prefix(events)?;
    let operations = all(header, events)?;
    let mut tried: FxHashMap<Change<'_>, Tried<'_>> = FxHashMap::default();
    for operation in operations {
        if let Some(change) = change(&operation).filter(|(key, _)| begins(key, &prefix)) {
            let revision = revision(&operation)?;
            tried.insert(change, Tried { operation, revision });
        }
    }
    let mut seen = Seen::of(&tried);
    for (number, watcher) in &watchers {
        seen.look(*number, watcher);
    }
    Ok(Some(seen.check(&watchers)))
}

/// The beginning of the keys that are watched.
fn prefix(events: &[Event]) -> Result<String, HistoryError> {
    let first = told(events).find(|event| event.other.contains_key(PREFIX));
    let prefix = first.map(|event| field(event, PREFIX, "the beginning of keys"));
    Ok(prefix.transpose()?.flatten().unwrap_or_default())
}

/// All that watchers may have been told.
fn told(events: &[Event]) -> impl Iterator<Item = &Event> {
    events.iter().filter(|event| event.process == Process::Nemesis)
}

fn watchers(events: &[Event]) -> Result<BTreeMap<u64, Watcher<'_>>, HistoryError> {
    let mut watchers: BTreeMap<u64, Watcher<'_>> = BTreeMap::new();
    for event in told(events) {
        let Some(number) = field(event, WATCHER, "the number of a watcher")? else {
            continue;
        };
        let watcher = watchers.entry(number).or_default();
        match &*event.f {
            FROM => watcher.begun += 1,
            WATCH => watcher.told.extend(delivered(event)?),
            _ => {}
        }
    }
    Ok(watchers)
}

fn delivered(event: &Event) -> Result<Vec<Delivered<'_>>, HistoryError> {
    let bad = || HistoryError::BadValue {
        index: event.index,
        f: event.f.to_string(),
        value: event.value.clone(),
        expected: "[[key, value, revision], …]",
    };
    let changes = event.value.as_list().ok_or_else(bad)?.iter();
    changes
        .map(|change| delivery(event, change).ok_or_else(bad))
        .collect()
}

fn delivery<'a>(event: &Event, change: &'a Value) -> Option<Delivered<'a>> {
    match change.as_list()? {
        [key, value, revision] => Some(Delivered {
            change: (key, value),
            revision: revision.as_int()?,
            index: event.index,
        }),
        _ => None,
    }
}

/// What an operation puts where, if it changes something.
fn change<'a>(operation: &Operation<'a>) -> Option<Change<'a>> {
    let key = operation.invoke.key.as_ref()?;
    match &*operation.invoke.f {
        "write" => Some((key, operation.argument())),
        "cas" => Some((key, operation.argument().as_list()?.get(1)?)),
        _ => None,
    }
}

fn begins(key: &Value, prefix: &str) -> bool {
    matches!(key, Value::Text(key) if key.starts_with(prefix))
}

/// What has been seen of all watchers.
struct Seen<'a, 'b> {
    tried: &'b FxHashMap<Change<'a>, Tried<'a>>,
    /// The revision of each change, as the first watcher was told it, and which that was.
    numbered: FxHashMap<Change<'a>, (i64, u64)>,
    violations: Vec<Violation>,
    found: u64,
    /// How many acknowledged changes watchers were not told of by the end, without any later one that they were told of.
    behind: BTreeMap<u64, usize>,
}

impl<'a, 'b> Seen<'a, 'b> {
    fn of(tried: &'b FxHashMap<Change<'a>, Tried<'a>>) -> Self {
        Seen {
            tried,
            numbered: FxHashMap::default(),
            violations: Vec::new(),
            found: 0,
            behind: BTreeMap::new(),
        }
    }

    fn acknowledged(&self) -> impl Iterator<Item = (Change<'a>, &'b Tried<'a>)> + use<'a, 'b> {
        let all = self.tried.iter().map(|(change, tried)| (*change, tried));
        all.filter(|(_, tried)| tried.operation.outcome == Kind::Ok)
    }

    fn look(&mut self, number: u64, watcher: &Watcher<'a>) {
        let mut before: FxHashMap<Change<'a>, Delivered<'a>> = FxHashMap::default();
        let mut last: Option<Delivered<'a>> = None;
        for told in &watcher.told {
            let what = format!("Watcher {number} was told of {}", said(told));
            self.compare(number, told, &what);
            if let Some(first) = before.get(&told.change) {
                let (place, at) = (first.index, first.revision);
                self.violated(
                    told,
                    format!("{what}, of which it had been told before, in event #{place} with revision {at}: it is doubled."),
                );
            } else if let Some(last) = last.filter(|last| last.revision > told.revision) {
                let later = said(&last);
                self.violated(
                    told,
                    format!("{what} after {later}, whose revision is greater: they are out of order."),
                );
            }
            before.entry(told.change).or_insert(*told);
            if last.is_none_or(|last| last.revision < told.revision) {
                last = Some(*told);
            }
        }
        self.missed(number, watcher, &before, last);
    }

    /// Against what clients did, and what other watchers were told.
    fn compare(&mut self, number: u64, told: &Delivered<'a>, what: &str) {
        match self.tried.get(&told.change) {
            None => self.violated(told, format!("{what}, which nobody wrote: it is invented.")),
            Some(Tried { operation, .. }) if operation.outcome == Kind::Fail => self.violated(
                told,
                format!("{what}, but {operation} certainly did not happen: it is invented."),
            ),
            Some(Tried { operation, revision }) => {
                if let Some(other) = revision.filter(|other| *other != told.revision) {
                    self.violated(
                        told,
                        format!("{what}, but {operation} was acknowledged with revision {other}."),
                    );
                }
            }
        }
        let (other, first) = *self
            .numbered
            .entry(told.change)
            .or_insert((told.revision, number));
        if other != told.revision {
            self.violated(
                told,
                format!("{what}, and watcher {first} of the same change with revision {other}."),
            );
        }
    }

    /// What was acknowledged and not told, though something later was.
    fn missed(
        &mut self,
        number: u64,
        watcher: &Watcher<'a>,
        told: &FxHashMap<Change<'a>, Delivered<'a>>,
        last: Option<Delivered<'a>>,
    ) {
        let latest = told
            .iter()
            .filter_map(|(change, told)| Some((&self.tried.get(change)?.operation, told)))
            .max_by_key(|(operation, _)| operation.inv);
        let mut missing: Vec<_> = self
            .acknowledged()
            .filter(|(change, _)| !told.contains_key(change))
            .collect();
        missing.sort_by_key(|(_, tried)| tried.operation.ret);
        for (change, Tried { operation, revision }) in missing {
            // The first that shows it, if its number tells; else what began after it.
            let greater = |told: &Delivered<'_>| revision.is_some_and(|own| own < told.revision);
            let first = || watcher.told.iter().find(|told| greater(told)).copied();
            let later = match (last.filter(greater).and_then(|_| first()), latest) {
                (Some(first), _) => Some(first),
                (None, Some((after, told))) if operation.precedes(after) => Some(*told),
                _ => None,
            };
            let Some(later) = later else {
                *self.behind.entry(number).or_default() += 1;
                continue;
            };
            let own = revision.map_or(String::new(), |own| format!(" with revision {own}"));
            let gone = Delivered {
                change,
                revision: 0,
                index: operation.index(),
            };
            let why = format!(
                "{operation} was acknowledged{own}, and watcher {number} was never told of it, though it was told of {}, which is \
                 later: it is missed.",
                said(&later)
            );
            self.violated(&gone, why);
        }
    }

    fn violated(&mut self, told: &Delivered<'a>, why: String) {
        self.found += 1;
        if self.violations.len() == TOLD {
            return;
        }
        let operation = self.tried.get(&told.change).map(|tried| &tried.operation);
        self.violations.push(Violation {
            key: Some(told.change.0.clone()),
            operations: operation.map(Operation::index).into_iter().collect(),
            told: operation.map(Operation::brief).into_iter().collect(),
            ..Violation::in_words(CheckName::Watch, why)
        });
    }

    fn check(self, watchers: &BTreeMap<u64, Watcher<'_>>) -> Check {
        let acknowledged = self.acknowledged().count();
        let silent = watchers.iter().find(|(_, watcher)| watcher.told.is_empty());
        let resumed: u64 = watchers
            .values()
            .map(|watcher| watcher.begun.saturating_sub(1))
            .sum();
        let told: usize = watchers.values().map(|watcher| watcher.told.len()).sum();
        let (verdict, reason) = match (self.violations.first(), silent, self.behind.first_key_value()) {
            (Some(first), ..) => (Verdict::Violation, first.why.clone()),
            _ if watchers.is_empty() => (Verdict::Inconclusive, "nobody watched".to_owned()),
            (None, Some((number, _)), _) => (
                Verdict::Inconclusive,
                format!("watcher {number} was never told of anything"),
            ),
            (None, None, Some((number, behind))) => (
                Verdict::Inconclusive,
                format!(
                    "watcher {number} had not caught up by the end: {behind} acknowledged changes never came"
                ),
            ),
            (None, None, None) if acknowledged == 0 => {
                (Verdict::Inconclusive, "no change was acknowledged".to_owned())
            }
            (None, None, None) => (
                Verdict::Pass,
                format!(
                    "{} watchers were told of all {acknowledged} acknowledged changes, in order and once; watches were taken up \
                     again {resumed} times",
                    watchers.len()
                ),
            ),
        };
        Check {
            name: CheckName::Watch,
            verdict,
            reason,
            details: json!({
                "watchers": watchers.len(), "acknowledged": acknowledged, "told": told, "resumed": resumed,
                "behind": self.behind.values().sum::<usize>(), "violations": self.found,
            }),
            violations: self.violations,
        }
    }
}

fn said(told: &Delivered<'_>) -> String {
    let (key, value) = told.change;
    format!("{value} under {key} (revision {})", told.revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, history};

    /// Four writes with revisions 2 to 5, of which the second is unknown and the third has failed; and what a watcher is told.
    fn judged(told: &[&[(i64, i64)]]) -> Check {
        watch(&header(true), &events(told), true).unwrap().unwrap()
    }

    fn events(told: &[&[(i64, i64)]]) -> Vec<Event> {
        let written = "0 w 1 @k0, 0 w: 1 @k0 #2, 0 w 2 @k0, 0 w? 2 @k0, 1 w 3 @k0, 1 w! 3 @k0, 1 w 4 @k0, 1 w: 4 @k0 #5";
        let mut events = history(written);
        for (number, told) in told.iter().enumerate() {
            for (value, revision) in *told {
                let mut event = history("9 watch").remove(0);
                event.process = Process::Nemesis;
                event.kind = Kind::Info;
                event.index = events.len() as u64;
                let change = ["k0".into(), Value::from(*value), Value::from(*revision)];
                event.value = Value::list([Value::list(change)]);
                event.other.insert(WATCHER.into(), (number + 1).into());
                event.other.insert(PREFIX.into(), "k".into());
                events.push(event);
            }
        }
        events
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        for (value, watcher, prefix) in [
            ("null", json!(1), json!("k")),
            (r#"[["k0",1]]"#, json!(1), json!("k")),
            (r#"[["k0",1,"2"]]"#, json!(1), json!("k")),
            (r#"[["k0",1,2]]"#, json!("1"), json!("k")),
            (r#"[["k0",1,2]]"#, json!(1), json!(7)),
        ] {
            let mut events = events(&[&[(1, 2)]]);
            let told = events.last_mut().unwrap();
            told.value = serde_json::from_str(value).unwrap();
            told.other.insert(WATCHER.into(), watcher);
            told.other.insert(PREFIX.into(), prefix);
            let index = told.index;
            let error = watch(&header(true), &events, true).unwrap_err();
            assert_eq!(error.index(), Some(index), "{value}: {error}");
        }
        let mut events = events(&[&[(1, 2)]]);
        events[1].other.insert(crate::REVISION.into(), "2".into());
        let error = watch(&header(true), &events, true).unwrap_err();
        assert_eq!(error.index(), Some(1), "{error}");
    }

    #[test]
    fn every_acknowledged_change_is_told_in_order_and_once() {
        use Verdict::{Inconclusive, Pass, Violation};
        for (told, wanted, word) in [
            (&[&[(1, 2), (4, 5)][..]][..], Pass, "all 2 acknowledged"),
            // What nobody knows may have happened.
            (&[&[(1, 2), (2, 3), (4, 5)]], Pass, "all 2 acknowledged"),
            (&[&[(4, 5)]], Violation, "missed"),
            (&[&[(1, 2), (4, 5), (4, 5)]], Violation, "doubled"),
            (&[&[(2, 3), (1, 2), (4, 5)]], Violation, "out of order"),
            (
                &[&[(1, 2), (3, 4), (4, 5)]],
                Violation,
                "certainly did not happen",
            ),
            (&[&[(1, 2), (7, 3), (4, 5)]], Violation, "nobody wrote"),
            (&[&[(1, 3), (4, 5)]], Violation, "acknowledged with revision 2"),
            (
                &[&[(1, 2), (2, 3), (4, 5)], &[(1, 2), (2, 4), (4, 5)]],
                Violation,
                "watcher 1 of the same change with revision 3",
            ),
            (&[&[(1, 2)]], Inconclusive, "not caught up"),
            (&[], Inconclusive, "nobody watched"),
        ] {
            let check = judged(told);
            assert_eq!(check.verdict, wanted, "{told:?}: {}", check.reason);
            assert!(check.reason.contains(word), "{told:?}: {}", check.reason);
        }
        let none = watch(&header(true), &history("0 w 1 @k0, 0 w: 1 @k0"), false).unwrap();
        assert_eq!(none, None);
    }
}
