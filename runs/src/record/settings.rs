//! What a run does, every setting fully expanded: what `run.json` keeps and `replay` will need.

use std::path::PathBuf;
use std::time::Duration;

use histories::Seed;
use nemesis::Tells;
use nemesis::hands::Spread;
use serde::{Deserialize, Serialize};

use crate::workloads;

/// A duration in a file: milliseconds.
mod ms {
    use super::{Deserialize, Duration};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(span.as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
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

/// Which network the nodes of a run have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NetworkName {
    /// An address of the harness for each pair of nodes.
    #[default]
    Proxy,
    /// A network namespace for each node.
    Namespaces,
    /// The harness itself, which carries every message.
    Messages,
    /// Their own, which commands reach.
    Commands,
}

impl NetworkName {
    /// Every one, in the order of what a run takes that does not say.
    pub const ALL: [NetworkName; 4] = [
        NetworkName::Proxy,
        NetworkName::Namespaces,
        NetworkName::Messages,
        NetworkName::Commands,
    ];

    /// As on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            NetworkName::Proxy => "proxy",
            NetworkName::Namespaces => "namespaces",
            NetworkName::Messages => "messages",
            NetworkName::Commands => "commands",
        }
    }
}

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The system, by its name in the table.
    pub system: String,
    /// The file that describes it, if it does not come with the harness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_file: Option<PathBuf>,
    /// Its binary.
    pub program: PathBuf,
    /// Its profile.
    pub profile: String,
    /// What is broken in it on purpose.
    pub bugs: Vec<String>,
    /// How many nodes.
    pub nodes: usize,
    /// What stands between them.
    #[serde(default)]
    pub network: NetworkName,
    /// What a message between nodes takes on average, where the harness carries each.
    #[serde(
        default,
        rename = "latency_ms",
        with = "ms",
        skip_serializing_if = "Duration::is_zero"
    )]
    pub latency: Duration,
    /// How that lies around its mean.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub latency_dist: Spread,
    /// Whether the user says that a cluster which the harness did not start may be hurt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owned: bool,
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
    /// The levels of consistency that the history is held to; none: what its model stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consistency: Vec<String>,
    /// Whether the load ends at the first violation.
    pub until_violation: bool,
    /// Whether the nodes' journals speak; otherwise the clients' history does so alone.
    #[serde(default = "yes")]
    pub journals: bool,
    /// Where the runs are kept.
    pub store: PathBuf,
}

fn is_usual(spread: &Spread) -> bool {
    *spread == Spread::default()
}

/// What runs of before the journals meant.
fn yes() -> bool {
    true
}

impl Default for Settings {
    /// No run's: what they are before any flag is looked at.
    fn default() -> Self {
        Settings {
            system: String::new(),
            system_file: None,
            program: PathBuf::new(),
            profile: String::new(),
            bugs: Vec::new(),
            nodes: 0,
            network: NetworkName::Proxy,
            latency: Duration::ZERO,
            latency_dist: Spread::default(),
            owned: false,
            nemesis: String::new(),
            interval: Duration::ZERO,
            workload: String::new(),
            duration: Duration::ZERO,
            clients: 0,
            rate: None,
            seed: Seed(0),
            op_timeout: Duration::ZERO,
            retry: false,
            reads: Reads::Leader,
            max_recovery: Duration::ZERO,
            check_timeout: Duration::ZERO,
            consistency: Vec::new(),
            until_violation: false,
            journals: true,
            store: PathBuf::new(),
        }
    }
}

impl Settings {
    /// The rows of the schedules, in the order in which they are run: at least one.
    pub fn nemesis_rows(&self) -> Result<Vec<&'static nemesis::Row>, SettingsError> {
        let find =
            |name| nemesis::schedules::find(name).ok_or_else(|| SettingsError::unknown("nemesis", name));
        self.nemesis.split(',').map(find).collect()
    }

    /// The row whose defaults are the run's: that of the first guided schedule, or else of the first one.
    pub fn leading_row(&self) -> Result<&'static nemesis::Row, SettingsError> {
        let rows = self.nemesis_rows()?;
        leading(&rows).ok_or_else(|| SettingsError::unknown("nemesis", &self.nemesis))
    }

    /// The row of the workload.
    pub fn workload_row(&self) -> Result<&'static workloads::Row, SettingsError> {
        workloads::find(&self.workload).ok_or_else(|| SettingsError::unknown("workload", &self.workload))
    }

    /// What cannot be, said before any process starts.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let rows = self.nemesis_rows()?;
        for (at, row) in rows.iter().enumerate() {
            if self.nodes < row.least_nodes && !(self.nodes == 1 && row.alone) {
                return Err(SettingsError::TooFewNodes {
                    nodes: self.nodes,
                    nemesis: row.name,
                    least: row.least_nodes,
                });
            }
            if rows[..at].iter().any(|before| before.name == row.name) {
                return Err(SettingsError::NamedTwice {
                    named: self.nemesis.clone(),
                    nemesis: row.name,
                });
            }
        }
        self.workload_row()?;
        if self.nodes > MOST_NODES {
            return Err(SettingsError::TooManyNodes(self.nodes));
        }
        if self.duration.is_zero() {
            return Err(SettingsError::NoLoad);
        }
        for (flag, span) in [
            ("--op-timeout", self.op_timeout),
            ("--max-recovery", self.max_recovery),
            ("--interval", self.interval),
        ] {
            if span < Duration::from_millis(SHORTEST_MS) {
                return Err(SettingsError::TooShort(flag));
            }
        }
        if self.latency > Duration::from_secs(LONGEST_LATENCY_S) {
            return Err(SettingsError::LateForever);
        }
        match self.clients {
            0 => return Err(SettingsError::NoClients),
            1..=MOST_CLIENTS => {}
            more => return Err(SettingsError::TooManyClients(more)),
        }
        match self.rate {
            Some(rate) if !rate.is_finite() || rate < LEAST_RATE => Err(SettingsError::Rate),
            _ => Ok(()),
        }
    }
}

/// Settings that no run can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// Of a table of the harness.
    #[error("there is no {what} {name:?}; see `harness list`")]
    Unknown {
        /// Which table.
        what: &'static str,
        /// What was looked for.
        name: String,
    },
    /// The schedule's parts cannot all be cast.
    #[error("--nodes {nodes}: {nemesis} needs at least {least} nodes")]
    TooFewNodes {
        /// So many were asked for.
        nodes: usize,
        /// The schedule.
        nemesis: &'static str,
        /// So many it needs.
        least: usize,
    },
    /// The schedule is led by what nodes tell of themselves.
    #[error("--nemesis {nemesis}: it has to see {unseen} of every node, which {system} does not tell")]
    Unseen {
        /// The schedule.
        nemesis: &'static str,
        /// What it needs first.
        unseen: Tells,
        /// Who does not tell it.
        system: String,
    },
    /// Its nodes may tell it, and do not.
    #[error(
        "--nemesis {nemesis}: it has to see how every node stands, and {why}; see docs/maelstrom.md, \"How a node stands\""
    )]
    Untold {
        /// The schedule.
        nemesis: &'static str,
        /// Who does not, and what was said.
        why: String,
    },
    /// What it kills comes back without what it had promised.
    #[error(
        "--nemesis {nemesis}: it kills nodes, and those of {system} keep nothing over that, unless you say that yours keep their state on disk: --profile {durable}"
    )]
    Forgets {
        /// The schedule.
        nemesis: &'static str,
        /// Whose nodes.
        system: String,
        /// The profile that says so.
        durable: &'static str,
    },
    /// The store has no words for it.
    #[error(
        "--workload {workload}: {system} has no {lacks}, which it is made of; see `harness list workloads`"
    )]
    NotServed {
        /// The workload.
        workload: &'static str,
        /// The system.
        system: String,
        /// What would do.
        lacks: String,
    },
    /// Its nodes cannot be told what that network asks for.
    #[error("--network {network}: {system} cannot be run in it; see `harness list systems`")]
    Network {
        /// What was asked for.
        network: &'static str,
        /// Whose nodes.
        system: String,
    },
    /// Nobody has said that this cluster may be hurt.
    #[error(
        "--system {system}: the harness did not start these nodes, and a run would do to them what its nemesis asks for:\n{would}\n\
         nothing was done; say --i-own-this-cluster if they are yours to hurt"
    )]
    NotOwned {
        /// The system.
        system: String,
        /// What might be done, line by line.
        would: String,
    },
    /// So many are there.
    #[error("--nodes {nodes}: the description of {system} has a cluster of {there}; leave it out")]
    OtherNodes {
        /// So many were asked for.
        nodes: usize,
        /// The system.
        system: String,
        /// So many it has.
        there: usize,
    },
    /// What it does is in nobody's power.
    #[error(
        "--nemesis {nemesis}: the description of {system} has no commands for it: [life.commands] needs {needed}"
    )]
    NoCommands {
        /// The schedule.
        nemesis: &'static str,
        /// The system.
        system: String,
        /// What it would need.
        needed: &'static str,
    },
    /// Guided schedules look at keys by reads, of which the history of this workload can have none.
    #[error(
        "--nemesis {nemesis}: it reads keys by itself to see where it stands, and a history of --workload {workload} has no such reads; \
         an unguided nemesis does not, such as --nemesis kill,partition"
    )]
    NoLooks {
        /// The schedule.
        nemesis: &'static str,
        /// The workload.
        workload: &'static str,
    },
    /// The same, where it would take its time with each.
    #[error(
        "--latency: the nodes of {system} speak to each other over connections, and the harness carries no messages of theirs; \
         --nemesis chaos has what they send come late now and then"
    )]
    NoLatency {
        /// The system.
        system: String,
    },
    /// Longer than anybody waits.
    #[error("--latency: at most {LONGEST_LATENCY_S} s; a run in which nothing arrives proves nothing")]
    LateForever,
    /// What its nodes say is no message to the harness.
    #[error(
        "--nemesis {nemesis}: the nodes of {system} speak to each other over connections, of which the harness sees bytes and no messages; \
         it carries those of Maelstrom's nodes"
    )]
    NoMessages {
        /// The schedule.
        nemesis: &'static str,
        /// The system.
        system: String,
    },
    /// An earlier run has left its faults behind; what is seen now may be their doing.
    #[error(
        "{system} is not whole: an earlier run ended before it could undo what it had done to it. What {} says is still owed:\n{owed}\n\
         have that done (`sh {}`), look whether the cluster is whole, then remove the file", path.display(), path.display()
    )]
    Owed {
        /// The system.
        system: String,
        /// The file that says so.
        path: PathBuf,
        /// What is owed, line by line.
        owed: String,
    },
    /// A request that is sent again would be done twice.
    #[error("--retry: {system} does not know a request again that was sent before, and would do it twice")]
    NoSessions {
        /// The system.
        system: String,
    },
    /// A write that a schedule sends again would be done twice.
    #[error(
        "--nemesis {nemesis}: it sends a write again whose answer was lost, and {system} does not know it again: it would do it twice"
    )]
    Retries {
        /// The schedule.
        nemesis: &'static str,
        /// The system.
        system: String,
    },
    /// Each schedule has one turn.
    #[error("--nemesis {named}: {nemesis} is named twice; a longer --duration gives it more time")]
    NamedTwice {
        /// What was asked for.
        named: String,
        /// The schedule.
        nemesis: &'static str,
    },
    /// They would only disturb each other.
    #[error("--nodes {0}: at most {MOST_NODES} nodes fit on one machine")]
    TooManyNodes(usize),
    /// No time for an operation.
    #[error("--duration 0: a run without load proves nothing; try --duration 60s")]
    NoLoad,
    /// Less than the harness can see.
    #[error("{0}: at least {SHORTEST_MS} ms")]
    TooShort(&'static str),
    /// They would only wait for each other.
    #[error("--clients {0}: at most {MOST_CLIENTS}")]
    TooManyClients(usize),
    /// Nobody to do an operation.
    #[error("--clients 0: a run without clients proves nothing; try --clients 10")]
    NoClients,
    /// Not a number of operations a second.
    #[error("--rate: operations a second, more than 0; leave it out for as many as there can be")]
    Rate,
}

impl SettingsError {
    /// A name that a table does not have.
    pub fn unknown(what: &'static str, name: &str) -> Self {
        SettingsError::Unknown {
            what,
            name: name.to_owned(),
        }
    }
}

/// Of several schedules, the one that a run is set up for: guided ones need what they ask for.
pub fn leading(rows: &[&'static nemesis::Row]) -> Option<&'static nemesis::Row> {
    let guided = rows.iter().find(|row| row.guided);
    guided.or(rows.first()).copied()
}

/// What a client waits, and a fault lasts, is longer than the harness needs to see it.
const SHORTEST_MS: u64 = 10;
/// As long as a message may take, on average.
const LONGEST_LATENCY_S: u64 = 60;
/// More clients than this only wait for each other.
const MOST_CLIENTS: usize = 10_000;
/// Operations a second; with fewer a run of an hour means nothing.
const LEAST_RATE: f64 = 0.01;
/// More processes than this only disturb each other.
const MOST_NODES: usize = 15;
