//! A simulated run as a run's folder, which `harness inspect`, `check` and `report` read like any other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use histories::RunFolder;
use histories::format::history1;
use histories::run_folder::FolderError;
use nemesis::NodeId;
use runs::record::Results;
use serde::Serialize;

use crate::run::Played;

/// Why it could not be saved.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "their texts say it")]
pub enum SaveError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("a document without a JSON form, a bug of ours: {0}")]
    Json(#[from] serde_json::Error),
}

/// Save it in this store.
///
/// # Errors
/// A file cannot be written.
pub fn save(played: &Played, results: &Results, store: &Path) -> Result<RunFolder, SaveError> {
    let settings = &played.left.record.settings;
    let group = format!("{}-{}", settings.nemesis, settings.system);
    let name = format!("simulated-{}", settings.seed);
    let folder = RunFolder::create(store, &group, &name)?;
    let results = Results {
        run: folder.path().display().to_string(),
        ..results.clone()
    };
    for node in NodeId::all(settings.nodes) {
        folder.create_node(&node.name())?;
    }
    for (path, bytes) in files(played, &results, &folder)? {
        std::fs::write(&path, bytes).map_err(|source| SaveError::Write { path, source })?;
    }
    Ok(folder)
}

/// Every file of its folder: the same bytes for the same seed.
///
/// # Errors
/// Something has no JSON form; a bug of ours.
pub fn files(
    played: &Played,
    results: &Results,
    folder: &RunFolder,
) -> Result<BTreeMap<PathBuf, Vec<u8>>, SaveError> {
    let record = &played.left.record;
    let settings = &record.settings;
    let mut files = BTreeMap::from([
        (folder.run_json(), serde_json::to_vec_pretty(record)?),
        (folder.history(), history(played)),
        (folder.nemesis(), lines(played.left.nemesis.effects())?),
        (folder.status(), lines(&played.left.statuses)?),
        (folder.results(), serde_json::to_vec_pretty(results)?),
    ]);
    for (name, cycles) in settings
        .nemesis
        .split(',')
        .zip(played.left.nemesis.records_of_each())
    {
        files.insert(folder.cycles(name), lines(cycles)?);
    }
    for (node, journals) in NodeId::all(settings.nodes).zip(&played.journals) {
        for (incarnation, text) in journals {
            let path = folder
                .node(&node.name())
                .join(format!("journal-{incarnation}.jsonl"));
            files.insert(path, text.clone());
        }
    }
    Ok(files)
}

fn history(played: &Played) -> Vec<u8> {
    let history = &played.left.history;
    let mut text = Vec::new();
    history1::write_header(&mut text, &history.header);
    for event in &history.events {
        history1::write_event(&mut text, event);
    }
    text
}

fn lines<T: Serialize>(all: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    for line in all {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}
