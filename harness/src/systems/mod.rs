//! The systems that can be tested, one file each, and what the harness asks of each.

mod cluster_node;

use std::path::{Path, PathBuf};

use histories::{RunFolder, Seed};
use nemesis::hands::{Framing, Hands, NodeCommand};
use nemesis::{NodeId, NodeStatus};
use runs::case::Bug;
use runs::record::Capabilities;
use runs::record::SettingsError;
use runs::store::{Reply, Request};
use runs::world::Boxed;

/// What a run tests: how its processes start, and how they are spoken to.
pub trait System: Send + Sync {
    /// How this node is started.
    fn command(&self, node: NodeId) -> NodeCommand;

    /// Ask a node for an operation.
    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply>;

    /// Ask a node how it stands, past all proxies. `None` if it does not answer.
    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>>;
}

/// What a system is built from.
pub struct Settings<'a> {
    /// How many nodes.
    pub nodes: usize,
    /// Fixes what the nodes draw by lot.
    pub seed: Seed,
    /// The profile, one of the row's.
    pub profile: &'a str,
    /// The bugs to switch on.
    pub bugs: &'a [String],
    /// The binary.
    pub program: PathBuf,
    /// Where the nodes' folders belong.
    pub folder: &'a RunFolder,
    /// The addresses.
    pub hands: Hands,
}

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
}

/// A row of the table of systems.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The binary that is looked for.
    pub binary: &'static str,
    /// How to get that binary.
    pub how_to_get: &'static str,
    /// Its profiles; the first is the barest, the last what one would run.
    pub profiles: &'static [&'static str],
    /// What can be broken in it on purpose.
    pub bugs: &'static [Bug],
    /// What its nodes tell, and what they do by themselves.
    pub capabilities: fn() -> Capabilities,
    /// How its peers speak.
    pub framing: Framing,
    /// Build it.
    pub build: fn(&Settings<'_>) -> Result<Box<dyn System>, SystemError>,
}

impl Row {
    /// The binary: as named, or beside this one, or on PATH.
    ///
    /// # Errors
    /// It is not there.
    pub fn program(&self, named: Option<&Path>) -> Result<PathBuf, SystemError> {
        let missing = |tried: &str| SystemError::NoBinary {
            binary: self.binary,
            tried: tried.to_owned(),
            how_to_get: self.how_to_get,
        };
        if let Some(named) = named {
            return found(named).ok_or_else(|| missing(&named.display().to_string()));
        }
        let beside = std::env::current_exe()
            .ok()
            .and_then(|me| found(&me.parent()?.join(self.binary)));
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).find_map(|folder| found(&folder.join(self.binary)))
        };
        beside
            .or_else(on_path)
            .ok_or_else(|| missing("neither beside harness nor on PATH"))
    }
}

fn found(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok().filter(|path| path.is_file())
}

/// Every system.
pub const TABLE: &[Row] = &[cluster_node::ROW];

/// The system of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The same, or the error that says that there is none.
pub fn row(name: &str) -> Result<&'static Row, SettingsError> {
    find(name).ok_or_else(|| SettingsError::unknown("system", name))
}
