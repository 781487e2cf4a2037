//! Runs commands: each as a process group of its own, within a limit, its output kept. What came of it stands in
//! `commands.jsonl` of the run's folder.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use histories::Nanos;
use histories::run_folder::{FolderError, Lines};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::child_setup;
use super::clock::{Clock, micros};
use super::exit;
use super::orders::{Order, Redact};
use super::spawner::Spawner;

/// How much of an output is looked at.
const MOST: u64 = 1 << 20;
/// How much of its end is repeated.
const LAST_LINES: usize = 10;
/// The longest line that is repeated, in characters.
const LONGEST: usize = 400;

/// See the module.
pub(super) struct Runner {
    folder: PathBuf,
    clock: Clock,
    spawner: Spawner,
    record: Mutex<Lines>,
    redact: Redact,
    /// Numbers the files of outputs.
    next: AtomicU64,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether with exit code 0, in time.
    pub(super) done: bool,
    /// Whether there was a process at all.
    pub(super) began: bool,
    /// Its exit code; none where it was killed, took too long or never began.
    code: Option<i32>,
    /// In words.
    pub(super) how: String,
    /// What it printed, both ways.
    pub(super) text: String,
}

/// Exit codes that are not the program's own word: what a shell says of a program that it cannot start, and ssh of a
/// connection that it has lost.
const NOT_ITS_OWN: [i32; 3] = [126, 127, 255];

impl Ended {
    /// Whether it ran where it was to run, and ended by itself.
    pub(super) fn is_its_own(&self) -> bool {
        self.code.is_some_and(|code| !NOT_ITS_OWN.contains(&code))
    }

    /// The last lines of what it printed.
    pub(super) fn said(&self) -> Vec<String> {
        let lines: Vec<&str> = self.text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..]
            .iter()
            .map(|line| line.chars().take(LONGEST).collect())
            .collect()
    }
}

/// A line of `commands.jsonl`.
#[derive(Serialize)]
struct Entry<'a> {
    time: Nanos,
    what: &'a str,
    command: &'a str,
    ended: &'a str,
    took_us: u64,
    said: Vec<String>,
}

impl Runner {
    pub(super) fn new(folder: &Path, clock: Clock, redact: Redact) -> Result<Self, RunnerError> {
        Ok(Runner {
            folder: folder.to_owned(),
            clock,
            spawner: Spawner::shared().map_err(RunnerError::Thread)?,
            record: Mutex::new(Lines::create(folder.join("commands.jsonl"))?),
            redact,
            next: AtomicU64::new(0),
        })
    }

    /// What may be read of a text.
    pub(super) fn redacted(&self, text: &str) -> String {
        (self.redact)(text)
    }

    /// Run it. `what` is what it is for: `n2: kill`.
    pub(super) async fn run(&self, what: &str, order: &Order) -> Ended {
        let ended = match self.output().and_then(|file| Ok((file.try_clone()?, file))) {
            Ok((file, kept)) => self.run_into(what, order, file, &kept).await,
            Err(error) => not_begun(&error),
        };
        Ended {
            text: self.redacted(&ended.text),
            ..ended
        }
    }

    /// Run it, and keep all of what it prints on standard output in this file.
    pub(super) async fn collect(&self, what: &str, order: &Order, into: &Path) -> Ended {
        let kept = match self.output() {
            Ok(kept) => kept,
            Err(error) => return not_begun(&error),
        };
        let ended = match kept.try_clone() {
            Ok(file) => self.run_into(what, order, file, &kept).await,
            Err(error) => not_begun(&error),
        };
        match self.copy(kept, into) {
            Ok(()) => ended,
            Err(error) => Ended {
                done: false,
                how: format!("{}; what it printed cannot be kept: {error}", ended.how),
                ..ended
            },
        }
    }

    /// Line by line, without what nobody may read.
    fn copy(&self, mut from: File, into: &Path) -> io::Result<()> {
        from.seek(SeekFrom::Start(0))?;
        let (mut from, mut to) = (BufReader::new(from), io::BufWriter::new(File::create(into)?));
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line)? > 0 {
            to.write_all(self.redacted(&String::from_utf8_lossy(&line)).as_bytes())?;
            line.clear();
        }
        to.flush()
    }

    /// A file for an output. It has no name any more: whatever a command leaves running may go on to write there.
    fn output(&self) -> io::Result<File> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!(".output-{number}"));
        let file = File::options()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&path)?;
        fs::remove_file(path)?;
        Ok(file)
    }

    async fn run_into(&self, what: &str, order: &Order, file: File, kept: &File) -> Ended {
        let (time, begun) = (self.clock.now(), Instant::now());
        let (began, status) = match self.spawn(order, file).await {
            Ok(child) => (true, waited(child, order.within).await),
            Err(error) => (false, Err(error)),
        };
        let ended = Ended {
            done: status.as_ref().is_ok_and(ExitStatus::success),
            began,
            code: status.as_ref().ok().and_then(ExitStatus::code),
            how: match &status {
                Ok(_) => exit::describe(&status),
                Err(error) => error.to_string(),
            },
            text: printed(kept),
        };
        let command = self.redacted(&order.to_string());
        let shown = Ended {
            text: self.redacted(&ended.text),
            how: String::new(),
            ..ended
        };
        let entry = Entry {
            time,
            what,
            command: &command,
            ended: &ended.how,
            took_us: micros(begun.elapsed()),
            said: shown.said(),
        };
        // What cannot be written down here is still told where it matters: in the effect's evidence.
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = record.add(&entry);
        drop(record);
        Ended {
            text: shown.text,
            ..ended
        }
    }

    async fn spawn(&self, order: &Order, file: File) -> io::Result<Child> {
        let Some((program, args)) = order.words.split_first() else {
            return Err(io::Error::other("the command has no words"));
        };
        let mut command = std::process::Command::new(program);
        let (out, err) = (file.try_clone()?, file);
        command.args(args).stdin(Stdio::null()).stdout(out).stderr(err);
        child_setup::companion(&mut command);
        let (answer, answered) = oneshot::channel();
        let runtime = Handle::current();
        // A command dies with the thread that began it: with the harness.
        self.spawner.submit(move || {
            let _inside = runtime.enter();
            drop(answer.send(Command::from(command).spawn()));
        })?;
        let spawned = answered.await.map_err(io::Error::other)?;
        spawned.map_err(|error| io::Error::new(error.kind(), format!("cannot start {program}: {error}")))
    }
}

fn not_begun(error: &io::Error) -> Ended {
    Ended {
        done: false,
        began: false,
        code: None,
        how: error.to_string(),
        text: String::new(),
    }
}

/// Its end; or that of its process group after the limit. What a command has left running when it ends by itself is not
/// touched: that is how nodes are started.
async fn waited(mut child: Child, limit: Duration) -> io::Result<ExitStatus> {
    if let Ok(ended) = timeout(limit, child.wait()).await {
        return ended;
    }
    // It was not waited for: its number is its own.
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait().await;
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("not within {limit:?}"),
    ))
}

/// The end of what stands in the file.
fn printed(file: &File) -> String {
    let long = file.metadata().map_or(0, |found| found.len());
    let mut bytes = vec![0; long.min(MOST) as usize];
    let read = file.read_exact_at(&mut bytes, long.saturating_sub(MOST));
    read.map_or(String::new(), |()| String::from_utf8_lossy(&bytes).into_owned())
}

/// Why no commands can be run.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// No thread to start them.
    #[error("cannot start a thread for commands: {0}")]
    Thread(#[source] io::Error),
    /// Nowhere to write them down.
    #[error(transparent)]
    Record(#[from] FolderError),
    /// Nowhere to write down what is owed.
    #[error("cannot keep what is to be undone in the run's folder: {0}")]
    Ledger(#[source] io::Error),
}
