//! The effects on a node's process, each with its evidence.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::clock::micros;
use super::exit::{self, NodeExit};
use super::life::{Doing, Life};
use super::process::{End, GLANCE, LaunchError, Launched, NodeProcess};
use super::ready::{self, Addresses, IsReady};
use super::threads;
use crate::effect::{NodeId, Outcome};
use crate::evidence::{indeterminate, installed, skipped};
use crate::faults::{Killed, Started, Stopped};
use crate::view::ProcessState;

/// How long the threads of a process may take to stop: one that waits for a disk stops only afterwards.
const STOP: Duration = Duration::from_secs(1);

/// Start the node, and wait until it is ready.
async fn start(process: Arc<NodeProcess>) -> Outcome {
    let begun = Instant::now();
    let launched = match process.launch().await {
        Ok(launched) => launched,
        Err(error @ (LaunchError::NotDown(..) | LaunchError::NoCommand(_) | LaunchError::Stopping)) => {
            return skipped(error.to_string());
        }
        Err(error) => return indeterminate(error.to_string(), &json!({})),
    };
    let reason = tokio::select! {
        answer = timeout(launched.command.ready_within, reported(&launched)) => match answer {
            Ok(Ok(is_ready)) => return ready(&process, &launched, &is_ready, begun),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{} was not ready after {:?}", process.node, launched.command.ready_within),
        },
        end = launched.clone().end() => match end {
            Some(end) if end.asked => return killed_before(&process),
            Some(end) => format!("{} ended before it was ready ({})", process.node, exit::describe(&end.status)),
            None => format!("{} ended before it was ready", process.node),
        },
    };
    give_up(&process, &launched, &reason).await
}

/// Where it listens, as soon as it is ready.
async fn reported(launched: &Launched) -> Result<IsReady, ready::ReadyError> {
    loop {
        if let Some(ready) = launched.command.ready.look(launched.before).await? {
            return Ok(ready);
        }
        sleep(GLANCE).await;
    }
}

fn ready(process: &NodeProcess, launched: &Launched, ready: &IsReady, begun: Instant) -> Outcome {
    if !process.is_ready(ready) {
        return killed_before(process);
    }
    installed(&Started {
        pid: number(launched.pid),
        starts: launched.starts,
        took_us: micros(begun.elapsed()),
        client: ready
            .0
            .map_or("its standard input".to_owned(), |at| at.client.to_string()),
        peer: ready.0.and_then(|at| at.peer).map(|peer| peer.to_string()),
    })
}

fn killed_before(process: &NodeProcess) -> Outcome {
    skipped(format!("{} was ended again before it was ready", process.node))
}

/// A node that never said where it listens is of no use to anybody: it is not left behind half started.
async fn give_up(process: &NodeProcess, launched: &Launched, reason: &str) -> Outcome {
    let _ = process.kill().await;
    let stderr = launched.stderr();
    let mut text = reason.to_owned();
    for line in &stderr {
        text.push_str("\n  ");
        text.push_str(line);
    }
    indeterminate(text, &json!({ "pid": number(launched.pid), "stderr": stderr }))
}

/// SIGKILL, and wait for the end.
async fn kill(process: &NodeProcess) -> Outcome {
    let begun = Instant::now();
    let (launched, ended) = match process.kill().await {
        Ok(killed) => killed,
        Err(reason) => return skipped(reason),
    };
    let Some(ended) = ended else {
        return indeterminate("it does not end", &json!({ "pid": number(launched.pid) }));
    };
    let evidence = evidence_of(&launched, &ended, begun);
    if evidence.signal == Some(Signal::KILL.as_raw()) {
        installed(&evidence)
    } else {
        indeterminate("it ended in another way", &evidence)
    }
}

fn evidence_of(launched: &Launched, end: &End, begun: Instant) -> Killed {
    use std::os::unix::process::ExitStatusExt;
    Killed {
        pid: number(launched.pid),
        signal: end.status.as_ref().ok().and_then(|status| status.signal()),
        status: exit::describe(&end.status),
        took_us: micros(begun.elapsed()),
    }
}

/// SIGSTOP, and wait until every thread is stopped.
async fn pause(process: &NodeProcess) -> Outcome {
    let begun = Instant::now();
    match process.switch(Signal::STOP, ProcessState::Running, ProcessState::Paused) {
        Ok(pid) => seen(pid, begun, Stopped::all_stopped, "not every thread is stopped").await,
        Err(reason) => skipped(reason),
    }
}

/// SIGCONT, and wait until no thread is stopped.
async fn resume(process: &NodeProcess) -> Outcome {
    let begun = Instant::now();
    match process.switch(Signal::CONT, ProcessState::Paused, ProcessState::Running) {
        Ok(pid) => {
            seen(
                pid,
                begun,
                |now| !now.threads.contains('T'),
                "a thread is still stopped",
            )
            .await
        }
        Err(reason) => skipped(reason),
    }
}

/// Wait until the threads are as `wanted`.
async fn seen(pid: Pid, begun: Instant, wanted: impl Fn(&Stopped) -> bool, otherwise: &str) -> Outcome {
    loop {
        let Some(threads) = threads::states(pid) else {
            let evidence = json!({ "pid": number(pid) });
            return indeterminate("the state of its threads is not to be seen", &evidence);
        };
        let now = Stopped {
            pid: number(pid),
            threads,
            took_us: micros(begun.elapsed()),
        };
        if wanted(&now) {
            return installed(&now);
        }
        if begun.elapsed() > STOP {
            return indeterminate(otherwise, &now);
        }
        sleep(GLANCE).await;
    }
}

fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

impl Life for NodeProcess {
    fn node(&self) -> NodeId {
        self.node
    }

    fn state(&self) -> ProcessState {
        NodeProcess::state(self)
    }

    fn starts(&self) -> u64 {
        NodeProcess::starts(self)
    }

    fn addresses(&self) -> Option<Addresses> {
        NodeProcess::addresses(self)
    }

    fn start(self: Arc<Self>) -> Doing<'static, Outcome> {
        Box::pin(start(self))
    }

    fn kill(&self) -> Doing<'_, Outcome> {
        Box::pin(kill(self))
    }

    fn pause(&self) -> Doing<'_, Outcome> {
        Box::pin(pause(self))
    }

    fn resume(&self) -> Doing<'_, Outcome> {
        Box::pin(resume(self))
    }

    fn settled(&self) -> Doing<'_, ()> {
        Box::pin(NodeProcess::settled(self, self.ready_within()))
    }

    fn stop(&self, grace: Duration) -> Doing<'_, Option<NodeExit>> {
        Box::pin(NodeProcess::stop(self, grace))
    }

    fn kill_now(&self) {
        NodeProcess::kill_now(self);
    }

    fn lingers(&self) -> bool {
        NodeProcess::state(self) != ProcessState::Down
    }
}
