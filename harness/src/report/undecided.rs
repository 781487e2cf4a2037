//! What a check knows of a key that it could not decide, in text.

use std::collections::BTreeSet;

use checker::CheckName;
use histories::Value;
use runs::record::Results;

use super::window;

/// So many of the last steps are looked at in the history, as many as the prose tells.
const STEPS: usize = 8;

/// How far the search came with the undecided keys of which something is known; the operations are the last steps and those
/// of which one has to come next.
pub(super) fn keys(results: &Results) -> impl Iterator<Item = (CheckName, Proof)> {
    results.undecided().into_iter().filter_map(|(check, key)| {
        let order = key.attempt?.order.into_iter().rev().take(STEPS);
        let operations: BTreeSet<u64> = order.map(|step| step.operation).chain(key.stuck).collect();
        let proof = Proof {
            why: key.why?,
            key: Some(key.key).filter(|key| *key != Value::Null),
            operations: operations.into_iter().collect(),
        };
        Some((check, proof))
    })
}

/// What proves a violation, or is known of a key that was not decided.
pub(crate) struct Proof {
    /// In prose.
    pub why: String,
    /// The key that it is about.
    pub key: Option<Value>,
    /// Its operations, by the index of their invocations.
    pub operations: Vec<u64>,
}

impl Proof {
    /// The part of the history to look at.
    pub(crate) fn window(&self) -> window::Wanted {
        window::Wanted {
            // As it is written, text without quotes.
            key: self.key.as_ref().map(|key| match key {
                Value::Text(text) => text.to_string(),
                other => other.to_string(),
            }),
            process: None,
            around: self
                .operations
                .iter()
                .min()
                .copied()
                .zip(self.operations.iter().max().copied()),
        }
    }
}
