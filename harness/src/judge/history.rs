//! What the clients saw: linearizability, durability, activity.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use checker::{Budget, Check, FailedCas, HistoryError, Options};
use histories::History;
use histories::format;

use super::Limits;
use crate::exit::Failure;

/// So many successes at least, or the run means nothing.
const LEAST_OPERATIONS: u64 = 50;

fn malformed(error: HistoryError) -> Failure {
    Failure::Usage(error.to_string())
}

/// Whether the history has a legal order, within the limits.
pub fn linearizability(
    history: &History,
    model: &str,
    failed_cas: format::FailedCas,
    limits: &Limits,
) -> Result<Check, Failure> {
    let Some(row) = checker::models::find(model) else {
        let known: Vec<&str> = checker::models::TABLE.iter().map(|row| row.name).collect();
        return Err(Failure::Usage(format!(
            "there is no model {model:?}; there are {}",
            known.join(", ")
        )));
    };
    let options = Options {
        failed_cas: match failed_cas {
            format::FailedCas::DidNotHappen => FailedCas::DidNotHappen,
            format::FailedCas::Observation => FailedCas::Observation,
        },
        ..Options::default()
    };
    let budget = Budget::new(u64::MAX, limits.memory);
    within(limits.timeout, &budget, || {
        checker::linearizability(&history.header, &history.events, row, &options, &budget)
    })
    .map_err(malformed)
}

/// Do it, and cancel the budget when the time is over.
fn within<T>(timeout: Duration, budget: &Budget, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                budget.cancel();
            }
        });
        let result = work();
        drop(done);
        result
    })
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
