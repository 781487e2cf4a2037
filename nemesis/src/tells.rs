//! What the nodes of a system tell of themselves, and a schedule may need to see.

use std::fmt;

use serde::{Deserialize, Serialize};

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

impl fmt::Display for Tells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tells::Leader => "who leads",
            Tells::Term => "its term",
            Tells::Commit => "its commit index",
            Tells::LogTail => "the end of its log",
            Tells::Journal => "a journal",
        })
    }
}
