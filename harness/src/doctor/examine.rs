//! The nodes are started, asked and hurt: one, then several, in a folder that goes with the examination.

mod failover;

use std::path::{Path, PathBuf};
use std::time::Duration;

use histories::{RunFolder, Seed};
use nemesis::evidence;
use nemesis::fault::{Spell, Target};
use nemesis::faults::{CUT, KILL, PAUSE};
use nemesis::hands::{Clock, Hands, HandsError, Latency, allow_namespaces};
use nemesis::{Effect, Fault, Link, LinkRule, NodeId, Outcome, Tells};
use runs::record::NetworkName;
use runs::store::{Answer, Request};
use systems::{Row, System};
use tokio::time::{Instant, sleep};

use super::plan::{self, Known, Probe};
use super::seen::{Answered, Rows, Seen, Spot, Standing, Tried, Visit};
use crate::errors::RunError;
use crate::exit::Failure;
use crate::run::signals::Signals;

/// How long a cluster may take to answer a read, and to have one leader.
const SERVES: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a cut lasts at least: peers say something to each other meanwhile, or there is nothing to lose.
const CUT_LASTS: Duration = Duration::from_millis(1500);
/// How long the nodes may take to stop by themselves.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be examined.
pub(crate) struct Wanted {
    pub(crate) row: &'static Row,
    pub(crate) program: PathBuf,
    pub(crate) profile: String,
    pub(crate) nodes: usize,
    pub(crate) op_timeout: Duration,
    /// Where the nodes live.
    pub(crate) folder: PathBuf,
    /// Tells what is done at present.
    pub(crate) tell: fn(&str),
}

/// Examine it. Called while this process has one thread.
pub(crate) fn examine(wanted: &Wanted) -> Result<Seen, Failure> {
    if wanted.network() == NetworkName::Namespaces {
        allow_namespaces()
            .map_err(HandsError::from)
            .map_err(RunError::from)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let seen = runtime.block_on(async {
        let signals = Signals::listen()?;
        let mut seen = wanted.begin()?;
        for nodes in [1, wanted.nodes] {
            let mut cluster = Cluster::prepare(wanted, nodes).await?;
            let hands = cluster.hands.clone();
            let done = tokio::select! {
                done = cluster.visits(&mut seen) => done,
                what = hands.next_unexpected() => Err(RunError::Unexpected(what).into()),
                () = signals.first() => Err(Failure::Stopped),
            };
            // Whatever happened, no process is left behind.
            hands.kill_all_now();
            if let Some(why) = cluster.system.broken() {
                return Err(RunError::Adapter(why).into());
            }
            done?;
        }
        Ok(seen)
    });
    runtime.shutdown_timeout(Duration::from_millis(500));
    seen
}

impl Wanted {
    fn network(&self) -> NetworkName {
        let known = NetworkName::ALL
            .into_iter()
            .find(|name| self.row.network(*name).is_ok());
        known.unwrap_or_default()
    }

    fn begin(&self) -> Result<Seen, Failure> {
        let mut rows = Rows::default();
        if let Some(source) = &self.row.description {
            let errors = &source.says.errors;
            rows.total = errors.len();
            let without = errors.iter().filter(|rule| rule.recorded.is_none());
            rows.unrecorded = without.map(|rule| rule.code.clone()).collect();
        }
        Ok(Seen {
            system: self.row.name.to_owned(),
            about: self.row.about.to_owned(),
            profile: self.profile.clone(),
            program: self.program.clone(),
            nodes: self.nodes,
            capabilities: self.row.capabilities.clone(),
            described: self.row.description.is_some(),
            failover: self
                .row
                .description
                .as_ref()
                .and_then(|source| Some(source.says.life.failover?.0)),
            rows,
            visits: Vec::new(),
            standings: Vec::new(),
            faults: Vec::new(),
            failovers: Vec::new(),
            unclean: Vec::new(),
        })
    }
}

/// A cluster that is examined.
struct Cluster<'a> {
    wanted: &'a Wanted,
    nodes: usize,
    hands: Hands,
    system: Box<dyn System>,
    /// The clients so far: no two operations share a session.
    clients: u64,
}

impl<'a> Cluster<'a> {
    async fn prepare(wanted: &'a Wanted, nodes: usize) -> Result<Self, Failure> {
        let network = wanted.row.network(wanted.network())?;
        let folder = RunFolder::at(folder_of(&wanted.folder, nodes));
        for node in NodeId::all(nodes) {
            folder.create_node(&node.name())?;
        }
        let hands = Hands::new(nodes, network, Clock::start())
            .await
            .map_err(RunError::from)?;
        let system = (wanted.row.build)(&systems::Settings {
            nodes,
            // Which words it knows, the questions tell.
            workload: "",
            latency: Latency::default(),
            seed: Seed(1),
            profile: &wanted.profile,
            bugs: &[],
            program: wanted.program.clone(),
            folder: &folder,
            hands: hands.clone(),
        })?;
        hands.instruct(system.instructions()).map_err(RunError::from)?;
        Ok(Cluster {
            wanted,
            nodes,
            hands,
            system,
            clients: 0,
        })
    }

    /// Everything that is done with this cluster.
    async fn visits(&mut self, seen: &mut Seen) -> Result<(), Failure> {
        (self.wanted.tell)(&format!("starting {}", count(self.nodes)));
        self.start().await?;
        self.system.init().await.map_err(|why| {
            let system = self.wanted.row.name.to_owned();
            RunError::NotInitialized { system, why }
        })?;
        let serves = self.serves().await;
        let leader = self.leader().await;
        if self.nodes == 1 {
            self.visit(seen, Spot::Alone, NodeId(0), true).await;
        } else {
            seen.standings = self.standings().await;
            self.several(seen, leader).await;
            // What never served would be waited for again after each fault, and tell nothing.
            if serves {
                // First: some systems are slower for a while after a pause (Sentinel's tilt).
                self.fail_over(seen).await;
                self.hurt(seen).await;
            }
        }
        let exits = self.hands.stop_all(GRACE).await;
        let unclean = exits.iter().filter(|exit| !exit.clean).map(ToString::to_string);
        seen.unclean.extend(unclean);
        Ok(())
    }

    async fn start(&self) -> Result<(), Failure> {
        let starts = NodeId::all(self.nodes).map(|node| {
            let hands = self.hands.clone();
            (
                node,
                tokio::spawn(async move { hands.apply(&Effect::Start(node)).await }),
            )
        });
        for (node, start) in starts.collect::<Vec<_>>() {
            let why = match start.await {
                Ok(Outcome::Installed { .. }) => continue,
                Ok(Outcome::Skipped { reason } | Outcome::Indeterminate { reason, .. }) => reason,
                Err(error) => error.to_string(),
            };
            return Err(RunError::NotStarted { node, why }.into());
        }
        Ok(())
    }

    /// Wait until a read is answered, whoever answers it.
    async fn serves(&self) -> bool {
        let request = Request::read("harness-is-it-ready".into(), self.wanted.op_timeout);
        let end = Instant::now() + SERVES;
        for node in NodeId::all(self.nodes).cycle() {
            if matches!(self.system.invoke(node, &request).await.answer, Answer::Ok(_)) {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
            sleep(LOOK).await;
        }
        false
    }

    async fn standings(&self) -> Vec<Standing> {
        let mut standings = Vec::new();
        for node in NodeId::all(self.nodes) {
            let status = self.system.status(node).await;
            standings.push(Standing::new(node, status.as_ref()));
        }
        standings
    }

    /// Wait until one node says that it leads, where nodes say so at all.
    async fn leader(&self) -> Option<NodeId> {
        if !self.wanted.row.capabilities.tell(Tells::Leader) {
            return None;
        }
        let end = Instant::now() + SERVES;
        loop {
            let standings = self.standings().await;
            let mut leaders = standings.iter().filter(|one| one.leads());
            match (leaders.next(), leaders.next()) {
                (Some(one), None) => return Some(one.node),
                _ if Instant::now() > end => return None,
                _ => sleep(LOOK).await,
            }
        }
    }

    /// Some node that does not lead; a later one, for some systems hold the first one dear.
    fn another(&self, leader: Option<NodeId>) -> NodeId {
        let mut others = NodeId::all(self.nodes).rev().filter(|node| Some(*node) != leader);
        others.next().unwrap_or(NodeId(0))
    }

    async fn several(&mut self, seen: &mut Seen, leader: Option<NodeId>) {
        let other = self.another(leader);
        match leader {
            Some(leader) => {
                self.visit(seen, Spot::Leader, leader, true).await;
                self.visit(seen, Spot::Follower, other, false).await;
            }
            None => {
                for node in NodeId::all(self.nodes) {
                    self.visit(seen, Spot::Untold, node, false).await;
                }
            }
        }
    }

    /// Each fault once, with what a client hears meanwhile.
    async fn hurt(&mut self, seen: &mut Seen) {
        for (fault, spot) in [
            (&KILL, Spot::Killed),
            (&PAUSE, Spot::Paused),
            (&CUT, Spot::CutOff),
        ] {
            let leader = self.leader().await;
            self.hurt_one(seen, fault, spot, self.another(leader), false)
                .await;
        }
        // What a leader says that has lost its followers is what tables of errors are for.
        if let Some(leader) = self.leader().await {
            self.hurt_one(seen, &CUT, Spot::CutOff, leader, true).await;
        }
    }

    async fn hurt_one(
        &mut self,
        seen: &mut Seen,
        fault: &'static Fault,
        spot: Spot,
        node: NodeId,
        led: bool,
    ) {
        (self.wanted.tell)(&format!("{} of {node}", fault.name));
        let others: Vec<NodeId> = NodeId::all(self.nodes).filter(|other| *other != node).collect();
        let links = Link::between(&[node], &others);
        let (begin, end) = match spot {
            Spot::Killed => (Effect::Kill(node), Effect::Start(node)),
            Spot::Paused => (Effect::Pause(node), Effect::Resume(node)),
            _ => (
                Effect::links(LinkRule::Cut, links.iter().copied()),
                Effect::links(LinkRule::Pass, links.iter().copied()),
            ),
        };
        let since = Instant::now();
        let begun = self.hands.apply(&begin).await;
        self.visit(seen, spot, node, led).await;
        if spot == Spot::CutOff {
            tokio::time::sleep_until(since + CUT_LASTS).await;
        }
        let ended = self.hands.apply(&end).await;
        let targets = match spot {
            Spot::CutOff => links.into_iter().map(Target::Link).collect(),
            _ => vec![Target::Process(node)],
        };
        let proves = |target: &&Target| {
            (fault.proof)(&Spell {
                target: **target,
                begun: &begun,
                end: &end,
                ended: &ended,
            })
        };
        let proved = targets.iter().filter(proves).count();
        seen.faults.push(Tried {
            fault: fault.name,
            node,
            proved: proved > 0,
            evidence: told(&targets, proved, [&begun, &ended]),
        });
        self.serves().await;
    }

    async fn visit(&mut self, seen: &mut Seen, spot: Spot, node: NodeId, led: bool) {
        let does = &self.wanted.row.capabilities;
        let number = seen.visits.len() + 1;
        let probes = match spot.is_well() {
            true => plan::whole(does, number),
            false => plan::brief(does, number),
        };
        if spot.is_well() {
            (self.wanted.tell)(&format!("asking {node}, one of {}", count(self.nodes)));
        }
        let (mut known, mut answers) = (Known::default(), Vec::new());
        for probe in probes {
            answers.push(self.ask(node, &probe, &mut known).await);
        }
        seen.visits.push(Visit {
            spot,
            node,
            led,
            answers,
        });
    }

    async fn ask(&mut self, node: NodeId, probe: &Probe, known: &mut Known) -> Answered {
        self.clients += 1;
        let request = Request {
            op: probe.op.clone(),
            session: (!probe.op.is_read()).then_some((self.clients, 1)),
            ..Request::read(probe.key.clone(), self.wanted.op_timeout)
        };
        let (reply, basis) = self.system.examine(node, &request).await;
        let fit = known.learn(probe, &reply);
        Answered::new(probe.what, probe.op.is_read(), reply, basis, fit)
    }
}

fn folder_of(folder: &Path, nodes: usize) -> PathBuf {
    folder.join(count(nodes).replace(' ', "-"))
}

fn count(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        nodes => format!("{nodes} nodes"),
    }
}

/// What is known of a fault that was tried.
fn told(targets: &[Target], proved: usize, outcomes: [&Outcome; 2]) -> String {
    for outcome in outcomes {
        if let Outcome::Skipped { reason } | Outcome::Indeterminate { reason, .. } = outcome {
            return reason.clone();
        }
    }
    match targets {
        [Target::Process(_)] => evidence::plain(outcomes[0]),
        links => format!(
            "{proved} of {} links lost all that was offered to them",
            links.len()
        ),
    }
}
