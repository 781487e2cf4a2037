//! The node's thread: feeds the core, keeps the log, answers the clients.
//!
//! It takes all that waits in its inbox, steps the core through it, makes everything durable with one write and one
//! fdatasync, and only then sends, applies and answers. So what waits during a sync shares the next one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crate::answer::code_of;
use crate::board::Board;
use crate::forward::{Forward, Forwarded, Forwards};
use crate::frame::Frame;
use crate::inbox::{Answer, Arrival, Arrivals, Reply, Write};
use crate::journal::{self, Journal, JournalError};
use crate::machine::{Command, Machine, Outcome, Session};
use crate::outbox::Outbox;
use crate::raft::notes::ReadMode;
use crate::raft::types::{LogIndex, Message, Millis, NodeId, Position, RequestId};
use crate::raft::{Action, Input, Persist, Raft, Role};
use crate::storage::{Storage, StorageError};

/// So many inputs share a sync at most.
const BATCH: usize = 4096;

/// Who waits for what came of a request.
struct Client {
    asker: Asker,
    wants: Wants,
}

enum Wants {
    /// The value under the key.
    Read(String),
    Write(Told),
}

/// What the journal tells of a write.
#[derive(Clone, Copy)]
struct Told {
    op: &'static str,
    session: Option<Session>,
    /// Where it was given its place.
    at: Option<Position>,
}

enum Asker {
    Client(Answer),
    /// A follower, on behalf of a client of its own, and its number of the request.
    Follower(NodeId, RequestId),
}

/// What a node is made of.
pub struct Parts {
    /// The core.
    pub raft: Raft,
    /// Its log.
    pub storage: Storage,
    /// What entries are applied to.
    pub machine: Machine,
    /// Writes that were handed to the leader.
    pub forwards: Forwards,
    /// Whether a leader decides a cas before its entry is in the log: a bug.
    pub decides_cas_early: bool,
    /// The way out.
    pub outbox: Outbox,
    /// Where it posts how it stands.
    pub board: Board,
    /// What it writes about itself, if it is to.
    pub journal: Option<Journal>,
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
    reads: BTreeMap<LogIndex, Vec<(RequestId, ReadMode)>>,
}

/// Why a node cannot go on: nothing may be promised any more.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its log.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Its journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
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
    pub fn run(mut self, arrivals: &Arrivals) -> Result<(), NodeError> {
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
            self.forward(now, &mut actions);
            actions.extend(self.parts.raft.step(now, Input::Tick));
            actions.extend(self.parts.raft.step(now, Input::Flush));
            self.carry_out(&mut actions)?;
            self.expire();
            self.depart()?;
            if is_to_stop {
                return self.stop();
            }
        }
    }

    /// Let go of what waits; the journal tells of it first.
    fn depart(&mut self) -> Result<(), JournalError> {
        if let Some(journal) = &mut self.parts.journal {
            journal.write()?;
        }
        self.parts.outbox.depart();
        Ok(())
    }

    fn stop(&mut self) -> Result<(), NodeError> {
        if let Some(journal) = &mut self.parts.journal {
            journal.stop("it was told to stop")?;
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        Millis(self.parts.began.elapsed().as_millis() as u64)
    }

    fn until_deadline(&self) -> Duration {
        let core = self.parts.raft.next_deadline();
        let forward = self.parts.forwards.next_deadline();
        let next = forward.map_or(core, |forward| core.min(forward));
        let wait_ms = next.0.saturating_sub(self.now().0).max(1);
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
            Arrival::Forward(from, Forward { id, payload }) => {
                let told = self.told_of(&payload);
                let id = self.admit(Asker::Follower(from, id), Wants::Write(told));
                return self.propose(id, payload, actions);
            }
            Arrival::Forwarded(forwarded) => return self.take_forwarded(&forwarded),
            Arrival::Write(write, answer) => {
                let (op, session) = (write.op, write.session);
                let told = Told {
                    op,
                    session,
                    at: None,
                };
                let id = self.admit(Asker::Client(answer), Wants::Write(told));
                return self.write(id, write, actions);
            }
            Arrival::Read { key, forward, answer } => Input::Read {
                id: self.admit(Asker::Client(answer), Wants::Read(key)),
                forward,
            },
            Arrival::Stop => return,
        };
        self.step(input, actions);
    }

    fn step(&mut self, input: Input, actions: &mut Vec<Action>) {
        let now = self.now();
        actions.extend(self.parts.raft.step(now, input));
    }

    /// Only the journal needs to know what a follower hands on.
    fn told_of(&self, payload: &[u8]) -> Told {
        let command = self.parts.journal.as_ref().and_then(|_| Command::decode(payload));
        Told {
            op: command.as_ref().map_or("unknown", Command::name),
            session: command.and_then(|command| command.session),
            at: None,
        }
    }

    fn leads(&self) -> bool {
        self.parts.raft.role() == Role::Leader
    }

    fn write(&mut self, id: RequestId, write: Write, actions: &mut Vec<Action>) {
        let has_leader = self.parts.raft.leader().is_some();
        if write.forward
            && has_leader
            && !self.leads()
            && let Some(command) = Command::decode(&write.payload)
        {
            let now = self.now();
            return self.parts.forwards.add(id, command, now);
        }
        self.propose(id, write.payload, actions);
    }

    fn propose(&mut self, id: RequestId, payload: Arc<[u8]>, actions: &mut Vec<Action>) {
        let is_early = self.parts.decides_cas_early && self.leads();
        let command = is_early.then(|| Command::decode(&payload)).flatten();
        let decided = command.map(|command| self.parts.machine.decide_early(command));
        match decided {
            Some(Err(outcome)) => {
                let at = self.parts.machine.applied();
                self.answer(id, Reply::Applied(at, outcome));
            }
            decided => {
                let command = decided.and_then(Result::ok);
                let payload = command.and_then(|command| command.encode()).unwrap_or(payload);
                let before = actions.len();
                self.step(Input::Propose { id, payload }, actions);
                self.note_place(id, &actions[before..]);
            }
        }
    }

    fn note_place(&mut self, id: RequestId, actions: &[Action]) {
        let appended = actions.iter().find_map(|action| match action {
            Action::Persist(Persist::Append(entries)) => entries.last(),
            _ => None,
        });
        if let Some((entry, client)) = appended.zip(self.clients.get_mut(&id))
            && let Wants::Write(told) = &mut client.wants
        {
            told.at = Some(Position {
                index: entry.index,
                term: entry.term,
            });
        }
    }

    /// Hand the writes that are due to the leader, which may be this node by now.
    fn forward(&mut self, now: Millis, actions: &mut Vec<Action>) {
        for forward in self.parts.forwards.due(now) {
            let leader = self.parts.raft.leader().cloned();
            if self.leads() {
                self.parts.forwards.remove(forward.id);
                self.propose(forward.id, forward.payload, actions);
            } else if let Some(leader) = leader {
                self.parts.outbox.frame(leader, &Frame::Forward(forward));
            }
        }
    }

    /// A late answer finds nobody who waits for it.
    fn take_forwarded(&mut self, forwarded: &Forwarded) {
        // What another version says is not understood; the write is handed on again.
        if let Ok(outcome) = serde_json::from_str(&forwarded.outcome) {
            self.give(forwarded.id, Reply::Applied(forwarded.at, outcome));
        }
    }

    fn admit(&mut self, asker: Asker, wants: Wants) -> RequestId {
        let client = Client { asker, wants };
        self.last_id = RequestId(self.last_id.0 + 1);
        self.clients.insert(self.last_id, client);
        self.deadlines
            .push_back((Instant::now() + self.parts.op_timeout, self.last_id));
        self.last_id
    }

    /// First everything durable, then everything else in its order.
    fn carry_out(&mut self, actions: &mut Vec<Action>) -> Result<(), NodeError> {
        self.send_ahead(actions)?;
        for action in actions.iter() {
            if let Action::Persist(what) = action {
                self.parts.storage.persist(what);
            }
        }
        self.parts.storage.sync()?;
        if let Some(journal) = &mut self.parts.journal {
            journal.synced();
        }
        self.parts.board.post(&self.parts.raft, actions);
        for action in actions.drain(..) {
            match action {
                Action::Persist(_) => {}
                Action::Send { to, message } => self.parts.outbox.message(to, message),
                Action::Apply { entry, waiter } => {
                    let applied = self.parts.machine.apply(&entry);
                    if let Some(journal) = &mut self.parts.journal {
                        journal.applied(&entry, applied.as_ref(), self.parts.machine.digest());
                    }
                    if let Some((id, applied)) = waiter.zip(applied) {
                        self.answer(id, Reply::Applied(applied.at, applied.outcome));
                    }
                }
                Action::Acknowledge { id, at } => {
                    self.answer(id, Reply::Applied(at, Outcome::Done { value: None }));
                }
                Action::ReadAt { id, index, mode } => {
                    self.reads.entry(index).or_default().push((id, mode));
                }
                Action::Reject { id, why } => self.answer(id, Reply::Rejected(why)),
            }
        }
        self.serve_reads();
        Ok(())
    }

    /// A leader's AppendEntries promises its term, not that its own disk has the entries: they go out while that
    /// is written (thesis, section 10.2.1). Whoever counts them as its own does so after the sync at the earliest,
    /// for only then another's answer is taken.
    fn send_ahead(&mut self, actions: &mut Vec<Action>) -> Result<(), JournalError> {
        let is_of_term = |action: &Action| matches!(action, Action::Persist(Persist::HardState(_)));
        let is_append = |action: &Action| matches!(action, Action::Persist(Persist::Append(_)));
        let is_request = |action: &Action| {
            matches!(
                action,
                Action::Send {
                    message: Message::AppendEntries { .. },
                    ..
                }
            )
        };
        let has = |is: fn(&Action) -> bool| actions.iter().any(is);
        let is_ahead = !has(is_of_term) && has(is_append) && has(is_request);
        if let Some(journal) = &mut self.parts.journal {
            journal.steps(self.parts.raft.take_notes(), is_ahead);
        }
        if !is_ahead {
            return Ok(());
        }
        for action in actions.extract_if(.., |action| is_request(action)) {
            if let Action::Send { to, message } = action {
                self.parts.outbox.message(to, message);
            }
        }
        self.depart()
    }

    fn serve_reads(&mut self) {
        let applied = self.parts.machine.applied();
        let is_applied = |index: &LogIndex| *index <= applied.index;
        while let Some(first) = self.reads.first_entry().filter(|first| is_applied(first.key())) {
            let index = *first.key();
            for (id, mode) in first.remove() {
                let Some(Wants::Read(key)) = self.clients.get(&id).map(|client| &client.wants) else {
                    continue;
                };
                let value = self.parts.machine.get(key);
                if let Some(journal) = &mut self.parts.journal {
                    journal.read(&journal::Read {
                        mode: &mode,
                        index,
                        applied: applied.index,
                    });
                }
                self.answer(id, Reply::Value(applied, value));
            }
        }
    }

    /// The journal tells of a write that is about to be answered after it was given a place in the log.
    fn tell(&mut self, told: Told, reply: &Reply) {
        let Some(journal) = &mut self.parts.journal else {
            return;
        };
        let at = match reply {
            Reply::Applied(at, _) => Some(*at),
            Reply::Rejected(_) | Reply::Timeout { .. } => told.at,
            Reply::Value(..) | Reply::Overloaded | Reply::Stopping => None,
        };
        if let Some(at) = at {
            journal.reply(&journal::Reply {
                op: told.op,
                session: told.session,
                at,
                result: code_of(reply).unwrap_or("ok"),
            });
        }
    }

    fn answer(&mut self, id: RequestId, reply: Reply) {
        if let Some(Wants::Write(told)) = self.clients.get(&id).map(|client| &client.wants) {
            self.tell(*told, &reply);
        }
        self.give(id, reply);
    }

    /// Without a word in the journal: that is where the write was applied.
    fn give(&mut self, id: RequestId, reply: Reply) {
        self.parts.forwards.remove(id);
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        match (client.asker, reply) {
            (Asker::Client(answer), reply) => self.parts.outbox.answer(answer, reply),
            (Asker::Follower(follower, id), Reply::Applied(at, outcome)) => {
                // Our own types always have a JSON form.
                let outcome = serde_json::to_string(&outcome).unwrap_or_default();
                let forwarded = Forwarded { id, at, outcome };
                self.parts.outbox.frame(follower, &Frame::Forwarded(forwarded));
            }
            // It asks again, perhaps somebody else: only an applied write is news.
            (Asker::Follower(..), _) => {}
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let mut has_expired = false;
        while let Some((_, id)) = self.deadlines.pop_front_if(|(deadline, _)| *deadline <= now) {
            if let Some(client) = self.clients.get(&id) {
                let write = matches!(client.wants, Wants::Write(_));
                has_expired |= !write;
                self.answer(id, Reply::Timeout { write });
            }
        }
        if has_expired {
            let clients = &self.clients;
            self.reads.retain(|_, ids| {
                ids.retain(|(id, _)| clients.contains_key(id));
                !ids.is_empty()
            });
        }
    }
}
