//! What a run does, every setting fully expanded: what `run.json` keeps and `replay` will need.

use std::path::PathBuf;
use std::time::Duration;

use histories::Seed;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::{systems, workloads};

/// A duration in a file: milliseconds.
mod ms {
    use super::{Deserialize, Duration};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(span.as_millis() as u64)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// Which nodes the clients read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// The leader.
    #[default]
    Leader,
    /// Any node, which asks the leader on the client's behalf.
    Follower,
}

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The system, by its name in the table.
    pub system: String,
    /// Its binary.
    pub program: PathBuf,
    /// Its profile.
    pub profile: String,
    /// What is broken in it on purpose.
    pub bugs: Vec<String>,
    /// How many nodes.
    pub nodes: usize,
    /// The schedule, by its name in the table.
    pub nemesis: String,
    /// How long an unguided schedule lets a fault last on average.
    #[serde(rename = "interval_ms", with = "ms")]
    pub interval: Duration,
    /// The workload, by its name in the table.
    pub workload: String,
    /// How long the load lasts.
    #[serde(rename = "duration_ms", with = "ms")]
    pub duration: Duration,
    /// How many clients at a time.
    pub clients: usize,
    /// Operations a second of all clients together, at most.
    pub rate: Option<f64>,
    /// Fixes everything that the harness chooses.
    pub seed: Seed,
    /// How long a client waits for an answer.
    #[serde(rename = "op_timeout_ms", with = "ms")]
    pub op_timeout: Duration,
    /// Whether a client asks again, as the same request, where the outcome is unknown.
    #[serde(default)]
    pub retry: bool,
    /// Which nodes the clients read from.
    #[serde(default)]
    pub reads: Reads,
    /// How soon after the heal operations must succeed again.
    #[serde(rename = "max_recovery_ms", with = "ms")]
    pub max_recovery: Duration,
    /// How long the linearizability check may take.
    #[serde(rename = "check_timeout_ms", with = "ms")]
    pub check_timeout: Duration,
    /// Whether the load ends at the first violation.
    pub until_violation: bool,
    /// Whether the nodes' journals speak; otherwise the clients' history does so alone.
    #[serde(default = "yes")]
    pub journals: bool,
    /// Where the runs are kept.
    pub store: PathBuf,
}

/// What runs of before the journals meant.
fn yes() -> bool {
    true
}

impl Settings {
    /// The row of the system.
    pub fn system_row(&self) -> Result<&'static systems::Row, Failure> {
        systems::find(&self.system).ok_or_else(|| unknown("system", &self.system))
    }

    /// The rows of the schedules, in the order in which they are run: at least one.
    pub fn nemesis_rows(&self) -> Result<Vec<&'static nemesis::Row>, Failure> {
        let find = |name| nemesis::schedule::find(name).ok_or_else(|| unknown("nemesis", name));
        self.nemesis.split(',').map(find).collect()
    }

    /// The row whose defaults are the run's: that of the first guided schedule, or else of the first one.
    pub fn leading_row(&self) -> Result<&'static nemesis::Row, Failure> {
        let rows = self.nemesis_rows()?;
        leading(&rows).ok_or_else(|| unknown("nemesis", &self.nemesis))
    }

    /// The row of the workload.
    pub fn workload_row(&self) -> Result<&'static workloads::Row, Failure> {
        workloads::find(&self.workload).ok_or_else(|| unknown("workload", &self.workload))
    }

    /// What cannot be, said before any process starts.
    pub fn validate(&self) -> Result<(), Failure> {
        let rows = self.nemesis_rows()?;
        let usage = |text: String| Err(Failure::Usage(text));
        for (at, row) in rows.iter().enumerate() {
            if self.nodes < row.least_nodes {
                return usage(format!(
                    "--nodes {}: {} needs at least {} nodes",
                    self.nodes, row.name, row.least_nodes
                ));
            }
            if rows[..at].iter().any(|before| before.name == row.name) {
                return usage(format!(
                    "--nemesis {}: {} is named twice; a longer --duration gives it more time",
                    self.nemesis, row.name
                ));
            }
        }
        if self.nodes > MOST_NODES {
            return usage(format!(
                "--nodes {}: at most {MOST_NODES} nodes fit on one machine",
                self.nodes
            ));
        }
        if self.duration.is_zero() {
            return usage("--duration 0: a run without load proves nothing; try --duration 60s".to_owned());
        }
        for (flag, span) in [
            ("--op-timeout", self.op_timeout),
            ("--max-recovery", self.max_recovery),
            ("--interval", self.interval),
        ] {
            if span < SHORTEST {
                return usage(format!("{flag}: at least {} ms", SHORTEST.as_millis()));
            }
        }
        if self.clients > MOST_CLIENTS {
            return usage(format!("--clients {}: at most {MOST_CLIENTS}", self.clients));
        }
        if self.clients == 0 {
            return usage("--clients 0: a run without clients proves nothing; try --clients 10".to_owned());
        }
        if self
            .rate
            .is_some_and(|rate| !rate.is_finite() || rate < LEAST_RATE)
        {
            return usage(
                "--rate: operations a second, more than 0; leave it out for as many as there can be"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The command that repeats this run.
    pub fn command_line(&self) -> String {
        let mut words = vec![
            "harness run".to_owned(),
            format!(
                "--nemesis {} --nodes {} --seed {}",
                self.nemesis, self.nodes, self.seed
            ),
            format!(
                "--duration {} --profile {}",
                humantime::format_duration(self.duration),
                self.profile
            ),
            format!("--clients {}", self.clients),
        ];
        let mut other = |name: &str, value: String, default: &str| {
            if value != default {
                words.push(format!("--{name} {value}"));
            }
        };
        let span = |span: Duration| humantime::format_duration(span).to_string();
        other("system", self.system.clone(), "cluster-node");
        let workload = self.leading_row().map_or("", |row| row.workload);
        other("workload", self.workload.clone(), workload);
        other("interval", span(self.interval), "3s");
        other("op-timeout", span(self.op_timeout), "1s");
        other("max-recovery", span(self.max_recovery), "10s");
        words.extend(self.retry.then(|| "--retry".to_owned()));
        words.extend((self.reads == Reads::Follower).then(|| "--reads follower".to_owned()));
        words.extend(self.rate.map(|rate| format!("--rate {rate}")));
        words.extend(self.bugs.iter().map(|bug| format!("--bug {bug}")));
        words.extend(self.until_violation.then(|| "--until-violation".to_owned()));
        words.extend((!self.journals).then(|| "--no-journal".to_owned()));
        words.join(" ")
    }
}

/// Of several schedules, the one that a run is set up for: guided ones need what they ask for.
pub fn leading(rows: &[&'static nemesis::Row]) -> Option<&'static nemesis::Row> {
    let guided = rows.iter().find(|row| row.guided);
    guided.or(rows.first()).copied()
}

/// What a client waits, and a fault lasts, is longer than the harness needs to see it.
const SHORTEST: Duration = Duration::from_millis(10);
/// More clients than this only wait for each other.
const MOST_CLIENTS: usize = 10_000;
/// Operations a second; with fewer a run of an hour means nothing.
const LEAST_RATE: f64 = 0.01;
/// More processes than this only disturb each other.
const MOST_NODES: usize = 15;

fn unknown(what: &str, name: &str) -> Failure {
    Failure::Usage(format!("there is no {what} {name:?}; see `harness list`"))
}
