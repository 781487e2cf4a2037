//! What survives a crash: an append-only log of records in one file.
//!
//! ```text
//! record = length u32 | crc32 u32 | sequence u64 | body (postcard)      all numbers little endian
//! ```
//!
//! The CRC covers sequence and body. Records are buffered, and made durable together by [`Storage::sync`]: one write
//! and one fdatasync for a batch. What a crash leaves of the last write is a torn tail: nothing whole follows it,
//! and it is cut off at the next start. A damaged record that whole ones follow is another matter: it was durable
//! once, so the node refuses to start rather than to forget what it may have promised.
//!
//! The file is longer than its records, by zeros: a sync that need not make a file longer spares the file system's
//! journal, and takes a fraction of the time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::raft::types::{Entry, LogIndex, NodeId, Term};
use crate::raft::{HardState, Persist, Recovered};

/// The version of the folder's format.
const FORMAT: u32 = 1;
const HEADER: usize = 16;
/// The file grows by so many zeros.
const ROOM: usize = 512 << 10;
/// No record is longer; a longer length is damage.
const LONGEST: usize = 64 << 20;
/// No log has more records; a greater sequence number is damage.
const MOST_RECORDS: u64 = 1 << 40;

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
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
    /// Another process holds the lock.
    #[error("{} is in use by another node: two nodes never share a data folder", .0.display())]
    InUse(PathBuf),
    /// The folder is not this node's.
    #[error("{} belongs to {found}, not to {wanted}: give each node its own --data", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asked.
        wanted: String,
    },
    /// A record is damaged though whole ones follow it.
    #[error(
        "{}: the record at byte {at} is damaged, yet a whole record follows at byte {next}; this is no torn tail, \
         so the node does not start; restore the log, for an emptied folder would forget what the node has promised",
        path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Where the damage begins.
        at: usize,
        /// Where the next whole record begins.
        next: usize,
    },
    /// The folder was used before, and its log is gone.
    #[error("{} is missing, though its folder was used before; restore it, or the node would forget what it has promised", .0.display())]
    Missing(PathBuf),
    /// The records are whole, but do not fit together.
    #[error("{}: the record at byte {at} does not fit: {why}", path.display())]
    Inconsistent {
        /// The log.
        path: PathBuf,
        /// Where.
        at: usize,
        /// What is wrong.
        why: String,
    },
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StorageError + 'a {
    move |source| StorageError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

/// A record as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Body {
    /// The node starts for the nth time.
    Boot(u64),
    HardState {
        term: Term,
        voted_for: Option<NodeId>,
    },
    Truncate(LogIndex),
    Entry {
        term: Term,
        index: LogIndex,
        #[serde(with = "crate::raft::types::bytes")]
        payload: Arc<[u8]>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    format: u32,
    cluster: String,
    id: String,
}

impl Identity {
    fn new(cluster: &str, id: &str) -> Self {
        Identity {
            format: FORMAT,
            cluster: cluster.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// What a start finds.
#[derive(Debug)]
pub struct Opened {
    /// For what follows.
    pub storage: Storage,
    /// Term, vote and log.
    pub recovered: Recovered,
    /// Counts the starts, from 1.
    pub incarnation: u64,
    /// How many bytes of a torn tail were cut off.
    pub torn_bytes: usize,
}

/// The log file, open for appending.
#[derive(Debug)]
pub struct Storage {
    path: PathBuf,
    file: File,
    /// Where the records end.
    end: u64,
    /// Where the zeros after them end.
    room: u64,
    buffer: Vec<u8>,
    sequence: u64,
    /// Held as long as the node runs.
    _lock: File,
}

impl Storage {
    /// Open a node's folder, or make it.
    pub fn open(folder: &Path, cluster: &str, id: &str) -> Result<Opened, StorageError> {
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        let lock = lock(folder)?;
        let path = folder.join("log");
        let mut file = identify_and_open(folder, &path, cluster, id)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        let replayed = Replay::run(&path, &bytes)?;
        let torn_bytes = written(&bytes).saturating_sub(replayed.end);
        let mut room = bytes.len() as u64;
        if torn_bytes > 0 {
            room = replayed.end as u64;
            file.set_len(room)
                .map_err(io_error("cut the torn tail off", &path))?;
        }
        let incarnation = replayed.incarnation + 1;
        let mut storage = Storage {
            path,
            file,
            end: replayed.end as u64,
            room,
            buffer: Vec::new(),
            sequence: replayed.sequence,
            _lock: lock,
        };
        storage.add(&Body::Boot(incarnation));
        storage.sync()?;
        let recovered = Recovered {
            hard: replayed.hard,
            entries: replayed.entries,
        };
        Ok(Opened {
            storage,
            recovered,
            incarnation,
            torn_bytes,
        })
    }

    /// Buffer what is to be made durable.
    pub fn persist(&mut self, what: &Persist) {
        match what {
            Persist::HardState(HardState { term, voted_for }) => {
                self.add(&Body::HardState {
                    term: *term,
                    voted_for: voted_for.clone(),
                });
            }
            Persist::Truncate(from) => self.add(&Body::Truncate(*from)),
            Persist::Append(entries) => {
                for Entry { term, index, payload } in entries {
                    self.add(&Body::Entry {
                        term: *term,
                        index: *index,
                        payload: Arc::clone(payload),
                    });
                }
            }
        }
    }

    /// Make everything buffered durable. After an error nothing may be promised any more: the node has to stop.
    pub fn sync(&mut self) -> Result<(), StorageError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.write().map_err(io_error("write", &self.path))?;
        self.file.sync_data().map_err(io_error("sync", &self.path))
    }

    fn write(&mut self) -> io::Result<()> {
        let end = self.end + self.buffer.len() as u64;
        if end > self.room {
            let zeros = vec![0; (end - self.room) as usize + ROOM];
            self.file.write_all_at(&zeros, self.room)?;
            self.room += zeros.len() as u64;
        }
        self.file.write_all_at(&self.buffer, self.end)?;
        self.end = end;
        self.buffer.clear();
        Ok(())
    }

    /// How many bytes of the file are records.
    pub fn end(&self) -> u64 {
        self.end
    }

    fn add(&mut self, body: &Body) {
        self.sequence += 1;
        encode(&mut self.buffer, self.sequence, body);
    }
}

fn encode(buffer: &mut Vec<u8>, sequence: u64, body: &Body) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&sequence.to_le_bytes());
    // Writing to memory cannot fail.
    if let Ok(bytes) = postcard::to_allocvec(body) {
        buffer.extend_from_slice(&bytes);
    }
    let length = (buffer.len() - start - HEADER) as u32;
    let crc = crc32fast::hash(&buffer[start + 8..]);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Where the zeros at the end begin.
fn written(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

/// A whole record at `at`: its sequence number, its body's bytes, and where the next one begins.
fn whole_record(bytes: &[u8], at: usize) -> Option<(u64, &[u8], usize)> {
    let rest = bytes.get(at..)?;
    let number = |range: std::ops::Range<usize>| {
        rest.get(range).map(|four| {
            four.iter()
                .rev()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        })
    };
    let (length, crc, sequence) = (number(0..4)? as usize, number(4..8)? as u32, number(8..16)?);
    // Before the CRC, which is dear where every byte of a torn tail is looked at.
    if length > LONGEST || sequence == 0 || sequence > MOST_RECORDS {
        return None;
    }
    let body = rest.get(HEADER..HEADER + length)?;
    let is_whole = crc32fast::hash(&rest[8..HEADER + length]) == crc;
    is_whole.then_some((sequence, body, at + HEADER + length))
}

/// The log as it is read at start.
#[derive(Default)]
struct Replay {
    end: usize,
    sequence: u64,
    incarnation: u64,
    hard: HardState,
    entries: Vec<Entry>,
}

impl Replay {
    fn run(path: &Path, bytes: &[u8]) -> Result<Self, StorageError> {
        let mut replay = Replay::default();
        while let Some((sequence, body, next)) = whole_record(bytes, replay.end) {
            let wrong = |why: String| StorageError::Inconsistent {
                path: path.to_owned(),
                at: replay.end,
                why,
            };
            if sequence != replay.sequence + 1 {
                return Err(wrong(format!(
                    "record {sequence} follows record {}",
                    replay.sequence
                )));
            }
            let body = postcard::from_bytes(body).map_err(|error| wrong(error.to_string()))?;
            replay.take(body).map_err(|why| StorageError::Inconsistent {
                path: path.to_owned(),
                at: replay.end,
                why,
            })?;
            (replay.sequence, replay.end) = (sequence, next);
        }
        // Only records that were written later count; old bytes that look like one do not.
        let later = |at: &usize| whole_record(bytes, *at).is_some_and(|(found, ..)| found > replay.sequence);
        match (replay.end + 1..written(bytes)).find(later) {
            Some(next) => Err(StorageError::Damaged {
                path: path.to_owned(),
                at: replay.end,
                next,
            }),
            None => Ok(replay),
        }
    }

    fn take(&mut self, body: Body) -> Result<(), String> {
        match body {
            Body::Boot(incarnation) => self.incarnation = incarnation,
            Body::HardState { term, voted_for } => self.hard = HardState { term, voted_for },
            Body::Truncate(from) => self.entries.truncate(from.previous().0 as usize),
            Body::Entry { term, index, payload } => {
                let expected = self.entries.len() as u64 + 1;
                if index.0 != expected {
                    return Err(format!("entry {index} where entry {expected} should be"));
                }
                self.entries.push(Entry { term, index, payload });
            }
        }
        Ok(())
    }
}

fn lock(folder: &Path) -> Result<File, StorageError> {
    let path = folder.join("LOCK");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// The log of our own folder. It is made before the folder gets its identity: a log that is missing later was lost.
fn identify_and_open(folder: &Path, log: &Path, cluster: &str, id: &str) -> Result<File, StorageError> {
    let is_ours = identify(folder, cluster, id)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false).create(!is_ours);
    let file = match options.open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StorageError::Missing(log.to_owned()));
        }
        opened => opened.map_err(io_error("open", log))?,
    };
    if !is_ours {
        sync_folder(folder)?;
        write_identity(folder, cluster, id)?;
        sync_folder(folder)?;
    }
    Ok(file)
}

fn write_identity(folder: &Path, cluster: &str, id: &str) -> Result<(), StorageError> {
    let (fresh, path) = (folder.join("identity.json.new"), folder.join("identity.json"));
    let text = serde_json::to_vec(&Identity::new(cluster, id)).unwrap_or_default();
    File::create(&fresh)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, &path))
        .map_err(io_error("write", &path))
}

/// Whether the folder has our identity; a fresh one has none yet.
fn identify(folder: &Path, cluster: &str, id: &str) -> Result<bool, StorageError> {
    let path = folder.join("identity.json");
    let ours = Identity::new(cluster, id);
    let describe = |who: &Identity| {
        format!(
            "node {} of cluster {} (format {})",
            who.id, who.cluster, who.format
        )
    };
    match fs::read(&path) {
        Ok(bytes) => {
            let found: Option<Identity> = serde_json::from_slice(&bytes).ok();
            if found.as_ref() == Some(&ours) {
                return Ok(true);
            }
            let found = found.as_ref().map_or("somebody unreadable".to_owned(), describe);
            Err(StorageError::NotOurs {
                path: folder.to_owned(),
                found,
                wanted: describe(&ours),
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

/// A new file is there after a crash only if its folder is synced, too.
fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("sync", folder))
}
