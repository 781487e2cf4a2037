//! The saved runs of a store, for lists.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use histories::{RunFolder, Seed};
use runs::record::{Record, Results};
use serde::{Deserialize, Serialize};

use super::style::word;
use crate::exit::Failure;

/// A saved run in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SavedRun {
    /// When it began, in UTC; nothing if its record cannot be read.
    pub began: Option<String>,
    /// `pass`, `violation`, `inconclusive`; `unfinished` without a verdict, `unreadable` where it or the record cannot be read.
    pub verdict: String,
    /// What was tested.
    pub system: String,
    /// Under which faults.
    pub nemesis: String,
    /// With which operations.
    pub workload: String,
    /// What was broken on purpose.
    pub bugs: Vec<String>,
    /// The seed.
    pub seed: Option<Seed>,
    /// How long the load was to last.
    #[serde(rename = "duration_ms", serialize_with = "ms")]
    pub duration: Duration,
    /// What its files take, in bytes.
    pub bytes: u64,
    /// The run's folder.
    pub path: PathBuf,
}

fn ms<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_millis() as u64)
}

/// Which runs are wanted; nothing is everything.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Filter {
    /// With this verdict.
    pub verdict: Option<String>,
    /// Of this system.
    pub system: Option<String>,
    /// Under this nemesis.
    pub nemesis: Option<String>,
}

impl Filter {
    fn takes(&self, run: &SavedRun) -> bool {
        let is = |wanted: &Option<String>, is: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted.is_empty() || wanted == is)
        };
        is(&self.verdict, &run.verdict) && is(&self.system, &run.system) && is(&self.nemesis, &run.nemesis)
    }
}

/// The runs, the newest first. A store that is not there has none.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn list(store: &Path, filter: &Filter) -> Result<Vec<SavedRun>, Failure> {
    let mut found = Vec::new();
    for group in folders(store)? {
        for run in folders(&group)? {
            let folder = RunFolder::at(run);
            // A folder without a record is no run, and one that cannot be read is shown as such.
            if folder.run_json().is_file() {
                found.push(describe(&folder));
            }
        }
    }
    found.retain(|run| filter.takes(run));
    found.sort_by(|a, b| (&b.began, &b.path).cmp(&(&a.began, &a.path)));
    Ok(found)
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            let path = parent.to_owned();
            return Err(Failure::Read { path, source });
        }
    };
    let is_folder = |path: &PathBuf| path.is_dir() && !path.is_symlink();
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_folder)
        .collect())
}

fn describe(folder: &RunFolder) -> SavedRun {
    let (path, bytes) = (folder.path().to_owned(), bytes(folder.path()));
    let Ok(record) = Record::load(folder) else {
        return SavedRun {
            began: None,
            verdict: "unreadable".to_owned(),
            system: String::new(),
            nemesis: String::new(),
            workload: String::new(),
            bugs: Vec::new(),
            seed: None,
            duration: Duration::ZERO,
            bytes,
            path,
        };
    };
    let settings = record.settings;
    SavedRun {
        began: Some(record.began),
        verdict: verdict(folder).to_owned(),
        system: settings.system,
        nemesis: settings.nemesis,
        workload: settings.workload,
        bugs: settings.bugs,
        seed: Some(settings.seed),
        duration: settings.duration,
        bytes,
        path,
    }
}

fn verdict(folder: &RunFolder) -> &'static str {
    match Results::load(folder) {
        Ok(Some(results)) => word(results.verdict),
        Ok(None) => "unfinished",
        Err(_) => "unreadable",
    }
}

/// What the files of a folder take; links are not followed.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_what_it_names() {
        let run = SavedRun {
            began: None,
            verdict: "pass".to_owned(),
            system: "etcd".to_owned(),
            nemesis: "kill".to_owned(),
            workload: String::new(),
            bugs: Vec::new(),
            seed: None,
            duration: Duration::ZERO,
            bytes: 0,
            path: PathBuf::new(),
        };
        let filter = |verdict: Option<&str>, system: Option<&str>| Filter {
            verdict: verdict.map(str::to_owned),
            system: system.map(str::to_owned),
            nemesis: None,
        };
        assert!(filter(None, None).takes(&run) && filter(Some("pass"), Some("")).takes(&run));
        assert!(
            !filter(Some("violation"), None).takes(&run) && !filter(None, Some("cluster-node")).takes(&run)
        );
    }
}
