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

/// Reads bytes as the operations in a `test.jepsen` whose lengths and checksums are right: behind those nobody finds the values.
pub fn read_jepsen_values(values: &[u8]) {
    // {:history #block-ref 1}
    const TEST: &[u8] = b"\xc0\xe6\xca\xf7\xe1history\xef\xe3\x09block-ref\x01\x01";
    let blocks = [block(4, values), block(2, TEST)];
    let mut bytes = [b"JEPSEN\0\0\0\x01".as_slice(), &[0; 8]].concat();
    let mut index = 2_u32.to_be_bytes().to_vec();
    for (id, block) in (1_u32..).zip(&blocks) {
        index.extend(id.to_be_bytes());
        index.extend((bytes.len() as u64).to_be_bytes());
        bytes.extend(block);
    }
    let at = bytes.len() as u64;
    bytes[10..18].copy_from_slice(&at.to_be_bytes());
    bytes.extend(block(1, &index));
    let result = read_as_jepsen_test(&bytes);
    if let Err(error) = &result {
        assert!(!error.to_string().contains("checksum"), "{error}");
    }
    check(result, &bytes);
}

fn read_as_jepsen_test(bytes: &[u8]) -> Result<Imported, FormatError> {
    let options = Options {
        format: Some("jepsen-test"),
        ..Options::default()
    };
    format::read(bytes, &options)
}

fn block(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 28];
    header[..8].copy_from_slice(&(28 + data.len() as u64).to_be_bytes());
    header[12..14].copy_from_slice(&kind.to_be_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(data);
    crc.update(&header);
    header[8..12].copy_from_slice(&crc.finalize().to_be_bytes());
    [&header, data].concat()
}

/// Unpacks gzip and zstd, up to a megabyte: what comes out is the same whether it is read at once or by bits.
pub fn read_packed(bytes: &[u8]) {
    const MOST: u64 = 1 << 20;
    let unpack = |bytes| format::unpack(bytes).expect("what is in memory");
    let mut whole = Vec::new();
    let at_once = std::io::Read::read_to_end(&mut std::io::Read::take(unpack(bytes), MOST), &mut whole);
    let (mut parts, mut part, mut input) = (Vec::new(), [0; 100], unpack(bytes));
    let by_bits = loop {
        match std::io::Read::read(&mut input, &mut part) {
            Ok(0) => break Ok(()),
            Ok(read) => parts.extend(&part[..read]),
            Err(error) => break Err(error),
        }
        if parts.len() as u64 >= MOST {
            return;
        }
    };
    assert_eq!(at_once.is_ok(), by_bits.is_ok());
    assert!(at_once.is_err() || whole == parts);
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
