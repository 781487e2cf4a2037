//! A command with its proof: what it is for is done, then its probe is asked until it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clock::Clock;
use super::ledger::Ledger;
use super::orders::{Answering, Deed, NodeOrders, Order, Orders, Probe};
use super::runner::{Ended, Runner, RunnerError};
use crate::effect::NodeId;
use crate::faults::{Proof, Ran};

/// How long after a probe that did not say so it is asked again.
const LOOK: Duration = Duration::from_millis(100);
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

    /// Do it to `target`, and prove it.
    pub(super) async fn does(&self, errand: Errand<'_>, deed: &Deed, before: Before) -> (Ran, Ended) {
        let was_so = match (&deed.probe, before) {
            (Some(probe), Before::MayNot) => self.look(&errand, probe).await.is_ok(),
            _ => false,
        };
        let ended = self.runner.run(&errand.what(), &deed.order).await;
        let proof = match &deed.probe {
            None => Proof::None,
            Some(probe) if was_so => Proof::Before {
                by: self.runner.redacted(&probe.to_string()),
            },
            // It has failed: nothing is waited for.
            Some(probe) if !ended.done => Proof::Unproved {
                by: self.runner.redacted(&probe.to_string()),
                why: "the command has failed".to_owned(),
            },
            Some(probe) => self.prove(&errand, probe).await,
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

    /// The same for what undoes a fault: again, where it failed.
    pub(super) async fn undoes(&self, errand: Errand<'_>, deed: &Deed) -> Ran {
        let mut left = TRIES;
        loop {
            let (ran, _) = self.does(errand, deed, Before::May).await;
            left -= 1;
            if ran.is_proved() || ran.is_attempted() || left == 0 {
                return ran;
            }
            sleep(PAUSE).await;
        }
    }

    /// Ask until it says so, as long as it may take.
    pub(super) async fn prove(&self, errand: &Errand<'_>, probe: &Probe) -> Proof {
        let (by, end) = (
            self.runner.redacted(&probe.to_string()),
            Instant::now() + probe.within(),
        );
        loop {
            match self.look(errand, probe).await {
                Ok(()) => return Proof::Proved { by },
                Err(why) if Instant::now() >= end => return Proof::Unproved { by, why },
                Err(_) => sleep(LOOK).await,
            }
        }
    }

    /// What is not needed to be done, if its probe says so.
    pub(super) async fn is_so(&self, errand: Errand<'_>, probe: &Probe) -> Option<Ran> {
        self.look(&errand, probe).await.ok()?;
        Some(seen(errand.target, self.runner.redacted(&probe.to_string())))
    }

    /// Whether a probe says so now; else what it says.
    async fn look(&self, errand: &Errand<'_>, probe: &Probe) -> Result<(), String> {
        match probe {
            Probe::Answers(_) => match (errand.answers)().await {
                true => Ok(()),
                false => Err("it does not answer".to_owned()),
            },
            Probe::DoesNotAnswer(_) => match (errand.answers)().await {
                true => Err("it still answers".to_owned()),
                false => Ok(()),
            },
            Probe::Order { order, says } => {
                let ended = self
                    .runner
                    .run(&format!("{}, its probe", errand.what()), order)
                    .await;
                if !ended.done {
                    return Err(with_lines(ended.how.clone(), &ended.said()));
                }
                match says {
                    Some(says) if !(says.fits)(&ended.text) => {
                        Err(with_lines("it says something else".to_owned(), &ended.said()))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// What a command is for.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    /// Whom it is done to: `n1`, `n1→n3`.
    pub(super) target: &'a str,
    /// What is done.
    pub(super) word: &'a str,
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
