//! Every listener of a run, and the thread that carries what comes in.
//!
//! One thread with an event loop of its own: a burst of frames on many links costs one wake-up, nothing moves between
//! processors, and when the thread ends no port and no task is left.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::clock::Clock;
use super::gate::Gate;
use super::process::NodeProcess;
use super::{HandsError, frame_pump, stream_pump};
use crate::effect::{Link, NodeId};

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
pub(super) struct Network {
    pub(super) framing: Framing,
    peers: BTreeMap<Link, Door>,
    clients: Vec<Door>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Network {
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
        Ok(Network {
            framing,
            peers,
            clients,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Every link between two nodes.
    pub(super) fn peers(&self) -> impl Iterator<Item = (Link, &Door)> {
        self.peers.iter().map(|(link, door)| (*link, door))
    }

    pub(super) fn peer(&self, link: Link) -> Option<&Door> {
        self.peers.get(&link)
    }

    pub(super) fn client(&self, node: NodeId) -> Option<&Door> {
        self.clients.get(node.0)
    }
}

impl Drop for Network {
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
