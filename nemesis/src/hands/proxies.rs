//! The links as proxies: every directed pair of nodes, and every node's clients, talk through a listener of ours, so that
//! nothing needs root. Here are the listeners, and the thread that carries what comes in.
//!
//! One thread with an event loop of its own: a burst of frames on many links costs one wake-up, nothing moves between
//! processors, and when the thread ends no port and no task is left.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::clock::{Clock, micros};
use super::gate::Gate;
use super::links::Links;
use super::process::NodeProcess;
use super::{HandsError, frame_pump, inject, stream_pump};
use crate::effect::{ClientRule, FrameKind, Link, LinkRule, NodeId, Outcome};
use crate::evidence::{Traffic, installed, skipped};
use crate::fault::Need;
use crate::faults::{ClientRuleEnded, ClientRulesSet, RulesSet};

/// How long a listener rests when the process has no descriptor left for another connection.
const EXHAUSTED: Duration = Duration::from_millis(10);

/// What the peers of a system say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frames as in docs/cluster-node.md: `length u32 LE | type u8 | body`, one way on each connection. A cut drops
    /// whole frames and leaves the connections open. Type 1, the Hello, passes as the first frame of a connection
    /// whatever the rule is; type 6 is an AppendEntries with entries.
    Frames,
    /// Anything else, both ways on each connection. A cut resets the connections of that direction's dialler, and
    /// refuses new ones; nothing can be delayed or counted out.
    Stream,
}

/// A port of the harness, and the rule of what lies behind it.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) gate: Arc<Gate>,
}

/// The doors of a run.
pub(super) struct Proxies {
    framing: Framing,
    peers: BTreeMap<Link, Door>,
    clients: Vec<Door>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxies {
    pub(super) fn open(
        nodes: &[Arc<NodeProcess>],
        framing: Framing,
        clock: Clock,
    ) -> Result<Self, HandsError> {
        let mut roads = Vec::new();
        let mut peers = BTreeMap::new();
        for link in Link::all(nodes.len()) {
            let to = Target::Peer(Arc::clone(&nodes[link.1.0]));
            peers.insert(link, door(&mut roads, to, framing, clock)?);
        }
        let mut clients = Vec::with_capacity(nodes.len());
        for node in nodes {
            let to = Target::Client(Arc::clone(node));
            clients.push(door(&mut roads, to, Framing::Stream, clock)?);
        }
        let (stop, stopped) = oneshot::channel();
        let thread = begin(roads, stopped).map_err(HandsError::Thread)?;
        Ok(Proxies {
            framing,
            peers,
            clients,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The doors of these links, if all of them are there and this may be asked of them.
    fn doors(&self, need: Need, links: &[Link]) -> Result<Vec<(Link, &Door)>, &'static str> {
        if !self.can().contains(&need) {
            return Err("frames are not known in this system's streams: they can only be cut");
        }
        let door = |link: &Link| Some((*link, self.peers.get(link)?));
        let doors: Option<_> = links.iter().map(door).collect();
        doors.ok_or("there is no such link")
    }

    fn clients(&self) -> impl Iterator<Item = (NodeId, &Door)> {
        NodeId::all(self.clients.len()).zip(&self.clients)
    }
}

impl Links for Proxies {
    fn can(&self) -> &'static [Need] {
        match self.framing {
            Framing::Frames => &[Need::Links, Need::Frames, Need::Clients],
            Framing::Stream => &[Need::Links, Need::Clients],
        }
    }

    fn peer_address(&self, link: Link) -> Option<SocketAddr> {
        Some(self.peers.get(&link)?.address)
    }

    fn client_address(&self, node: NodeId) -> Option<SocketAddr> {
        Some(self.clients.get(node.0)?.address)
    }

    fn set(&self, rule: LinkRule, links: &[Link]) -> Outcome {
        let begun = Instant::now();
        let need = match rule {
            LinkRule::Pass | LinkRule::Cut => Need::Links,
            LinkRule::DelayMs(_) | LinkRule::PassThenCut(_) => Need::Frames,
        };
        let doors = match self.doors(need, links) {
            Ok(doors) => doors,
            Err(reason) => return skipped(reason),
        };
        let ended = doors.into_iter().map(|(link, door)| door.gate.set(link, rule));
        installed(&RulesSet {
            ended: ended.collect(),
            in_force_us: micros(begun.elapsed()),
        })
    }

    fn set_clients(&self, rule: ClientRule, nodes: &[NodeId]) -> Outcome {
        let door = |node: &NodeId| Some((*node, self.clients.get(node.0)?));
        let doors: Option<Vec<_>> = nodes.iter().map(door).collect();
        let Some(doors) = doors else {
            return skipped("there is no such node");
        };
        let ended = doors.into_iter().map(|(node, door)| {
            let (was, dropped) = door.gate.set_clients(rule);
            ClientRuleEnded { node, was, dropped }
        });
        let ended = ended.collect();
        installed(&ClientRulesSet { ended })
    }

    fn record(&self, kind: FrameKind, first: u64, links: &[Link]) -> Outcome {
        match self.doors(Need::Frames, links) {
            Ok(doors) => inject::record(&doors, kind, first),
            Err(reason) => skipped(reason),
        }
    }

    fn inject<'a>(&'a self, links: &'a [Link]) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            match self.doors(Need::Frames, links) {
                Ok(doors) => inject::inject(&doors).await,
                Err(reason) => skipped(reason),
            }
        })
    }

    fn changed(&self) -> (Vec<Link>, Vec<NodeId>) {
        let links = self
            .peers
            .iter()
            .filter(|(_, door)| door.gate.lock().rule != LinkRule::Pass);
        let nodes = self
            .clients()
            .filter(|(_, door)| door.gate.lock().client_rule != ClientRule::Pass);
        (
            links.map(|(link, _)| *link).collect(),
            nodes.map(|(node, _)| node).collect(),
        )
    }

    fn counters(&self) -> BTreeMap<Link, Traffic> {
        let counted = |(link, door): (&Link, &Door)| (*link, door.gate.lock().traffic);
        self.peers.iter().map(counted).collect()
    }

    fn client_counters(&self) -> BTreeMap<NodeId, Traffic> {
        self.clients()
            .map(|(node, door)| (node, door.gate.lock().traffic))
            .collect()
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whom a connection is for; the address behind it is a new one after each start.
#[derive(Clone)]
enum Target {
    Peer(Arc<NodeProcess>),
    Client(Arc<NodeProcess>),
}

impl Target {
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Target::Peer(node) => node.addresses()?.peer,
            Target::Client(node) => Some(node.addresses()?.client),
        }
    }
}

/// What lies behind a door.
#[derive(Clone)]
struct Road {
    gate: Arc<Gate>,
    target: Target,
    framing: Framing,
}

fn door(
    roads: &mut Vec<(std::net::TcpListener, Road)>,
    target: Target,
    framing: Framing,
    clock: Clock,
) -> Result<Door, HandsError> {
    let (listener, address) = bind().map_err(HandsError::Bind)?;
    let gate = Arc::new(Gate::new(clock));
    let road = Road {
        gate: Arc::clone(&gate),
        target,
        framing,
    };
    roads.push((listener, road));
    Ok(Door { address, gate })
}

fn bind() -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn begin(
    roads: Vec<(std::net::TcpListener, Road)>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let listeners = {
        let _here = runtime.enter();
        roads
            .into_iter()
            .map(|(listener, road)| Ok((TcpListener::from_std(listener)?, road)))
            .collect::<io::Result<Vec<_>>>()?
    };
    thread::Builder::new()
        .name("nemesis-links".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                for (listener, road) in listeners {
                    tokio::spawn(serve(listener, road));
                }
                // Nothing is ever sent: the end of the other side is the message.
                let _ = stopped.await;
            });
        })
}

async fn serve(listener: TcpListener, road: Road) {
    loop {
        match listener.accept().await {
            Ok((down, _)) => drop(tokio::spawn(carry(road.clone(), down))),
            Err(_) => tokio::time::sleep(EXHAUSTED).await,
        }
    }
}

/// Carry one connection to its end. Whatever ends it, the dialler sees only that: nodes and clients dial again.
async fn carry(road: Road, down: TcpStream) {
    if road.framing == Framing::Stream && refuse(&road.gate, &down) {
        return;
    }
    let Some(address) = road.target.address() else {
        return;
    };
    let Ok(up) = TcpStream::connect(address).await else {
        return;
    };
    if down.set_nodelay(true).and(up.set_nodelay(true)).is_err() {
        return;
    }
    let _ = match road.framing {
        Framing::Frames => frame_pump::run(road.gate, down, up).await,
        Framing::Stream => stream_pump::run(road.gate, down, up).await,
    };
}

/// A cut stream takes no new connection.
fn refuse(gate: &Gate, down: &TcpStream) -> bool {
    let mut shared = gate.lock();
    let is_cut = shared.is_cut();
    if is_cut {
        shared.traffic.refused += 1;
        stream_pump::reset(down);
    }
    is_cut
}
