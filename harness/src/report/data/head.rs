//! The headline: what was run, what came of it, and how to run it again.

use checker::{Check, Verdict};
use histories::RunFolder;
use nemesis::schedules::guided::record::Tally;
use runs::record::{NotApplicable, Operations, Record, Results, Stage};
use serde::Serialize;
use serde_json::Value as Json;

use crate::flags::again;

/// The headline.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// `pass`, `violation`, `inconclusive`, or none where no verdict was saved.
    pub verdict: Option<Verdict>,
    /// The exit code that goes with it.
    pub exit: Option<u8>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Those that cannot be made of this system.
    pub not_applicable: Vec<NotApplicable>,
    /// How many operations.
    pub operations: Option<Operations>,
    /// The longest outage.
    pub outage_longest_ms: u64,
    /// The cycles by what they came to.
    pub cycles: Option<Tally>,
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
pub fn head(folder: &RunFolder, record: &Record, saved: Option<&Results>) -> Head {
    let name = |path: &std::path::Path| {
        path.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let binaries = record.binaries.iter().map(|binary| {
        let hash: String = binary.sha256.chars().take(12).collect();
        (name(&binary.path), hash)
    });
    Head {
        verdict: saved.map(|saved| saved.verdict),
        exit: saved.map(|saved| saved.exit),
        checks: saved.map_or_else(Vec::new, |saved| saved.checks.clone()),
        not_applicable: saved.map_or_else(Vec::new, |saved| saved.not_applicable.clone()),
        operations: saved.map(|saved| saved.operations),
        outage_longest_ms: saved.map_or(0, |saved| saved.outage_longest_ms),
        cycles: saved.map(|saved| saved.cycles),
        run: name(folder.path()),
        began: record.began.clone(),
        version: record.version.clone(),
        again: again(record),
        settings: serde_json::to_value(&record.settings).unwrap_or(Json::Null),
        binaries: binaries.collect(),
        host: serde_json::to_value(&record.host).unwrap_or(Json::Null),
        stages: record.stages.clone(),
        bugs: record.settings.bugs.clone(),
        interrupted: record.interrupted,
        finished: record.finished,
    }
}
