//! What proves an effect. The evidence of an [`Outcome`] has a type, which stands in the file of its fault; here is how it
//! gets in and out, and what all of them count.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::effect::Outcome;

/// Frames, and bytes with the frames' lengths; of a plain stream only the bytes are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Whole frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    /// One frame of that many bytes.
    pub const fn frame(bytes: u64) -> Self {
        Count { frames: 1, bytes }
    }

    /// Add another count.
    pub fn add(&mut self, other: Count) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }

    /// What came on top of an `earlier` state of the same counter.
    pub fn since(self, earlier: Count) -> Count {
        Count {
            frames: self.frames - earlier.frames,
            bytes: self.bytes - earlier.bytes,
        }
    }

    /// Whether nothing was counted.
    pub fn is_zero(self) -> bool {
        self == Count::default()
    }
}

/// What went into a link and what became of it. The Hello of each connection is not counted: it always passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Read from the sender.
    pub offered: Count,
    /// Handed to the receiver.
    pub delivered: Count,
    /// Dropped on purpose, or lost with a connection. Under a rule this may exceed `offered`, by what was still
    /// queued when the rule began.
    pub dropped: Count,
    /// Of plain streams: tries to connect that a cut swallowed, and their repetitions.
    #[serde(default)]
    pub refused: u64,
    /// Messages that were lost by lot; they count among the dropped.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost: u64,
    /// Messages that were delivered a second time; they count among the delivered.
    #[serde(default, skip_serializing_if = "is_none")]
    pub repeated: u64,
    /// Messages that were delivered after one that was sent later.
    #[serde(default, skip_serializing_if = "is_none")]
    pub overtaken: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Traffic {
    /// Add other traffic.
    pub fn add(&mut self, other: Traffic) {
        self.offered.add(other.offered);
        self.delivered.add(other.delivered);
        self.dropped.add(other.dropped);
        self.refused += other.refused;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.overtaken += other.overtaken;
    }

    /// What came on top of an `earlier` state of the same counters.
    pub fn since(&self, earlier: &Traffic) -> Traffic {
        Traffic {
            offered: self.offered.since(earlier.offered),
            delivered: self.delivered.since(earlier.delivered),
            dropped: self.dropped.since(earlier.dropped),
            refused: self.refused - earlier.refused,
            lost: self.lost - earlier.lost,
            repeated: self.repeated - earlier.repeated,
            overtaken: self.overtaken - earlier.overtaken,
        }
    }
}

/// The evidence of an outcome that was installed, if it is of this kind.
pub fn of<E: DeserializeOwned>(outcome: &Outcome) -> Option<E> {
    match outcome {
        Outcome::Installed { evidence } => serde_json::from_value(evidence.clone()).ok(),
        Outcome::Skipped { .. } | Outcome::Indeterminate { .. } => None,
    }
}

/// The same of whatever was attempted.
pub fn known<E: DeserializeOwned>(outcome: &Outcome) -> Option<E> {
    serde_json::from_value(value(outcome)?.clone()).ok()
}

/// Whatever the evidence is: its names and values in a line.
pub fn plain(outcome: &Outcome) -> String {
    let Some(serde_json::Value::Object(fields)) = value(outcome) else {
        return value(outcome).map_or(String::new(), ToString::to_string);
    };
    let told = fields.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn value(outcome: &Outcome) -> Option<&serde_json::Value> {
    match outcome {
        Outcome::Installed { evidence } | Outcome::Indeterminate { evidence, .. } => Some(evidence),
        Outcome::Skipped { .. } => None,
    }
}

/// Installed, with this evidence.
pub fn installed(evidence: &impl Serialize) -> Outcome {
    Outcome::Installed {
        evidence: json(evidence),
    }
}

/// Attempted, with what is known.
pub fn indeterminate(reason: impl Into<String>, evidence: &impl Serialize) -> Outcome {
    Outcome::Indeterminate {
        reason: reason.into(),
        evidence: json(evidence),
    }
}

/// Not done.
pub fn skipped(reason: impl Into<String>) -> Outcome {
    Outcome::Skipped {
        reason: reason.into(),
    }
}

/// Evidence is made of maps with text keys, numbers and text: nothing that JSON could refuse.
fn json(evidence: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(evidence).unwrap_or(serde_json::Value::Null)
}
