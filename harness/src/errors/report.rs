//! What can be wrong with a saved run that is shown.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("there is no cycle {number}; the run has {known}")]
    NoCycle { number: u64, known: usize },
    #[error("there is no event {first}; the history has {count}")]
    NoEvent { first: u64, count: u64 },
    #[error("{}:{line}: {source}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("cannot write the report's data: {0}")]
    Data(serde_json::Error),
}

impl ReportError {
    /// Whether it is the harness that is at fault, and not what it was given.
    pub fn is_ours(&self) -> bool {
        matches!(self, ReportError::Data(_))
    }
}
