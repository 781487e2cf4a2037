//! The cluster as asynchronous code sees it: futures that are ready at their moment of virtual time.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use histories::Nanos;
use nemesis::{Effect, NodeId, NodeStatus, Outcome, ProcessState};
use runs::capabilities::Capabilities;
use runs::store::{Reply, Request};
use runs::world::Boxed;

use crate::cluster::{Answer, Cluster, TicketId};
use crate::executor::Spawner;
use crate::store;
use crate::template::Template;

/// A node that does not tell its status by then counts as silent.
const STATUS_TIMEOUT: Duration = Duration::from_millis(250);

/// How often it is looked whether a node has come up.
const GLANCE: Duration = Duration::from_millis(1);

/// Cheap to clone; every clone is the same world.
#[derive(Clone)]
pub struct World {
    cluster: Arc<Mutex<Cluster>>,
    tasks: Spawner,
    capabilities: Arc<Capabilities>,
}

/// A ticket that is waited for; who stops waiting gives it back.
struct Open<'a> {
    world: &'a World,
    ticket: TicketId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.world.cluster().forget(self.ticket);
    }
}

impl World {
    /// A world in which no node is started yet.
    pub fn new(template: Template) -> Self {
        let tasks = Spawner::default();
        World {
            capabilities: Arc::new(Capabilities::all()),
            cluster: Arc::new(Mutex::new(Cluster::new(template, tasks.clone()))),
            tasks,
        }
    }

    /// Play it, to the end of `main`. None if nothing can happen any more, and it is not over.
    pub fn play<T>(&self, main: impl Future<Output = T>) -> Option<T> {
        self.tasks.run(&*self.cluster, main)
    }

    /// What it is made of.
    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, ticket: TicketId) -> Answer {
        let open = Open { world: self, ticket };
        poll_fn(|context| open.world.cluster().poll(open.ticket, context)).await
    }

    async fn done(&self, ticket: TicketId) -> Outcome {
        match self.answer(ticket).await {
            Answer::Done(outcome) => outcome,
            _ => nemesis::evidence::skipped("nobody knows what came of it"),
        }
    }
}

impl runs::world::World for World {
    fn now(&self) -> Nanos {
        self.cluster().now()
    }

    fn sleep_until(&self, moment: Nanos) -> Boxed<'_, ()> {
        let mut planned = false;
        Box::pin(poll_fn(move |context| {
            let mut cluster = self.cluster();
            if cluster.now() >= moment {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut planned, true) {
                cluster.wake_at(moment, context.waker().clone());
            }
            Poll::Pending
        }))
    }

    fn spawn(&self, task: Boxed<'static, ()>) {
        self.tasks.spawn(task);
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn view(&self, node: NodeId) -> ProcessState {
        self.cluster().process(node)
    }

    fn status(&self, node: NodeId) -> Boxed<'_, Option<Arc<NodeStatus>>> {
        Box::pin(async move {
            let ticket = self.cluster().look(node, STATUS_TIMEOUT);
            match self.answer(ticket).await {
                Answer::Status(status) => status,
                _ => None,
            }
        })
    }

    fn apply<'a>(&'a self, effect: &'a Effect) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            let ticket = self.cluster().apply(effect);
            self.done(ticket).await
        })
    }

    fn heal_all(&self) -> Boxed<'_, Vec<(Effect, Outcome)>> {
        Box::pin(async move {
            // A node that is coming up is waited for.
            while self.cluster().is_any_starting() {
                let moment = self.now() + GLANCE;
                self.sleep_until(moment).await;
            }
            let undo = self.cluster().undo();
            let tickets: Vec<TicketId> = undo.iter().map(|effect| self.cluster().apply(effect)).collect();
            let mut done = Vec::with_capacity(undo.len());
            for (effect, ticket) in undo.into_iter().zip(tickets) {
                done.push((effect, self.done(ticket).await));
            }
            done
        })
    }

    fn ask<'a>(&'a self, node: NodeId, request: &'a Request) -> Boxed<'a, Reply> {
        Box::pin(async move {
            let Some(sent) = store::sent(request) else {
                return store::not_sent();
            };
            let ticket = self.cluster().ask(node, sent, request.timeout);
            store::told(request, self.answer(ticket).await)
        })
    }
}
