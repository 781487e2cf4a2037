//! Why a run came to no end.

use std::io;
use std::path::PathBuf;

use nemesis::NodeId;
use nemesis::hands::{HandsError, NodeExit, Unexpected};
use systems::NotDone;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot read {}: {source}", path.display())]
    Binary { path: PathBuf, source: io::Error },
    #[error("cannot find myself: {0}")]
    Myself(io::Error),
    #[error("cannot listen for SIGTERM: {0}")]
    Signals(io::Error),
    #[error("cannot start the monitor's thread: {0}")]
    Monitor(io::Error),
    #[error(transparent)]
    Hands(#[from] HandsError),
    #[error("{node} did not start: {why}")]
    NotStarted { node: NodeId, why: String },
    #[error("{0}")]
    Unexpected(Unexpected),
    #[error("at the stop: {0}")]
    NotStopped(NodeExit),
    #[error("cannot save the system's description: {0}")]
    Description(io::Error),
    #[error("all nodes of {system} run, but {why}")]
    NotInitialized { system: String, why: NotDone },
    #[error("all nodes of {system} run, but a read was not answered within {limit:?}: {why}")]
    NeverServed {
        system: String,
        limit: std::time::Duration,
        why: String,
    },
    #[error("the adapter broke its contract, so nothing of this run counts: {0}")]
    Adapter(String),
    #[error("no nemesis is named")]
    NoNemesis,
}
