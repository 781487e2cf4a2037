//! The conductor: shows the schedule the cluster, has its effects carried out, and writes both down.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::run_folder::Lines;
use histories::{Event, Kind, Nanos, Process, Value};
use nemesis::effect::{Choice, EffectLine};
use nemesis::hands::Hands;
use nemesis::view::Position;
use nemesis::{
    ClientRule, Effect, LinkRule, NodeId, Outcome, Probe, ProbeId, ProbeOp, ProbeState, Schedule, View,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::client::Clients;
use super::observer::Observer;
use super::record::Stage as Turn;
use super::stop::Stop;
use crate::exit::Failure;
use crate::systems::{Answer, Reply, Request, StoreOp};
use crate::workloads::{self, Operation};

/// What the run is told while it lasts, for the progress line.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Where the schedule stands.
    pub stage: String,
    /// What it came to so far.
    pub tally: String,
    /// How many cycles are recorded.
    pub records: usize,
}

/// Carries out effects for a schedule.
pub struct Conductor {
    clients: Clients,
    hands: Hands,
    observer: Observer,
    nodes: usize,
    /// The schedule whose turn it is.
    act: Act,
    /// Those whose turn comes later.
    waiting: VecDeque<Act>,
    /// When the present one's turn began.
    began: Nanos,
    /// Those whose turn is over.
    over: Vec<Turn>,
    /// One line an effect.
    journal: Journal,
    /// How many effects were decided and not yet noted.
    pending: usize,
    probes: Arc<Mutex<BTreeMap<ProbeId, ProbeState>>>,
    /// The operations of probes whose clients will ask again.
    held: BTreeMap<ProbeId, Held>,
    done: (UnboundedSender<Done>, UnboundedReceiver<Done>),
    stage: Arc<Mutex<Stage>>,
}

/// A schedule, what it leaves, and how long its turn is.
pub struct Act {
    name: &'static str,
    schedule: Box<dyn Schedule>,
    records: Records,
    share: Duration,
}

impl Act {
    /// The schedule of this name, not yet begun.
    pub fn new(name: &'static str, schedule: Box<dyn Schedule>, records: Records, share: Duration) -> Self {
        Act {
            name,
            schedule,
            records,
            share,
        }
    }
}

/// An operation that is not over before it was asked for again.
#[derive(Clone)]
struct Held {
    process: u64,
    operation: Operation,
    request: Request,
}

/// An effect that was carried out.
struct Done {
    planned: Nanos,
    done: Nanos,
    effect: Effect,
    outcome: Outcome,
    choice: Option<Choice>,
}

impl Conductor {
    /// A conductor for this schedule, and those whose turn comes after it.
    pub fn new(
        clients: Clients,
        hands: Hands,
        observer: Observer,
        (act, waiting): (Act, VecDeque<Act>),
        journal: Lines,
    ) -> Self {
        Conductor {
            nodes: clients.nodes,
            journal: Journal::new(journal, clients.clone()),
            began: clients.clock.now(),
            clients,
            hands,
            observer,
            act,
            waiting,
            over: Vec::new(),
            pending: 0,
            probes: Arc::default(),
            held: BTreeMap::new(),
            done: unbounded_channel(),
            stage: Arc::default(),
        }
    }

    /// Where the schedule stands, for the progress line.
    pub fn stage(&self) -> Arc<Mutex<Stage>> {
        Arc::clone(&self.stage)
    }

    /// Show the schedule the cluster every `every` until `stop`; then heal everything. Of several schedules each has its
    /// turn, and everything is healed between two of them.
    pub async fn conduct(mut self, every: Duration, stop: Stop) -> Result<Healed, Failure> {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !stop.is_set() {
            tokio::select! {
                _ = tick.tick() => {}
                Some(done) = self.done.1.recv() => self.carried_out(done)?,
                () = stop.wait() => break,
            }
            while let Ok(done) = self.done.1.try_recv() {
                self.carried_out(done)?;
            }
            if let Some(error) = self.observer.error() {
                return Err(Failure::Broken(error));
            }
            let view = self.view();
            let effects = self.act.schedule.observe(&view);
            self.carry_out(effects);
            self.save_records()?;
            self.take_turns().await?;
        }
        let at = self.end_turn().await?;
        Ok(Healed { at, acts: self.over })
    }

    /// The next schedule's turn, where the present one's is over.
    async fn take_turns(&mut self) -> Result<(), Failure> {
        if self.view().now.since(self.began) < self.act.share || self.waiting.is_empty() {
            return Ok(());
        }
        self.end_turn().await?;
        if let Some(next) = self.waiting.pop_front() {
            self.act = next;
            // Each schedule counts its probes from 0: late answers to another's are nothing to it.
            self.probes = Arc::default();
            self.held.clear();
            self.began = self.clients.clock.now();
        }
        Ok(())
    }

    fn view(&self) -> View {
        View {
            now: self.clients.clock.now(),
            nodes: self.observer.nodes(self.nodes),
            gate_open: self.clients.gate.is_open(),
            in_flight: self.clients.gate.in_flight(),
            pending_effects: self.pending,
            probes: self.probes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Effects are carried out in their order, but nobody waits for a node that starts.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let planned = self.clients.clock.now();
        let mut in_order = Vec::new();
        for effect in effects {
            match effect {
                Effect::Gate { open } => self.set_gate(open, &effect),
                Effect::Probe(probe) => self.send(probe),
                other => in_order.push(other),
            }
        }
        if in_order.is_empty() {
            return;
        }
        self.pending += in_order.len();
        let (hands, observer, clock) = (self.hands.clone(), self.observer.clone(), self.clients.clock);
        let done = self.done.0.clone();
        let choice = self.act.schedule.choice();
        let apply = move |effect: Effect| {
            let (hands, observer) = (hands.clone(), observer.clone());
            let (done, choice) = (done.clone(), choice.clone());
            async move {
                let outcome = hands.apply(&effect).await;
                // What the node said before it was started or continued is old.
                if let Effect::Start(node) | Effect::Resume(node) = &effect {
                    observer.forget(*node);
                }
                let _ = done.send(Done {
                    planned,
                    done: clock.now(),
                    effect,
                    outcome,
                    choice,
                });
            }
        };
        tokio::spawn(async move {
            for effect in in_order {
                match effect {
                    start @ Effect::Start(_) => drop(tokio::spawn(apply(start))),
                    other => apply(other).await,
                }
            }
        });
    }

    /// The gate stands in the history, so that a time in which nothing could succeed is no outage.
    fn set_gate(&self, open: bool, effect: &Effect) {
        if self.clients.gate.is_open() != open {
            self.clients.gate.set(open);
            self.clients
                .recorder
                .record(event(effect, self.clients.clock.now(), true));
        }
    }

    /// Send a probe; its answer stands in the next view.
    fn send(&mut self, probe: Probe) {
        let answers = Arc::clone(&self.probes);
        let again = match probe.op {
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
        tokio::spawn(async move {
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
        });
    }

    /// An effect is counted as pending until the schedule has heard of it.
    fn carried_out(&mut self, done: Done) -> Result<(), Failure> {
        self.pending -= 1;
        self.act.schedule.on_outcome(&done.effect, &done.outcome);
        self.note(done)
    }

    /// Write it down. A node that does not start, or that ended otherwise than it was killed, is broken by itself.
    fn note(&mut self, done: Done) -> Result<(), Failure> {
        let broken = match (&done.effect, &done.outcome) {
            (Effect::Start(node), Outcome::Indeterminate { reason, .. }) => {
                Some(format!("{node} did not start again: {reason}"))
            }
            (Effect::Kill(node), Outcome::Indeterminate { reason, evidence }) => {
                Some(format!("{node} was to be killed, but {reason}: {evidence}"))
            }
            _ => None,
        };
        self.journal.add(done)?;
        broken.map_or(Ok(()), |broken| Err(Failure::Broken(broken)))
    }

    fn save_records(&mut self) -> Result<(), Failure> {
        for record in self.act.schedule.take_records() {
            self.act.records.add(&record)?;
        }
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage {
            stage: self.act.schedule.stage(),
            tally: self.act.schedule.tally(),
            records: self.act.records.count,
        };
        Ok(())
    }

    /// A turn has ended: wait for what is under way, close the open cycle, and undo every fault. When that was done.
    async fn end_turn(&mut self) -> Result<Nanos, Failure> {
        while self.pending > 0 {
            match self.done.1.recv().await {
                Some(done) => self.carried_out(done)?,
                None => break,
            }
        }
        let view = self.view();
        self.act.schedule.interrupt(&view);
        self.save_records()?;
        let planned = self.clients.clock.now();
        for (effect, outcome) in self.hands.heal_all().await {
            if let Effect::Start(node) | Effect::Resume(node) = &effect {
                self.observer.forget(*node);
            }
            // A fault that is still in force would be blamed on the store.
            let stuck = (!outcome.is_installed())
                .then(|| format!("cannot undo a fault: {} {outcome:?}", effect.word()));
            self.note(Done {
                planned,
                done: self.clients.clock.now(),
                effect,
                outcome,
                choice: None,
            })?;
            if let Some(stuck) = stuck {
                return Err(Failure::Broken(stuck));
            }
        }
        self.set_gate(true, &Effect::Gate { open: true });
        let end = self.clients.clock.now();
        self.over.push(Turn {
            name: self.act.name.to_owned(),
            start: self.began,
            end,
        });
        Ok(end)
    }
}

/// Everything was undone.
pub struct Healed {
    /// When the last fault was undone.
    pub at: Nanos,
    /// When each schedule had its turn.
    pub acts: Vec<Turn>,
}

/// So many probes are remembered: more than any schedule has in a cycle.
const PROBES: u64 = 256;

fn set(answers: &Mutex<BTreeMap<ProbeId, ProbeState>>, id: ProbeId, state: ProbeState) {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
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
fn is_unknown(answers: &Mutex<BTreeMap<ProbeId, ProbeState>>, id: ProbeId) -> bool {
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
        // A retry is made from what it repeats, and never comes here.
        ProbeOp::Read | ProbeOp::ReadForwarded | ProbeOp::Retry(_) => {
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
    let code = reply.error.unwrap_or_default();
    match reply.answer {
        Answer::Ok(seen) => ProbeState::Ok {
            value: match operation.is_read() {
                true => (workload.newest)(&seen),
                false => operation.value.clone(),
            },
            at: reply.at.map(|(index, term)| Position { index, term }),
        },
        Answer::Fail => ProbeState::Fail { code },
        Answer::Unknown => ProbeState::Info { code },
    }
}

/// Writes `<schedule>.jsonl`: one line a record. Of a schedule that leaves none there is no file, unless it is guided.
pub struct Records {
    path: PathBuf,
    lines: Option<Lines>,
    count: usize,
}

impl Records {
    /// Records at this path.
    pub fn new(path: PathBuf, guided: bool) -> Result<Self, Failure> {
        let lines = guided.then(|| Lines::create(path.clone())).transpose()?;
        Ok(Records {
            path,
            lines,
            count: 0,
        })
    }

    fn add(&mut self, record: &serde_json::Value) -> Result<(), Failure> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => Lines::create(self.path.clone())?,
        };
        self.count += 1;
        Ok(self.lines.insert(lines).add(record)?)
    }
}

/// Writes `nemesis.jsonl`, and the nemesis' events of the history.
struct Journal {
    lines: Lines,
    clients: Clients,
    next_id: u64,
    /// The faults that are in force, by what they are done to.
    in_force: BTreeMap<Target, u64>,
}

/// What a fault is done to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Process(NodeId),
    Link(nemesis::Link),
    Clients(NodeId),
}

impl Journal {
    fn new(lines: Lines, clients: Clients) -> Self {
        Journal {
            lines,
            clients,
            next_id: 0,
            in_force: BTreeMap::new(),
        }
    }

    fn add(&mut self, done: Done) -> Result<(), Failure> {
        let id = self.next_id;
        self.next_id += 1;
        let mut undoes: Vec<u64> = Vec::new();
        for (target, is_fault) in targets(&done.effect) {
            undoes.extend(self.in_force.remove(&target));
            if is_fault && !matches!(done.outcome, Outcome::Skipped { .. }) {
                self.in_force.insert(target, id);
            }
        }
        undoes.sort_unstable();
        undoes.dedup();
        let installed = done.outcome.is_installed();
        self.clients
            .recorder
            .record(event(&done.effect, done.done, installed));
        let Done {
            planned,
            done,
            effect,
            outcome,
            choice,
        } = done;
        Ok(self.lines.add(&EffectLine {
            id,
            planned,
            done,
            effect,
            outcome,
            choice,
            undoes,
        })?)
    }
}

/// What an effect is done to, and whether it is a fault rather than the end of one.
fn targets(effect: &Effect) -> Vec<(Target, bool)> {
    match effect {
        Effect::Kill(node) | Effect::Pause(node) => vec![(Target::Process(*node), true)],
        Effect::Start(node) | Effect::Resume(node) => vec![(Target::Process(*node), false)],
        Effect::Links { rule, links } => links
            .iter()
            .map(|link| (Target::Link(*link), *rule != LinkRule::Pass))
            .collect(),
        Effect::Clients { rule, nodes } => nodes
            .iter()
            .map(|node| (Target::Clients(*node), *rule != ClientRule::Pass))
            .collect(),
        // Nothing of it stays in force.
        Effect::Record { .. } | Effect::Inject { .. } | Effect::Gate { .. } | Effect::Probe(_) => Vec::new(),
    }
}

/// An effect as the history shows it.
fn event(effect: &Effect, time: Nanos, installed: bool) -> Event {
    let name = |node: &NodeId| Value::from(node.name().as_str());
    let value = match effect {
        Effect::Start(node) | Effect::Kill(node) | Effect::Pause(node) | Effect::Resume(node) => name(node),
        Effect::Clients { nodes, .. } => Value::list(nodes.iter().map(name)),
        Effect::Links { links, .. } | Effect::Record { links, .. } | Effect::Inject { links } => {
            let links = links
                .iter()
                .map(|link| Value::list([name(&link.0), name(&link.1)]));
            Value::list([Value::list([Value::from("links"), Value::list(links)])])
        }
        Effect::Gate { .. } | Effect::Probe(_) => Value::Null,
    };
    Event {
        index: 0,
        time,
        process: Process::Nemesis,
        kind: Kind::Info,
        f: effect.word().into(),
        key: None,
        value,
        node: None,
        error: (!installed).then(|| "not-installed".into()),
        message: None,
        seq: None,
        at: None,
        other: serde_json::Map::new(),
    }
}
