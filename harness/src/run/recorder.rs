//! The recorder: the single writer of events, and of the files beside the history.
//!
//! Whoever acts hands its events to a queue; one thread numbers them and writes them down, and nobody else ever waits for
//! the disk. So the order of the file
//! is the order of the queue: an invocation is queued before its request is sent, a completion after its answer
//! has come, and `a` stands before `b` in the file whenever `a` really ended before `b` began.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use histories::format::history1;
use histories::run_folder::{FolderError, Lines};
use histories::{Event, Header, Kind, Nanos, Process, Value};
use nemesis::effect::EffectLine;
use runs::record::StatusLine;
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use crate::errors::RecorderError;

/// So many events may wait; beyond that no client begins an operation, so that a slow disk cannot fill the memory.
const QUEUE: usize = 1 << 16;
/// Lines are handed to the operating system at least this often.
const FLUSH_EVERY: Duration = Duration::from_millis(10);
/// … and when so many bytes have come together.
const FLUSH_AT_BYTES: usize = 1 << 18;
/// A disk that has not taken a write for so long has failed.
const STALLED: Duration = Duration::from_secs(20);

/// How many operations ended in which way; read while the run lasts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Operations that happened.
    pub ok: AtomicU64,
    /// Operations that certainly did not.
    pub fail: AtomicU64,
    /// Operations of which nobody knows.
    pub info: AtomicU64,
    /// When the last operation was ok, in ns.
    pub last_ok: AtomicU64,
}

impl Counts {
    fn count(&self, event: &Event) {
        let counter = match (event.process, event.kind) {
            (Process::Nemesis, _) | (_, Kind::Invoke) => return,
            (_, Kind::Ok) => &self.ok,
            (_, Kind::Fail) => &self.fail,
            (_, Kind::Info) => &self.info,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if event.kind == Kind::Ok {
            self.last_ok.store(event.time.0, Ordering::Relaxed);
        }
    }

    /// All completed operations.
    pub fn total(&self) -> u64 {
        [&self.ok, &self.fail, &self.info]
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

/// What all who record share. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    counts: Counts,
    /// How many events are in the queue.
    waiting: AtomicUsize,
    /// Told when there is room in it again.
    room: Notify,
    /// Odd while a write is under way.
    writes: AtomicU64,
    /// Why nothing is written any more; set before `failed` is told.
    error: OnceLock<RecorderError>,
    failed: Notify,
}

impl Shared {
    /// From here on no event is written: what is on disk is whole, and nothing may follow what is lost.
    fn fail(&self, error: RecorderError) {
        let _ = self.error.set(error);
        self.failed.notify_waiters();
        self.failed.notify_one();
    }
}

enum Message {
    Event(Event),
    /// Begin a file beside the history.
    Begin(PathBuf),
    /// A line of such a file.
    Line(PathBuf, Line),
    /// Tell which keys were written to.
    WrittenKeys(oneshot::Sender<Vec<Value>>),
    Finish,
}

/// A line of a file beside the history.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Effect(Box<EffectLine>),
    Status(StatusLine),
    Cycle(serde_json::Value),
}

/// The thread that writes; [`Writing::finish`] ends it.
pub struct Writing {
    recorder: Recorder,
    /// A message when the thread has come to its end, or cannot.
    ended: Receiver<()>,
}

/// Start a history file. Each event is also handed to `monitor`, if there is one.
pub fn start(
    path: &Path,
    header: &Header,
    monitor: Option<SyncSender<Event>>,
) -> Result<Writing, RecorderError> {
    let mut lines = Vec::new();
    history1::write_header(&mut lines, header);
    let mut options = OpenOptions::new();
    let open = options.create_new(true).append(true).open(path);
    let written = open.and_then(|mut file| file.write_all(&lines).map(|()| file));
    written
        .and_then(|file| Writing::on(file, path, lines.len() as u64, monitor, STALLED))
        .map_err(|source| RecorderError::Start {
            path: path.to_owned(),
            source: source.into(),
        })
}

impl Recorder {
    /// Write this event down. Its index is given by the recorder; its time never goes back.
    ///
    /// This never waits: whoever completes an operation or leads the nemesis does not stand still with the disk. Who
    /// begins an operation waits for [`Recorder::room`] first.
    pub fn record(&self, event: Event) {
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        // The thread is gone only when the run is over.
        let _ = self.queue.send(Message::Event(event));
    }

    /// Begin a file beside the history.
    pub(super) fn begin(&self, path: PathBuf) {
        let _ = self.queue.send(Message::Begin(path));
    }

    /// Add this line to a file beside the history, which is begun where that was not done.
    pub(super) fn add(&self, path: PathBuf, line: Line) {
        let _ = self.queue.send(Message::Line(path, line));
    }

    /// Returns when the queue has room for more.
    pub async fn room(&self) {
        loop {
            let freed = self.shared.room.notified();
            if self.shared.waiting.load(Ordering::Acquire) < QUEUE {
                return;
            }
            freed.await;
        }
    }

    /// How many operations ended in which way.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// The keys that somebody wrote to, or tried to, in the order of their names.
    pub async fn written_keys(&self) -> Vec<Value> {
        let (answer, keys) = oneshot::channel();
        let _ = self.queue.send(Message::WrittenKeys(answer));
        keys.await.unwrap_or_default()
    }

    /// Returns when nothing can be written any more, with the reason.
    pub async fn failure(&self) -> RecorderError {
        loop {
            let failed = self.shared.failed.notified();
            if let Some(error) = self.shared.error.get() {
                return error.clone();
            }
            failed.await;
        }
    }
}

impl Writing {
    /// A recording on a file of which `whole` bytes are written.
    fn on(
        file: File,
        path: &Path,
        whole: u64,
        monitor: Option<SyncSender<Event>>,
        limit: Duration,
    ) -> io::Result<Self> {
        let (queue, events) = channel();
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            path: path.to_owned(),
            file,
            whole,
            beside: BTreeMap::new(),
            buffer: Vec::with_capacity(2 * FLUSH_AT_BYTES),
            flushed: Instant::now(),
            next_index: 0,
            last_time: Nanos(0),
            written: BTreeSet::new(),
            shared: Arc::clone(&shared),
            monitor,
        };
        let ((written, writes), (end, ended)) = (channel(), channel());
        let watch = Watch {
            path: path.to_owned(),
            shared: Arc::clone(&shared),
            limit,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        thread("recorder").spawn(move || {
            writer.write_all(&events);
            let _ = written.send(());
        })?;
        thread("recorder-watch").spawn(move || watch.until_end(&writes, &end))?;
        let recorder = Recorder { queue, shared };
        Ok(Writing { recorder, ended })
    }

    /// For those who record.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Write what is queued, and end. An error if a line could not be written; what was written is whole lines.
    pub fn finish(self) -> Result<(), RecorderError> {
        let _ = self.recorder.queue.send(Message::Finish);
        let ended = self.ended.recv();
        match self.recorder.shared.error.get() {
            Some(error) => Err(error.clone()),
            None => ended.map_err(|_| RecorderError::Panicked),
        }
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    /// How many bytes of the file are whole lines.
    whole: u64,
    /// The files beside it.
    beside: BTreeMap<PathBuf, Lines>,
    buffer: Vec<u8>,
    flushed: Instant,
    next_index: u64,
    last_time: Nanos,
    written: BTreeSet<Value>,
    shared: Arc<Shared>,
    monitor: Option<SyncSender<Event>>,
}

/// Sees to it that a disk that takes nothing any more ends the run, rather than let it stand still.
struct Watch {
    path: PathBuf,
    shared: Arc<Shared>,
    limit: Duration,
}

impl Watch {
    /// Until the writer says that it has come to its end, or has been in one write for all of `limit`.
    fn until_end(self, written: &Receiver<()>, end: &Sender<()>) {
        let mut seen = 0;
        loop {
            match written.recv_timeout(self.limit) {
                Ok(()) => break,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let writes = self.shared.writes.load(Ordering::Acquire);
            if writes == seen && writes % 2 == 1 {
                self.shared.fail(RecorderError::Stalled {
                    path: self.path,
                    limit: self.limit,
                });
                break;
            }
            seen = writes;
        }
        let _ = end.send(());
    }
}

impl Writer {
    fn write_all(mut self, events: &Receiver<Message>) {
        loop {
            let message = match events.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => {
                    self.flush();
                    match events.recv() {
                        Ok(message) => message,
                        Err(_) => break,
                    }
                }
                Err(TryRecvError::Disconnected) => break,
            };
            match message {
                Message::Finish => break,
                Message::WrittenKeys(answer) => {
                    let _ = answer.send(self.written.iter().cloned().collect());
                }
                Message::Event(event) => self.take(event),
                Message::Begin(path) => self.write_beside(path, None),
                Message::Line(path, line) => self.write_beside(path, Some(&line)),
            }
        }
        self.flush();
    }

    fn take(&mut self, event: Event) {
        if self.shared.waiting.fetch_sub(1, Ordering::AcqRel) == QUEUE {
            self.shared.room.notify_waiters();
        }
        // Once a line is lost no later one may follow; the queue is still emptied, so that nobody hangs.
        if self.shared.error.get().is_none() {
            self.add(event);
        }
    }

    fn add(&mut self, mut event: Event) {
        event.index = self.next_index;
        self.next_index += 1;
        self.last_time = self.last_time.max(event.time);
        event.time = self.last_time;
        self.shared.counts.count(&event);
        self.note_key(&event);
        history1::write_event(&mut self.buffer, &event);
        if let Some(monitor) = &self.monitor {
            // A monitor that lags behind would let an operation go unseen; it rather slows the run down.
            let _ = monitor.send(event);
        }
        if self.buffer.len() >= FLUSH_AT_BYTES || self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush();
        }
    }

    fn write_beside(&mut self, path: PathBuf, line: Option<&Line>) {
        if self.shared.error.get().is_some() {
            return;
        }
        self.shared.writes.fetch_add(1, Ordering::AcqRel);
        let written = add_line(&mut self.beside, path, line);
        self.shared.writes.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = written {
            self.flush();
            self.shared.fail(RecorderError::Beside(Arc::new(error)));
        }
    }

    fn note_key(&mut self, event: &Event) {
        let (Some(key), Kind::Invoke) = (&event.key, event.kind) else {
            return;
        };
        if &*event.f != "read" && !self.written.contains(key) {
            self.written.insert(key.clone());
        }
    }

    fn flush(&mut self) {
        self.flushed = Instant::now();
        if self.buffer.is_empty() || self.shared.error.get().is_some() {
            return;
        }
        self.shared.writes.fetch_add(1, Ordering::AcqRel);
        let written = self.file.write_all(&self.buffer);
        self.shared.writes.fetch_add(1, Ordering::AcqRel);
        match written {
            Ok(()) => {
                self.whole += self.buffer.len() as u64;
                self.buffer.clear();
            }
            Err(source) => self.give_up(source),
        }
    }

    /// What was recorded stays readable: cut off the line that is not whole, and tell the run.
    fn give_up(&mut self, source: io::Error) {
        let whole = self.whole_lines_written();
        let _ = self.file.set_len(whole);
        self.shared.fail(RecorderError::Write {
            path: self.path.clone(),
            source: source.into(),
            whole,
        });
    }

    /// The length of the file without a last line that was written in part.
    fn whole_lines_written(&self) -> u64 {
        let written = self.file.metadata().map_or(self.whole, |metadata| metadata.len());
        let of_buffer = (written.saturating_sub(self.whole) as usize).min(self.buffer.len());
        let whole = self.buffer[..of_buffer]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.whole + whole as u64
    }
}

fn add_line(
    files: &mut BTreeMap<PathBuf, Lines>,
    path: PathBuf,
    line: Option<&Line>,
) -> Result<(), FolderError> {
    let lines = match files.entry(path) {
        Entry::Occupied(begun) => begun.into_mut(),
        Entry::Vacant(new) => {
            let lines = Lines::create(new.key().clone())?;
            new.insert(lines)
        }
    };
    line.map_or(Ok(()), |line| lines.add(line))
}

#[cfg(test)]
mod tests;
