//! Acknowledged appends that a last read of their list does not show, or that no last read looked for.

use std::collections::{BTreeMap, BTreeSet};

use histories::{Event, History, Kind, Process, Value};

use crate::transaction::{Deed, Micro, Transaction};

/// An append that was acknowledged, and is not in its list.
pub(super) struct Lost<'a> {
    /// The key of the history: the database.
    pub database: Option<&'a Value>,
    /// The list.
    pub list: Value,
    pub element: Value,
    /// The transactions, by the index of their invocations.
    pub append: u64,
    pub read: u64,
}

impl Lost<'_> {
    /// In a few words.
    pub(super) fn brief(&self) -> String {
        let Lost {
            list,
            element,
            append,
            ..
        } = self;
        format!("that of {element} to {list} by transaction #{append}")
    }

    /// The proof.
    pub(super) fn told(&self) -> String {
        let Lost {
            list,
            element,
            append,
            read,
            ..
        } = self;
        format!(
            "Transaction #{append} appended {element} to {list} and was acknowledged. The last transaction #{read} began after \
             that, and the list that it read under {list} does not have it."
        )
    }
}

/// What the last transactions show of all appends that were acknowledged.
#[derive(Default)]
pub(super) struct Appends<'a> {
    /// Those that are lost, in the order in which it was seen.
    pub lost: Vec<Lost<'a>>,
    /// How many others no last transaction shows, though none that looked denies them.
    pub unread: usize,
}

/// An append that was acknowledged.
struct Append {
    element: Value,
    by: u64,
}

/// What the last transactions read of a list.
#[derive(Default)]
struct Read {
    /// So many appends had been acknowledged when the latest of them began.
    before: usize,
    shown: BTreeSet<Value>,
}

/// Look at what became of each, given the last transactions by the indexes of their invocations.
pub(super) fn appends<'a>(history: &'a History, last: &BTreeMap<u64, &Event>) -> Appends<'a> {
    let mut open: BTreeMap<u64, &Event> = BTreeMap::new();
    let mut seen = Seen::default();
    for event in &history.events {
        let Process::Client(process) = event.process else {
            continue;
        };
        if event.kind == Kind::Invoke {
            if last.contains_key(&event.index) {
                seen.begin_last(event);
            }
            open.insert(process, event);
            continue;
        }
        let (Some(invoked), Kind::Ok) = (open.remove(&process), event.kind) else {
            continue;
        };
        let Some(txn) = Transaction::of(&event.value) else {
            continue;
        };
        for micro in txn.micros() {
            match micro.deed {
                Deed::Append => seen.append(micro, invoked.index),
                Deed::Read if last.contains_key(&invoked.index) => {
                    seen.read(micro, event.key.as_ref(), invoked.index);
                }
                Deed::Read | Deed::Write => {}
            }
        }
    }
    seen.over()
}

#[derive(Default)]
struct Seen<'a> {
    /// By their lists, in the order of their acknowledgements.
    acknowledged: BTreeMap<Value, Vec<Append>>,
    /// How many of each list there were when a last transaction began.
    before: BTreeMap<u64, BTreeMap<Value, usize>>,
    read: BTreeMap<Value, Read>,
    lost: Vec<Lost<'a>>,
}

impl<'a> Seen<'a> {
    fn begin_last(&mut self, invoked: &Event) {
        let txn = Transaction::of(&invoked.value);
        let lists = txn.iter().flat_map(Transaction::keys);
        let counts = lists.map(|list| (list.clone(), self.acknowledged.get(list).map_or(0, Vec::len)));
        self.before.insert(invoked.index, counts.collect());
    }

    fn append(&mut self, micro: &Micro, by: u64) {
        let element = micro.value.clone();
        let of_list = self.acknowledged.entry(micro.key.clone()).or_default();
        of_list.push(Append { element, by });
    }

    /// A last transaction read this list.
    fn read(&mut self, micro: &Micro, database: Option<&'a Value>, by: u64) {
        let list = &micro.key;
        let shown: BTreeSet<&Value> = micro.value.as_list().unwrap_or_default().iter().collect();
        let before = self.before.get(&by).and_then(|counts| counts.get(list));
        let before = before.copied().unwrap_or_default();
        let all = self.acknowledged.get(list).map_or(&[][..], Vec::as_slice);
        let missing = all.iter().take(before);
        let missing = missing.filter(|append| !shown.contains(&append.element));
        self.lost.extend(missing.map(|append| Lost {
            database,
            list: list.clone(),
            element: append.element.clone(),
            append: append.by,
            read: by,
        }));
        let read = self.read.entry(list.clone()).or_default();
        read.before = read.before.max(before);
        read.shown.extend(shown.into_iter().cloned());
    }

    fn over(self) -> Appends<'a> {
        let unread = |(list, all): (&Value, &Vec<Append>)| {
            let Some(read) = self.read.get(list) else {
                return all.len();
            };
            let later = all.iter().skip(read.before);
            later
                .filter(|append| !read.shown.contains(&append.element))
                .count()
        };
        Appends {
            unread: self.acknowledged.iter().map(unread).sum(),
            lost: self.lost,
        }
    }
}
