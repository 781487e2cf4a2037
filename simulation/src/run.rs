//! One run in virtual time, with the stages of a real one: start, load with nemesis, heal, recover, final reads. Then the
//! verdict, on this thread.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checker::{Budget, Check, JournalsError, RaftSafety};
use histories::journal::{Malformed, Reader};
use histories::{Header, History, Incarnation, NodeName, Seed};
use nemesis::{Effect, Need, NodeId};
use runs::capabilities::Capabilities;
use runs::case::Case;
use runs::course::{
    Acknowledged, Clients, Conductor, CourseError, Gate, Observer, Pace, first_write, read_all,
};
use runs::judge::nemesis::Saved;
use runs::judge::{JudgeError, Left, Limits};
use runs::record::{Host, Record, Recovery, Results, Settings, SettingsError, leading};
use runs::sink::Sink;
use runs::stop::Stop;
use runs::workloads;
use runs::world::begin;

use crate::memory::Memory;
use crate::template::{Template, TemplateError};
use crate::world::World;

/// How often a schedule looks, and how often each node is asked, as in a real run: guided ones need to look more often.
const GUIDED: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(6));
const UNGUIDED: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(50));
/// How long the last reads of all keys may take.
const FINAL_READS: Duration = Duration::from_secs(60);
/// Clients wait so long for an answer.
const OP_TIMEOUT: Duration = Duration::from_secs(1);
/// How long our own node takes at most to have another leader.
const FAILOVER: Duration = Duration::from_millis(300);
/// Operations must succeed again so soon after the heal.
const MAX_RECOVERY: Duration = Duration::from_secs(10);

/// Why a run came to no verdict: each is a bug of ours, or a command line that cannot be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "their texts say it")]
pub enum RunError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Course(#[from] CourseError),
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error(transparent)]
    Journals(#[from] JournalsError),
    #[error("a journal that no node should have written: {0}")]
    Journal(#[from] Malformed),
    #[error("the run came to a standstill: nothing can happen any more, and it is not over; a bug of ours")]
    Standstill,
}

/// What all seeds of a run have in common.
#[derive(Clone)]
pub struct Plan {
    /// As run.json keeps them, but for the seed.
    pub settings: Settings,
    /// What clients do between two operations.
    pub pace: Pace,
    /// See [`Options::filler`].
    filler: Option<u64>,
    rows: Vec<&'static nemesis::Row>,
    workload: &'static workloads::Row,
    template: Template,
    /// The words of the command that are not its defaults.
    words: Vec<String>,
}

/// What may differ from what the case says.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long the load lasts.
    pub duration: Duration,
    /// How long an unguided schedule lets a fault last on average.
    pub interval: Duration,
    /// How many clients.
    pub clients: usize,
    /// How long each pauses between two operations, in milliseconds: from the first to less than the second.
    pub pause_ms: (u64, u64),
    /// Whether nodes keep journals, which are judged.
    pub journals: bool,
    /// As if a leader appended an entry as soon as it is elected: stories keep it apart by a value of so many letters.
    pub filler: Option<u64>,
}

impl Options {
    /// As the command line is told; what it does by itself is left out.
    fn words(&self, case: &Case, bugs: &[String]) -> Vec<String> {
        let usual = Options::default();
        let span = |span| humantime::format_duration(span).to_string();
        let mut words = vec!["--nemesis".to_owned(), case.schedule.to_owned()];
        let mut more = |name: &str, value: String| words.extend([name.to_owned(), value]);
        bugs.iter().for_each(|bug| more("--bug", bug.clone()));
        if self.duration != usual.duration {
            more("--duration", span(self.duration));
        }
        if self.interval != usual.interval {
            more("--interval", span(self.interval));
        }
        if self.clients != usual.clients {
            more("--clients", self.clients.to_string());
        }
        if self.pause_ms != usual.pause_ms {
            let (from, to) = self.pause_ms;
            more("--pause", format!("{from}..{to}"));
        }
        words.extend((!self.journals).then(|| "--no-journal".to_owned()));
        words
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            duration: Duration::from_secs(20),
            interval: Duration::from_secs(1),
            clients: 4,
            pause_ms: (2, 12),
            journals: true,
            filler: None,
        }
    }
}

impl Plan {
    /// The words of the command that makes such runs, but for the seed.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The command that plays this seed again.
    fn again(&self, seed: Seed) -> Vec<String> {
        let seed = seed.to_string();
        let seed = ["--seed", &seed, "--seeds", "1"].map(str::to_owned);
        ["simulation".to_owned()]
            .into_iter()
            .chain(self.words.iter().cloned())
            .chain(seed)
            .collect()
    }

    /// The run of a case, with these bugs.
    ///
    /// # Errors
    /// There is no such run.
    pub fn new(case: &Case, bugs: &[String], options: &Options) -> Result<Self, RunError> {
        let row = nemesis::schedules::find(case.schedule);
        let row = row.ok_or_else(|| SettingsError::unknown("nemesis", case.schedule))?;
        let profile = match row.profile {
            nemesis::Profile::Bare => "fig8",
            nemesis::Profile::Full => "prod",
        };
        let settings = Settings {
            system: "cluster-node".to_owned(),
            program: PathBuf::from("simulation"),
            profile: profile.to_owned(),
            bugs: bugs.to_vec(),
            nodes: case.nodes.unwrap_or(row.nodes),
            nemesis: row.name.to_owned(),
            interval: options.interval,
            workload: case.workload.unwrap_or(row.workload).to_owned(),
            duration: options.duration,
            clients: options.clients,
            op_timeout: OP_TIMEOUT,
            retry: case.retry,
            reads: case.reads,
            max_recovery: MAX_RECOVERY,
            check_timeout: Duration::from_secs(60),
            journals: options.journals,
            ..Settings::default()
        };
        settings.validate()?;
        let (from, to) = options.pause_ms;
        Ok(Plan {
            pace: match to {
                0 => Pace::AtOnce,
                to => Pace::Pause {
                    from: Duration::from_millis(from),
                    to: Duration::from_millis(to),
                },
            },
            filler: options.filler,
            rows: settings.nemesis_rows()?,
            workload: settings.workload_row()?,
            template: Template::new(settings.nodes, profile, bugs, options.journals, Seed(0))?,
            words: options.words(case, bugs),
            settings,
        })
    }

    /// Play it with this seed.
    ///
    /// # Errors
    /// The run came to no end; a bug of ours.
    pub fn play(&self, seed: Seed) -> Result<Played, RunError> {
        let world = World::new(self.template.with_seed(seed));
        let memory = Arc::new(Memory::default());
        let settings = Settings {
            seed,
            ..self.settings.clone()
        };
        let course = Course {
            plan: self,
            seed,
            world: world.clone(),
            sink: Arc::clone(&memory) as Arc<dyn Sink>,
            record: Record {
                simulated: true,
                ..Record::begin(
                    settings,
                    Capabilities::all(),
                    "1970-01-01T00:00:00Z".to_owned(),
                    self.again(seed),
                    Vec::new(),
                    nowhere(),
                )
            },
        };
        let record = world.play(course.run()).ok_or(RunError::Standstill)??;
        let kept = memory.take();
        let mut cycles = kept.cycles;
        let cycles = self
            .rows
            .iter()
            .map(|row| cycles.remove(row.name).unwrap_or_default());
        let nemesis = Saved::of(&self.rows, kept.effects, cycles.collect(), |name| {
            PathBuf::from(format!("{name}.jsonl"))
        })?;
        let cluster = world.cluster();
        let journals = NodeId::all(self.settings.nodes).map(|node| cluster.journals(node).to_vec());
        Ok(Played {
            journals: journals.collect(),
            left: Left {
                record,
                nemesis,
                statuses: kept.statuses,
                history: History {
                    header: self.header(seed),
                    events: kept.events,
                },
            },
        })
    }

    fn header(&self, seed: Seed) -> Header {
        Header {
            history: 1,
            workload: Some(self.workload.name.to_owned()),
            model: Some(self.workload.model.to_owned()),
            keyed: true,
            initial: (self.workload.initial)(),
            completions_alone: false,
            seed: Some(seed),
            system: Some(self.settings.system.clone()),
            other: serde_json::Map::new(),
        }
    }
}

/// A simulated run is the same on every machine.
fn nowhere() -> Host {
    Host {
        os: "simulated".to_owned(),
        kernel: "simulated".to_owned(),
        cores: 1,
    }
}

/// What a run has left.
pub struct Played {
    /// All but the journals.
    pub left: Left,
    /// Of each node, the journal of each incarnation.
    pub journals: Vec<Vec<(u64, Vec<u8>)>>,
}

impl Played {
    /// When it was over, in virtual time.
    pub fn took(&self) -> Duration {
        let stages = self.left.record.stages.last();
        stages.map_or(Duration::ZERO, |stage| stage.end.since(histories::Nanos(0)))
    }

    /// The verdict, by the checks of a real run.
    ///
    /// # Errors
    /// What a run of ours left cannot be judged; a bug of ours.
    pub fn judge(&self) -> Result<Results, RunError> {
        let limits = Limits {
            journals: self.left.record.settings.journals,
            ..Limits::default()
        };
        let journals = match limits.journals {
            true => Some(self.raft_safety()?),
            false => None,
        };
        let linearizability = self.left.linearizability(&limits, &Budget::unlimited())?;
        Ok(self.left.judge(linearizability, journals, &limits)?)
    }

    fn raft_safety(&self) -> Result<Check, RunError> {
        let names: Vec<NodeName> = NodeId::all(self.journals.len()).map(NodeId::name).collect();
        let mut safety = RaftSafety::new(&names)?;
        for (name, journals) in names.iter().zip(&self.journals) {
            for (incarnation, text) in journals {
                let incarnation = Incarnation(*incarnation);
                let mut lines = Reader::new(text.as_slice(), name.clone(), incarnation);
                let mut journal = safety.journal(name, incarnation)?;
                while let Some(line) = lines.next_line()? {
                    journal.take(&line);
                }
            }
        }
        Ok(safety.finish(&self.left.history.events))
    }
}

/// Told when a task is over.
type Tasks = Vec<tokio::sync::oneshot::Receiver<()>>;

/// A run in progress.
struct Course<'a> {
    plan: &'a Plan,
    seed: Seed,
    world: World,
    sink: Arc<dyn Sink>,
    record: Record,
}

impl Course<'_> {
    async fn run(mut self) -> Result<Record, RunError> {
        let clients = self.clients();
        self.start(&clients).await?;
        let stop = Stop::unset();
        let (loads, watches) = self.load(&clients, &stop).await?;
        self.recover(&clients).await;
        for load in loads {
            // An operation in flight may take as long as its client waits; then its outcome is unknown.
            load.await.map_err(|_| CourseError::Panicked("a client"))?;
        }
        let begin = clients.world.now();
        read_all(&clients, FINAL_READS, self.plan.settings.max_recovery).await?;
        for watch in watches {
            watch.await.map_err(|_| CourseError::Panicked("the observer"))?;
        }
        self.record.stage("final-reads", begin, clients.world.now());
        self.record.finished = true;
        self.record
            .stage("stop", clients.world.now(), clients.world.now());
        Ok(self.record)
    }

    fn clients(&self) -> Clients {
        let settings = &self.plan.settings;
        let operations = (self.plan.workload.build)(workloads::Settings {
            seed: self.seed,
            clients: settings.clients,
            has_cas: true,
        });
        Clients {
            world: Arc::new(self.world.clone()),
            sink: Arc::clone(&self.sink),
            gate: Gate::opened(),
            workload: self.plan.workload,
            operations: Arc::new(Mutex::new(operations)),
            next_process: Arc::new(AtomicU64::new(0)),
            nodes: settings.nodes,
            timeout: settings.op_timeout,
            retry: settings.retry,
            reads: settings.reads,
            acknowledged: Acknowledged::default(),
        }
    }

    async fn start(&mut self, clients: &Clients) -> Result<(), CourseError> {
        let begun = clients.world.now();
        let starts = NodeId::all(clients.nodes).map(|node| {
            let world = Arc::clone(&clients.world);
            begin(
                &*clients.world,
                async move { world.apply(&Effect::Start(node)).await },
            )
        });
        for (node, start) in NodeId::all(clients.nodes).zip(starts.collect::<Vec<_>>()) {
            let outcome = start.await.map_err(|_| CourseError::Panicked("a start"))?;
            if !outcome.is_installed() {
                let reason = format!("{outcome:?}");
                return Err(CourseError::NotStarted { node, reason });
            }
        }
        self.record.stage("start", begun, clients.world.now());
        Ok(())
    }

    /// Load with nemesis, then heal. The clients are still at what they began, and the observer at its last look.
    async fn load(&mut self, clients: &Clients, over: &Stop) -> Result<(Tasks, Tasks), CourseError> {
        let settings = &self.plan.settings;
        let is_guided = leading(&self.plan.rows).is_some_and(|row| row.guided);
        let (tick, poll) = if is_guided { GUIDED } else { UNGUIDED };
        let watching = Stop::unset();
        let (observer, watches) =
            Observer::start(&clients.world, &self.sink, settings.nodes, poll, &watching);
        let chosen = nemesis::Settings {
            nodes: settings.nodes,
            seed: self.seed,
            interval: settings.interval,
            can: Need::OVER_FRAMES.to_vec(),
            filler: self.plan.filler,
            failover: FAILOVER,
            tells: Capabilities::all().tells,
        };
        let rows = &self.plan.rows;
        let conductor = Conductor::new(clients.clone(), observer, rows, &chosen, settings.duration);
        let begun = clients.world.now();
        let loads = (0..settings.clients as u64).map(|number| {
            let client =
                runs::course::run(clients.clone(), number, self.seed.0, self.plan.pace, over.clone());
            begin(&*clients.world, client)
        });
        let loads = loads.collect();
        let conducted =
            conductor.map(|conductor| begin(&*clients.world, conductor.conduct(tick, over.clone())));
        clients.world.sleep_until(begun + settings.duration).await;
        over.set();
        clients.gate.set(true);
        self.record.stage("load", begun, clients.world.now());
        if let Some(conducted) = conducted {
            let healed = conducted
                .await
                .map_err(|_| CourseError::Panicked("the nemesis"))??;
            self.record.acts = healed.acts;
            self.record.recovery = Some(Recovery {
                slowest_sync: None,
                healed: healed.at,
                recovered: None,
            });
        }
        watching.set();
        Ok((loads, watches))
    }

    async fn recover(&mut self, clients: &Clients) {
        let begun = clients.world.now();
        let recovered = first_write(clients, self.plan.settings.max_recovery).await;
        if let Some(recovery) = &mut self.record.recovery {
            recovery.recovered = recovered;
        }
        self.record.stage("recover", begun, clients.world.now());
    }
}
