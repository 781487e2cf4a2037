//! One operation as Jepsen writes it, `{:process 3, :type :ok, :f :read, :value 5 …}`, becomes a draft.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::event::{Event, Kind, Process};
use crate::format::draft::Draft;
use crate::format::edn::{Edn, Fault, Node};
use crate::format::names::Names;
use crate::units::{LogIndex, Nanos, NodeName, Term};
use crate::value::Value;

/// The fields of the map; an operation may be a tagged record.
pub(in crate::format) fn operation(node: &Node<'_>, names: &mut Names) -> Result<Draft, Fault> {
    let pairs = match &node.edn {
        Edn::Map(pairs) => pairs,
        Edn::Sequence(row) => return in_brackets(node, row, names),
        Edn::Tagged(_, inner) if matches!(inner.edn, Edn::Map(_)) => return operation(inner, names),
        other => return Err(Fault::expected(node.start, "a map of an operation", shown(other))),
    };
    let mut fields = Fields {
        node,
        process: None,
        kind: None,
        f: None,
        draft: blank(node.start),
    };
    let mut seen = HashSet::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Some(name) = key.edn.word() else {
            return Err(Fault::expected(key.start, "a keyword", shown(&key.edn)));
        };
        if !seen.insert(name) {
            return Err(Fault::expected(
                key.start,
                "each field once",
                format!(":{name} twice"),
            ));
        }
        fields.take(name, value, names)?;
    }
    fields.finish(names)
}

/// `[81 :invoke :read [8 nil]]`, as older Knossos wrote it: process, type, operation, value, and perhaps an error.
fn in_brackets(node: &Node<'_>, row: &[Node<'_>], names: &mut Names) -> Result<Draft, Fault> {
    let [by, kind_of, f, rest @ ..] = row else {
        let expected = "a map of an operation, or a row of process, type, operation and value";
        return Err(Fault::expected(node.start, expected, shown(&node.edn)));
    };
    let mut draft = blank(node.start);
    draft.event.process = process(by)?;
    draft.event.kind = kind(kind_of)?;
    draft.event.f = word_of(f, draft.event.process, names)?;
    if let [value, behind @ ..] = rest {
        draft.set_value(value)?;
        if let [error, ..] = behind {
            let (code, message) = code_and_message(&error.edn, None);
            draft.event.error = draft.event.error.take().or(code);
            draft.event.message = message;
        }
    }
    Ok(draft)
}

/// Fields of history/1 that another tool may use for something else.
const OURS: [&str; 4] = ["node", "message", "seq", "at"];

struct Fields<'n, 'a> {
    node: &'n Node<'a>,
    process: Option<Process>,
    kind: Option<Kind>,
    f: Option<&'n Node<'a>>,
    draft: Draft,
}

impl<'n, 'a> Fields<'n, 'a> {
    fn take(&mut self, name: &str, node: &'n Node<'a>, names: &mut Names) -> Result<(), Fault> {
        let event = &mut self.draft.event;
        match (name, &node.edn) {
            ("process", _) => self.process = Some(process(node)?),
            ("type", _) => self.kind = Some(kind(node)?),
            ("f", Edn::Nil) => {}
            ("f", _) => self.f = Some(node),
            // Whether floats may stand in it depends on who acts, which may come later in the map.
            ("value", _) => {}
            ("key", _) => event.key = Some(value(node)?).filter(|key| *key != Value::Null),
            ("time", Edn::Nil) | ("index", Edn::Nil) => {}
            ("time", _) => self.draft.time = Some(integer(node, "a time in nanoseconds")?),
            ("index", _) => self.draft.index = Some(integer(node, "an index")?),
            ("error", _) => (event.error, event.message) = code_and_message(&node.edn, event.message.take()),
            ("message", Edn::Text(text)) => event.message = Some(text.as_ref().into()),
            ("node", Edn::Text(_) | Edn::Keyword(_)) => {
                event.node = node.edn.word().map(|name| NodeName(names.get(name)));
            }
            ("seq", edn) if unsigned(edn).is_some() => event.seq = unsigned(edn),
            ("at", Edn::Sequence(pair)) if log_position(pair).is_some() => event.at = log_position(pair),
            (name, Edn::Nil) if OURS.contains(&name) => {}
            // Under its own name history/1 would take it for its own field.
            (name, edn) if OURS.contains(&name) => {
                event.other.insert(format!("original_{name}"), json(edn));
            }
            (other, edn) => {
                event.other.insert(other.to_owned(), json(edn));
            }
        }
        Ok(())
    }

    fn finish(self, names: &mut Names) -> Result<Draft, Fault> {
        let Fields {
            node,
            process,
            kind,
            f,
            mut draft,
        } = self;
        let missing = |what| Fault::expected(node.start, what, "a map without it");
        let process = process.ok_or_else(|| missing("an operation with :process"))?;
        let kind = kind.ok_or_else(|| missing("an operation with :type"))?;
        let value = field(node, "value");
        draft.event.f = match f {
            Some(f) => word_of(f, process, names)?,
            // Elle's own histories are of transactions only, and do not say so.
            None if matches!(value.map(|node| &node.edn), Some(Edn::Sequence(_))) => names.get("txn"),
            None if kind.is_completion() && value.is_none_or(|node| node.edn == Edn::Nil) => names.get("txn"),
            None => return Err(missing("an operation with :f")),
        };
        draft.event.process = process;
        draft.event.kind = kind;
        if let Some(value) = value {
            draft.set_value(value)?;
        }
        Ok(draft)
    }
}

impl Draft {
    /// Takes the value of an event whose process and kind are known.
    pub(in crate::format) fn set_value(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let event = &mut self.event;
        match (&node.edn, event.process, event.kind) {
            // Older Jepsen puts the error where the value was: `:info :write :timed-out`.
            (Edn::Keyword(code), Process::Client(_), Kind::Fail | Kind::Info) if event.error.is_none() => {
                event.error = Some((*code).into());
            }
            (_, Process::Client(_), _) => event.value = value(node)?,
            (edn, Process::Nemesis, _) => event.value = value(node).unwrap_or_else(|_| text(edn)),
        }
        Ok(())
    }
}

fn field<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    match &node.edn {
        Edn::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| key.edn.word() == Some(name))
            .map(|(_, value)| value),
        _ => None,
    }
}

/// A draft that says nothing yet.
pub(in crate::format) fn blank(offset: usize) -> Draft {
    let event = Event {
        index: 0,
        time: Nanos(0),
        process: Process::Nemesis,
        kind: Kind::Info,
        f: "".into(),
        key: None,
        value: Value::Null,
        node: None,
        error: None,
        message: None,
        seq: None,
        at: None,
        other: Default::default(),
    };
    Draft {
        offset,
        event,
        time: None,
        index: None,
    }
}

/// A number from 0, or the nemesis.
pub(in crate::format) fn process(node: &Node<'_>) -> Result<Process, Fault> {
    match (&node.edn, node.edn.whole()) {
        (_, Some(number @ 0..)) => Ok(Process::Client(number as u64)),
        // Some loggers put it in brackets.
        (Edn::Sequence(only), _) if matches!(only.as_slice(), [only] if only.edn.whole().is_some()) => {
            process(&only[0])
        }
        (edn, _) if edn.word() == Some("nemesis") => Ok(Process::Nemesis),
        (edn, _) => Err(Fault::expected(
            node.start,
            "a process from 0 or :nemesis",
            shown(edn),
        )),
    }
}

/// What kind of event it is.
pub(in crate::format) fn kind(node: &Node<'_>) -> Result<Kind, Fault> {
    match node.edn.word() {
        Some("invoke") => Ok(Kind::Invoke),
        Some("ok") => Ok(Kind::Ok),
        Some("fail") => Ok(Kind::Fail),
        Some("info") => Ok(Kind::Info),
        _ => Err(Fault::expected(
            node.start,
            "the type :invoke, :ok, :fail or :info",
            shown(&node.edn),
        )),
    }
}

/// The operation's name; the nemesis's may be anything.
pub(in crate::format) fn word_of(
    node: &Node<'_>,
    process: Process,
    names: &mut Names,
) -> Result<Arc<str>, Fault> {
    match (node.edn.word(), process) {
        (Some(word), _) => Ok(names.get(word)),
        (None, Process::Nemesis) => Ok(node.edn.to_string().into()),
        (None, Process::Client(_)) => Err(Fault::expected(
            node.start,
            "the operation's name, a keyword",
            shown(&node.edn),
        )),
    }
}

fn integer(node: &Node<'_>, expected: &'static str) -> Result<i64, Fault> {
    let missing = || Fault::expected(node.start, expected, shown(&node.edn));
    node.edn.whole().ok_or_else(missing)
}

fn log_position(pair: &[Node<'_>]) -> Option<(LogIndex, Term)> {
    match pair {
        [index, term] => Some((LogIndex(unsigned(&index.edn)?), Term(unsigned(&term.edn)?))),
        _ => None,
    }
}

fn unsigned(edn: &Edn<'_>) -> Option<u64> {
    match edn {
        Edn::Int(number) => u64::try_from(*number).ok(),
        Edn::Number(number) => number.strip_suffix('N').unwrap_or(number).parse().ok(),
        _ => None,
    }
}

/// A value: keywords become texts, sets arrays, maps arrays of pairs; a tag is dropped.
///
/// What stands in a set or a map has no order, and another one prints it in another: it is sorted, so that the same
/// set is the same value.
fn value(node: &Node<'_>) -> Result<Value, Fault> {
    Ok(match &node.edn {
        Edn::Nil => Value::Null,
        Edn::Bool(truth) => Value::Bool(*truth),
        Edn::Int(number) => Value::Int(*number),
        Edn::Number(number) => match node.edn.whole() {
            Some(whole) => Value::Int(whole),
            None => {
                return Err(Fault::expected(
                    node.start,
                    "an integer of 64 bits",
                    number.as_ref(),
                ));
            }
        },
        Edn::Char(letter) => Value::Text(letter.to_string().into()),
        Edn::Text(word) => Value::Text(word.as_ref().into()),
        Edn::Keyword(word) | Edn::Symbol(word) => Value::Text((*word).into()),
        Edn::Sequence(elements) => Value::List(elements.iter().map(value).collect::<Result<_, _>>()?),
        Edn::Set(elements) => Value::unordered(elements.iter().map(value).collect::<Result<_, _>>()?),
        Edn::Map(pairs) => {
            let pair = |(k, v): &(Node<'_>, Node<'_>)| Ok(Value::list([value(k)?, value(v)?]));
            Value::unordered(pairs.iter().map(pair).collect::<Result<_, _>>()?)
        }
        Edn::Tagged(_, inner) => value(inner)?,
    })
}

fn text(edn: &Edn<'_>) -> Value {
    Value::Text(edn.to_string().into())
}

/// The short code and the words of an `:error`: a keyword, a text, or `[:code "words" …]`.
pub(in crate::format) fn code_and_message(
    edn: &Edn<'_>,
    message: Option<Arc<str>>,
) -> (Option<Arc<str>>, Option<Arc<str>>) {
    let is_code = |text: &str| !text.is_empty() && text.len() <= 64 && !text.contains(char::is_whitespace);
    match edn {
        Edn::Nil => (None, message),
        Edn::Keyword(code) | Edn::Symbol(code) => (Some((*code).into()), message),
        Edn::Text(code) if is_code(code) => (Some(code.as_ref().into()), message),
        Edn::Text(words) => (None, message.or_else(|| Some(words.as_ref().into()))),
        Edn::Sequence(elements) => match elements.as_slice() {
            [code, rest @ ..] if code.edn.word().is_some_and(is_code) => (
                code.edn.word().map(Into::into),
                message.or_else(|| words_of(rest)),
            ),
            _ => (None, message.or_else(|| Some(edn.to_string().into()))),
        },
        _ => (None, message.or_else(|| Some(edn.to_string().into()))),
    }
}

fn words_of(rest: &[Node<'_>]) -> Option<Arc<str>> {
    let said: Vec<&Edn<'_>> = rest
        .iter()
        .map(|node| &node.edn)
        .filter(|edn| **edn != Edn::Nil)
        .collect();
    match said.as_slice() {
        [] => None,
        [Edn::Text(words)] => Some(words.as_ref().into()),
        several => Some(
            several
                .iter()
                .map(|edn| edn.to_string())
                .collect::<Vec<_>>()
                .join(" ")
                .into(),
        ),
    }
}

/// An unknown field, kept as JSON.
fn json(edn: &Edn<'_>) -> Json {
    match edn {
        Edn::Nil => Json::Null,
        Edn::Bool(truth) => Json::Bool(*truth),
        Edn::Int(number) => Json::from(*number),
        Edn::Number(number) => match (unsigned(edn), number.parse::<f64>()) {
            (Some(number), _) => Json::from(number),
            (None, Ok(float)) if float.is_finite() => Json::from(float),
            _ => Json::from(number.as_ref()),
        },
        Edn::Char(letter) => Json::from(letter.to_string()),
        Edn::Text(word) => Json::from(word.as_ref()),
        Edn::Keyword(word) | Edn::Symbol(word) => Json::from(*word),
        Edn::Sequence(elements) | Edn::Set(elements) => elements.iter().map(|node| json(&node.edn)).collect(),
        Edn::Map(pairs) if pairs.iter().all(|(key, _)| key.edn.word().is_some()) => {
            let pair = |(key, value): &(Node<'_>, Node<'_>)| {
                (key.edn.word().unwrap_or_default().to_owned(), json(&value.edn))
            };
            Json::Object(pairs.iter().map(pair).collect())
        }
        Edn::Map(pairs) => {
            let pair =
                |(key, value): &(Node<'_>, Node<'_>)| Json::from(vec![json(&key.edn), json(&value.edn)]);
            pairs.iter().map(pair).collect()
        }
        Edn::Tagged(_, inner) => json(&inner.edn),
    }
}

/// What a message shows of a form.
pub(in crate::format) fn shown(edn: &Edn<'_>) -> String {
    crate::format::edn::excerpt(&edn.to_string())
}
