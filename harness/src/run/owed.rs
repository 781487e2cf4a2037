//! What earlier runs have done to a cluster and not undone: it is named before anybody tests the cluster again.

use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use histories::RunFolder;
use nemesis::hands::{Debt, left_behind};
use runs::record::{Record, Settings, SettingsError};
use systems::Row;

/// A run that is gone, and what it owes.
pub(crate) struct Left {
    /// Whose cluster it is; none where nobody can tell, and it may be any.
    system: Option<String>,
    /// The file that says what is owed.
    pub(crate) file: PathBuf,
    /// That, line by line; or why it cannot be read.
    pub(crate) owed: String,
}

impl Left {
    /// Whose cluster it is, in words.
    pub(crate) fn whose(&self) -> String {
        let unknown = || "a cluster (which one cannot be told)".to_owned();
        self.system.clone().unwrap_or_else(unknown)
    }

    /// Nothing can be read there, so anything may be owed.
    fn unread(file: PathBuf, error: &io::Error) -> Self {
        Left {
            system: None,
            file,
            owed: format!("  what is owed cannot be read: {error}"),
        }
    }
}

/// Every run of this store that is gone and owes something, by its path.
pub(crate) fn left(store: &Path) -> Vec<Left> {
    let groups = match inside(store) {
        Ok(groups) => groups,
        Err(error) => return vec![Left::unread(store.to_owned(), &error)],
    };
    let mut left = Vec::new();
    // `store/latest` is a link to one of them.
    for group in groups.into_iter().filter(|path| !path.is_symlink()) {
        match inside(&group) {
            Ok(runs) => left.extend(runs.into_iter().filter_map(|run| left_by(&RunFolder::at(run)))),
            Err(error) => left.push(Left::unread(group, &error)),
        }
    }
    left
}

/// What stands in a folder; nothing in one that is not there, or is none.
fn inside(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn left_by(run: &RunFolder) -> Option<Left> {
    match left_behind(run.path()) {
        Ok(debts) if debts.is_empty() => None,
        Ok(debts) => Some(Left {
            system: Record::load(run).ok().map(|record| record.settings.system),
            file: run.undo(),
            owed: told(&debts),
        }),
        Err(error) => Some(Left::unread(run.undo(), &error)),
    }
}

/// A fault that is still in force would be blamed on the store.
///
/// # Errors
/// Something is owed to this system, or may be.
pub(super) fn nothing_is(settings: &Settings, row: &Row) -> Result<(), SettingsError> {
    if row.cluster.is_none() {
        return Ok(());
    }
    match left(&settings.store).into_iter().find(|left| {
        left.system
            .as_ref()
            .is_none_or(|system| *system == settings.system)
    }) {
        None => Ok(()),
        Some(left) => Err(SettingsError::Owed {
            system: left.whose(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that leaves this as its `undo`.
    fn run(store: &Path, undo: &[u8]) -> PathBuf {
        let run = store.join("kill-mine/1");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("undo"), undo).unwrap();
        run
    }

    #[test]
    fn what_cannot_be_read_may_be_owed_to_anybody() {
        let store = tempfile::tempdir().unwrap();
        assert!(left(&store.path().join("none")).is_empty());
        std::fs::write(store.path().join("a-file"), "").unwrap();
        assert!(left(store.path()).is_empty());
        // It is no text.
        run(store.path(), &[0xff]);
        let found = left(store.path());
        assert!(found[0].system.is_none() && found[0].owed.contains("cannot be read"));
        // There is no run.json that would tell whose it is.
        run(store.path(), b"# mine\n# n1: kill\ndocker start n1\n");
        let found = left(store.path());
        assert!(found[0].system.is_none() && found[0].owed.contains("docker start n1"));
    }
}
