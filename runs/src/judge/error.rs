//! Why something could not be judged.

use std::io;
use std::path::PathBuf;

use checker::{HistoryError, JournalsError};
use histories::format::FormatError;
use histories::journal::Malformed;
use histories::run_folder::FolderError;

use crate::record::{SettingsError, Unreadable};

/// Why there is no verdict, not even an inconclusive one.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A file of the run's folder.
    #[error(transparent)]
    Folder(#[from] Unreadable),
    /// The history's file.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// What the history says.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// What the history says at one of its events.
    #[error("{place}: {operation}: {source}")]
    Event {
        /// `file:line:column`, or the file where nobody knows.
        place: String,
        /// What stands there.
        operation: String,
        /// What is wrong with it.
        source: Box<HistoryError>,
    },
    /// What a history says as a whole.
    #[error("{}: {source}", path.display())]
    OfFile {
        /// The history.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<HistoryError>,
    },
    /// A guess that the values contradict is none.
    #[error(
        "{place}: {operation}: the history looks like one of a {model} ({by}), and no {model} has such a value; nobody guesses \
         on: name the model with --model ({known})"
    )]
    Contradicted {
        /// `file:line:column`.
        place: String,
        /// The model that the rest suggests.
        model: &'static str,
        /// What suggests it.
        by: String,
        /// What contradicts it.
        operation: String,
        /// The models that there are.
        known: String,
    },
    /// A first value for a model that has none.
    #[error("--initial: the model {model} always starts {start}")]
    NoInitial {
        /// The model.
        model: String,
        /// What it starts as.
        start: &'static str,
    },
    /// A level of consistency that the model does not have.
    #[error("--consistency {level}: the model {model} takes {takes}")]
    NoLevel {
        /// What was asked for.
        level: String,
        /// The model.
        model: &'static str,
        /// What it takes.
        takes: String,
    },
    /// Assumptions for a model that takes none.
    #[error("--assume: the model {model} takes none; rw-register does")]
    NoAssumptions {
        /// The model.
        model: &'static str,
    },
    /// What run.json says of the run.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A name that the table of models does not have.
    #[error("there is no model {name:?}; there are {}", known().join(", "))]
    UnknownModel {
        /// What was asked for.
        name: String,
    },
    /// Nobody says how the operations are to be taken.
    #[error(
        "{}: the history does not say which model judges it; name one with --model ({})",
        path.display(),
        candidates
    )]
    NoModel {
        /// The history.
        path: PathBuf,
        /// What could be, with commas between.
        candidates: String,
    },
    /// A journal that cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of a journal.
    #[error("{}:{source}", path.display())]
    Journal {
        /// Which journal.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        source: Malformed,
    },
    /// The journals as a whole.
    #[error(transparent)]
    Journals(#[from] JournalsError),
    /// The cycles of a guided schedule.
    #[error("{}: {why}", path.display())]
    Cycles {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Our own machine is at its end.
    #[error("cannot start a thread to read on: {0}")]
    Thread(io::Error),
    /// Our own fault.
    #[error("{0} panicked; this is a bug of ours")]
    Panicked(&'static str),
}

impl From<FolderError> for JudgeError {
    fn from(error: FolderError) -> Self {
        JudgeError::Folder(Unreadable(error))
    }
}

impl JudgeError {
    /// Whether it is the harness that is at fault, and not what it was given.
    pub fn is_ours(&self) -> bool {
        matches!(self, JudgeError::Thread(_) | JudgeError::Panicked(_))
    }
}

/// The names of the models that there are.
pub(super) fn known() -> Vec<&'static str> {
    checker::models::TABLE.iter().map(|row| row.name).collect()
}
