//! An adapter: a program of the user's that speaks to the system on the harness's behalf. A request is a line of JSON on
//! its standard input, a completion a line on its standard output, in any order (docs/adapter.md).

use std::collections::{HashMap, HashSet};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use nemesis::hands::companion;
use runs::watching::Tell;
use runs::world::Boxed;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::{Protocol, Target};
use crate::description::{self, Rule, Status, Transport, ValueAt};
use crate::error::SystemError;
use crate::meaning::{Came, Told};
use crate::seen::{NodeSees, RequestSees, Wanted};
use crate::watches::changes;

/// A completion is a line no longer than this.
const LINE: u64 = 1 << 20;

/// What an adapter's completions mean: Maelstrom's errors by their numbers, then what the completion itself says.
#[derive(Deserialize)]
struct Meaning {
    answer: ValueAt,
    watch: ValueAt,
    error: Vec<Rule>,
}

static MEANING: LazyLock<Meaning> = LazyLock::new(|| {
    // A test reads it.
    toml::from_str(include_str!("adapter.toml")).expect("the file beside this one is well-formed")
});

/// Every row.
#[cfg(test)]
pub(crate) fn rules() -> &'static [Rule] {
    &MEANING.error
}

/// How what a watch is told is read.
#[cfg(test)]
pub(crate) fn watched() -> &'static ValueAt {
    &MEANING.watch
}

/// The rows of the table of errors that come with a client: an adapter's completions say what they mean.
pub(crate) fn rules_of(client: &description::Client) -> &'static [Rule] {
    match client {
        description::Client::Adapter(_) => &MEANING.error,
        _ => &[],
    }
}

/// The adapter of a run.
pub(super) struct Adapter {
    requests: mpsc::UnboundedSender<String>,
    shared: Arc<Shared>,
    next: AtomicU64,
    pid: Option<Pid>,
    _child: Child,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    asked: HashMap<u64, oneshot::Sender<Told>>,
    /// Watches; each may be answered any number of times.
    watches: HashMap<u64, mpsc::UnboundedSender<Told>>,
    /// Watches that are over; what comes of one of them is late, not wrong.
    unwatched: HashSet<u64>,
    /// Those whose client has gone; an answer to one of them is late, not wrong.
    given_up: HashSet<u64>,
    /// What the adapter did that it may not.
    breach: Option<String>,
    ended: bool,
}

/// A request as the adapter reads it.
#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    node: String,
    address: String,
    timeout_ms: u128,
    #[serde(flatten)]
    request: &'a Wanted,
}

impl<'a> Line<'a> {
    fn of(id: u64, target: Target, request: &'a Wanted) -> Self {
        Line {
            id,
            node: target.node.name().to_string(),
            address: target.address.to_string(),
            timeout_ms: target.timeout.as_millis(),
            request,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The adapter has broken its contract, or is gone: nothing that it says counts any more.
    fn end(&self, breach: String) {
        let mut waiting = self.lock();
        waiting.ended = true;
        waiting.breach.get_or_insert(breach);
        waiting.asked.clear();
        waiting.watches.clear();
    }

    fn completed(&self, line: &str) -> Result<(), String> {
        let told = Told::new(serde_json::Value::Null, line.trim().to_owned());
        let id = told.json.get("id").and_then(serde_json::Value::as_u64);
        let Some(id) = id else {
            return Err(format!("it answered without an id: {}", line.trim()));
        };
        let status = told.json.get("type").cloned().unwrap_or_default();
        let mut waiting = self.lock();
        if let Some(watch) = waiting.watches.get(&id) {
            // Who has stopped listening says so himself.
            let _ = watch.send(Told { status, ..told });
            return Ok(());
        }
        match waiting.asked.remove(&id) {
            // A client that has gone meanwhile does not want to know.
            Some(asked) => drop(asked.send(Told { status, ..told })),
            None if waiting.given_up.remove(&id) || waiting.unwatched.contains(&id) => {}
            None => return Err(format!("it answered {id}, which nobody waits for")),
        }
        Ok(())
    }
}

impl Adapter {
    pub(super) fn new(described: &description::Adapter, me: &NodeSees) -> Result<Self, SystemError> {
        let words: Result<Vec<String>, _> = described.command.iter().map(|word| word.render(me)).collect();
        let words = words?;
        let (program, arguments) = words.split_first().ok_or(SystemError::NoAdapter)?;
        let failed = |source| SystemError::Adapter {
            program: program.clone(),
            source,
        };
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        companion(&mut command);
        let mut child = Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        let shared = Arc::new(Shared::default());
        let (requests, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(input, queue));
        tokio::spawn(read(output, Arc::clone(&shared)));
        Ok(Adapter {
            requests,
            shared,
            next: AtomicU64::new(1),
            pid,
            _child: child,
        })
    }

    async fn send(&self, target: Target, request: &Wanted) -> Came {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok(line) = serde_json::to_string(&Line::of(id, target, request)) else {
            return Came::nothing(Transport::NoConnection, "the request is no JSON");
        };
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.shared.lock();
            if waiting.ended {
                return Came::nothing(Transport::NoConnection, "the adapter has ended");
            }
            waiting.asked.insert(id, answer);
        }
        if self.requests.send(line).is_err() {
            return Came::nothing(Transport::NoConnection, "the adapter has ended");
        }
        match tokio::time::timeout(target.timeout, answered).await {
            Ok(Ok(told)) => Came::Answer(told),
            Ok(Err(_)) => Came::nothing(Transport::Closed, "the adapter has ended"),
            Err(_) => {
                let mut waiting = self.shared.lock();
                waiting.asked.remove(&id);
                waiting.given_up.insert(id);
                Came::nothing(Transport::Timeout, "no answer in time")
            }
        }
    }
}

/// A watch that somebody listens to.
struct Listening<'a> {
    adapter: &'a Adapter,
    id: u64,
    target: Target,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        {
            let mut waiting = self.adapter.shared.lock();
            waiting.watches.remove(&self.id);
            waiting.unwatched.insert(self.id);
        }
        let unwatch = Wanted::unwatch();
        let line = Line::of(self.id, self.target, &unwatch);
        // An adapter that has ended watches nothing.
        let _ = serde_json::to_string(&line).map(|line| self.adapter.requests.send(line));
    }
}

impl Adapter {
    async fn listen(&self, target: Target, request: &Wanted, tell: Tell<'_>) -> Result<(), String> {
        let ended = || "the adapter has ended".to_owned();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let line =
            serde_json::to_string(&Line::of(id, target, request)).map_err(|error| error.to_string())?;
        let (events, mut heard) = mpsc::unbounded_channel();
        {
            let mut waiting = self.shared.lock();
            if waiting.ended {
                return Err(ended());
            }
            waiting.watches.insert(id, events);
        }
        let _listening = Listening {
            adapter: self,
            id,
            target,
        };
        self.requests.send(line).map_err(|_| ended())?;
        loop {
            let told = tokio::time::timeout(target.timeout, heard.recv()).await;
            let told = told.map_err(|_| "it was silent for too long".to_owned())?;
            tell(changes(&MEANING.watch, &told.ok_or_else(ended)?)?);
        }
    }
}

async fn write(mut input: ChildStdin, mut queue: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = queue.recv().await {
        let mut lines = line + "\n";
        while let Ok(more) = queue.try_recv() {
            lines = lines + &more + "\n";
        }
        // An adapter that does not listen has ended, which its reader notices.
        if input.write_all(lines.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(output: ChildStdout, shared: Arc<Shared>) {
    let why = match completions(output, &shared).await {
        Ok(()) => "it ended".to_owned(),
        Err(why) => why,
    };
    shared.end(why);
}

async fn completions(output: impl AsyncRead + Unpin, shared: &Shared) -> Result<(), String> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LINE).read_until(b'\n', &mut line).await;
        match read.map_err(|error| error.to_string())? {
            0 => return Ok(()),
            _ if line.ends_with(b"\n") => shared.completed(&String::from_utf8_lossy(&line))?,
            length if length as u64 == LINE => return Err(format!("its line is longer than {LINE} bytes")),
            _ => return Err("it ended in the middle of a line".to_owned()),
        }
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // What it has started goes with it. The child was not waited for, so its number is still its own.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Protocol for Adapter {
    fn answer(&self, _: &RequestSees) -> &ValueAt {
        &MEANING.answer
    }

    fn ask<'a>(&'a self, target: Target, request: &'a RequestSees) -> Boxed<'a, Came> {
        Box::pin(self.send(target, request.wanted()))
    }

    fn watch<'a>(&'a self, target: Target, request: &'a RequestSees, tell: Tell<'a>) -> Boxed<'a, String> {
        Box::pin(async move {
            let heard = self.listen(target, request.wanted(), tell).await;
            heard.err().unwrap_or_default()
        })
    }

    /// An adapter does at its start what there is to be done once.
    fn init<'a>(&'a self, _: Target, _: description::Request<'a>, _: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async { Came::not_offered() })
    }

    fn status<'a>(&'a self, target: Target, _: &'a Status, _: &'a NodeSees) -> Boxed<'a, Came> {
        Box::pin(async move {
            static STATUS: LazyLock<Wanted> = LazyLock::new(Wanted::status);
            match self.send(target, &STATUS).await {
                // What is not `ok` says nothing of how the node stands.
                Came::Answer(told) => Came::Answer(Told {
                    is_error: told.status != "ok",
                    ..told
                }),
                nothing => nothing,
            }
        })
    }

    fn broken(&self) -> Option<String> {
        self.shared.lock().breach.clone()
    }
}

#[cfg(test)]
mod tests;
