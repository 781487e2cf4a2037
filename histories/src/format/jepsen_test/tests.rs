//! Files written here by hand, from the documentation of the format; and what becomes of hostile ones.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::event::{Event, Process};
use crate::format::{FormatError, Independent, Interrupt, Problem};
use crate::value::Value;

/// A value to be written.
#[derive(Clone)]
enum Put {
    Nil,
    Int(i64),
    Text(&'static str),
    Key(&'static str),
    List(Vec<Put>),
    Map(Vec<(Put, Put)>),
    Tag(&'static str, Vec<Put>),
    Raw(Vec<u8>),
}

use Put::{Int, Key, List, Map, Nil, Raw, Tag, Text};

/// A writer of Fressian with its two caches: keywords are written once.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    keywords: Vec<&'static str>,
    structs: Vec<&'static str>,
}

impl Writer {
    fn put(mut self, put: &Put) -> Self {
        match put {
            Nil => self.bytes.push(0xf7),
            Int(number @ 0..0x40) => self.bytes.push(*number as u8),
            Int(number @ -0x1000..0x1000) => {
                let [.., high, low] = number.to_be_bytes();
                self.bytes.extend([0x50_u8.wrapping_add(high), low]);
            }
            Int(number) => {
                self.bytes.push(0xf8);
                self.bytes.extend(number.to_be_bytes());
            }
            Text(text) => {
                self.bytes.push(0xe3);
                self = self.put(&Int(text.len() as i64));
                self.bytes.extend(text.as_bytes());
            }
            Key(name) => match self.keywords.iter().position(|known| known == name) {
                Some(at) => self.bytes.push(0x80 + at as u8),
                None => {
                    self.keywords.push(name);
                    self.bytes.extend([0xcd, 0xca, 0xf7]);
                    self = self.put(&Text(name));
                }
            },
            List(elements) => {
                self.bytes.push(0xec);
                self = self.put(&Int(elements.len() as i64));
                self = elements.iter().fold(self, Writer::put);
            }
            Map(pairs) => {
                let flat = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]);
                self.bytes.push(0xc0);
                self = self.put(&List(flat.collect()));
            }
            Tag(tag, fields) => {
                match self.structs.iter().position(|known| known == tag) {
                    Some(at) => self.bytes.push(0xa0 + at as u8),
                    None => {
                        self.structs.push(tag);
                        self.bytes.push(0xef);
                        self = self.put(&Text(tag)).put(&Int(fields.len() as i64));
                    }
                }
                self = fields.iter().fold(self, Writer::put);
            }
            Raw(bytes) => self.bytes.extend(bytes),
        }
        self
    }
}

fn fressian(values: &[Put]) -> Vec<u8> {
    values.iter().fold(Writer::default(), Writer::put).bytes
}

fn op(index: i64, time: i64, kind: &'static str, process: Put, f: &'static str, value: Put) -> Put {
    let extra = match kind {
        "info" => Map(vec![(Key("error"), Key("timeout"))]),
        _ => Nil,
    };
    Tag(
        "jepsen.history.Op",
        vec![Int(index), Int(time), Key(kind), process, Key(f), value, extra],
    )
}

/// A block with its length and checksum.
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

/// A file of these blocks, whose ids count from 1; the root is the last.
fn file(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [b"JEPSEN".as_slice(), &1_u32.to_be_bytes(), &[0; 8]].concat();
    let mut index = (blocks.len() as u32).to_be_bytes().to_vec();
    for (at, block) in blocks.iter().enumerate() {
        index.extend((at as u32 + 1).to_be_bytes());
        index.extend((bytes.len() as u64).to_be_bytes());
        bytes.extend(block);
    }
    let at = bytes.len() as u64;
    bytes[10..18].copy_from_slice(&at.to_be_bytes());
    bytes.extend(block(1, &index));
    bytes
}

fn vector(count: u64, chunks: &[(u64, u32)]) -> Vec<u8> {
    let chunks = chunks.iter().flat_map(|(first, id)| {
        let id = id.to_be_bytes();
        first.to_be_bytes().into_iter().chain(id)
    });
    count.to_be_bytes().into_iter().chain(chunks).collect()
}

fn reference(id: i64) -> Put {
    Tag("block-ref", vec![Int(id)])
}

/// What a test's own file holds: two chunks of operations, results in two parts.
fn small() -> Vec<u8> {
    let first = [
        op(0, 1_000_000, "invoke", Int(0), "write", Int(3)),
        op(1, 2_000_000, "invoke", Int(1), "read", Nil),
        op(2, 3_000_000, "ok", Int(0), "write", Int(3)),
    ];
    let second = [
        op(3, 4_000_000, "ok", Int(1), "read", Int(3)),
        op(
            4,
            5_000_000,
            "info",
            Key("nemesis"),
            "kill",
            List(vec![Text("n1"), Text("n2")]),
        ),
        op(5, 6_000_000, "invoke", Int(0), "write", Int(-7)),
        op(6, 7_000_000, "info", Int(0), "write", Int(-7)),
    ];
    let rest = [
        &0_u32.to_be_bytes(),
        fressian(&[Map(vec![(Key("stats"), Nil)])]).as_slice(),
    ]
    .concat();
    let valid = fressian(&[Map(vec![(Key("valid?"), Raw(vec![0xf5]))])]);
    let test = Map(vec![
        (Key("name"), Text("register")),
        (
            Key("start-time"),
            Tag("date-time", vec![Text("20261129T200000.000Z")]),
        ),
        (Key("client"), Tag("some.Client", vec![Int(1), Nil])),
        (Key("history"), reference(3)),
        (Key("results"), reference(5)),
    ]);
    file(&[
        block(4, &fressian(&first)),
        block(4, &fressian(&second)),
        block(5, &vector(7, &[(0, 1), (3, 2)])),
        block(3, &rest),
        block(3, &[&4_u32.to_be_bytes(), valid.as_slice()].concat()),
        block(2, &fressian(&[test])),
    ])
}

fn read(bytes: &[u8]) -> Result<Vec<Event>, FormatError> {
    read_with(bytes, Independent::No)
}

fn read_with(bytes: &[u8], independent: Independent) -> Result<Vec<Event>, FormatError> {
    let options = Options {
        format: Some(NAME),
        independent,
        ..Options::default()
    };
    crate::format::read(bytes, &options).map(|imported| imported.history.events)
}

fn said(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// A test whose history is this value, in a block.
fn with_history(value: &Put) -> Vec<u8> {
    let test = Map(vec![(Key("history"), reference(1))]);
    let history = block(2, &fressian(std::slice::from_ref(value)));
    file(&[history, block(2, &fressian(&[test]))])
}

/// An operation that completed with this value.
fn with_value(value: Put) -> Vec<u8> {
    with_history(&List(vec![op(0, 0, "ok", Int(0), "read", value)]))
}

#[test]
fn a_test_with_chunks_is_read() {
    let bytes = small();
    let events = read(&bytes).unwrap();
    let shown: Vec<String> = events
        .iter()
        .map(|event| format!("{} {} {} {}", event.process, event.f, event.value, event.time.0))
        .collect();
    assert_eq!(
        shown,
        [
            "0 write 3 1000000",
            "1 read null 2000000",
            "0 write 3 3000000",
            "1 read 3 4000000",
            "nemesis kill [\"n1\",\"n2\"] 5000000",
            "0 write -7 6000000",
            "0 write -7 7000000",
        ]
    );
    assert_eq!(events[6].error.as_deref(), Some("timeout"));
    assert_eq!(events[4].process, Process::Nemesis);
    let results = results(&bytes).unwrap().unwrap().edn.to_string();
    assert_eq!(results, "{:valid? true, :stats nil}");
}

/// The fuzz target and the mutations begin with it.
#[test]
fn the_file_of_the_corpus_is_the_small_test() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/small/jepsen-test.jepsen");
    if std::env::var_os("SMALL_RENEW").is_some() {
        std::fs::write(path, small()).unwrap();
    }
    assert_eq!(std::fs::read(path).unwrap(), small());
}

#[test]
fn values_become_what_their_edn_would() {
    let packed = |bytes: &[u8]| Raw(bytes.to_vec());
    let cases = [
        (packed(&[0xff]), "-1"),
        (packed(&[0x3f]), "63"),
        (packed(&[0x50, 0x40]), "64"),
        (packed(&[0x4f, 0xff]), "-1"),
        (packed(&[0x68, 0x10, 0x00]), "4096"),
        (packed(&[0x72, 0x08, 0x00, 0x00]), "524288"),
        (packed(&[0x76, 0x04, 0, 0, 0]), "67108864"),
        (packed(&[0x7a, 0x02, 0, 0, 0, 0]), "8589934592"),
        (packed(&[0x7e, 0x01, 0, 0, 0, 0, 0]), "1099511627776"),
        (packed(&[0xf8, 0x80, 0, 0, 0, 0, 0, 0, 0]), "-9223372036854775808"),
        (packed(&[0xf6]), "false"),
        (packed(&[0xdc, b'a', b'b']), "\"ab\""),
        (packed(&[0xe2, 1, b'a', 0xdb, b'b']), "\"ab\""),
        (packed(&[0xee, 1, 2, 0xfd]), "[1,2]"),
        (packed(&[0xed, 1, 0xfd]), "[1]"),
        (packed(&[0xb0, 2, 7, 8]), "[7,8]"),
        (Tag("map-entry", vec![Int(1), Int(2)]), "[1,2]"),
        (
            Tag("persistent-hash-set", vec![List(vec![Int(2), Int(1)])]),
            "[1,2]",
        ),
        (Tag("persistent-hash-set", vec![Nil]), "[]"),
        (Tag("atom", vec![Int(5)]), "5"),
        (Tag("vec", vec![List(vec![Int(5)])]), "[5]"),
        (packed(&[0xc6, 0xd1, 0x2a]), "42"),
        (Tag("my.Thing", vec![Int(1), Nil]), "[\"#my.Thing\",1,null]"),
        (packed(&[0xca, 0xdb, b'a', 0xdb, b'b']), "\"a/b\""),
        (packed(&[0xcd, 0xe5, 1, 0xcc, 0x06]), "error"),
    ];
    for (value, expected) in cases {
        let value: Result<Value, _> = read(&with_value(value)).map(|events| events[0].value.clone());
        match value {
            Ok(value) => assert_eq!(value.to_string(), expected),
            Err(error) => assert_eq!(expected, "error", "{error}"),
        }
    }
    let independent = [(1, 5), (2, 6)].map(|(key, value)| {
        let tuple = Tag("map-entry", vec![Int(key), Int(value)]);
        op(key - 1, 0, "invoke", Int(key), "write", tuple)
    });
    let events = read_with(&with_history(&List(independent.to_vec())), Independent::Auto).unwrap();
    assert_eq!((&events[1].key, &events[1].value), (&Some(2.into()), &6.into()));
}

#[test]
fn what_is_wrong_has_a_place_in_the_file() {
    let whole = small();
    assert_eq!(
        said(b"JEPSEN\0\0\0\x02"),
        "the input: byte 6: expected version 0 or 1 of Jepsen's store format, found version 2"
    );
    let mut begun = whole.clone();
    begun[10..18].fill(0);
    assert!(
        said(&begun)
            .starts_with("the input: byte 10: expected the offset of the index, found 0: the test had only")
    );
    let mut flipped = whole.clone();
    flipped[18 + 28 + 3] ^= 1;
    assert!(said(&flipped).contains("byte 26: expected the checksum that the block's header says"));
    assert!(
        said(&whole[..whole.len() - 1])
            .contains("expected the length of a block, with its header of 28 bytes")
    );
    let nil = with_history(&Nil);
    assert!(said(&nil).contains("expected a history, found nil: the test ended before its first chunk"));
    let float = with_value(Raw(vec![0xfa, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]));
    assert!(
        said(&float).contains("expected an integer of 64 bits, found 1.5"),
        "{}",
        said(&float)
    );
    let short = file(&[
        block(5, &vector(1, &[])),
        block(2, &fressian(&[Map(vec![(Key("history"), reference(1))])])),
    ]);
    assert!(said(&short).contains("expected as many operations as are promised, found 0 of 1"));
    let itself = file(&[
        block(5, &vector(0, &[(0, 1)])),
        block(2, &fressian(&[Map(vec![(Key("history"), reference(1))])])),
    ]);
    assert!(said(&itself).contains("found the block 1 again"));
}

#[test]
fn hostile_values_end_in_an_error() {
    let deep = |code: u8| vec![code; 1 << 20];
    // Each cached list holds the one before twice.
    let mut laughs = vec![0xec, 41, 0xcd, 0xe6, 1, 1];
    for at in 0..40_u8 {
        let again = if at < 32 { vec![0x80 + at] } else { vec![0xcc, at] };
        laughs.extend([0xcd, 0xe6].into_iter().chain(again.clone()).chain(again));
    }
    let hostile = [
        (deep(0xe5), "nested at most a hundred deep"),
        (deep(0xc0), "nested at most a hundred deep"),
        (deep(0xfe), "nested at most a hundred deep"),
        (deep(0xcd), "nested at most a hundred deep"),
        (
            vec![0xec, 0xf8, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff],
            "a byte for each value",
        ),
        (vec![0xec, 0xf8, 0x7f, 0, 0, 0, 0, 0, 0, 0], "a count of 31 bits"),
        (vec![0xe3, 0x77, 0xff, 0xff, 0xff, 0xff], "a count of 31 bits"),
        (vec![0xe3, 0x3f], "as many bytes as are promised"),
        (
            vec![0xef, 0xdb, b'x', 0x73, 0xff, 0xff, 0xff],
            "a byte for each value",
        ),
        (vec![0xcd, 0x80], "a value that was cached before"),
        (vec![0xaf], "a struct that was described before"),
        (vec![0xc0, 0xe5, 1], "what its tag takes"),
        (vec![0xdb, 0xff], "text in UTF-8"),
        (vec![0xf4], "a value of Fressian"),
        (laughs, "unfold to at most a million"),
    ];
    for (bytes, expected) in hostile {
        let data = block(2, &bytes);
        let test = block(2, &fressian(&[Map(vec![(Key("history"), reference(1))])]));
        let said = said(&file(&[data, test]));
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// Behind a right checksum nothing stops a byte from being another one.
#[test]
fn no_mutated_block_panics() {
    let ops: Vec<Put> = (0..4)
        .map(|at| {
            let value = List(vec![
                Text("x"),
                Map(vec![(Key("k"), Tag("map-entry", vec![Int(at), Nil]))]),
            ]);
            op(at, at, "invoke", Int(at), "txn", value)
        })
        .collect();
    let data = fressian(&ops);
    let test = block(2, &fressian(&[Map(vec![(Key("history"), reference(1))])]));
    let mut seed = 7_u64;
    let mut below = |limit: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % limit
    };
    let (mut read_well, mut malformed) = (0, 0);
    for _ in 0..20_000 {
        let mut data = data.clone();
        for _ in 0..=below(3) {
            let at = below(data.len());
            match below(3) {
                0 => data.truncate(at + 1),
                1 => data.insert(at, below(256) as u8),
                _ => data[at] = below(256) as u8,
            }
        }
        match read(&file(&[block(4, &data), test.clone()])) {
            Ok(_) => read_well += 1,
            Err(FormatError::MalformedBytes { .. }) => malformed += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(read_well > 100 && malformed > 1000, "{read_well} {malformed}");
}

#[test]
fn a_long_history_can_be_stopped() {
    let stop = || true;
    let options = Options {
        format: None,
        independent: Independent::Auto,
        interrupt: Interrupt::when(&stop),
    };
    let bytes = small();
    let error = import(&mut bytes.as_slice(), &options).unwrap_err();
    let stopped = matches!(
        error,
        FormatError::MalformedBytes {
            problem: Problem::Stopped,
            ..
        }
    );
    assert!(stopped, "{error}");
}
