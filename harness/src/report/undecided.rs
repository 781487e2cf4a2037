//! What a check knows of a key that it could not decide, in text.

use std::collections::BTreeSet;

use histories::Value;
use serde_json::Value as Json;

use super::inspect::Proof;

/// So many of the last steps are looked at in the history, as many as the prose tells.
const STEPS: usize = 8;

/// How far the search came with the undecided keys of which something is known, from the details of a check; the operations are
/// the last steps and those of which one has to come next.
pub fn keys(details: &Json) -> Vec<Proof> {
    let keys = details["undecided"].as_array().into_iter().flatten();
    keys.filter_map(|key| {
        let order = key["attempt"]["order"].as_array()?.iter().rev().take(STEPS);
        let steps = order.map(|step| &step["operation"]);
        let stuck = key["stuck"].as_array().into_iter().flatten();
        let operations: BTreeSet<u64> = steps.chain(stuck).filter_map(Json::as_u64).collect();
        Some(Proof {
            why: key["why"].as_str()?.to_owned(),
            key: serde_json::from_value(key["key"].clone())
                .ok()
                .filter(|key| *key != Value::Null),
            operations: operations.into_iter().collect(),
        })
    })
    .collect()
}
