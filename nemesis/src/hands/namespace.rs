//! The network namespace of one node, without wires: its loopback is up, and nothing leads anywhere else.
//!
//! One thread is in it, for as long as there is a handle of it. A socket that this thread makes belongs to the namespace for
//! ever, whoever uses it then; a child that it starts lives there. No name, file or mount stands for the namespace: the
//! kernel takes it back when the thread, the sockets and the children are gone, however they went.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::mpsc;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::namespace_error::{NamespaceError, Step};
use super::spawner::Spawner;
use super::system_calls;
use crate::effect::NodeId;

/// A handle of a namespace.
#[derive(Clone)]
pub(super) struct Namespace {
    pub(super) thread: Spawner,
}

/// A namespace that is being made.
pub(super) struct Opening {
    thread: Spawner,
    made: mpsc::Receiver<Result<(), NamespaceError>>,
}

impl Opening {
    /// Wait until it is there.
    pub(super) fn wait(self) -> Result<Namespace, NamespaceError> {
        self.made.recv().map_err(|_| ended())??;
        Ok(Namespace { thread: self.thread })
    }
}

fn ended() -> NamespaceError {
    NamespaceError::Thread(io::Error::other("the thread of the namespace has ended"))
}

impl Namespace {
    /// Have a thread make one. Several are made side by side.
    pub(super) fn open(node: NodeId) -> Result<Opening, NamespaceError> {
        let thread = Spawner::begin(format!("nemesis-{node}")).map_err(NamespaceError::Thread)?;
        let (tell, made) = mpsc::channel();
        thread
            .submit(move || drop(tell.send(enter())))
            .map_err(NamespaceError::Thread)?;
        Ok(Opening { thread, made })
    }

    /// Listeners at these addresses, in their order.
    pub(super) fn listen(&self, addresses: Vec<SocketAddrV4>) -> Result<Vec<TcpListener>, NamespaceError> {
        let (tell, told) = mpsc::channel();
        let listen =
            |address| TcpListener::bind(address).map_err(|source| NamespaceError::Listen { address, source });
        self.thread
            .submit(move || drop(tell.send(addresses.into_iter().map(listen).collect())))
            .map_err(NamespaceError::Thread)?;
        told.recv().map_err(|_| ended())?
    }

    /// Dial from here as `from`.
    pub(super) async fn dial(&self, from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
        let (tell, told) = oneshot::channel();
        self.thread.submit(move || drop(tell.send(socket(from))))?;
        let socket = told.await.map_err(io::Error::other)??;
        TcpSocket::from_std_stream(socket.into()).connect(to).await
    }
}

fn socket(from: Ipv4Addr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    Ok(socket)
}

/// Put this thread into a network namespace of its own.
#[cfg(target_os = "linux")]
fn enter() -> Result<(), NamespaceError> {
    system_calls::leave_network().map_err(|source| NamespaceError::refused(Step::Network, source))?;
    loopback_up().map_err(NamespaceError::Loopback)
}

#[cfg(not(target_os = "linux"))]
fn enter() -> Result<(), NamespaceError> {
    Err(NamespaceError::Unsupported)
}

/// Ask the kernel to set `lo` up, by rtnetlink(7): the loopback of a namespace is its first link.
#[cfg(target_os = "linux")]
fn loopback_up() -> io::Result<()> {
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
    };
    const LOOPBACK: i32 = 1;
    let up = libc::IFF_UP as u32;
    // A nlmsghdr, length first, then an ifinfomsg: family and type, the link, its flags, and which of them are meant.
    let mut message = 32_u32.to_ne_bytes().to_vec();
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(((libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16).to_ne_bytes());
    message.extend([0; 12]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    message.extend(up.to_ne_bytes());
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    send(&netlink, &message, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (_, length) = recv(&netlink, &mut answer, RecvFlags::empty())?;
    // A nlmsghdr, then the error number, negated.
    match answer
        .get(16..20)
        .map(|code| [code[0], code[1], code[2], code[3]])
    {
        Some(code) if length >= 20 => match i32::from_ne_bytes(code) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(-code)),
        },
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
