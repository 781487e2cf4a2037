//! A command with its proof: what it is for is done, then its probe is asked until it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clock::Clock;
use super::ledger::{Debt, Ledger};
use super::orders::{Answering, Deed, NodeOrders, Order, Orders, Probe};
use super::runner::{Ended, Runner, RunnerError};
use crate::effect::NodeId;
use crate::faults::{Proof, Ran};

/// How long after a probe that did not say so it is asked again.
const LOOK: Duration = Duration::from_millis(100);
/// How long a node has to be silent, and how often in a row it is asked meanwhile: one answer that is late proves nothing.
const SILENCE: Duration = Duration::from_millis(1500);
const SILENT_LOOKS: usize = 4;
/// How often what undoes a fault is tried, and how long after a failure: a connection may come back.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// Everything that is needed to have commands done. A clone is another handle of the same.
#[derive(Clone)]
pub(super) struct Kit {
    pub(super) orders: Arc<Orders>,
    pub(super) runner: Arc<Runner>,
    pub(super) ledger: Arc<Ledger>,
    ending: Arc<AtomicBool>,
}

/// What a probe says.
enum Look {
    So,
    NotSo(String),
    /// It could not look, and says nothing of the cluster.
    Blind(String),
}

/// Whether a probe may say so before the command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Then it would prove nothing.
    MayNot,
    May,
}

impl Kit {
    pub(super) fn new(orders: Orders, clock: Clock) -> Result<Self, RunnerError> {
        let ledger = Ledger::open(&orders.folder, &orders.system).map_err(RunnerError::Ledger)?;
        let runner = Runner::new(&orders.folder, clock, Arc::clone(&orders.redact))?;
        Ok(Kit {
            orders: Arc::new(orders),
            runner: Arc::new(runner),
            ledger: Arc::new(ledger),
            ending: Arc::default(),
        })
    }

    /// Nothing but undoing is begun from now on.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    pub(super) fn of(&self, node: NodeId) -> Option<&NodeOrders> {
        self.orders.nodes.get(node.0)
    }

    /// The command as it may be shown.
    pub(super) fn shown(&self, order: &Order) -> String {
        self.runner.redacted(&order.to_string())
    }

    /// What is owed, as it may be shown.
    pub(super) fn debts(&self) -> Vec<Debt> {
        let mut debts = self.ledger.debts();
        for debt in &mut debts {
            debt.undo = self.runner.redacted(&debt.undo);
        }
        debts
    }

    /// Do it to `target`, and prove it.
    pub(super) async fn does(&self, errand: Errand<'_>, deed: &Deed, before: Before) -> (Ran, Ended) {
        let found = match (&deed.probe, before) {
            (Some(probe), Before::MayNot) => Some(self.look(&errand, probe).await),
            _ => None,
        };
        let ended = self.runner.run(&errand.what(), &deed.order).await;
        let unproved = |probe: &Probe, why: String| Proof::Unproved {
            by: self.runner.redacted(&probe.to_string()),
            why,
        };
        let proof = match (&deed.probe, found) {
            (None, _) => Proof::None,
            (Some(probe), Some(Look::So)) => Proof::Before {
                by: self.runner.redacted(&probe.to_string()),
            },
            // It has failed: nothing is waited for.
            (Some(probe), _) if !ended.done => unproved(probe, "the command has failed".to_owned()),
            (Some(probe), Some(Look::Blind(why))) => unproved(
                probe,
                format!("it could not look whether it was so before: {why}"),
            ),
            (Some(probe), _) => self.prove(&errand, probe).await,
        };
        let ran = Ran {
            target: errand.target.to_owned(),
            command: Some(self.shown(&deed.order)),
            done: ended.done,
            ended: ended.how.clone(),
            said: ended.said(),
            proof,
        };
        (ran, ended)
    }

    /// The same for what undoes a fault: again, where it failed. A command that fails may have nothing to undo, for the
    /// fault never happened, or its connection was lost after it was done: its probe says so. It is run once at
    /// least, since a probe may be weaker than what it undoes.
    pub(super) async fn undoes(&self, errand: Errand<'_>, deed: &Deed) -> Undone {
        let (mut left, mut began, mut was_so) = (TRIES, false, true);
        loop {
            let (ran, ended) = self.does(errand, deed, Before::May).await;
            left -= 1;
            began |= ended.began;
            was_so &= !ended.done && ended.is_its_own();
            let so = match ran.is_proved() || ran.is_attempted() {
                true => Some(ran.clone()),
                false => self.is_undone(errand, deed, &ended).await,
            };
            if so.is_some() || left == 0 {
                let was_so = was_so && so.is_some();
                let ran = so.unwrap_or(ran);
                return Undone { ran, began, was_so };
            }
            sleep(PAUSE).await;
        }
    }

    /// What a command that failed has left to do: nothing, if its probe says so.
    async fn is_undone(&self, errand: Errand<'_>, deed: &Deed, ended: &Ended) -> Option<Ran> {
        let probe = deed.probe.as_ref().filter(|_| !ended.done)?;
        let may_tell = match probe {
            Probe::Order { .. } => true,
            // A node answers clients whatever its links do.
            Probe::Answers(_) => errand.is_of_node,
            // Silence may be that of the way there.
            Probe::DoesNotAnswer(_) => errand.is_of_node && ended.is_its_own(),
        };
        if !may_tell {
            return None;
        }
        let ran = self.is_so(errand, probe).await?;
        Some(Ran {
            ended: format!("nothing was left to be done; its command: {}", ended.how),
            ..ran
        })
    }

    /// Ask until it says so, as long as it may take.
    pub(super) async fn prove(&self, errand: &Errand<'_>, probe: &Probe) -> Proof {
        let (by, end) = (
            self.runner.redacted(&probe.to_string()),
            Instant::now() + probe.within(),
        );
        loop {
            match self.look(errand, probe).await {
                Look::So => return Proof::Proved { by },
                Look::NotSo(why) | Look::Blind(why) if Instant::now() >= end => {
                    return Proof::Unproved { by, why };
                }
                Look::NotSo(_) | Look::Blind(_) => sleep(LOOK).await,
            }
        }
    }

    /// What is not needed to be done, if its probe says so.
    pub(super) async fn is_so(&self, errand: Errand<'_>, probe: &Probe) -> Option<Ran> {
        match self.look(&errand, probe).await {
            Look::So => Some(seen(errand.target, self.runner.redacted(&probe.to_string()))),
            Look::NotSo(_) | Look::Blind(_) => None,
        }
    }

    /// Whether a probe says so now.
    async fn look(&self, errand: &Errand<'_>, probe: &Probe) -> Look {
        match probe {
            Probe::Answers(_) => match (errand.answers)().await {
                true => Look::So,
                false => Look::NotSo("it does not answer".to_owned()),
            },
            Probe::DoesNotAnswer(_) => match is_silent(errand.answers).await {
                true => Look::So,
                false => Look::NotSo("it still answers".to_owned()),
            },
            Probe::Order { order, says } => {
                let what = format!("{}, its probe", errand.what());
                let ended = self.runner.run(&what, order).await;
                let told = |how: &str| with_lines(how.to_owned(), &ended.said());
                match says {
                    Some(says) if ended.done && !(says.fits)(&ended.text) => {
                        Look::NotSo(told("it says something else"))
                    }
                    _ if ended.done => Look::So,
                    // It cannot be told apart from a probe that fails for reasons of its own.
                    None if ended.is_its_own() => Look::NotSo(told(&ended.how)),
                    _ => Look::Blind(told(&ended.how)),
                }
            }
        }
    }
}

/// Whether a node leaves everything unanswered for a while.
async fn is_silent(answers: &Answering) -> bool {
    let (begun, mut looks) = (Instant::now(), 0);
    while looks < SILENT_LOOKS || begun.elapsed() < SILENCE {
        if answers().await {
            return false;
        }
        looks += 1;
        sleep(LOOK).await;
    }
    true
}

/// What came of undoing.
pub(super) struct Undone {
    pub(super) ran: Ran,
    /// Whether there was a process at all.
    pub(super) began: bool,
    /// Whether it is so, and no command has made it so: each has failed by itself.
    pub(super) was_so: bool,
}

/// What a command is for.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    /// Whom it is done to: `n1`, `n1→n3`.
    pub(super) target: &'a str,
    /// What is done.
    pub(super) word: &'a str,
    /// Whether to the node itself, rather than to a link to it.
    pub(super) is_of_node: bool,
    /// Asks the node that is concerned.
    pub(super) answers: &'a Answering,
}

impl Errand<'_> {
    pub(super) fn what(&self) -> String {
        format!("{}: {}", self.target, self.word)
    }
}

/// Nothing had to be done, as this says.
pub(super) fn seen(target: &str, by: String) -> Ran {
    Ran {
        target: target.to_owned(),
        command: None,
        done: true,
        ended: "nothing had to be done".to_owned(),
        said: Vec::new(),
        proof: Proof::Proved { by },
    }
}

fn with_lines(mut text: String, lines: &[String]) -> String {
    for line in lines {
        text.push_str("; ");
        text.push_str(line);
    }
    text
}
