//! What the cycles of a run prove together: whether the trap was set often enough.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Outcome, Record};
use crate::schedule::{Armed, Evidence};
use crate::schedules::older::OLDER_RECORDS;

/// A cycle as it was saved, be it in an older form.
pub fn read_one(record: &Json) -> Result<Record, serde_json::Error> {
    let older = OLDER_RECORDS.iter().find_map(|read| read(record));
    older.unwrap_or_else(|| Record::deserialize(record))
}

/// The cycles as they were saved; one that cannot be read is an error, for it may be the one that matters.
pub fn read(records: &[Json]) -> Result<Vec<Record>, String> {
    let one =
        |(at, record): (usize, &Json)| read_one(record).map_err(|error| format!("cycle {}: {error}", at + 1));
    records.iter().enumerate().map(one).collect()
}

/// How many cycles came to which end; one that was cut off counts for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// See [`Outcome`].
    pub sprung: u64,
    /// See [`Outcome`].
    pub refused: u64,
    /// See [`Outcome`].
    pub closed: u64,
    /// See [`Outcome`].
    pub set: u64,
    /// See [`Outcome`].
    pub missed: u64,
}

impl Tally {
    /// What these cycles came to.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut tally = Tally::default();
        records.into_iter().for_each(|record| tally.count(record.outcome));
        tally
    }

    /// Count one more.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Sprung => self.sprung += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Closed => self.closed += 1,
            Outcome::Set => self.set += 1,
            Outcome::Missed => self.missed += 1,
            Outcome::Unfinished => {}
        }
    }

    /// How many came to this.
    pub const fn get(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Sprung => self.sprung,
            Outcome::Refused => self.refused,
            Outcome::Closed => self.closed,
            Outcome::Set => self.set,
            Outcome::Missed => self.missed,
            Outcome::Unfinished => 0,
        }
    }

    fn told(&self, outcomes: &[Outcome]) -> String {
        let told = outcomes
            .iter()
            .map(|end| format!("{} {}", self.get(*end), end.word()));
        told.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_ends = self.sprung + self.refused + self.closed > 0;
        f.write_str(&self.told(match has_ends {
            true => &[
                Outcome::Sprung,
                Outcome::Refused,
                Outcome::Closed,
                Outcome::Missed,
            ],
            false => &[Outcome::Set, Outcome::Missed],
        }))
    }
}

/// Whether the trap was set often enough.
pub fn armed(evidence: &Evidence<'_>) -> Armed {
    armed_by(evidence, &[Outcome::Set], &[Outcome::Set, Outcome::Missed])
}

/// The same of a story with two ends: a pass needs as many of the one as of the other.
pub fn armed_with_ends(evidence: &Evidence<'_>) -> Armed {
    let told = [
        Outcome::Sprung,
        Outcome::Refused,
        Outcome::Closed,
        Outcome::Missed,
    ];
    armed_by(evidence, &told[1..3], &told)
}

fn armed_by(evidence: &Evidence<'_>, ends: &[Outcome], told: &[Outcome]) -> Armed {
    let records = match read(evidence.records) {
        Ok(records) => records,
        // Cycles that cannot be read prove nothing.
        Err(reason) => {
            let (armed, details) = (false, json!({}));
            return Armed {
                armed,
                reason,
                details,
            };
        }
    };
    let tally = Tally::of(&records);
    let needed = needed(evidence.ran, evidence.interval);
    // A trap that sprang was set, whatever else the run came to; what it caught is for the other checks to say.
    let armed = tally.sprung > 0 || ends.iter().all(|end| tally.get(*end) >= needed);
    let needs = match ends {
        [_] => needed.to_string(),
        ends => {
            let each = ends.iter().map(|end| format!("{needed} {}", end.word()));
            each.collect::<Vec<_>>().join(" and ")
        }
    };
    let counts = format!("{}; needed are {needs}", tally.told(told));
    let missed = records.iter().filter(|record| record.outcome == Outcome::Missed);
    let reason = match (armed, most_frequent(missed)) {
        (true, _) => format!("the trap was set: {counts}"),
        (false, Some((why, times))) => format!("trap not set: {counts}; {times} times {why}"),
        (false, None) => format!("trap not set: {counts}"),
    };
    let cycles: BTreeMap<&str, u64> = told.iter().map(|end| (end.word(), tally.get(*end))).collect();
    Armed {
        armed,
        reason,
        details: json!({ "cycles": cycles, "needed": needed, "of": records.len() }),
    }
}

/// How often the trap must be set in a run of this length: 5 times a minute, but not more often than once in four intervals, for
/// where failovers take long no more cycles fit; at least once; 5 are enough for any.
fn needed(ran: Duration, interval: Duration) -> u64 {
    let fit = ran.as_millis() / interval.saturating_mul(4).as_millis().max(1);
    (5 * ran.as_secs() / 60).min(fit as u64).clamp(1, 5)
}

/// What was missed most often, and how often. Cycles of before it was recorded tell it by their whole reason.
fn most_frequent<'a>(missed: impl Iterator<Item = &'a Record>) -> Option<(&'a str, usize)> {
    let mut counts = BTreeMap::new();
    for record in missed {
        let what = record.miss.as_ref().unwrap_or(&record.reason);
        *counts.entry(what.as_str()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, times)| *times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: Outcome, reason: &str) -> Json {
        serde_json::to_value(super::super::tests::record(outcome, reason)).unwrap()
    }

    fn judge(records: &[serde_json::Value], seconds: u64) -> Armed {
        armed(&Evidence {
            effects: &[],
            records,
            ran: Duration::from_secs(seconds),
            interval: Duration::ZERO,
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
        let missed = |what: &str, detail: &str| {
            let mut record = record(Outcome::Missed, &format!("{what}: {detail}"));
            record["miss"] = what.into();
            record
        };
        let records = [
            missed("(b) nobody was elected", "gave up after 4000 ms"),
            missed("(b) nobody was elected", "gave up after 4001 ms"),
            missed("(0) the logs did not become equal", "gave up"),
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
