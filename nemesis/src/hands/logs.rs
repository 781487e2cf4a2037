//! The files that a node writes its output to.

use std::path::PathBuf;

/// Where a node leaves what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Where its standard output is appended.
    pub stdout: PathBuf,
    /// Where its standard error is appended.
    pub stderr: PathBuf,
}

/// How long the logs of a node are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes of its standard output.
    pub stdout: u64,
    /// Bytes of its standard error.
    pub stderr: u64,
}
