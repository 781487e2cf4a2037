//! What the fuzz targets hold the formats to: `cargo fuzz run jepsen_edn`, in `histories/`.
//!
//! No text makes a parser panic or hang; what is read can be written and read again; the fast path of history/1 agrees
//! with serde_json; of a journal every whole line is read, or the first that is wrong is named. `histories/corpus` has
//! texts to begin with: `cargo fuzz run jepsen_edn fuzz/corpus/jepsen_edn corpus`.

use histories::format::{self, FormatError, Imported, Independent, Options, history1};
use histories::journal::Reader;
use histories::{Event, History, Incarnation};

/// Reads a text as the format of this name.
pub fn read_as(name: &str, text: &[u8]) {
    for independent in [Independent::Auto, Independent::Yes, Independent::No] {
        let options = Options {
            format: Some(name),
            independent,
            ..Options::default()
        };
        check(format::read(text, &options), text);
    }
}

/// Reads a text as whatever it looks like.
pub fn read_recognised(text: &[u8]) {
    check(format::read(text, &Options::default()), text);
}

fn check(result: Result<Imported, FormatError>, text: &[u8]) {
    match result {
        Ok(imported) => survives_the_export(&imported.history),
        Err(error) => {
            let lines = text.split(|&byte| byte == b'\n').count() as u64;
            assert!(
                error
                    .line_column()
                    .is_none_or(|(line, column)| line <= lines && line * column > 0),
                "{error}"
            );
        }
    }
}

fn survives_the_export(history: &History) {
    let mut written = Vec::new();
    history1::write(history, &mut written).expect("writing into memory");
    // A float may lose its last digit on the way through JSON; only unknown fields have floats.
    let again = history1::read(written.as_slice()).expect("what was just written");
    assert_eq!(again.events.len(), history.events.len());
    for (again, event) in again.events.iter().zip(&history.events) {
        assert_eq!(
            (&again.f, &again.key, &again.value),
            (&event.f, &event.key, &event.value)
        );
    }
}

/// Reads a text behind a header by the fast path, and line by line by serde_json.
pub fn fast_path_agrees(text: &[u8]) {
    let whole = [b"{\"history\":1}\n", text].concat();
    let (fast, error) = by_fast_path(&whole);
    let mut by_serde = Vec::new();
    for line in text
        .strip_suffix(b"\n")
        .unwrap_or(text)
        .split(|&byte| byte == b'\n')
    {
        match serde_json::from_slice::<Event>(line) {
            Ok(event) if in_order(&event, &by_serde) => by_serde.push(event),
            _ => break,
        }
    }
    assert_eq!(fast, by_serde, "{error:?}");
}

fn in_order(event: &Event, before: &[Event]) -> bool {
    event.index == before.len() as u64 && before.last().is_none_or(|last| event.time >= last.time)
}

fn by_fast_path(whole: &[u8]) -> (Vec<Event>, Option<FormatError>) {
    let mut stream = history1::Events::open(whole).expect("a good header");
    let mut events = Vec::new();
    loop {
        match stream.next_event() {
            Ok(Some(event)) => events.push(Event::from(event)),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// Reads a text as a journal: whole lines, or an error on one of them.
pub fn read_journal(text: &[u8]) {
    let mut lines = Reader::new(text, "n1", Incarnation(1));
    let whole = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    loop {
        match lines.next_line() {
            Ok(Some(_)) => {}
            Ok(None) => return assert_eq!(lines.lines(), whole),
            Err(error) => return assert!((1..=whole + 1).contains(&error.line), "{error}"),
        }
    }
}
