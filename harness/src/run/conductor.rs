//! The conductor: shows the schedule the cluster, has its effects carried out, and writes both down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::Nanos;
use histories::run_folder::Lines;
use nemesis::hands::Hands;
use nemesis::{Effect, Outcome, Schedule, View};
use runs::record::Stage as Turn;
use runs::stop::Stop;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::client::Clients;
use super::effect_log::{Done, EffectLog, Records, event};
use super::observer::Observer;
use super::probes::Probes;
use crate::exit::Failure;

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
    log: EffectLog,
    /// How many effects were decided and not yet noted.
    pending: usize,
    probes: Probes,
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

impl Conductor {
    /// A conductor for this schedule, and those whose turn comes after it.
    pub fn new(
        clients: Clients,
        hands: Hands,
        observer: Observer,
        (act, waiting): (Act, VecDeque<Act>),
        effects: Lines,
    ) -> Self {
        Conductor {
            nodes: clients.nodes,
            log: EffectLog::new(effects, clients.recorder.clone()),
            probes: Probes::new(clients.clone()),
            began: clients.clock.now(),
            clients,
            hands,
            observer,
            act,
            waiting,
            over: Vec::new(),
            pending: 0,
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
            self.probes.forget();
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
            probes: self.probes.answers(),
        }
    }

    /// Effects are carried out in their order, but nobody waits for a node that starts.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let planned = self.clients.clock.now();
        let mut in_order = Vec::new();
        for effect in effects {
            match effect {
                Effect::Gate { open } => self.set_gate(open, &effect),
                Effect::Probe(probe) => self.probes.send(probe),
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
        self.log.add(done)?;
        broken.map_or(Ok(()), |broken| Err(Failure::Broken(broken)))
    }

    fn save_records(&mut self) -> Result<(), Failure> {
        for record in self.act.schedule.take_records() {
            self.act.records.add(&record)?;
        }
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage {
            stage: self.act.schedule.stage(),
            tally: self.act.schedule.tally(),
            records: self.act.records.count(),
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
