//! What a cycle of a guided schedule leaves, and what the cycles prove together.

use std::collections::BTreeMap;

use histories::{Nanos, Seed, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cycles;
use super::panel::Panel;
use crate::effect::NodeId;
use crate::schedule::{Armed, Evidence};

/// What a cycle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The trap was set: every stage up to it was reached, with evidence.
    Set,
    /// A stage before it was not reached.
    Missed,
    /// The load ended before the trap was set.
    Unfinished,
}

/// A stage that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Which: `a`, `b` …
    pub stage: String,
    /// When it was seen.
    pub t: Nanos,
    /// What was seen, in one sentence.
    pub what: String,
    /// The cluster at that moment.
    pub panel: Panel,
}

/// A read after the heal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalRead {
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

/// The evidence of one cycle: a line of `<schedule>.jsonl`, the same form for every guided schedule but figure8.
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
    /// Who played which part.
    pub cast: BTreeMap<String, NodeId>,
    /// The stages that were reached, in their order.
    pub stages: Vec<Stage>,
    /// The reads after the heal, in the order in which they were asked.
    pub reads: Vec<FinalRead>,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in one sentence; of a missed one, first the stage in brackets.
    pub reason: String,
    /// When it began.
    pub started: Nanos,
    /// When it ended.
    pub ended: Nanos,
}

/// How many cycles came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// See [`Outcome`].
    pub set: u64,
    /// See [`Outcome`].
    pub missed: u64,
}

impl Tally {
    /// Count one more.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Set => self.set += 1,
            Outcome::Missed => self.missed += 1,
            Outcome::Unfinished => {}
        }
    }
}

/// Whether the trap was set often enough.
pub fn armed(evidence: &Evidence<'_>) -> Armed {
    let records: Vec<Record> = match cycles::read(evidence.records) {
        Ok(records) => records,
        Err(reason) => return cycles::unreadable(reason),
    };
    let mut tally = Tally::default();
    records.iter().for_each(|record| tally.count(record.outcome));
    let needed = cycles::needed(evidence.ran);
    let armed = tally.set >= needed;
    let counts = format!("{} set, {} missed; needed are {needed}", tally.set, tally.missed);
    let missed = records.iter().filter(|record| record.outcome == Outcome::Missed);
    Armed {
        armed,
        reason: cycles::told(armed, &counts, missed.map(|record| record.reason.as_str())),
        details: json!({ "cycles": tally, "needed": needed, "of": records.len() }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(outcome: Outcome, reason: &str) -> serde_json::Value {
        serde_json::to_value(Record {
            schedule: "stale-leader".to_owned(),
            cycle: 1,
            seed: Seed(1),
            n: 3,
            key: Value::Null,
            cast: BTreeMap::new(),
            stages: Vec::new(),
            reads: Vec::new(),
            outcome,
            reason: reason.to_owned(),
            started: Nanos(0),
            ended: Nanos(0),
        })
        .unwrap()
    }

    fn judge(records: &[serde_json::Value], seconds: u64) -> Armed {
        armed(&Evidence {
            effects: &[],
            records,
            ran: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn the_longer_the_run_the_more_often_the_trap_must_be_set() {
        let set = |count| vec![record(Outcome::Set, ""); count];
        for (seconds, needed) in [(1, 1), (12, 1), (24, 2), (60, 5), (3600, 5)] {
            assert!(judge(&set(needed), seconds).armed, "{needed} in {seconds} s");
            assert!(
                !judge(&set(needed - 1), seconds).armed,
                "{} in {seconds} s",
                needed - 1
            );
        }
    }

    #[test]
    fn a_trap_that_was_not_set_is_told_with_the_most_frequent_miss() {
        let records = [
            record(Outcome::Missed, "(b) nobody was elected: gave up after 4000 ms"),
            record(Outcome::Missed, "(b) nobody was elected: gave up after 4001 ms"),
            record(Outcome::Missed, "(0) the logs did not become equal: gave up"),
            record(Outcome::Unfinished, "(a) the load ended"),
        ];
        let armed = judge(&records, 10);
        assert!(!armed.armed);
        assert_eq!(
            armed.reason,
            "trap not set: 0 set, 3 missed; needed are 1; 2 times (b) nobody was elected"
        );
        let unreadable = judge(&[json!({"cycle": 1})], 10);
        assert!(!unreadable.armed && unreadable.reason.starts_with("cycle 1: "));
    }
}
