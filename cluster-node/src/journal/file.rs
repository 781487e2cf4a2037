//! The file of a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The journal cannot be written; the node must not go on without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} the journal {}: {source}; the node stops, for it was told to keep one", path.display())]
pub struct JournalError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The file of an incarnation's journal.
pub struct JournalFile {
    path: PathBuf,
    file: File,
}

impl JournalFile {
    /// A new file in the folder.
    pub fn create(folder: &Path, incarnation: u64) -> Result<Self, JournalError> {
        let path = folder.join(format!("journal-{incarnation}.jsonl"));
        let open = || {
            std::fs::create_dir_all(folder)?;
            // One that is there already tells of another life: what it claims must not be mixed with ours.
            OpenOptions::new().create_new(true).append(true).open(&path)
        };
        match open() {
            Ok(file) => Ok(JournalFile { path, file }),
            Err(source) => Err(JournalError {
                what: "begin",
                path,
                source,
            }),
        }
    }

    /// Write lines down.
    pub fn write(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        self.file.write_all(lines).map_err(|source| JournalError {
            what: "write",
            path: self.path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error_that_says_so() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let error = JournalFile { path, file }.write(b"{}\n");
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("cannot write the journal /dev/full: No space left"),
            "{error}"
        );
    }
}
