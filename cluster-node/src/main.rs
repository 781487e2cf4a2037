//! `cluster-node`: a Raft key-value store in one binary, whose rules can be broken one by one.
//!
//! ```text
//!   HTTP ─┐                    ┌─ storage: one write and one fdatasync for a batch
//!         ├─► inbox ─► node ───┤
//!   peers ┘         (a thread) └─ raft: step(now, input) → persist, then send, apply, reply
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`raft`] | the core: no I/O, no clock |
//! | [`machine`] | keys, values, sessions |
//! | [`storage`] | the log file |
//! | [`node`] | the thread that brings these three together |
//! | [`frame`], [`peers`] | the peer protocol, and its sockets |
//! | [`http`] | the client interface |
//! | [`cli`] | the command line, and the ready file |
//!
//! Invariant: nothing leaves a node (no message, no answer) before what it promises is on disk.

mod cli;
mod frame;
mod http;
mod machine;
mod node;
mod peers;
mod raft;
mod storage;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::mpsc::Sender;

use crate::cli::{Args, Ready};
use crate::frame::Frame;
use crate::machine::Machine;
use crate::node::{Inbox, Network, Node};
use crate::raft::Raft;
use crate::raft::types::{Message, Millis, NodeId};
use crate::storage::{Opened, Storage};

fn main() -> ExitCode {
    let args = Args::parse();
    let id = args.id.clone();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&format!("{id} cannot go on: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line on standard error; nobody is there to be told if that fails.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "cluster-node: {line}");
}

fn run(args: Args) -> anyhow::Result<()> {
    let config = args.config()?;
    let peer_ids = args.peer_ids()?;
    let Opened {
        storage,
        recovered,
        incarnation,
        torn_bytes,
    } = Storage::open(&args.data, &args.cluster, &args.id)?;
    if torn_bytes > 0 {
        log(&format!("{} cut off a torn tail of {torn_bytes} bytes", args.id));
    }
    let bugs = if args.bugs.is_empty() {
        "none".to_owned()
    } else {
        args.bugs.join(", ")
    };
    log(&format!(
        "{} starts: incarnation {incarnation}, profile {}, bugs: {bugs}, term {}, {} entries",
        args.id,
        args.profile.as_str(),
        recovered.hard.term,
        recovered.entries.len()
    ));
    let began = Instant::now();
    // Each start draws from a stream of its own, or a restarted node would repeat its timeouts.
    let seed = args
        .seed
        .unwrap_or_else(rand::random)
        .wrapping_add(incarnation << 32);
    let me = NodeId::from(args.id.as_str());
    let raft = Raft::new(me.clone(), peer_ids.clone(), config, seed, recovered, Millis(0));
    let (inbox, arrivals) = node::inbox();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sockets = runtime.block_on(open_sockets(&args, &me, &peer_ids, incarnation, inbox.clone()))?;
    let machine = Machine::new(args.session_limit);
    let node = Node::new(raft, storage, machine, sockets, began, args.op_timeout());
    let (ended, has_ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("node".to_owned())
        .spawn(move || {
            let result = node.run(&arrivals);
            let _ = ended.send(());
            result
        })?;
    if args.exit_with_stdin {
        stop_with_stdin(inbox.clone())?;
    }
    runtime.block_on(until_told_to_stop(inbox, has_ended))?;
    match thread.join() {
        Ok(result) => result?,
        Err(_) => anyhow::bail!("the node's thread panicked; this is a bug of ours"),
    }
    log(&format!("{} has stopped", args.id));
    Ok(())
}

/// SIGTERM and Ctrl-C stop the node; so does its own end.
async fn until_told_to_stop(inbox: Inbox, ended: tokio::sync::oneshot::Receiver<()>) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut ended = std::pin::pin!(ended);
    tokio::select! {
        _ = terminate.recv() => inbox.stop(),
        _ = tokio::signal::ctrl_c() => inbox.stop(),
        _ = &mut ended => return Ok(()),
    }
    let _ = ended.await;
    Ok(())
}

/// A pipe on standard input ends when whoever started this node has gone.
fn stop_with_stdin(inbox: Inbox) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut nothing = [0; 64];
            while std::io::stdin().read(&mut nothing).is_ok_and(|length| length > 0) {}
            inbox.stop();
        })?;
    Ok(())
}

/// Bind, listen, dial, and tell that the node is ready.
async fn open_sockets(
    args: &Args,
    me: &NodeId,
    peers: &[NodeId],
    incarnation: u64,
    inbox: Inbox,
) -> anyhow::Result<Sockets> {
    let (client, client_address) = bind(args.client_listen, "--client-listen").await?;
    let (peer, peer_address) = bind(args.peer_listen, "--peer-listen").await?;
    let myself = peers::Me {
        cluster: args.cluster.clone(),
        id: me.clone(),
    };
    let about = http::About {
        id: me.clone(),
        incarnation,
        profile: args.profile.as_str(),
        bugs: args.bugs.clone().into(),
        body_limit: args.body_limit_bytes,
    };
    let router = http::router(inbox.clone(), about);
    tokio::spawn(async move { axum::serve(NoDelay(client), router).await });
    let sockets = args
        .peers
        .iter()
        .map(|(id, address)| (NodeId::from(id.as_str()), *address))
        .map(|(id, address)| (id.clone(), peers::dial(&myself, &id, address)))
        .collect();
    tokio::spawn(peers::listen(myself, Arc::from(peers), peer, inbox));
    if let Some(path) = &args.ready_file {
        let ready = Ready {
            ready: 1,
            id: &args.id,
            incarnation,
            pid: std::process::id(),
            client: client_address,
            peer: peer_address,
            profile: args.profile.as_str(),
            bugs: &args.bugs,
        };
        ready
            .write(path)
            .with_context(|| format!("cannot write --ready-file {}", path.display()))?;
    }
    log(&format!(
        "{} is ready: clients at {client_address}, peers at {peer_address}",
        args.id
    ));
    Ok(Sockets(sockets))
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {flag} {address}"))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// A listener whose connections send small answers at once.
struct NoDelay(TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// The queues to the peers.
struct Sockets(BTreeMap<NodeId, Sender<Vec<u8>>>);

impl Network for Sockets {
    fn send(&self, to: &NodeId, message: Message) {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &Frame::Message(message));
        if let Some(queue) = self.0.get(to) {
            // A full queue loses the frame, as a network would.
            let _ = queue.try_send(bytes);
        }
    }
}
