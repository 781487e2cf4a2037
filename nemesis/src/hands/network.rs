//! Which network a cluster has.

use super::orders::Reached;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frames as in docs/cluster-node.md: `length u32 LE | type u8 | body`, one way on each connection. A cut drops
    /// whole frames and leaves the connections open. Type 1, the Hello, passes as the first frame of a connection
    /// whatever the rule is; type 6 is an AppendEntries with entries.
    Frames,
    /// Anything else, both ways on each connection. A cut is silent, as in a real network: what is sent is swallowed, a
    /// new connection does not complete, and what was swallowed from is reset at the heal. Nothing can be delayed or
    /// counted out.
    Stream(Direction),
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
