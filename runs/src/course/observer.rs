//! The observer: asks every node for its status, past all proxies, and keeps the last answer of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::{Nanos, Term};
use nemesis::view::{Role, TailEntry};
use nemesis::{NodeId, NodeStatus, NodeView, ProcessState};
use tokio::sync::oneshot;

use crate::record::StatusLine;
use crate::sink::Sink;
use crate::stop::Stop;
use crate::world::{World, begin, pass};

/// A node that only moved on (commit, log) is written down again after so long; one that changed its role at once.
const QUIET: Duration = Duration::from_millis(100);

/// So many entries of the log's end are remembered as shown: more than a status has.
const REMEMBERED: usize = 128;

/// A status, and when it was asked for.
type Seen = (Nanos, Arc<NodeStatus>);

/// Cheap to clone.
#[derive(Clone)]
pub struct Observer {
    world: Arc<dyn World>,
    latest: Arc<Mutex<BTreeMap<NodeId, Seen>>>,
}

impl Observer {
    /// Ask each of so many nodes every `every`, until `stop`; changes go to the sink. All have gone there when every
    /// receiver is told so.
    pub fn start(
        world: &Arc<dyn World>,
        sink: &Arc<dyn Sink>,
        nodes: usize,
        every: Duration,
        stop: &Stop,
    ) -> (Self, Vec<oneshot::Receiver<()>>) {
        let observer = Observer {
            world: Arc::clone(world),
            latest: Arc::default(),
        };
        let watches = NodeId::all(nodes).map(|node| {
            let (observer, stop) = (observer.clone(), stop.clone());
            let mut log = Log::new(Arc::clone(sink));
            begin(&**world, async move {
                while !stop.is_set() {
                    let asked = observer.world.now();
                    if let Some(status) = observer.world.status(node).await {
                        log.note(node, asked, &status);
                        lock(&observer.latest).insert(node, (asked, status));
                    }
                    pass(&*observer.world, every).await;
                }
                log.flush(node);
            })
        });
        let watches = watches.collect();
        (observer, watches)
    }

    /// A status that was asked for before this moment is no longer shown: the node was started anew.
    pub fn forget(&self, node: NodeId) {
        lock(&self.latest).remove(&node);
    }

    /// Every node as it is known now.
    pub fn nodes(&self, count: usize) -> Vec<NodeView> {
        let latest = lock(&self.latest);
        NodeId::all(count)
            .map(|node| NodeView {
                process: self.world.view(node),
                status: latest.get(&node).cloned(),
            })
            .collect()
    }

    /// The newest leader and, where it tells it, its term.
    pub fn leader(&self) -> Option<(NodeId, Option<Term>)> {
        let latest = lock(&self.latest);
        latest
            .iter()
            .filter(|(node, (_, status))| {
                status.role == Some(Role::Leader) && self.world.view(**node) == ProcessState::Running
            })
            .map(|(node, (_, status))| (*node, status.term))
            .max_by_key(|(_, term)| *term)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was last written down of one node.
struct Log {
    sink: Arc<dyn Sink>,
    last: Option<StatusLine>,
    /// The end of the log as it was last written down.
    shown: Vec<TailEntry>,
    /// The newest status that was not written down because the last one was too young.
    held_back: Option<(Nanos, Arc<NodeStatus>)>,
}

impl Log {
    fn new(sink: Arc<dyn Sink>) -> Self {
        Log {
            sink,
            last: None,
            shown: Vec::new(),
            held_back: None,
        }
    }

    fn note(&mut self, node: NodeId, time: Nanos, status: &Arc<NodeStatus>) {
        match &self.last {
            Some(last) if !turned(last, status) => {
                let moved_on = last.commit != status.commit || last.last != status.last_index();
                if moved_on && time.since(last.time) >= QUIET {
                    self.write(node, time, status);
                } else if moved_on {
                    self.held_back = Some((time, Arc::clone(status)));
                }
            }
            _ => {
                // What it had come to before it turned is what the checks look for.
                self.flush(node);
                self.write(node, time, status);
            }
        }
    }

    fn line(&self, node: NodeId, time: Nanos, status: &NodeStatus) -> StatusLine {
        // What was shown is not shown again, unless it was replaced.
        let from = self
            .last
            .as_ref()
            .and_then(|last| Some(last.commit?.min(status.commit?)))
            .unwrap_or_default();
        StatusLine {
            time,
            node,
            incarnation: status.incarnation,
            role: status.role,
            term: status.term,
            leader: status.leader,
            commit: status.commit,
            last: status.last_index(),
            tail: status
                .tail
                .iter()
                .filter(|entry| entry.index >= from || !self.shown.contains(entry))
                .cloned()
                .collect(),
        }
    }

    fn flush(&mut self, node: NodeId) {
        if let Some((time, status)) = self.held_back.take() {
            self.write(node, time, &status);
        }
    }

    fn write(&mut self, node: NodeId, time: Nanos, status: &NodeStatus) {
        let line = self.line(node, time, status);
        self.shown
            .retain(|entry| line.tail.first().is_none_or(|first| entry.index < first.index));
        self.shown.extend(line.tail.iter().cloned());
        let excess = self.shown.len().saturating_sub(REMEMBERED);
        self.shown.drain(..excess);
        self.held_back = None;
        self.last = Some(line.clone());
        self.sink.status(line);
    }
}

/// Whether the node did more than move on: another role, term, leader or start, or a log that got shorter.
fn turned(last: &StatusLine, status: &NodeStatus) -> bool {
    let before = (last.incarnation, last.role, last.term, last.leader);
    before != (status.incarnation, status.role, status.term, status.leader) || status.last_index() < last.last
}
