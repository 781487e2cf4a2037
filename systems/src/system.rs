//! What a run tests, and what the table knows of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use histories::{RunFolder, Seed};
use nemesis::hands::{Framing, Hands, Instructions, Latency, Network, Plan, Reached};
use nemesis::{Need, NodeId, NodeStatus, Tells};
use runs::capabilities::Capabilities;
use runs::case::Bug;
use runs::record::{NetworkName, SettingsError};
use runs::store::{Reply, Request};
use runs::watching::{Tell, Watch};
use runs::world::Boxed;

use crate::description::Description;
use crate::error::{NotDone, SystemError};
use crate::meaning::Basis;

/// What a run tests: how its processes start, and how they are spoken to.
pub trait System: Send + Sync {
    /// How its nodes are led.
    fn instructions(&self) -> Instructions;

    /// Do what is to be done once, when all nodes run and before anybody asks them anything.
    fn init(&self) -> Boxed<'_, Result<(), NotDone>> {
        Box::pin(async { Ok(()) })
    }

    /// Ask a node for an operation.
    fn invoke<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply>;

    /// Ask a node for an operation, and tell by what its answer was understood.
    fn examine<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, (Reply, Basis)> {
        Box::pin(async move { (self.invoke(node, request).await, Basis::Code) })
    }

    /// Hold a watch at a node, and tell what it is told, until it is lost: why it was.
    fn watch<'a>(&'a self, _node: NodeId, _watch: &'a Watch, _tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(std::future::ready("nothing can be watched here".to_owned()))
    }

    /// What its nodes tell of themselves that may do so or not, once they run: they are asked.
    ///
    /// # Errors
    /// Which of them does not, and what it said.
    fn tells(&self) -> Boxed<'_, Result<Vec<Tells>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Ask a node how it stands, past all proxies. `None` if it does not answer.
    fn status(&self, node: NodeId) -> Boxed<'_, Option<NodeStatus>>;

    /// Why nothing of a run counts, if so: what stands between the harness and the system is broken, not the system.
    fn broken(&self) -> Option<String> {
        None
    }
}

/// What a system is built from.
pub struct Settings<'a> {
    /// How many nodes.
    pub nodes: usize,
    /// The workload that it is for, where nodes have to be told.
    pub workload: &'a str,
    /// Fixes what the nodes draw by lot.
    pub seed: Seed,
    /// What a message takes, where the harness carries each.
    pub latency: Latency,
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

/// A description as it was read.
pub struct Source {
    /// Its text.
    pub text: String,
    /// What it says.
    pub says: Arc<Description>,
}

/// A cluster that is led by commands, because it is there already, or elsewhere.
pub struct Cluster {
    /// Where its clients reach its nodes, and which faults its commands bring about.
    pub reached: Reached,
    /// Whether a run starts its nodes, and stops them.
    pub starts_nodes: bool,
    /// What may be done to it, line by line, for whoever is asked.
    pub would: String,
}

/// A row of the table of systems.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The binary that is looked for; none where commands lead its nodes.
    pub binary: Option<&'static str>,
    /// How to get that binary.
    pub how_to_get: &'static str,
    /// Its profiles; the first is the barest.
    pub profiles: &'static [&'static str],
    /// The profile that one would run.
    pub full: &'static str,
    /// The profile under which its nodes keep what they promised over a kill, if they do so under no other.
    pub durable: Option<&'static str>,
    /// Its description, if it has one.
    pub description: Option<Source>,
    /// The schedule that it is tested under unless another is named.
    pub nemesis: &'static str,
    /// How long a fault of an unguided schedule lasts on average unless it is said: longer than the system takes to elect
    /// another leader.
    pub interval: Duration,
    /// What can be broken in it on purpose.
    pub bugs: &'static [Bug],
    /// What its nodes tell, and what they do by themselves.
    pub capabilities: Capabilities,
    /// What its nodes may tell beyond that: they are asked where a schedule has to see it.
    pub may_tell: &'static [Tells],
    /// How its peers speak, if each of its nodes can be told an address of its own of each peer.
    pub proxies: Option<Framing>,
    /// What it uses of a network in which a node has one address for all, if it can be told which.
    pub namespaces: Option<Plan>,
    /// Whether its nodes speak in lines on their standard input and output.
    pub messages: bool,
    /// Its nodes, where they are led by commands.
    pub cluster: Option<Cluster>,
    /// Build it.
    pub build: Build,
}

/// Builds a system for a run.
pub type Build = Box<dyn Fn(&Settings<'_>) -> Result<Box<dyn System>, SystemError> + Send + Sync>;

impl Row {
    /// The network of that name, for this system.
    ///
    /// # Errors
    /// It cannot be run in it.
    pub fn network(&self, name: NetworkName) -> Result<Network, SettingsError> {
        let network = match name {
            NetworkName::Proxy => self.proxies.clone().map(Network::Proxies),
            NetworkName::Namespaces => self.namespaces.clone().map(Network::Namespaces),
            NetworkName::Messages => self.messages.then_some(Network::Messages),
            NetworkName::Commands => {
                let cluster = self.cluster.as_ref();
                cluster.map(|cluster| Network::Commands(cluster.reached.clone()))
            }
        };
        network.ok_or_else(|| SettingsError::Network {
            network: name.as_str(),
            system: self.name.to_owned(),
        })
    }

    /// Whether nobody can bring about a fault with this need: its cluster's description has no commands for it.
    pub fn lacks(&self, need: Need) -> bool {
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(|cluster| !cluster.reached.can.contains(&need))
    }

    /// What its nodes cannot be put through under this profile.
    pub fn spared_until(&self, profile: &str, need: Need) -> Option<&'static str> {
        let durable = self.durable.filter(|durable| *durable != profile);
        durable.filter(|_| need == Need::Restarts)
    }

    /// The binary: as named, or beside this one, or on PATH; an empty path where there is none.
    ///
    /// # Errors
    /// It is not there, or one was named and there is none.
    pub fn program(&self, named: Option<&Path>) -> Result<PathBuf, SystemError> {
        let Some(wanted) = self.binary else {
            let named = named.filter(|named| !named.as_os_str().is_empty());
            return match named {
                Some(named) => Err(SystemError::Commanded {
                    system: self.name,
                    named: named.display().to_string(),
                }),
                None => Ok(PathBuf::new()),
            };
        };
        let missing = |tried: &str| SystemError::NoBinary {
            binary: wanted,
            tried: tried.to_owned(),
            how_to_get: self.how_to_get,
        };
        if let Some(named) = named {
            return found(named).ok_or_else(|| missing(&named.display().to_string()));
        }
        binary(wanted).ok_or_else(|| missing("neither beside harness nor on PATH"))
    }
}

/// The binary of that name, beside this one or on PATH.
pub fn binary(name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|me| found(&me.parent()?.join(name)));
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find_map(|folder| found(&folder.join(name)))
    };
    beside.or_else(on_path)
}

/// Links are not followed: a program may go by the name that it was called by (redis-server is a link).
fn found(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok().filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_node;

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
}
