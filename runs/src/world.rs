//! The seam between a run and what it happens in: real processes, or a simulation in virtual time.
//!
//! Conductor, clients, probes and observer ([`crate::course`]) know nothing else. None of them may do what two worlds
//! would do differently: no clock but [`World::now`], no task but by [`World::spawn`], no choice of chance between tasks that
//! are ready.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use histories::Nanos;
use nemesis::{Effect, NodeId, NodeStatus, Outcome, ProcessState};
use tokio::sync::oneshot;

use crate::capabilities::Capabilities;
use crate::store::{Reply, Request};
use crate::watching::{Tell, Watch};

/// A future without a name, as a trait's method returns it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a run happens in.
pub trait World: Send + Sync {
    /// The time since the run began.
    fn now(&self) -> Nanos;

    /// Returns at that moment, or at once if it is over.
    fn sleep_until(&self, moment: Nanos) -> Boxed<'_, ()>;

    /// Have this task run beside everything else.
    fn spawn(&self, task: Boxed<'static, ()>);

    /// What the system can tell and do, and what can be done to it.
    fn capabilities(&self) -> &Capabilities;

    /// What a node's process is now.
    fn view(&self, node: NodeId) -> ProcessState;

    /// Ask a node how it stands, past all faults of links; none if it does not answer.
    fn status(&self, node: NodeId) -> Boxed<'_, Option<Arc<NodeStatus>>>;

    /// Carry an effect out. Gates and probes are the conductor's, and never come here.
    fn apply<'a>(&'a self, effect: &'a Effect) -> Boxed<'a, Outcome>;

    /// Undo everything that is in force, each with what came of it.
    fn heal_all(&self) -> Boxed<'_, Vec<(Effect, Outcome)>>;

    /// Send a client's request to a node.
    fn ask<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply>;

    /// Hold a watch at a node, and tell what it is told, until it is lost: why it was.
    fn watch<'a>(&'a self, _node: NodeId, _watch: &'a Watch, _tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(std::future::ready("nothing can be watched here".to_owned()))
    }
}

/// Returns so much later.
pub(crate) async fn pass(world: &dyn World, span: Duration) {
    world.sleep_until(world.now() + span).await;
}

/// Have a task run, and hear when it is over; an error then says that it panicked.
pub fn begin<T: Send + 'static>(
    world: &dyn World,
    task: impl Future<Output = T> + Send + 'static,
) -> oneshot::Receiver<T> {
    let (over, is_over) = oneshot::channel();
    world.spawn(Box::pin(async move {
        // Nobody may want to know.
        let _ = over.send(task.await);
    }));
    is_over
}
