//! Which network a cluster has.

use std::sync::Arc;

use super::orders::Reached;
use crate::effect::FrameKind;

/// How the nodes reach each other, and how their clients reach them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Listeners on the loopback of this machine, one for each directed pair of nodes: for systems that can be told
    /// another address of a peer by each of their nodes. Needs no rights, and runs on every Unix.
    Proxies(Framing),
    /// A network namespace per node, in which the same address reaches a node from everywhere: for systems that know one
    /// address per peer. Linux only, as root or after [`super::allow_namespaces`].
    Namespaces(Plan),
    /// None between processes: the nodes speak in lines on their standard input and output, as Maelstrom's do, and the harness
    /// carries each line. Needs no rights, and runs on every Unix.
    Messages,
    /// Their own, wherever they are: commands reach the nodes and their links.
    Commands(Reached),
}

/// What a system uses of the network where it has namespaces. Node j is 127.0.0.j there, and has to listen there: one that
/// listens everywhere (0.0.0.0) collides at its peers' ports with the listeners of the harness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the peers say to each other, and what a cut of it means.
    pub framing: Framing,
    /// The ports at which nodes dial each other, the same on each.
    pub peer_ports: Vec<u16>,
    /// The ports that only clients dial; the first is the one that [`super::Hands::client_address`] leads to.
    pub client_ports: Vec<u16>,
}

/// What the peers of a system say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frames as in docs/cluster-node.md: `length u32 LE | type u8 | body`, one way on each connection. A cut drops
    /// whole frames and leaves the connections open. Type 1, the Hello, passes as the first frame of a connection
    /// whatever the rule is; type 6 is an AppendEntries with entries.
    Frames,
    /// Anything else, both ways on each connection. A cut is silent, as in a real network: what is sent is swallowed, a
    /// new connection does not complete, and what was swallowed from is reset at the heal. Bytes can be delayed, in
    /// order; frames can be counted where their form is known.
    Stream(Direction, Option<Arc<FrameForm>>),
}

/// How peers cut what they say into frames: as much of their protocol as it takes to tell kinds of frames apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameForm {
    /// The length in front of each frame.
    pub length: Prefix,
    /// What the rest of a frame is packed with.
    pub packed: Packed,
    /// What each kind is known by; the first that fits counts.
    pub kinds: Vec<(FrameKind, Mark)>,
}

/// A length in front of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// How wide it is, 1 to 8 bytes.
    pub bytes: u8,
    /// Whether its first byte is the least.
    pub little_endian: bool,
    /// Whether it counts its own bytes, too.
    pub counts_itself: bool,
}

/// What frames are packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// Nothing.
    Plain,
    /// A zlib stream for each frame (RFC 1950).
    Zlib,
}

/// What a kind of frames is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What occurs in its first kilobyte, unpacked; nothing, if empty.
    pub has: String,
    /// How many bytes it has at least, packed and with its length.
    pub at_least: usize,
}

/// What belongs to the link from one node to another, where a connection carries bytes both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// What travels that way, on any connection between the two, whoever dialled it. That is what a network does, and what
    /// systems need that send both ways over one connection (PySyncObj, the routes of NATS).
    #[default]
    Bytes,
    /// Both ways of the connections that the first has dialled to the second: for systems whose replies travel on the
    /// other node's own connection (etcd, dqlite), which otherwise could not be cut by who asks.
    Dialer,
}
