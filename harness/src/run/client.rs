//! The clients: logical processes with one operation in flight each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::{Event, Kind, LogIndex, Process, Term, Value};
use nemesis::NodeId;
use nemesis::hands::Clock;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::gate::Gate;
use super::recorder::Recorder;
use super::stop::Stop;
use crate::systems::{Answer, Reply, Request, System};
use crate::workloads::{Operation, Workload};

/// How often a client follows to another node within one operation, before it calls it a failure.
const TRIES: u32 = 4;
/// How long it waits before it asks another node where the last one knew no leader.
const LEADERLESS_PAUSE: Duration = Duration::from_millis(15);

/// What all clients of a run share. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    /// The system they speak to.
    pub system: Arc<dyn System>,
    /// Where they write down what they do.
    pub recorder: Recorder,
    /// The run's clock.
    pub clock: Clock,
    /// The gate that they pass.
    pub gate: Gate,
    /// The source of their operations.
    pub workload: Arc<Mutex<Box<dyn Workload>>>,
    /// The number of the next process.
    pub next_process: Arc<AtomicU64>,
    /// How many nodes there are.
    pub nodes: usize,
    /// How long they wait for an answer.
    pub timeout: Duration,
}

/// One logical process: it ends with the first unknown outcome.
struct Session {
    process: u64,
    seq: u64,
}

/// An operation as it is written down.
pub struct Recorded<'a> {
    clients: &'a Clients,
    process: u64,
    f: Arc<str>,
    key: Value,
    seq: Option<u64>,
    is_final: bool,
}

impl Clients {
    /// A process number that nobody has.
    pub fn new_process(&self) -> u64 {
        self.next_process.fetch_add(1, Ordering::Relaxed)
    }

    /// Write down that an operation begins.
    pub fn invoke(&self, process: u64, request: &Request, node: NodeId, is_final: bool) -> Recorded<'_> {
        let recorded = Recorded {
            clients: self,
            process,
            f: request.f.into(),
            key: request.key.clone(),
            seq: request.session.map(|(_, seq)| seq),
            is_final,
        };
        recorded.record(Kind::Invoke, request.value.clone(), node, None);
        recorded
    }

    /// Ask one node, and write it down. `is_final` marks the reads after the heal, which durability is judged by.
    pub async fn ask(&self, process: u64, node: NodeId, request: &Request, is_final: bool) -> Reply {
        let recorded = self.invoke(process, request, node, is_final);
        let reply = self.system.invoke(node, request).await;
        recorded.complete(request, node, &reply);
        reply
    }
}

impl Recorded<'_> {
    /// Write down how it ended.
    pub fn complete(self, request: &Request, node: NodeId, reply: &Reply) {
        let (kind, value) = match &reply.answer {
            Answer::Ok(value) => (Kind::Ok, value.clone()),
            Answer::Fail => (Kind::Fail, request.value.clone()),
            Answer::Unknown => (Kind::Info, request.value.clone()),
        };
        self.record(kind, value, node, Some(reply));
    }

    fn record(&self, kind: Kind, value: Value, node: NodeId, reply: Option<&Reply>) {
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let mut other = serde_json::Map::new();
        if self.is_final {
            other.insert("final".to_owned(), true.into());
        }
        let at: Option<(LogIndex, Term)> = reply.and_then(|reply| reply.at);
        self.clients.recorder.record(Event {
            index: 0,
            time: self.clients.clock.now(),
            process: Process::Client(self.process),
            kind,
            f: Arc::clone(&self.f),
            key: Some(self.key.clone()),
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

/// One client: operation after operation until it is told to stop. `rate` bounds its operations a second.
pub async fn run(clients: Clients, number: u64, seed: u64, rate: Option<f64>, stop: Stop) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (number << 32));
    let mut session = Session {
        process: clients.new_process(),
        seq: 0,
    };
    let mut target = NodeId((number as usize) % clients.nodes);
    let mut next = Instant::now();
    while !stop.is_set() {
        if let Some(rate) = rate {
            next += Duration::from_secs_f64(1.0 / rate);
            tokio::select! { () = sleep_until(next) => {}, () = stop.wait() => break }
        }
        let pass = tokio::select! { pass = clients.gate.pass() => pass, () = stop.wait() => break };
        let reply = one_operation(&clients, &mut session, &mut target, &mut rng).await;
        drop(pass);
        match reply.answer {
            Answer::Ok(_) => {}
            Answer::Fail if reply.elsewhere.is_none() => {}
            // A client that finds nobody home waits a little, so that an outage does not fill the history.
            _ => sleep_until(Instant::now() + Duration::from_millis(rng.random_range(10..50))).await,
        }
        if reply.answer == Answer::Unknown {
            session = Session {
                process: clients.new_process(),
                seq: 0,
            };
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
    let operation = lock(&clients.workload).next();
    let request = request(&operation, session, clients.timeout);
    let recorded = clients.invoke(session.process, &request, *target, false);
    let reply = follow(clients, &request, target, rng).await;
    recorded.complete(&request, *target, &reply);
    if let Answer::Ok(value) = &reply.answer {
        lock(&clients.workload).on_ok(&operation, value);
    }
    reply
}

fn request(operation: &Operation, session: &mut Session, timeout: Duration) -> Request {
    let reads = operation.f == "read";
    if !reads {
        session.seq += 1;
    }
    Request {
        f: operation.f,
        key: operation.key.clone(),
        value: operation.value.clone(),
        forward: false,
        session: (!reads).then_some((session.process, session.seq)),
        timeout,
    }
}

/// Ask the node that the client knows, and follow to the leader while the operation certainly has not happened.
async fn follow(clients: &Clients, request: &Request, target: &mut NodeId, rng: &mut ChaCha8Rng) -> Reply {
    let mut tries = 1;
    loop {
        let reply = clients.system.invoke(*target, request).await;
        let Some(leader) = reply.elsewhere.filter(|_| reply.answer == Answer::Fail) else {
            return reply;
        };
        if tries == TRIES {
            return reply;
        }
        tries += 1;
        match leader.filter(|leader| leader != target && leader.0 < clients.nodes) {
            Some(leader) => *target = leader,
            None => {
                *target = NodeId(rng.random_range(0..clients.nodes));
                tokio::time::sleep(LEADERLESS_PAUSE).await;
            }
        }
    }
}

fn lock(workload: &Mutex<Box<dyn Workload>>) -> std::sync::MutexGuard<'_, Box<dyn Workload>> {
    workload.lock().unwrap_or_else(PoisonError::into_inner)
}
