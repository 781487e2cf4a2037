//! Why the history cannot be written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use histories::run_folder::FolderError;

/// Why the history could not be written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecorderError {
    /// The file could not be made, or no thread for it.
    #[error("cannot write {}: {source}", path.display())]
    Start {
        /// The history.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// A write failed.
    #[error("cannot write {}: {source}; the history up to here ({whole} bytes) is readable", path.display())]
    Write {
        /// The history.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
        /// How many bytes of it are whole lines.
        whole: u64,
    },
    /// A file beside the history cannot be written; the checks read it, so the run cannot go on.
    #[error("{0}; the history up to here is readable")]
    Beside(Arc<FolderError>),
    /// A write does not come to its end.
    #[error("cannot write {}: the disk has not taken a write for {} s; the history up to there is readable", path.display(), limit.as_secs())]
    Stalled {
        /// The history.
        path: PathBuf,
        /// For how long.
        limit: Duration,
    },
    /// A bug of ours.
    #[error("the recorder's thread panicked; this is a bug of ours")]
    Panicked,
}
