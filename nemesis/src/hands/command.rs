//! How a node is started.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::child_setup;

/// The command line of a node, and where it leaves its traces. All paths are absolute, or relative to the folder that
/// the harness runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The file that the node writes when it is ready, in one step: JSON with its addresses `client` and `peer`.
    pub ready_file: PathBuf,
    /// Where its standard output is appended.
    pub stdout: PathBuf,
    /// Where its standard error is appended.
    pub stderr: PathBuf,
}

/// A child that has just been started.
pub(super) struct Spawned {
    pub(super) child: Child,
    /// How long its standard error was before.
    pub(super) stderr_from: u64,
}

impl NodeCommand {
    /// Start it. Its standard input is a pipe, so that it can notice the end of the harness on every platform.
    pub(super) fn spawn(&self) -> io::Result<Spawned> {
        let stderr = append_to(&self.stderr)?;
        let stderr_from = stderr.metadata()?.len();
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(append_to(&self.stdout)?)
            .stderr(stderr);
        child_setup::prepare(&mut command);
        let child = command.spawn().map_err(|error| named(&self.program, &error))?;
        Ok(Spawned { child, stderr_from })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
