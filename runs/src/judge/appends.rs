//! Acknowledged appends that a last read of their list does not show.

use std::collections::{BTreeMap, BTreeSet};

use histories::{Event, History, Kind, Process, Value};

use crate::transaction::{Deed, Transaction};

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

/// An append that was acknowledged.
struct Append {
    element: Value,
    by: u64,
}

/// Every one of them that is lost, in the order of their acknowledgements.
pub(super) fn lost(history: &History) -> Vec<Lost<'_>> {
    let mut open: BTreeMap<u64, &Event> = BTreeMap::new();
    let mut acknowledged: BTreeMap<Value, Vec<Append>> = BTreeMap::new();
    // How many appends to a list were acknowledged when a last read began.
    let mut before: BTreeMap<u64, BTreeMap<Value, usize>> = BTreeMap::new();
    let mut lost = Vec::new();
    for event in &history.events {
        let Process::Client(process) = event.process else {
            continue;
        };
        if event.kind == Kind::Invoke {
            if is_final(event) {
                let txn = Transaction::of(&event.value);
                let keys = txn.iter().flat_map(Transaction::keys);
                let counts = keys.map(|list| (list.clone(), acknowledged.get(list).map_or(0, Vec::len)));
                before.insert(event.index, counts.collect());
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
                Deed::Append => acknowledged.entry(micro.key.clone()).or_default().push(Append {
                    element: micro.value.clone(),
                    by: invoked.index,
                }),
                Deed::Read if is_final(invoked) => {
                    let shown: BTreeSet<&Value> = micro.value.as_list().unwrap_or_default().iter().collect();
                    let count = before
                        .get(&invoked.index)
                        .and_then(|counts| counts.get(&micro.key));
                    let all = acknowledged.get(&micro.key).map_or(&[][..], Vec::as_slice);
                    let all = all.iter().take(count.copied().unwrap_or_default());
                    let missing = all.filter(|append| !shown.contains(&append.element));
                    lost.extend(missing.map(|append| Lost {
                        database: event.key.as_ref(),
                        list: micro.key.clone(),
                        element: append.element.clone(),
                        append: append.by,
                        read: invoked.index,
                    }));
                }
                Deed::Read | Deed::Write => {}
            }
        }
    }
    lost
}

fn is_final(event: &Event) -> bool {
    event.other.get("final") == Some(&true.into())
}
