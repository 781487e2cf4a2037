//! Processes and links: the only part of this crate with effects.
//!
//! [`Hands`] own every process of the cluster and stand on every link of it. Nodes bind port 0 and report where they
//! listen; peers and clients know only the harness's addresses, which stay over restarts:
//!
//! ```text
//!   client ───▶ client_address(n2) ───▶ n2        n1 ───▶ peer_address(n1→n2) ───▶ n2
//!                                                 n2 ───▶ peer_address(n2→n1) ───▶ n1
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | `command`, `spawner`, `child_setup` | how a process is started, so that it never outlives the harness |
//! | `life` | what can be done to a node, whoever leads it |
//! | `process`, `deeds` | one node's process; start, kill, pause and resume with their evidence |
//! | `orders` | or commands that reach a node elsewhere: what they are, |
//! | `elsewhere`, `commanded`, `commanded_links` | what is done by them, |
//! | `errand`, `runner` | how one is run, and proved, |
//! | `ledger` | and what is to be undone, whatever happens |
//! | `logs`, `ready`, `threads`, `exit` | what a process says: where it listens, its state, how it ended |
//! | `links` | what is asked of a network, whatever it is |
//! | `network` | which networks there are |
//! | `doors`, `door`, `roads` | listeners with rules, and the thread that carries what comes in |
//! | `proxies` | where the listeners stand: on the loopback of this machine, |
//! | `namespaces`, `namespace`, `namespace_error` | or in a network namespace per node |
//! | `user_namespace` | how one may make these who is not root |
//! | `shutter`, `system_calls` | what keeps new connections out without a word |
//! | `messages`, `mailbox` | or nodes that speak in lines, each of which is carried here, |
//! | `latency` | and what that takes |
//! | `gate` | the rule of one link, and its counters |
//! | `inject` | frames that were recorded, put into a link by hand |
//! | `sight` | frames in a stream of a stranger's, as far as their form was told |
//! | `arrivals` | when what waits of a stream came, for a delay |
//! | `inbox`, `frame_pump`, `silent_pump`, `stream_pump` | what carries the bytes: of frames, of nodes, of clients |
//!
//! **When the harness dies** (`kill -9`): on Linux every node has asked for SIGKILL at the death of the thread that
//! spawned it, which a stopped process gets too. On other Unixes there is no such request. There, the node's standard
//! input ends with the harness, and a node that minds it (`cluster-node --exit-with-stdin`) exits; one that is paused
//! survives until somebody continues it.

mod arrivals;
mod child_setup;
mod clock;
mod command;
mod commanded;
mod commanded_links;
mod deeds;
mod door;
mod doors;
mod elsewhere;
mod errand;
mod exit;
mod frame_pump;
mod gate;
mod inbox;
mod inject;
mod latency;
mod ledger;
mod life;
mod links;
mod logs;
mod mailbox;
mod messages;
mod namespace;
mod namespace_error;
mod namespaces;
mod network;
mod orders;
mod process;
mod proxies;
mod ready;
mod roads;
mod runner;
mod shutter;
mod sight;
mod silent_pump;
mod spawner;
mod stream_pump;
mod system_calls;
mod threads;
mod user_namespace;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::effect::{ClientRule, Effect, Link, LinkRule, NodeId, Outcome};
use crate::evidence::{Traffic, indeterminate, skipped};
use crate::fault::Need;
use crate::view::ProcessState;

pub use child_setup::companion;
pub use clock::Clock;
pub use command::NodeCommand;
pub use exit::{Breach, NodeExit, Unexpected, last_lines};
pub use latency::{Latency, Spread};
pub use ledger::{Debt, left_behind};
pub use logs::{Lengths, Logs};
pub use messages::{Message, Messages, Outside};
pub use namespace_error::{NamespaceError, Obstacle, Step};
pub use network::{Direction, FrameForm, Framing, Mark, Network, Packed, Plan, Prefix};
pub use orders::{
    Answering, Deed, Instructions, LinkOrders, NodeOrders, Order, Orders, Probe, Reached, Redact, Says,
};
pub use ready::{Addresses, Answers, Asks, Ready};
pub use runner::RunnerError;
pub use user_namespace::allow_namespaces;

use commanded::Told;
use errand::Kit;
use life::Life;
use links::Links;
use process::NodeProcess;
use spawner::Spawner;

/// How long a drop waits for processes that were killed.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Why the hands could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HandsError {
    /// No port to listen on.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Bind(#[source] io::Error),
    /// No thread, or no event loop, for the links.
    #[error("cannot serve the links: {0}")]
    Thread(#[source] io::Error),
    /// No namespaces.
    #[error(transparent)]
    Namespaces(#[from] NamespaceError),
    /// Nobody knows where a node is.
    #[error("where {node} is, at {client}, is not to be found: {why}")]
    Nowhere {
        /// Which.
        node: NodeId,
        /// Where its clients were to reach it.
        client: String,
        /// Why not.
        why: String,
    },
    /// No commands.
    #[error(transparent)]
    Commands(#[from] RunnerError),
}

/// Carry out effects on the processes and links of one cluster. A clone is another handle of the same; with the last
/// one every process, port and task is gone.
#[derive(Clone)]
pub struct Hands {
    owned: Arc<Owned>,
}

struct Owned {
    clock: Clock,
    nodes: Vec<Arc<dyn Life>>,
    led: Led,
    links: Box<dyn Links>,
    has_namespaces: bool,
    messages: Option<Messages>,
    unexpected: Mutex<mpsc::UnboundedReceiver<Unexpected>>,
    /// Keeps the channel open where nobody watches the nodes.
    _tell: mpsc::UnboundedSender<Unexpected>,
}

/// What leads the nodes.
enum Led {
    /// The hands themselves.
    Processes(Vec<Arc<NodeProcess>>),
    /// Commands.
    Commands(Told),
}

impl Led {
    fn lives(&self) -> Vec<Arc<dyn Life>> {
        match self {
            Led::Processes(processes) => {
                let lives = processes.iter().cloned();
                lives.map(|process| process as Arc<dyn Life>).collect()
            }
            Led::Commands(_) => Vec::new(),
        }
    }
}

impl Hands {
    /// Hands for a cluster of `nodes`, none of which is started. Every listener is bound when this returns.
    pub async fn new(nodes: usize, network: Network, clock: Clock) -> Result<Hands, HandsError> {
        let (tell, unexpected) = mpsc::unbounded_channel();
        let process = |node, spawner, messages: Option<&Messages>| {
            Arc::new(NodeProcess::new(node, spawner, messages.cloned(), tell.clone()))
        };
        let ids = NodeId::all(nodes);
        let (led, links, messages): (Led, Box<dyn Links>, _) = match &network {
            Network::Proxies(framing) => {
                let spawner = Spawner::shared().map_err(HandsError::Thread)?;
                let nodes: Vec<_> = ids.map(|node| process(node, spawner.clone(), None)).collect();
                let links = proxies::open(&nodes, framing.clone(), clock)?;
                (Led::Processes(nodes), Box::new(links), None)
            }
            Network::Namespaces(plan) => {
                let namespaces = namespaces::make(nodes)?;
                let links = namespaces::open(&namespaces, plan, clock)?;
                let spawners = namespaces.into_iter().map(|namespace| namespace.thread);
                let nodes = ids
                    .zip(spawners)
                    .map(|(node, spawner)| process(node, spawner, None));
                (Led::Processes(nodes.collect()), Box::new(links), None)
            }
            Network::Messages => {
                let spawner = Spawner::shared().map_err(HandsError::Thread)?;
                let messages = Messages::new(nodes, clock, tell.clone());
                let nodes = ids.map(|node| process(node, spawner.clone(), Some(&messages)));
                let links = Box::new(messages.clone());
                (Led::Processes(nodes.collect()), links, Some(messages))
            }
            Network::Commands(reached) => return Hands::commanding(reached, clock).await,
        };
        Ok(Hands {
            owned: Arc::new(Owned {
                clock,
                nodes: led.lives(),
                led,
                links,
                messages,
                has_namespaces: matches!(network, Network::Namespaces(_)),
                unexpected: Mutex::new(unexpected),
                _tell: tell,
            }),
        })
    }

    /// Lead the nodes like this from now on. Commands are told once.
    ///
    /// # Errors
    /// What commands leave to be undone cannot be kept in the run's folder.
    pub fn instruct(&self, instructions: Instructions) -> Result<(), HandsError> {
        match (instructions, &self.owned.led) {
            (Instructions::Processes(commands), _) => {
                for (node, command) in NodeId::all(commands.len()).zip(commands) {
                    self.set_command(node, command);
                }
            }
            (Instructions::Commands(orders), Led::Commands(told)) => {
                let _ = told.set(Kit::new(*orders, self.owned.clock)?);
            }
            // Processes of the harness need none.
            (Instructions::Commands(_), Led::Processes(_)) => {}
        }
        Ok(())
    }

    /// What carries the nodes' messages, where they speak in lines.
    pub fn messages(&self) -> Option<&Messages> {
        self.owned.messages.as_ref()
    }

    /// Which needs of faults can be met.
    pub fn can(&self) -> Vec<Need> {
        let own: &[Need] = match self.owned.led {
            Led::Processes(_) => &[Need::Processes, Need::Restarts],
            Led::Commands(_) => &[],
        };
        [own, self.owned.links.can()].concat()
    }

    /// What `link.0` dials to reach `link.1`; the same over restarts.
    ///
    /// # Panics
    /// If there is no such link.
    pub fn peer_address(&self, link: Link) -> SocketAddr {
        match self.owned.links.peer_addresses(link) {
            [address, ..] => *address,
            [] => panic!("there is no link from {} to {}", link.0, link.1),
        }
    }

    /// What clients of this node dial; the same over restarts.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn client_address(&self, node: NodeId) -> SocketAddr {
        match self.owned.links.client_addresses(node) {
            [address, ..] => *address,
            [] => panic!("there is no {node}"),
        }
    }

    /// The same for each of the ports that clients dial.
    pub fn client_addresses(&self, node: NodeId) -> &[SocketAddr] {
        self.owned.links.client_addresses(node)
    }

    /// The address that the node has for everybody, where it has one: its own namespace's. It is to listen there.
    pub fn own_address(&self, node: NodeId) -> Option<Ipv4Addr> {
        self.owned.has_namespaces.then(|| namespaces::address(node))
    }

    /// What leads to the node's client address past all rules. Nothing while it is down or not
    /// ready.
    pub fn direct_address(&self, node: NodeId) -> Option<SocketAddr> {
        let own = self.node(node)?.addresses()?.client;
        Some(self.owned.links.direct_address(node).unwrap_or(own))
    }

    /// How the node is to be started from now on.
    pub fn set_command(&self, node: NodeId, command: NodeCommand) {
        if let Led::Processes(processes) = &self.owned.led
            && let Some(process) = processes.get(node.0)
        {
            process.set_command(command);
        }
    }

    /// The node's process, as far as it is known here.
    pub fn process_state(&self, node: NodeId) -> ProcessState {
        self.node(node)
            .map_or(ProcessState::Down, |process| process.state())
    }

    /// How often the node was started.
    pub fn starts(&self, node: NodeId) -> u64 {
        self.node(node).map_or(0, |process| process.starts())
    }

    fn node(&self, node: NodeId) -> Option<&Arc<dyn Life>> {
        self.owned.nodes.get(node.0)
    }

    /// Carry out an effect, and tell what came of it. A start waits for the node to be ready, as long as its command says. Gates and
    /// probes are not a matter of the hands.
    pub async fn apply(&self, effect: &Effect) -> Outcome {
        self.carry_out(effect).await.unwrap_or_else(skipped)
    }

    async fn carry_out(&self, effect: &Effect) -> Result<Outcome, String> {
        let process = |node: NodeId| self.node(node).ok_or_else(|| format!("there is no {node}"));
        let links = &self.owned.links;
        Ok(match effect {
            Effect::Start(node) => start(Arc::clone(process(*node)?)).await,
            Effect::Kill(node) => process(*node)?.kill().await,
            Effect::Pause(node) => process(*node)?.pause().await,
            Effect::Resume(node) => process(*node)?.resume().await,
            Effect::Links { rule, links: which } => links.set(*rule, which).await,
            Effect::Record {
                kind,
                first,
                links: which,
            } => links.record(*kind, *first, which),
            Effect::Inject { links: which } => links.inject(which).await,
            Effect::Clients { rule, nodes } => links.set_clients(*rule, nodes),
            Effect::Gate { .. } | Effect::Probe(_) => skipped("not a matter of the hands"),
        })
    }

    /// Undo everything: every link passes, every paused node runs, every node that is down is started. Only effects
    /// that were needed are carried out.
    pub async fn heal_all(&self) -> Vec<(Effect, Outcome)> {
        let (links, nodes) = self.owned.links.changed();
        let mut needed = Vec::new();
        if !links.is_empty() {
            needed.push(Effect::links(LinkRule::Pass, links));
        }
        if !nodes.is_empty() {
            let rule = ClientRule::Pass;
            needed.push(Effect::Clients { rule, nodes });
        }
        let mut done = Vec::new();
        for effect in needed {
            let outcome = self.apply(&effect).await;
            done.push((effect, outcome));
        }
        let mut revived = JoinSet::new();
        for process in &self.owned.nodes {
            let (hands, process) = (self.clone(), Arc::clone(process));
            revived.spawn(async move { hands.revive(&*process).await });
        }
        done.extend(revived.join_all().await.into_iter().flatten());
        done
    }

    async fn revive(&self, process: &dyn Life) -> Option<(Effect, Outcome)> {
        process.settled().await;
        let effect = match process.state() {
            ProcessState::Paused => Effect::Resume(process.node()),
            ProcessState::Down => Effect::Start(process.node()),
            ProcessState::Starting | ProcessState::Running => return None,
        };
        let outcome = self.apply(&effect).await;
        Some((effect, outcome))
    }

    /// End every process for good: continued if it was paused, SIGTERM, and after `grace` SIGKILL. Afterwards no
    /// process is left, and nothing is started any more. Tells how those ended that were there.
    pub async fn stop_all(&self, grace: Duration) -> Vec<NodeExit> {
        let mut stopped = JoinSet::new();
        for process in &self.owned.nodes {
            let process = Arc::clone(process);
            stopped.spawn(async move { process.stop(grace).await });
        }
        let mut exits: Vec<NodeExit> = stopped.join_all().await.into_iter().flatten().collect();
        exits.sort_by_key(|exit| exit.node);
        exits
    }

    /// SIGKILL to every process, without waiting for anything; nothing is started any more. For the second Ctrl-C and
    /// for panics.
    pub fn kill_all_now(&self) {
        self.owned.kill_all_now();
    }

    /// A node that died although nobody here asked for it, or broke its protocol; each is told once. Whether a node that is
    /// being started dies, its start tells.
    pub async fn next_unexpected(&self) -> Unexpected {
        match self.owned.unexpected.lock().await.recv().await {
            Some(unexpected) => unexpected,
            // These hands hold the other end.
            None => std::future::pending().await,
        }
    }

    /// What went through each link between nodes since the run began.
    pub fn link_counters(&self) -> BTreeMap<Link, Traffic> {
        self.owned.links.counters()
    }

    /// What went through the client link of each node since the run began, both ways.
    pub fn client_counters(&self) -> BTreeMap<NodeId, Traffic> {
        self.owned.links.client_counters()
    }

    /// The clock of the run.
    pub fn clock(&self) -> Clock {
        self.owned.clock
    }
}

/// A start goes on to its end even if nobody waits for it any more: the node would stay `Starting` for ever.
async fn start(process: Arc<dyn Life>) -> Outcome {
    match tokio::spawn(process.start()).await {
        Ok(outcome) => outcome,
        Err(error) => indeterminate(error.to_string(), &serde_json::json!({})),
    }
}

impl Owned {
    fn kill_all_now(&self) {
        for process in &self.nodes {
            process.kill_now();
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.kill_all_now();
        let end = Instant::now() + LAST_WAIT;
        while self.nodes.iter().any(|node| node.lingers()) && Instant::now() < end {
            std::thread::sleep(process::GLANCE);
        }
    }
}
