//! The clients: logical processes with one operation in flight each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::{Event, Kind, LogIndex, Process, Term, Value};
use nemesis::NodeId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::acknowledged::Acknowledged;
use super::asking::Asking;
use super::gate::Gate;
use crate::record::Reads;
use crate::sink::Sink;
use crate::stop::Stop;
use crate::store::{Answer, Made, Reply, Request, StoreOp};
use crate::workloads::{self, Operation, Shown, Workload};
use crate::world::{World, pass};

/// What all clients of a run share. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    /// What they live in.
    pub world: Arc<dyn World>,
    /// Where they write down what they do.
    pub sink: Arc<dyn Sink>,
    /// The gate that they pass.
    pub gate: Gate,
    /// What their operations mean to a store.
    pub workload: &'static workloads::Row,
    /// The source of their operations.
    pub operations: Arc<Mutex<Box<dyn Workload>>>,
    /// The number of the next process.
    pub next_process: Arc<AtomicU64>,
    /// How many nodes there are.
    pub nodes: usize,
    /// How long they wait for an answer.
    pub timeout: Duration,
    /// Whether they ask again where the outcome is unknown.
    pub retry: bool,
    /// Which nodes they read from.
    pub reads: Reads,
    /// What was acknowledged to them, where somebody watches.
    pub acknowledged: Acknowledged,
}

/// One logical process: it ends with the first outcome that stays unknown.
pub(super) struct Session {
    /// Its number.
    pub(super) process: u64,
    seq: u64,
}

impl Session {
    fn new(clients: &Clients) -> Self {
        Session {
            process: clients.new_process(),
            seq: 0,
        }
    }

    /// The name of the next request that changes something.
    pub(super) fn next(&mut self) -> (u64, u64) {
        self.seq += 1;
        (self.process, self.seq)
    }
}

/// An operation as it is written down.
pub(super) struct Recorded<'a> {
    clients: &'a Clients,
    process: u64,
    operation: &'a Operation,
    f: Arc<str>,
    /// The session's number for it, where that is known when it begins.
    seq: Option<u64>,
    is_final: bool,
}

impl Clients {
    /// A process number that nobody has.
    pub fn new_process(&self) -> u64 {
        self.next_process.fetch_add(1, Ordering::Relaxed)
    }

    /// Write down that an operation begins.
    fn invoke<'a>(
        &'a self,
        process: u64,
        operation: &'a Operation,
        node: NodeId,
        seq: Option<u64>,
        is_final: bool,
    ) -> Recorded<'a> {
        let recorded = Recorded {
            clients: self,
            process,
            operation,
            f: operation.f.into(),
            seq,
            is_final,
        };
        recorded.record(Kind::Invoke, operation.value.clone(), node, None);
        recorded
    }

    /// Put a request to one node, with a read and a compare-and-set where the system does not do it by itself.
    pub(super) async fn put(&self, node: NodeId, request: &Request) -> Reply {
        if self.world.capabilities().does(&request.op) {
            return self.world.ask(node, request).await;
        }
        let read = Request {
            forward: request.forward,
            ..Request::read(request.key.clone(), request.timeout)
        };
        let reply = self.world.ask(node, &read).await;
        let Answer::Ok(expected) = reply.answer.clone() else {
            // Nothing was changed yet.
            return Reply {
                answer: Answer::Fail,
                ..reply
            };
        };
        let Some(Made { new, told }) = request.op.on(&expected) else {
            return Reply::refused("it cannot be done on what was found");
        };
        if new == expected {
            return reply.telling(told);
        }
        let change = Request {
            op: StoreOp::Cas { expected, new },
            ..request.clone()
        };
        self.world.ask(node, &change).await.telling(told)
    }

    /// Ask one node with one request, and write it down as this operation. `is_final` marks the reads after the heal,
    /// which durability is judged by.
    pub async fn ask(
        &self,
        process: u64,
        node: NodeId,
        operation: &Operation,
        request: &Request,
        is_final: bool,
    ) -> Reply {
        let seq = request.session.map(|(_, seq)| seq);
        let recorded = self.invoke(process, operation, node, seq, is_final);
        let reply = self.told(operation, self.put(node, request).await);
        recorded.complete(node, &reply);
        reply
    }

    /// Ask for the first time, on behalf of a client that will ask again: an unknown outcome is not written down yet.
    pub async fn ask_first(
        &self,
        process: u64,
        node: NodeId,
        operation: &Operation,
        request: &Request,
    ) -> Reply {
        let seq = request.session.map(|(_, seq)| seq);
        let recorded = self.invoke(process, operation, node, seq, false);
        let reply = self.told(operation, self.put(node, request).await);
        if reply.answer != Answer::Unknown {
            recorded.complete(node, &reply);
        }
        reply
    }

    /// Ask for the same again, in the same session, and write down how it ended. What this attempt was refused, the
    /// first one may have done.
    pub async fn ask_again(
        &self,
        process: u64,
        node: NodeId,
        operation: &Operation,
        request: &Request,
    ) -> Reply {
        let mut reply = self.told(operation, self.put(node, request).await);
        if reply.answer == Answer::Fail {
            reply.answer = Answer::Unknown;
        }
        let recorded = Recorded {
            clients: self,
            process,
            operation,
            f: operation.f.into(),
            seq: request.session.map(|(_, seq)| seq),
            is_final: false,
        };
        recorded.complete(node, &reply);
        reply
    }

    /// Tell the workload how an operation ended that no client of the load did.
    pub(super) fn tell(&self, process: u64, operation: &Operation, answer: &Answer) {
        lock(&self.operations).on_end(process, operation, answer);
    }

    /// The next look of who has a node to himself, after everything.
    pub(super) fn last_look(&self, process: u64) -> Option<Operation> {
        lock(&self.operations).last_look(process)
    }

    /// What such a look has seen.
    pub(super) fn shown(&self, process: u64, seen: &Value) -> Shown {
        lock(&self.operations).shown(process, seen)
    }

    /// A reply in the words of the workload.
    fn told(&self, operation: &Operation, mut reply: Reply) -> Reply {
        reply.answer = match reply.answer {
            Answer::Ok(stored) if operation.tells() => Answer::Ok((self.workload.seen)(stored)),
            Answer::Ok(_) => Answer::Ok(Value::Null),
            other => other,
        };
        reply
    }
}

impl Recorded<'_> {
    /// Write down how it ended.
    fn complete(self, node: NodeId, reply: &Reply) {
        let argument = || self.operation.value.clone();
        let (kind, value) = match &reply.answer {
            Answer::Ok(seen) if self.operation.tells() => (Kind::Ok, seen.clone()),
            Answer::Ok(_) => (Kind::Ok, argument()),
            Answer::Fail => (Kind::Fail, argument()),
            Answer::Unknown => (Kind::Info, argument()),
        };
        self.record(kind, value, node, Some(reply));
        if kind == Kind::Ok {
            self.acknowledged();
        }
    }

    /// Watchers wait for it.
    fn acknowledged(&self) {
        let Some(prefix) = self.clients.workload.watches else {
            return;
        };
        let watched = matches!(&self.operation.key, Value::Text(key) if key.starts_with(prefix));
        let value = match (self.operation.f, self.operation.value.as_list()) {
            ("write", _) => &self.operation.value,
            ("cas", Some([_, new])) => new,
            _ => return,
        };
        if watched {
            let key = self.operation.key.clone();
            self.clients.acknowledged.add(key, value.clone());
        }
    }

    fn record(&self, kind: Kind, value: Value, node: NodeId, reply: Option<&Reply>) {
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let mut other = serde_json::Map::new();
        if self.is_final {
            other.insert("final".to_owned(), true.into());
        }
        if let Some(revision) = reply.and_then(|reply| reply.revision) {
            other.insert(checker::REVISION.to_owned(), revision.into());
        }
        if let Some(reply) = reply.filter(|reply| !reply.read_revisions.is_empty()) {
            other.insert(checker::READ_REVISIONS.to_owned(), pairs(&reply.read_revisions));
        }
        let at: Option<(LogIndex, Term)> = reply.and_then(|reply| reply.at);
        self.clients.sink.event(Event {
            index: 0,
            time: self.clients.world.now(),
            process: Process::Client(self.process),
            kind,
            f: Arc::clone(&self.f),
            key: Some(self.operation.key.clone()),
            value,
            node: Some(node.name()),
            error: reply.and_then(|reply| text(&reply.error)),
            message: reply.and_then(|reply| text(&reply.message)),
            seq: self.seq,
            at,
            other,
        });
    }
}

/// As JSON: `[[key, revision], …]`.
fn pairs(revisions: &[(Value, i64)]) -> serde_json::Value {
    let pairs = revisions
        .iter()
        .map(|(key, revision)| serde_json::json!([key, revision]));
    pairs.collect()
}

/// What a client does between two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Nothing.
    AtOnce,
    /// It begins so many a second, at most.
    Rate(f64),
    /// It pauses for so long, drawn anew each time.
    Pause {
        /// At least.
        from: Duration,
        /// Less than.
        to: Duration,
    },
}

/// One client: operation after operation until it is told to stop.
pub async fn run(clients: Clients, number: u64, seed: u64, pace: Pace, stop: Stop) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (number << 32));
    let mut session = Session::new(&clients);
    let mut target = NodeId((number as usize) % clients.nodes);
    let mut next = clients.world.now();
    while !stop.is_set() {
        match pace {
            Pace::AtOnce => {}
            Pace::Rate(rate) => next = next + Duration::from_secs_f64(1.0 / rate),
            Pace::Pause { from, to } => next = clients.world.now() + rng.random_range(from..to),
        }
        tokio::select! { biased; () = clients.world.sleep_until(next) => {}, () = stop.wait() => break }
        // The sink before the gate: who has passed that is in flight, and the nemesis may wait for him.
        let passing = async {
            clients.sink.room().await;
            clients.gate.pass().await
        };
        let passed = tokio::select! { biased; passed = passing => passed, () = stop.wait() => break };
        let reply = one_operation(&clients, &mut session, &mut target, &mut rng).await;
        drop(passed);
        match reply.answer {
            Answer::Ok(_) => {}
            Answer::Fail if reply.elsewhere.is_none() => {}
            // A client that finds nobody home waits a little, so that an outage does not fill the history.
            _ => pass(&*clients.world, Duration::from_millis(rng.random_range(10..50))).await,
        }
        if reply.answer == Answer::Unknown {
            session = Session::new(&clients);
            target = NodeId(rng.random_range(0..clients.nodes));
        }
    }
}

async fn one_operation(
    clients: &Clients,
    session: &mut Session,
    target: &mut NodeId,
    rng: &mut ChaCha8Rng,
) -> Reply {
    let process = session.process;
    let operation = lock(&clients.operations).next(process);
    let anywhere = operation.is_read() && clients.reads == Reads::Follower;
    let node = match anywhere {
        true => NodeId(rng.random_range(0..clients.nodes)),
        false => *target,
    };
    let before = session.seq;
    // An update has more than one request, and which one decides is not known yet.
    let seq = (!operation.is_read() && is_one_request(clients, &operation, process)).then_some(before + 1);
    let mut recorded = clients.invoke(process, &operation, node, seq, false);
    let mut asking = Asking {
        clients,
        session,
        node,
        rng,
        only_read: false,
    };
    let reply = clients.told(&operation, asking.perform(&operation).await);
    let (node, only_read) = (asking.node, asking.only_read);
    if session.seq > before && !only_read {
        recorded.seq = Some(session.seq);
    }
    recorded.complete(node, &reply);
    if !anywhere {
        *target = node;
    }
    lock(&clients.operations).on_end(process, &operation, &reply.answer);
    reply
}

fn is_one_request(clients: &Clients, operation: &Operation, process: u64) -> bool {
    let plan = (clients.workload.plan)(operation, process);
    matches!(plan, workloads::Plan::Ask(op) if clients.world.capabilities().does(&op))
}

fn lock(operations: &Mutex<Box<dyn Workload>>) -> std::sync::MutexGuard<'_, Box<dyn Workload>> {
    operations.lock().unwrap_or_else(PoisonError::into_inner)
}
