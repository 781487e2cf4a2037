//! The scene of a story: what it may know, and what it may do.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use histories::{LogIndex, Nanos, Term, Value};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::net::Net;
use super::out::Out;
use super::panel::Panel;
use super::probes::Probes;
use super::record::{Facts, Outcome, Part, Record, Stage, Tally};
use crate::effect::{self, ClientRule, Effect, FrameKind, Link, LinkRule, NodeId};
use crate::evidence;
use crate::faults::{ClientRulesSet, FramesInjected};
use crate::schedule::Settings;
use crate::tells::Tells;
use crate::view::View;

/// Why a story broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// What did not come about, the same whenever it happens: by this misses are compared and counted.
    pub what: String,
    /// Of which nodes, and after how long.
    pub detail: Option<String>,
}

impl Miss {
    /// A miss of which there is no more to say.
    pub fn new(what: impl Into<String>) -> Self {
        Miss {
            what: what.into(),
            detail: None,
        }
    }

    /// A miss that differs from time to time in this.
    pub fn with(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Miss {
            what: what.into(),
            detail: Some(detail.into()),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// What a step came to.
pub type Told<T> = Result<T, Miss>;

/// Without this the story breaks off.
pub fn require(holds: bool, otherwise: impl Into<String>) -> Told<()> {
    holds.then_some(()).ok_or_else(|| Miss::new(otherwise))
}

/// A handle of the cluster as the story sees it. Cheap to clone; every clone is the same scene.
#[derive(Clone)]
pub struct Scene {
    board: Arc<Mutex<Board>>,
}

/// What lies between the story and the machine that plays it.
pub(super) struct Board {
    pub(super) rng: ChaCha8Rng,
    pub(super) net: Net,
    pub(super) record: Record,
    filler: Option<u64>,
    failover: Duration,
    pub(super) tells_log: bool,
    /// What the cycles before this one came to.
    pub(super) tally: Tally,
    /// The stage that is being worked on.
    pub(super) stage: &'static str,
    /// Every key that a probe of this cycle wrote to; the story's own first.
    pub(super) written: Vec<Value>,
    /// Whose clients are cut off.
    pub(super) cut_clients: Vec<NodeId>,
    pub(super) probes: Probes,
    pub(super) last_value: i64,
    view: Arc<View>,
    /// The same without statuses that are older than `fresh_since`.
    fresh: Arc<View>,
    /// When the last effects were in force.
    fresh_since: Nanos,
    pub(super) outbox: Vec<Effect>,
    outcomes: Vec<(Effect, effect::Outcome)>,
}

impl Board {
    fn freshen(&mut self) {
        let since = self.fresh_since;
        let is_old = |asked: Nanos| asked < since;
        self.fresh = Arc::clone(&self.view);
        let mut statuses = self.view.nodes.iter().filter_map(|node| node.status.as_ref());
        if statuses.any(|(asked, _)| is_old(*asked)) {
            let fresh = Arc::make_mut(&mut self.fresh);
            for node in &mut fresh.nodes {
                node.status.take_if(|(asked, _)| is_old(*asked));
            }
        }
    }
}

impl Scene {
    pub(super) fn new(rng: ChaCha8Rng, record: Record, settings: &Settings) -> Self {
        let view = Arc::new(View {
            now: Nanos(0),
            nodes: Vec::new(),
            gate_open: true,
            in_flight: 0,
            pending_effects: 0,
            probes: Default::default(),
        });
        Scene {
            board: Arc::new(Mutex::new(Board {
                rng,
                net: Net::new(record.n),
                record,
                filler: settings.filler,
                failover: settings.failover,
                tells_log: settings.tells.contains(&Tells::LogTail),
                tally: Tally::default(),
                stage: "0",
                written: Vec::new(),
                cut_clients: Vec::new(),
                probes: Probes::default(),
                last_value: 0,
                fresh: Arc::clone(&view),
                view,
                fresh_since: Nanos(0),
                outbox: Vec::new(),
                outcomes: Vec::new(),
            })),
        }
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // What the machine does with it.

    pub(super) fn show(&self, view: &View) {
        let mut board = self.board();
        board.view = Arc::new(view.clone());
        board.freshen();
    }

    pub(super) fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.board().outbox)
    }

    pub(super) fn heard(&self, effect: &Effect, outcome: &effect::Outcome) {
        self.board().outcomes.push((effect.clone(), outcome.clone()));
    }

    // What a story may know.

    /// How many nodes there are.
    pub fn n(&self) -> usize {
        self.board().record.n
    }

    /// All nodes.
    pub fn nodes(&self) -> Vec<NodeId> {
        NodeId::all(self.n()).collect()
    }

    /// All nodes but these.
    pub fn others(&self, than: &[NodeId]) -> Vec<NodeId> {
        NodeId::all(self.n())
            .filter(|node| !than.contains(node))
            .collect()
    }

    /// Now.
    pub fn now(&self) -> Nanos {
        self.board().view.now
    }

    /// The cluster as it was last seen.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.board().view)
    }

    /// The same without the statuses that are older than the last effects: what they show may be over.
    pub fn fresh_view(&self) -> Arc<View> {
        Arc::clone(&self.board().fresh)
    }

    /// The key that this cycle is about. Nobody else uses it.
    pub fn key(&self) -> Value {
        self.board().record.key.clone()
    }

    /// A key beside it, of this cycle too.
    pub fn key_beside(&self, suffix: &str) -> Value {
        let board = self.board();
        Value::Text(format!("{}-{}-{suffix}", board.record.schedule, board.record.cycle).into())
    }

    /// What the cycles before this one came to.
    pub fn tally(&self) -> Tally {
        self.board().tally
    }

    /// Where a leader appends an entry as soon as it is elected: how long a value is whose entry keeps that out of a batch.
    pub fn filler(&self) -> Option<u64> {
        self.board().filler
    }

    /// This time, or as many failovers where they take longer.
    pub fn at_least(&self, time: Duration, failovers: u32) -> Duration {
        time.max(self.board().failover.saturating_mul(failovers))
    }

    /// Counts from 0, so that a story with several twists has each of them in turn.
    pub fn turn(&self, twists: u64) -> u64 {
        let board = self.board();
        (board.record.seed.0.wrapping_add(board.record.cycle)) % twists
    }

    // Chance: the seed decides.

    /// These nodes in an order drawn by lot.
    pub fn shuffled(&self, mut nodes: Vec<NodeId>) -> Vec<NodeId> {
        nodes.shuffle(&mut self.board().rng);
        nodes
    }

    /// A number of this range.
    pub fn draw(&self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.board().rng.random_range(range)
    }

    /// A way for a node to go out.
    pub fn draw_out(&self) -> Out {
        Out::draw(&mut self.board().rng)
    }

    // What goes into the record.

    /// This node plays that part.
    pub fn cast(&self, role: &str, node: NodeId) {
        self.note(|record| record.cast.insert(role.to_owned(), Part::One(node)));
    }

    /// These nodes play that part together.
    pub fn cast_all(&self, role: &str, nodes: &[NodeId]) {
        self.note(|record| record.cast.insert(role.to_owned(), Part::All(nodes.to_vec())));
    }

    /// Draws how those of this part will go out.
    pub fn cast_out(&self, role: &str) {
        let out = self.draw_out();
        self.note(|record| record.outs.insert(role.to_owned(), out));
    }

    /// How those of this part go out, as it was drawn.
    pub fn out_of(&self, role: &str) -> Out {
        let drawn = self.note(|record| record.outs.get(role).copied());
        drawn.unwrap_or_else(|| self.draw_out())
    }

    /// This is what the paper calls that term.
    pub fn term(&self, name: &str, term: Term) {
        self.board().record.terms.insert(name.to_owned(), term);
    }

    /// From here on the story works on this stage.
    pub fn stage(&self, stage: &'static str) {
        self.board().stage = stage;
    }

    /// This part of the record is known now.
    pub fn note<T>(&self, note: impl FnOnce(&mut Record) -> T) -> T {
        note(&mut self.board().record)
    }

    /// The stage is reached; this was seen.
    pub fn seen(&self, what: impl Into<String>) {
        self.proved(None, what, Facts::default());
    }

    /// The same with a name of the stage, and what proves it beside the picture of this moment.
    pub fn proved(&self, title: Option<&str>, what: impl Into<String>, facts: Facts) {
        let mut board = self.board();
        // The story is about one entry, or what everybody agreed on long ago is no news.
        let statuses = board.view.nodes.iter().filter_map(|node| node.status.as_ref());
        let common = statuses.filter_map(|(_, status)| status.commit).min();
        let entry = board.record.entry.as_ref().map(|entry| entry.index);
        let from = entry.or(common).unwrap_or_default().0.saturating_sub(1);
        let panel = Panel::now(board.stage, &board.view, &board.net, LogIndex(from));
        let stage = Stage {
            stage: board.stage.to_owned(),
            title: title.map(str::to_owned),
            t: board.view.now,
            what: what.into(),
            panel,
            facts,
        };
        board.record.stages.push(stage);
    }

    /// The trap is set: what follows shows whether somebody is caught.
    pub fn set(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.seen(reason.clone());
        self.ends(Outcome::Set, reason);
    }

    /// This is what the cycle comes to.
    pub fn ends(&self, outcome: Outcome, reason: impl Into<String>) {
        let reason = reason.into();
        self.note(|record| (record.outcome, record.reason) = (outcome, reason));
    }

    // Waiting.

    /// Wait for the next view.
    pub async fn next_view(&self) {
        let mut seen = false;
        poll_fn(|_| match std::mem::replace(&mut seen, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// Wait until `look` finds something in what was seen since the last effects, at most `limit`.
    pub async fn until<T>(
        &self,
        limit: Duration,
        otherwise: &str,
        mut look: impl FnMut(&View) -> Option<T>,
    ) -> Told<T> {
        let began = self.now();
        loop {
            if let Some(found) = look(&self.fresh_view()) {
                return Ok(found);
            }
            if self.now().since(began) > limit {
                let gave_up = format!("gave up after {} ms", limit.as_millis());
                return Err(Miss::with(otherwise, gave_up));
            }
            self.next_view().await;
        }
    }

    /// The same, where what is seen may break the story off.
    pub async fn until_told<T>(
        &self,
        limit: Duration,
        otherwise: &str,
        mut look: impl FnMut(&View) -> Told<Option<T>>,
    ) -> Told<T> {
        let told = |view: &View| look(view).transpose();
        self.until(limit, otherwise, told).await?
    }

    /// Let this time pass.
    pub async fn pass(&self, time: Duration) {
        let began = self.now();
        while self.now().since(began) < time {
            self.next_view().await;
        }
    }

    // Doing.

    /// Have effects carried out, and wait until that is done.
    pub async fn carry_out(&self, effects: Vec<Effect>) -> Vec<(Effect, effect::Outcome)> {
        {
            let mut board = self.board();
            board.outcomes.clear();
            board.outbox.extend(effects);
        }
        self.next_view().await;
        let mut board = self.board();
        board.fresh_since = board.view.now;
        board.freshen();
        std::mem::take(&mut board.outcomes)
    }

    /// The same; one that is not in force is a miss.
    pub async fn apply(&self, effects: Vec<Effect>) -> Told<Vec<(Effect, effect::Outcome)>> {
        let done = self.carry_out(effects).await;
        match done.iter().find(|(_, outcome)| !outcome.is_installed()) {
            Some((effect, outcome)) => Err(Miss::with(
                format!("{} failed", effect.word()),
                format!("{outcome:?}"),
            )),
            None => Ok(done),
        }
    }

    /// The links as this draws them, and together with them these effects.
    pub async fn draws(
        &self,
        draw: impl FnOnce(&mut Net) -> Vec<Effect>,
        with: impl IntoIterator<Item = Option<Effect>>,
    ) -> Told<()> {
        let mut effects = self.redraw(draw);
        effects.extend(with.into_iter().flatten());
        self.apply(effects).await.map(drop)
    }

    /// The effects that make the links as this draws them; nothing is carried out yet.
    fn redraw(&self, draw: impl FnOnce(&mut Net) -> Vec<Effect>) -> Vec<Effect> {
        draw(&mut self.board().net)
    }

    /// Links pass inside `group` and are cut everywhere else.
    pub async fn only(&self, group: &[NodeId]) -> Told<()> {
        self.draws(|net| net.only(group), []).await
    }

    /// Links pass between `centre` and each of `leaves`, and are cut everywhere else: nobody but `centre` hears more than
    /// one other node.
    pub async fn star(&self, centre: NodeId, leaves: &[NodeId]) -> Told<()> {
        self.draws(|net| net.star(centre, leaves), []).await
    }

    /// Links pass inside each of `groups` and are cut between them.
    pub async fn split(&self, groups: &[&[NodeId]]) -> Told<()> {
        let together = |Link(from, to)| {
            let group = groups.iter().find(|group| group.contains(&from));
            group.is_some_and(|group| group.contains(&to))
        };
        self.links(together).await
    }

    /// Links pass where `open` says so, and are cut elsewhere.
    pub async fn links(&self, open: impl Fn(Link) -> bool) -> Told<()> {
        self.draws(|net| net.set(open), []).await
    }

    /// These links have this rule until the next change of them.
    pub async fn rule(&self, rule: LinkRule, links: Vec<Link>) -> Told<()> {
        self.draws(|net| net.rule(rule, links), []).await
    }

    /// The same where they have this rule already: one that counts begins anew.
    pub async fn rule_anew(&self, rule: LinkRule, links: &[Link]) -> Told<()> {
        self.redraw(|net| net.rule(rule, links.to_vec()));
        let set = Effect::links(rule, links.iter().copied());
        self.apply(vec![set]).await.map(drop)
    }

    /// Keep a copy of the first so many frames of this kind that are offered to each of these links.
    pub async fn record(&self, kind: FrameKind, first: u64, links: Vec<Link>) -> Told<()> {
        self.apply(vec![Effect::Record { kind, first, links }])
            .await
            .map(drop)
    }

    /// Put what was recorded into each of these links; how many frames were delivered.
    pub async fn inject(&self, links: Vec<Link>) -> Told<u64> {
        let done = self.apply(vec![Effect::Inject { links }]).await?;
        let put = done
            .iter()
            .filter_map(|(_, outcome)| evidence::of::<FramesInjected>(outcome));
        Ok(put
            .flat_map(|put| put.links)
            .map(|put| put.delivered.frames)
            .sum())
    }

    /// The rule of the links between these nodes and their clients; how many requests or replies were dropped by the
    /// one that ends.
    pub async fn clients(&self, rule: ClientRule, nodes: Vec<NodeId>) -> Told<u64> {
        {
            let mut board = self.board();
            board.cut_clients.retain(|node| !nodes.contains(node));
            if rule != ClientRule::Pass {
                board.cut_clients.extend(&nodes);
            }
        }
        let done = self.apply(vec![Effect::Clients { rule, nodes }]).await?;
        let set = done
            .iter()
            .filter_map(|(_, outcome)| evidence::of::<ClientRulesSet>(outcome));
        Ok(set
            .flat_map(|set| set.ended)
            .map(|ended| ended.dropped.frames)
            .sum())
    }

    /// The node comes back; its links stay as they are.
    pub async fn back(&self, node: NodeId, out: Out) -> Told<()> {
        self.apply(out.back(node).into_iter().collect()).await.map(drop)
    }

    /// The node goes out, from everybody.
    pub async fn out(&self, node: NodeId, out: Out) -> Told<()> {
        self.draws(|net| net.cut_off(&[node]), [out.out(node)]).await
    }
}
