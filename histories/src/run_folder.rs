//! The folder of a run: what lies where (DESIGN section 4), and the lines that are added to it while it lasts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::units::{Incarnation, NodeName, Seed};

/// A run's folder, by default `store/<nemesis>-<system>/<time>-<seed>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// What is wrong with a file of a run's folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}:{line}: {why}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FolderError + 'a {
    move |source| FolderError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

impl RunFolder {
    /// The folder of a run that exists.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        RunFolder { path: path.into() }
    }

    /// Make a new folder `store/group/name`; with a number behind it where one of that name exists. The link
    /// `store/latest` points to it from now on.
    pub fn create(store: &Path, group: &str, name: &str) -> Result<Self, FolderError> {
        let parent = store.join(group);
        fs::create_dir_all(&parent).map_err(io_error("create the folder", &parent))?;
        let mut path = parent.join(name);
        for number in 2.. {
            match fs::create_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    path = parent.join(format!("{name}-{number}"));
                }
                Err(source) => {
                    return Err(FolderError::Io {
                        what: "create the folder",
                        path,
                        source,
                    });
                }
            }
        }
        let path = fs::canonicalize(&path).map_err(io_error("find", &path))?;
        point_latest(store, &path)?;
        Ok(RunFolder { path })
    }

    /// Let the link `store/latest` point to it again, where another run began since.
    pub fn make_latest(&self, store: &Path) -> Result<(), FolderError> {
        point_latest(store, &self.path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Settings, host, stage times.
    pub fn run_json(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The operations.
    pub fn history(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    /// Each effect and what came of it.
    pub fn nemesis(&self) -> PathBuf {
        self.path.join("nemesis.jsonl")
    }

    /// What the nodes said of themselves, whenever it changed.
    pub fn status(&self) -> PathBuf {
        self.path.join("status.jsonl")
    }

    /// The cycles of a guided schedule.
    pub fn cycles(&self, schedule: &str) -> PathBuf {
        self.path.join(format!("{schedule}.jsonl"))
    }

    /// The verdict.
    pub fn results(&self) -> PathBuf {
        self.path.join("results.json")
    }

    /// The page.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// What is still to be undone, where commands lead the nodes; not there if nothing is.
    pub fn undo(&self) -> PathBuf {
        self.path.join("undo")
    }

    /// Everything that belongs to one node.
    pub fn node(&self, node: &NodeName) -> PathBuf {
        self.path.join("nodes").join(node.as_str())
    }

    /// The journals of one node, in the order of its incarnations (docs/journal.md).
    pub fn journals(&self, node: &NodeName) -> Result<Vec<(Incarnation, PathBuf)>, FolderError> {
        let folder = self.node(node);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("read the folder", &folder)(error)),
        };
        let mut journals = Vec::new();
        for entry in entries {
            let path = entry.map_err(io_error("read the folder", &folder))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let number = name
                .strip_prefix("journal-")
                .and_then(|rest| rest.strip_suffix(".jsonl"));
            let Some(number) = number else { continue };
            let incarnation = number.parse().map_err(|_| FolderError::Malformed {
                path: path.clone(),
                line: 1,
                why: format!("{number:?} is no incarnation: a journal is called journal-<incarnation>.jsonl"),
            })?;
            journals.push((Incarnation(incarnation), path));
        }
        journals.sort();
        Ok(journals)
    }

    /// Make the folder of one node.
    pub fn create_node(&self, node: &NodeName) -> Result<(), FolderError> {
        let path = self.node(node);
        fs::create_dir_all(&path).map_err(io_error("create the folder", &path))
    }
}

/// A name for a run: the time, without what a file system might mind, and the seed.
pub fn run_name(rfc3339: &str, seed: Seed) -> String {
    let time: String = rfc3339.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{time}-{seed}")
}

/// Numbers the links that are being made.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// Let `store/latest` point to this run, in one step.
fn point_latest(store: &Path, run: &Path) -> Result<(), FolderError> {
    #[cfg(unix)]
    {
        let latest = store.join("latest");
        // Several runs may begin at a time, in this process and in others.
        let number = LATEST.fetch_add(1, Ordering::Relaxed);
        let fresh = store.join(format!(".latest-{}-{number}", std::process::id()));
        let store = fs::canonicalize(store).map_err(io_error("find", store))?;
        let target = run.strip_prefix(&store).unwrap_or(run);
        let _ = fs::remove_file(&fresh);
        std::os::unix::fs::symlink(target, &fresh).map_err(io_error("link", &fresh))?;
        fs::rename(&fresh, &latest).map_err(io_error("link", &latest))?;
    }
    Ok(())
}

/// Write a whole document in one step: a reader sees the old one or the new one.
pub fn write_json(path: &Path, document: &impl Serialize) -> Result<(), FolderError> {
    let fresh = path.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(document).map_err(|error| FolderError::Malformed {
        path: path.to_owned(),
        line: 1,
        why: error.to_string(),
    })?;
    text.push(b'\n');
    fs::write(&fresh, &text).map_err(io_error("write", &fresh))?;
    fs::rename(&fresh, path).map_err(io_error("write", path))
}

/// Read a whole document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let text = fs::read(path).map_err(io_error("read", path))?;
    serde_json::from_slice(&text).map_err(|error| FolderError::Malformed {
        path: path.to_owned(),
        line: error.line(),
        why: error.to_string(),
    })
}

/// A file to which lines of JSON are added one by one, each at once in the hands of the operating system.
pub struct Lines {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

impl Lines {
    /// Start the file; it must not exist.
    pub fn create(path: PathBuf) -> Result<Self, FolderError> {
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = file.map_err(io_error("create", &path))?;
        Ok(Lines {
            path,
            file,
            buffer: Vec::new(),
        })
    }

    /// Add a line.
    pub fn add(&mut self, line: &impl Serialize) -> Result<(), FolderError> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line).map_err(|error| FolderError::Malformed {
            path: self.path.clone(),
            line: 0,
            why: error.to_string(),
        })?;
        self.buffer.push(b'\n');
        self.file
            .write_all(&self.buffer)
            .map_err(io_error("write", &self.path))
    }
}

/// Read all lines of a file; a file that is not there has none. A last line without its end is left out if the
/// writer may have been killed (`unfinished`), and malformed otherwise.
pub fn read_lines<T: DeserializeOwned>(path: &Path, unfinished: bool) -> Result<Vec<T>, FolderError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    let mut lines = Vec::new();
    for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if unfinished && !line.ends_with(b"\n") {
            break;
        }
        let parsed = serde_json::from_slice(line).map_err(|error| FolderError::Malformed {
            path: path.to_owned(),
            line: at + 1,
            why: error.to_string(),
        })?;
        lines.push(parsed);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_of_the_same_name_gets_a_number_and_latest_follows() {
        let store = tempfile::tempdir().unwrap();
        let first = RunFolder::create(store.path(), "g", "x").unwrap();
        let second = RunFolder::create(store.path(), "g", "x").unwrap();
        assert!(first.path().ends_with("g/x") && second.path().ends_with("g/x-2"));
        let latest = fs::canonicalize(store.path().join("latest")).unwrap();
        assert_eq!(latest, second.path());
    }

    #[test]
    fn a_line_cut_off_is_left_out_only_where_the_writer_may_have_been_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        fs::write(&path, "1\n2\n{\"a").unwrap();
        assert_eq!(read_lines::<serde_json::Value>(&path, true).unwrap(), [1, 2]);
        let error = read_lines::<serde_json::Value>(&path, false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("x.jsonl:3:"), "{error}");
    }

    #[test]
    fn journals_come_in_the_order_of_their_incarnations() {
        let folder = tempfile::tempdir().unwrap();
        let (run, node) = (RunFolder::at(folder.path()), NodeName::numbered(1));
        assert_eq!(run.journals(&node).unwrap(), []);
        run.create_node(&node).unwrap();
        for name in ["journal-10.jsonl", "journal-2.jsonl", "stderr.log"] {
            fs::write(run.node(&node).join(name), "").unwrap();
        }
        let journals = run.journals(&node).unwrap();
        let numbers: Vec<Incarnation> = journals.into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [Incarnation(2), Incarnation(10)]);
        fs::write(run.node(&node).join("journal-x.jsonl"), "").unwrap();
        let error = run.journals(&node).unwrap_err().to_string();
        assert!(
            error.contains("journal-x.jsonl:1: \"x\" is no incarnation"),
            "{error}"
        );
    }

    #[test]
    fn names_of_runs_have_neither_colons_nor_dashes_in_their_time() {
        assert_eq!(run_name("2026-11-23T17:02:10Z", Seed(42)), "20261123T170210Z-42");
    }
}
