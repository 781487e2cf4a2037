//! The fast path and the full parser agree: on whatever is written, on whatever is malformed, wherever the blocks end.

use proptest::prelude::*;

use super::full::{self, Expected};
use super::{Blocks, Events, scan};
use crate::event::Event;
use crate::format::error::FormatError;

/// What a reader made of a text: the events up to the first error, and the error's place and words.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    error: Option<String>,
}

/// Collects what `next` gives.
fn outcome(mut next: impl FnMut() -> Result<Option<Event>, FormatError>) -> Outcome {
    let mut events = Vec::new();
    loop {
        match next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return Outcome { events, error: None },
            Err(error) => {
                return Outcome {
                    events,
                    error: Some(error.to_string()),
                };
            }
        }
    }
}

fn failed(error: FormatError) -> Outcome {
    Outcome {
        events: Vec::new(),
        error: Some(error.to_string()),
    }
}

/// The full parser on every line.
fn by_full_parser(text: &[u8]) -> Outcome {
    let ended = text.ends_with(b"\n");
    let mut lines = text
        .strip_suffix(b"\n")
        .unwrap_or(text)
        .split(|&byte| byte == b'\n')
        .peekable();
    if let Err(error) = full::header(lines.next().unwrap_or_default()) {
        return failed(error);
    }
    let mut expected = Expected::START;
    outcome(|| {
        let Some(line) = lines.next() else { return Ok(None) };
        let event = full::event(line, expected, lines.peek().is_none() && !ended)?;
        expected = expected.after(event.time);
        Ok(Some(event))
    })
}

fn by_stream(text: &[u8], block_bytes: usize) -> Outcome {
    match Events::with_block_bytes(text, block_bytes) {
        Ok(mut events) => outcome(|| Ok(events.next_event()?.map(Event::from))),
        Err(error) => failed(error),
    }
}

fn by_blocks(text: &[u8], block_bytes: usize) -> Outcome {
    let mut blocks = match Blocks::with_block_bytes(text, block_bytes) {
        Ok(blocks) => blocks,
        Err(error) => return failed(error),
    };
    let mut all = Outcome {
        events: Vec::new(),
        error: None,
    };
    let mut used = None;
    loop {
        let block = match blocks.next_block(used.take()) {
            Ok(Some(block)) => block,
            Ok(None) => return all,
            Err(error) => {
                return Outcome {
                    error: Some(error.to_string()),
                    ..all
                };
            }
        };
        assert_eq!(block.first_index(), all.events.len() as u64);
        let mut events = block.events();
        let part = outcome(|| Ok(events.next_event()?.map(Event::from)));
        all.events.extend(part.events);
        if part.error.is_some() {
            return Outcome {
                error: part.error,
                ..all
            };
        }
        used = Some(block);
    }
}

/// Lines in every shape that the writer makes, and some that it does not.
const LINES: &[&str] = &[
    r#"{"index":0,"time":1204411,"process":3,"type":"invoke","f":"write","key":"k7","value":12,"node":"n2"}"#,
    r#"{"index":1,"time":1309220,"process":3,"type":"ok","f":"write","key":"k7","value":12,"node":"n2","seq":17,"at":[9,2]}"#,
    r#"{"index":2,"time":1310020,"process":"nemesis","type":"info","f":"cut","value":[["n1","n3"],["links",[]]]}"#,
    r#"{"index":3,"time":12345678901234,"process":12,"type":"fail","f":"cas","key":-4,"value":[1,-2],"error":"not-leader"}"#,
    r#"{"index":4,"time":12345678901234,"process":0,"type":"ok","f":"read","value":null,"final":true}"#,
    r#"{"index":5,"time":12345678901235,"process":0,"type":"info","f":"läse","value":[true,false,"ü"],"message":"it \"is\" gone"}"#,
    r#"{"time":12345678901236, "index":6,"process":1,"type":"invoke","f":"read"}"#,
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

    /// Changes a few bytes, mostly into bytes that mean something.
    fn mutate(&mut self, text: &mut Vec<u8>) {
        const BYTES: &[u8] = b"0123456789-+.eE\"\\{}[],:ntfu \t\r\n\x00\x1f\x7f\x80\xc3\xa9\xff";
        for _ in 0..=self.below(2) {
            let at = self.below(text.len());
            let digit = b'0' + self.below(10) as u8;
            let any = if self.below(8) == 0 {
                self.below(256) as u8
            } else {
                BYTES[self.below(BYTES.len())]
            };
            match (self.below(8), text[at]) {
                (0, _) => text.insert(at, any),
                (1, _) => drop(text.remove(at)),
                (2, _) => text.truncate(at),
                (3, _) => text[at] = any,
                (4, b'0'..=b'9') => text.insert(at, digit),
                (_, b'0'..=b'9') => text[at] = digit,
                (_, b'a'..=b'z') => text[at] ^= 1,
                (_, _) => text[at] = any,
            }
            if text.is_empty() {
                text.push(b'{');
            }
        }
    }
}

#[test]
fn whatever_the_fast_path_accepts_the_full_parser_reads_alike() {
    let mut random = Random(7);
    let mut accepted = 0;
    for round in 0..1_000_000 {
        let which = round % LINES.len();
        let mut line = format!("{}\n", LINES[which]).into_bytes();
        random.mutate(&mut line);
        let Ok(text) = std::str::from_utf8(&line) else {
            continue;
        };
        let expected = Expected {
            index: which as u64,
            time: Expected::START.time,
        };
        let Some((fast, end)) = scan::event(text, 0, expected) else {
            continue;
        };
        accepted += 1;
        let only = text[..end].strip_suffix('\n').expect("a whole line");
        assert!(!only.contains('\n'), "{text:?}");
        let full =
            full::event(only.as_bytes(), expected, false).unwrap_or_else(|error| panic!("{error}: {only:?}"));
        assert_eq!(Event::from(fast), full, "{only:?}");
    }
    assert!(accepted > 50_000, "the fast path accepted only {accepted} lines");
}

#[test]
fn mutated_files_are_read_alike_wherever_the_blocks_end() {
    let header = "{\"history\":1,\"workload\":\"register\",\"keyed\":true}";
    let whole = [&[header], LINES].concat().join("\n") + "\n";
    assert_eq!(by_full_parser(whole.as_bytes()).error, None);
    let mut random = Random(11);
    let mut failures = 0;
    for round in 0..20_000 {
        let mut text = whole.clone().into_bytes();
        random.mutate(&mut text);
        let full = by_full_parser(&text);
        failures += usize::from(full.error.is_some());
        let block_bytes = [1, 7, 64, 200, 100_000][round % 5];
        let shown = || String::from_utf8_lossy(&text).into_owned();
        assert_eq!(by_stream(&text, block_bytes), full, "{block_bytes}: {}", shown());
        assert_eq!(by_blocks(&text, block_bytes), full, "{block_bytes}: {}", shown());
    }
    assert!(
        (2_000..20_000).contains(&failures),
        "{failures} of the mutated files were malformed"
    );
}

#[test]
fn the_fast_path_knows_every_ordinary_line() {
    for (index, line) in LINES.iter().enumerate().take(5) {
        let text = format!("{line}\n");
        let expected = Expected {
            index: index as u64,
            time: Expected::START.time,
        };
        assert!(scan::event(&text, 0, expected).is_some(), "{line}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike(text in any::<Vec<u8>>(), block_bytes in 1..40usize) {
        let text = [b"{\"history\":1}\n".as_slice(), &text].concat();
        let full = by_full_parser(&text);
        prop_assert_eq!(&by_stream(&text, block_bytes), &full);
        prop_assert_eq!(&by_blocks(&text, block_bytes), &full);
    }
}

#[test]
fn the_end_stays_the_end() {
    let text = concat!(
        "{\"history\":1}\n",
        "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n"
    );
    let mut events = Events::open(text.as_bytes()).unwrap();
    assert!(events.next_event().unwrap().is_some());
    assert!(events.next_event().unwrap().is_none());
    assert!(events.next_event().unwrap().is_none(), "asked again");
}
