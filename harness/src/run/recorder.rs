//! The recorder: the single writer of events.
//!
//! Whoever acts hands its events to a queue; one thread numbers them and writes them down. So the order of the file
//! is the order of the queue: an invocation is queued before its request is sent, a completion after its answer
//! has come, and `a` stands before `b` in the file whenever `a` really ended before `b` began.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use histories::format::history1;
use histories::{Event, Header, Kind, Nanos, Process, Value};
use tokio::sync::{Notify, oneshot};

use crate::exit::Failure;

/// So many events may wait; beyond that the clients wait, so that a slow disk cannot fill the memory.
const QUEUE: usize = 1 << 16;
/// Lines are handed to the operating system at least this often.
const FLUSH_EVERY: Duration = Duration::from_millis(10);
/// … and when so many bytes have come together.
const FLUSH_AT_BYTES: usize = 1 << 18;

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
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    counts: Counts,
    /// Set when a line could not be written, before `failed` is notified.
    error: Mutex<Option<String>>,
    broken: AtomicBool,
    failed: Notify,
}

// Nearly every message is an event; a box for each would cost more than the room that it saves.
#[allow(clippy::large_enum_variant)]
enum Message {
    Event(Event),
    /// Tell which keys were written to.
    WrittenKeys(oneshot::Sender<Vec<Value>>),
    Finish,
}

/// The thread that writes; [`Writing::finish`] ends it.
pub struct Writing {
    thread: JoinHandle<()>,
    recorder: Recorder,
}

/// Start a history file. Each event is also handed to `monitor`, if there is one.
pub fn start(path: &Path, header: &Header, monitor: Option<SyncSender<Event>>) -> Result<Writing, Failure> {
    let cannot = |error: io::Error| Failure::Broken(format!("cannot write {}: {error}", path.display()));
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(path)
        .map_err(cannot)?;
    let mut buffer = Vec::with_capacity(2 * FLUSH_AT_BYTES);
    history1::write_header(&mut buffer, header);
    file.write_all(&buffer).map_err(cannot)?;
    let (queue, events) = sync_channel(QUEUE);
    let shared = Arc::new(Shared::default());
    let whole = buffer.len() as u64;
    buffer.clear();
    let writer = Writer {
        path: path.to_owned(),
        file,
        whole,
        buffer,
        flushed: Instant::now(),
        next_index: 0,
        last_time: Nanos(0),
        written: BTreeSet::new(),
        shared: Arc::clone(&shared),
        monitor,
    };
    let thread = std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || writer.write_all(&events))
        .map_err(cannot)?;
    Ok(Writing {
        thread,
        recorder: Recorder { queue, shared },
    })
}

impl Recorder {
    /// Write this event down. Its index is given by the recorder; its time never goes back.
    pub fn record(&self, event: Event) {
        // The thread is gone only when the run is over.
        let _ = self.queue.send(Message::Event(event));
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

    /// Returns when a line could not be written, with the reason.
    pub async fn failure(&self) -> String {
        loop {
            let notified = self.shared.failed.notified();
            if self.shared.broken.load(Ordering::Acquire) {
                let error = self.shared.error.lock().unwrap_or_else(PoisonError::into_inner);
                return error.clone().unwrap_or_default();
            }
            notified.await;
        }
    }
}

impl Writing {
    /// For those who record.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Write what is queued, and end. An error if a line could not be written; what was written is whole lines.
    pub fn finish(self) -> Result<(), Failure> {
        let _ = self.recorder.queue.send(Message::Finish);
        let joined = self.thread.join();
        let error = self
            .recorder
            .shared
            .error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match (joined, error) {
            (Ok(()), None) => Ok(()),
            (_, Some(error)) => Err(Failure::Broken(error)),
            (Err(_), None) => Err(Failure::Broken(
                "the recorder's thread panicked; this is a bug of ours".to_owned(),
            )),
        }
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    /// How many bytes of the file are whole lines.
    whole: u64,
    buffer: Vec<u8>,
    flushed: Instant,
    next_index: u64,
    last_time: Nanos,
    written: BTreeSet<Value>,
    shared: Arc<Shared>,
    monitor: Option<SyncSender<Event>>,
}

impl Writer {
    fn write_all(mut self, events: &Receiver<Message>) {
        let mut failed = false;
        loop {
            let message = match events.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => {
                    failed = failed || self.flush().is_err();
                    match events.recv_timeout(Duration::from_secs(3600)) {
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                Err(TryRecvError::Disconnected) => break,
            };
            match message {
                Message::Finish => break,
                Message::WrittenKeys(answer) => {
                    let _ = answer.send(self.written.iter().cloned().collect());
                }
                // Once a line is lost no later one may follow; the queue is still emptied, so that nobody hangs.
                Message::Event(_) if failed => {}
                Message::Event(event) => failed = self.add(event).is_err(),
            }
        }
        if !failed {
            let _ = self.flush();
        }
    }

    fn add(&mut self, mut event: Event) -> io::Result<()> {
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
            self.flush()?;
        }
        Ok(())
    }

    fn note_key(&mut self, event: &Event) {
        let (Some(key), Kind::Invoke) = (&event.key, event.kind) else {
            return;
        };
        if &*event.f != "read" && !self.written.contains(key) {
            self.written.insert(key.clone());
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        if self.buffer.is_empty() {
            return Ok(());
        }
        match self.file.write_all(&self.buffer) {
            Ok(()) => {
                self.whole += self.buffer.len() as u64;
                self.buffer.clear();
                Ok(())
            }
            Err(error) => {
                self.give_up(&error);
                Err(error)
            }
        }
    }

    /// What was recorded stays readable: cut off the line that is not whole, and tell the run.
    fn give_up(&mut self, error: &io::Error) {
        let whole = self.whole_lines_written();
        let _ = self.file.set_len(whole);
        let text = format!(
            "cannot write {}: {error}; the history up to here ({} bytes) is readable",
            self.path.display(),
            whole
        );
        *self.shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        self.shared.broken.store(true, Ordering::Release);
        self.shared.failed.notify_waiters();
        self.shared.failed.notify_one();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        serde_json::from_str(r#"{"history":1,"model":"register","keyed":true}"#).unwrap()
    }

    fn event(process: u64, kind: Kind, time: u64) -> Event {
        Event {
            index: 0,
            time: Nanos(time),
            process: Process::Client(process),
            kind,
            f: "write".into(),
            key: Some("k".into()),
            value: Value::Int(time as i64),
            node: None,
            error: None,
            message: None,
            seq: None,
            at: None,
            other: Default::default(),
        }
    }

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn events_are_numbered_in_the_order_of_the_queue_and_time_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let writing = start(&path, &header(), None).unwrap();
        let recorder = writing.recorder();
        std::thread::scope(|scope| {
            for process in 0..4 {
                let recorder = recorder.clone();
                scope.spawn(move || {
                    for time in 0..500 {
                        recorder.record(event(process, Kind::Invoke, time));
                        recorder.record(event(process, Kind::Ok, time));
                    }
                });
            }
        });
        let counts = writing.recorder();
        writing.finish().unwrap();
        assert_eq!(counts.counts().ok.load(Ordering::Relaxed), 2000);
        let events: Vec<Event> = lines(&path)[1..]
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events.len(), 4000);
        assert!(
            events
                .iter()
                .enumerate()
                .all(|(at, event)| event.index == at as u64)
        );
        assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
    }

    #[test]
    fn a_line_is_on_disk_as_soon_as_nothing_else_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let writing = start(&path, &header(), None).unwrap();
        writing.recorder().record(event(1, Kind::Invoke, 5));
        let deadline = Instant::now() + Duration::from_secs(10);
        while lines(&path).len() < 2 {
            assert!(Instant::now() < deadline, "the line never came");
            std::thread::yield_now();
        }
        writing.finish().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_ends_the_recording() {
        let writing = Writing::on(Path::new("/dev/full"));
        writing.recorder().record(event(1, Kind::Invoke, 5));
        let error = writing.finish().unwrap_err().to_string();
        assert!(
            error.contains("/dev/full") && error.contains("readable"),
            "{error}"
        );
    }

    #[cfg(target_os = "linux")]
    impl Writing {
        /// A recording on a file that exists.
        fn on(path: &Path) -> Self {
            let (queue, events) = sync_channel(QUEUE);
            let shared = Arc::new(Shared::default());
            let writer = Writer {
                path: path.to_owned(),
                file: OpenOptions::new().append(true).open(path).unwrap(),
                whole: 0,
                buffer: Vec::new(),
                flushed: Instant::now(),
                next_index: 0,
                last_time: Nanos(0),
                written: BTreeSet::new(),
                shared: Arc::clone(&shared),
                monitor: None,
            };
            let thread = std::thread::spawn(move || writer.write_all(&events));
            Writing {
                thread,
                recorder: Recorder { queue, shared },
            }
        }
    }
}
