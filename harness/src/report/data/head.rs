//! The headline: what was run, what came of it, and how to run it again.

use histories::run_folder::read_json;
use histories::{RunFolder, Value};
use runs::record::{Record, Stage, Unreadable};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::exit::Failure;
use crate::flags::command_line;

/// A check as it was saved.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CheckLine {
    /// Its name.
    pub name: String,
    /// `pass`, `violation`, `inconclusive`.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// What stands behind the sentence.
    #[serde(default)]
    pub details: Json,
}

/// An edge of a proof.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EdgeLine {
    /// The earlier operation.
    pub from: u64,
    /// The later one.
    pub to: u64,
    /// Why.
    pub reason: String,
}

/// A violation as it was saved.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ViolationLine {
    /// Which check found it.
    pub check: String,
    /// About which key.
    #[serde(default)]
    pub key: Option<Value>,
    /// Its operations.
    pub operations: Vec<u64>,
    /// What orders them.
    #[serde(default)]
    pub edges: Vec<EdgeLine>,
    /// The proof.
    pub why: String,
}

/// results.json, as far as a picture needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct Saved {
    /// The verdict.
    pub verdict: String,
    /// The exit code.
    pub exit: u8,
    /// Every check.
    pub checks: Vec<CheckLine>,
    /// How many operations.
    pub operations: Json,
    /// The longest outage.
    pub outage_longest_ms: u64,
    /// The cycles by what they came to.
    #[serde(default)]
    pub cycles: Json,
    /// What proves the violations.
    pub violations: Vec<ViolationLine>,
}

impl Saved {
    /// Read it; a run that was cut short has none.
    pub fn read(folder: &RunFolder) -> Result<Option<Self>, Failure> {
        match folder.results().exists() {
            true => Ok(Some(read_json(&folder.results()).map_err(Unreadable)?)),
            false => Ok(None),
        }
    }
}

/// The headline.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// `pass`, `violation`, `inconclusive`, or none where no verdict was saved.
    pub verdict: Option<String>,
    /// The exit code that goes with it.
    pub exit: Option<u8>,
    /// Every check.
    pub checks: Vec<CheckLine>,
    /// How many operations.
    pub operations: Json,
    /// The longest outage.
    pub outage_longest_ms: u64,
    /// The cycles by what they came to.
    pub cycles: Json,
    /// The folder's name.
    pub run: String,
    /// When it began.
    pub began: String,
    /// The version of the harness.
    pub version: String,
    /// The command that repeats it.
    pub again: String,
    /// Every setting.
    pub settings: Json,
    /// The binaries: name, and the beginning of the hash.
    pub binaries: Vec<(String, String)>,
    /// The machine.
    pub host: Json,
    /// The stages.
    pub stages: Vec<Stage>,
    /// What was switched off on purpose.
    pub bugs: Vec<String>,
    /// Whether the user ended the load early.
    pub interrupted: bool,
    /// Whether the run came to its end.
    pub finished: bool,
}

/// Put it together.
pub fn head(folder: &RunFolder, record: &Record, saved: Option<&Saved>) -> Head {
    let name = |path: &std::path::Path| {
        path.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let binaries = record.binaries.iter().map(|binary| {
        let hash: String = binary.sha256.chars().take(12).collect();
        (name(&binary.path), hash)
    });
    Head {
        verdict: saved.map(|saved| saved.verdict.clone()),
        exit: saved.map(|saved| saved.exit),
        checks: saved.map_or_else(Vec::new, |saved| saved.checks.clone()),
        operations: saved.map_or(Json::Null, |saved| saved.operations.clone()),
        outage_longest_ms: saved.map_or(0, |saved| saved.outage_longest_ms),
        cycles: saved.map_or(Json::Null, |saved| saved.cycles.clone()),
        run: name(folder.path()),
        began: record.began.clone(),
        version: record.version.clone(),
        again: command_line(&record.settings),
        settings: serde_json::to_value(&record.settings).unwrap_or(Json::Null),
        binaries: binaries.collect(),
        host: serde_json::to_value(&record.host).unwrap_or(Json::Null),
        stages: record.stages.clone(),
        bugs: record.settings.bugs.clone(),
        interrupted: record.interrupted,
        finished: record.finished,
    }
}
