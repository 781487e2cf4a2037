//! What a check says: a verdict, its reason, and the operations that prove a violation.

use std::fmt;

use histories::Value;
use serde::{Deserialize, Serialize};

use crate::proved::Proved;

/// How a check ended. The order is from best to worst: the verdict of several checks is their `max()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The property holds, and that was proved.
    Pass,
    /// Nobody knows: a budget ran out, or there was nothing to judge.
    Inconclusive,
    /// The property is broken, and the operations that prove it are named.
    Violation,
}

/// The checks of a run (docs/results.schema.json), each with its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Has every key's history a legal order?
    Linearizability,
    /// Does every key keep what an analysis of Jepsen's looks at, which is less than a legal order?
    Bounds,
    /// Is there a serial order of the transactions?
    Serializability,
    /// Is there one that respects real time?
    StrictSerializability,
    /// Do the transactions keep to the levels that were asked for?
    Consistency,
    /// Is everything acknowledged still there?
    Durability,
    /// Do the numbers that the store gave to its updates agree with the order in which they happened?
    Revisions,
    /// Was every change told to those who watch, in order and once?
    Watch,
    /// Is no invariant of Raft broken in what the nodes told of themselves?
    RaftSafety,
    /// Did the faults happen?
    Armed,
    /// Did the store come back?
    Recovery,
    /// Did enough happen to mean anything?
    Activity,
    /// Did the run come to its end?
    Finished,
}

impl CheckName {
    /// As in the serialized form.
    pub const fn as_str(self) -> &'static str {
        match self {
            CheckName::Linearizability => "linearizability",
            CheckName::Bounds => "bounds",
            CheckName::Serializability => "serializability",
            CheckName::StrictSerializability => "strict-serializability",
            CheckName::Consistency => "consistency",
            CheckName::Durability => "durability",
            CheckName::Revisions => "revisions",
            CheckName::Watch => "watch",
            CheckName::RaftSafety => "raft-safety",
            CheckName::Armed => "armed",
            CheckName::Recovery => "recovery",
            CheckName::Activity => "activity",
            CheckName::Finished => "finished",
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The outcome of one named check.
///
/// It is written as `{"name", "verdict", "reason", "details"}`; the violations stand beside the checks in
/// `results.json`, so they are not repeated here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which one.
    pub name: CheckName,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, in one sentence for a person.
    pub reason: String,
    /// Numbers and names behind the sentence, for a program.
    #[serde(default)]
    pub details: serde_json::Value,
    /// What proves a violation; empty for the other verdicts.
    #[serde(skip)]
    pub violations: Vec<Violation>,
}

/// The few operations that prove that a property is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The check that found it.
    pub check: CheckName,
    /// What tells it from every other one of its check, and is the same whenever it is found again; none where its
    /// operations do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The key that it is about, where the history is keyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The operations, by the `index` of their invocations, in the order of the history.
    pub operations: Vec<u64>,
    /// Each of them in a few words, for the graph; in `why` the proof tells them in full.
    #[serde(skip)]
    pub told: Vec<String>,
    /// The operations that the proof calls T1, T2, …, in this order; none where it names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<u64>,
    /// What orders them; a violation of linearizability is a cycle here wherever one exists.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// A short proof in prose.
    pub why: String,
    /// How far a legal order of the operations gets, where there are not too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// The best attempt at a legal order of operations that have none, or have none yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// How many operations come before those of the order.
    #[serde(default)]
    pub before: usize,
    /// The state before the first operation of the order; none where it would take too long to find out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
    /// Operations that have a legal order, or its last ones.
    pub order: Vec<Step>,
    /// Of those that are left, by the index of their invocations, the ones of which one has to come next.
    pub stuck: Vec<u64>,
}

/// A step of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The operation, by the index of its invocation.
    pub operation: u64,
    /// The state that it leaves, where the model can say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Check {
    /// What the verdict rests on, where the check is one of a history by a model.
    pub fn proof(&self) -> Option<Proved> {
        Proved::deserialize(self.details.get("proof")?).ok()
    }
}

impl Violation {
    /// One that no operations prove.
    pub fn in_words(check: CheckName, why: String) -> Self {
        Violation {
            check,
            code: None,
            key: None,
            operations: Vec::new(),
            told: Vec::new(),
            named: Vec::new(),
            edges: Vec::new(),
            why,
            attempt: None,
        }
    }

    /// The proof as a graph in the DOT language: a node an operation, an edge with its reason.
    ///
    /// ```
    /// use checker::{CheckName, Edge, Reason, Violation};
    /// let edges = vec![Edge { from: 2, to: 7, reason: Reason::RealTime }];
    /// let told = vec!["write \"a\" by process 0".to_owned(), "read null by process 1".to_owned()];
    /// let violation = Violation::in_words(CheckName::Linearizability, String::new());
    /// let violation = Violation { operations: vec![2, 7], told, edges, ..violation };
    /// assert!(violation.dot().contains(r##"2 [label="#2\nwrite \"a\" by process 0"]"##));
    /// assert!(violation.dot().contains("2 -> 7 [label=\"real-time\"]"));
    /// ```
    pub fn dot(&self) -> String {
        let mut dot = "digraph violation {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        let told = self.told.iter().map(Some).chain(std::iter::repeat(None));
        for (operation, told) in self.operations.iter().zip(told) {
            let told = told.map_or(String::new(), |told| format!("\\n{}", quoted(told)));
            dot += &format!("  {operation} [label=\"#{operation}{told}\"];\n");
        }
        for edge in &self.edges {
            dot += &format!(
                "  {} -> {} [label=\"{}\"];\n",
                edge.from,
                edge.to,
                edge.reason.as_str()
            );
        }
        dot + "}\n"
    }
}

/// As it may stand between quotes in the DOT language.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// `from` must stand before `to` in every legal order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The invocation's index of the earlier operation.
    pub from: u64,
    /// The invocation's index of the later operation.
    pub to: u64,
    /// Why.
    pub reason: Reason,
}

/// Why one operation must stand before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It had completed before the other was invoked.
    RealTime,
    /// The other saw what it wrote.
    ReadsFrom,
    /// The other compared with what it wrote, and set.
    Cas,
    /// It saw or wrote a version that must be older than the other's.
    VersionOrder,
    /// A transaction replaced what it wrote (Adya's ww).
    #[serde(rename = "ww")]
    WriteWrite,
    /// A transaction read what it wrote (wr).
    #[serde(rename = "wr")]
    WriteRead,
    /// A transaction replaced what it read (rw).
    #[serde(rename = "rw")]
    ReadWrite,
    /// The same process ran it before.
    Process,
}

impl Reason {
    /// As in the serialized form.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::RealTime => "real-time",
            Reason::ReadsFrom => "reads-from",
            Reason::Cas => "cas",
            Reason::VersionOrder => "version-order",
            Reason::WriteWrite => "ww",
            Reason::WriteRead => "wr",
            Reason::ReadWrite => "rw",
            Reason::Process => "process",
        }
    }
}
