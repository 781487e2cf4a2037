//! One node's process: started, signalled, and reaped.
//!
//! ```text
//!           Start                ready file               SIGSTOP
//!   Down ──────────▶ Starting ──────────────▶ Running ◀────────────▶ Paused
//!    ▲                   │                       │        SIGCONT       │
//!    └───────────────────┴─── the process ended ─┴──────────────────────┘
//! ```
//!
//! A thread per process waits for its end, so that it is known at once and no zombie stays. It looks first and reaps
//! under the lock: a signal that is sent under the lock never meets a process number that was given away again.

use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group, waitid, waitpid,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::command::{NodeCommand, READY, Spawned};
use super::exit::{self, NodeExit, Unexpected};
use super::logs::Lengths;
use super::messages::Messages;
use super::ready::{self, Addresses, IsReady};
use super::spawner::Spawner;
use super::threads;
use crate::effect::NodeId;
use crate::view::ProcessState;

/// How long a process may take to end after SIGKILL; only a disk that hangs takes longer than milliseconds.
const DEATH: Duration = Duration::from_secs(5);

/// How often a condition is looked at that nothing tells of: a file, the state of a thread.
pub(super) const GLANCE: Duration = Duration::from_millis(1);

/// How a process ended; shared, because several may wait for it.
pub(super) struct End {
    pub(super) status: io::Result<ExitStatus>,
    /// Whether somebody here had asked for it.
    pub(super) asked: bool,
}

type Ended = Arc<End>;

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("{0} is {1}")]
    NotDown(NodeId, &'static str),
    #[error("{0} has no command")]
    NoCommand(NodeId),
    #[error("the run is being stopped")]
    Stopping,
    #[error(transparent)]
    Ready(#[from] ready::ReadyError),
    #[error("cannot start {0}: {1}")]
    Spawn(NodeId, io::Error),
}

/// A process that was asked for.
#[derive(Clone)]
pub(super) struct Launched {
    pub(super) pid: Pid,
    pub(super) starts: u64,
    pub(super) command: NodeCommand,
    pub(super) before: Lengths,
    pub(super) ended: watch::Receiver<Option<Ended>>,
}

impl Launched {
    /// The last lines that it wrote to its standard error.
    pub(super) fn stderr(&self) -> Vec<String> {
        exit::last_lines(&self.command.stderr, self.before.stderr)
    }

    /// How the process ended, as soon as it has.
    pub(super) async fn end(mut self) -> Option<Ended> {
        self.ended.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// How the process ended, or nothing if it did not within `limit`.
    async fn ended_within(&self, limit: Duration) -> Option<Ended> {
        timeout(limit, self.clone().end()).await.ok()?
    }
}

/// A node's process, or its absence.
pub(super) struct NodeProcess {
    pub(super) node: NodeId,
    shared: Mutex<Shared>,
    /// Who starts it: in whose network it is.
    spawner: Spawner,
    /// What carries what it says, where it speaks on its standard output.
    messages: Option<Messages>,
    unexpected: mpsc::UnboundedSender<Unexpected>,
}

struct Shared {
    command: Option<NodeCommand>,
    life: Life,
    starts: u64,
    /// Nothing is started any more.
    stopping: bool,
}

enum Life {
    Down,
    /// The spawning thread is at it.
    Launching,
    Alive(Box<Alive>),
}

struct Alive {
    launched: Launched,
    phase: ProcessState,
    addresses: Option<Addresses>,
    /// Whether somebody here asked for its end.
    asked: bool,
    /// Of a node that is not spoken to here: held open, never written to, so that its standard input ends with the harness.
    _stdin: Option<ChildStdin>,
}

impl Alive {
    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.launched.pid;
        // The group, so that a wrapper around the program, and what it has started, shares the node's fate.
        match signal {
            Signal::STOP | Signal::CONT => {
                kill_process_group(pid, signal)?;
                met(pid, signal);
            }
            Signal::KILL => {
                kill_process_group(pid, Signal::STOP)?;
                // The children first: while their parent is stopped, nobody else is given their numbers.
                for process in met(pid, Signal::STOP).into_iter().rev() {
                    let _ = kill_process(process, Signal::KILL);
                }
                kill_process_group(pid, Signal::KILL)?;
            }
            other => kill_process_group(pid, other)?,
        }
        Ok(())
    }
}

/// Send a signal also to whoever has left a process' group for one of its own, as the sessions of PostgreSQL do: whom it was sent to.
fn met(pid: Pid, signal: Signal) -> Vec<Pid> {
    let mut family = Vec::new();
    threads::each_of_family(pid, |process| {
        // Who has just ended needs none.
        let _ = kill_process(process, signal);
        family.push(process);
    });
    family
}

impl NodeProcess {
    pub(super) fn new(
        node: NodeId,
        spawner: Spawner,
        messages: Option<Messages>,
        unexpected: mpsc::UnboundedSender<Unexpected>,
    ) -> Self {
        NodeProcess {
            node,
            shared: Mutex::new(Shared {
                command: None,
                life: Life::Down,
                starts: 0,
                stopping: false,
            }),
            spawner,
            messages,
            unexpected,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_command(&self, command: NodeCommand) {
        self.lock().command = Some(command);
    }

    pub(super) fn state(&self) -> ProcessState {
        match &self.lock().life {
            Life::Down => ProcessState::Down,
            Life::Launching => ProcessState::Starting,
            Life::Alive(alive) => alive.phase,
        }
    }

    /// How long it may take to become ready.
    pub(super) fn ready_within(&self) -> Duration {
        let shared = self.lock();
        shared
            .command
            .as_ref()
            .map_or(READY, |command| command.ready_within)
    }

    /// How often it was started.
    pub(super) fn starts(&self) -> u64 {
        self.lock().starts
    }

    /// The addresses that the node reported; nothing while it is down or not ready.
    pub(super) fn addresses(&self) -> Option<Addresses> {
        match &self.lock().life {
            Life::Alive(alive) => alive.addresses,
            Life::Down | Life::Launching => None,
        }
    }

    /// Start the process and return when it exists. It is `Starting` until [`NodeProcess::is_ready`].
    pub(super) async fn launch(self: &Arc<Self>) -> Result<Launched, LaunchError> {
        let command = self.begin_launch()?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        let this = Arc::clone(self);
        // The job registers the child itself: were this future dropped meanwhile, the child would still have an owner.
        self.spawner
            .submit(move || drop(answer.send(this.spawn(command))))
            .map_err(|error| self.not_launched(error))?;
        answered
            .await
            .map_err(|_| self.not_launched(io::Error::other("the thread that starts processes has ended")))?
    }

    fn begin_launch(&self) -> Result<NodeCommand, LaunchError> {
        let mut shared = self.lock();
        match &shared.life {
            Life::Down => {}
            Life::Launching => return Err(LaunchError::NotDown(self.node, word(ProcessState::Starting))),
            Life::Alive(alive) => return Err(LaunchError::NotDown(self.node, word(alive.phase))),
        }
        if shared.stopping {
            return Err(LaunchError::Stopping);
        }
        let command = shared.command.clone().ok_or(LaunchError::NoCommand(self.node))?;
        command.ready.clear()?;
        shared.life = Life::Launching;
        Ok(command)
    }

    fn not_launched(&self, error: io::Error) -> LaunchError {
        self.lock().life = Life::Down;
        LaunchError::Spawn(self.node, error)
    }

    /// On the spawning thread.
    fn spawn(self: &Arc<Self>, command: NodeCommand) -> Result<Launched, LaunchError> {
        let starts = self.lock().starts + 1;
        let speaks = self.messages.is_some();
        let spawned = command
            .spawn(starts, speaks)
            .map_err(|error| self.not_launched(error))?;
        let (tell, ended) = watch::channel(None);
        let mut shared = self.lock();
        shared.starts = starts;
        let Spawned { mut child, before } = spawned;
        let launched = Launched {
            // A child that was just spawned has a number that is neither 0 nor 1.
            pid: Pid::from_child(&child),
            starts: shared.starts,
            command,
            before,
            ended,
        };
        let alive = Box::new(Alive {
            launched: launched.clone(),
            phase: ProcessState::Starting,
            addresses: None,
            asked: shared.stopping,
            _stdin: self.messages.is_none().then(|| child.stdin.take()).flatten(),
        });
        let connected = match &self.messages {
            Some(messages) => messages.connect(self.node, &mut child, &launched.command, before),
            None => Ok(()),
        };
        if shared.stopping || connected.is_err() {
            // The run was stopped while the child came into being, or nobody would hear it.
            let _ = alive.signal(Signal::KILL);
        }
        shared.life = Life::Alive(alive);
        drop(shared);
        self.watch(child, tell)
            .and(connected)
            .map_err(|error| LaunchError::Spawn(self.node, error))?;
        Ok(launched)
    }

    /// Have a thread wait for the child's end.
    fn watch(self: &Arc<Self>, mut child: Child, tell: watch::Sender<Option<Ended>>) -> io::Result<()> {
        let this = Arc::clone(self);
        let pid = Pid::from_child(&child);
        let waiting = thread::Builder::new()
            .name(format!("wait-{}", self.node))
            .spawn(move || this.reap(&mut child, &tell));
        if waiting.is_err() {
            // No thread, no node: nobody would notice its end.
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
            self.lock().life = Life::Down;
        }
        waiting.map(drop)
    }

    fn reap(&self, child: &mut Child, tell: &watch::Sender<Option<Ended>>) {
        let pid = Pid::from_child(child);
        while let Err(error) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        let mut shared = self.lock();
        // What it has started itself goes with it; its number is still taken, so nobody else is hit.
        let _ = kill_process_group(pid, Signal::KILL);
        let status = child.wait();
        if let Some(messages) = &self.messages {
            messages.disconnect(self.node);
        }
        let life = std::mem::replace(&mut shared.life, Life::Down);
        drop(shared);
        let asked = match life {
            Life::Alive(alive) => self.report(&alive, &status),
            Life::Down | Life::Launching => true,
        };
        tell.send_replace(Some(Arc::new(End { status, asked })));
    }

    /// Tell of an end that nobody had asked for, and return whether somebody had. Of an end before the node was
    /// ready, whoever starts it tells.
    fn report(&self, alive: &Alive, status: &io::Result<ExitStatus>) -> bool {
        if !alive.asked && alive.phase != ProcessState::Starting {
            let Launched { command, before, .. } = &alive.launched;
            let exit = NodeExit::new(self.node, status, command, before.stderr);
            let _ = self.unexpected.send(Unexpected::Exit(exit));
        }
        alive.asked
    }

    /// The node is ready. Not so if it has ended since.
    pub(super) fn is_ready(&self, ready: &IsReady) -> bool {
        match &mut self.lock().life {
            Life::Alive(alive) if alive.phase == ProcessState::Starting && !alive.asked => {
                alive.phase = ProcessState::Running;
                alive.addresses = ready.0;
                true
            }
            _ => false,
        }
    }

    /// Send SIGSTOP or SIGCONT, from one phase to another.
    pub(super) fn switch(&self, signal: Signal, from: ProcessState, to: ProcessState) -> Result<Pid, String> {
        let mut shared = self.lock();
        match &mut shared.life {
            Life::Alive(alive) if alive.phase == from => {
                alive.signal(signal).map_err(|error| error.to_string())?;
                alive.phase = to;
                Ok(alive.launched.pid)
            }
            Life::Alive(alive) => Err(format!("{} is {}", self.node, word(alive.phase))),
            Life::Launching => Err(format!("{} is starting", self.node)),
            Life::Down => Err(format!("{} is down", self.node)),
        }
    }

    /// Send signals that end the process.
    pub(super) fn ask_to_end(&self, signals: &[Signal]) -> Result<Launched, String> {
        match &mut self.lock().life {
            Life::Alive(alive) => {
                alive.asked = true;
                for signal in signals {
                    alive.signal(*signal).map_err(|error| error.to_string())?;
                }
                Ok(alive.launched.clone())
            }
            Life::Launching => Err(format!("{} is starting", self.node)),
            Life::Down => Err(format!("{} is down", self.node)),
        }
    }

    /// Wait until the spawning thread is done with it.
    pub(super) async fn launched(&self) {
        while matches!(self.lock().life, Life::Launching) {
            sleep(GLANCE).await;
        }
    }

    /// Wait until it is no longer starting, at most `limit`.
    pub(super) async fn settled(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while self.state() == ProcessState::Starting && Instant::now() < end {
            sleep(GLANCE).await;
        }
    }

    /// SIGKILL, and wait for the end.
    pub(super) async fn kill(&self) -> Result<(Launched, Option<Ended>), String> {
        self.launched().await;
        let launched = self.ask_to_end(&[Signal::KILL])?;
        let ended = launched.ended_within(DEATH).await;
        Ok((launched, ended))
    }

    /// End it for good: continued, asked, and after `grace` killed. Nothing if it was down.
    pub(super) async fn stop(&self, grace: Duration) -> Option<NodeExit> {
        self.lock().stopping = true;
        self.launched().await;
        let launched = self.ask_to_end(&[Signal::CONT, Signal::TERM]).ok()?;
        let mut ended = launched.ended_within(grace).await;
        if ended.is_none() {
            let _ = self.ask_to_end(&[Signal::KILL]);
            ended = launched.ended_within(DEATH).await;
        }
        let stuck = Err(io::Error::other("it does not end"));
        let status = ended.as_ref().map_or(&stuck, |end| &end.status);
        let Launched { command, before, .. } = &launched;
        Some(NodeExit::new(self.node, status, command, before.stderr))
    }

    /// SIGKILL, now, for good, without waiting.
    pub(super) fn kill_now(&self) {
        self.lock().stopping = true;
        let _ = self.ask_to_end(&[Signal::KILL]);
    }
}

/// A state in a sentence.
fn word(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Down => "down",
        ProcessState::Starting => "starting",
        ProcessState::Running => "running",
        ProcessState::Paused => "paused",
    }
}
