//! Which models a history without a header can be of: by its operations' names and the shape of their values.

use std::collections::BTreeSet;

use crate::event::{Event, Kind, Process};
use crate::value::Value;

/// The models that these operations suggest: one where the content is clear, several where it is not, none that is
/// known where none fits.
pub(super) fn guess(events: &[Event]) -> &'static [&'static str] {
    let clients = || events.iter().filter(|event| event.process != Process::Nemesis);
    let words: BTreeSet<&str> = clients().map(|event| event.f.as_ref()).collect();
    let only = |allowed: &[&str]| words.iter().all(|word| allowed.contains(word));
    let has = |word: &str| words.contains(word);
    if words.is_empty() {
        &[]
    } else if only(&["txn"]) {
        transactions(clients())
    } else if only(&["read", "write", "cas"]) {
        registers(clients(), has("cas"))
    } else if only(&["get", "put", "append"]) {
        &["kv"]
    } else if only(&["read", "append"]) {
        &["append"]
    } else if only(&["read", "transfer"]) {
        &["bank"]
    } else if only(&["acquire", "release"]) {
        &["mutex"]
    } else if only(&["acquire", "release", "read"]) && has("acquire") {
        &["owned-mutex"]
    } else if only(&["enqueue", "dequeue"]) {
        &["fifo-queue", "unordered-queue"]
    } else if only(&["read", "add", "remove"]) && has("remove") {
        &["set-remove"]
    } else if only(&["read", "add", "add-and-get", "fetch-add"]) && (has("add-and-get") || has("fetch-add")) {
        &["counter"]
    } else if only(&["read", "add"]) {
        set_or_counter(clients())
    } else {
        &[]
    }
}

/// Reads and writes: of single values, of `[version value]` (jepsen.etcd), or of micro-operations (long-fork).
fn registers<'a>(events: impl Iterator<Item = &'a Event>, cas: bool) -> &'static [&'static str] {
    let (mut versioned, mut micro) = (false, None);
    for event in events {
        match (event.f.as_ref(), event.kind, event.value.as_list()) {
            ("read", Kind::Invoke, Some([Value::Null, Value::Null])) => versioned = true,
            (_, _, Some([first, ..])) => micro = micro.or(word(first)),
            _ => {}
        }
    }
    match micro {
        Some("r" | "w") if !cas => &["long-fork"],
        Some("read" | "write") if !cas => &["multi-register"],
        _ if versioned => &["versioned-register"],
        _ if cas => &["cas-register"],
        _ => &["register"],
    }
}

/// The word of a micro-operation.
fn word(micro: &Value) -> Option<&str> {
    match micro.as_list()? {
        [Value::Text(word), _, _] => Some(word),
        _ => None,
    }
}

/// The reads tell a set from a counter; without any, only a counter adds the same twice.
fn set_or_counter<'a>(events: impl Iterator<Item = &'a Event>) -> &'static [&'static str] {
    let mut added = BTreeSet::new();
    let mut twice = false;
    for event in events {
        match (event.f.as_ref(), event.kind, &event.value) {
            ("read", Kind::Ok, Value::Int(_)) => return &["counter"],
            ("read", Kind::Ok, Value::List(_)) => return &["set"],
            ("add", Kind::Invoke, value) => twice |= !added.insert(value),
            _ => {}
        }
    }
    if twice {
        &["counter"]
    } else {
        &["counter", "set", "set-full"]
    }
}

/// Micro-operations: `[append k v]`, `[w k v]`, `[r k v]` (Elle) or `[write k v]`, `[read k v]` (Knossos).
fn transactions<'a>(events: impl Iterator<Item = &'a Event>) -> &'static [&'static str] {
    let mut reads_only: &[&str] = &["list-append", "rw-register", "multi-register"];
    for micro in events.filter_map(|event| event.value.as_list()).flatten() {
        match (word(micro), micro.as_list()) {
            (Some("append"), _) => return &["list-append"],
            (Some("w"), _) => return &["rw-register"],
            (Some("read" | "write"), _) => return &["multi-register"],
            (Some("r"), Some([_, _, Value::List(_)])) => return &["list-append"],
            (Some("r"), _) => reads_only = &["rw-register"],
            _ => return &[],
        }
    }
    reads_only
}
