//! Which model a history without a header seems to be of: by its operations' names and the shape of their values.

use std::collections::BTreeSet;

use crate::event::{Event, Kind, Process};
use crate::value::Value;

/// The model that these operations suggest; none where two models or no model fit.
pub(super) fn guess(events: &[Event]) -> Option<&'static str> {
    let clients = || events.iter().filter(|event| event.process != Process::Nemesis);
    let words: BTreeSet<&str> = clients().map(|event| event.f.as_ref()).collect();
    let only = |allowed: &[&str]| words.iter().all(|word| allowed.contains(word));
    let has = |word: &str| words.contains(word);
    if words.is_empty() {
        return None;
    }
    if has("txn") {
        return only(&["txn"]).then(|| transactions(clients()))?;
    }
    if only(&["read", "write"]) {
        return Some("register");
    }
    if only(&["read", "write", "cas"]) {
        return Some("cas-register");
    }
    if only(&["get", "put", "append"]) {
        return Some("kv");
    }
    if only(&["read", "append"]) {
        return Some("append");
    }
    if only(&["read", "transfer"]) {
        return Some("bank");
    }
    if only(&["acquire", "release"]) {
        return Some("mutex");
    }
    if only(&["enqueue", "dequeue", "drain"]) {
        return Some("unordered-queue");
    }
    if only(&["read", "add", "remove"]) && has("remove") {
        return Some("set-remove");
    }
    if only(&["read", "add"]) {
        return set_or_counter(clients());
    }
    None
}

/// The reads tell a set from a counter; without any, only a counter adds the same twice.
fn set_or_counter<'a>(events: impl Iterator<Item = &'a Event>) -> Option<&'static str> {
    let mut added = BTreeSet::new();
    let mut twice = None;
    for event in events {
        match (event.f.as_ref(), event.kind, &event.value) {
            ("read", Kind::Ok, Value::Int(_)) => return Some("counter"),
            ("read", Kind::Ok, Value::List(_)) => return Some("set"),
            ("add", Kind::Invoke, value) if !added.insert(value) => twice = Some("counter"),
            _ => {}
        }
    }
    twice
}

/// Micro-operations: `[append k v]`, `[w k v]`, `[r k v]` (Elle) or `[write k v]`, `[read k v]` (Knossos).
fn transactions<'a>(events: impl Iterator<Item = &'a Event>) -> Option<&'static str> {
    let mut reads_only = None;
    for micro in events.filter_map(|event| event.value.as_list()).flatten() {
        match micro.as_list() {
            Some([Value::Text(word), rest @ ..]) => match (word.as_ref(), rest) {
                ("append", _) => return Some("list-append"),
                ("w", _) => return Some("rw-register"),
                ("read" | "write", _) => return Some("multi-register"),
                ("r", [_, Value::List(_)]) => return Some("list-append"),
                ("r", _) => reads_only = Some("rw-register"),
                _ => return None,
            },
            _ => return None,
        }
    }
    reads_only
}
