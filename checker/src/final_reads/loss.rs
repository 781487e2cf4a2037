//! What was acknowledged, and is denied by a final read.

use std::borrow::Cow;

use histories::Value;
use serde_json::json;

use crate::operations::{Group, Operation};
use crate::verdict::{CheckName, Edge, Reason, Violation};

/// An acknowledged operation that a final read denies.
pub(crate) struct Loss<'a> {
    /// What it did, as a person says it: `write`, `addition`, `transfer`.
    pub what: &'static str,
    /// What it wrote, added or moved.
    pub value: Cow<'a, Value>,
    /// The operation, which had completed before the read began.
    pub operation: &'a Operation<'a>,
    /// The read.
    pub read: &'a Operation<'a>,
    /// The last write of the value that was read instead.
    pub older: Option<&'a Operation<'a>>,
    /// The account whose balance is wrong.
    pub account: Option<&'a Value>,
    /// The proof.
    pub why: String,
}

impl Loss<'_> {
    /// As in the details of the check.
    pub(crate) fn data(&self, group: &Group<'_>) -> serde_json::Value {
        let at = self.operation.completion.and_then(|event| event.at);
        let mut data = json!({
            "key": group.key, "value": self.value, "operation": self.operation.index(),
            "index": at.map(|(index, _)| index), "term": at.map(|(_, term)| term),
            "read": self.read.index(), "returned": self.read.result(),
        });
        if let Some(account) = self.account {
            data["account"] = json!(account);
        }
        data
    }

    /// In half a sentence: what it was, where it stood in the log, what was read instead.
    pub(crate) fn told(&self, group: &Group<'_>) -> String {
        let key = group.key.map_or(String::new(), |key| format!(" to {key}"));
        let at = match self.operation.completion.and_then(|event| event.at) {
            Some((index, term)) => format!(" (log index {index}, term {term})"),
            None => String::new(),
        };
        format!(
            "the {} of {}{key}{at}, operation #{}; the final read #{} returned {}",
            self.what,
            self.value,
            self.operation.index(),
            self.read.index(),
            self.read.result()
        )
    }

    /// As a violation of the check.
    pub(crate) fn violation(self, group: &Group<'_>) -> Violation {
        let edge = |from: &Operation<'_>, to: &Operation<'_>, reason| Edge {
            from: from.index(),
            to: to.index(),
            reason,
        };
        let mut edges = vec![edge(self.operation, self.read, Reason::RealTime)];
        let mut operations = vec![self.operation, self.read];
        if let Some(older) = self.older {
            edges.push(edge(older, self.operation, Reason::RealTime));
            edges.push(edge(older, self.read, Reason::ReadsFrom));
            operations.push(older);
        }
        operations.sort_unstable_by_key(|operation| operation.index());
        Violation {
            check: CheckName::Durability,
            code: None,
            key: group.key.cloned(),
            operations: operations.iter().map(|operation| operation.index()).collect(),
            told: operations.iter().map(|operation| operation.brief()).collect(),
            named: Vec::new(),
            edges,
            why: self.why,
            attempt: None,
        }
    }
}

/// The operation, that it was acknowledged, and where.
pub(super) fn told_acknowledged(operation: &Operation<'_>) -> String {
    match operation.completion.and_then(|event| event.at) {
        Some((index, term)) => format!("{operation} was acknowledged at log index {index}, term {term}"),
        None => format!("{operation} was acknowledged"),
    }
}
