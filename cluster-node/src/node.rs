//! The node's thread: feeds the core, keeps the log, answers the clients.
//!
//! It takes all that waits in its inbox, steps the core through it, makes everything durable with one write and one
//! fdatasync, and only then sends, applies and answers. So what waits during a sync shares the next one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crate::board::Board;
use crate::inbox::{Answer, Arrival, Arrivals, Reply};
use crate::machine::Machine;
use crate::outbox::Outbox;
use crate::raft::types::{LogIndex, Message, Millis, RequestId};
use crate::raft::{Action, Input, Persist, Raft};
use crate::storage::{Storage, StorageError};

/// So many inputs share a sync at most.
const BATCH: usize = 4096;

/// A client who waits.
struct Client {
    answer: Answer,
    /// The key that is to be read; none for a write.
    read: Option<String>,
}

/// What a node is made of.
pub struct Parts {
    /// The core.
    pub raft: Raft,
    /// Its log.
    pub storage: Storage,
    /// What entries are applied to.
    pub machine: Machine,
    /// The way out.
    pub outbox: Outbox,
    /// Where it posts how it stands.
    pub board: Board,
    /// The zero of the core's clock.
    pub began: Instant,
    /// Counts the node's starts.
    pub incarnation: u64,
    /// How long a client is kept waiting.
    pub op_timeout: Duration,
}

/// Everything that the thread owns.
pub struct Node {
    parts: Parts,
    last_id: RequestId,
    clients: HashMap<RequestId, Client>,
    /// When each client's patience ends, the first first.
    deadlines: VecDeque<(Instant, RequestId)>,
    /// Reads that wait until an index is applied.
    reads: BTreeMap<LogIndex, Vec<RequestId>>,
}

impl Node {
    /// A node that has read its log.
    pub fn new(parts: Parts) -> Self {
        // No start uses the numbers of another: a late answer to a read that an earlier start forwarded must not
        // be taken for one to a newer read.
        let last_id = RequestId(parts.incarnation << 40);
        Node {
            parts,
            last_id,
            clients: HashMap::new(),
            deadlines: VecDeque::new(),
            reads: BTreeMap::new(),
        }
    }

    /// Run until it is told to stop. An error means that nothing may be promised any more.
    pub fn run(mut self, arrivals: &Arrivals) -> Result<(), StorageError> {
        let mut actions = Vec::new();
        loop {
            let first = match arrivals.0.recv_timeout(self.until_deadline()) {
                Ok(arrival) => Some(arrival),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let more = arrivals.0.try_iter().take(BATCH);
            let mut is_to_stop = false;
            for arrival in first.into_iter().chain(more) {
                is_to_stop |= matches!(arrival, Arrival::Stop);
                self.take(arrival, &mut actions);
            }
            let now = self.now();
            actions.extend(self.parts.raft.step(now, Input::Tick));
            actions.extend(self.parts.raft.step(now, Input::Flush));
            self.carry_out(&mut actions)?;
            self.expire();
            self.parts.outbox.depart();
            if is_to_stop {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Millis {
        Millis(self.parts.began.elapsed().as_millis() as u64)
    }

    fn until_deadline(&self) -> Duration {
        let wait_ms = self
            .parts
            .raft
            .next_deadline()
            .0
            .saturating_sub(self.now().0)
            .max(1);
        let core = Duration::from_millis(wait_ms);
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
            Arrival::Stop => return,
        };
        let now = self.now();
        actions.extend(self.parts.raft.step(now, input));
    }

    fn admit(&mut self, client: Client) -> RequestId {
        self.last_id = RequestId(self.last_id.0 + 1);
        self.clients.insert(self.last_id, client);
        self.deadlines
            .push_back((Instant::now() + self.parts.op_timeout, self.last_id));
        self.last_id
    }

    /// First everything durable, then everything else in its order.
    fn carry_out(&mut self, actions: &mut Vec<Action>) -> Result<(), StorageError> {
        self.send_ahead(actions);
        for action in actions.iter() {
            if let Action::Persist(what) = action {
                self.parts.storage.persist(what);
            }
        }
        self.parts.storage.sync()?;
        self.parts.board.post(&self.parts.raft, actions);
        for action in actions.drain(..) {
            match action {
                Action::Persist(_) => {}
                Action::Send { to, message } => self.parts.outbox.message(to, message),
                Action::Apply { entry, waiter } => {
                    let applied = self.parts.machine.apply(&entry);
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

    /// A leader's AppendEntries promises its term, not that its own disk has the entries: they go out while that
    /// is written (thesis, section 10.2.1). Whoever counts them as its own does so after the sync at the earliest,
    /// for only then another's answer is taken.
    fn send_ahead(&mut self, actions: &mut Vec<Action>) {
        let is_of_term = |action: &Action| matches!(action, Action::Persist(Persist::HardState(_)));
        let is_append = |action: &Action| matches!(action, Action::Persist(Persist::Append(_)));
        if actions.iter().any(is_of_term) || !actions.iter().any(is_append) {
            return;
        }
        let ahead = |action: &mut Action| {
            matches!(
                action,
                Action::Send {
                    message: Message::AppendEntries { .. },
                    ..
                }
            )
        };
        for action in actions.extract_if(.., ahead) {
            if let Action::Send { to, message } = action {
                self.parts.outbox.message(to, message);
            }
        }
        self.parts.outbox.depart();
    }

    fn serve_reads(&mut self) {
        let applied = self.parts.machine.applied();
        let is_applied = |index: &LogIndex| *index <= applied.index;
        while let Some(first) = self.reads.first_entry().filter(|first| is_applied(first.key())) {
            for id in first.remove() {
                let key = self.clients.get_mut(&id).and_then(|client| client.read.take());
                if let Some(key) = key {
                    let value = self.parts.machine.get(&key);
                    self.answer(id, Reply::Value(applied, value));
                }
            }
        }
    }

    fn answer(&mut self, id: RequestId, reply: Reply) {
        if let Some(client) = self.clients.remove(&id) {
            self.parts.outbox.answer(client.answer, reply);
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let mut has_expired = false;
        while let Some((_, id)) = self.deadlines.pop_front_if(|(deadline, _)| *deadline <= now) {
            if let Some(client) = self.clients.get(&id) {
                let write = client.read.is_none();
                has_expired |= !write;
                self.answer(id, Reply::Timeout { write });
            }
        }
        if has_expired {
            let clients = &self.clients;
            self.reads.retain(|_, ids| {
                ids.retain(|id| clients.contains_key(id));
                !ids.is_empty()
            });
        }
    }
}
