//! What earlier runs have done to a cluster and not undone: it is named before anybody tests the cluster again.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use histories::RunFolder;
use nemesis::hands::{Debt, left_behind};
use runs::record::{Record, Settings, SettingsError};
use systems::Row;

/// A run that is gone, and what it owes.
pub(crate) struct Left {
    /// Whose cluster it is.
    pub(crate) system: String,
    /// The file that says what is owed.
    pub(crate) file: PathBuf,
    /// That, line by line.
    pub(crate) owed: String,
}

/// Every run of this store that is gone and owes something, by its path.
pub(crate) fn left(store: &Path) -> Vec<Left> {
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    // `store/latest` is a link to one of them.
    let groups = inside(store).into_iter().filter(|path| !path.is_symlink());
    groups
        .flat_map(|group| inside(&group))
        .filter_map(|run| left_by(&RunFolder::at(run)))
        .collect()
}

fn left_by(run: &RunFolder) -> Option<Left> {
    let debts = left_behind(run.path()).ok().filter(|debts| !debts.is_empty())?;
    Some(Left {
        system: Record::load(run).map_or_else(|_| "a cluster".to_owned(), |record| record.settings.system),
        file: run.undo(),
        owed: told(&debts),
    })
}

/// A fault that is still in force would be blamed on the store.
///
/// # Errors
/// Something is owed to this system.
pub(super) fn nothing_is(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    if row.cluster.is_none() {
        return Ok(());
    }
    match left(&settings.store)
        .into_iter()
        .find(|left| left.system == settings.system)
    {
        None => Ok(()),
        Some(left) => Err(SettingsError::Owed {
            system: left.system,
            path: left.file,
            owed: left.owed,
        }),
    }
}

/// Each with the command that undoes it.
pub(crate) fn told(debts: &[Debt]) -> String {
    let mut text = String::new();
    for Debt { because, undo } in debts {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {because}; undone by: {undo}");
    }
    text.trim_end().to_owned()
}
