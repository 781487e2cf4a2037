//! The world of real processes: the hands, the system's clients, and the clock of the machine.

use std::sync::Arc;
use std::time::Duration;

use histories::Nanos;
use nemesis::hands::{Clock, Hands};
use nemesis::{Effect, NodeId, NodeStatus, Outcome, ProcessState};
use runs::capabilities::Capabilities;
use runs::store::{Reply, Request};
use runs::watching::{Tell, Watch};
use runs::world::{Boxed, World};

use systems::System;

/// Processes on this machine.
pub(super) struct Processes {
    /// What is done to them.
    pub hands: Hands,
    /// How they are spoken to.
    pub system: Arc<dyn System>,
    /// What they tell and do.
    pub capabilities: Capabilities,
    /// Since the run began.
    pub clock: Clock,
}

impl World for Processes {
    fn now(&self) -> Nanos {
        self.clock.now()
    }

    fn sleep_until(&self, moment: Nanos) -> Boxed<'_, ()> {
        let left = Duration::from_nanos(moment.0.saturating_sub(self.clock.now().0));
        Box::pin(async move {
            // The timer is no finer than a millisecond: what is over is not waited for.
            if !left.is_zero() {
                tokio::time::sleep(left).await;
            }
        })
    }

    fn spawn(&self, task: Boxed<'static, ()>) {
        tokio::spawn(task);
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn view(&self, node: NodeId) -> ProcessState {
        self.hands.process_state(node)
    }

    fn status(&self, node: NodeId) -> Boxed<'_, Option<Arc<NodeStatus>>> {
        let told = self.system.status(node);
        Box::pin(async move { told.await.map(Arc::new) })
    }

    fn apply<'a>(&'a self, effect: &'a Effect) -> Boxed<'a, Outcome> {
        Box::pin(self.hands.apply(effect))
    }

    fn heal_all(&self) -> Boxed<'_, Vec<(Effect, Outcome)>> {
        Box::pin(self.hands.heal_all())
    }

    fn ask<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply> {
        self.system.invoke(node, request)
    }

    fn watch<'a>(&'a self, node: NodeId, watch: &'a Watch, tell: Tell<'a>) -> Boxed<'a, String> {
        self.system.watch(node, watch, tell)
    }
}
