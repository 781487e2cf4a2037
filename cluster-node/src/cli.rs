//! The command line, and the ready file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::raft::bugs::{self, UnknownBug};
use crate::raft::config::{Config, Profile};
use crate::raft::rules::Rules;
use crate::raft::types::NodeId;

const EXAMPLES: &str = "\
Examples:
  cluster-node --id n1 --data /tmp/n1 --client-listen 127.0.0.1:8001
      a cluster of one; then: curl -d '{\"f\":\"put\",\"key\":\"k\",\"value\":1}' http://127.0.0.1:8001/op
  cluster-node --id n1 --data /tmp/n1 --peer-listen 127.0.0.1:7001 \\
      --peer n2=127.0.0.1:7002 --peer n3=127.0.0.1:7003
      one node of three
  curl http://127.0.0.1:8001/status
      how it stands";

/// No time is longer than a day.
const LONGEST_MS: u64 = 86_400_000;
/// A body becomes an entry, and an entry has to fit into a frame.
const LONGEST_BODY: u64 = 4 << 20;

/// A Raft key-value store whose rules can be broken one by one.
#[derive(Parser, Debug)]
#[command(name = "cluster-node", version, after_help = EXAMPLES)]
pub struct Args {
    /// This node's name.
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), required = false, required_unless_present = "list_bugs", default_value_if("list_bugs", "true", "-"))]
    pub id: String,
    /// Its data folder; made if it is not there.
    #[arg(
        long,
        value_name = "DIR",
        required = false,
        required_unless_present = "list_bugs",
        default_value_if("list_bugs", "true", "-")
    )]
    pub data: PathBuf,
    /// Where this node dials another voter; once for each.
    #[arg(long = "peer", value_name = "ID=ADDRESS", value_parser = peer)]
    pub peers: Vec<(String, SocketAddr)>,
    /// The cluster's name; peers of another are refused.
    #[arg(long, default_value = "default")]
    pub cluster: String,
    /// Where clients are served.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub client_listen: SocketAddr,
    /// Where peers are heard.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub peer_listen: SocketAddr,
    /// Written when both addresses are bound and the log is read.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Write what the node does into `journal-<incarnation>.jsonl` in this folder (docs/journal.md).
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// The settings that the flags below change one by one.
    #[arg(long, value_enum, default_value = "prod")]
    pub profile: ProfileName,
    /// Break a rule on purpose; may be repeated.
    #[arg(
        long = "bug",
        value_name = "NAME",
        value_parser = PossibleValuesParser::new(bugs::all().map(|bug| bug.name)),
        hide_possible_values = true
    )]
    pub bugs: Vec<String>,
    /// List what --bug can break, and stop.
    #[arg(long)]
    pub list_bugs: bool,
    /// The list as JSON.
    #[arg(long, requires = "list_bugs")]
    pub json: bool,
    /// Fixes the election timeouts that are drawn; without it they differ at each start.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Stop when standard input ends: whoever started this node has gone.
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// How often a leader is heard at least.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    heartbeat_ms: Option<u64>,
    /// The least election timeout.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    election_min_ms: Option<u64>,
    /// Election timeouts are less than this.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    election_max_ms: Option<u64>,
    /// An AppendEntries without an answer is sent again after so long.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    resend_ms: Option<u64>,
    /// A request is given up after so long.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    pub op_timeout_ms: u64,
    /// A forwarded write without an answer is forwarded again after so long.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=LONGEST_MS))]
    pub forward_timeout_ms: u64,
    /// How many entries an AppendEntries carries at most.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Whether a new leader appends an entry of its own.
    #[arg(long, value_name = "BOOL")]
    no_op: Option<bool>,
    /// Whether a candidate asks first.
    #[arg(long, value_name = "BOOL")]
    pre_vote: Option<bool>,
    /// Whether a leader that hears no majority steps down.
    #[arg(long, value_name = "BOOL")]
    check_quorum: Option<bool>,
    /// Whether a client who waits for a write is kept when the leader steps down.
    #[arg(long, value_name = "BOOL")]
    keep_waiters: Option<bool>,
    /// How many clients' sessions are remembered.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub session_limit: u64,
    /// The longest body of a request.
    #[arg(long, default_value_t = 1 << 20, value_parser = clap::value_parser!(u64).range(1..=LONGEST_BODY))]
    pub body_limit_bytes: u64,
}

/// The name of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// Bare Raft as in the paper.
    Fig8,
    /// No-op, batches, pre-vote, check-quorum.
    Prod,
}

impl ProfileName {
    /// As on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProfileName::Fig8 => "fig8",
            ProfileName::Prod => "prod",
        }
    }
}

fn peer(text: &str) -> Result<(String, SocketAddr), String> {
    let (id, address) = text
        .split_once('=')
        .filter(|(id, _)| !id.is_empty())
        .ok_or("expected ID=ADDRESS, such as n2=127.0.0.1:7002")?;
    let address = address
        .parse()
        .map_err(|error| format!("{address}: {error}; expected 127.0.0.1:7002"))?;
    Ok((id.to_owned(), address))
}

/// A command line that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// See there.
    #[error(transparent)]
    Bug(#[from] UnknownBug),
    /// Two peers of one name, or the node itself.
    #[error("--peer {0} is named twice, or is this node itself")]
    Peer(String),
    /// Timings that cannot work.
    #[error(
        "the timings cannot work: 0 < heartbeat ({heartbeat_ms} ms) < election-min ({min_ms} ms) < election-max ({max_ms} ms)"
    )]
    Timing {
        /// See the flag.
        heartbeat_ms: u64,
        /// See the flag.
        min_ms: u64,
        /// See the flag.
        max_ms: u64,
    },
}

/// A command line that makes sense.
#[derive(Debug)]
pub struct Settings {
    /// The core's settings.
    pub config: Config,
    /// The other voters.
    pub peers: Vec<NodeId>,
}

impl Args {
    /// What the flags come to.
    pub fn settings(&self) -> Result<Settings, ArgsError> {
        Ok(Settings {
            config: self.config()?,
            peers: self.peer_ids()?,
        })
    }

    /// The list that --list-bugs asks for.
    pub fn bug_list(&self) -> String {
        if self.json {
            // Our own types always have a JSON form.
            return serde_json::to_string_pretty(&bugs::all().collect::<Vec<_>>()).unwrap_or_default();
        }
        let line = |bug: &bugs::Bug| format!("{:<27} {}\n{:27} seen: {}", bug.name, bug.rule, "", bug.seen);
        bugs::all().map(line).collect::<Vec<_>>().join("\n")
    }

    /// How long a request may wait.
    pub fn op_timeout(&self) -> Duration {
        Duration::from_millis(self.op_timeout_ms)
    }

    /// The profile, changed by the flags.
    fn config(&self) -> Result<Config, ArgsError> {
        let base = Config::of(match self.profile {
            ProfileName::Fig8 => Profile::Fig8,
            ProfileName::Prod => Profile::Prod,
        });
        let config = Config {
            heartbeat_ms: self.heartbeat_ms.unwrap_or(base.heartbeat_ms),
            election_min_ms: self.election_min_ms.unwrap_or(base.election_min_ms),
            election_max_ms: self.election_max_ms.unwrap_or(base.election_max_ms),
            resend_ms: self.resend_ms.unwrap_or(base.resend_ms),
            batch: self.batch.map_or(base.batch, |batch| batch as usize),
            no_op: self.no_op.unwrap_or(base.no_op),
            pre_vote: self.pre_vote.unwrap_or(base.pre_vote),
            check_quorum: self.check_quorum.unwrap_or(base.check_quorum),
            keep_waiters: self.keep_waiters.unwrap_or(base.keep_waiters),
            read_patience_ms: self.op_timeout_ms,
            rules: Rules::with_bugs(&self.bugs)?,
            ..base
        };
        let (heartbeat_ms, min_ms, max_ms) = (
            config.heartbeat_ms,
            config.election_min_ms,
            config.election_max_ms,
        );
        if heartbeat_ms == 0 || heartbeat_ms >= min_ms || min_ms >= max_ms {
            return Err(ArgsError::Timing {
                heartbeat_ms,
                min_ms,
                max_ms,
            });
        }
        Ok(config)
    }

    fn peer_ids(&self) -> Result<Vec<NodeId>, ArgsError> {
        let mut seen = std::collections::BTreeSet::from([self.id.as_str()]);
        let twice = self.peers.iter().find(|(id, _)| !seen.insert(id));
        match twice {
            Some((id, _)) => Err(ArgsError::Peer(id.clone())),
            None => Ok(self
                .peers
                .iter()
                .map(|(id, _)| NodeId::from(id.as_str()))
                .collect()),
        }
    }
}

/// What the ready file says.
#[derive(Debug, Serialize)]
pub struct Ready<'a> {
    /// The version of this document: 1.
    pub ready: u32,
    /// The node.
    pub id: &'a str,
    /// Which start of it.
    pub incarnation: u64,
    /// Its process.
    pub pid: u32,
    /// Where clients are served.
    pub client: SocketAddr,
    /// Where peers are heard.
    pub peer: SocketAddr,
    /// Its profile.
    pub profile: &'a str,
    /// Its bugs.
    pub bugs: &'a [String],
}

impl Ready<'_> {
    /// Write it in one step.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(self)?)?;
        std::fs::rename(&fresh, path)
    }
}
