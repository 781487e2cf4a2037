//! The watchers: each holds a watch on the keys of the load, is told of changes, and takes it up again where it was lost: from
//! the revision behind the last that it was told of, at the next node.
//!
//! What it was told stands in the history as events of the nemesis' process, which are no operations: `watch` with
//! `[[key, value, revision], …]`, `watch-from` when it begins or is taken up again, `watch-lost` with the reason.

use std::collections::HashSet;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use histories::{Event, Kind, Process, Value};
use nemesis::NodeId;
use tokio::sync::oneshot;

use super::client::Clients;
use crate::stop::Stop;
use crate::watching::{Change, Watch};
use crate::world::{begin, pass};

/// After so long without a word a watcher asks another node: longer than a leader takes to be replaced, mostly.
const IDLE: Duration = Duration::from_secs(3);
/// Before a watch that was lost is taken up again, and between two looks whether everything has come.
const PAUSE: Duration = Duration::from_millis(20);
/// While no node can be watched, what is written of that is not worth more than a try a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a watcher was told.
#[derive(Default)]
struct Told {
    /// The revision behind the last.
    next: i64,
    /// Changes that are not yet known to be acknowledged.
    ahead: HashSet<(Value, Value)>,
    /// So many of those that were acknowledged it was told of.
    acknowledged: usize,
    /// Whether the watch that is held has said anything, be it only that it is alive.
    alive: bool,
}

/// One of them.
struct Watcher {
    clients: Clients,
    prefix: &'static str,
    number: usize,
    told: Mutex<Told>,
}

/// Start a watcher for each node, if the workload has watchers. They end when `over` is set and they have been told of everything
/// that was acknowledged, or after so much longer.
pub fn watch(clients: &Clients, over: &Stop, bound: Duration) -> Vec<oneshot::Receiver<()>> {
    let Some(prefix) = clients.workload.watches else {
        return Vec::new();
    };
    let watchers = (0..clients.nodes).map(|number| {
        let watcher = Watcher {
            clients: clients.clone(),
            prefix,
            number,
            told: Mutex::new(Told {
                next: 1,
                ..Told::default()
            }),
        };
        let over = over.clone();
        begin(&*clients.world, async move { watcher.run(&over, bound).await })
    });
    watchers.collect()
}

impl Watcher {
    async fn run(&self, over: &Stop, bound: Duration) {
        tokio::select! {
            biased;
            () = self.hold() => {}
            () = self.enough(over, bound) => {}
        }
    }

    /// Hold the watch, at one node after the other.
    async fn hold(&self) {
        let mut node = NodeId(self.number);
        let mut pause = PAUSE;
        loop {
            let watch = Watch {
                prefix: self.prefix.to_owned(),
                from: self.lock().next,
                idle: IDLE,
            };
            self.note(node, "watch-from", Value::Int(watch.from), None);
            let tell = |changes: Vec<Change>| self.hear(node, changes);
            let why = self.clients.world.watch(node, &watch, &tell).await;
            self.note(node, "watch-lost", Value::Null, Some(&why));
            pause = next_pause(pause, take(&mut self.lock().alive));
            pass(&*self.clients.world, pause).await;
            node = NodeId((node.0 + 1) % self.clients.nodes);
        }
    }

    /// Returns when nothing more is waited for.
    async fn enough(&self, over: &Stop, bound: Duration) {
        over.wait().await;
        let deadline = self.clients.world.now() + bound;
        while !self.has_all() && self.clients.world.now() < deadline {
            pass(&*self.clients.world, PAUSE).await;
        }
    }

    fn has_all(&self) -> bool {
        let acknowledged = self.clients.acknowledged.lock();
        let told = &mut *self.lock();
        while let Some(change) = acknowledged.get(told.acknowledged) {
            if !told.ahead.remove(change) {
                return false;
            }
            told.acknowledged += 1;
        }
        true
    }

    fn hear(&self, node: NodeId, changes: Vec<Change>) {
        let mut told = self.lock();
        told.alive = true;
        if changes.is_empty() {
            return;
        }
        let mut values = Vec::new();
        for Change { key, value, revision } in changes {
            told.next = told.next.max(revision.saturating_add(1));
            told.ahead.insert((key.clone(), value.clone()));
            values.push(Value::list([key, value, Value::Int(revision)]));
        }
        drop(told);
        self.note(node, checker::WATCH, Value::list(values), None);
    }

    fn note(&self, node: NodeId, f: &str, value: Value, error: Option<&str>) {
        let mut other = serde_json::Map::new();
        other.insert(checker::WATCHER.to_owned(), (self.number + 1).into());
        other.insert(checker::PREFIX.to_owned(), self.prefix.into());
        self.clients.sink.event(Event {
            index: 0,
            time: self.clients.world.now(),
            process: Process::Nemesis,
            kind: Kind::Info,
            f: f.into(),
            key: None,
            value,
            node: Some(node.name()),
            error: error.map(Arc::from),
            message: None,
            seq: None,
            at: None,
            other,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait after one more watch was lost: twice as long as before, but if it had been alive.
fn next_pause(before: Duration, alive: bool) -> Duration {
    match alive {
        true => PAUSE,
        false => (before * 2).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_waits_longer_while_no_watch_is_alive() {
        let mut pause = PAUSE;
        for (alive, wanted) in [
            (false, 40),
            (false, 80),
            (true, 20),
            (false, 40),
            (false, 80),
            (false, 160),
            (false, 320),
            (false, 640),
            (false, 1_000),
            (false, 1_000),
            (true, 20),
        ] {
            pause = next_pause(pause, alive);
            assert_eq!(pause, Duration::from_millis(wanted), "{alive}");
        }
    }
}
