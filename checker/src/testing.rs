//! Short histories for tests.

use histories::{Event, Header, Kind, Nanos, Process, Value};

/// A header without a model.
pub(crate) fn header(keyed: bool) -> Header {
    let text = format!(r#"{{"history":1,"keyed":{keyed},"initial":null}}"#);
    serde_json::from_str(&text).unwrap()
}

/// Events written as `process f[: ! ?] [value]`, separated by commas: nothing after the word is an
/// invocation, `:` ok, `!` fail, `?` info. `r` `w` `c` stand for read, write, cas; `@k` at the end is a
/// key, a final `*` marks a final read, `#7` is a revision, and `1>2` is the pair of a cas.
pub(crate) fn history(text: &str) -> Vec<Event> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .enumerate()
        .map(|(index, word)| event(index as u64, word))
        .collect()
}

fn event(index: u64, text: &str) -> Event {
    let mut words = text.split_whitespace();
    let process = words.next().unwrap().parse().unwrap();
    let f = words.next().unwrap();
    let (f, kind) = match f.chars().last().unwrap() {
        ':' => (&f[..f.len() - 1], Kind::Ok),
        '!' => (&f[..f.len() - 1], Kind::Fail),
        '?' => (&f[..f.len() - 1], Kind::Info),
        _ => (f, Kind::Invoke),
    };
    let f = match f {
        "r" => "read",
        "w" => "write",
        "c" => "cas",
        other => other,
    };
    let mut event = Event {
        index,
        time: Nanos(index * 1_000_000),
        process: Process::Client(process),
        kind,
        f: f.into(),
        key: None,
        value: Value::Null,
        node: None,
        error: None,
        message: None,
        seq: None,
        at: None,
        other: serde_json::Map::new(),
    };
    for word in words {
        if let Some(key) = word.strip_prefix('@') {
            event.key = Some(Value::from(key));
        } else if let Some(revision) = word.strip_prefix('#') {
            let revision: i64 = revision.parse().unwrap();
            event.other.insert(crate::REVISION.into(), revision.into());
        } else if word == "*" {
            event.other.insert("final".into(), true.into());
        } else {
            event.value = value(word);
        }
    }
    event
}

fn value(word: &str) -> Value {
    match word.split_once('>') {
        Some((old, new)) => Value::list([value(old), value(new)]),
        None if word == "null" => Value::Null,
        None => word
            .parse::<i64>()
            .map_or_else(|_| Value::from(word), Value::from),
    }
}

/// A read that returned this; its process is its own, its indexes are those of [`check`].
pub(crate) fn read_of(value: Value) -> [Event; 2] {
    let mut events = history("9 r, 9 r:");
    events[1].value = value;
    [events.remove(0), events.remove(0)]
}

/// The verdict of a model on events, which are numbered anew.
pub(crate) fn check(model: &str, events: &[Event]) -> crate::Check {
    check_with(model, events, &crate::Options::default())
}

/// The same under other options.
pub(crate) fn check_with(model: &str, events: &[Event], options: &crate::Options) -> crate::Check {
    let mut events = events.to_vec();
    events
        .iter_mut()
        .zip(0..)
        .for_each(|(event, index)| event.index = index);
    let model = crate::models::find(model).unwrap();
    crate::linearizability(
        &header(false),
        &events,
        model,
        options,
        &crate::Budget::unlimited(),
    )
    .unwrap()
}

/// The verdict, were a history that proves nothing a pass: whether there is a legal order.
pub(crate) fn order(check: &crate::Check) -> crate::Verdict {
    match check.proof() {
        Some(crate::Proved::Nothing { vacuous: Some(_) }) => crate::Verdict::Pass,
        _ => check.verdict,
    }
}
