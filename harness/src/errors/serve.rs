//! Why the store, or a page of it, cannot be served.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("there is no store {}: {source}", path.display())]
    NoStore { path: PathBuf, source: io::Error },
    #[error("{} is no folder, and so no store", .0.display())]
    NoFolder(PathBuf),
    #[error("the store has no {0}")]
    NotThere(String),
    #[error("choose a run on the left and one on the right")]
    OneSide,
    #[error("cannot listen on {listen}: {source}; --listen 127.0.0.1:0 takes any free port")]
    Listen { listen: SocketAddr, source: io::Error },
    #[error("cannot serve: {0}")]
    Serve(#[from] io::Error),
    #[error("a page broke, a bug of ours: {0}")]
    Page(#[from] tokio::task::JoinError),
}

impl ServeError {
    /// Whether it is the harness that is at fault, and not what it was given.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            ServeError::Listen { .. } | ServeError::Serve(_) | ServeError::Page(_)
        )
    }
}
