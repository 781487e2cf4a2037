//! What the clients saw: linearizability, durability, activity.

use checker::models::Model;
use checker::{Budget, Check, HistoryError};
use histories::History;

use super::{Implied, Limits};
use crate::exit::Failure;

/// So many successes at least, or the run means nothing.
const LEAST_OPERATIONS: u64 = 50;

fn malformed(error: HistoryError) -> Failure {
    Failure::Usage(error.to_string())
}

/// The row of the model of that name.
pub fn model(name: &str) -> Result<&'static Model, Failure> {
    checker::models::find(name).ok_or_else(|| {
        let known: Vec<&str> = checker::models::TABLE.iter().map(|row| row.name).collect();
        Failure::Usage(format!(
            "there is no model {name:?}; there are {}",
            known.join(", ")
        ))
    })
}

/// Whether the history has a legal order, within the limits.
pub fn linearizability(
    history: &History,
    model_name: &str,
    implied: Implied,
    limits: &Limits,
    budget: &Budget,
) -> Result<Check, Failure> {
    let row = model(model_name)?;
    let options = limits.options(implied);
    checker::linearizability(&history.header, &history.events, row, &options, budget).map_err(malformed)
}

/// Whether everything acknowledged is still there.
pub fn durability(history: &History) -> Result<Check, Failure> {
    checker::durability(&history.header, &history.events).map_err(malformed)
}

/// Whether somebody read the keys after the heal.
pub fn has_final_reads(history: &History) -> bool {
    history
        .events
        .iter()
        .any(|event| event.other.get("final") == Some(&true.into()))
}

/// Whether enough happened to mean anything.
pub fn activity(history: &History) -> Result<Check, Failure> {
    checker::activity(&history.header, &history.events, LEAST_OPERATIONS).map_err(malformed)
}
