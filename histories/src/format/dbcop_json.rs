//! dbcop's JSON (its `docs/history-format.md`): sessions, each an array of transactions with `events` and `committed`; by
//! themselves, or as `data` of an object with `params`, as `dbcop generate` writes them.
//!
//! An event is `{"Write": {"variable": 0, "version": 1}}` or, in the compact form, `["w", 0, 1]`; the version null is that of a
//! key that nobody wrote. No times: the order is that of each session.

use std::fmt;
use std::io::BufRead;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::edn::Fault;
use super::error::{FormatError, Problem, words};
use super::sessions::{Micro, Sessions};
use super::{Imported, Options, head_text, read_text};
use crate::value::Value;

pub(super) const NAME: &str = "dbcop-json";

/// Whether the text begins with sessions, or with an object that has them.
pub(super) fn recognise(head: &[u8]) -> bool {
    let text = head_text(head).trim_start();
    let inside = |text: &'_ str, open: char| text.strip_prefix(open).map(|rest| rest.trim_start().to_owned());
    if let Some(object) = inside(text, '{') {
        return ["\"params\"", "\"data\""]
            .iter()
            .any(|field| object.starts_with(field));
    }
    let sessions = inside(text, '[').and_then(|text| inside(&text, '['));
    sessions.is_some_and(|text| {
        text.starts_with("{\"events\"") || text.starts_with('{') && text.contains("\"committed\"")
    })
}

#[derive(serde::Deserialize)]
struct Standalone {
    data: Vec<Vec<Transaction>>,
}

#[derive(serde::Deserialize)]
struct Transaction {
    events: Vec<Micro>,
    committed: bool,
}

/// The row's reader.
pub(super) fn import(input: &mut dyn BufRead, options: &Options<'_>) -> Result<Imported, FormatError> {
    let text = read_text(input)?;
    let is_object = text.trim_start().starts_with('{');
    let read = match is_object {
        true => serde_json::from_str(&text).map(|Standalone { data }| data),
        false => serde_json::from_str(&text),
    };
    let read: Vec<Vec<Transaction>> = read.map_err(|error| {
        let (line, column) = (error.line().max(1) as u64, error.column().max(1) as u64);
        FormatError::at(line, column, Problem::Json(words(&error)))
    })?;
    let mut sessions = Sessions::default();
    // dbcop counts sessions from 1.
    for (session, transactions) in (1..).zip(read) {
        for Transaction { events, committed } in transactions {
            sessions.transaction(session, committed, events);
        }
    }
    let imported = sessions.imported(NAME, Value::Null, options.interrupt);
    imported.map_err(|fault: Fault| fault.place(&text))
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MicroVisitor)
    }
}

struct MicroVisitor;

#[derive(serde::Deserialize)]
struct Access {
    variable: Value,
    #[serde(default)]
    version: Value,
}

/// A write of nothing is none that somebody could read.
fn micro<E: de::Error>(word: &str, Access { variable, version }: Access) -> Result<Micro, E> {
    let writes = match word {
        "Read" | "r" => false,
        "Write" | "w" => true,
        _ => return Err(E::custom(format!("{word:?} is neither a read nor a write"))),
    };
    if writes && version == Value::Null {
        return Err(E::custom("a write without a version"));
    }
    Ok(Micro {
        writes,
        key: variable,
        value: version,
    })
}

impl<'de> Visitor<'de> for MicroVisitor {
    type Value = Micro;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "{\"Read\" or \"Write\": {\"variable\", \"version\"}} or [\"r\" or \"w\", variable, version]",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Micro, A::Error> {
        let Some((word, access)) = map.next_entry::<String, Access>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        match map.next_key::<String>()? {
            None => micro(&word, access),
            Some(_) => Err(de::Error::invalid_length(2, &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Micro, A::Error> {
        let word: Option<String> = seq.next_element()?;
        let (variable, version) = (seq.next_element()?, seq.next_element()?);
        match (word, variable, version, seq.next_element::<Value>()?) {
            (Some(word), Some(variable), Some(version), None) => micro(&word, Access { variable, version }),
            _ => Err(de::Error::invalid_length(3, &self)),
        }
    }
}
