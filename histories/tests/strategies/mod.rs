//! Random histories for the property tests.

use histories::{Event, Header, History, Kind, LogIndex, Nanos, NodeName, Process, Seed, Term, Value};
use proptest::prelude::*;
use proptest::{collection, option};

/// Any value that JSON can hold.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (0..100i64).prop_map(Value::Int),
        text().prop_map(|text| Value::Text(text.as_str().into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        collection::vec(inner, 0..4).prop_map(Value::list)
    })
}

/// Plain words, and texts with everything that has to be escaped.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        any::<String>(),
        "[\"\\\\\n\u{0}-\u{1f}\u{7f}é✓]{0,6}"
    ]
}

fn process() -> impl Strategy<Value = Process> {
    prop_oneof![
        8 => (0..20u64).prop_map(Process::Client),
        1 => (0..=i64::MAX as u64).prop_map(Process::Client),
        1 => Just(Process::Nemesis),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Invoke),
        Just(Kind::Ok),
        Just(Kind::Fail),
        Just(Kind::Info)
    ]
}

/// An event whose `time` is the time since the event before.
fn event() -> impl Strategy<Value = Event> {
    let other = prop_oneof![
        4 => Just(Vec::new()),
        1 => Just(vec![("final".to_owned(), serde_json::Value::Bool(true))]),
        1 => collection::vec(("x[a-z\"é]{0,3}", any::<i64>().prop_map(Into::into)), 0..3),
    ];
    let rare = (
        option::of(text()),
        option::of(text()),
        option::of(any::<u64>()),
        option::of((any::<u64>(), any::<u64>())),
        other,
    );
    let head = (
        0..1_000_000_000u64,
        process(),
        kind(),
        prop_oneof!["read", "write", "cas"].boxed(),
    );
    let body = (
        option::of(value().prop_filter("null is no key", |key| *key != Value::Null)),
        value(),
    );
    (head, body, option::of("n[1-9]"), rare).prop_map(
        |((time, process, kind, f), (key, value), node, (error, message, seq, at, other))| Event {
            index: 0,
            time: Nanos(time),
            process,
            kind,
            f: f.into(),
            key,
            value,
            node: node.map(|name| NodeName(name.into())),
            error: error.map(Into::into),
            message: message.map(Into::into),
            seq,
            at: at.map(|(index, term)| (LogIndex(index), Term(term))),
            other: other.into_iter().collect(),
        },
    )
}

/// Events in order: indexes without gaps, times that do not go back.
pub fn events() -> impl Strategy<Value = Vec<Event>> {
    collection::vec(event(), 0..20).prop_map(|mut events| {
        let mut time = Nanos(0);
        for (index, event) in events.iter_mut().enumerate() {
            time.0 += event.time.0;
            event.time = time;
            event.index = index as u64;
        }
        events
    })
}

/// A whole history.
pub fn history() -> impl Strategy<Value = History> {
    let header = (
        option::of(text()),
        any::<bool>(),
        value(),
        option::of(any::<u64>()),
    );
    (header, events()).prop_map(|((model, keyed, initial, seed), events)| History {
        header: Header {
            history: 1,
            workload: None,
            model,
            keyed,
            initial,
            completions_alone: false,
            seed: seed.map(Seed),
            system: Some("cluster-node".into()),
            other: Default::default(),
        },
        events,
    })
}
