//! What the clients saw: linearizability, durability, activity.

use checker::models::Model;
use checker::{Budget, Check, NullRead, Options, Proof, Proved, Verdict};
use histories::{Event, History, Kind, Process, Value, format};

use super::error::JudgeError;
use super::{Implied, Limits, consistency};
use crate::record::Operations;

/// So many successes at least, or the run means nothing.
const LEAST_OPERATIONS: u64 = 50;

/// The row of the model of that name.
pub fn model(name: &str) -> Result<&'static Model, JudgeError> {
    checker::models::find(name).ok_or_else(|| JudgeError::UnknownModel {
        name: name.to_owned(),
    })
}

/// Whether the history has a legal order, within the limits.
pub fn linearizability(
    history: &History,
    model_name: &str,
    implied: Implied,
    limits: &Limits,
    budget: &Budget,
) -> Result<Check, JudgeError> {
    let row = model(model_name)?;
    let options = limits.options(implied, row, format::has_real_time(&history.header))?;
    let judge =
        |options: &Options| checker::linearizability(&history.header, &history.events, row, options, budget);
    let mut check = judge(&options)?;
    consistency::answered(&limits.consistency, row, check.name)?;
    let is_implied = limits.null_read.is_none() && options.null_read == NullRead::SaysNothing;
    let vacuous = matches!(check.proof(), Some(Proved::Nothing { vacuous: Some(_) }));
    let no_violation = vacuous || check.verdict == Verdict::Pass;
    if is_implied && no_violation && has_null_reads(history, row) {
        // What a tool of others would call valid may still be a lost write: say so.
        let strict = judge(&Options {
            null_read: NullRead::Observation,
            proof: Proof::LeftOut,
            ..options
        })?;
        if strict.verdict == Verdict::Violation {
            check.reason += "; reads of null were taken as saying nothing, as Knossos does, and with \
                             --null-read observation this is a violation";
        }
    }
    Ok(check)
}

/// Whether a register, or one of several, was read as null.
fn has_null_reads(history: &History, model: &Model) -> bool {
    let is_null = |value: &Value| *value == Value::Null;
    let reads_null = |access: &Value| match access.as_list() {
        Some([Value::Text(f), _, value]) => matches!(&**f, "read" | "r") && is_null(value),
        _ => false,
    };
    let accesses = |event: &Event| event.value.as_list().unwrap_or_default().iter().any(reads_null);
    let is_one = |event: &&Event| match (model.is_register, &*event.f) {
        (true, f) => f == "read" && is_null(&event.value),
        (false, _) => model.name == "multi-register" && accesses(event),
    };
    history
        .events
        .iter()
        .filter(|event| event.kind == Kind::Ok)
        .any(|event| is_one(&event))
}

/// Whether everything acknowledged is still there.
pub fn durability(history: &History, model_name: &str) -> Result<Check, JudgeError> {
    Ok(checker::durability(
        &history.header,
        &history.events,
        model(model_name)?,
    )?)
}

/// The completed operations, and whether somebody read the keys after the heal: in one look at every event, as a large
/// history is slow to go through.
pub fn overview(history: &History) -> (Operations, bool) {
    let (mut operations, mut has_final_reads) = (Operations::default(), false);
    for event in &history.events {
        if event.process != Process::Nemesis {
            operations.add(event.kind);
        }
        has_final_reads |= event.other.get("final") == Some(&true.into());
    }
    (operations, has_final_reads)
}

/// Whether enough happened to mean anything.
pub fn activity(history: &History) -> Result<Check, JudgeError> {
    Ok(checker::activity(
        &history.header,
        &history.events,
        LEAST_OPERATIONS,
    )?)
}
