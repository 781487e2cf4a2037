//! How a node is started.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::child_setup;
use super::logs::{Lengths, Logs};
use super::ready::Ready;

/// The command line of a node, and where it leaves its traces. All paths are absolute, or relative to the folder that
/// the harness runs in.
#[derive(Clone, Debug)]
pub struct NodeCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its arguments at every start but the first, if they differ.
    pub restart_args: Option<Vec<OsString>>,
    /// What is put into its environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder that it works in; the harness's own, if none is said.
    pub folder: Option<PathBuf>,
    /// How it is seen that it is ready.
    pub ready: Ready,
    /// How long it may take until then.
    pub ready_within: Duration,
    /// With which exit codes, beside 0, it may end after it was asked to; 128 and a signal's number for that signal.
    pub clean_exits: Vec<i32>,
    /// Where its standard output is appended.
    pub stdout: PathBuf,
    /// Where its standard error is appended.
    pub stderr: PathBuf,
}

/// How long a node may take to become ready, if nothing else is said.
pub(super) const READY: Duration = Duration::from_secs(10);

/// A child that has just been started.
pub(super) struct Spawned {
    pub(super) child: Child,
    /// How long its logs were before.
    pub(super) before: Lengths,
}

impl NodeCommand {
    /// A program that gets the same arguments at every start, lives in the harness's own folder and environment, and exits with 0
    /// when it is asked to stop.
    pub fn new(program: impl Into<PathBuf>, args: Vec<OsString>, ready: Ready, logs: Logs) -> Self {
        NodeCommand {
            program: program.into(),
            args,
            restart_args: None,
            env: Vec::new(),
            folder: None,
            ready,
            ready_within: READY,
            clean_exits: Vec::new(),
            stdout: logs.stdout,
            stderr: logs.stderr,
        }
    }

    /// Start it. Its standard input is a pipe, so that it can notice the end of the harness on every platform.
    /// `starts` counts from 1.
    /// With `speaks`, its standard output is a pipe, too.
    pub(super) fn spawn(&self, starts: u64, speaks: bool) -> io::Result<Spawned> {
        let stderr = append_to(&self.stderr)?;
        let stdout = append_to(&self.stdout)?;
        let before = Lengths {
            stdout: stdout.metadata()?.len(),
            stderr: stderr.metadata()?.len(),
        };
        let mut command = Command::new(&self.program);
        command
            .args(self.args_of(starts))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(match speaks {
                true => Stdio::piped(),
                false => Stdio::from(stdout),
            })
            .stderr(stderr);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        child_setup::prepare(&mut command);
        let child = command.spawn().map_err(|error| named(&self.program, &error))?;
        Ok(Spawned { child, before })
    }

    fn args_of(&self, starts: u64) -> &[OsString] {
        match &self.restart_args {
            Some(args) if starts > 1 => args,
            _ => &self.args,
        }
    }

    /// Whether a node that was asked to end may end so.
    pub(super) fn is_clean(&self, status: ExitStatus) -> bool {
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        status.success() || code.is_some_and(|code| self.clean_exits.contains(&code))
    }
}

pub(super) fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
