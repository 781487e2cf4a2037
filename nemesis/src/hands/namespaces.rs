//! The network of namespaces, for programs that know one address per peer: each node lives in a network namespace of its own
//! whose loopback is all there is.
//!
//! ```text
//!   the namespace of n1 = 127.0.0.1                        the namespace of n2 = 127.0.0.2
//!   n1 ── dials 127.0.0.2:2380 ──▶ listener of ours ══▶ dials as 127.0.0.1 ──▶ n2 at 127.0.0.2:2380
//! ```
//!
//! Node j is 127.0.0.j everywhere. In the namespace of node i a listener of ours stands at the address of every other node; what
//! comes to it goes on from inside the other's namespace, from the address of node i. So who dials is known whatever the
//! protocol is, and each program is started as on a host of its own. Clients, on the loopback of this machine, knock at
//! listeners there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use super::HandsError;
use super::clock::Clock;
use super::doors::{Doors, Layout};
use super::namespace::Namespace;
use super::namespace_error::NamespaceError;
use super::network::Plan;
use super::roads::Target;
use crate::effect::{Link, NodeId};

/// As whom clients are seen by the nodes: no node's address.
const CLIENTS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 254);

/// The address of a node, everywhere.
pub(super) fn address(node: NodeId) -> Ipv4Addr {
    // There are fewer nodes than addresses: a run of more than 200 would not fit on a machine.
    Ipv4Addr::new(127, 0, 0, u8::try_from(node.0 + 1).unwrap_or(u8::MAX))
}

/// A namespace for each of so many nodes.
pub(super) fn make(nodes: usize) -> Result<Vec<Namespace>, NamespaceError> {
    let opening: Vec<_> = NodeId::all(nodes)
        .map(Namespace::open)
        .collect::<Result<_, _>>()?;
    opening.into_iter().map(|opening| opening.wait()).collect()
}

/// Doors for the nodes in these namespaces. All of them are open.
pub(super) fn open(namespaces: &[Namespace], plan: &Plan, clock: Clock) -> Result<Doors, HandsError> {
    let mut layout = Layout::new(namespaces.len(), plan.framing.clone(), clock);
    for (node, namespace) in NodeId::all(namespaces.len()).zip(namespaces) {
        let ways: Vec<(Link, u16)> = Link::all(namespaces.len())
            .filter(|link| link.0 == node)
            .flat_map(|link| plan.peer_ports.iter().map(move |port| (link, *port)))
            .collect();
        let addresses = ways
            .iter()
            .map(|(link, port)| SocketAddrV4::new(address(link.1), *port));
        let listeners = namespace.listen(addresses.collect())?;
        for ((link, port), listener) in ways.into_iter().zip(listeners) {
            let target = target(&namespaces[link.1.0], address(node), link.1, port);
            layout.peer(link, listener, target).map_err(HandsError::Bind)?;
        }
        clients(&mut layout, node, namespace, plan).map_err(HandsError::Bind)?;
    }
    layout.open()
}

/// The doors of a node's clients, and the one for what must not pass a rule.
fn clients(layout: &mut Layout, node: NodeId, namespace: &Namespace, plan: &Plan) -> io::Result<()> {
    let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    for port in &plan.client_ports {
        layout.client(node, listener()?, target(namespace, CLIENTS, node, *port))?;
    }
    if let Some(port) = plan.client_ports.first() {
        layout.direct(node, listener()?, target(namespace, CLIENTS, node, *port))?;
    }
    Ok(())
}

fn target(within: &Namespace, from: Ipv4Addr, node: NodeId, port: u16) -> Target {
    Target::Within {
        namespace: within.clone(),
        from,
        to: SocketAddr::from((address(node), port)),
    }
}
