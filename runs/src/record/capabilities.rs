//! What a system can tell of itself and do by itself.

use serde::{Deserialize, Serialize};

/// See the module. What a system never promised to tell is no reason to doubt a run of it; what it promised and did not tell is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// What its nodes tell.
    pub tells: Vec<Tells>,
    /// The operations that it has by itself; the others are done by compare-and-set.
    pub does: Vec<Does>,
}

/// Something that a node can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tells {
    /// Who leads.
    Leader,
    /// In which term.
    Term,
    /// Up to where its log is committed.
    Commit,
    /// The last entries of its log, by index and term.
    LogTail,
    /// Everything that it does, in a journal of its own (docs/journal.md).
    Journal,
}

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// Set a value.
    Write,
    /// Set a value if it is what is expected.
    Cas,
    /// Put a value at the end of a list.
    Append,
    /// Add to a number.
    Add,
}

impl Capabilities {
    /// Whether its nodes tell this.
    pub fn tell(&self, what: Tells) -> bool {
        self.tells.contains(&what)
    }
}
