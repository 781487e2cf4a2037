//! The conductor: shows the schedule the cluster, has its effects carried out, and writes both down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::Nanos;
use nemesis::{Effect, Outcome, Schedule, View, faults};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::client::Clients;
use super::effect_log::{Done, EffectLog, event};
use super::error::CourseError;
use super::observer::Observer;
use super::probes::Probes;
use crate::record::Stage as Turn;
use crate::stop::Stop;

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
    observer: Observer,
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
    /// Set when a cycle has shown by itself that what was committed is gone.
    caught: Stop,
}

/// A schedule, and how long its turn is.
struct Act {
    name: &'static str,
    schedule: Box<dyn Schedule>,
    share: Duration,
    /// How many cycles it has left.
    cycles: usize,
}

impl Conductor {
    /// A conductor for these schedules, in their order; none if there are none. They share `duration` equally.
    pub fn new(
        clients: Clients,
        observer: Observer,
        rows: &[&'static nemesis::Row],
        settings: &nemesis::Settings,
        duration: Duration,
    ) -> Option<Self> {
        let share = duration / rows.len().max(1) as u32;
        let act = |row: &&'static nemesis::Row| Act {
            name: row.name,
            schedule: (row.build)(settings),
            share,
            cycles: 0,
        };
        let mut waiting: VecDeque<Act> = rows.iter().map(act).collect();
        Some(Conductor {
            act: waiting.pop_front()?,
            waiting,
            log: EffectLog::new(Arc::clone(&clients.sink)),
            probes: Probes::new(clients.clone()),
            began: clients.world.now(),
            clients,
            observer,
            over: Vec::new(),
            pending: 0,
            done: unbounded_channel(),
            stage: Arc::default(),
            caught: Stop::unset(),
        })
    }

    /// Where the schedule stands, for the progress line.
    pub fn stage(&self) -> Arc<Mutex<Stage>> {
        Arc::clone(&self.stage)
    }

    /// Set when a cycle has shown by itself that what was committed is gone: the statuses tell, whether a client saw it or not.
    pub fn caught(&self) -> Stop {
        self.caught.clone()
    }

    /// Show the schedule the cluster every `every` until `stop`; then heal everything. Of several schedules each has its
    /// turn, and everything is healed between two of them.
    pub async fn conduct(mut self, every: Duration, stop: Stop) -> Result<Healed, CourseError> {
        let mut tick = self.clients.world.now();
        while !stop.is_set() {
            tokio::select! {
                biased;
                () = stop.wait() => break,
                Some(done) = self.done.1.recv() => self.carried_out(done)?,
                () = self.clients.world.sleep_until(tick) => tick = self.clients.world.now() + every,
            }
            while let Ok(done) = self.done.1.try_recv() {
                self.carried_out(done)?;
            }
            let view = self.view();
            let effects = self.act.schedule.observe(&view);
            self.carry_out(effects);
            self.save_records();
            self.take_turns().await?;
        }
        let at = self.end_turn().await?;
        Ok(Healed { at, acts: self.over })
    }

    /// The next schedule's turn, where the present one's is over.
    async fn take_turns(&mut self) -> Result<(), CourseError> {
        if self.waiting.is_empty() || self.clients.world.now().since(self.began) < self.act.share {
            return Ok(());
        }
        self.end_turn().await?;
        if let Some(next) = self.waiting.pop_front() {
            self.act = next;
            self.probes.forget();
            self.began = self.clients.world.now();
        }
        Ok(())
    }

    fn view(&self) -> View {
        View {
            now: self.clients.world.now(),
            nodes: self.observer.nodes(self.clients.nodes),
            gate_open: self.clients.gate.is_open(),
            in_flight: self.clients.gate.in_flight(),
            pending_effects: self.pending,
            probes: self.probes.answers(),
        }
    }

    /// Effects are carried out in their order, but nobody waits for a node that starts.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let planned = self.clients.world.now();
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
        let (world, observer) = (Arc::clone(&self.clients.world), self.observer.clone());
        let done = self.done.0.clone();
        let choice = self.act.schedule.choice();
        let apply = move |effect: Effect| {
            let (world, observer) = (Arc::clone(&world), observer.clone());
            let (done, choice) = (done.clone(), choice.clone());
            async move {
                let outcome = world.apply(&effect).await;
                // What the node said before it was started or continued is old.
                if let Some(node) = effect.revives() {
                    observer.forget(node);
                }
                let _ = done.send(Done {
                    planned,
                    done: world.now(),
                    effect,
                    outcome,
                    choice,
                });
            }
        };
        let world = Arc::clone(&self.clients.world);
        let beside = Arc::clone(&world);
        world.spawn(Box::pin(async move {
            for effect in in_order {
                match effect {
                    start @ Effect::Start(_) => beside.spawn(Box::pin(apply(start))),
                    other => apply(other).await,
                }
            }
        }));
    }

    /// The gate stands in the history, so that a time in which nothing could succeed is no outage.
    fn set_gate(&self, open: bool, effect: &Effect) {
        if self.clients.gate.is_open() != open {
            self.clients.gate.set(open);
            self.clients
                .sink
                .event(event(effect, self.clients.world.now(), true));
        }
    }

    /// An effect is counted as pending until the schedule has heard of it.
    fn carried_out(&mut self, done: Done) -> Result<(), CourseError> {
        self.pending -= 1;
        self.act.schedule.on_outcome(&done.effect, &done.outcome);
        self.note(done)
    }

    /// Write it down. A node that does not start, or that ended otherwise than it was killed, is broken by itself.
    fn note(&mut self, done: Done) -> Result<(), CourseError> {
        let broken = match (&done.effect, &done.outcome) {
            (Effect::Start(node), Outcome::Indeterminate { reason, .. }) => Some(CourseError::NotStarted {
                node: *node,
                reason: reason.clone(),
            }),
            // A command may have failed; that a process of ours did not end as it was killed is its own doing.
            (Effect::Kill(node), Outcome::Indeterminate { reason, evidence })
                if !faults::by_command(&done.outcome) =>
            {
                Some(CourseError::NotKilled {
                    node: *node,
                    reason: reason.clone(),
                    evidence: evidence.clone(),
                })
            }
            _ => None,
        };
        self.log.add(done);
        broken.map_or(Ok(()), Err)
    }

    fn save_records(&mut self) {
        for record in self.act.schedule.take_records() {
            self.act.cycles += 1;
            self.clients.sink.cycle(self.act.name, record);
        }
        if self.act.schedule.has_caught() {
            self.caught.set();
        }
        // Its words are made only if somebody shows them.
        if Arc::strong_count(&self.stage) > 1 {
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage {
                stage: self.act.schedule.stage(),
                tally: self.act.schedule.tally(),
                records: self.act.cycles,
            };
        }
    }

    /// A turn has ended: wait for what is under way, close the open cycle, and undo every fault. When that was done.
    async fn end_turn(&mut self) -> Result<Nanos, CourseError> {
        while self.pending > 0 {
            match self.done.1.recv().await {
                Some(done) => self.carried_out(done)?,
                None => break,
            }
        }
        let view = self.view();
        self.act.schedule.interrupt(&view);
        self.save_records();
        let planned = self.clients.world.now();
        for (effect, outcome) in self.clients.world.heal_all().await {
            if let Some(node) = effect.revives() {
                self.observer.forget(node);
            }
            // A fault that is still in force would be blamed on the store.
            let undone = outcome.is_installed() || faults::attempted(&outcome);
            let stuck = (!undone).then(|| CourseError::NotUndone {
                what: effect.word(),
                why: not_done(&outcome),
            });
            self.note(Done {
                planned,
                done: self.clients.world.now(),
                effect,
                outcome,
                choice: None,
            })?;
            if let Some(stuck) = stuck {
                return Err(stuck);
            }
        }
        self.set_gate(true, &Effect::Gate { open: true });
        let end = self.clients.world.now();
        self.over.push(Turn {
            name: self.act.name.to_owned(),
            start: self.began,
            end,
        });
        Ok(end)
    }
}

/// Why an effect is not in force.
fn not_done(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Skipped { reason } => reason.clone(),
        Outcome::Indeterminate { reason, evidence } if faults::by_command(outcome) || evidence.is_null() => {
            reason.clone()
        }
        Outcome::Indeterminate { reason, evidence } => format!("{reason}: {evidence}"),
        Outcome::Installed { .. } => "it is".to_owned(),
    }
}

/// Everything was undone.
pub struct Healed {
    /// When the last fault was undone.
    pub at: Nanos,
    /// When each schedule had its turn.
    pub acts: Vec<Turn>,
}
