//! Two hundred thousand mutated texts of every format: an error with a place inside the text, or a history; never a panic.
//! (Another million, of history/1, is in the tests of its fast path.)

use histories::format::{self, FormatError, Independent, Options};

/// A small text of every format, with everything that its grammar knows; the fuzz targets begin with the same files.
const TEXTS: &[(&str, &[u8])] = &[
    ("history1", include_bytes!("../corpus/small/history1.jsonl")),
    ("jepsen-edn", include_bytes!("../corpus/small/jepsen-edn.edn")),
    ("jepsen-txt", include_bytes!("../corpus/small/jepsen-txt.txt")),
    ("jepsen-log", include_bytes!("../corpus/small/jepsen-log.log")),
    (
        "porcupine-etcd",
        include_bytes!("../corpus/small/porcupine-etcd.log"),
    ),
    ("porcupine-kv", include_bytes!("../corpus/small/porcupine-kv.txt")),
    ("elle-json", include_bytes!("../corpus/small/elle-json.json")),
    (
        "jepsen-test",
        include_bytes!("../corpus/small/jepsen-test.jepsen"),
    ),
    ("polysi", include_bytes!("../corpus/small/polysi.txt")),
    ("dbcop-json", include_bytes!("../corpus/small/dbcop-json.json")),
    ("dbcop-hist", include_bytes!("../corpus/small/dbcop-hist.hist")),
    (
        "dbcop-bincode",
        include_bytes!("../corpus/small/dbcop-bincode.bincode"),
    ),
    ("cobra", include_bytes!("../corpus/small/cobra.log")),
    (
        "etcd-robustness",
        include_bytes!("../corpus/small/etcd-robustness.json"),
    ),
];

/// A small generator; the seed is the test's own, so a failure repeats itself.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) % limit as u64) as usize
    }

    /// Inserts, removes, replaces or moves a few bytes; cuts the end off.
    fn mutate(&mut self, text: &mut Vec<u8>) {
        const BYTES: &[u8] = b"0123456789-+.eEN/\"\\{}()[]#_:;,'ntfu \t\r\n\x00\x7f\x80\xc3\xa9\xff";
        for _ in 0..=self.below(3) {
            let at = self.below(text.len());
            let byte = if self.below(8) == 0 {
                self.below(256) as u8
            } else {
                BYTES[self.below(BYTES.len())]
            };
            match self.below(6) {
                0 => text.insert(at, byte),
                1 => drop(text.remove(at)),
                2 => text.truncate(at),
                3 => {
                    let end = at + self.below(text.len() - at);
                    let piece = text[at..end].to_vec();
                    let to = self.below(text.len());
                    text.splice(to..to, piece);
                }
                _ => text[at] = byte,
            }
            if text.is_empty() {
                text.push(byte);
            }
        }
    }
}

#[test]
fn no_mutated_text_panics() {
    const ROUNDS: usize = 200_000;
    let mut random = Random(3);
    let (mut read, mut malformed) = (0, 0);
    for round in 0..ROUNDS {
        let (name, text) = TEXTS[round % TEXTS.len()];
        let mut text = text.to_vec();
        random.mutate(&mut text);
        let independent = [Independent::Auto, Independent::Yes, Independent::No][random.below(3)];
        let format = Some(name).filter(|_| random.below(4) > 0);
        match format::read(
            text.as_slice(),
            &Options {
                format,
                independent,
                ..Options::default()
            },
        ) {
            Ok(imported) => {
                read += 1;
                let events = imported.history.events;
                assert!(
                    events
                        .iter()
                        .enumerate()
                        .all(|(at, event)| event.index == at as u64)
                );
                assert!(events.is_sorted_by_key(|event| event.time));
            }
            Err(error) => {
                malformed += 1;
                check_place(&error, &text);
            }
        }
    }
    assert!(
        read > ROUNDS / 50 && malformed > ROUNDS / 2,
        "{read} read, {malformed} malformed"
    );
}

/// The place of an error lies in the text, or just behind it.
fn check_place(error: &FormatError, text: &[u8]) {
    if let FormatError::MalformedBytes { offset, .. } = error {
        assert!(*offset <= text.len() as u64, "{error}");
    }
    let Some((line, column)) = error.line_column() else {
        return;
    };
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let inside = line >= 1 && column >= 1 && (line as usize) <= lines.len();
    let shown = || String::from_utf8_lossy(text).into_owned();
    assert!(inside, "{error}: {}", shown());
    assert!(
        column as usize <= lines[line as usize - 1].len() + 2,
        "{error}: {}",
        shown()
    );
}

#[test]
fn the_texts_are_whole_and_recognised() {
    for (name, text) in TEXTS {
        let imported =
            format::read(*text, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(imported.format, *name);
    }
    let names: Vec<&str> = TEXTS.iter().map(|text| text.0).collect();
    assert!(
        format::TABLE.iter().all(|format| names.contains(&format.name)),
        "a text for every format"
    );
}
