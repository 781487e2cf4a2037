//! One node's life, whoever leads it: a process of the harness, or commands that reach a node elsewhere.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::exit::NodeExit;
use super::ready::Addresses;
use crate::effect::{NodeId, Outcome};
use crate::view::ProcessState;

/// A future without a name.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What can be done to a node, each with its evidence.
pub(super) trait Life: Send + Sync {
    /// Which node.
    fn node(&self) -> NodeId;

    /// As far as it is known here.
    fn state(&self) -> ProcessState;

    /// How often it was started.
    fn starts(&self) -> u64;

    /// Where it listens; nothing while it is down or not ready.
    fn addresses(&self) -> Option<Addresses>;

    /// Start it, and wait until it is ready. It goes on to its end even if nobody waits any more.
    fn start(self: Arc<Self>) -> Doing<'static, Outcome>;

    /// End it at once.
    fn kill(&self) -> Doing<'_, Outcome>;

    /// Stop it where it stands.
    fn pause(&self) -> Doing<'_, Outcome>;

    /// Let it go on.
    fn resume(&self) -> Doing<'_, Outcome>;

    /// Wait until it is no longer starting, as long as a start may take.
    fn settled(&self) -> Doing<'_, ()>;

    /// The end of the run. Of a node that was there, how it ended; nothing is started any more.
    fn stop(&self, grace: Duration) -> Doing<'_, Option<NodeExit>>;

    /// SIGKILL, where it is a process of ours; nothing is begun any more.
    fn kill_now(&self);

    /// Whether a process of ours is still there.
    fn lingers(&self) -> bool;
}
