//! The errors that end a command, each with its exit code.

use std::io;
use std::path::{Path, PathBuf};

use histories::format::FormatError;
use histories::run_folder::FolderError;
use runs::course::CourseError;

use crate::errors::{CliError, KnownError, RecorderError, ReportError, RunError, ServeError};
use systems::SystemError;

pub(crate) use runs::exit::Exit;
use runs::judge::JudgeError;
use runs::record::{SettingsError, Unreadable};

/// An error that ends the command: each room has its own, and this is all of them.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Cli(#[from] CliError),
    #[error(transparent)]
    Known(#[from] KnownError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Course(#[from] CourseError),
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// A run's folder that is written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A run's folder that is read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    /// The cluster is not as it was.
    #[error(
        "{}what was done to the cluster is not undone:\n{owed}\nhave that done; {} has the commands",
        before(why.as_deref()), file.display()
    )]
    Owed {
        /// What else went wrong, and came first.
        why: Option<Box<Failure>>,
        /// The file with the commands.
        file: PathBuf,
        /// What is owed, line by line.
        owed: String,
    },
    /// A second Ctrl-C.
    #[error("stopped at the second interrupt; the history is saved up to here")]
    Interrupted,
    /// A Ctrl-C where there is nothing to end in order.
    #[error("stopped; no process is left behind")]
    Stopped,
}

fn before(why: Option<&Failure>) -> String {
    why.map_or(String::new(), |why| format!("{why}\n"))
}

impl Failure {
    pub(crate) fn cannot_write(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
        |source| Failure::Write {
            path: path.to_owned(),
            source,
        }
    }

    /// The exit code that goes with it: what was asked for is wrong, or the harness could not do it.
    pub fn exit(&self) -> Exit {
        let is_ours = match self {
            Failure::Interrupted | Failure::Stopped => return Exit::Interrupted,
            Failure::Owed { why, .. } => {
                return why.as_ref().map_or(Exit::Broken, |why| why.exit());
            }
            Failure::Settings(_) | Failure::Unreadable(_) | Failure::Format(_) | Failure::Read { .. } => {
                false
            }
            Failure::Cli(error) => error.is_ours(),
            Failure::Known(error) => error.is_ours(),
            Failure::Judge(error) => error.is_ours(),
            Failure::Report(error) => error.is_ours(),
            Failure::Serve(error) => error.is_ours(),
            Failure::System(error) => error.is_ours(),
            Failure::Run(_) | Failure::Course(_) | Failure::Recorder(_) => true,
            Failure::Folder(_) | Failure::Write { .. } | Failure::Runtime(_) => true,
        };
        match is_ours {
            true => Exit::Broken,
            false => Exit::Usage,
        }
    }
}
