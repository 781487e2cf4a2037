//! A run: `resolve → start → ready → load with nemesis → heal → recover → final reads → stop → save`, each stage a
//! short function. What follows, `check → report → exit`, works from the saved files alone ([`runs::judge`]).

mod disk;
mod files;
mod fit;
mod host;
mod journal_monitor;
pub(crate) mod monitor;
pub(crate) mod owed;
mod processes;
pub(crate) mod progress;
pub mod recorder;
pub(crate) mod signals;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use histories::run_folder::run_name;
use histories::{Header, Nanos, RunFolder};
use nemesis::NodeId;
use nemesis::hands::{Clock, Hands, Latency};
use nemesis::{Effect, Outcome};
use runs::capabilities::Does;
use runs::course::{
    self, Acknowledged, Clients, Conductor, CourseError, Gate, Healed, Observer, Pace, first_write, read_all,
};
use runs::record::{Record, Recovery, Settings, SettingsError};
use runs::stop::Stop;
use runs::store::{Answer, Request};
use runs::workloads;
use runs::world::{self, World};
use systems::System;
use tokio::sync::oneshot;

use self::disk::DiskWatch;
use self::files::Files;
use self::fit::{fits, levels};
use self::processes::Processes;
use self::progress::{Look, Progress};
use self::recorder::{Recorder, Writing};
use self::signals::Signals;
use crate::errors::RunError;
use crate::exit::Failure;

/// A guided schedule looks this often, an unguided one less.
const GUIDED_TICK: Duration = Duration::from_millis(4);
const GUIDED_POLL: Duration = Duration::from_millis(6);
const TICK: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_millis(50);
/// After a violation a guided schedule may take so long to complete its evidence.
const CYCLE: Duration = Duration::from_secs(10);
/// How long the last reads of all keys may take.
const FINAL_READS: Duration = Duration::from_secs(60);
/// How long a cluster may take to answer its first read.
const SERVES: Duration = Duration::from_secs(30);
/// The system's description, in the run's folder.
const DESCRIPTION: &str = "system.toml";
/// How long the nodes may take to stop by themselves.
const GRACE: Duration = Duration::from_secs(10);

/// Run it, and save it. The verdict is given afterwards, from the folder.
pub async fn run(settings: &Settings, progress: Progress) -> Result<RunFolder, Failure> {
    let signals = Signals::listen()?;
    let mut run = Run::prepare(settings).await?;
    let folder = run.folder.clone();
    let hands = run.hands.clone();
    let ended = tokio::select! {
        ended = run.stages(&signals, progress) => ended,
        () = signals.second() => Err(Failure::Interrupted),
    };
    // Whatever happened, nothing is left behind: no process, and no fault in a cluster that is not ours.
    let owed = tokio::select! {
        owed = hands.leave() => owed,
        () = signals.third() => hands.debts(),
    };
    match (ended, owed.as_slice()) {
        (ended, []) => ended.map(|()| folder),
        (ended, owed) => {
            let why = ended.err().map(Box::new);
            let (file, owed) = (folder.undo(), owed::told(owed));
            Err(Failure::Owed { why, file, owed })
        }
    }
}

/// A run in progress.
struct Run<'a> {
    settings: &'a Settings,
    folder: RunFolder,
    clock: Clock,
    hands: Hands,
    system: Arc<dyn System>,
    world: Arc<dyn World>,
    record: Record,
    violated: Stop,
    writing: Option<Writing>,
}

impl<'a> Run<'a> {
    /// Resolve: the folder, the listeners, the commands. No process yet.
    async fn prepare(settings: &'a Settings) -> Result<Self, Failure> {
        settings.validate()?;
        let began = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let row = systems::row(&settings.system)?;
        let mut binaries = vec![host::harness()?];
        if row.binary.is_some() {
            binaries.push(host::binary(&settings.program)?);
        }
        let argv = std::env::args().collect();
        let capabilities = row.capabilities.clone();
        let network = row.network(settings.network)?;
        fits(settings, row)?;
        owed::nothing_is(settings, row)?;
        let record = Record::begin(
            settings.clone(),
            capabilities.clone(),
            began.clone(),
            argv,
            binaries,
            host::host(),
        );
        let group = format!("{}-{}", settings.nemesis.replace(',', "+"), settings.system);
        let folder = RunFolder::create(&settings.store, &group, &run_name(&began, settings.seed))?;
        record.save(&folder)?;
        for node in NodeId::all(settings.nodes) {
            folder.create_node(&node.name())?;
        }
        let clock = Clock::start();
        let hands = Hands::new(settings.nodes, network, clock)
            .await
            .map_err(RunError::from)?;
        if let Some(source) = &row.description {
            std::fs::write(folder.path().join(DESCRIPTION), &source.text).map_err(RunError::Description)?;
        }
        let system = (row.build)(&systems::Settings {
            nodes: settings.nodes,
            workload: &settings.workload,
            latency: Latency {
                mean: settings.latency,
                spread: settings.latency_dist,
                seed: settings.seed.0,
            },
            seed: settings.seed,
            profile: &settings.profile,
            bugs: &settings.bugs,
            program: settings.program.clone(),
            folder: &folder,
            hands: hands.clone(),
        })?;
        let system: Arc<dyn System> = system.into();
        hands.instruct(system.instructions()).map_err(RunError::from)?;
        let world = Arc::new(Processes {
            hands: hands.clone(),
            system: Arc::clone(&system),
            capabilities,
            clock,
        });
        Ok(Run {
            settings,
            folder,
            clock,
            hands,
            system,
            world,
            record,
            violated: Stop::unset(),
            writing: None,
        })
    }

    async fn stages(&mut self, signals: &Signals, progress: Progress) -> Result<(), Failure> {
        self.start().await?;
        self.look().await?;
        self.init().await?;
        self.serve().await?;
        let (clients, recorder) = self.recording()?;
        let hands = self.hands.clone();
        let failure = recorder.clone();
        let played = tokio::select! {
            played = self.play(clients, recorder, signals, progress) => played,
            what = hands.next_unexpected() => Err(RunError::Unexpected(what).into()),
            error = failure.failure() => Err(error.into()),
        };
        // The history is brought to its end even if the run was not.
        let finished = self.writing.take().map_or(Ok(()), Writing::finish);
        if let Some(why) = self.system.broken() {
            return Err(RunError::Adapter(why).into());
        }
        played?;
        finished?;
        self.stop().await
    }

    /// A stage has ended; what is known is saved.
    fn stage_over(&mut self, name: &str, begin: Nanos) -> Result<(), Failure> {
        self.record.stage(name, begin, self.clock.now());
        Ok(self.record.save(&self.folder)?)
    }

    /// Start, and ready: every node runs and has told its addresses.
    async fn start(&mut self) -> Result<(), Failure> {
        let begin = self.clock.now();
        let starts = NodeId::all(self.settings.nodes).map(|node| {
            let hands = self.hands.clone();
            tokio::spawn(async move { hands.apply(&Effect::Start(node)).await })
        });
        for (node, start) in NodeId::all(self.settings.nodes).zip(starts.collect::<Vec<_>>()) {
            let why = match start.await {
                Ok(Outcome::Installed { .. }) => continue,
                Ok(Outcome::Skipped { reason } | Outcome::Indeterminate { reason, .. }) => reason.to_string(),
                Err(error) => error.to_string(),
            };
            return Err(RunError::NotStarted { node, why }.into());
        }
        self.stage_over("start", begin)
    }

    /// What nodes may tell of themselves, where a schedule has to see it: they are asked.
    async fn look(&mut self) -> Result<(), Failure> {
        let row = systems::row(&self.settings.system)?;
        let hidden = |schedule: &&nemesis::Row| {
            let mut needs = schedule.needs.iter();
            needs.any(|need| !row.capabilities.tell(*need))
        };
        let Some(schedule) = self.settings.nemesis_rows()?.into_iter().find(hidden) else {
            return Ok(());
        };
        let told = tokio::select! {
            told = self.system.tells() => told,
            what = self.hands.next_unexpected() => return Err(RunError::Unexpected(what).into()),
        };
        self.record.capabilities.tells = told.map_err(|why| SettingsError::Untold {
            nemesis: schedule.name,
            why,
        })?;
        Ok(())
    }

    /// What the system wants done once.
    async fn init(&mut self) -> Result<(), Failure> {
        let described = systems::row(&self.settings.system)?.description.as_ref();
        if described.is_none_or(|source| source.says.life.init.is_none()) {
            return Ok(());
        }
        let begin = self.clock.now();
        let ended = tokio::select! {
            done = self.system.init() => done.map_err(|why| {
                let system = self.settings.system.clone();
                RunError::NotInitialized { system, why }
            }),
            what = self.hands.next_unexpected() => Err(RunError::Unexpected(what)),
        };
        ended?;
        self.stage_over("init", begin)
    }

    /// A cluster that was never whole is not tested: a read of a described system is answered first.
    async fn serve(&mut self) -> Result<(), Failure> {
        if systems::row(&self.settings.system)?.description.is_none() {
            return Ok(());
        }
        let begin = self.clock.now();
        let deadline = begin + SERVES;
        let request = Request::read("harness-is-it-ready".into(), self.settings.op_timeout);
        let mut why = String::new();
        for node in NodeId::all(self.settings.nodes).cycle() {
            let reply = self.world.ask(node, &request).await;
            if matches!(reply.answer, Answer::Ok(_)) {
                break;
            }
            // Where to go says less than what was answered there.
            if reply.elsewhere.is_none() || why.is_empty() {
                let code = reply.error.unwrap_or_default();
                why = format!("{node}: {code}: {}", reply.message.unwrap_or_default());
            }
            if self.clock.now() > deadline {
                let system = self.settings.system.clone();
                return Err(RunError::NeverServed {
                    system,
                    limit: SERVES,
                    why,
                }
                .into());
            }
            self.world.sleep_until(self.clock.now() + TICK).await;
        }
        self.stage_over("serve", begin)
    }

    /// Begin the history, and all that the clients share.
    fn recording(&mut self) -> Result<(Clients, Recorder), Failure> {
        let workload = self.settings.workload_row()?;
        let header = header(self.settings, workload);
        // What only the end shows is no violation before.
        let monitor = match self.settings.until_violation && !workload.everywhere {
            true => Some(
                monitor::start(
                    header.clone(),
                    workload.model,
                    levels(self.settings)?,
                    self.violated.clone(),
                )
                .map_err(RunError::Monitor)?,
            ),
            false => None,
        };
        let writing = recorder::start(&self.folder.history(), &header, monitor)?;
        let recorder = writing.recorder();
        self.writing = Some(writing);
        let generator = (workload.build)(workloads::Settings {
            seed: self.settings.seed,
            clients: self.settings.clients,
            has_cas: self.world.capabilities().does.contains(&Does::Cas),
        });
        let files = Files::create(&self.folder, recorder.clone(), &self.settings.nemesis_rows()?);
        let clients = Clients {
            world: Arc::clone(&self.world),
            sink: Arc::new(files),
            gate: Gate::opened(),
            workload,
            operations: Arc::new(Mutex::new(generator)),
            next_process: Arc::new(AtomicU64::new(0)),
            nodes: self.settings.nodes,
            timeout: self.settings.op_timeout,
            retry: self.settings.retry,
            reads: self.settings.reads,
            acknowledged: Acknowledged::default(),
        };
        Ok((clients, recorder))
    }

    /// Everything between the first operation and the last.
    async fn play(
        &mut self,
        clients: Clients,
        recorder: Recorder,
        signals: &Signals,
        progress: Progress,
    ) -> Result<(), Failure> {
        let enough = Stop::unset();
        let watchers = course::watch(&clients, &enough, self.settings.max_recovery);
        let Loaded {
            healed,
            loads,
            watches,
        } = self.load(&clients, recorder, signals, progress).await?;
        self.recover(&clients, &healed).await?;
        for load in loads {
            // An operation in flight may take as long as its client waits; then its outcome is unknown.
            load.await.map_err(|_| CourseError::Panicked("a client"))?;
        }
        let begin = self.clock.now();
        let settling = self.settings.max_recovery;
        read_all(&clients, settling.max(FINAL_READS), settling).await?;
        // All that will be acknowledged is.
        enough.set();
        for watcher in watchers {
            watcher.await.map_err(|_| CourseError::Panicked("a watcher"))?;
        }
        for watch in watches {
            // What it saw last is written down before the recorder ends.
            watch.await.map_err(|_| CourseError::Panicked("the observer"))?;
        }
        self.stage_over("final-reads", begin)
    }

    /// Load with nemesis, then heal.
    async fn load(
        &mut self,
        clients: &Clients,
        recorder: Recorder,
        signals: &Signals,
        progress: Progress,
    ) -> Result<Loaded, Failure> {
        let guided = self.settings.nemesis_rows()?.iter().any(|row| row.guided);
        let (tick, poll) = if guided {
            (GUIDED_TICK, GUIDED_POLL)
        } else {
            (TICK, POLL)
        };
        let watching = Stop::unset();
        let nodes = self.settings.nodes;
        let (observer, watches) = Observer::start(&self.world, &clients.sink, nodes, poll, &watching);
        let conductor = self.conductor(clients, &observer)?;
        let (stage, caught) = (conductor.stage(), conductor.caught());
        let begin = self.clock.now();
        let over = Stop::unset();
        let loads = self.start_clients(clients, &over);
        let journals = self.watch_journals(&over)?;
        let mut conducted = world::begin(&*self.world, conductor.conduct(tick, over.clone()));
        let watcher = progress.watch(Look {
            recorder,
            observer,
            stage: Arc::clone(&stage),
            clock: self.clock,
            begin,
            duration: self.settings.duration,
            nodes,
        });
        let end = tokio::select! {
            () = tokio::time::sleep(self.settings.duration) => Ended::InTime,
            () = self.violated.wait() => Ended::Violated,
            () = caught.wait(), if self.settings.until_violation => Ended::Violated,
            () = signals.first() => Ended::Interrupted,
            // A conductor does not end by itself, except by an error.
            ended = &mut conducted => Ended::Broken(ended),
        };
        if matches!(end, Ended::Violated) {
            self.record.violated = Some(self.clock.now());
            if guided && !caught.is_set() {
                // The monitor may be quicker than the schedule, whose evidence tells how it came to this.
                next_record(&stage).await;
            }
        }
        self.record.interrupted = matches!(end, Ended::Interrupted);
        over.set();
        clients.gate.set(true);
        self.stage_over("load", begin)?;
        watcher.finish(end.why());
        journals.map(std::thread::JoinHandle::join);
        let healed = match end {
            Ended::Broken(ended) => ended,
            Ended::InTime | Ended::Violated | Ended::Interrupted => conducted.await,
        };
        watching.set();
        let healed = healed.map_err(|_| CourseError::Panicked("the nemesis"))??;
        self.record.acts.clone_from(&healed.acts);
        Ok(Loaded {
            healed,
            loads,
            watches,
        })
    }

    /// With `--until-violation`: the journals are judged while they grow.
    fn watch_journals(&self, over: &Stop) -> Result<Option<std::thread::JoinHandle<()>>, Failure> {
        if !(self.settings.until_violation && self.settings.journals) {
            return Ok(None);
        }
        let (folder, nodes) = (self.folder.clone(), self.settings.nodes);
        journal_monitor::start(folder, nodes, self.violated.clone(), over.clone())
            .map(Some)
            .map_err(|error| RunError::Monitor(error).into())
    }

    fn conductor(&self, clients: &Clients, observer: &Observer) -> Result<Conductor, Failure> {
        let row = systems::row(&self.settings.system)?;
        let mut can = self.hands.can();
        can.retain(|need| row.spared_until(&self.settings.profile, *need).is_none());
        let settings = nemesis::Settings {
            nodes: self.settings.nodes,
            seed: self.settings.seed,
            interval: self.settings.interval,
            can,
            filler: row.capabilities.filler,
            failover: row.interval / 2,
            // What its nodes were found to tell, too.
            tells: self.record.capabilities.tells.clone(),
        };
        let (clients, observer, rows) = (clients.clone(), observer.clone(), self.settings.nemesis_rows()?);
        Conductor::new(clients, observer, &rows, &settings, self.settings.duration)
            .ok_or_else(|| RunError::NoNemesis.into())
    }

    fn start_clients(&self, clients: &Clients, over: &Stop) -> Vec<oneshot::Receiver<()>> {
        let share = |rate| Pace::Rate(rate / self.settings.clients as f64);
        let pace = self.settings.rate.map_or(Pace::AtOnce, share);
        let seed = self.settings.seed.0;
        (0..self.settings.clients as u64)
            .map(|number| {
                let client = runs::course::run(clients.clone(), number, seed, pace, over.clone());
                world::begin(&*self.world, client)
            })
            .collect()
    }

    /// After the heal: how long until a write is acknowledged again?
    async fn recover(&mut self, clients: &Clients, healed: &Healed) -> Result<(), Failure> {
        let begin = self.clock.now();
        let disk = DiskWatch::start(self.folder.path());
        let recovered = first_write(clients, self.settings.max_recovery).await;
        // Its last block may take as long as the slowest one.
        let slowest_sync = tokio::task::spawn_blocking(|| disk.finish()).await.ok().flatten();
        self.record.recovery = Some(Recovery {
            healed: healed.at,
            recovered,
            slowest_sync,
        });
        self.stage_over("recover", begin)
    }

    /// Stop the nodes, and save that the run came to its end.
    async fn stop(&mut self) -> Result<(), Failure> {
        let begin = self.clock.now();
        let exits = self.hands.stop_all(GRACE).await;
        // A node that cannot even stop is broken, whatever its clients saw.
        if let Some(broken) = exits.iter().find(|exit| !exit.clean) {
            return Err(RunError::NotStopped(broken.clone()).into());
        }
        self.record.finished = true;
        self.stage_over("stop", begin)
    }
}

/// What is left of the load when it is over.
struct Loaded {
    healed: Healed,
    /// Clients, still at what they began.
    loads: Vec<oneshot::Receiver<()>>,
    /// The observer, still at its last look at each node.
    watches: Vec<oneshot::Receiver<()>>,
}

/// Why the load ended.
enum Ended {
    InTime,
    Violated,
    Interrupted,
    Broken(Result<Result<Healed, CourseError>, oneshot::error::RecvError>),
}

impl Ended {
    fn why(&self) -> &'static str {
        match self {
            Ended::InTime => "the load is over",
            Ended::Violated => "a violation was seen: the load ends here",
            Ended::Interrupted => "interrupted: the load ends early; once more to stop at once",
            Ended::Broken(_) => "the run cannot go on: the load ends here",
        }
    }
}

/// Returns when the schedule has completed the evidence of its cycle, or after a while anyway.
async fn next_record(stage: &Mutex<runs::course::Stage>) {
    let now = || stage.lock().unwrap_or_else(PoisonError::into_inner).records;
    let (seen, deadline) = (now(), tokio::time::Instant::now() + CYCLE);
    while now() == seen && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(GUIDED_TICK).await;
    }
}

fn header(settings: &Settings, workload: &workloads::Row) -> Header {
    Header {
        history: 1,
        workload: Some(workload.name.to_owned()),
        model: Some(workload.model.to_owned()),
        keyed: true,
        initial: (workload.initial)(),
        completions_alone: false,
        seed: Some(settings.seed),
        system: Some(settings.system.clone()),
        other: serde_json::Map::new(),
    }
}
