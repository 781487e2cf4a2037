//! The observer: asks every node for its status, past all proxies, and keeps the last answer of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use histories::run_folder::Lines;
use histories::{LogIndex, Nanos, Term};
use nemesis::hands::{Clock, Hands};
use nemesis::view::{Role, TailEntry};
use nemesis::{NodeId, NodeStatus, NodeView, ProcessState};
use runs::record::StatusLine;
use runs::stop::Stop;

use crate::systems::System;

/// A node that only moved on (commit, log) is written down again after so long; one that changed its role at once.
const QUIET: Duration = Duration::from_millis(100);

/// So many entries of the log's end are remembered as shown: more than a status has.
const REMEMBERED: usize = 128;

/// Cheap to clone.
#[derive(Clone)]
pub struct Observer {
    hands: Hands,
    latest: Arc<Mutex<BTreeMap<NodeId, (Nanos, NodeStatus)>>>,
    /// Why a line could not be written: the checks read them, so the run cannot go on without.
    error: Arc<Mutex<Option<String>>>,
}

impl Observer {
    /// Ask each node every `every`, until `stop`; changes go to `lines`.
    pub fn start(
        system: Arc<dyn System>,
        hands: Hands,
        clock: Clock,
        nodes: usize,
        every: Duration,
        lines: Arc<Mutex<Lines>>,
        stop: &Stop,
    ) -> Self {
        let observer = Observer {
            hands,
            latest: Arc::default(),
            error: Arc::default(),
        };
        for node in NodeId::all(nodes) {
            let (observer, system, lines, stop) = (
                observer.clone(),
                Arc::clone(&system),
                Arc::clone(&lines),
                stop.clone(),
            );
            tokio::spawn(async move {
                let mut log = Log {
                    lines,
                    error: Arc::clone(&observer.error),
                    last: None,
                    shown: Vec::new(),
                    held_back: None,
                };
                while !stop.is_set() {
                    let asked = clock.now();
                    let status = system.status(node).await;
                    observer.keep(node, asked, status, &mut log);
                    tokio::time::sleep(every).await;
                }
                log.flush();
            });
        }
        observer
    }

    fn keep(&self, node: NodeId, asked: Nanos, status: Option<NodeStatus>, log: &mut Log) {
        let Some(status) = status else { return };
        log.note(node, asked, &status);
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node, (asked, status));
    }

    /// A status that was asked for before this moment is no longer shown: the node was started anew.
    pub fn forget(&self, node: NodeId) {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&node);
    }

    /// Why statuses could not be written down, if so.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every node as it is known now.
    pub fn nodes(&self, count: usize) -> Vec<NodeView> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        NodeId::all(count)
            .map(|node| NodeView {
                process: self.hands.process_state(node),
                status: latest.get(&node).cloned(),
            })
            .collect()
    }

    /// The newest leader and its term.
    pub fn leader(&self) -> Option<(NodeId, Term)> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .iter()
            .filter(|(node, (_, status))| {
                status.role == Role::Leader && self.hands.process_state(**node) == ProcessState::Running
            })
            .map(|(node, (_, status))| (*node, status.term))
            .max_by_key(|(_, term)| *term)
    }
}

/// What was last written down of one node.
struct Log {
    lines: Arc<Mutex<Lines>>,
    error: Arc<Mutex<Option<String>>>,
    last: Option<StatusLine>,
    /// The end of the log as it was last written down.
    shown: Vec<TailEntry>,
    /// The newest status that was not written down because the last one was too young.
    held_back: Option<StatusLine>,
}

impl Log {
    fn note(&mut self, node: NodeId, time: Nanos, status: &NodeStatus) {
        let line = self.line(node, time, status);
        match &self.last {
            Some(last) if !turned(last, &line) => {
                let moved_on = last.commit != line.commit || last.last != line.last;
                if moved_on && time.since(last.time) >= QUIET {
                    self.write(line);
                } else if moved_on {
                    self.held_back = Some(line);
                }
            }
            _ => {
                // What it had come to before it turned is what the checks look for.
                self.flush();
                let line = self.line(node, time, status);
                self.write(line);
            }
        }
    }

    fn line(&self, node: NodeId, time: Nanos, status: &NodeStatus) -> StatusLine {
        // What was shown is not shown again, unless it was replaced.
        let from = self
            .last
            .as_ref()
            .map_or(LogIndex(0), |last| last.commit.min(status.commit));
        StatusLine {
            time,
            node,
            incarnation: status.incarnation,
            role: status.role,
            term: status.term,
            leader: status.leader,
            commit: status.commit,
            last: status.last.index,
            tail: status
                .tail
                .iter()
                .filter(|entry| entry.index >= from || !self.shown.contains(entry))
                .cloned()
                .collect(),
        }
    }

    fn flush(&mut self) {
        if let Some(line) = self.held_back.take() {
            self.write(line);
        }
    }

    fn write(&mut self, line: StatusLine) {
        let added = self
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&line);
        if let Err(error) = added {
            self.error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(error.to_string());
        }
        self.shown
            .retain(|entry| line.tail.first().is_none_or(|first| entry.index < first.index));
        self.shown.extend(line.tail.iter().cloned());
        let excess = self.shown.len().saturating_sub(REMEMBERED);
        self.shown.drain(..excess);
        self.held_back = None;
        self.last = Some(line);
    }
}

/// Whether the node did more than move on: another role, term, leader or start, or a log that got shorter.
fn turned(last: &StatusLine, line: &StatusLine) -> bool {
    let standing = |line: &StatusLine| (line.incarnation, line.role, line.term, line.leader);
    standing(last) != standing(line) || line.last < last.last
}
