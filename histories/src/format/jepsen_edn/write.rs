//! The export: one map a line, as Jepsen, Knossos and elle-cli read it.
//!
//! What those tools want as keywords becomes one: `:f`, the code of an error, the first word of a transaction's
//! micro-operations, the fields of a bank's transfer. A keyed history has `[k v]` tuples. EDN has no place for the
//! header: it stands in a comment, which those tools skip.

use std::io::{self, Write};

use serde_json::Value as Json;

use super::HEADER;
use crate::event::{Event, Kind, Process};
use crate::format::edn::{is_keyword, quoted};
use crate::history::{Header, History};
use crate::value::Value;

/// Writes a whole history.
pub(in crate::format) fn write(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let mut line = format!("{HEADER}{}\n", serde_json::to_string(&history.header)?);
    out.write_all(line.as_bytes())?;
    for event in &history.events {
        line.clear();
        write_event(&mut line, event, &history.header);
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn write_event(line: &mut String, event: &Event, header: &Header) {
    let kind = match event.kind {
        Kind::Invoke => ":invoke",
        Kind::Ok => ":ok",
        Kind::Fail => ":fail",
        Kind::Info => ":info",
    };
    let process = match event.process {
        Process::Client(number) => number.to_string(),
        Process::Nemesis => ":nemesis".to_owned(),
    };
    line.push_str(&format!(
        "{{:index {}, :time {}, ",
        event.index,
        integer(event.time.0)
    ));
    line.push_str(&format!(
        ":type {kind}, :process {process}, :f {}",
        keyword_or_text(&event.f)
    ));
    let plain = value(event, header);
    match &event.key {
        key if header.keyed && event.process != Process::Nemesis => {
            let key = key.as_ref().map_or("nil".into(), edn);
            line.push_str(&format!(", :value [{key} {plain}]"));
        }
        Some(key) => line.push_str(&format!(", :key {}, :value {plain}", edn(key))),
        None => line.push_str(&format!(", :value {plain}")),
    }
    if let Some(node) = &event.node {
        line.push_str(&format!(", :node {}", quoted(node.as_str())));
    }
    if let Some(error) = &event.error {
        line.push_str(&format!(", :error {}", keyword_or_text(error)));
    }
    if let Some(message) = &event.message {
        line.push_str(&format!(", :message {}", quoted(message)));
    }
    if let Some(seq) = event.seq {
        line.push_str(&format!(", :seq {}", integer(seq)));
    }
    if let Some((index, term)) = event.at {
        line.push_str(&format!(", :at [{} {}]", integer(index.0), integer(term.0)));
    }
    for (name, field) in &event.other {
        line.push_str(&format!(", {} {}", keyword_or_text(name), json(field)));
    }
    line.push_str("}\n");
}

fn value(event: &Event, header: &Header) -> String {
    match (event.f.as_ref(), event.value.as_list()) {
        ("txn", Some(elements)) => format!("[{}]", joined(elements, micro_operation, " ")),
        ("transfer", Some(pairs)) if is_map(pairs) => map(pairs),
        ("read", Some(pairs)) if header.model.as_deref() == Some("bank") && is_map(pairs) => map(pairs),
        _ => edn(&event.value),
    }
}

/// `[:append 3 1]`
fn micro_operation(value: &Value) -> String {
    match value.as_list() {
        Some([Value::Text(word), arguments @ ..]) if is_keyword(word) && !arguments.is_empty() => {
            format!("[:{word} {}]", joined(arguments, edn, " "))
        }
        _ => edn(value),
    }
}

fn is_map(pairs: &[Value]) -> bool {
    let scalar = |pair: &Value| matches!(pair.as_list(), Some([Value::Int(_) | Value::Text(_), _]));
    !pairs.is_empty() && pairs.iter().all(scalar)
}

fn map(pairs: &[Value]) -> String {
    let pair = |pair: &Value| match pair.as_list() {
        Some([Value::Text(name), value]) => format!("{} {}", keyword_or_text(name), edn(value)),
        _ => pair
            .as_list()
            .map_or_else(String::new, |both| joined(both, edn, " ")),
    };
    format!("{{{}}}", joined(pairs, pair, ", "))
}

fn edn(value: &Value) -> String {
    match value {
        Value::Null => "nil".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::List(elements) => format!("[{}]", joined(elements.iter(), edn, " ")),
    }
}

fn json(value: &Json) -> String {
    match value {
        Json::Null => "nil".into(),
        Json::Bool(truth) => truth.to_string(),
        Json::Number(number) => number.as_u64().map_or_else(|| number.to_string(), integer),
        Json::String(text) => quoted(text),
        Json::Array(elements) => format!("[{}]", joined(elements, json, " ")),
        Json::Object(fields) => {
            let field = |(name, value): (&String, &Json)| format!("{} {}", quoted(name), json(value));
            format!("{{{}}}", joined(fields, field, ", "))
        }
    }
}

fn joined<T>(elements: impl IntoIterator<Item = T>, write: impl Fn(T) -> String, between: &str) -> String {
    elements.into_iter().map(write).collect::<Vec<_>>().join(between)
}

/// EDN's integers have 64 bits with sign; a larger one says so.
fn integer(number: u64) -> String {
    let large = if i64::try_from(number).is_ok() { "" } else { "N" };
    format!("{number}{large}")
}

fn keyword_or_text(word: &str) -> String {
    if is_keyword(word) {
        format!(":{word}")
    } else {
        quoted(word)
    }
}
