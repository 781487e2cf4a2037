//! An event as a view into the text, without allocations.

use std::slice;
use std::sync::Arc;

use super::scan;
use crate::event::{Event, Kind, Process};
use crate::format::names::Names;
use crate::units::{LogIndex, Nanos, NodeName, Term};
use crate::value::Value;

/// The unknown field that the fast path knows: `"final":true` marks the reads after the heal.
pub(super) const FINAL: &str = "final";

/// An [`Event`] that borrows its text; the fields are the same.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// The position, from 0, without gaps.
    pub index: u64,
    /// When the recorder's client saw it.
    pub time: Nanos,
    /// Who.
    pub process: Process,
    /// Invocation or which completion.
    pub kind: Kind,
    /// The model's word for the operation.
    pub f: &'a str,
    /// The key, where the history is keyed.
    pub key: Option<ValueRef<'a>>,
    /// The argument; in the `ok` of a read, what was read.
    pub value: ValueRef<'a>,
    /// The node that the client spoke to.
    pub node: Option<&'a str>,
    /// A short code, on `fail` and `info`.
    pub error: Option<&'a str>,
    /// The system's own words, on `fail` and `info`.
    pub message: Option<&'a str>,
    /// The sequence number in the client's session.
    pub seq: Option<u64>,
    /// Where the operation stands in the log, as the system reported it.
    pub at: Option<(LogIndex, Term)>,
    /// Whether the unknown field `final` is true.
    pub is_final: bool,
    /// The unknown fields of an event that went through the full parser.
    other: Option<&'a serde_json::Map<String, serde_json::Value>>,
}

impl<'a> EventRef<'a> {
    /// An event with nothing but its head.
    #[inline(always)]
    pub(super) fn head(index: u64, time: Nanos, process: Process, kind: Kind, f: &'a str) -> Self {
        EventRef {
            index,
            time,
            process,
            kind,
            f,
            key: None,
            value: ValueRef::Null,
            node: None,
            error: None,
            message: None,
            seq: None,
            at: None,
            is_final: false,
            other: None,
        }
    }

    /// Copies it, with shared copies of the names that stand in every event.
    pub(super) fn to_event(self, names: &mut Names) -> Event {
        let mut other = self.other.cloned().unwrap_or_default();
        if self.is_final {
            other.insert(FINAL.into(), true.into());
        }
        Event {
            index: self.index,
            time: self.time,
            process: self.process,
            kind: self.kind,
            f: names.get(self.f),
            key: self.key.map(ValueRef::to_value),
            value: self.value.to_value(),
            node: self.node.map(|node| NodeName(names.get(node))),
            error: self.error.map(|code| names.get(code)),
            message: self.message.map(Arc::from),
            seq: self.seq,
            at: self.at,
            other,
        }
    }
}

impl From<EventRef<'_>> for Event {
    fn from(event: EventRef<'_>) -> Event {
        event.to_event(&mut Names::default())
    }
}

impl<'a> From<&'a Event> for EventRef<'a> {
    fn from(event: &'a Event) -> EventRef<'a> {
        EventRef {
            key: event.key.as_ref().map(ValueRef::from),
            value: ValueRef::from(&event.value),
            node: event.node.as_ref().map(NodeName::as_str),
            error: event.error.as_deref(),
            message: event.message.as_deref(),
            seq: event.seq,
            at: event.at,
            is_final: event.other.get(FINAL).is_some_and(|field| *field == true),
            other: Some(&event.other),
            ..EventRef::head(event.index, event.time, event.process, event.kind, &event.f)
        }
    }
}

/// A [`Value`] that borrows its text.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(&'a str),
    /// An array.
    List(ListRef<'a>),
}

impl<'a> ValueRef<'a> {
    /// Copies it.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(truth) => Value::Bool(truth),
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::List(list) => match list.0 {
                Elements::Json(_) => Value::List(list.iter().map(ValueRef::to_value).collect()),
                Elements::Values(elements) => Value::List(elements.into()),
            },
        }
    }

    /// The integer, if it is one.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        match self {
            ValueRef::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_list(self) -> Option<ListRef<'a>> {
        match self {
            ValueRef::List(list) => Some(list),
            _ => None,
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => ValueRef::Null,
            Value::Bool(truth) => ValueRef::Bool(*truth),
            Value::Int(number) => ValueRef::Int(*number),
            Value::Text(text) => ValueRef::Text(text),
            Value::List(elements) => ValueRef::List(ListRef(Elements::Values(elements))),
        }
    }
}

/// An array that was checked, and whose elements are read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a>(Elements<'a>);

#[derive(Clone, Copy, Debug)]
enum Elements<'a> {
    /// What stands between the brackets: JSON without blanks and escapes, as the scanner has checked.
    Json(&'a str),
    /// From the full parser.
    Values(&'a [Value]),
}

impl<'a> ListRef<'a> {
    /// The text between the brackets of an array that [`scan`] has checked.
    pub(super) fn checked(inside: &'a str) -> Self {
        ListRef(Elements::Json(inside))
    }

    /// The elements.
    pub fn iter(self) -> ListIter<'a> {
        match self.0 {
            Elements::Json(inside) => ListIter(Left::Json(inside)),
            Elements::Values(elements) => ListIter(Left::Values(elements.iter())),
        }
    }
}

impl<'a> IntoIterator for ListRef<'a> {
    type Item = ValueRef<'a>;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

/// The elements of a [`ListRef`].
#[derive(Clone, Debug)]
pub struct ListIter<'a>(Left<'a>);

#[derive(Clone, Debug)]
enum Left<'a> {
    Json(&'a str),
    Values(slice::Iter<'a, Value>),
}

impl<'a> Iterator for ListIter<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        match &mut self.0 {
            Left::Values(elements) => elements.next().map(ValueRef::from),
            Left::Json(rest) => {
                let (element, behind) = scan::value(rest)?;
                *rest = behind.strip_prefix(',').unwrap_or(behind);
                Some(element)
            }
        }
    }
}
