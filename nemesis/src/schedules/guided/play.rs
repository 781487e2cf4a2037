//! The machine that plays a story: cycle after cycle, each with its settling and its healing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use histories::{LogIndex, Nanos, Term, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::clients::{PROMPT, Sent};
use super::look::{UNTOLD, is_even, one_leader, only_leader, revive};
use super::record::{self, Outcome, Record};
use super::scene::{Scene, Told};
use crate::effect::{self, ClientRule, Effect, NodeId};
use crate::fault::Need;
use crate::schedule::{Profile, Row, Schedule, Settings};
use crate::tells::Tells;
use crate::view::{NodeView, ProbeState, View};

/// The workload has this long with the gate open in each cycle, or half a failover: members of a cluster that has just begun, or was
/// healed, may not know each other yet.
const GATE_OPEN: Duration = Duration::from_millis(200);
/// How long the cluster may take to come to rest before the story begins.
const SETTLED: Duration = Duration::from_secs(3);
/// So long the cluster may take to acknowledge a write after the heal.
const HEALED: Duration = Duration::from_secs(5);
/// So often every node is asked for the key after the heal: a value that comes and goes shows only in the second.
const ROUNDS: usize = 2;

/// How the cluster stands when a story begins: every log is equal and committed, the gate is closed, and nothing is
/// in flight.
#[derive(Clone, Debug)]
pub struct Start {
    /// Who leads.
    pub leader: NodeId,
    /// In which term.
    pub term: Term,
    /// Where every log ends.
    pub last: LogIndex,
    /// What the key holds: acknowledged.
    pub before: Value,
}

/// A story that is being told.
type Telling = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Begins to tell it.
type Tell = Arc<dyn Fn(Scene) -> Telling + Send + Sync>;

/// The row of a story that has nothing special.
pub const fn row(name: &'static str, about: &'static str, build: fn(&Settings) -> Box<dyn Schedule>) -> Row {
    Row {
        name,
        about,
        least_nodes: 3,
        alone: false,
        nodes: 3,
        guided: true,
        retries: false,
        needs: &[Tells::Leader, Tells::Term, Tells::Commit, Tells::LogTail],
        asks: &[Need::Restarts, Need::Links],
        profile: Profile::Bare,
        workload: "register",
        build,
        armed: record::armed,
    }
}

/// The schedule that plays `story` in every cycle.
pub fn play<F>(name: &'static str, settings: &Settings, story: fn(Scene, Start) -> F) -> Box<dyn Schedule>
where
    F: Future<Output = Told<()>> + Send + 'static,
{
    let tell: Tell = Arc::new(move |scene| Box::pin(cycle(scene, story)));
    let scene = Scene::new(
        ChaCha8Rng::seed_from_u64(settings.seed.0),
        Record::blank(name, settings, 1, Nanos(0)),
        settings,
    );
    Box::new(Play {
        settings: settings.clone(),
        name,
        telling: tell(scene.clone()),
        tell,
        scene,
        begun: false,
        records: Vec::new(),
    })
}

struct Play {
    name: &'static str,
    settings: Settings,
    tell: Tell,
    scene: Scene,
    telling: Telling,
    /// Whether the first view was seen.
    begun: bool,
    records: Vec<serde_json::Value>,
}

impl Play {
    /// The record is complete; the next cycle begins.
    fn next_cycle(&mut self, now: Nanos) {
        let number = self.scene.board().record.cycle + 1;
        let next = Record::blank(self.name, &self.settings, number, now);
        let mut record = {
            let mut board = self.scene.board();
            board.stage = "0";
            board.written.clear();
            std::mem::replace(&mut board.record, next)
        };
        record.ended = now;
        record.confirm_closed();
        self.scene.board().tally.count(record.outcome);
        // A record is plain data; it always has a JSON form.
        self.records.extend(serde_json::to_value(&record));
        self.telling = (self.tell)(self.scene.clone());
    }
}

impl Schedule for Play {
    fn observe(&mut self, view: &View) -> Vec<Effect> {
        if !std::mem::replace(&mut self.begun, true) {
            self.scene.board().record.started = view.now;
        }
        // What was decided must be in force before what follows from it is observed.
        if view.pending_effects > 0 {
            return Vec::new();
        }
        self.scene.show(view);
        let mut context = Context::from_waker(Waker::noop());
        if self.telling.as_mut().poll(&mut context).is_ready() {
            self.next_cycle(view.now);
        }
        self.scene.take_effects()
    }

    fn on_outcome(&mut self, effect: &Effect, outcome: &effect::Outcome) {
        self.scene.heard(effect, outcome);
    }

    fn interrupt(&mut self, view: &View) {
        self.scene.show(view);
        {
            let mut board = self.scene.board();
            let stage = board.stage;
            match board.record.outcome {
                Outcome::Unfinished => board.record.reason = format!("({stage}) the load ended"),
                Outcome::Set if stage != "e" => board.record.reason += "; then the load ended",
                _ => {}
            }
        }
        self.next_cycle(view.now);
    }

    fn take_records(&mut self) -> Vec<serde_json::Value> {
        std::mem::take(&mut self.records)
    }

    fn has_caught(&self) -> bool {
        self.scene.tally().sprung > 0
    }

    fn stage(&self) -> String {
        let board = self.scene.board();
        format!("cycle {} ({})", board.record.cycle, board.stage)
    }

    fn tally(&self) -> String {
        self.scene.tally().to_string()
    }
}

/// One cycle: settle, the story, heal.
async fn cycle<F>(scene: Scene, story: fn(Scene, Start) -> F)
where
    F: Future<Output = Told<()>>,
{
    let told = match scene.settle().await {
        Ok(start) => story(scene.clone(), start).await,
        Err(miss) => Err(miss),
    };
    if let Err(miss) = told {
        let mut board = scene.board();
        let why = format!("({}) {miss}", board.stage);
        if board.record.outcome == Outcome::Unfinished {
            board.record.miss = Some(format!("({}) {}", board.stage, miss.what));
            (board.record.outcome, board.record.reason) = (Outcome::Missed, why);
        } else {
            board.record.reason += &format!("; then {why}");
        }
    }
    scene.stage("e");
    scene.heal().await;
}

impl Scene {
    /// The leader, if every node runs and follows it, as far as the system tells.
    fn leader_of_all(&self, view: &View) -> Option<NodeId> {
        match self.board().tells_log {
            true => one_leader(view),
            false => only_leader(view),
        }
    }

    /// How the cluster stands, if it is at rest: all logs are equal and committed, where the system tells them. Only what was
    /// asked after `since` counts.
    fn at_rest(&self, view: &View, since: Nanos, before: &Value) -> Option<Start> {
        let leader = self.leader_of_all(view)?;
        let status = view.status(leader)?;
        let is_fresh = |node: &NodeView| node.status.as_ref().is_some_and(|(asked, _)| *asked >= since);
        let rests = match self.board().tells_log {
            true => is_even(view, since),
            false => view.nodes.iter().all(is_fresh),
        };
        rests.then(|| Start {
            leader,
            term: status.term.unwrap_or(UNTOLD),
            last: status.last_index().unwrap_or_default(),
            before: before.clone(),
        })
    }

    /// Stage 0: a leader, the workload had its time, the gate is closed, an acknowledged value, equal logs.
    async fn settle(&self) -> Told<Start> {
        self.carry_out(self.undo()).await;
        let opened = self.now();
        let limit = self.at_least(SETTLED, 3);
        let calm = self.at_least(2 * GATE_OPEN, 1) / 2;
        self.until(limit, "no single leader with the workload running", |view| {
            self.leader_of_all(view)
                .filter(|_| view.now.since(opened) >= calm)
        })
        .await?;
        self.carry_out(vec![Effect::Gate { open: false }]).await;
        let leader = self
            .until(limit, "operations in flight did not end", |view| {
                self.leader_of_all(view).filter(|_| view.in_flight == 0)
            })
            .await?;
        let before = self.write(leader, &self.key(), PROMPT);
        self.acknowledged(&before, "the value before was not acknowledged")
            .await?;
        self.note(|record| record.before = Some(before.value.clone()));
        let since = self.now();
        self.until(limit, "the logs did not become equal", |view| {
            self.at_rest(view, since, &before.value)
        })
        .await
    }

    /// What brings every link and every node back, and opens the gate.
    fn undo(&self) -> Vec<Effect> {
        let mut effects = self.board().net.heal();
        let nodes = std::mem::take(&mut self.board().cut_clients);
        if !nodes.is_empty() {
            let rule = ClientRule::Pass;
            effects.push(Effect::Clients { rule, nodes });
        }
        effects.extend(revive(&self.view()));
        effects.push(Effect::Gate { open: true });
        effects
    }

    /// Stage e: everybody is brought back, and what the cycle wrote is read at every node.
    async fn heal(&self) {
        self.carry_out(self.undo()).await;
        // A leader knows what is committed only after a write of its own term (Raft section 8), so one goes first.
        if !self.write_after_heal().await {
            return;
        }
        let written = self.board().written.clone();
        for round in 0..ROUNDS {
            let everywhere = self.nodes().into_iter();
            let mut asked: Vec<Sent> = everywhere
                .map(|node| self.read_forwarded(node, &self.key(), PROMPT))
                .collect();
            if let Some(leader) = self.view().leader().filter(|_| round == 0) {
                let beside = written.iter().filter(|key| **key != self.key());
                asked.extend(beside.map(|key| self.read_forwarded(leader, key, PROMPT)));
            }
            let reads = self.reads(&asked).await;
            self.note(|record| record.reads.extend(reads));
        }
    }

    async fn write_after_heal(&self) -> bool {
        let began = self.now();
        let key = self.key_beside("e");
        let limit = self.at_least(HEALED, 3);
        let leads = |view: &View| self.leader_of_all(view);
        while self.now().since(began) < limit {
            let Ok(leader) = self.until(limit, "no leader after the heal", leads).await else {
                return false;
            };
            let sent = self.write(leader, &key, PROMPT);
            if let ProbeState::Ok { .. } = self.answer(&sent).await {
                return true;
            }
        }
        false
    }
}
