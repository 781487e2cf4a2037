//! One line of a history: an invocation or its completion.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::units::{LogIndex, Nanos, NodeName, Term};
use crate::value::Value;

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The operation began.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows whether it happened.
    Info,
}

impl Kind {
    /// Whether this ends an operation.
    pub fn is_completion(self) -> bool {
        self != Kind::Invoke
    }
}

/// Who acts: a logical client with at most one operation in flight, or the nemesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A logical client.
    Client(u64),
    /// The one who breaks things; its events are no operations.
    Nemesis,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => number.fmt(f),
            Process::Nemesis => f.write_str("nemesis"),
        }
    }
}

impl Serialize for Process {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Process::Client(number) => serializer.serialize_u64(*number),
            Process::Nemesis => serializer.serialize_str("nemesis"),
        }
    }
}

impl<'de> Deserialize<'de> for Process {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Int(number) if number >= 0 => Ok(Process::Client(number as u64)),
            Value::Text(name) if &*name == "nemesis" => Ok(Process::Nemesis),
            other => Err(de::Error::custom(format!(
                "process {other} is neither a number from 0 nor \"nemesis\""
            ))),
        }
    }
}

/// One line of a history (docs/formats.md).
///
/// `a` happened before `b` iff the completion of `a` stands before the invocation of `b` in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The position, from 0, without gaps.
    pub index: u64,
    /// When the recorder's client saw it.
    pub time: Nanos,
    /// Who.
    pub process: Process,
    /// Invocation or which completion.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The model's word for the operation: `read`, `write`, `cas` …
    pub f: Arc<str>,
    /// The key, where the history is keyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The argument; in the `ok` of a read, what was read.
    #[serde(default)]
    pub value: Value,
    /// The node that the client spoke to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// A short code, on `fail` and `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
    /// The system's own words, on `fail` and `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Arc<str>>,
    /// The sequence number in the client's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Where the operation stands in the log, as the system reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(LogIndex, Term)>,
    /// Fields that this version does not know; kept.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}
