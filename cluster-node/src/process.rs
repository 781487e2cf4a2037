//! A node's process: from the command line to the end.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::board::Board;
use crate::cli::{Args, Ready, Settings};
use crate::inbox::{Inbox, inbox};
use crate::journal::JournalFile;
use crate::log::log;
use crate::node::{About, Node, Start};
use crate::outbox::{Departures, outbox};
use crate::raft::types::NodeId;
use crate::storage::{Opened, Storage};
use crate::thread::{self, Joint};
use crate::{http, peers};

/// Run a node until it is told to stop.
pub fn run(args: &Args, settings: Settings) -> anyhow::Result<()> {
    let opened = Storage::open(&args.data, &args.cluster, &args.id)?;
    log_start(args, &opened);
    let Opened {
        storage,
        recovered,
        incarnation,
        ..
    } = opened;
    let me = Myself {
        id: NodeId::from(args.id.as_str()),
        peers: settings.peers,
        incarnation,
    };
    let start = Start {
        id: me.id.clone(),
        peers: me.peers.clone(),
        config: settings.config,
        seed: args.seed.unwrap_or_else(rand::random),
        incarnation,
        recovered,
        session_limit: args.session_limit as usize,
        forward_timeout_ms: args.forward_timeout_ms,
        op_timeout: args.op_timeout(),
        journal: args.journal.is_some().then_some(About {
            profile: args.profile.as_str(),
            bugs: &args.bugs,
        }),
    };
    let journal = args.journal.as_deref();
    let journal = journal
        .map(|folder| JournalFile::create(folder, incarnation))
        .transpose()?;
    let mut node = Node::start(start, thread::now());
    let board = Board::new(node.raft());
    let (inbox, arrivals) = inbox();
    let (outbox, departures) = outbox();
    let mut joint = Joint {
        storage,
        outbox,
        board: board.clone(),
        journal,
    };
    node.begin(&mut joint)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(open_sockets(args, &me, inbox.clone(), board, departures))?;
    let (ended, has_ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("node".to_owned())
        .spawn(move || {
            let result = thread::run(node, joint, &arrivals);
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

/// Who this process is.
struct Myself {
    id: NodeId,
    peers: Vec<NodeId>,
    incarnation: u64,
}

fn log_start(args: &Args, opened: &Opened) {
    if opened.torn_bytes > 0 {
        log(&format!(
            "{} cut off a torn tail of {} bytes",
            args.id, opened.torn_bytes
        ));
    }
    let bugs = match args.bugs.as_slice() {
        [] => "none".to_owned(),
        bugs => bugs.join(", "),
    };
    log(&format!(
        "{} starts: incarnation {}, profile {}, bugs: {bugs}, term {}, {} entries",
        args.id,
        opened.incarnation,
        args.profile.as_str(),
        opened.recovered.hard.term,
        opened.recovered.entries.len()
    ));
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
    me: &Myself,
    inbox: Inbox,
    board: Board,
    departures: Departures,
) -> anyhow::Result<()> {
    let (client, client_address) = bind(args.client_listen, "--client-listen").await?;
    let (peer, peer_address) = bind(args.peer_listen, "--peer-listen").await?;
    let about = http::About {
        id: me.id.clone(),
        incarnation: me.incarnation,
        profile: args.profile.as_str(),
        bugs: args.bugs.clone().into(),
        body_limit: args.body_limit_bytes as usize,
    };
    let router = http::router(inbox.clone(), board, about);
    tokio::spawn(async move { axum::serve(NoDelay(client), router).await });
    let to_peers = peers::Me {
        cluster: args.cluster.clone(),
        id: me.id.clone(),
    };
    let queues: BTreeMap<NodeId, _> = args
        .peers
        .iter()
        .map(|(id, address)| (NodeId::from(id.as_str()), *address))
        .map(|(id, address)| (id.clone(), peers::dial(&to_peers, &id, address)))
        .collect();
    tokio::spawn(departures.distribute(queues));
    tokio::spawn(peers::listen(to_peers, Arc::from(&*me.peers), peer, inbox));
    if let Some(path) = &args.ready_file {
        let ready = Ready {
            ready: 1,
            id: &args.id,
            incarnation: me.incarnation,
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
    Ok(())
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
