//! The reader of journals: every event, every mistake with its line, a cut at every byte, and mutated bytes.

use histories::journal::{Event, Malformed, Problem, Reader};
use histories::{Incarnation, LogIndex};

/// One of each event, in the spelling of docs/journal.md.
const EVENTS: &[&str] = &[
    r#""e":"boot","last":{"i":3,"t":2},"ch":"00000000000000aa","commit":0,"applied":0,"snap":null,"vote":null,"voters":["n1","n2","n3"],"profile":"prod","bugs":["commit-any-term"]"#,
    r#""e":"term","from":1,"to":2,"why":"message""#,
    r#""e":"vote","to":"n2","granted":true,"pre":false,"req_last":{"i":3,"t":2},"my_last":{"i":3,"t":2},"why":null"#,
    r#""e":"role","role":"candidate""#,
    r#""e":"role","role":"leader","votes":["n1","n2"],"last_at_election":{"i":3,"t":2}"#,
    r#""e":"append","i":4,"t":2,"h":"0123456789abcdef","ch":"fedcba9876543210","kind":"noop","from":"n1""#,
    r#""e":"trunc","from":4,"removed":1,"by":"n2","commit":3"#,
    r#""e":"sync","what":"log","upto":3"#,
    r#""e":"sync","what":"hard""#,
    r#""e":"ack","to":"n2","match":3,"durable":3"#,
    r#""e":"commit","from":2,"to":3,"t_at":2,"ch":"00000000000000aa","role":"leader","match":{"n1":3,"n2":3},"rule":"quorum""#,
    r#""e":"commit","from":2,"to":3,"t_at":2,"ch":"00000000000000aa","role":"follower","rule":"leader","future":[1,{"a":null}]"#,
    r#""e":"commit_blocked","q_index":3,"q_term":1"#,
    r#""e":"apply","i":3,"t":2,"h":"0123456789abcdef","sm":"0123456789abcdef","client":7,"seq":1,"dup":true"#,
    r#""e":"apply","i":4,"t":2,"h":"0123456789abcdef","sm":"0123456789abcdef""#,
    r#""e":"reply","op":"put","client":7,"seq":1,"i":3,"t":2,"res":"ok""#,
    r#""e":"read","op":"get","mode":"leader","ri":3,"round":9,"acks":["n1","n3"],"applied":3"#,
    r#""e":"assert","name":"a \"quoted\" name","detail":"caf\u00e9""#,
    r#""e":"stop","why":"signal""#,
];

fn line(seq: usize, event: &str) -> String {
    format!(
        "{{\"v\":1,\"n\":\"n1\",\"inc\":3,\"s\":{seq},\"mono\":{},\"term\":2,{event}}}\n",
        seq * 10
    )
}

fn journal() -> String {
    EVENTS
        .iter()
        .enumerate()
        .map(|(seq, event)| line(seq, event))
        .collect()
}

fn reader(text: &[u8]) -> Reader<&[u8]> {
    Reader::new(text, "n1", Incarnation(3))
}

/// Reads to the end: how many lines there are, or what is wrong.
fn read(text: &[u8]) -> Result<u64, Malformed> {
    let mut lines = reader(text);
    while lines.next_line()?.is_some() {}
    Ok(lines.lines())
}

#[test]
fn every_event_of_the_page_is_understood() {
    let text = journal();
    assert_eq!(read(text.as_bytes()), Ok(EVENTS.len() as u64));
    let mut lines = reader(text.as_bytes());
    let mut assert = None;
    while let Some(line) = lines.next_line().unwrap() {
        if let Event::Assert { name, detail } = &line.event {
            assert = Some((line.number, name.to_string(), detail.to_string()));
        }
    }
    assert_eq!(
        assert,
        Some((18, "a \"quoted\" name".to_owned(), "café".to_owned()))
    );
}

#[test]
fn a_journal_cut_off_at_any_byte_is_read_up_to_its_last_whole_line() {
    let text = journal();
    for end in 0..text.len() {
        let cut = &text.as_bytes()[..end];
        let whole = cut.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(read(cut), Ok(whole), "cut at {end}");
    }
}

/// One byte at a time, and an end for now.
struct Growing<'a> {
    text: &'a [u8],
    ended: bool,
}

impl std::io::Read for Growing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.ended = !self.ended;
        match self.text.split_first().filter(|_| !self.ended) {
            Some((first, rest)) => {
                buffer[0] = *first;
                self.text = rest;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}

#[test]
fn a_journal_can_be_followed_while_it_grows() {
    let text = journal();
    let growing = Growing {
        text: text.as_bytes(),
        ended: false,
    };
    let mut lines = Reader::new(growing, "n1", Incarnation(3));
    let (mut seen, mut asked) = (0, 0);
    while seen < EVENTS.len() && asked <= text.len() * 2 {
        seen += usize::from(lines.next_line().unwrap().is_some());
        asked += 1;
    }
    assert_eq!(seen, EVENTS.len());
}

#[test]
fn every_mistake_is_an_error_with_its_line_and_what_was_expected() {
    let boot = line(0, EVENTS[0]);
    let second = |event: &str| format!("{boot}{}", line(1, event));
    let table = [
        (line(0, EVENTS[1]), 1, "`boot` is the first line"),
        (second(EVENTS[0]), 2, "`boot` is the first line"),
        (
            format!("{boot}{}", line(2, EVENTS[8])),
            2,
            "`s` is 2 where 1 was expected",
        ),
        (boot.replace("\"v\":1", "\"v\":2"), 1, "version 2"),
        (
            boot.replace("\"n\":\"n1\"", "\"n\":\"n2\""),
            1,
            "in the folder of n1",
        ),
        (boot.replace("\"inc\":3", "\"inc\":4"), 1, "that of incarnation 3"),
        (second(r#""e":"conf""#), 2, "unknown event \"conf\""),
        (second(r#""e":"append","i":4"#), 2, "`append` lacks its field `t`"),
        (
            second(r#""e":"sync","what":"log""#),
            2,
            "`sync` lacks its field `upto`",
        ),
        (
            second(r#""e":"sync","what":"all""#),
            2,
            "unknown variant `all`, expected `log` or `hard`",
        ),
        (
            second(&EVENTS[5].replace("0123456789abcdef", "12345")),
            2,
            "expected 16 hexadecimal digits",
        ),
        (
            second(&EVENTS[1].replace("\"from\":1", "\"from\":\"n1\"")),
            2,
            "`from` of the event `term` is not a number",
        ),
        (
            second(&EVENTS[9].replace("\"match\":3", "\"match\":{}")),
            2,
            "`match` of the event `ack` is not a number",
        ),
        (
            boot.replace("\"vote\":null,", ""),
            1,
            "`boot` lacks its field `vote`",
        ),
        (boot.replace("\"term\":2,", ""), 1, "missing field `term`"),
        (second("\"e\":"), 2, "at column"),
        (format!("{boot}\n"), 2, "EOF"),
        (format!("{boot}{}\n", " ".repeat(2 << 20)), 2, "longer than"),
    ];
    for (text, place, words) in table {
        let error = read(text.as_bytes()).expect_err(words);
        assert_eq!(error.line, place, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn every_field_that_the_page_asks_for_is_asked_for() {
    const OPTIONAL: &[&str] = &["why", "match", "future", "client", "seq", "dup", "round"];
    for (at, event) in EVENTS.iter().enumerate() {
        let whole: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line(1, event).trim_end()).unwrap();
        for field in whole.keys().filter(|field| !OPTIONAL.contains(&field.as_str())) {
            let mut less = whole.clone();
            less.remove(field);
            let less = serde_json::Value::Object(less);
            let text = match at {
                0 => format!("{less}\n").replace("\"s\":1", "\"s\":0"),
                _ => format!("{}{less}\n", line(0, EVENTS[0])),
            };
            let error = read(text.as_bytes()).expect_err(field).to_string();
            assert!(error.contains(&format!("`{field}`")), "{field}: {error}");
        }
    }
}

/// Journals with a few bytes changed: an error with a line of the text, or fewer lines; never a panic.
#[test]
fn no_mutated_journal_panics() {
    const ROUNDS: u64 = 100_000;
    let whole = journal();
    let mut malformed = 0;
    for seed in 0..ROUNDS {
        let mut text = whole.clone().into_bytes();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % limit as u64) as usize
        };
        for _ in 0..=draw(3) {
            let at = draw(text.len());
            match draw(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, b"0\"{}[],:\n\\\xff"[draw(11)]),
                2 => text[at] = draw(256) as u8,
                _ => text.truncate(at),
            }
            if text.is_empty() {
                text.push(b'\n');
            }
        }
        if let Err(error) = read(&text) {
            malformed += 1;
            assert!(
                error.line as usize <= text.split(|byte| *byte == b'\n').count(),
                "seed {seed}: {error}"
            );
            assert!(!matches!(error.problem, Problem::Read(_)), "seed {seed}: {error}");
        }
    }
    assert!(
        malformed > ROUNDS / 2 && malformed < ROUNDS,
        "{malformed} of {ROUNDS}"
    );
}

#[test]
fn positions_and_hashes_are_what_stands_there() {
    let text = journal();
    let mut lines = reader(text.as_bytes());
    let boot = lines.next_line().unwrap().unwrap();
    let Event::Boot(boot) = boot.event else {
        panic!("{boot:?}")
    };
    assert_eq!(
        (boot.last.index, boot.ch.to_string()),
        (LogIndex(3), "00000000000000aa".to_owned())
    );
}
