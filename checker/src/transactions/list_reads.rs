//! What a single read of a list shows: garbage, aborted and intermediate elements, and contradictions with the
//! longest read or with its own transaction.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::anomaly::{Anomaly, Case, Cases};
use super::dependencies::Link;
use super::lists::{Lists, Read, duplicate};
use super::micro::{Micro, NONE, Transactions};
use super::shown::Short;
use crate::budget::Meter;
use crate::error::Halt;

/// Finds the orders, and what is wrong without looking at cycles.
pub(super) fn analyse<'a>(
    transactions: &'a Transactions<'a>,
    cases: &mut Cases,
    meter: &mut Meter<'_>,
) -> Result<Lists<'a>, Halt> {
    let mut lists = Lists::ordered(transactions, cases, meter)?;
    check(&mut lists, cases, meter)?;
    lists.dirty_updates(cases);
    lists.lost_updates(cases);
    Ok(lists)
}

/// Looks at every read, and keeps those that fit into their order.
fn check(lists: &mut Lists<'_>, cases: &mut Cases, meter: &mut Meter<'_>) -> Result<(), Halt> {
    let firsts = Firsts::of(lists);
    let mut own = Own::default();
    let transactions = lists.transactions;
    for reader in transactions.of(Kind::Ok) {
        let micros = transactions.micros(reader);
        for micro in micros.iter().filter(|micro| !micro.writes()) {
            meter.step()?;
            let (list, order) = (micro.list(), &mut lists.orders[micro.key as usize]);
            if list.len() <= order.list.len() && *list == order.list[..list.len()] {
                let (key, length) = (micro.key, list.len() as u32);
                lists.reads.push(Read { key, length, reader });
                firsts.tell(lists, micro, reader, cases);
            } else {
                order.broken = true;
                let longest = order.reader;
                cases.add(Anomaly::IncompatibleOrder, || {
                    incompatible(lists, micro, reader, longest)
                });
                stray(lists, micro, reader, cases);
            }
            intermediate(lists, micro, reader, cases);
        }
        own.check(lists, micros, reader, cases);
    }
    for writer in (0..transactions.len() as u32).filter(|&at| transactions.outcome(at) != Kind::Fail) {
        own.in_turn(lists, transactions.micros(writer), writer, cases);
    }
    Ok(())
}

fn incompatible(lists: &Lists<'_>, micro: &Micro<'_>, reader: u32, longest: u32) -> Case {
    let key = lists.transactions.keys[micro.key as usize];
    let longer = Value::list(lists.orders[micro.key as usize].list.iter().cloned());
    Case {
        transactions: vec![reader, longest],
        why: format!(
            "T1 read {} of {key}, which is not a beginning of {}, which T2 read",
            Short(micro.value),
            Short(&longer)
        ),
        edges: Vec::new(),
    }
}

/// In each key's order, the first place of an aborted element and of one that nobody appended.
struct Firsts(Vec<[usize; 2]>);

impl Firsts {
    fn of(lists: &Lists<'_>) -> Self {
        let versions = &lists.transactions.versions;
        let failed = |at: &u32| {
            versions
                .get(*at as usize)
                .is_some_and(|version| version.outcome == Kind::Fail)
        };
        let first = |place: Option<usize>| place.unwrap_or(usize::MAX);
        let orders = lists.orders.iter();
        Firsts(
            orders
                .map(|order| {
                    [
                        first(order.versions.iter().position(failed)),
                        first(order.versions.iter().position(|&at| at == NONE)),
                    ]
                })
                .collect(),
        )
    }

    /// Both anomalies of a read that fits into its order.
    fn tell(&self, lists: &Lists<'_>, micro: &Micro<'_>, reader: u32, cases: &mut Cases) {
        let [aborted, garbage] = self.0[micro.key as usize];
        if aborted < micro.list().len() {
            let version = lists.orders[micro.key as usize].versions[aborted];
            cases.add(Anomaly::G1a, || read_of_aborted(lists, version, reader));
        }
        if garbage < micro.list().len() {
            let element = &micro.list()[garbage];
            cases.add(Anomaly::GarbageRead, || {
                read_of_garbage(lists, micro, element, reader)
            });
        }
    }
}

fn read_of_aborted(lists: &Lists<'_>, version: u32, reader: u32) -> Case {
    let version = &lists.transactions.versions[version as usize];
    let key = lists.transactions.keys[version.key as usize];
    Case {
        transactions: vec![version.writer, reader],
        why: format!(
            "T2 observed T1's append of {} to {key}, but T1 was aborted",
            Short(version.value)
        ),
        edges: vec![(version.writer, reader, Link::Wr)],
    }
}

fn read_of_garbage(lists: &Lists<'_>, micro: &Micro<'_>, element: &Value, reader: u32) -> Case {
    let key = lists.transactions.keys[micro.key as usize];
    Case {
        transactions: vec![reader],
        why: format!("T1 observed {} in {key}, which nobody appended", Short(element)),
        edges: Vec::new(),
    }
}

/// The elements of a read that does not fit into its key's order.
fn stray(lists: &Lists<'_>, micro: &Micro<'_>, reader: u32, cases: &mut Cases) {
    let mut seen: FxHashMap<&Value, ()> = FxHashMap::default();
    let (mut aborted, mut garbage, mut twice) = (None, None, None);
    for element in micro.list() {
        if seen.insert(element, ()).is_some() {
            twice = twice.or(Some(element));
        }
        match lists.transactions.version(micro.key, element) {
            None => garbage = garbage.or(Some(element)),
            Some(at) if lists.transactions.versions[at as usize].outcome == Kind::Fail => {
                aborted = aborted.or(Some(at));
            }
            Some(_) => {}
        }
    }
    if let Some(version) = aborted {
        cases.add(Anomaly::G1a, || read_of_aborted(lists, version, reader));
    }
    if let Some(element) = garbage {
        cases.add(Anomaly::GarbageRead, || {
            read_of_garbage(lists, micro, element, reader)
        });
    }
    if let Some(element) = twice.filter(|_| !lists.orders[micro.key as usize].ambiguous) {
        let key = lists.transactions.keys[micro.key as usize];
        cases.add(Anomaly::DuplicateElements, || duplicate(reader, key, element));
    }
}

/// G1b: the list ends with an element after which its own transaction appended another.
fn intermediate(lists: &Lists<'_>, micro: &Micro<'_>, reader: u32, cases: &mut Cases) {
    let order = &lists.orders[micro.key as usize];
    let list = micro.list();
    let Some(last) = list.len().checked_sub(1) else {
        return;
    };
    let fits = list.len() <= order.versions.len() && order.list[last] == list[last];
    let version = match fits {
        true => order.versions[last],
        false => lists.transactions.version(micro.key, &list[last]).unwrap_or(NONE),
    };
    let Some(version) = lists.transactions.versions.get(version as usize) else {
        return;
    };
    if version.last || version.ambiguous || version.writer == reader {
        return;
    }
    let key = lists.transactions.keys[micro.key as usize];
    cases.add(Anomaly::G1b, || Case {
        transactions: vec![version.writer, reader],
        why: format!(
            "T2 observed T1's append of {} to {key} without T1's later append to it",
            Short(version.value)
        ),
        edges: vec![(version.writer, reader, Link::Wr)],
    });
}

/// What a transaction must find, from its own reads and appends.
#[derive(Default)]
struct Own<'a> {
    known: FxHashMap<u32, Known<'a>>,
    /// The place in its list of the last element that was appended to a key, and the element.
    last: FxHashMap<u32, (u32, &'a Value)>,
}

/// A key within a transaction.
#[derive(Default)]
struct Known<'a> {
    /// The list at the last read; none if there was no read.
    base: Option<&'a [Value]>,
    /// What was appended since.
    tail: Vec<&'a Value>,
    /// The length of the longest read.
    longest: u32,
    /// What it read from outside, before any append of its own.
    outside: Option<u32>,
    /// All that it appended.
    own: Vec<&'a Value>,
}

impl<'a> Own<'a> {
    /// Whether what a transaction appended to a key stands there in the order in which it was appended.
    fn in_turn(&mut self, lists: &Lists<'a>, micros: &[Micro<'a>], writer: u32, cases: &mut Cases) {
        if micros.len() < 2 {
            return;
        }
        self.last.clear();
        for micro in micros.iter().filter(|micro| micro.writes()) {
            let place = match lists.places[micro.version as usize] {
                0 => u32::MAX,
                place => place,
            };
            let order = &lists.orders[micro.key as usize];
            let Some((before, earlier)) = self.last.insert(micro.key, (place, micro.value)) else {
                continue;
            };
            if place < before && !order.ambiguous {
                cases.add(Anomaly::IncompatibleOrder, || Case {
                    transactions: vec![order.reader, writer],
                    why: format!(
                        "T1 read {} in {}, but not before it {}, which T2 had appended earlier",
                        Short(micro.value),
                        lists.transactions.keys[micro.key as usize],
                        Short(earlier)
                    ),
                    edges: Vec::new(),
                });
            }
        }
    }

    /// Internal anomalies and future reads.
    fn check(&mut self, lists: &mut Lists<'a>, micros: &[Micro<'a>], reader: u32, cases: &mut Cases) {
        if micros.len() < 2 {
            return;
        }
        self.known.clear();
        for micro in micros {
            let known = self.known.entry(micro.key).or_default();
            let key = lists.transactions.keys[micro.key as usize];
            if micro.writes() {
                let place = lists.places[micro.version as usize];
                if 0 < place && place <= known.longest && !lists.orders[micro.key as usize].ambiguous {
                    cases.add(Anomaly::FutureRead, || Case {
                        transactions: vec![reader],
                        why: format!("T1 read {} in {key} before it appended it", Short(micro.value)),
                        edges: Vec::new(),
                    });
                }
                known.tail.push(micro.value);
                let (key, first) = (micro.key, known.own.is_empty());
                known.own.push(micro.value);
                let update = known
                    .outside
                    .filter(|_| first)
                    .map(|length| Read { key, length, reader });
                lists.updates.extend(update);
                continue;
            }
            if !known.expects(micro.list()) {
                let anomaly = match known.keeps_own(micro.list()) {
                    true => Anomaly::Unrepeatable,
                    false => Anomaly::Internal,
                };
                cases.add(anomaly, || Case {
                    transactions: vec![reader],
                    why: format!(
                        "T1 read {} of {key}, where by its own reads and appends there had to be {}",
                        Short(micro.value),
                        known.expected()
                    ),
                    edges: Vec::new(),
                });
                if anomaly == Anomaly::Internal {
                    return;
                }
            }
            known.base = Some(micro.list());
            known.tail.clear();
            let order = lists.orders[micro.key as usize].list;
            let fits = order.starts_with(micro.list());
            let length = micro.list().len() as u32;
            if fits {
                known.longest = known.longest.max(length);
            }
            if fits && known.own.is_empty() {
                known.outside = known.outside.or(Some(length));
            }
        }
    }
}

impl Known<'_> {
    fn expects(&self, list: &[Value]) -> bool {
        let Some(split) = list.len().checked_sub(self.tail.len()) else {
            return false;
        };
        let (front, back) = list.split_at(split);
        self.base.is_none_or(|base| base == front)
            && self.tail.iter().zip(back).all(|(own, found)| **own == *found)
    }

    /// Whether a list ends with all that was appended here.
    fn keeps_own(&self, list: &[Value]) -> bool {
        let split = list.len().checked_sub(self.own.len());
        split.is_some_and(|split| {
            self.own
                .iter()
                .zip(&list[split..])
                .all(|(own, found)| *own == found)
        })
    }

    fn expected(&self) -> String {
        let own = Value::list(
            self.base
                .unwrap_or_default()
                .iter()
                .chain(self.tail.iter().copied())
                .cloned(),
        );
        match self.base {
            Some(_) => Short(&own).to_string(),
            None => format!("a list that ends with {}", Short(&own)),
        }
    }
}
