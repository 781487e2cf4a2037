//! Why a system cannot be had.

use crate::description::TemplateError;
use crate::reading::DescriptionError;

/// Why a system cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// Its binary is nowhere.
    #[error("cannot find {binary} ({tried}); {how_to_get}")]
    NoBinary {
        /// Its name.
        binary: &'static str,
        /// Where it was looked for.
        tried: String,
        /// What to do.
        how_to_get: &'static str,
    },
    /// Nobody to ask it.
    #[error("cannot set up the HTTP client: {0}")]
    Client(reqwest::Error),
    /// Its file describes no system.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// Its description cannot be followed.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The folder of a node cannot be made ready.
    #[error("cannot prepare a node's folder: {source}")]
    Folder {
        /// Why.
        source: std::io::Error,
    },
    /// The description names no adapter.
    #[error("client.adapter.command is empty: name the adapter's program")]
    NoAdapter,
    /// The adapter cannot be started.
    #[error("cannot start the adapter {program}: {source}")]
    Adapter {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

impl SystemError {
    /// Whether it is the machine that is at fault, and not the description.
    pub fn is_ours(&self) -> bool {
        !matches!(
            self,
            SystemError::Description(_) | SystemError::Template(_) | SystemError::NoAdapter
        )
    }
}
