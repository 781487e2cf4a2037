//! Connections between peers: one for each direction, dialled by whoever sends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::frame::{self, Frame, FrameError, Hello, Incoming, VERSION};
use crate::inbox::Inbox;
use crate::log::log;
use crate::raft::types::NodeId;

/// So many batches of frames wait for a peer; what is more is dropped, Raft sends it again.
const QUEUE: usize = 256;
/// A peer that cannot be reached by then is dialled anew.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// Frames that wait together are written together, up to so many bytes.
const WRITE_AT_ONCE: usize = 1 << 20;
/// Bytes are read in portions of about so many.
const READ_AT_ONCE: usize = 16 << 10;
/// Whoever dials says who it is within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// Who this node is to its peers.
#[derive(Clone)]
pub struct Me {
    /// The cluster's name.
    pub cluster: String,
    /// This node's name.
    pub id: NodeId,
}

/// Keep a connection to a peer; frames go into the queue.
pub fn dial(me: &Me, peer: &NodeId, address: SocketAddr) -> Sender<Vec<u8>> {
    let (queue, frames) = channel(QUEUE);
    let mut hello = Vec::new();
    frame::write(
        &mut hello,
        &Frame::Hello(Hello {
            version: VERSION,
            cluster: me.cluster.clone(),
            from: me.id.to_string(),
            to: peer.to_string(),
        }),
    );
    tokio::spawn(keep_dialling(address, hello, frames));
    queue
}

async fn keep_dialling(address: SocketAddr, hello: Vec<u8>, mut frames: Receiver<Vec<u8>>) {
    while !frames.is_closed() {
        if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            // What waited while there was no connection is old by now.
            while frames.try_recv().is_ok() {}
            // A broken connection is dialled again; there is nobody to tell.
            let _ = speak(stream, &hello, &mut frames).await;
        }
        let pause = 10 + rand::random::<u64>() % 20;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

async fn speak(mut stream: TcpStream, hello: &[u8], frames: &mut Receiver<Vec<u8>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(hello).await?;
    let mut nothing = [0; 1];
    loop {
        let first = tokio::select! {
            first = frames.recv() => first,
            // Nobody ever answers here, so that readable means closed.
            _ = stream.read(&mut nothing) => return Ok(()),
        };
        let Some(mut together) = first else { return Ok(()) };
        while together.len() < WRITE_AT_ONCE
            && let Ok(more) = frames.try_recv()
        {
            together.extend_from_slice(&more);
        }
        stream.write_all(&together).await?;
    }
}

/// Take connections of peers, and hand their messages to the node.
pub async fn listen(me: Me, peers: Arc<[NodeId]>, listener: TcpListener, inbox: Inbox) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (me, peers, inbox) = (me.clone(), Arc::clone(&peers), inbox.clone());
                tokio::spawn(async move {
                    if let Err(error) = hear(&me, &peers, stream, &inbox).await {
                        log(&format!("a peer's connection is closed: {error}"));
                    }
                });
            }
            // Out of file descriptors, say: wait instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Why a connection is closed by this side.
#[derive(Debug, thiserror::Error)]
enum HearError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("expected a hello of version {VERSION} from a peer of {cluster} to {id}, got {got}")]
    Stranger {
        cluster: String,
        id: NodeId,
        got: String,
    },
}

async fn hear(me: &Me, peers: &[NodeId], mut stream: TcpStream, inbox: &Inbox) -> Result<(), HearError> {
    let _ = stream.set_nodelay(true);
    let mut incoming = Incoming::default();
    let first = tokio::time::timeout(HELLO_WITHIN, next(&mut stream, &mut incoming)).await;
    let Ok(Some(first)) = first.unwrap_or(Ok(None)) else {
        return Ok(());
    };
    let from = introduce(me, peers, first)?;
    while let Some(frame) = next(&mut stream, &mut incoming).await? {
        match frame {
            Frame::Message(message) => inbox.message(from.clone(), message),
            Frame::Forward(forward) => inbox.forward(from.clone(), forward),
            Frame::Forwarded(forwarded) => inbox.forwarded(forwarded),
            Frame::Hello(_) => return Err(stranger(me, "a second hello")),
        }
    }
    Ok(())
}

fn stranger(me: &Me, got: &str) -> HearError {
    HearError::Stranger {
        cluster: me.cluster.clone(),
        id: me.id.clone(),
        got: got.to_owned(),
    }
}

fn introduce(me: &Me, peers: &[NodeId], first: Frame) -> Result<NodeId, HearError> {
    let Frame::Hello(hello) = first else {
        return Err(stranger(me, "another frame"));
    };
    let ours = hello.version == VERSION && hello.cluster == me.cluster && hello.to == *me.id.0;
    let from = peers.iter().find(|peer| *peer.0 == hello.from).filter(|_| ours);
    from.cloned().ok_or_else(|| stranger(me, &format!("{hello:?}")))
}

/// The next frame; none when the peer has gone.
async fn next(stream: &mut TcpStream, incoming: &mut Incoming) -> Result<Option<Frame>, FrameError> {
    loop {
        if let Some(frame) = incoming.next_frame()? {
            return Ok(Some(frame));
        }
        let room = incoming.room();
        room.reserve(READ_AT_ONCE);
        match stream.read_buf(room).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}
