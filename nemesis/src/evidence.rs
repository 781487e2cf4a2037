//! What proves an effect: the typed form of [`crate::Outcome`]'s evidence, written by the hands and read by `armed`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::effect::{ClientRule, Link, LinkRule, NodeId, Outcome};

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
    /// Connections that were reset as soon as they came, because a plain stream was cut.
    #[serde(default)]
    pub refused: u64,
}

impl Traffic {
    /// What came on top of an `earlier` state of the same counters.
    pub fn since(&self, earlier: &Traffic) -> Traffic {
        Traffic {
            offered: self.offered.since(earlier.offered),
            delivered: self.delivered.since(earlier.delivered),
            dropped: self.dropped.since(earlier.dropped),
            refused: self.refused - earlier.refused,
        }
    }
}

/// Evidence of a start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The process.
    pub pid: u32,
    /// How often the hands have started the node, this time included.
    pub starts: u64,
    /// From the decision until the node was ready.
    pub took_us: u64,
    /// The node's own addresses, as it reported them.
    pub client: String,
    /// See `client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}

/// Evidence of a kill: how the process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Killed {
    /// The process.
    pub pid: u32,
    /// The signal in its exit status.
    pub signal: Option<i32>,
    /// The exit status in words.
    pub status: String,
    /// From the decision until the process was reaped.
    pub took_us: u64,
}

/// Evidence of a pause or a resume: what the operating system says of every thread of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// The process.
    pub pid: u32,
    /// A letter for each thread, as in /proc/PID/stat: `T` is stopped.
    pub threads: String,
    /// From the decision until they were in that state.
    pub took_us: u64,
}

impl Stopped {
    /// Whether there is at least one thread, and each is stopped.
    pub fn all_stopped(&self) -> bool {
        !self.threads.is_empty() && self.threads.chars().all(|state| state == 'T')
    }
}

/// What went through a link under the rule that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleEnded {
    /// Which link.
    pub link: Link,
    /// The rule that ended.
    pub was: LinkRule,
    /// How long it was in force.
    pub for_us: u64,
    /// Of a pass-then-cut: how many AppendEntries frames with entries it would still have handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// What went through.
    #[serde(flatten)]
    pub traffic: Traffic,
}

impl RuleEnded {
    /// Whether this proves a cut: something was offered, and nothing was delivered.
    pub fn proves_cut(&self) -> bool {
        let tried = !self.traffic.offered.is_zero() || self.traffic.refused > 0;
        self.was == LinkRule::Cut && tried && self.traffic.delivered.is_zero()
    }

    /// Whether this proves a delay: something was delivered under it.
    pub fn proves_delay(&self) -> bool {
        matches!(self.was, LinkRule::DelayMs(_)) && !self.traffic.delivered.is_zero()
    }

    /// Whether this proves whatever the rule was.
    pub fn is_proof(&self) -> bool {
        self.proves_cut() || self.proves_delay()
    }
}

/// Evidence of new rules for links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesSet {
    /// From the call until the rule was in force on the last of the links.
    pub in_force_us: u64,
    /// What ended, link by link.
    pub ended: Vec<RuleEnded>,
}

/// What was put into a link by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Injected {
    /// Which link.
    pub link: Link,
    /// How many frames had been recorded.
    pub recorded: u64,
    /// What was handed to the receiver; it is in none of the counts of [`Traffic`].
    pub delivered: Count,
}

/// Evidence of an injection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramesInjected {
    /// From the call until the last of the frames was handed on.
    pub took_us: u64,
    /// Link by link.
    pub links: Vec<Injected>,
}

/// What was lost between a node and its clients under the rule that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRuleEnded {
    /// Whose clients.
    pub node: NodeId,
    /// The rule that ended.
    pub was: ClientRule,
    /// How many requests, or replies, were dropped with their connections.
    pub dropped: Count,
}

/// Evidence of new rules for clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRulesSet {
    /// What ended, node by node.
    pub ended: Vec<ClientRuleEnded>,
}

/// The evidence of an outcome that was installed, if it is of this kind.
pub fn of<E: DeserializeOwned>(outcome: &Outcome) -> Option<E> {
    match outcome {
        Outcome::Installed { evidence } => serde_json::from_value(evidence.clone()).ok(),
        Outcome::Skipped { .. } | Outcome::Indeterminate { .. } => None,
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
