//! What one run of a selftest came to.

use std::path::PathBuf;
use std::time::Duration;

use checker::CheckName;
use runs::ending::Ending;
use runs::record::Record;
use serde::Serialize;

use super::matrix::Job;
use crate::exit::Failure;
use crate::trial::Trial;

/// The checks of safety that know nothing but what the clients saw.
const OF_HISTORY: [CheckName; 5] = [
    CheckName::Linearizability,
    CheckName::Bounds,
    CheckName::Durability,
    CheckName::Revisions,
    CheckName::Watch,
];

/// What one run came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The seed.
    pub seed: histories::Seed,
    /// What its run was worth: a catch, an alarm, a clean run, or none of these.
    pub ending: Ending,
    /// Which checks found a violation.
    pub by: Vec<CheckName>,
    /// Whether the clients' history alone shows it; where the journals were quicker, in a run of its own without them.
    pub history_alone: bool,
    /// From the beginning of the load to the violation, or to the end of the load where it was found after that.
    #[serde(rename = "after_ms", serialize_with = "ms")]
    pub after: Option<Duration>,
    /// Whether the faults happened.
    pub armed: bool,
    /// Why it is not as it should be.
    pub reason: Option<String>,
    /// The command that does the run by itself.
    pub command: String,
    /// Where it is saved, if it was kept.
    pub folder: Option<PathBuf>,
}

fn ms<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_millis() as u64).serialize(serializer)
}

impl Finding {
    /// Judge a trial, whatever came of it.
    pub(crate) fn of(job: &Job, trial: Result<&Trial, &Failure>) -> Self {
        let finding = |ending, reason| Finding {
            seed: job.seed,
            ending,
            by: Vec::new(),
            history_alone: false,
            after: None,
            armed: false,
            reason,
            command: format!("harness run {}", job.words().join(" ")),
            folder: None,
        };
        match trial {
            Err(Failure::Interrupted) => finding(Ending::NotRun, None),
            Err(failure) => finding(Ending::Broken, Some(failure.to_string())),
            Ok(trial) if trial.record.interrupted => finding(Ending::NotRun, None),
            Ok(trial) => {
                let by = trial.results.violated();
                let ending = Ending::of(job.bug.is_some(), &trial.results);
                Finding {
                    history_alone: by.iter().any(|check| OF_HISTORY.contains(check)),
                    after: (!by.is_empty()).then(|| after(&trial.record)).flatten(),
                    armed: trial.results.passed(CheckName::Armed),
                    folder: Some(trial.folder.path().to_owned()),
                    by,
                    ..finding(ending, ending.reason(&trial.results))
                }
            }
        }
    }

    /// A run that was never begun.
    pub(crate) fn not_run(job: &Job) -> Self {
        Finding::of(job, Err(&Failure::Interrupted))
    }

    /// Whether the journals were quicker than the clients, so that nothing is known of the history alone.
    pub(crate) fn is_by_journals_alone(&self) -> bool {
        self.ending == Ending::Caught && !self.history_alone
    }

    /// Whether it is as it should be, so that nobody needs to look at its folder.
    pub(crate) fn is_good(&self) -> bool {
        self.ending.is_good()
    }
}

fn after(record: &Record) -> Option<Duration> {
    let load = record.load_stage()?;
    Some(record.violated.unwrap_or(load.end).since(load.start))
}
