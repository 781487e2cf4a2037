//! A node without its sockets, its disk and its clock: brings the core, the log, the state machine and the journal together.
//!
//! ```text
//!   turn(now, what has come) ──► journal and frames ahead of the sync ──► persist, sync ──► journal, frames, answers
//! ```
//!
//! A turn steps the core through all that has come, has everything made durable with one sync, and only then sends,
//! applies and answers; what it is joined to for that is a [`Shell`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::answer::code_of;
use crate::forward::{Forward, Forwarded, Forwards};
use crate::frame::Frame;
use crate::inbox::{Arrival, Reply, Write};
use crate::journal::{self, Boot, Journal, JournalError};
use crate::machine::{Command, Machine, Outcome, Session};
use crate::raft::config::Config;
use crate::raft::notes::ReadMode;
use crate::raft::types::{LogIndex, Message, Millis, NodeId, Position, RequestId};
use crate::raft::{Action, Input, Persist, Raft, Recovered, Role};
use crate::shell::Shell;
use crate::storage::StorageError;

/// Who waits for what came of a request.
struct Waiting<C> {
    asker: Asker<C>,
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

enum Asker<C> {
    Client(C),
    /// A follower, on behalf of a client of its own, and its number of the request.
    Follower(NodeId, RequestId),
}

/// What a node is started with.
pub struct Start<'a> {
    /// Its name.
    pub id: NodeId,
    /// The other voters.
    pub peers: Vec<NodeId>,
    /// The core's settings.
    pub config: Config,
    /// Fixes what it draws by lot, together with the incarnation.
    pub seed: u64,
    /// Counts its starts.
    pub incarnation: u64,
    /// What its disk remembers.
    pub recovered: Recovered,
    /// How many clients' sessions are remembered.
    pub session_limit: usize,
    /// A forwarded write without an answer is forwarded again after so long.
    pub forward_timeout_ms: u64,
    /// How long a client is kept waiting.
    pub op_timeout: Duration,
    /// What its journal says of it, if it is to keep one.
    pub journal: Option<About<'a>>,
}

/// What a journal says of its node at first, beside what the disk remembers.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The name of its profile.
    pub profile: &'a str,
    /// Its bugs.
    pub bugs: &'a [String],
}

/// A node; `C` is a client of it. Time is counted from the zero of the machine's monotonic clock.
pub struct Node<C> {
    raft: Raft,
    machine: Machine,
    /// Writes that were handed to the leader.
    forwards: Forwards,
    /// Whether a leader decides a cas before its entry is in the log: a bug.
    decides_cas_early: bool,
    journal: Option<Journal>,
    op_timeout: Duration,
    last_id: RequestId,
    clients: HashMap<RequestId, Waiting<C>>,
    /// When each client's patience ends, the first first.
    deadlines: VecDeque<(Duration, RequestId)>,
    /// Reads that wait until an index is applied.
    reads: BTreeMap<LogIndex, Vec<(RequestId, ReadMode)>>,
    now: Duration,
    /// What the present turn has led to.
    actions: Vec<Action>,
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

impl<C> Node<C> {
    /// A node that has read its disk. The first lines of its journal wait to be written.
    pub fn start(start: Start<'_>, now: Duration) -> Self {
        let rules = start.config.rules.clone();
        let journal = start.journal.map(|about| {
            let boot = Boot {
                id: &start.id,
                incarnation: start.incarnation,
                hard: &start.recovered.hard.clone().remembered(&rules),
                entries: &start.recovered.entries,
                peers: &start.peers,
                profile: about.profile,
                bugs: about.bugs,
            };
            Journal::begin(&boot, now)
        });
        let forwards = Forwards::new(&start.id, start.forward_timeout_ms, rules.forward_keeps_id);
        // Each start draws from a stream of its own, or a restarted node would repeat its timeouts.
        let seed = start.seed.wrapping_add(start.incarnation << 32);
        let (config, recovered) = (start.config, start.recovered);
        let mut raft = Raft::new(start.id, start.peers, config, seed, recovered, millis(now));
        let mut machine = Machine::new(start.session_limit, rules.sessions_deduplicate);
        if journal.is_some() {
            raft.observe();
            machine.keep_digest();
        }
        Node {
            raft,
            machine,
            forwards,
            decides_cas_early: !rules.cas_decided_at_apply,
            journal,
            op_timeout: start.op_timeout,
            // No start uses the numbers of another: a late answer to a read that an earlier start forwarded must not
            // be taken for one to a newer read.
            last_id: RequestId(start.incarnation << 40),
            clients: HashMap::new(),
            deadlines: VecDeque::new(),
            reads: BTreeMap::new(),
            now,
            actions: Vec::new(),
        }
    }

    /// The core.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// Have the first lines of the journal written down, before anybody hears of this start.
    ///
    /// # Errors
    /// They could not be written: the node must stop.
    pub fn begin(&mut self, shell: &mut impl Shell<Client = C>) -> Result<(), NodeError> {
        Ok(self.depart(shell)?)
    }

    /// Take what has come, and let time pass: at the latest at [`Node::next_deadline`], without anything that has come.
    ///
    /// # Errors
    /// Nothing may be promised any more: the node must stop.
    pub fn turn(
        &mut self,
        now: Duration,
        arrivals: impl IntoIterator<Item = Arrival<C>>,
        shell: &mut impl Shell<Client = C>,
    ) -> Result<(), NodeError> {
        self.now = now;
        for arrival in arrivals {
            self.take(arrival, shell);
        }
        self.forward(shell);
        self.step(Input::Tick);
        self.step(Input::Flush);
        self.carry_out(shell)?;
        self.expire(shell);
        Ok(self.depart(shell)?)
    }

    /// A clean end: the journal says so.
    ///
    /// # Errors
    /// The journal could not be written.
    pub fn stop(&mut self, shell: &mut impl Shell<Client = C>) -> Result<(), NodeError> {
        if let Some(journal) = &mut self.journal {
            journal.stop("it was told to stop", self.now);
        }
        Ok(self.depart(shell)?)
    }

    /// Let go of what waits; the journal tells of it first.
    fn depart(&mut self, shell: &mut impl Shell<Client = C>) -> Result<(), JournalError> {
        match &mut self.journal {
            Some(journal) => {
                shell.depart(journal.lines())?;
                journal.clear();
                Ok(())
            }
            None => shell.depart(&[]),
        }
    }

    /// When the next turn is due, even if nothing comes.
    pub fn next_deadline(&self) -> Duration {
        let core = self.raft.next_deadline();
        let core = self
            .forwards
            .next_deadline()
            .map_or(core, |forward| core.min(forward));
        let core = Duration::from_millis(core.0);
        self.deadlines
            .front()
            .map_or(core, |(deadline, _)| core.min(*deadline))
    }

    fn take(&mut self, arrival: Arrival<C>, shell: &mut impl Shell<Client = C>) {
        let input = match arrival {
            Arrival::Message(from, message) => Input::Message { from, message },
            Arrival::Forward(from, Forward { id, payload }) => {
                let told = self.told_of(&payload);
                let id = self.admit(Asker::Follower(from, id), Wants::Write(told));
                return self.propose(id, payload, shell);
            }
            Arrival::Forwarded(forwarded) => return self.take_forwarded(&forwarded, shell),
            Arrival::Write(write, client) => {
                let (op, session) = (write.op, write.session);
                let told = Told {
                    op,
                    session,
                    at: None,
                };
                let id = self.admit(Asker::Client(client), Wants::Write(told));
                return self.write(id, write, shell);
            }
            Arrival::Read { key, forward, client } => Input::Read {
                id: self.admit(Asker::Client(client), Wants::Read(key)),
                forward,
            },
        };
        self.step(input);
    }

    fn step(&mut self, input: Input) {
        self.actions.extend(self.raft.step(millis(self.now), input));
    }

    /// Only the journal needs to know what a follower hands on.
    fn told_of(&self, payload: &[u8]) -> Told {
        let command = self.journal.as_ref().and_then(|_| Command::decode(payload));
        Told {
            op: command.as_ref().map_or("unknown", Command::name),
            session: command.and_then(|command| command.session),
            at: None,
        }
    }

    fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    fn write(&mut self, id: RequestId, write: Write, shell: &mut impl Shell<Client = C>) {
        let has_leader = self.raft.leader().is_some();
        if write.forward
            && has_leader
            && !self.leads()
            && let Some(command) = Command::decode(&write.payload)
        {
            return self.forwards.add(id, command, millis(self.now));
        }
        self.propose(id, write.payload, shell);
    }

    fn propose(&mut self, id: RequestId, payload: Arc<[u8]>, shell: &mut impl Shell<Client = C>) {
        let is_early = self.decides_cas_early && self.leads();
        let command = is_early.then(|| Command::decode(&payload)).flatten();
        let decided = command.map(|command| self.machine.decide_early(command));
        match decided {
            Some(Err(outcome)) => {
                let at = self.machine.applied();
                self.answer(id, Reply::Applied(at, outcome), shell);
            }
            decided => {
                let command = decided.and_then(Result::ok);
                let payload = command.and_then(|command| command.encode()).unwrap_or(payload);
                let before = self.actions.len();
                self.step(Input::Propose { id, payload });
                self.note_place(id, before);
            }
        }
    }

    /// Where a write was given its place, if the actions from `from` on say so.
    fn note_place(&mut self, id: RequestId, from: usize) {
        let appended = self.actions[from..].iter().find_map(|action| match action {
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
    fn forward(&mut self, shell: &mut impl Shell<Client = C>) {
        for forward in self.forwards.due(millis(self.now)) {
            let leader = self.raft.leader().cloned();
            if self.leads() {
                self.forwards.remove(forward.id);
                self.propose(forward.id, forward.payload, shell);
            } else if let Some(leader) = leader {
                shell.frame(leader, Frame::Forward(forward));
            }
        }
    }

    /// A late answer finds nobody who waits for it.
    fn take_forwarded(&mut self, forwarded: &Forwarded, shell: &mut impl Shell<Client = C>) {
        // What another version says is not understood; the write is handed on again.
        if let Ok(outcome) = serde_json::from_str(&forwarded.outcome) {
            self.give(forwarded.id, Reply::Applied(forwarded.at, outcome), shell);
        }
    }

    fn admit(&mut self, asker: Asker<C>, wants: Wants) -> RequestId {
        let client = Waiting { asker, wants };
        self.last_id = RequestId(self.last_id.0 + 1);
        self.clients.insert(self.last_id, client);
        self.deadlines
            .push_back((self.now + self.op_timeout, self.last_id));
        self.last_id
    }

    /// First everything durable, then everything else in its order.
    fn carry_out(&mut self, shell: &mut impl Shell<Client = C>) -> Result<(), NodeError> {
        let mut actions = std::mem::take(&mut self.actions);
        self.send_ahead(&mut actions, shell)?;
        for action in &actions {
            if let Action::Persist(what) = action {
                shell.persist(what);
            }
        }
        shell.sync()?;
        if let Some(journal) = &mut self.journal {
            journal.synced();
        }
        shell.post(&self.raft, &actions);
        for action in actions.drain(..) {
            match action {
                Action::Persist(_) => {}
                Action::Send { to, message } => shell.frame(to, Frame::Message(message)),
                Action::Apply { entry, waiter } => {
                    let applied = self.machine.apply(&entry);
                    if let Some(journal) = &mut self.journal {
                        journal.applied(&entry, applied.as_ref(), self.machine.digest());
                    }
                    if let Some((id, applied)) = waiter.zip(applied) {
                        self.answer(id, Reply::Applied(applied.at, applied.outcome), shell);
                    }
                }
                Action::Acknowledge { id, at } => {
                    self.answer(id, Reply::Applied(at, Outcome::Done { value: None }), shell);
                }
                Action::ReadAt { id, index, mode } => {
                    self.reads.entry(index).or_default().push((id, mode));
                }
                Action::Reject { id, why } => self.answer(id, Reply::Rejected(why), shell),
            }
        }
        // Its room serves the next turn.
        self.actions = actions;
        self.serve_reads(shell);
        Ok(())
    }

    /// A leader's AppendEntries promises its term, not that its own disk has the entries: they go out while that
    /// is written (thesis, section 10.2.1). Whoever counts them as its own does so after the sync at the earliest,
    /// for only then another's answer is taken.
    fn send_ahead(
        &mut self,
        actions: &mut Vec<Action>,
        shell: &mut impl Shell<Client = C>,
    ) -> Result<(), JournalError> {
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
        if let Some(journal) = &mut self.journal {
            journal.steps(self.raft.take_notes(), is_ahead, self.now);
        }
        if !is_ahead {
            return Ok(());
        }
        for action in actions.extract_if(.., |action| is_request(action)) {
            if let Action::Send { to, message } = action {
                shell.frame(to, Frame::Message(message));
            }
        }
        self.depart(shell)
    }

    fn serve_reads(&mut self, shell: &mut impl Shell<Client = C>) {
        let applied = self.machine.applied();
        let is_applied = |index: &LogIndex| *index <= applied.index;
        while let Some(first) = self.reads.first_entry().filter(|first| is_applied(first.key())) {
            let index = *first.key();
            for (id, mode) in first.remove() {
                let Some(Wants::Read(key)) = self.clients.get(&id).map(|client| &client.wants) else {
                    continue;
                };
                let value = self.machine.get(key);
                if let Some(journal) = &mut self.journal {
                    journal.read(&journal::Read {
                        mode: &mode,
                        index,
                        applied: applied.index,
                    });
                }
                self.answer(id, Reply::Value(applied, value), shell);
            }
        }
    }

    /// The journal tells of a write that is about to be answered after it was given a place in the log.
    fn tell(&mut self, told: Told, reply: &Reply) {
        let Some(journal) = &mut self.journal else {
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

    fn answer(&mut self, id: RequestId, reply: Reply, shell: &mut impl Shell<Client = C>) {
        if let Some(Wants::Write(told)) = self.clients.get(&id).map(|client| &client.wants) {
            self.tell(*told, &reply);
        }
        self.give(id, reply, shell);
    }

    /// Without a word in the journal: that is where the write was applied.
    fn give(&mut self, id: RequestId, reply: Reply, shell: &mut impl Shell<Client = C>) {
        self.forwards.remove(id);
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        match (client.asker, reply) {
            (Asker::Client(client), reply) => shell.answer(client, reply),
            (Asker::Follower(follower, id), Reply::Applied(at, outcome)) => {
                // Our own types always have a JSON form.
                let outcome = serde_json::to_string(&outcome).unwrap_or_default();
                let forwarded = Forwarded { id, at, outcome };
                shell.frame(follower, Frame::Forwarded(forwarded));
            }
            // It asks again, perhaps somebody else: only an applied write is news.
            (Asker::Follower(..), _) => {}
        }
    }

    fn expire(&mut self, shell: &mut impl Shell<Client = C>) {
        let now = self.now;
        let mut has_expired = false;
        while let Some((_, id)) = self.deadlines.pop_front_if(|(deadline, _)| *deadline <= now) {
            if let Some(client) = self.clients.get(&id) {
                let write = matches!(client.wants, Wants::Write(_));
                has_expired |= !write;
                self.answer(id, Reply::Timeout { write }, shell);
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

/// The core's clock: whole milliseconds.
fn millis(now: Duration) -> Millis {
    Millis(now.as_millis() as u64)
}
