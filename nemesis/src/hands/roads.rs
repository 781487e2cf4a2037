//! What lies behind the doors, and the thread that carries what comes in.
//!
//! One thread with an event loop of its own: a burst of frames on many links costs one wake-up, nothing moves between
//! processors, and when the thread ends no port and no task is left.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::gate::Gate;
use super::namespace::Namespace;
use super::process::NodeProcess;
use super::silent_pump::{self, Pass};
use super::{frame_pump, stream_pump};

/// How long a listener rests when the process has no descriptor left for another connection.
const EXHAUSTED: Duration = Duration::from_millis(10);

/// The way from a listener to a node.
#[derive(Clone)]
pub(super) struct Road {
    pub(super) target: Target,
    pub(super) pump: Pump,
}

/// What carries the bytes, by which rules.
#[derive(Clone)]
pub(super) enum Pump {
    /// One way, frame by frame.
    Frames(Arc<Gate>),
    /// Both ways, between nodes.
    Silent(Pass),
    /// Both ways, between a client and a node.
    Client(Arc<Gate>),
}

/// Whom a connection is for.
#[derive(Clone)]
pub(super) enum Target {
    /// Where the node hears its peers: a new address after each start.
    Peer(Arc<NodeProcess>),
    /// Where it serves clients, likewise.
    Client(Arc<NodeProcess>),
    /// In a namespace: the same address for ever.
    Within {
        /// The node's.
        namespace: Namespace,
        /// As whom it is dialled.
        from: Ipv4Addr,
        /// Where it listens.
        to: SocketAddr,
    },
}

impl Target {
    async fn dial(&self) -> io::Result<TcpStream> {
        let address = match self {
            Target::Peer(node) => node.addresses().and_then(|addresses| addresses.peer),
            Target::Client(node) => node.addresses().map(|addresses| addresses.client),
            Target::Within { namespace, from, to } => return namespace.dial(*from, *to).await,
        };
        TcpStream::connect(address.ok_or(io::ErrorKind::ConnectionRefused)?).await
    }
}

/// The thread that carries, until this is dropped.
pub(super) struct Carrier {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Carrier {
    /// Begin to serve these listeners; they do not block.
    pub(super) fn begin(roads: Vec<(std::net::TcpListener, Road)>) -> io::Result<Self> {
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
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("nemesis-links".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    for (listener, road) in listeners {
                        tokio::spawn(serve(listener, road));
                    }
                    // Nothing is ever sent: the end of the other side is the message.
                    let _ = stopped.await;
                });
            })?;
        Ok(Carrier {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
    if let Pump::Silent(pass) = road.pump {
        return carry_silently(&road.target, pass, down).await;
    }
    let Ok(up) = road.target.dial().await else {
        return;
    };
    if down.set_nodelay(true).and(up.set_nodelay(true)).is_err() {
        return;
    }
    let _ = match road.pump {
        Pump::Frames(gate) => frame_pump::run(gate, down, up).await,
        Pump::Client(gate) => stream_pump::run(gate, down, up).await,
        Pump::Silent(_) => Ok(()),
    };
}

/// A connection that the kernel had accepted when the cut came reaches nobody. One that is refused is reset, unless its
/// dialler cannot hear of it.
async fn carry_silently(target: &Target, pass: Pass, down: TcpStream) {
    let up = match pass.is_cut() {
        true => None,
        false => match target.dial().await {
            Ok(up) => Some(up),
            Err(_) if pass.is_cut() => None,
            Err(_) => return stream_pump::reset(&down),
        },
    };
    let both = [Some(&down), up.as_ref()];
    if both
        .into_iter()
        .flatten()
        .all(|end| end.set_nodelay(true).is_ok())
    {
        silent_pump::run(pass, down, up).await;
    }
}
