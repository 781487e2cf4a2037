//! How a node tells that it is ready, and where it listens: by a file (docs/cluster-node.md), or by serving at an address
//! that is known beforehand.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;

use super::logs::Lengths;

/// The addresses of a node that is ready; new at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Addresses {
    /// Where it serves clients.
    pub client: SocketAddr,
    /// Where it serves its peers; a system whose peers have fixed addresses may leave it out.
    pub peer: Option<SocketAddr>,
}

/// Asks a node whether it serves; told how long its logs were before it was started.
pub type Asks = Arc<dyn Fn(Lengths) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// Returns when a node has answered, or why it never will.
pub type Answers = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// A node that is ready, and where it listens, if it does.
pub(super) struct IsReady(pub(super) Option<Addresses>);

/// How it is seen that a node is ready.
#[derive(Clone)]
pub enum Ready {
    /// By the file that it writes then, in one step: JSON with its addresses `client` and `peer`.
    File(PathBuf),
    /// By asking it.
    Asked {
        /// Where it listens.
        at: Addresses,
        /// Tells whether the node answers requests.
        serves: Asks,
    },
    /// By asking it, where it listens nowhere.
    Answers(Answers),
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ready::File(path) => f.debug_tuple("File").field(path).finish(),
            Ready::Asked { at, .. } => f.debug_tuple("Asked").field(at).finish(),
            Ready::Answers(_) => f.debug_tuple("Answers").finish(),
        }
    }
}

impl Ready {
    /// Forget what an earlier incarnation told.
    pub(super) fn clear(&self) -> Result<(), ReadyError> {
        match self {
            Ready::File(path) => clear(path),
            Ready::Asked { .. } | Ready::Answers(_) => Ok(()),
        }
    }

    /// Where the node listens, once it is ready; none before.
    pub(super) async fn look(&self, before: Lengths) -> Result<Option<IsReady>, ReadyError> {
        let at = match self {
            Ready::File(path) => read(path)?,
            Ready::Asked { at, serves } => serves(before).await.then_some(*at),
            Ready::Answers(answers) => {
                answers().await.map_err(ReadyError::Never)?;
                return Ok(Some(IsReady(None)));
            }
        };
        Ok(at.map(|at| IsReady(Some(at))))
    }
}

/// Why it is not seen, and will not be, that a node is ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadyError {
    /// It has said so.
    #[error("{0}")]
    Never(String),
    /// The ready file is there, but cannot be read or removed.
    #[error("the ready file {path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It says something else than what was agreed on.
    #[error("the ready file {path} does not say where the node listens: {source}")]
    Json {
        /// Which file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// What the file says; nothing if it is not there yet. Written in one step, it is never seen half.
fn read(path: &Path) -> Result<Option<Addresses>, ReadyError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(path, source)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| ReadyError::Json {
            path: path.display().to_string(),
            source,
        })
}

/// Remove what an earlier incarnation wrote.
fn clear(path: &Path) -> Result<(), ReadyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, source: io::Error) -> ReadyError {
    ReadyError::Io {
        path: path.display().to_string(),
        source,
    }
}
