//! A whole history: its header and its events.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::units::Seed;
use crate::value::Value;

/// The first line of a history file (docs/formats.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format: 1.
    pub history: u32,
    /// The workload that made it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The model that judges it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether each event has a `key`, and each key is a history of its own.
    #[serde(default)]
    pub keyed: bool,
    /// The value of a key before its first operation.
    #[serde(default)]
    pub initial: Value,
    /// Whether it has completions without invocations, as some tools write: then nothing tells what came before what, but
    /// that each process did one operation after the other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completions_alone: bool,
    /// The seed of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// The system that was tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Fields that this version does not know; kept.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// A history in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What it is a history of.
    pub header: Header,
    /// All events, in the order of the file: `events[i].index == i`.
    pub events: Vec<Event>,
}
