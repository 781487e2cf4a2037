//! The few operations that prove a violation, or at which a check got stuck, with all that is known of them.

use std::collections::BTreeSet;

use histories::Kind;
use serde::{Deserialize, Serialize};

use super::faults::micros;
use super::head::{EdgeLine, Saved, ViolationLine};
use super::operations::{Cell, NONE, Operation, Table};

/// So many violations are drawn, and so many operations of each.
const DRAWN: usize = 12;
const OPERATIONS: usize = 80;
/// Of the operations at which a check got stuck so many, so that the steps before have room.
const STUCK: usize = 12;

/// An operation, told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// The index of its invocation.
    pub invoke: u32,
    /// The index of its completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<u32>,
    /// Who.
    pub process: u64,
    /// What.
    pub f: String,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The argument, or what was read.
    pub value: String,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `ok`, `fail`, `info`.
    pub kind: &'static str,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When, in microseconds.
    pub start: u64,
    /// Until when; none if it never completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// Log index and term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<(u64, u64)>,
}

/// A step of the best attempt at a legal order.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Step {
    /// The operation, by the index of its invocation.
    pub operation: u64,
    /// What is there after it, where the model can say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The best attempt at a legal order, as the check left it in its details.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Attempt {
    /// How many operations come before those of the order.
    #[serde(default)]
    pub before: u64,
    /// What is there before the first of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
    /// The operations in that order, or the last of them.
    pub order: Vec<Step>,
    /// Those of which one must come next.
    pub stuck: Vec<u64>,
}

/// A proof, or where a check got stuck.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// Which check.
    pub check: String,
    /// Whether it is a violation; otherwise the check could not decide.
    pub violation: bool,
    /// About which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The operations.
    pub operations: Vec<Bar>,
    /// How many there are.
    pub of: usize,
    /// What orders them.
    pub edges: Vec<EdgeLine>,
    /// The proof.
    pub why: String,
    /// The best attempt at a legal order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// What an undecided key left in the details of its check.
#[derive(Clone, Debug, Deserialize)]
struct Undecided {
    #[serde(default)]
    key: histories::Value,
    operations: u64,
    #[serde(default)]
    explained: u64,
    #[serde(default)]
    stuck: Vec<u64>,
    #[serde(default)]
    attempt: Option<Attempt>,
}

impl Undecided {
    /// Those of which one must come next, and then the last of the order, ascending.
    fn shown(&self) -> Vec<u64> {
        let order = self.attempt.iter().flat_map(|attempt| attempt.order.iter().rev());
        let steps = order.map(|step| step.operation);
        let stuck = self.stuck.iter().copied().take(STUCK);
        let mut shown: Vec<u64> = stuck.chain(steps).take(OPERATIONS).collect();
        shown.sort_unstable();
        shown.dedup();
        shown
    }
}

/// The invocations that any example speaks of.
pub fn culprits(saved: Option<&Saved>) -> BTreeSet<u64> {
    let Some(saved) = saved else {
        return BTreeSet::new();
    };
    let proofs = saved
        .violations
        .iter()
        .flat_map(|violation| violation.operations.clone());
    let undecided = undecided(saved).into_iter().flat_map(|(_, key)| key.shown());
    proofs.chain(undecided).collect()
}

/// Violations first, those with operations before those without; then what is undecided.
pub fn examples(table: &Table, saved: Option<&Saved>) -> Vec<Example> {
    let Some(saved) = saved else { return Vec::new() };
    let mut attempts = attempts(saved).into_iter();
    let mut violations: Vec<(Option<Attempt>, &ViolationLine)> = saved
        .violations
        .iter()
        .map(|violation| match violation.check.as_str() {
            "linearizability" => (attempts.next().flatten(), violation),
            _ => (None, violation),
        })
        .collect();
    violations.sort_by_key(|(_, violation)| violation.operations.is_empty());
    let proofs = violations
        .into_iter()
        .map(|(attempt, violation)| proof(table, violation, attempt));
    let stuck = undecided(saved)
        .into_iter()
        .map(|(check, key)| stuck(table, check, key));
    proofs.chain(stuck).take(DRAWN).collect()
}

/// The attempts of the check of linearizability: one for each of its violations, in their order.
fn attempts(saved: &Saved) -> Vec<Option<Attempt>> {
    let check = saved.checks.iter().find(|check| check.name == "linearizability");
    let attempts = check.and_then(|check| check.details.get("attempts"));
    attempts
        .and_then(|attempts| serde_json::from_value(attempts.clone()).ok())
        .unwrap_or_default()
}

fn undecided(saved: &Saved) -> Vec<(String, Undecided)> {
    let keys = |check: &super::head::CheckLine| {
        let keys = check.details.get("undecided")?.clone();
        let keys: Vec<Undecided> = serde_json::from_value(keys).ok()?;
        Some(
            keys.into_iter()
                .map(|key| (check.name.clone(), key))
                .collect::<Vec<_>>(),
        )
    };
    saved.checks.iter().filter_map(keys).flatten().collect()
}

fn proof(table: &Table, violation: &ViolationLine, attempt: Option<Attempt>) -> Example {
    Example {
        check: violation.check.clone(),
        violation: true,
        key: violation.key.as_ref().map(ToString::to_string),
        operations: bars(table, &violation.operations),
        of: violation.operations.len(),
        edges: violation.edges.clone(),
        why: violation.why.clone(),
        attempt,
    }
}

fn stuck(table: &Table, check: String, key: Undecided) -> Example {
    let shown = key.shown();
    let why = format!(
        "Of {} operations the longest legal order that was found explains {}. The check was stopped where the marked ones \
         were in flight: one of them has to come next. Whether there is a way on, or another way, was not found out \
         within the budget: give the check more time or memory.",
        key.operations, key.explained
    );
    Example {
        check,
        violation: false,
        key: (key.key != histories::Value::Null).then(|| key.key.to_string()),
        of: shown.len(),
        operations: bars(table, &shown),
        edges: Vec::new(),
        why,
        attempt: Some(key.attempt.unwrap_or(Attempt {
            before: 0,
            initial: None,
            order: Vec::new(),
            stuck: key.stuck,
        })),
    }
}

fn bars(table: &Table, invocations: &[u64]) -> Vec<Bar> {
    let find = |index: &u64| {
        let at = table.rows.partition_point(|row| u64::from(row.invoke) < *index);
        table.rows.get(at).filter(|row| u64::from(row.invoke) == *index)
    };
    invocations
        .iter()
        .filter_map(find)
        .take(OPERATIONS)
        .map(|row| bar(table, row))
        .collect()
}

fn bar(table: &Table, row: &Operation) -> Bar {
    let named = |number: u32, names: &super::operations::Names| {
        (number != NONE).then(|| names.text(number).to_owned())
    };
    // What a transaction read, or a version that a write made, stands in the result.
    let shown = match (row.kind, row.result) {
        (Kind::Ok, Cell::Null) => row.argument,
        (Kind::Ok, result) => result,
        _ => row.argument,
    };
    Bar {
        invoke: row.invoke,
        complete: (row.complete != NONE).then_some(row.complete),
        process: row.process,
        f: table.words.text(row.f).to_owned(),
        key: named(row.key, &table.keys),
        value: match shown {
            Cell::Null => "null".to_owned(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) => table.texts.text(text).to_owned(),
        },
        node: named(row.node, &table.words),
        kind: match row.kind {
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info | Kind::Invoke => "info",
        },
        error: named(row.error, &table.words),
        start: micros(row.start),
        end: row.end.map(micros),
        at: row.at,
    }
}
