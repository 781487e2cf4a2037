//! A run with its verdict: what `run` does once, `replay` again and again, and `selftest` for every bug.

use std::time::Duration;

use histories::RunFolder;
use histories::run_folder::write_json;
use nemesis::hands::{HandsError, allow_namespaces};
use runs::judge::{self, Limits};
use runs::record::NetworkName;
use runs::record::Record;
use runs::record::Results;
use runs::record::Settings;

use crate::errors::RunError;
use crate::exit::Failure;
use crate::report::checking;
use crate::report::outcome::Outcome;
use crate::run::progress::Progress;

/// What came of it.
pub(crate) struct Trial {
    /// Where it is saved.
    pub folder: RunFolder,
    /// What was run, and how it went.
    pub record: Record,
    /// The verdict.
    pub results: Results,
}

impl From<Trial> for Outcome {
    fn from(trial: Trial) -> Self {
        Outcome {
            name: trial.folder.path().display().to_string(),
            record: Some(trial.record),
            results: Ok(trial.results),
        }
    }
}

/// Get what the network of these settings needs of the system. The first time while this process has one thread.
///
/// # Errors
/// The system refuses namespaces.
pub(crate) fn allow_network(settings: &Settings) -> Result<(), Failure> {
    match settings.network {
        NetworkName::Proxy | NetworkName::Messages | NetworkName::Commands => Ok(()),
        NetworkName::Namespaces => {
            let allowed = allow_namespaces().map_err(HandsError::from);
            Ok(allowed.map_err(RunError::from)?)
        }
    }
}

/// Run it, save it, judge it from the saved files within `limits`, and save the verdict. `judging` is called between the
/// run and the judgement.
///
/// # Errors
/// The settings cannot be, or the harness could not do its work.
pub(crate) fn trial(
    settings: &Settings,
    progress: Progress,
    limits: Limits,
    judging: impl FnOnce() -> Result<(), Failure>,
) -> Result<Trial, Failure> {
    allow_network(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let folder = runtime.block_on(crate::run::run(settings, progress));
    runtime.shutdown_timeout(Duration::from_millis(500));
    let folder = folder?;
    judging()?;
    let limits = Limits {
        progress: (progress == Progress::Bar).then(checking::bar),
        timeout: settings.check_timeout,
        journals: settings.journals,
        ..limits
    };
    let results = judge::run(&folder, &limits)?;
    write_json(&folder.results(), &results)?;
    let record = Record::load(&folder)?;
    Ok(Trial {
        folder,
        record,
        results,
    })
}
