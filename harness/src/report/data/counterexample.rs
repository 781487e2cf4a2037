//! The few operations that prove a violation, or at which a check got stuck, with all that is known of them.

use std::collections::BTreeSet;

use checker::{Attempt, CheckName, Edge, Violation};
use histories::Kind;
use runs::record::{Results, Undecided};
use serde::Serialize;

use super::faults::micros;
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

/// A proof, or where a check got stuck.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// Which check.
    pub check: CheckName,
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
    pub edges: Vec<Edge>,
    /// Those that the proof calls T1, T2, …, by the index of their invocations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<u64>,
    /// The proof.
    pub why: String,
    /// The best attempt at a legal order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// Of an undecided key those of which one must come next, and then the last of the order, ascending.
fn shown(key: &Undecided) -> Vec<u64> {
    let order = key.attempt.iter().flat_map(|attempt| attempt.order.iter().rev());
    let steps = order.map(|step| step.operation);
    let stuck = key.stuck.iter().copied().take(STUCK);
    let mut shown: Vec<u64> = stuck.chain(steps).take(OPERATIONS).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// The invocations that any example speaks of.
pub fn culprits(saved: Option<&Results>) -> BTreeSet<u64> {
    let Some(saved) = saved else {
        return BTreeSet::new();
    };
    let proofs = saved
        .violations
        .iter()
        .flat_map(|violation| violation.operations.clone());
    let undecided = saved.undecided().into_iter().flat_map(|(_, key)| shown(&key));
    proofs.chain(undecided).collect()
}

/// Violations first, those with operations before those without; then what is undecided.
pub fn examples(table: &Table, saved: Option<&Results>) -> Vec<Example> {
    let Some(saved) = saved else { return Vec::new() };
    let mut violations: Vec<&Violation> = saved.violations.iter().collect();
    violations.sort_by_key(|violation| violation.operations.is_empty());
    let proofs = violations.into_iter().map(|violation| proof(table, violation));
    let stuck = saved
        .undecided()
        .into_iter()
        .map(|(check, key)| stuck(table, check, key));
    proofs.chain(stuck).take(DRAWN).collect()
}

fn proof(table: &Table, violation: &Violation) -> Example {
    Example {
        check: violation.check,
        violation: true,
        key: violation.key.as_ref().map(ToString::to_string),
        operations: bars(table, &violation.operations),
        of: violation.operations.len(),
        edges: violation.edges.clone(),
        named: violation.named.clone(),
        why: violation.why.clone(),
        attempt: violation.attempt.clone(),
    }
}

fn stuck(table: &Table, check: CheckName, key: Undecided) -> Example {
    let shown = shown(&key);
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
        named: Vec::new(),
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
