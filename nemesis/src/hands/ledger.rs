//! What is owed to a cluster that is not ours: a command for every fault that is in force, on disk before the fault is. So
//! whatever becomes of the harness, the file `undo` of its run says what undoes what it did.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::effect::NodeId;
use crate::fault::Target;

/// The file's name in the run's folder.
const FILE: &str = "undo";

/// Something that is to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// What was done: `n2: kill`.
    pub because: String,
    /// The command that undoes it, as one would type it.
    pub undo: String,
}

/// What a debt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum For {
    /// A fault on this target. Faults are undone first.
    Fault(Target),
    /// A node that the run has started.
    Started(NodeId),
}

/// The debts of a run that lives.
pub(super) struct Ledger {
    folder: PathBuf,
    system: String,
    debts: Mutex<BTreeMap<For, Debt>>,
    /// Whoever holds the folder's lock lives.
    alive: File,
}

impl Ledger {
    /// An empty one in the folder of a run.
    pub(super) fn open(folder: &Path, system: &str) -> io::Result<Self> {
        let alive = File::open(folder)?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Ledger {
            folder: folder.to_owned(),
            system: system.to_owned(),
            debts: Mutex::default(),
            alive,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<For, Debt>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it is owed from now on, and stands on disk when this returns; nothing of it where that fails.
    pub(super) fn owe(&self, more: impl IntoIterator<Item = (For, Debt)>) -> io::Result<()> {
        let mut debts = self.lock();
        let mut whole = debts.clone();
        whole.extend(more);
        self.write(&whole)?;
        *debts = whole;
        Ok(())
    }

    /// Strike out one debt: what it is for was undone.
    pub(super) fn settle(&self, what: For) {
        self.settle_all([what]);
    }

    /// Strike out these debts, in one rewriting of the file. A file that still names what was undone is no harm.
    pub(super) fn settle_all(&self, what: impl IntoIterator<Item = For>) {
        let mut debts = self.lock();
        let before = debts.len();
        for one in what {
            debts.remove(&one);
        }
        if debts.len() < before {
            let _ = self.write(&debts);
        }
    }

    /// Whether this is owed.
    pub(super) fn owes(&self, what: For) -> bool {
        self.lock().contains_key(&what)
    }

    /// What is owed.
    pub(super) fn debts(&self) -> Vec<Debt> {
        self.lock().values().cloned().collect()
    }

    fn write(&self, debts: &BTreeMap<For, Debt>) -> io::Result<()> {
        let path = self.folder.join(FILE);
        if debts.is_empty() {
            fs::remove_file(path)?;
            return self.alive.sync_all();
        }
        let fresh = self.folder.join(format!(".{FILE}.new"));
        let mut mine = OpenOptions::new();
        // Its commands are as they are, so that they can be done: nobody else reads them.
        let mine = mine.write(true).create(true).truncate(true).mode(0o600);
        let mut file = mine.open(&fresh)?;
        file.write_all(text(&self.system, debts).as_bytes())?;
        file.sync_all()?;
        fs::rename(fresh, path)?;
        // The name is on disk when the folder is.
        self.alive.sync_all()
    }
}

/// A script that a person can read, and have done.
fn text(system: &str, debts: &BTreeMap<For, Debt>) -> String {
    let mut text = format!(
        "# What a run has done to {system} and not undone yet. `sh` this file, look whether the cluster is whole, then remove it.\n"
    );
    for Debt { because, undo } in debts.values() {
        text += &format!("# {because}\n{undo}\n");
    }
    text
}

/// What the run in this folder owes, if it is not there any more to undo it.
///
/// # Errors
/// The file cannot be read.
pub fn left_behind(folder: &Path) -> io::Result<Vec<Debt>> {
    let text = match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if is_nothing_there(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    match flock(File::open(folder)?, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(debts(&text)),
        // Whoever holds it lives, and will undo it.
        Err(Errno::WOULDBLOCK) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn is_nothing_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What a file says, comment by comment. A command may have several lines.
fn debts(text: &str) -> Vec<Debt> {
    let mut debts: Vec<Debt> = Vec::new();
    for line in text.lines().skip(1) {
        match (line.strip_prefix("# "), debts.last_mut()) {
            (None, Some(debt)) if debt.undo.is_empty() => line.clone_into(&mut debt.undo),
            (None, Some(debt)) => debt.undo += &format!("\n{line}"),
            (because, _) => debts.push(Debt {
                because: because.unwrap_or_default().to_owned(),
                undo: if because.is_none() {
                    line.to_owned()
                } else {
                    String::new()
                },
            }),
        }
    }
    debts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debt(because: &str, undo: &str) -> Debt {
        Debt {
            because: because.to_owned(),
            undo: undo.to_owned(),
        }
    }

    #[test]
    fn what_is_owed_stands_on_disk_until_it_is_undone_and_is_told_of_runs_that_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path(), "mine").unwrap();
        let killed = debt("n2: kill", "ssh db2 'systemctl start\nmine'");
        let started = debt("n1: start", "docker stop n1");
        let fault = For::Fault(Target::Process(NodeId(1)));
        ledger
            .owe([
                (For::Started(NodeId(0)), started.clone()),
                (fault, killed.clone()),
            ])
            .unwrap();
        // Faults first, whatever came first; and nothing is left behind by a run that lives.
        assert_eq!(ledger.debts(), [killed.clone(), started.clone()]);
        assert_eq!(left_behind(folder.path()).unwrap(), []);
        drop(ledger);
        assert_eq!(left_behind(folder.path()).unwrap(), [killed, started.clone()]);
        let ledger = Ledger::open(folder.path(), "mine").unwrap();
        ledger.owe([(For::Started(NodeId(0)), started)]).unwrap();
        ledger.settle(For::Started(NodeId(0)));
        drop(ledger);
        assert!(!folder.path().join(FILE).exists());
        assert_eq!(left_behind(folder.path()).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_written_down_is_not_owed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path(), "mine").unwrap();
        std::fs::create_dir(folder.path().join(format!(".{FILE}.new"))).unwrap();
        let started = debt("n1: start", "docker stop n1");
        assert!(ledger.owe([(For::Started(NodeId(0)), started)]).is_err());
        assert_eq!(ledger.debts(), []);
    }
}
