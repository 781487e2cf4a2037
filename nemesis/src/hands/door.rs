//! A door of the harness: where a link begins, or where the clients of a node knock.

use std::net::SocketAddr;
use std::sync::Arc;

use super::gate::Gate;

/// Its addresses, one for each port behind it, and the rule of all that goes through it.
pub(super) struct Door {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) gate: Arc<Gate>,
}
