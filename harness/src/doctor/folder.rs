//! The folder of an examination: gone with it, and with the next one if this one was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

const PREFIX: &str = "harness-doctor-";
/// Whoever holds this file's lock lives.
const LOCK: &str = ".lock";

/// A folder that nobody else removes while this lives.
pub(crate) struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Folder {
    /// A new one among the machine's temporary files; those that were left behind there are removed.
    pub(crate) fn create() -> io::Result<Self> {
        sweep(&std::env::temp_dir());
        Folder::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // It is locked before it goes by its name: there is no moment at which it looks left behind.
        let unnamed = folder.path().join(".new");
        let lock = File::create(&unnamed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&unnamed, folder.path().join(LOCK))?;
        Ok(Folder { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leave it where it is, for good.
    pub(crate) fn keep(self) -> PathBuf {
        // Without a lock it is nobody's to remove.
        let _ = fs::remove_file(self.path().join(LOCK));
        self.folder.keep()
    }
}

/// Remove the folders whose examination was killed. What cannot be removed is somebody else's.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for folder in named.map(|entry| entry.path()) {
        let abandoned = File::open(folder.join(LOCK))
            .is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if abandoned {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_behind_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let (alive, killed) = (
            Folder::within(parent.path()).unwrap(),
            Folder::within(parent.path()).unwrap(),
        );
        let kept = Folder::within(parent.path()).unwrap().keep();
        // A process that is killed lets go of its lock, and removes nothing.
        let left = killed.folder.keep();
        drop(killed._lock);
        sweep(parent.path());
        assert!(alive.path().exists() && kept.exists() && !left.exists());
    }
}
