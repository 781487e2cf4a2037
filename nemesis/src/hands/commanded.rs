//! A node that is led by commands: it lives on a machine that the hands do not look into, so what is known of it is what
//! its probes say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::micros;
use super::errand::{Before, Errand, Kit, seen};
use super::exit::NodeExit;
use super::ledger::{Debt, For};
use super::life::{Doing, Life};
use super::orders::{Deed, NodeOrders, Probe};
use super::ready::Addresses;
use crate::effect::{NodeId, Outcome};
use crate::evidence::{indeterminate, installed, skipped};
use crate::fault::Target;
use crate::faults::{Commanded, Proof, Ran};
use crate::view::ProcessState;

/// What every node and link of a cluster is told, once it is known.
pub(super) type Told = Arc<OnceLock<Kit>>;

/// See the module.
pub(super) struct CommandedNode {
    node: NodeId,
    client: SocketAddr,
    told: Told,
    shared: Mutex<Shared>,
    /// One thing at a time is done to a node: what undoes a fault sees what the fault came to.
    turn: tokio::sync::Mutex<()>,
}

struct Shared {
    state: ProcessState,
    starts: u64,
    /// Whether it was seen in this state, rather than only told to be.
    sure: bool,
    /// Whether the end was seen, and what it left was collected.
    over: bool,
}

/// What is done to a node.
#[derive(Clone, Copy)]
struct Act {
    word: &'static str,
    /// The state in which a node may be put through this.
    from: ProcessState,
    /// The state that the node is in where it worked.
    to: ProcessState,
}

const KILL: Act = Act {
    word: "kill",
    // A kill that fails would leave a paused node as it is, and its resume would be forgotten.
    from: ProcessState::Running,
    to: ProcessState::Down,
};

const PAUSE: Act = Act {
    word: "pause",
    from: ProcessState::Running,
    to: ProcessState::Paused,
};

impl CommandedNode {
    pub(super) fn new(node: NodeId, client: SocketAddr, told: Told) -> Self {
        CommandedNode {
            node,
            client,
            told,
            shared: Mutex::new(Shared {
                state: ProcessState::Down,
                starts: 0,
                sure: true,
                over: false,
            }),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_now(&self, state: ProcessState, sure: bool) {
        let mut shared = self.lock();
        (shared.state, shared.sure) = (state, sure);
    }

    /// What it is told, or why nothing.
    fn kit(&self) -> Result<(&Kit, &NodeOrders), String> {
        let none = || format!("{} has no commands", self.node);
        let kit = self.told.get().ok_or_else(none)?;
        Ok((kit, kit.of(self.node).ok_or_else(none)?))
    }

    /// Do what begins a fault. What undoes it is owed before.
    async fn begin(&self, act: Act) -> Result<Outcome, String> {
        let begun = Instant::now();
        let _turn = self.turn.lock().await;
        let (kit, orders) = self.kit()?;
        let (deed, undo) = match act.to {
            ProcessState::Paused => (&orders.pause, &orders.resume),
            _ => (&orders.kill, &orders.start),
        };
        let lacks = |what| format!("{} has no command that would {what} it", self.node);
        let deed = deed.as_ref().ok_or_else(|| lacks(act.word))?;
        let undo = undo.as_ref().ok_or_else(|| lacks("undo that for"))?;
        if kit.is_ending() {
            return Err("the run is being stopped".to_owned());
        }
        self.may(act)?;
        let fault = For::Fault(Target::Process(self.node));
        // A node that the run itself has started is to be gone in the end, not to run.
        let is_owed = !kit.orders.starts_nodes || act.to == ProcessState::Paused;
        if is_owed {
            let debt = Debt {
                because: format!("{}: {}", self.node, act.word),
                undo: undo.order.to_string(),
            };
            let owed = kit.ledger.owe([(fault, debt)]);
            owed.map_err(|error| format!("what would undo it cannot be written down: {error}"))?;
        } else {
            kit.ledger.settle(fault);
        }
        let target = self.node.to_string();
        let (ran, ended) = kit
            .does(errand(&target, act.word, orders), deed, Before::MayNot)
            .await;
        if !ended.began {
            kit.ledger.settle(fault);
            return Err(ran.to_string());
        }
        self.is_now(act.to, ran.is_proved());
        if ran.is_proved() && act.to == ProcessState::Down {
            kit.ledger.settle(For::Started(self.node));
        }
        Ok(outcome(vec![ran], begun))
    }

    /// Whether it is what it has to be.
    fn may(&self, act: Act) -> Result<(), String> {
        match self.state() {
            state if state == act.from => Ok(()),
            state => Err(format!("{} is {state:?}", self.node).to_lowercase()),
        }
    }

    async fn start_now(&self) -> Result<Outcome, String> {
        let begun = Instant::now();
        let _turn = self.turn.lock().await;
        let (kit, orders) = self.kit()?;
        let (state, starts, sure) = {
            let shared = self.lock();
            (shared.state, shared.starts, shared.sure)
        };
        if state != ProcessState::Down {
            return Err(format!("{} is {state:?}", self.node).to_lowercase());
        }
        let target = self.node.to_string();
        let errand = errand(&target, "start", orders);
        let ran = match (starts, kit.orders.starts_nodes) {
            (0, false) => self.find(kit, errand, orders).await,
            (0, true) => Some(self.bring_up(kit, errand, orders).await?),
            // What was only told to end may never have ended.
            _ => match sure {
                true => None,
                false => kit.is_so(errand, &orders.lives).await,
            },
        };
        let ran = match (ran, &orders.start) {
            (Some(ran), _) => ran,
            (None, Some(start)) => {
                let is_new = self.owe_its_end(kit, errand, orders)?;
                let undone = kit.undoes(errand, start).await;
                self.forget_its_end(kit, is_new && !undone.began);
                undone.ran
            }
            (None, None) => return Err(format!("{} has no command that would start it", self.node)),
        };
        if ran.is_proved() {
            let mut shared = self.lock();
            (shared.state, shared.sure) = (ProcessState::Running, true);
            shared.starts += 1;
            kit.ledger.settle(For::Fault(Target::Process(self.node)));
        }
        Ok(outcome(vec![ran], begun))
    }

    /// A node that was there before the run: it lives, or there is nothing to test.
    async fn find(&self, kit: &Kit, errand: Errand<'_>, orders: &NodeOrders) -> Option<Ran> {
        let proof = kit.prove(&errand, &orders.lives).await;
        let ended = match &proof {
            Proof::Unproved { why, .. } => format!("it was to be there already, but {why}"),
            _ => "it was there already".to_owned(),
        };
        Some(Ran {
            proof,
            ended,
            ..seen(errand.target, String::new())
        })
    }

    /// A node that the run starts: nobody else may be there in its place.
    async fn bring_up(&self, kit: &Kit, errand: Errand<'_>, orders: &NodeOrders) -> Result<Ran, String> {
        let start = orders.start.as_ref();
        let start = start.ok_or_else(|| format!("{} has no command that would start it", self.node))?;
        if let Some(ran) = kit.is_so(errand, &orders.lives).await {
            return Err(format!(
                "it was to be started, and somebody is there already: {ran}"
            ));
        }
        let is_new = self.owe_its_end(kit, errand, orders)?;
        // From here on it may run.
        self.lock().sure = false;
        let (ran, ended) = kit.does(errand, start, Before::May).await;
        self.forget_its_end(kit, is_new && !ended.began);
        if !ended.began {
            self.lock().sure = true;
        }
        Ok(ran)
    }

    /// Whoever starts a node has to stop it. Tells whether that was not owed already.
    fn owe_its_end(&self, kit: &Kit, errand: Errand<'_>, orders: &NodeOrders) -> Result<bool, String> {
        let end = orders.stop.as_ref().or(orders.kill.as_ref());
        let Some(end) = end.filter(|_| kit.orders.starts_nodes) else {
            return Ok(false);
        };
        let is_new = !kit.ledger.owes(For::Started(self.node));
        let debt = Debt {
            because: errand.what(),
            undo: end.order.to_string(),
        };
        let owed = kit.ledger.owe([(For::Started(self.node), debt)]);
        owed.map_err(|error| format!("what would stop it cannot be written down: {error}"))?;
        Ok(is_new)
    }

    /// A command that never began has started nothing.
    fn forget_its_end(&self, kit: &Kit, is_nothing: bool) {
        if is_nothing {
            kit.ledger.settle(For::Started(self.node));
        }
    }

    async fn resume_now(&self) -> Result<Outcome, String> {
        let begun = Instant::now();
        let _turn = self.turn.lock().await;
        let (kit, orders) = self.kit()?;
        let state = self.lock().state;
        if state != ProcessState::Paused {
            return Err(format!("{} is {state:?}", self.node).to_lowercase());
        }
        let resume = orders.resume.as_ref();
        let resume = resume.ok_or_else(|| format!("{} has no command that would resume it", self.node))?;
        let target = self.node.to_string();
        let ran = kit.undoes(errand(&target, "resume", orders), resume).await.ran;
        if ran.is_proved() || ran.is_attempted() {
            self.is_now(ProcessState::Running, ran.is_proved());
            kit.ledger.settle(For::Fault(Target::Process(self.node)));
        }
        Ok(outcome(vec![ran], begun))
    }

    /// The end of a run: what is there lives, or is stopped if the run has started it. What is to be kept of it is collected.
    async fn end(&self) -> Option<NodeExit> {
        self.kill_now();
        let _turn = self.turn.lock().await;
        let (kit, orders) = self.kit().ok()?;
        let is_started = self.starts() > 0 || kit.ledger.owes(For::Started(self.node));
        if !is_started || std::mem::replace(&mut self.lock().over, true) {
            return None;
        }
        let target = self.node.to_string();
        let problem = match kit.orders.starts_nodes {
            true => self.take_down(kit, orders, &target).await,
            false => {
                let proof = kit
                    .prove(&errand(&target, "look at the end", orders), &orders.lives)
                    .await;
                match proof {
                    Proof::Unproved { by, why } => {
                        let what = format!("no fault is in force, and it does not live by {by}: {why}");
                        Some((what, Vec::new()))
                    }
                    _ => None,
                }
            }
        };
        self.collect(kit, orders, &target).await;
        let (status, stderr) = problem.clone().unwrap_or_default();
        Some(NodeExit {
            node: self.node,
            status,
            clean: problem.is_none(),
            stderr,
        })
    }

    /// Stop what the run has started.
    async fn take_down(&self, kit: &Kit, orders: &NodeOrders, target: &str) -> Option<(String, Vec<String>)> {
        let (state, sure) = {
            let shared = self.lock();
            (shared.state, shared.sure)
        };
        if state == ProcessState::Down && sure {
            kit.ledger.settle(For::Started(self.node));
            return None;
        }
        let silence = Probe::DoesNotAnswer(orders.lives.within());
        let end = orders.stop.as_ref().or(orders.kill.as_ref())?;
        let probe = end.probe.clone().or(Some(silence));
        let deed = Deed {
            order: end.order.clone(),
            probe,
        };
        let errand = errand(target, "stop", orders);
        let (ran, was_so) = match state {
            // It is silent anyway, which says nothing of a stop that fails.
            ProcessState::Paused => (kit.does(errand, &deed, Before::May).await.0, false),
            _ => {
                let undone = kit.undoes(errand, &deed).await;
                (undone.ran, undone.was_so)
            }
        };
        if !ran.is_proved() {
            return Some((ran.to_string(), ran.said));
        }
        self.is_now(ProcessState::Down, true);
        kit.ledger.settle(For::Fault(Target::Process(self.node)));
        kit.ledger.settle(For::Started(self.node));
        // A node that ends by itself is a finding, and no debt.
        let was_gone = state == ProcessState::Running && was_so;
        was_gone.then(|| {
            (
                format!("it had ended before it was stopped; {}", ran.ended),
                ran.said,
            )
        })
    }

    /// What the node leaves: what a command prints, and what it brings.
    async fn collect(&self, kit: &Kit, orders: &NodeOrders, target: &str) {
        if let Some(order) = &orders.logs {
            let into = orders.folder.join("node.log");
            kit.runner.collect(&format!("{target}: logs"), order, &into).await;
        }
        if let Some(order) = &orders.data {
            kit.runner.run(&format!("{target}: data"), order).await;
        }
    }
}

fn errand<'a>(target: &'a str, word: &'a str, orders: &'a NodeOrders) -> Errand<'a> {
    Errand {
        target,
        word,
        is_of_node: true,
        answers: &orders.answers,
    }
}

/// Installed if all of it is proved.
pub(super) fn outcome(commands: Vec<Ran>, begun: Instant) -> Outcome {
    let known = Commanded {
        commands,
        took_us: micros(begun.elapsed()),
    };
    match known.doubt() {
        None => installed(&known),
        Some(doubt) => indeterminate(doubt, &known),
    }
}

impl Life for CommandedNode {
    fn node(&self) -> NodeId {
        self.node
    }

    fn state(&self) -> ProcessState {
        self.lock().state
    }

    fn starts(&self) -> u64 {
        self.lock().starts
    }

    fn addresses(&self) -> Option<Addresses> {
        (self.lock().state != ProcessState::Down).then_some(Addresses {
            client: self.client,
            peer: None,
        })
    }

    fn start(self: Arc<Self>) -> Doing<'static, Outcome> {
        Box::pin(async move { self.start_now().await.unwrap_or_else(skipped) })
    }

    fn kill(&self) -> Doing<'_, Outcome> {
        Box::pin(async { self.begin(KILL).await.unwrap_or_else(skipped) })
    }

    fn pause(&self) -> Doing<'_, Outcome> {
        Box::pin(async { self.begin(PAUSE).await.unwrap_or_else(skipped) })
    }

    fn resume(&self) -> Doing<'_, Outcome> {
        Box::pin(async { self.resume_now().await.unwrap_or_else(skipped) })
    }

    fn settled(&self) -> Doing<'_, ()> {
        Box::pin(async { drop(self.turn.lock().await) })
    }

    fn stop(&self, _: Duration) -> Doing<'_, Option<NodeExit>> {
        Box::pin(self.end())
    }

    fn kill_now(&self) {
        if let Some(kit) = self.told.get() {
            kit.end();
        }
    }

    fn lingers(&self) -> bool {
        false
    }
}
