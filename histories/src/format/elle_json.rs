//! elle-cli's JSON: the operations as objects in one array, or one after the other.
//!
//! The fields and their meaning are those of Jepsen's EDN (`jepsen_edn`); JSON's strings stand for keywords. A key of
//! an object that is an integer in quotes is that integer, since JSON has no other way to write `{0 100}`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::draft::{Draft, assemble, places};
use super::edn::{Edn, Fault, Node, excerpt};
use super::error::{FormatError, Problem};
use super::jepsen_edn::operation;
use super::names::Names;
use super::{Imported, Interrupt, Options, head_text, read_text};
use crate::value::whole;

pub(super) const NAME: &str = "elle-json";

/// Whether the text begins with an operation, alone or in an array, or is an empty array.
pub(super) fn recognise(head: &[u8]) -> bool {
    let text = head_text(head).trim_start();
    let (array, inside) = match text.strip_prefix('[') {
        Some(inside) => (true, inside.trim_start()),
        None => (false, text),
    };
    if !inside.starts_with('{') {
        return array
            && inside
                .strip_prefix(']')
                .is_some_and(|rest| rest.trim().is_empty());
    }
    let mut objects = serde_json::Deserializer::from_str(inside).into_iter::<BTreeMap<String, IgnoredAny>>();
    let first = objects.next().and_then(Result::ok);
    ["process", "type"].iter().all(|field| match &first {
        Some(object) => object.contains_key(*field),
        // Longer than what we see, or not right: its reader will say.
        None => inside.contains(&format!("{field:?}")),
    })
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let drafts = drafts(&text, options.interrupt).map_err(|fault| fault.place(&text))?;
    let places = places(&text, &drafts);
    Ok(Imported::without_header(
        NAME,
        assemble(&text, drafts, options.independent, options.interrupt)?,
    )
    .at(places))
}

fn drafts(text: &str, interrupt: Interrupt<'_>) -> Result<Vec<Draft>, Fault> {
    let mut cursor = Cursor { text, at: 0 };
    let (mut names, mut drafts) = (Names::default(), Vec::new());
    let array = cursor.takes('[');
    loop {
        interrupt.look(cursor.at)?;
        match cursor.peek() {
            None if !array => return Ok(drafts),
            Some(']') if array && drafts.is_empty() => break,
            _ => drafts.push(operation(&cursor.element()?, &mut names)?),
        }
        if array && !cursor.takes(',') {
            break;
        }
    }
    if !cursor.takes(']') {
        return Err(Fault::expected(
            cursor.at,
            "a comma or the end of the array",
            cursor.found(),
        ));
    }
    match cursor.peek() {
        None => Ok(drafts),
        Some(_) => Err(Fault::expected(cursor.at, "the end of the file", cursor.found())),
    }
}

/// Walks from one element to the next, so that each one's place is known.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at += blank;
        self.rest().chars().next()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += if there { wanted.len_utf8() } else { 0 };
        there
    }

    fn found(&self) -> String {
        if self.rest().is_empty() {
            "the end of the file".into()
        } else {
            excerpt(self.rest())
        }
    }

    fn element(&mut self) -> Result<Node<'static>, Fault> {
        let start = self.at;
        if self.peek().is_none() {
            return Err(Fault::expected(start, "an operation", "the end of the file"));
        }
        let start = self.at;
        let mut elements = serde_json::Deserializer::from_str(self.rest()).into_iter::<Element>();
        match elements.next() {
            Some(Ok(Element(mut edn))) => {
                let length = elements.byte_offset();
                self.at += length;
                edn.start = start;
                stand_at(&mut edn, start);
                Ok(edn)
            }
            Some(Err(error)) => {
                let offset = start + offset_of(self.rest(), error.line(), error.column());
                let problem = match error.is_eof() {
                    true => Problem::expected("the rest of the operation", "the end of the file"),
                    false => Problem::Json(super::error::words(&error)),
                };
                Err(Fault { offset, problem })
            }
            None => Err(Fault::expected(start, "an operation", "the end of the file")),
        }
    }
}

/// The offset of a line and a column, which serde_json counts from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// JSON does not say where its values stand: all of an element are said to be where it begins.
fn stand_at(node: &mut Node<'_>, start: usize) {
    (node.start, node.end) = (start, start);
    match &mut node.edn {
        Edn::Sequence(elements) => elements.iter_mut().for_each(|element| stand_at(element, start)),
        Edn::Map(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            stand_at(key, start);
            stand_at(value, start);
        }),
        _ => {}
    }
}

/// JSON as the EDN that it stands for.
struct Element(Node<'static>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

fn element(edn: Edn<'static>) -> Element {
    Element(Node {
        edn,
        start: 0,
        end: 0,
    })
}

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Element, E> {
        Ok(element(Edn::Nil))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Element, E> {
        Ok(element(Edn::Bool(truth)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Element, E> {
        Ok(element(Edn::Int(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Element, E> {
        Ok(element(i64::try_from(number).map_or_else(
            |_| Edn::Number(number.to_string().into()),
            Edn::Int,
        )))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Element, E> {
        // As it is written: `{}` would show 1e300 with all its zeros.
        Ok(element(whole(number).map_or_else(
            || Edn::Number(format!("{number:?}").into()),
            Edn::Int,
        )))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
        Ok(element(Edn::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Element, A::Error> {
        let mut elements = Vec::new();
        while let Some(Element(node)) = seq.next_element()? {
            elements.push(node);
        }
        Ok(element(Edn::Sequence(elements)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, Element(value))) = map.next_entry::<String, Element>()? {
            let Element(key) = element(match integer(&key) {
                Some(number) => Edn::Int(number),
                None => Edn::Text(key.into()),
            });
            pairs.push((key, value));
        }
        Ok(element(Edn::Map(pairs)))
    }
}

/// An integer that is written as integers are.
fn integer(key: &str) -> Option<i64> {
    key.parse().ok().filter(|number: &i64| number.to_string() == key)
}
