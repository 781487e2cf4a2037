//! The node's thread: feeds the core, keeps the log, answers the clients.
//!
//! It takes all that waits in its inbox, steps the core through it, makes everything durable with one write and one
//! fdatasync, and only then sends, applies and answers. So what waits during a sync shares the next one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::machine::{Machine, Outcome};
use crate::raft::types::{LogIndex, Message, Millis, NodeId, Position, RequestId};
use crate::raft::{Action, Input, Raft, Rejection, Status};
use crate::storage::{Storage, StorageError};

/// So many requests may wait; what is more is told `overloaded`.
const MOST_WAITING: usize = 20_000;
/// So many inputs share a sync at most.
const BATCH: usize = 4096;

/// What comes to the node.
enum Arrival {
    Message(NodeId, Message),
    Write(Arc<[u8]>, Answer),
    Read {
        key: String,
        forward: bool,
        answer: Answer,
    },
    Status(usize, oneshot::Sender<Status>),
    Stop,
}

type Answer = oneshot::Sender<Reply>;

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The command was applied there, with this outcome.
    Applied(Position, Outcome),
    /// The value, and the last applied entry.
    Value(Position, Value),
    /// It failed.
    Rejected(Rejection),
    /// It took too long: a read did not happen, a write may yet.
    Timeout {
        /// Whether it was a write.
        write: bool,
    },
    /// Too much is waiting; nothing was appended.
    Overloaded,
    /// The node is stopping.
    Stopping,
}

/// The way to the node. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    sender: Sender<Arrival>,
    waiting: Arc<AtomicUsize>,
}

impl Inbox {
    /// A message of a peer.
    pub fn message(&self, from: NodeId, message: Message) {
        let _ = self.sender.send(Arrival::Message(from, message));
    }

    /// A command to be applied.
    pub async fn write(&self, payload: Arc<[u8]>) -> Reply {
        self.ask(|answer| Arrival::Write(payload, answer)).await
    }

    /// A read; with `forward` a follower asks its leader.
    pub async fn read(&self, key: String, forward: bool) -> Reply {
        self.ask(|answer| Arrival::Read { key, forward, answer }).await
    }

    async fn ask(&self, arrival: impl FnOnce(Answer) -> Arrival) -> Reply {
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            return Reply::Overloaded;
        }
        let (answer, reply) = oneshot::channel();
        let _ = self.sender.send(arrival(answer));
        reply.await.unwrap_or(Reply::Stopping)
    }

    /// How the node stands; none if it is stopping.
    pub async fn status(&self, tail: usize) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        let _ = self.sender.send(Arrival::Status(tail, answer));
        status.await.ok()
    }

    /// Stop after what has come before.
    pub fn stop(&self) {
        let _ = self.sender.send(Arrival::Stop);
    }
}

/// Counts a request as waiting until its client is answered, or has gone.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The node's end of the inbox.
pub struct Arrivals(Receiver<Arrival>);

/// The inbox and its other end.
pub fn inbox() -> (Inbox, Arrivals) {
    let (sender, receiver) = channel();
    (
        Inbox {
            sender,
            waiting: Arc::default(),
        },
        Arrivals(receiver),
    )
}

/// Where frames go; none is waited for.
pub trait Network {
    /// Send it, or lose it.
    fn send(&self, to: &NodeId, message: Message);
}

/// A client who waits.
struct Client {
    answer: Answer,
    /// The key that is to be read; none for a write.
    read: Option<String>,
}

/// Everything that the thread owns.
pub struct Node<N> {
    raft: Raft,
    storage: Storage,
    machine: Machine,
    network: N,
    began: Instant,
    op_timeout: Duration,
    next_id: u64,
    clients: HashMap<RequestId, Client>,
    /// When each client's patience ends, the first first.
    deadlines: VecDeque<(Instant, RequestId)>,
    /// Reads that wait until an index is applied.
    reads: BTreeMap<LogIndex, Vec<RequestId>>,
}

impl<N: Network> Node<N> {
    /// A node that has read its log. `began` is the zero of the core's clock.
    pub fn new(
        raft: Raft,
        storage: Storage,
        machine: Machine,
        network: N,
        began: Instant,
        op_timeout: Duration,
    ) -> Self {
        Node {
            raft,
            storage,
            machine,
            network,
            began,
            op_timeout,
            next_id: 0,
            clients: HashMap::new(),
            deadlines: VecDeque::new(),
            reads: BTreeMap::new(),
        }
    }

    /// Run until it is told to stop. An error means that nothing may be promised any more.
    pub fn run(mut self, arrivals: &Arrivals) -> Result<(), StorageError> {
        let mut actions = Vec::new();
        let mut statuses = Vec::new();
        loop {
            let mut next = match arrivals.0.recv_timeout(self.until_deadline()) {
                Ok(arrival) => Some(arrival),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let mut stop = false;
            for _ in 0..BATCH {
                let Some(arrival) = next.take() else { break };
                match arrival {
                    Arrival::Stop => stop = true,
                    Arrival::Status(tail, answer) => statuses.push((tail, answer)),
                    other => self.take(other, &mut actions),
                }
                next = arrivals.0.try_recv().ok();
            }
            if let Some(arrival) = next {
                // The batch is full; this one begins the next.
                self.take(arrival, &mut actions);
            }
            let now = self.now();
            actions.extend(self.raft.step(now, Input::Tick));
            actions.extend(self.raft.step(now, Input::Flush));
            self.carry_out(&mut actions)?;
            for (tail, answer) in statuses.drain(..) {
                let _ = answer.send(self.raft.status(tail));
            }
            self.expire();
            if stop {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Millis {
        Millis(self.began.elapsed().as_millis() as u64)
    }

    fn until_deadline(&self) -> Duration {
        let now = self.now();
        let core = Duration::from_millis(self.raft.next_deadline().0.saturating_sub(now.0).max(1));
        let client = self
            .deadlines
            .front()
            .map(|(deadline, _)| deadline.saturating_duration_since(Instant::now()));
        client.map_or(core, |client| core.min(client.max(Duration::from_millis(1))))
    }

    fn take(&mut self, arrival: Arrival, actions: &mut Vec<Action>) {
        let input = match arrival {
            Arrival::Message(from, message) => Input::Message { from, message },
            Arrival::Write(payload, answer) => Input::Propose {
                id: self.admit(Client { answer, read: None }),
                payload,
            },
            Arrival::Read { key, forward, answer } => Input::Read {
                id: self.admit(Client {
                    answer,
                    read: Some(key),
                }),
                forward,
            },
            Arrival::Status(..) | Arrival::Stop => return,
        };
        actions.extend(self.raft.step(self.now(), input));
    }

    fn admit(&mut self, client: Client) -> RequestId {
        self.next_id += 1;
        let id = RequestId(self.next_id);
        self.clients.insert(id, client);
        self.deadlines.push_back((Instant::now() + self.op_timeout, id));
        id
    }

    /// First everything durable, then everything else in its order.
    fn carry_out(&mut self, actions: &mut Vec<Action>) -> Result<(), StorageError> {
        for action in actions.iter() {
            if let Action::Persist(what) = action {
                self.storage.persist(what);
            }
        }
        self.storage.sync()?;
        for action in actions.drain(..) {
            match action {
                Action::Persist(_) => {}
                Action::Send { to, message } => self.network.send(&to, message),
                Action::Apply { entry, waiter } => {
                    let applied = self.machine.apply(&entry);
                    if let Some((id, (at, outcome))) = waiter.zip(applied) {
                        self.answer(id, Reply::Applied(at, outcome));
                    }
                }
                Action::ReadAt { id, index } => self.reads.entry(index).or_default().push(id),
                Action::Reject { id, why } => self.answer(id, Reply::Rejected(why)),
            }
        }
        self.serve_reads();
        Ok(())
    }

    fn serve_reads(&mut self) {
        let applied = self.machine.applied();
        while let Some(first) = self
            .reads
            .first_entry()
            .filter(|first| *first.key() <= applied.index)
        {
            for id in first.remove() {
                let key = self.clients.get_mut(&id).and_then(|client| client.read.take());
                if let Some(key) = key {
                    let value = self.machine.get(&key);
                    self.answer(id, Reply::Value(applied, value));
                }
            }
        }
    }

    fn answer(&mut self, id: RequestId, reply: Reply) {
        if let Some(client) = self.clients.remove(&id) {
            // A client who has gone is not told.
            let _ = client.answer.send(reply);
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while let Some((_, id)) = self.deadlines.pop_front_if(|(deadline, _)| *deadline <= now) {
            if let Some(client) = self.clients.remove(&id) {
                let _ = client.answer.send(Reply::Timeout {
                    write: client.read.is_none(),
                });
            }
        }
    }
}
