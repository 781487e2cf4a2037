//! The errors that end a command, each with its exit code.

pub use runs::exit::Exit;

/// An error that ends the command, by who has to act on it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or an input file is wrong: exit 254.
    #[error("{0}")]
    Usage(String),
    /// The harness could not do its work: exit 255.
    #[error("{0}")]
    Broken(String),
    /// A second Ctrl-C: exit 130.
    #[error("stopped at the second interrupt; the history is saved up to here")]
    Interrupted,
}

impl Failure {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Broken(_) => Exit::Broken,
            Failure::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<histories::run_folder::FolderError> for Failure {
    fn from(error: histories::run_folder::FolderError) -> Self {
        Failure::Broken(error.to_string())
    }
}

impl From<runs::record::SettingsError> for Failure {
    fn from(error: runs::record::SettingsError) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<runs::record::Unreadable> for Failure {
    fn from(error: runs::record::Unreadable) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<runs::judge::JudgeError> for Failure {
    fn from(error: runs::judge::JudgeError) -> Self {
        match error.is_ours() {
            true => Failure::Broken(error.to_string()),
            false => Failure::Usage(error.to_string()),
        }
    }
}

impl From<runs::course::CourseError> for Failure {
    fn from(error: runs::course::CourseError) -> Self {
        Failure::Broken(error.to_string())
    }
}

impl From<crate::run::recorder::RecorderError> for Failure {
    fn from(error: crate::run::recorder::RecorderError) -> Self {
        Failure::Broken(error.to_string())
    }
}
