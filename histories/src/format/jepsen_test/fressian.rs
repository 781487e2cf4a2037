//! Fressian (<https://github.com/Datomic/fressian>, its `Codes`), as far as Jepsen writes it, read as the EDN that it
//! stands for: a value's place is its offset in the file.
//!
//! A tag that nobody knows becomes a list of its name, with `#` before it, and its fields. Hostile bytes get an error: a count is
//! compared with the bytes that are left, values are nested a hundred deep at most, and what cached values unfold to is
//! limited.

use std::borrow::Cow;

use super::numbers::{decimal, hexadecimal, unpacked_text};
use crate::format::bytes::Bytes;
use crate::format::edn::{Edn, Fault, Node};

/// Values inside each other.
const DEPTH_MAX: usize = 100;

/// What cached values may unfold to in one value.
const UNFOLDED_MAX: usize = 1 << 20;

/// A reader of the values of one block, which share their caches.
pub(super) struct Fressian<'a> {
    bytes: Bytes<'a>,
    /// Values to be written once; none while one is being read.
    cache: Vec<Option<(Node<'a>, usize)>>,
    structs: Vec<(Cow<'a, str>, usize)>,
    unfolded: usize,
}

impl<'a> Fressian<'a> {
    /// From the first of these bytes on.
    pub(super) fn new(bytes: Bytes<'a>) -> Self {
        Fressian {
            bytes,
            cache: Vec::new(),
            structs: Vec::new(),
            unfolded: 0,
        }
    }

    /// Whether there is another value.
    pub(super) fn has_next(&self) -> bool {
        self.bytes.left() > 0
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Node<'a>, Fault> {
        self.unfolded = 0;
        self.read(0)
    }

    /// A value by the byte that it begins with.
    fn read(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        let start = self.bytes.offset();
        if depth > DEPTH_MAX {
            let expected = "values nested at most a hundred deep";
            return Err(Fault::expected(start, expected, "one more"));
        }
        let code = self.bytes.byte("a value")?;
        let edn = match code {
            0x00..=0x7f | 0xf8 | 0xff => Edn::Int(self.integer(code)?),
            0x80..=0x9f => return self.cached(usize::from(code - 0x80), start),
            0xcc => {
                let index = self.count()?;
                return self.cached(index, start);
            }
            0xcd => return self.read_into_the_cache(depth),
            0xa0..=0xaf => self.known_struct(usize::from(code - 0xa0), start, depth)?,
            0xf0 => {
                let index = self.count()?;
                self.known_struct(index, start, depth)?
            }
            0xef => self.new_struct(start, depth)?,
            0xb0..=0xb5 => Edn::Sequence(self.counted_list(depth)?),
            0xc0 => self.tagged("map", 1, start, depth)?,
            0xc1 => self.tagged("set", 1, start, depth)?,
            0xc3 => self.tagged("uuid", 1, start, depth)?,
            0xc4 => self.tagged("regex", 1, start, depth)?,
            0xc5 => self.tagged("uri", 1, start, depth)?,
            0xc6 => self.tagged("bigint", 1, start, depth)?,
            0xc7 => self.tagged("bigdec", 2, start, depth)?,
            0xc8 => self.tagged("inst", 1, start, depth)?,
            0xc9 => self.tagged("sym", 2, start, depth)?,
            0xca => self.tagged("key", 2, start, depth)?,
            0xcf => return self.behind_a_footer(depth),
            0xfe => {
                self.forget();
                return self.read(depth + 1);
            }
            0xd0..=0xd9 => Edn::Text(hexadecimal(&self.chunks(code, 0xd0, start)?).into()),
            0xda..=0xe3 => Edn::Text(self.text(code, start)?),
            0xe4..=0xeb => Edn::Sequence(self.list(usize::from(code - 0xe4), depth)?),
            0xec => Edn::Sequence(self.counted_list(depth)?),
            0xed => Edn::Sequence(self.ended_list(false, depth)?),
            0xee => Edn::Sequence(self.ended_list(true, depth)?),
            0xf5 => Edn::Bool(true),
            0xf6 => Edn::Bool(false),
            0xf7 => Edn::Nil,
            0xf9 => float(f32::from_bits(self.bytes.i32("a float")? as u32).into()),
            0xfa => float(f64::from_bits(self.bytes.i64("a double")? as u64)),
            0xfb => float(0.0),
            0xfc => float(1.0),
            _ => {
                let found = format!("the byte 0x{code:02x}");
                return Err(Fault::expected(start, "a value of Fressian", found));
            }
        };
        Ok(self.node(edn, start))
    }

    fn node(&self, edn: Edn<'a>, start: usize) -> Node<'a> {
        let end = self.bytes.offset();
        Node { edn, start, end }
    }

    /// An integer whose first byte has its greatest bits, less what stands for zero there.
    fn integer(&mut self, code: u8) -> Result<i64, Fault> {
        let (zero, more) = match code {
            0xff => return Ok(-1),
            0xf8 => return self.bytes.i64("an integer"),
            0x00..=0x3f => (0, 0),
            0x40..=0x5f => (0x50, 1),
            0x60..=0x6f => (0x68, 2),
            0x70..=0x73 => (0x72, 3),
            0x74..=0x77 => (0x76, 4),
            0x78..=0x7b => (0x7a, 5),
            _ => (0x7e, 6),
        };
        let rest = self.bytes.take(more, "the rest of an integer")?;
        let high = i64::from(code) - zero;
        Ok(rest
            .iter()
            .fold(high, |number, &byte| number << 8 | i64::from(byte)))
    }

    /// A count of what follows.
    fn count(&mut self) -> Result<usize, Fault> {
        let start = self.bytes.offset();
        let code = self.bytes.byte("a count")?;
        let number = match code {
            0x00..=0x7f | 0xf8 | 0xff => self.integer(code)?,
            _ => -1,
        };
        let is_count = |count: &usize| *count <= i32::MAX as usize;
        usize::try_from(number).ok().filter(is_count).ok_or_else(|| {
            let found = format!("the byte 0x{code:02x}");
            Fault::expected(start, "a count of 31 bits", found)
        })
    }

    /// What was written once before.
    fn cached(&mut self, index: usize, start: usize) -> Result<Node<'a>, Fault> {
        let Some((node, size)) = self.cache.get(index).and_then(Option::as_ref) else {
            let found = format!("number {index} of {}", self.cache.len());
            return Err(Fault::expected(start, "a value that was cached before", found));
        };
        // A word that comes again and again unfolds to nothing.
        self.unfolded += size - 1;
        if self.unfolded > UNFOLDED_MAX {
            let expected = "cached values that unfold to at most a million";
            return Err(Fault::expected(start, expected, "more"));
        }
        Ok(node.clone())
    }

    /// The place in the cache is taken before the value is read.
    fn read_into_the_cache(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        let index = self.cache.len();
        self.cache.push(None);
        let node = self.read(depth + 1)?;
        if let Some(place) = self.cache.get_mut(index) {
            *place = Some((node.clone(), size(&node)));
        }
        Ok(node)
    }

    fn forget(&mut self) {
        self.cache.clear();
        self.structs.clear();
    }

    /// Magic, length and Adler-32, which Jepsen's own reader does not look at: a block has its CRC-32.
    fn behind_a_footer(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        let start = self.bytes.offset();
        if self.bytes.take(3, "a footer")? != [0xcf; 3] {
            return Err(Fault::expected(start, "a footer's magic bytes", "others"));
        }
        self.bytes.take(8, "the rest of a footer")?;
        self.forget();
        self.read(depth + 1)
    }

    fn known_struct(&mut self, index: usize, start: usize, depth: usize) -> Result<Edn<'a>, Fault> {
        let Some((tag, fields)) = self.structs.get(index).cloned() else {
            let found = format!("number {index} of {}", self.structs.len());
            return Err(Fault::expected(
                start,
                "a struct that was described before",
                found,
            ));
        };
        self.tagged(&tag, fields, start, depth)
    }

    fn new_struct(&mut self, start: usize, depth: usize) -> Result<Edn<'a>, Fault> {
        let tag = match self.read(depth + 1)?.edn {
            Edn::Text(tag) => tag,
            Edn::Symbol(tag) | Edn::Keyword(tag) => tag.into(),
            other => return Err(Fault::expected(start, "a struct's name", other.to_string())),
        };
        let fields = self.count()?;
        self.structs.push((tag.clone(), fields));
        self.tagged(&tag, fields, start, depth)
    }

    /// The value of a tag, whose fields come next.
    fn tagged(&mut self, tag: &str, fields: usize, start: usize, depth: usize) -> Result<Edn<'a>, Fault> {
        let takes = match tag {
            "jepsen.history.Op" => 7,
            "key" | "sym" | "map-entry" | "bigdec" | "ratio" | "record" => 2,
            "map"
            | "set"
            | "persistent-hash-set"
            | "persistent-sorted-set"
            | "multiset"
            | "vec"
            | "atom"
            | "throwable"
            | "regex"
            | "uri"
            | "uuid"
            | "date-time"
            | "instant"
            | "bigint"
            | "inst"
            | "char"
            | "byte"
            | "block-ref" => 1,
            _ => fields,
        };
        if takes != fields {
            let found = format!("{tag} with {fields}");
            return Err(Fault::expected(
                start,
                "a struct with the fields that it has",
                found,
            ));
        }
        let mut fields = self.list(fields, depth)?.into_iter();
        let mut next = || fields.next().map_or(Edn::Nil, |node| node.edn);
        let wrong = |found: &Edn<'_>| Fault::expected(start, "what its tag takes", format!("#{tag} {found}"));
        Ok(match tag {
            "map" => Edn::Map(pairs(next()).map_err(|found| wrong(&found))?),
            "set" | "persistent-hash-set" | "persistent-sorted-set" => match next() {
                Edn::Nil => Edn::Set(Vec::new()),
                Edn::Sequence(elements) => Edn::Set(elements),
                found => return Err(wrong(&found)),
            },
            "key" | "sym" => word(tag == "key", next(), next()).map_err(|found| wrong(&found))?,
            "map-entry" => Edn::Sequence(fields.collect()),
            "jepsen.history.Op" => return operation(fields.collect(), start),
            "bigint" | "bigdec" => match (next(), next()) {
                (Edn::Text(digits), scale) => decimal(&digits, &scale),
                (found, _) => return Err(wrong(&found)),
            },
            "ratio" => Edn::Number(format!("{}/{}", next(), next()).into()),
            "char" => match next() {
                Edn::Int(code) => u32::try_from(code)
                    .ok()
                    .and_then(char::from_u32)
                    .map_or_else(|| Edn::Text(format!("#char {code}").into()), Edn::Char),
                found => return Err(wrong(&found)),
            },
            "inst" => Edn::Tagged(
                "inst",
                Box::new(Node {
                    edn: next(),
                    start,
                    end: start,
                }),
            ),
            "block-ref" => Edn::Tagged(
                "block-ref",
                Box::new(Node {
                    edn: next(),
                    start,
                    end: start,
                }),
            ),
            "record" => {
                next();
                next()
            }
            "multiset" | "vec" | "atom" | "throwable" | "regex" | "uri" | "uuid" | "date-time"
            | "instant" | "byte" => next(),
            _ => {
                let name = Edn::Text(format!("#{tag}").into());
                let name = Node {
                    edn: name,
                    start,
                    end: start,
                };
                Edn::Sequence(std::iter::once(name).chain(fields).collect())
            }
        })
    }

    fn counted_list(&mut self, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        let count = self.count()?;
        self.list(count, depth)
    }

    fn list(&mut self, count: usize, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        if count > self.bytes.left() {
            let found = format!("{} bytes for {count}", self.bytes.left());
            return Err(Fault::expected(
                self.bytes.offset(),
                "a byte for each value",
                found,
            ));
        }
        // A value is larger than the byte that it may be: they are not all believed in advance.
        let mut elements = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            elements.push(self.read(depth + 1)?);
        }
        Ok(elements)
    }

    /// A list up to its end; an open one may also end where the block does.
    fn ended_list(&mut self, open: bool, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        const END: u8 = 0xfd;
        let mut elements = Vec::new();
        loop {
            let mut ahead = self.bytes.clone();
            match ahead.byte("the end of a list") {
                Ok(END) => {
                    self.bytes = ahead;
                    return Ok(elements);
                }
                Err(_) if open => return Ok(elements),
                Err(fault) => return Err(fault),
                Ok(_) => elements.push(self.read(depth + 1)?),
            }
        }
    }

    /// Bytes in one or several pieces; `packed`: the code of a short piece of none.
    fn chunks(&mut self, mut code: u8, packed: u8, start: usize) -> Result<Cow<'a, [u8]>, Fault> {
        let (chunk, whole) = (packed + 8, packed + 9);
        let mut before: Vec<u8> = Vec::new();
        loop {
            let count = match code {
                code if code < chunk && code >= packed => usize::from(code - packed),
                code if code == chunk || code == whole => self.count()?,
                _ => {
                    return Err(Fault::expected(
                        start,
                        "the last of its pieces",
                        format!("0x{code:02x}"),
                    ));
                }
            };
            let piece = self.bytes.take(count, "as many bytes as are promised")?;
            if code != chunk && before.is_empty() {
                return Ok(piece.into());
            }
            before.extend_from_slice(piece);
            if code != chunk {
                return Ok(before.into());
            }
            code = self.bytes.byte("the next of its pieces")?;
        }
    }

    fn text(&mut self, code: u8, start: usize) -> Result<Cow<'a, str>, Fault> {
        let bytes = self.chunks(code, 0xda, start)?;
        unpacked_text(bytes).ok_or_else(|| Fault::expected(start, "text in UTF-8", "other bytes"))
    }
}

fn float(number: f64) -> Edn<'static> {
    Edn::Number(format!("{number:?}").into())
}

/// How many values a value is.
fn size(node: &Node<'_>) -> usize {
    1 + match &node.edn {
        Edn::Sequence(elements) | Edn::Set(elements) => elements.iter().map(size).sum(),
        Edn::Map(pairs) => pairs.iter().map(|(key, value)| size(key) + size(value)).sum(),
        Edn::Tagged(_, inner) => size(inner),
        _ => 0,
    }
}

/// Key and value by turns.
fn pairs<'a>(list: Edn<'a>) -> Result<Vec<(Node<'a>, Node<'a>)>, Edn<'a>> {
    let elements = match list {
        Edn::Nil => return Ok(Vec::new()),
        Edn::Sequence(elements) if elements.len() % 2 == 0 => elements,
        other => return Err(other),
    };
    let mut pairs = Vec::with_capacity(elements.len() / 2);
    let mut elements = elements.into_iter();
    while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// A keyword or a symbol; one with a namespace is no slice of the file, and becomes a text.
fn word<'a>(keyword: bool, namespace: Edn<'a>, name: Edn<'a>) -> Result<Edn<'a>, Edn<'a>> {
    match (namespace, name) {
        (Edn::Nil, Edn::Text(Cow::Borrowed(name))) if keyword => Ok(Edn::Keyword(name)),
        (Edn::Nil, Edn::Text(Cow::Borrowed(name))) => Ok(Edn::Symbol(name)),
        (Edn::Nil, Edn::Text(name)) => Ok(Edn::Text(name)),
        (Edn::Text(space), Edn::Text(name)) => Ok(Edn::Text(format!("{space}/{name}").into())),
        (_, found) => Err(found),
    }
}

/// The fields of `jepsen.history.Op`, and the map of what else an operation has.
fn operation(fields: Vec<Node<'_>>, start: usize) -> Result<Edn<'_>, Fault> {
    const NAMES: [&str; 6] = ["index", "time", "type", "process", "f", "value"];
    let mut fields = fields.into_iter();
    let named = NAMES.into_iter().zip(fields.by_ref());
    let mut all: Vec<_> = named
        .map(|(name, value)| {
            let edn = Edn::Keyword(name);
            (
                Node {
                    edn,
                    start,
                    end: start,
                },
                value,
            )
        })
        .collect();
    match fields.next().map(|node| node.edn) {
        None | Some(Edn::Nil) => {}
        Some(Edn::Map(more)) => all.extend(more),
        Some(found) => {
            return Err(Fault::expected(
                start,
                "a map of what else it has",
                found.to_string(),
            ));
        }
    }
    Ok(Edn::Map(all))
}
