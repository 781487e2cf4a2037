//! How a process ended, in words for a person.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::ExitStatus;

use super::command::NodeCommand;
use crate::effect::NodeId;

/// How much of the end of a node's standard error a report repeats.
const LAST_LINES: usize = 10;
const LAST_BYTES: u64 = 4096;

/// A node whose process has ended. Shown as one sentence, with the last lines of its standard error below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeExit {
    /// Which.
    pub node: NodeId,
    /// How: `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub status: String,
    /// Whether it exited with 0, or as it may.
    pub clean: bool,
    /// The last lines that this incarnation wrote to its standard error.
    pub stderr: Vec<String>,
}

/// What a node did that nobody had asked for, and after which a run of it means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// Its process ended by itself.
    #[error("{0}")]
    Exit(NodeExit),
    /// It printed what its protocol does not allow; the process may still run.
    #[error("{0}")]
    Breach(Breach),
}

/// A node that broke the protocol. Shown as one sentence, with the last lines of its standard error below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub node: NodeId,
    /// What it did: `printed a line that is no JSON: hello`.
    pub what: String,
    /// The last lines that this incarnation wrote to its standard error.
    pub stderr: Vec<String>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.node, self.what)?;
        below(&self.stderr, f)
    }
}

fn below(lines: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
}

impl NodeExit {
    /// The exit of `node`; in its standard error this incarnation's part begins at byte `from`.
    pub(super) fn new(
        node: NodeId,
        status: &io::Result<ExitStatus>,
        command: &NodeCommand,
        from: u64,
    ) -> Self {
        NodeExit {
            node,
            status: describe(status),
            clean: status.as_ref().is_ok_and(|status| command.is_clean(*status)),
            stderr: last_lines(&command.stderr, from),
        }
    }
}

impl fmt::Display for NodeExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended by itself ({})", self.node, self.status)?;
        below(&self.stderr, f)
    }
}

/// The status in words.
pub(super) fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("its exit status is lost: {error}"),
    }
}

/// The last lines of a file, none from before byte `from`. A report must not fail for want of them: what cannot be read is
/// left out.
pub fn last_lines(path: &Path, from: u64) -> Vec<String> {
    let text = tail(path, from).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

fn tail(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(LAST_BYTES).max(from);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
