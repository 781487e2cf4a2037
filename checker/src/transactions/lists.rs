//! `list-append`: reads return whole lists, so the longest one tells the order of a key's versions.
//!
//! As elle.list-append: every other read must be a beginning of the longest; ww, wr and rw follow from the order;
//! an append that nobody saw comes after everything that somebody saw. Where two committed transactions append the
//! same element to a key, nothing is inferred from that key.

use histories::{Kind, Value};
use rustc_hash::FxHashMap;

use super::anomaly::{Anomaly, Case, Cases};
use super::dependencies::{Dependencies, Link};
use super::micro::{Key, NONE, Transactions};
use super::shown::Short;
use crate::budget::Meter;
use crate::error::Halt;

/// A key's versions as the longest read shows them.
#[derive(Debug, Default)]
pub(super) struct Order<'a> {
    /// The longest read.
    pub list: &'a [Value],
    /// Who read it.
    pub reader: u32,
    /// The versions of its elements; [`NONE`] where nobody appended it.
    pub versions: Vec<u32>,
    /// Whether two reads contradict each other, or an element comes twice: then nothing follows from the order.
    pub broken: bool,
    /// Whether an element was appended by several.
    pub ambiguous: bool,
}

/// A read of the first `length` elements of its key's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Read {
    pub key: u32,
    pub length: u32,
    pub reader: u32,
}

/// All that is known of a history of lists.
pub(super) struct Lists<'a> {
    pub transactions: &'a Transactions<'a>,
    pub orders: Vec<Order<'a>>,
    /// Each version's place in its order, from 1; 0 if nobody saw it.
    pub places: Vec<u32>,
    /// The reads that fit into their order.
    pub reads: Vec<Read>,
    /// Those of them after which the same transaction appended to the key.
    pub updates: Vec<Read>,
}

impl<'a> Lists<'a> {
    /// Finds the orders, as the longest reads show them.
    pub(super) fn ordered(
        transactions: &'a Transactions<'a>,
        cases: &mut Cases,
        meter: &mut Meter<'_>,
    ) -> Result<Self, Halt> {
        let mut lists = Lists {
            transactions,
            orders: longest(transactions),
            places: vec![0; transactions.versions.len()],
            reads: Vec::new(),
            updates: Vec::new(),
        };
        for version in transactions.versions.iter().filter(|version| version.ambiguous) {
            lists.orders[version.key as usize].ambiguous = true;
        }
        lists.order(cases, meter)?;
        Ok(lists)
    }

    /// Finds each element's version in the longest reads.
    fn order(&mut self, cases: &mut Cases, meter: &mut Meter<'_>) -> Result<(), Halt> {
        for (key, order) in self.orders.iter_mut().enumerate() {
            let mut strangers: FxHashMap<&Value, ()> = FxHashMap::default();
            let mut shown: FxHashMap<u32, u32> = FxHashMap::default();
            for (at, element) in order.list.iter().enumerate() {
                meter.step()?;
                let version = self.transactions.version(key as u32, element);
                order.versions.push(version.unwrap_or(NONE));
                let too_often = match version {
                    None => strangers.insert(element, ()).is_some(),
                    Some(version) => {
                        let again = std::mem::replace(&mut self.places[version as usize], at as u32 + 1) > 0;
                        let shown = shown.entry(version).or_default();
                        *shown += u32::from(again);
                        *shown >= self.transactions.versions[version as usize].writes
                    }
                };
                if too_often {
                    order.broken = true;
                    cases.add(Anomaly::DuplicateElements, || {
                        duplicate(order.reader, self.transactions.keys[key], element)
                    });
                }
            }
        }
        Ok(())
    }

    /// The order of a key, if something follows from it.
    fn sound(&self, key: u32) -> Option<&Order<'a>> {
        let order = &self.orders[key as usize];
        (!order.broken && !order.ambiguous).then_some(order)
    }

    /// The writer of an element, unless it is unknown or its write was aborted.
    pub(super) fn writer(&self, version: u32) -> Option<u32> {
        let version = self.transactions.versions.get(version as usize)?;
        (version.outcome != Kind::Fail).then_some(version.writer)
    }

    /// A committed append right after an aborted one; unknown ones may lie between.
    pub(super) fn dirty_updates(&self, cases: &mut Cases) {
        for key in 0..self.orders.len() as u32 {
            let Some(order) = self.sound(key) else { continue };
            let mut aborted = None;
            for &number in &order.versions {
                let Some(version) = self.transactions.versions.get(number as usize) else {
                    continue;
                };
                match (version.outcome, aborted) {
                    (Kind::Fail, None) => aborted = Some(number),
                    (Kind::Ok, Some(before)) => {
                        cases.add(Anomaly::DirtyUpdate, || self.dirty_update(order, before, number));
                        aborted = None;
                    }
                    _ => {}
                }
            }
        }
    }

    fn dirty_update(&self, order: &Order<'_>, before: u32, after: u32) -> Case {
        let (before, after) = (
            &self.transactions.versions[before as usize],
            &self.transactions.versions[after as usize],
        );
        let key = self.transactions.keys[after.key as usize];
        Case {
            transactions: vec![before.writer, after.writer, order.reader],
            why: format!(
                "T3 saw that T2's append of {} to {key} stands upon T1's append of {}, but T1 was aborted",
                Short(after.value),
                Short(before.value)
            ),
            edges: vec![(before.writer, after.writer, Link::Ww)],
        }
    }

    /// Two transactions that read the same state of a key, and both appended to it.
    pub(super) fn lost_updates(&self, cases: &mut Cases) {
        let mut updated: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        for read in &self.updates {
            let other = *updated.entry((read.key, read.length)).or_insert(read.reader);
            if other != read.reader && !self.orders[read.key as usize].ambiguous {
                cases.add(Anomaly::LostUpdate, || self.lost_update(other, read));
            }
        }
    }

    fn lost_update(&self, other: u32, read: &Read) -> Case {
        let key = self.transactions.keys[read.key as usize];
        let state = match read.length {
            0 => "the initial state".to_owned(),
            length => format!("the same list of {length}"),
        };
        Case {
            transactions: vec![other, read.reader],
            why: format!(
                "T1 and T2 both read {state} of {key}, and both appended to it: one of them missed the other"
            ),
            edges: Vec::new(),
        }
    }

    /// All ww, wr and rw.
    pub(super) fn link(&self, dependencies: &mut Dependencies, meter: &mut Meter<'_>) -> Result<(), Halt> {
        let mut unseen: Vec<Vec<u32>> = vec![Vec::new(); self.orders.len()];
        for (version, &place) in self.transactions.versions.iter().zip(&self.places) {
            meter.step()?;
            if place == 0 && version.outcome != Kind::Fail && self.sound(version.key).is_some() {
                unseen[version.key as usize].push(version.writer);
            }
        }
        let mut last_readers: Vec<Vec<u32>> = vec![Vec::new(); self.orders.len()];
        for read in &self.reads {
            meter.step()?;
            let Some(order) = self.sound(read.key) else {
                continue;
            };
            if let Some(writer) = read
                .length
                .checked_sub(1)
                .and_then(|at| self.writer(order.versions[at as usize]))
            {
                dependencies.link(writer, read.reader, Link::Wr);
            }
            match order.versions.get(read.length as usize) {
                Some(&next) => {
                    if let Some(writer) = self.writer(next) {
                        dependencies.link(read.reader, writer, Link::Rw);
                    }
                }
                None => last_readers[read.key as usize].push(read.reader),
            }
        }
        for (key, unseen) in unseen.iter().enumerate() {
            let Some(order) = self.sound(key as u32) else {
                continue;
            };
            dependencies.missed(&last_readers[key], unseen);
            let writers: Vec<u32> = order.versions.iter().filter_map(|&at| self.writer(at)).collect();
            for pair in writers.windows(2) {
                dependencies.link(pair[0], pair[1], Link::Ww);
            }
            if let Some(writer) = writers.last() {
                unseen
                    .iter()
                    .for_each(|&after| dependencies.link(*writer, after, Link::Ww));
            }
        }
        Ok(())
    }

    /// Why `before` stands before `after`; `t` and `u` are their names.
    pub(super) fn because(&self, before: u32, after: u32, link: Link, t: &str, u: &str) -> Option<String> {
        let keys = &self.transactions.keys;
        for micro in self.transactions.micros(after) {
            let Some(order) = self.sound(micro.key) else {
                continue;
            };
            let key = keys[micro.key as usize];
            let said = match link {
                Link::Wr if !micro.writes() => {
                    let last = micro.list().len().checked_sub(1);
                    let writer =
                        |at: &usize| order.versions.get(*at).and_then(|&version| self.writer(version));
                    last.filter(|at| writer(at) == Some(before)).map(|at| {
                        format!(
                            "{u} observed {t}'s append of {} to {key}",
                            Short(&micro.list()[at])
                        )
                    })
                }
                Link::Ww if micro.writes() => {
                    let previous = self.previous(micro.version, order);
                    // What was aborted in between stands before nobody.
                    let counts = |at: &usize| self.writer(order.versions[*at]).is_some();
                    let previous = previous.and_then(|last| (0..=last).rev().find(counts));
                    let same = previous.and_then(|at| self.writer(order.versions[at])) == Some(before);
                    let element = previous.filter(|_| same).map(|at| Short(&order.list[at]));
                    let new = Short(micro.value);
                    element.map(|element| format!("{u} appended {new} after {t} appended {element} to {key}"))
                }
                Link::Rw if micro.writes() => {
                    let length = self.previous(micro.version, order).map_or(0, |at| at + 1);
                    let missed =
                        self.transactions.micros(before).iter().any(|read| {
                            read.key == micro.key && !read.writes() && read.list().len() == length
                        });
                    let new = Short(micro.value);
                    missed.then(|| match length {
                        0 => format!(
                            "{t} observed the initial state of {key}, which {u} replaced by appending {new}"
                        ),
                        _ => format!("{t} did not observe {u}'s append of {new} to {key}"),
                    })
                }
                _ => None,
            };
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// The place in the order, from 0, of the element that an append stands upon.
    fn previous(&self, version: u32, order: &Order<'_>) -> Option<usize> {
        match self.places[version as usize] {
            0 => order.list.len().checked_sub(1),
            place => (place as usize).checked_sub(2),
        }
    }

    /// A key with an element that several appended.
    pub(super) fn ambiguous(&self) -> Option<String> {
        let version = self
            .transactions
            .versions
            .iter()
            .find(|version| version.ambiguous)?;
        let key = self.transactions.keys[version.key as usize];
        Some(format!(
            "{} was appended to {key} more than once",
            Short(version.value)
        ))
    }
}

/// The longest read of each key.
fn longest<'a>(transactions: &Transactions<'a>) -> Vec<Order<'a>> {
    let mut orders: Vec<Order<'a>> = Vec::new();
    orders.resize_with(transactions.keys.len(), Order::default);
    for reader in transactions.of(Kind::Ok) {
        for micro in transactions.micros(reader).iter().filter(|micro| !micro.writes()) {
            let order = &mut orders[micro.key as usize];
            if micro.list().len() > order.list.len() {
                (order.list, order.reader) = (micro.list(), reader);
            }
        }
    }
    orders
}

/// An element that comes twice.
pub(super) fn duplicate(reader: u32, key: Key<'_>, element: &Value) -> Case {
    Case {
        transactions: vec![reader],
        why: format!(
            "T1 saw {} twice in {key}, to which it was appended once",
            Short(element)
        ),
        edges: Vec::new(),
    }
}
