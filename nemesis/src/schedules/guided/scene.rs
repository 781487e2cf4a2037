//! The scene of a story: what it may know, and what it may do.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use histories::{LogIndex, Nanos, Term, Value};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::look::leader_among;
use super::net::Net;
use super::out::Out;
use super::panel::Panel;
use super::probes::{Probes, answer};
use super::record::{Outcome, Record, Stage};
use crate::effect::{self, ClientRule, Effect, FrameKind, Link, LinkRule, NodeId, ProbeId, ProbeOp};
use crate::evidence::{self, ClientRulesSet, FramesInjected};
use crate::view::{ProbeState, View};

/// No probe is waited for longer than this: whoever sent it has given it up long before.
const LONGEST_PROBE: Duration = Duration::from_secs(20);

/// How long an election may take: several rounds of it.
const ELECTION: Duration = Duration::from_secs(4);
/// A probe that is to be answered at once.
pub const PROMPT: Duration = Duration::from_secs(1);

/// Why a story broke off, in one sentence. What stands before the first colon is compared and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss(pub String);

impl Miss {
    /// A reason.
    pub fn new(why: impl Into<String>) -> Self {
        Miss(why.into())
    }
}

/// What a step came to.
pub type Told<T> = Result<T, Miss>;

/// A probe that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its number.
    pub probe: ProbeId,
    /// Whom it asks.
    pub node: NodeId,
    /// For which key.
    pub key: Value,
    /// The fresh value that it writes; null of a read.
    pub value: Value,
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
    /// The stage that is being worked on.
    pub(super) stage: &'static str,
    /// Every key that a probe of this cycle wrote to; the story's own first.
    pub(super) written: Vec<Value>,
    /// Whose clients are cut off.
    pub(super) cut_clients: Vec<NodeId>,
    probes: Probes,
    last_value: i64,
    view: Arc<View>,
    /// The same without statuses that are older than `fresh_since`.
    fresh: Arc<View>,
    /// When the last effects were in force.
    fresh_since: Nanos,
    outbox: Vec<Effect>,
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
    pub(super) fn new(rng: ChaCha8Rng, record: Record) -> Self {
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

    /// One of two.
    pub fn toss(&self) -> bool {
        self.board().rng.random()
    }

    /// A way for a node to go out.
    pub fn draw_out(&self) -> Out {
        Out::draw(&mut self.board().rng)
    }

    // What goes into the record.

    /// This node plays that part.
    pub fn cast(&self, role: &str, node: NodeId) {
        self.board().record.cast.insert(role.to_owned(), node);
    }

    /// These nodes play that part, numbered from 1.
    pub fn cast_all(&self, role: &str, nodes: &[NodeId]) {
        for (number, node) in (1..).zip(nodes) {
            self.cast(&format!("{role}{number}"), *node);
        }
    }

    /// From here on the story works on this stage.
    pub fn stage(&self, stage: &'static str) {
        self.board().stage = stage;
    }

    /// The stage is reached; this was seen.
    pub fn seen(&self, what: impl Into<String>) {
        let mut board = self.board();
        // What everybody agreed on long ago is no news.
        let common = board.view.nodes.iter().filter_map(|node| node.status.as_ref());
        let from = common
            .map(|(_, status)| status.commit.0)
            .min()
            .unwrap_or_default();
        let panel = Panel::now(
            board.stage,
            &board.view,
            &board.net,
            LogIndex(from.saturating_sub(1)),
        );
        let stage = Stage {
            stage: board.stage.to_owned(),
            t: board.view.now,
            what: what.into(),
            panel,
        };
        board.record.stages.push(stage);
    }

    /// The trap is set: what follows shows whether somebody is caught.
    pub fn set(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.seen(reason.clone());
        let mut board = self.board();
        board.record.outcome = Outcome::Set;
        board.record.reason = reason;
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
                return Err(Miss(format!(
                    "{otherwise}: gave up after {} ms",
                    limit.as_millis()
                )));
            }
            self.next_view().await;
        }
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
            Some((effect, outcome)) => Err(Miss(format!("{} failed: {outcome:?}", effect.word()))),
            None => Ok(done),
        }
    }

    /// Links pass inside `group` and are cut everywhere else.
    pub async fn only(&self, group: &[NodeId]) -> Told<()> {
        let effects = self.board().net.only(group);
        self.apply(effects).await.map(drop)
    }

    /// Links pass between `centre` and each of `leaves`, and are cut everywhere else: nobody but `centre` hears more than
    /// one other node.
    pub async fn star(&self, centre: NodeId, leaves: &[NodeId]) -> Told<()> {
        let effects = self.board().net.star(centre, leaves);
        self.apply(effects).await.map(drop)
    }

    /// Links pass inside each of `groups` and are cut between them.
    pub async fn split(&self, groups: &[&[NodeId]]) -> Told<()> {
        let together = |Link(from, to)| {
            let group = groups.iter().find(|group| group.contains(&from));
            group.is_some_and(|group| group.contains(&to))
        };
        let effects = self.board().net.set(together);
        self.apply(effects).await.map(drop)
    }

    /// Links pass where `open` says so, and are cut elsewhere.
    pub async fn links(&self, open: impl Fn(Link) -> bool) -> Told<()> {
        let effects = self.board().net.set(open);
        self.apply(effects).await.map(drop)
    }

    /// These links have this rule until the next change of them.
    pub async fn rule(&self, rule: LinkRule, links: Vec<Link>) -> Told<()> {
        let effects = self.board().net.rule(rule, links);
        self.apply(effects).await.map(drop)
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
        let mut effects = self.board().net.cut_off(&[node]);
        effects.extend(out.out(node));
        self.apply(effects).await.map(drop)
    }

    // Probes.

    fn send(&self, node: NodeId, key: Value, op: ProbeOp, value: Value, timeout: Duration) -> Sent {
        let mut board = self.board();
        let (probe, effect) = board.probes.send(node, &key, op, timeout.as_millis() as u64);
        board.outbox.push(effect);
        Sent {
            probe,
            node,
            key,
            value,
        }
    }

    /// A value that nobody has written.
    pub fn fresh_value(&self) -> Value {
        let mut board = self.board();
        board.last_value += 1;
        Value::Int(board.last_value)
    }

    /// Write a fresh value to `key` at `node`.
    pub fn write(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        self.send(node, key.clone(), ProbeOp::Write(value.clone()), value, timeout)
    }

    /// The same; a follower hands it to its leader.
    pub fn write_forwarded(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        let op = ProbeOp::WriteForwarded(value.clone());
        self.send(node, key.clone(), op, value, timeout)
    }

    /// Write a fresh value as a client that asks again where the outcome is unknown, by [`Scene::retry`].
    pub fn write_held(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        let value = self.fresh_value();
        self.note_written(key);
        let mut board = self.board();
        let op = ProbeOp::Write(value.clone());
        let mut probe = board.probes.probe(node, key, op, timeout.as_millis() as u64);
        probe.held = true;
        let id = probe.id;
        board.outbox.push(Effect::Probe(probe));
        Sent {
            probe: id,
            node,
            key: key.clone(),
            value,
        }
    }

    /// Ask another node for the same operation, in the same session.
    pub fn retry(&self, sent: &Sent, node: NodeId, timeout: Duration) -> Sent {
        let op = ProbeOp::Retry(sent.probe);
        self.send(node, sent.key.clone(), op, sent.value.clone(), timeout)
    }

    fn note_written(&self, key: &Value) {
        let mut board = self.board();
        if !board.written.contains(key) {
            board.written.push(key.clone());
        }
    }

    /// Read `key` at `node`, as leader.
    pub fn read(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        self.send(node, key.clone(), ProbeOp::Read, Value::Null, timeout)
    }

    /// Read `key` at `node`; a follower asks its leader.
    pub fn read_forwarded(&self, node: NodeId, key: &Value, timeout: Duration) -> Sent {
        self.send(node, key.clone(), ProbeOp::ReadForwarded, Value::Null, timeout)
    }

    /// What came of a probe so far.
    pub fn state(&self, sent: &Sent) -> ProbeState {
        answer(&self.view(), sent.probe).clone()
    }

    /// Wait until nobody waits for the probe any more.
    pub async fn answer(&self, sent: &Sent) -> ProbeState {
        let began = self.now();
        loop {
            // A probe that was sent just now is not in the view yet.
            self.next_view().await;
            let state = self.state(sent);
            if state != ProbeState::Pending || self.now().since(began) > LONGEST_PROBE {
                return state;
            }
        }
    }

    /// Wait until the probe is acknowledged; anything else is a miss.
    pub async fn acknowledged(&self, sent: &Sent, otherwise: &str) -> Told<()> {
        match self.answer(sent).await {
            ProbeState::Ok { .. } => Ok(()),
            ProbeState::Fail { code } | ProbeState::Info { code } => {
                Err(Miss(format!("{otherwise}: {code} at {}", sent.node)))
            }
            ProbeState::Pending => Err(Miss(format!("{otherwise}: no answer of {}", sent.node))),
        }
    }
}

impl Scene {
    /// Wait for the answers of all, and tell them for the record.
    pub async fn answers(&self, sent: &[Sent]) -> String {
        let mut answers = Vec::new();
        for sent in sent {
            answers.push(told(sent, &self.answer(sent).await));
        }
        answers.join(", ")
    }

    /// Somebody of `among` is elected in a later term than `after`.
    pub async fn elected(&self, among: &[NodeId], after: Term, otherwise: &str) -> Told<(NodeId, Term)> {
        self.until(ELECTION, otherwise, |view| leader_among(view, among, after))
            .await
    }

    /// A leader that has just been elected commits an entry of its own term, so that it knows what is committed (Raft
    /// section 8), and is asked for these keys.
    pub async fn ask_new_leader(&self, leader: NodeId, keys: &[Value]) -> Told<String> {
        let own = self.write(leader, &self.key_beside("z"), PROMPT);
        self.acknowledged(&own, "the new leader acknowledged nothing")
            .await?;
        let reads: Vec<Sent> = keys.iter().map(|key| self.read(leader, key, PROMPT)).collect();
        Ok(self.answers(&reads).await)
    }
}

/// What a probe came to, for the record: `n3 answered 12`.
fn told(sent: &Sent, state: &ProbeState) -> String {
    let Sent { node, key, .. } = sent;
    match state {
        ProbeState::Pending => format!("{node} did not answer"),
        ProbeState::Ok { value, .. } => format!("{node} answered {key} = {value}"),
        ProbeState::Fail { code } => format!("{node} refused ({code})"),
        ProbeState::Info { code } => format!("{node} gave no answer ({code})"),
    }
}
