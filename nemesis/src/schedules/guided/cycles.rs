//! What the saved cycles of a run prove together, whatever their form.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::schedule::Armed;

/// The cycles as they were saved; one that cannot be read is an error, for it may be the one that matters.
pub fn read<C: DeserializeOwned>(records: &[serde_json::Value]) -> Result<Vec<C>, String> {
    let read = |(at, record): (usize, &serde_json::Value)| {
        serde_json::from_value(record.clone()).map_err(|error| format!("cycle {}: {error}", at + 1))
    };
    records.iter().enumerate().map(read).collect()
}

/// How often the trap must be set in a run of this length: 5 times a minute, at least once; 5 are enough for any.
pub fn needed(ran: Duration) -> u64 {
    (5 * ran.as_secs() / 60).clamp(1, 5)
}

/// How it is said that the trap was set often enough, or that it was not and why most of the cycles that missed did.
pub fn told<'a>(armed: bool, counts: &str, misses: impl Iterator<Item = &'a str>) -> String {
    match (armed, most_frequent(misses)) {
        (true, _) => format!("the trap was set: {counts}"),
        (false, Some((why, times))) => format!("trap not set: {counts}; {times} times {why}"),
        (false, None) => format!("trap not set: {counts}"),
    }
}

/// Cycles that cannot be read prove nothing.
pub fn unreadable(reason: String) -> Armed {
    Armed {
        armed: false,
        reason,
        details: json!({}),
    }
}

/// Reasons are compared up to the colon, what follows names nodes and times.
fn most_frequent<'a>(reasons: impl Iterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    let mut counts = BTreeMap::new();
    for reason in reasons {
        let why = reason.split(": ").next().unwrap_or_default();
        *counts.entry(why).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, times)| *times)
}
