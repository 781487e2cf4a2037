//! The network of proxies: every listener stands on the loopback of this machine, at a port of its own, so that nothing
//! needs root.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use super::HandsError;
use super::clock::Clock;
use super::doors::{Doors, Layout};
use super::network::Framing;
use super::process::NodeProcess;
use super::roads::Target;
use crate::effect::Link;

/// Doors for these nodes. All of them are open.
pub(super) fn open(nodes: &[Arc<NodeProcess>], framing: Framing, clock: Clock) -> Result<Doors, HandsError> {
    let mut layout = Layout::new(nodes.len(), framing, clock);
    lay_out(&mut layout, nodes).map_err(HandsError::Bind)?;
    layout.open()
}

fn lay_out(layout: &mut Layout, nodes: &[Arc<NodeProcess>]) -> io::Result<()> {
    let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    for link in Link::all(nodes.len()) {
        let target = Target::Peer(Arc::clone(&nodes[link.1.0]));
        layout.peer(link, listener()?, target)?;
    }
    for node in nodes {
        layout.client(node.node, listener()?, Target::Client(Arc::clone(node)))?;
    }
    Ok(())
}
