//! The probes of a schedule: single operations at chosen nodes, sent beside the clients' load and recorded like it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::Value;
use nemesis::view::Position;
use nemesis::{Probe, ProbeId, ProbeOp, ProbeState};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::client::Clients;
use crate::store::{Answer, Reply, Request, StoreOp};
use crate::workloads::{self, Operation};

/// So many probes are remembered: more than any schedule has in a cycle.
const PROBES: u64 = 256;

/// Whoever has looked keeps what he saw.
type Answers = Mutex<Arc<BTreeMap<ProbeId, ProbeState>>>;

/// Sends them, and keeps what came of the last ones.
pub(super) struct Probes {
    clients: Clients,
    answers: Arc<Answers>,
    /// The operations of probes whose clients will ask again.
    held: BTreeMap<ProbeId, Held>,
}

/// An operation that is not over before it was asked for again.
#[derive(Clone)]
struct Held {
    process: u64,
    operation: Operation,
    request: Request,
}

impl Probes {
    /// None sent yet.
    pub(super) fn new(clients: Clients) -> Self {
        Probes {
            clients,
            answers: Arc::default(),
            held: BTreeMap::new(),
        }
    }

    /// What came of each so far.
    pub(super) fn answers(&self) -> Arc<BTreeMap<ProbeId, ProbeState>> {
        Arc::clone(&self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Each schedule counts its probes from 0: late answers to another's are nothing to it.
    pub(super) fn forget(&mut self) {
        self.answers = Arc::default();
        self.held.clear();
    }

    /// Send a probe; its answer stands in the next view.
    pub(super) fn send(&mut self, probe: Probe) {
        let answers = Arc::clone(&self.answers);
        let again = match probe.op {
            ProbeOp::Fill(letters) => return self.fill(&probe, letters),
            ProbeOp::Retry(of) => match self.held.remove(&of).filter(|_| is_unknown(&answers, of)) {
                Some(held) => Some(held.again(&probe)),
                None => return set(&answers, probe.id, nothing_to_retry()),
            },
            _ => None,
        };
        set(&answers, probe.id, ProbeState::Pending);
        let clients = self.clients.clone();
        let is_again = again.is_some();
        let asked = again.unwrap_or_else(|| Held::first(&clients, &probe));
        if probe.held {
            self.held.insert(probe.id, asked.clone());
        }
        let world = Arc::clone(&clients.world);
        world.spawn(Box::pin(async move {
            let Held {
                process,
                operation,
                request,
            } = asked;
            let node = probe.node;
            let reply = match (is_again, probe.held) {
                (true, _) => clients.ask_again(process, node, &operation, &request).await,
                (false, true) => clients.ask_first(process, node, &operation, &request).await,
                (false, false) => clients.ask(process, node, &operation, &request, false).await,
            };
            set(&answers, probe.id, state(clients.workload, &operation, reply));
        }));
    }
}

impl Probes {
    /// Nobody reads what is written here: it takes room in logs, and does not belong into a history.
    fn fill(&self, probe: &Probe, letters: u64) {
        set(&self.answers, probe.id, ProbeState::Pending);
        let (clients, answers) = (self.clients.clone(), Arc::clone(&self.answers));
        let (id, node) = (probe.id, probe.node);
        let request = Request {
            op: StoreOp::Write(unpackable(id.0, letters)),
            session: Some((clients.new_process(), 1)),
            ..Request::read(probe.key.clone(), Duration::from_millis(probe.timeout_ms))
        };
        let world = Arc::clone(&clients.world);
        world.spawn(Box::pin(async move {
            let reply = clients.put(node, &request).await;
            set(&answers, id, plain(reply, Value::Null));
        }));
    }
}

/// A text of so many letters by lot, of 64: six bits of each say something.
fn unpackable(seed: u64, letters: u64) -> Value {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    Value::Text((0..letters).map(letter).collect::<String>().into())
}

fn set(answers: &Answers, id: ProbeId, state: ProbeState) {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let answers = Arc::make_mut(&mut answers);
    answers.insert(id, state);
    let old = ProbeId(id.0.saturating_sub(PROBES));
    while answers.first_key_value().is_some_and(|(first, _)| *first < old) {
        answers.pop_first();
    }
}

impl Held {
    /// Each probe is a process of its own: several may wait at once.
    fn first(clients: &Clients, probe: &Probe) -> Self {
        let process = clients.new_process();
        let (operation, request) = request(clients.workload, probe, process);
        Held {
            process,
            operation,
            request,
        }
    }

    fn again(self, probe: &Probe) -> Self {
        let request = Request {
            retry: true,
            forward: true,
            timeout: Duration::from_millis(probe.timeout_ms),
            ..self.request
        };
        Held { request, ..self }
    }
}

/// Only an operation whose outcome is unknown is still open.
fn is_unknown(answers: &Answers, id: ProbeId) -> bool {
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    matches!(answers.get(&id), Some(ProbeState::Info { .. }))
}

fn nothing_to_retry() -> ProbeState {
    ProbeState::Fail {
        code: "nothing-to-retry".to_owned(),
    }
}

/// A probe in the words of the workload, and of the store.
fn request(workload: &workloads::Row, probe: &Probe, process: u64) -> (Operation, Request) {
    let (operation, op, session) = match &probe.op {
        // A retry is made from what it repeats, a filler by itself, and neither comes here.
        ProbeOp::Read | ProbeOp::ReadForwarded | ProbeOp::Retry(_) | ProbeOp::Fill(_) => {
            (Operation::read(probe.key.clone()), StoreOp::Read, None)
        }
        ProbeOp::Write(value) | ProbeOp::WriteForwarded(value) => {
            let (operation, op) = (workload.fresh)(&probe.key, value, process);
            (operation, op, Some((process, 1)))
        }
    };
    let request = Request {
        op,
        key: operation.key.clone(),
        forward: matches!(probe.op, ProbeOp::ReadForwarded | ProbeOp::WriteForwarded(_)),
        session,
        retry: false,
        timeout: Duration::from_millis(probe.timeout_ms),
    };
    (operation, request)
}

/// What the schedule is told: of a read, which of the values that it wrote was seen last.
fn state(workload: &workloads::Row, operation: &Operation, reply: Reply) -> ProbeState {
    let value = match (&reply.answer, operation.is_read()) {
        (Answer::Ok(seen), true) => (workload.newest)(seen),
        _ => operation.value.clone(),
    };
    plain(reply, value)
}

/// A reply as a schedule is told it; this is the value of one that is ok.
fn plain(reply: Reply, value: Value) -> ProbeState {
    let code = reply.error.unwrap_or_default();
    match reply.answer {
        Answer::Ok(_) => ProbeState::Ok {
            value,
            at: reply.at.map(|(index, term)| Position { index, term }),
        },
        Answer::Fail => ProbeState::Fail { code },
        Answer::Unknown => ProbeState::Info { code },
    }
}
