//! The systems that can be tested, one file each, and what the harness asks of each.

mod cluster_node;

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, PoisonError, RwLock};

use histories::{RunFolder, Seed};
use nemesis::hands::{Framing, Hands, Network, NodeCommand, Plan};
use nemesis::{NodeId, NodeStatus};
use runs::capabilities::Capabilities;
use runs::case::Bug;
use runs::record::{NetworkName, SettingsError};
use runs::store::{Reply, Request};
use runs::world::Boxed;

use crate::errors::SystemError;

/// What a run tests: how its processes start, and how they are spoken to.
pub(crate) trait System: Send + Sync {
    /// How this node is started.
    fn command(&self, node: NodeId) -> NodeCommand;

    /// Ask a node for an operation.
    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply>;

    /// Ask a node how it stands, past all proxies. `None` if it does not answer.
    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>>;
}

/// What a system is built from.
pub(crate) struct Settings<'a> {
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

/// A row of the table of systems.
pub(crate) struct Row {
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
    /// How its peers speak, if each of its nodes can be told an address of its own of each peer.
    pub proxies: Option<Framing>,
    /// What it uses of a network in which a node has one address for all, if it can be told which.
    pub namespaces: Option<Plan>,
    /// Build it.
    pub build: Build,
}

/// Builds a system for a run.
pub(crate) type Build = Box<dyn Fn(&Settings<'_>) -> Result<Box<dyn System>, SystemError> + Send + Sync>;

impl Row {
    /// The network of that name, for this system.
    ///
    /// # Errors
    /// It cannot be run in it.
    pub(crate) fn network(&self, name: NetworkName) -> Result<Network, SettingsError> {
        let network = match name {
            NetworkName::Proxy => self.proxies.map(Network::Proxies),
            NetworkName::Namespaces => self.namespaces.clone().map(Network::Namespaces),
        };
        network.ok_or_else(|| SettingsError::Network {
            network: name.as_str(),
            system: self.name.to_owned(),
        })
    }

    /// The binary: as named, or beside this one, or on PATH.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn program(&self, named: Option<&Path>) -> Result<PathBuf, SystemError> {
        let missing = |tried: &str| SystemError::NoBinary {
            binary: self.binary,
            tried: tried.to_owned(),
            how_to_get: self.how_to_get,
        };
        if let Some(named) = named {
            return found(named).ok_or_else(|| missing(&named.display().to_string()));
        }
        binary(self.binary).ok_or_else(|| missing("neither beside harness nor on PATH"))
    }
}

/// The binary of that name, beside this one or on PATH.
pub(crate) fn binary(name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|me| found(&me.parent()?.join(name)));
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find_map(|folder| found(&folder.join(name)))
    };
    beside.or_else(on_path)
}

fn found(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok().filter(|path| path.is_file())
}

/// The systems: those of this folder, and what was added while the program runs.
static TABLE: LazyLock<RwLock<Vec<&'static Row>>> =
    LazyLock::new(|| RwLock::new(vec![Box::leak(Box::new(cluster_node::row()))]));

/// Every system.
pub(crate) fn all() -> Vec<&'static Row> {
    TABLE.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Put a system into the table, where it stays as long as the program runs; one of its name gives way.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "systems from files will be added by it")
)]
pub(crate) fn add(row: Row) -> &'static Row {
    let row: &'static Row = Box::leak(Box::new(row));
    let mut rows = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    rows.retain(|other| other.name != row.name);
    rows.push(row);
    row
}

/// The system of that name.
///
/// # Errors
/// There is none.
pub(crate) fn row(name: &str) -> Result<&'static Row, SettingsError> {
    let found = all().into_iter().find(|row| row.name == name);
    found.ok_or_else(|| SettingsError::unknown("system", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_run_only_in_a_network_that_it_knows() {
        let row = Row {
            proxies: None,
            ..cluster_node::row()
        };
        assert!(row.network(NetworkName::Namespaces).is_ok());
        let error = row.network(NetworkName::Proxy).unwrap_err().to_string();
        assert!(
            error.starts_with("--network proxy: cluster-node cannot"),
            "{error}"
        );
    }

    #[test]
    fn a_system_that_is_added_is_found_and_takes_the_place_of_its_name() {
        let other = |about| Row {
            name: "other",
            about,
            ..cluster_node::row()
        };
        assert!(row("other").is_err());
        add(other("the first"));
        add(other("the second"));
        assert_eq!(row("other").unwrap().about, "the second");
        assert_eq!(all().iter().filter(|row| row.name == "other").count(), 1);
        assert!(row("cluster-node").is_ok());
    }
}
