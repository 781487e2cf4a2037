//! What a cycle of a guided schedule leaves; `armed` says what the cycles prove together.

mod armed;

use std::collections::BTreeMap;
use std::fmt;

use histories::{LogIndex, Nanos, Seed, Term, Value};
use serde::{Deserialize, Serialize};

pub use armed::{Tally, armed, armed_with_ends, read, read_one};

use super::out::Out;
use super::panel::Panel;
use crate::effect::NodeId;
use crate::schedule::Settings;
use crate::view::TailEntry;

/// What a cycle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The trap was set: every stage up to it was reached, with evidence. Whether it caught somebody stands in the history.
    Set,
    /// The trap caught somebody: what was committed is gone.
    Sprung,
    /// The trap was set, and the cluster did not walk into it.
    Refused,
    /// The trap was set, and the cluster closed it as the paper says: the entry at stake is committed for good.
    Closed,
    /// A stage before it was not reached.
    Missed,
    /// The load ended before the trap was set.
    Unfinished,
}

impl Outcome {
    /// Whether the trap was set: every stage up to it was reached.
    pub const fn is_set(self) -> bool {
        !matches!(self, Outcome::Missed | Outcome::Unfinished)
    }

    /// As a count is named after it: `3 refused`.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Set => "set",
            Outcome::Sprung => "sprung",
            Outcome::Refused => "refused",
            Outcome::Closed => "closed",
            Outcome::Missed => "missed",
            Outcome::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().to_uppercase())
    }
}

/// Who plays a part: one node, or all of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// One.
    One(NodeId),
    /// Several, or none.
    All(Vec<NodeId>),
}

impl Part {
    /// Its nodes.
    pub fn nodes(&self) -> &[NodeId] {
        match self {
            Part::One(node) => std::slice::from_ref(node),
            Part::All(nodes) => nodes,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.nodes().iter().map(NodeId::to_string).collect();
        f.write_str(&names.join(", "))
    }
}

/// The entry at stake on a majority: who takes it for committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnMajority {
    /// How many hold an entry of the leader's own term, the leader included.
    #[serde(rename = "P")]
    pub p: usize,
    /// Up to where the leader knows a majority to agree.
    pub match_quorum: LogIndex,
    /// The greatest commit index seen among those who hold the entry.
    pub commit: LogIndex,
    /// How long it stood so.
    pub held_ms: u64,
    /// Whether the client who wrote it was told that it happened.
    pub acknowledged: bool,
}

/// What proves a stage, beside its panel. What the stage is not about stays empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Who holds the entry at stake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<NodeId>,
    /// Who else got an entry that was to stay where it was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaked: Vec<NodeId>,
    /// See [`OnMajority`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub majority: Option<OnMajority>,
    /// How often the rival was a candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaigns: Option<u64>,
    /// Who refused the rival its vote because its log was older.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_by: Vec<NodeId>,
    /// What stands at the index of the entry at stake on whoever leads now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_now: Option<TailEntry>,
    /// What was read meanwhile, in the order in which it was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Read>,
}

/// A stage that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Which: `a`, `b` …
    pub stage: String,
    /// Its name, where the paper's figure or the story gives it one: `plant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was seen.
    pub t: Nanos,
    /// What was seen, in one sentence.
    pub what: String,
    /// The cluster at that moment.
    pub panel: Panel,
    /// What proves it beside that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub facts: Facts,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a node was asked for, and answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Who was asked.
    pub node: NodeId,
    /// For what.
    pub key: Value,
    /// What it said; nothing if it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub value: Option<Value>,
}

/// A field that is there, be it null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Of a story with two ends: the one that this cycle was led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fork {
    /// The stage that it ends with.
    pub taken: String,
    /// The stage that it would have ended with.
    pub other: String,
    /// What happens there, in a sentence.
    pub instead: String,
}

impl Fork {
    /// Led to this end, not to the other, where this would have happened.
    pub fn new(taken: &str, other: &str, instead: &str) -> Self {
        let [taken, other, instead] = [taken, other, instead].map(str::to_owned);
        Fork {
            taken,
            other,
            instead,
        }
    }
}

/// The evidence of one cycle: a line of `<schedule>.jsonl`, the same form for every guided schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which schedule.
    pub schedule: String,
    /// Counts from 1.
    pub cycle: u64,
    /// The run's seed.
    pub seed: Seed,
    /// How many nodes.
    pub n: usize,
    /// The key that the story is about.
    pub key: Value,
    /// What it held before: acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What the entry at stake writes to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Value>,
    /// The entry at stake, of a story that is about a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<TailEntry>,
    /// Of a story with two ends, which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
    /// Who played which part.
    pub cast: BTreeMap<String, Part>,
    /// How those who went out went out, by their parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outs: BTreeMap<String, Out>,
    /// The terms by their names in the paper, where it names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, Term>,
    /// The servers from top to bottom as the paper draws them, where it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<NodeId>,
    /// The stages that were reached, in their order.
    pub stages: Vec<Stage>,
    /// The reads after the heal, in the order in which they were asked.
    pub reads: Vec<Read>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in one sentence; of a missed one, first the stage in brackets.
    pub reason: String,
    /// Of a missed one which stage was not reached, and what did not come about: the same in every cycle that misses so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miss: Option<String>,
    /// When it began.
    pub started: Nanos,
    /// When it ended.
    pub ended: Nanos,
}

impl Record {
    /// A cycle of which nothing has happened yet.
    pub(super) fn blank(schedule: &str, settings: &Settings, cycle: u64, started: Nanos) -> Self {
        Record {
            schedule: schedule.to_owned(),
            cycle,
            seed: settings.seed,
            n: settings.nodes,
            key: Value::Text(format!("{schedule}-{cycle}").into()),
            before: None,
            written: None,
            entry: None,
            fork: None,
            cast: BTreeMap::new(),
            outs: BTreeMap::new(),
            terms: BTreeMap::new(),
            rows: Vec::new(),
            stages: Vec::new(),
            reads: Vec::new(),
            outcome: Outcome::Unfinished,
            reason: String::new(),
            miss: None,
            started,
            ended: started,
        }
    }

    /// Who plays this part.
    pub fn part(&self, role: &str) -> &[NodeId] {
        self.cast.get(role).map_or(&[], Part::nodes)
    }

    /// The servers from top to bottom: these, the others, this one last.
    pub fn draw_rows(&mut self, first: &[NodeId], last: Option<NodeId>) {
        let nodes = first.iter().copied().chain(NodeId::all(self.n));
        let mut rows: Vec<NodeId> = Vec::with_capacity(self.n);
        for node in nodes.filter(|node| last != Some(*node)).chain(last) {
            if !rows.contains(&node) {
                rows.push(node);
            }
        }
        self.rows = rows;
    }

    /// The text with the cast, the terms, and the index of the entry at stake for `{S1}`, `{T2}` and `{index}`.
    pub fn fill_in(&self, text: &str) -> String {
        let index = self
            .entry
            .as_ref()
            .map(|entry| ("index", entry.index.to_string()));
        let cast = self
            .cast
            .iter()
            .map(|(role, part)| (role.as_str(), part.to_string()));
        let terms = self
            .terms
            .iter()
            .map(|(name, term)| (name.as_str(), term.to_string()));
        let known = index.into_iter().chain(cast).chain(terms);
        known.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &value)
        })
    }

    /// Who took the entry at stake for committed while these were the facts: a commit index, a reader, or the client who
    /// wrote it.
    pub fn committed_by(&self, facts: &Facts) -> Vec<&'static str> {
        let (Some(entry), Some(seen)) = (&self.entry, &facts.majority) else {
            return Vec::new();
        };
        let was_read =
            |read: &Read| read.key == self.key && read.value.is_some() && read.value == self.written;
        let signs = [
            (seen.commit >= entry.index, "a commit index"),
            (facts.reads.iter().any(was_read), "a reader"),
            (seen.acknowledged, "the client who wrote it"),
        ];
        signs
            .into_iter()
            .filter(|(shown, _)| *shown)
            .map(|(_, by)| by)
            .collect()
    }

    /// A trap that closed is proved by reading what was written: a missing answer proves nothing, another value the
    /// opposite.
    pub(super) fn confirm_closed(&mut self) {
        if self.outcome != Outcome::Closed {
            return;
        }
        let of_key = self.reads.iter().filter(|read| read.key == self.key);
        let values: Vec<&Value> = of_key.filter_map(|read| read.value.as_ref()).collect();
        if values.is_empty() {
            self.outcome = Outcome::Missed;
            self.reason = "(e) the key was not read after the heal".to_owned();
        } else if values.iter().any(|value| Some(*value) != self.written.as_ref()) {
            self.outcome = Outcome::Sprung;
            self.reason += "; yet it is gone after the heal";
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    pub(super) fn record(outcome: Outcome, reason: &str) -> Record {
        let settings = Settings {
            nodes: 3,
            seed: Seed(1),
            interval: Duration::ZERO,
            can: Vec::new(),
            filler: None,
            failover: Duration::from_millis(300),
            tells: Vec::new(),
        };
        Record {
            outcome,
            reason: reason.to_owned(),
            miss: None,
            ..Record::blank("stale-leader", &settings, 1, Nanos(0))
        }
    }

    #[test]
    fn a_trap_that_closed_is_proved_by_what_is_read_after_the_heal() {
        let mut closed = record(Outcome::Closed, "committed");
        closed.written = Some(Value::Int(2));
        let read = |value| Read {
            node: NodeId(0),
            key: closed.key.clone(),
            value,
        };
        let confirmed = |reads: Vec<Read>| {
            let mut record = Record {
                reads,
                ..closed.clone()
            };
            record.confirm_closed();
            record.outcome
        };
        let written = read(Some(Value::Int(2)));
        assert_eq!(confirmed(vec![read(None), written.clone()]), Outcome::Closed);
        assert_eq!(confirmed(vec![read(None)]), Outcome::Missed);
        assert_eq!(confirmed(vec![written, read(Some(Value::Null))]), Outcome::Sprung);
    }
}
