//! The file in which a node reports that it is ready, and where it listens (docs/cluster-node.md).

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

/// The addresses of a node that is ready; new at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Addresses {
    /// Where it serves clients.
    pub(super) client: SocketAddr,
    /// Where it serves its peers; a system whose peers have fixed addresses may leave it out.
    pub(super) peer: Option<SocketAddr>,
}

/// A ready file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadyError {
    /// It is there, but cannot be read or removed.
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
pub(super) fn read(path: &Path) -> Result<Option<Addresses>, ReadyError> {
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
pub(super) fn clear(path: &Path) -> Result<(), ReadyError> {
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
