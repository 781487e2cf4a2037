//! How a client gets an operation done: which nodes it asks, with what requests, and when it gives up.

use std::time::Duration;

use histories::Value;
use nemesis::NodeId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::client::{Clients, Session};
use crate::record::Reads;
use crate::store::{Answer, Made, Reply, Request, StoreOp};
use crate::workloads::{Operation, Plan};
use crate::world::pass;

/// How often a client follows to another node with one request, before it calls it a failure.
const TRIES: u32 = 4;
/// How often an update begins anew because somebody was quicker, before it is called a failure.
const UPDATES: u32 = 3;
/// How long a client waits before it asks another node where the last one knew no leader.
const LEADERLESS_PAUSE: Duration = Duration::from_millis(15);
/// With `--retry` a client asks again for so many times as long as it waits for one answer.
const RETRY_TIMEOUTS: u32 = 5;

/// A client that is about to do an operation.
pub(super) struct Asking<'a> {
    pub(super) clients: &'a Clients,
    pub(super) session: &'a mut Session,
    /// The node that it asks next.
    pub(super) node: NodeId,
    pub(super) rng: &'a mut ChaCha8Rng,
    /// Whether it was done without a change, so that no request of the session stands for it.
    pub(super) only_read: bool,
}

impl Asking<'_> {
    /// Get the operation done, with as many requests as the workload and the system need for it.
    pub(super) async fn perform(&mut self, operation: &Operation) -> Reply {
        if operation.is_read() {
            let (_, op) = (self.clients.workload.last)(&operation.key);
            return self.look(&operation.key, op).await;
        }
        match (self.clients.workload.plan)(operation, self.session.process) {
            Plan::Ask(op) if self.clients.world.capabilities().does(&op) => {
                self.change(&operation.key, op).await
            }
            Plan::Ask(op) => {
                let update = |found: &Value| op.on(found);
                self.update(&operation.key, &update).await
            }
            Plan::Update(update) => {
                let update = |found: &Value| update(operation, found).map(Made::silently);
                self.update(&operation.key, &update).await
            }
        }
    }

    async fn read(&mut self, key: &Value) -> Reply {
        self.look(key, StoreOp::Read).await
    }

    async fn look(&mut self, key: &Value, op: StoreOp) -> Reply {
        let request = Request {
            op,
            forward: self.clients.reads == Reads::Follower,
            ..Request::read(key.clone(), self.clients.timeout)
        };
        self.insist(request).await
    }

    async fn change(&mut self, key: &Value, op: StoreOp) -> Reply {
        let request = Request {
            op,
            key: key.clone(),
            forward: false,
            session: Some(self.session.next()),
            retry: false,
            timeout: self.clients.timeout,
        };
        self.insist(request).await
    }

    /// Read, change, and write if nobody was quicker. Nothing has happened before the write, and what changes nothing needs none.
    async fn update(&mut self, key: &Value, update: &(dyn Fn(&Value) -> Option<Made> + Sync)) -> Reply {
        for _ in 0..UPDATES {
            let reply = self.read(key).await;
            let Answer::Ok(expected) = reply.answer.clone() else {
                return Reply {
                    answer: Answer::Fail,
                    ..reply
                };
            };
            let Some(Made { new, told }) = update(&expected) else {
                return Reply::refused("it cannot be done on what was found");
            };
            if new == expected {
                self.only_read = true;
                return reply.telling(told);
            }
            let reply = self.change(key, StoreOp::Cas { expected, new }).await;
            let reply = reply.telling(told);
            // Turned away is no reason to begin anew: the next read would be, too.
            if reply.answer != Answer::Fail || !reply.is_decided() {
                return reply;
            }
        }
        Reply::refused("others were quicker each time")
    }

    /// Ask; with `--retry` ask again elsewhere, as the same request, while nobody knows what came of it.
    async fn insist(&mut self, mut request: Request) -> Reply {
        let first = self.follow(&request).await;
        if !self.clients.retry || first.answer != Answer::Unknown {
            return first;
        }
        let deadline = self.clients.world.now() + self.clients.timeout * RETRY_TIMEOUTS;
        request.retry = request.session.is_some();
        while self.clients.world.now() < deadline {
            self.somewhere_else().await;
            let reply = self.follow(&request).await;
            // That one node turned the request away says nothing of what another did with it before.
            if reply.is_decided() || (request.op.is_read() && reply.answer == Answer::Fail) {
                return reply;
            }
        }
        first
    }

    /// Ask the node that the client knows, and follow to the leader while the request certainly was not done.
    async fn follow(&mut self, request: &Request) -> Reply {
        let mut tries = 1;
        loop {
            let reply = self.clients.world.ask(self.node, request).await;
            let Some(leader) = reply.elsewhere.filter(|_| reply.answer == Answer::Fail) else {
                return reply;
            };
            if tries == TRIES {
                return reply;
            }
            tries += 1;
            match leader.filter(|leader| *leader != self.node && leader.0 < self.clients.nodes) {
                Some(leader) => self.node = leader,
                None => self.somewhere_else().await,
            }
        }
    }

    async fn somewhere_else(&mut self) {
        self.node = NodeId(self.rng.random_range(0..self.clients.nodes));
        pass(&*self.clients.world, LEADERLESS_PAUSE).await;
    }
}
