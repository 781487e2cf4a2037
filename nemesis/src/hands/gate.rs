//! The rule of one link, and what went through it.
//!
//! Whoever hands bytes on holds the gate's lock from the look at the rule to the end of the (non-blocking) write. So
//! when [`Gate::set`] returns, no byte is handed on that the new rule would have held back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use crate::effect::{ClientRule, FrameKind, Link, LinkRule};
use crate::evidence::{Count, Traffic};
use crate::faults::RuleEnded;
use histories::Nanos;

use super::clock::{Clock, micros};
use super::inbox::is_of;

/// A connection through a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

pub(super) struct Gate {
    clock: Clock,
    shared: Mutex<Shared>,
}

/// What stands behind the lock.
pub(super) struct Shared {
    pub(super) rule: LinkRule,
    since: Nanos,
    /// Of a rule that counts: how many more of its frames may go.
    pub(super) left: u64,
    /// Whether the rule has kept something back that came.
    kept: bool,
    /// Counts the cuts: what was queued before one is not delivered after it, however short it was.
    pub(super) cuts: u64,
    /// How many single messages were sent over it, and the number of the last one of those that arrived.
    pub(super) sent: u64,
    pub(super) latest: u64,
    /// What went through since the run began.
    pub(super) traffic: Traffic,
    /// The same when the rule began.
    before: Traffic,
    /// Of a link to clients: its rule, and what was dropped by it.
    pub(super) client_rule: ClientRule,
    client_dropped: Count,
    /// Frames that are kept as they come.
    recording: Option<Recording>,
    /// Frames that are to be put in by hand, and those that were.
    pub(super) put_in: VecDeque<Arc<[u8]>>,
    pub(super) was_put_in: Count,
    connections: u64,
    /// Who is to look again when the rule changes.
    wakers: BTreeMap<ConnectionId, Waker>,
}

/// A copy of the first frames of a kind.
struct Recording {
    kind: FrameKind,
    left: u64,
    frames: Vec<Arc<[u8]>>,
}

impl Shared {
    /// Whether frames are to be shown to [`Shared::record`].
    pub(super) fn is_recording(&self) -> bool {
        self.recording
            .as_ref()
            .is_some_and(|recording| recording.left > 0)
    }

    /// A frame has come.
    pub(super) fn record(&mut self, kind: u8, frame: &[u8]) {
        if let Some(recording) = &mut self.recording
            && is_of(recording.kind, kind)
            && recording.left > 0
        {
            recording.left -= 1;
            recording.frames.push(frame.into());
        }
    }

    /// A request or a reply was dropped.
    pub(super) fn drop_of_client(&mut self, bytes: u64) {
        self.client_dropped.add(Count::frame(bytes));
    }

    /// Whether nothing may pass.
    pub(super) fn is_cut(&self) -> bool {
        self.rule.is_cut(self.left)
    }

    /// Whether what comes is kept.
    pub(super) fn holds(&self) -> bool {
        self.rule.holds(self.left)
    }

    /// Whether the rule keeps something back that waits; what a cut drops is not kept.
    pub(super) fn keep(&mut self, something: bool) {
        let holds = matches!(self.rule, LinkRule::PassThenHold(..) | LinkRule::HoldFrom(_));
        self.kept |= something && holds;
    }

    /// Wake this connection's task when the rule changes.
    pub(super) fn wake_on_change(&mut self, connection: ConnectionId, context: &Context<'_>) {
        let known = self.wakers.get(&connection);
        if !known.is_some_and(|waker| waker.will_wake(context.waker())) {
            self.wakers.insert(connection, context.waker().clone());
        }
    }

    fn end_rule(&mut self, link: Link, now: Nanos) -> RuleEnded {
        let ended = RuleEnded {
            link,
            was: self.rule,
            for_us: micros(now.since(self.since)),
            left: self.rule.counts().map(|_| self.left),
            kept: std::mem::take(&mut self.kept),
            traffic: self.traffic.since(&self.before),
        };
        self.since = now;
        self.before = self.traffic;
        ended
    }
}

impl Gate {
    /// A gate that lets everything pass.
    pub(super) fn new(clock: Clock) -> Self {
        Gate {
            clock,
            shared: Mutex::new(Shared {
                rule: LinkRule::Pass,
                since: clock.now(),
                left: 0,
                kept: false,
                cuts: 0,
                sent: 0,
                latest: 0,
                traffic: Traffic::default(),
                before: Traffic::default(),
                client_rule: ClientRule::Pass,
                client_dropped: Count::default(),
                recording: None,
                put_in: VecDeque::new(),
                was_put_in: Count::default(),
                connections: 0,
                wakers: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Set the rule; it is in force when this returns. Tells what went through under the one that ends.
    pub(super) fn set(&self, link: Link, rule: LinkRule) -> RuleEnded {
        let mut shared = self.lock();
        let ended = shared.end_rule(link, self.clock.now());
        shared.rule = rule;
        shared.left = rule.counts().map_or(0, |(_, frames)| frames);
        shared.cuts += u64::from(shared.is_cut());
        wake(shared);
        ended
    }

    /// Set the rule of a link to clients. Tells the one that ends, and what it dropped.
    pub(super) fn set_clients(&self, rule: ClientRule) -> (ClientRule, Count) {
        let mut shared = self.lock();
        let was = std::mem::replace(&mut shared.client_rule, rule);
        (was, std::mem::take(&mut shared.client_dropped))
    }

    /// Keep a copy of the first frames of this kind from now on.
    pub(super) fn record(&self, kind: FrameKind, first: u64) {
        self.lock().recording = Some(Recording {
            kind,
            left: first,
            frames: Vec::new(),
        });
    }

    /// Have what was recorded put in, and record no more. Tells how many frames, and what was put in before.
    pub(super) fn put_in_recorded(&self) -> (u64, Count) {
        let mut shared = self.lock();
        let frames = shared
            .recording
            .take()
            .map_or(Vec::new(), |recording| recording.frames);
        let (recorded, before) = (frames.len() as u64, shared.was_put_in);
        shared.put_in.extend(frames);
        wake(shared);
        (recorded, before)
    }

    /// Give up what was not put in so far; tells what was, since the beginning.
    pub(super) fn end_put_in(&self) -> Count {
        let mut shared = self.lock();
        shared.put_in.clear();
        shared.was_put_in
    }

    /// A new connection, and the number of cuts before it.
    pub(super) fn enter(&self) -> (ConnectionId, u64) {
        let mut shared = self.lock();
        shared.connections += 1;
        (ConnectionId(shared.connections), shared.cuts)
    }

    /// The connection is gone.
    pub(super) fn leave(&self, connection: ConnectionId) {
        self.lock().wakers.remove(&connection);
    }
}

/// Have every connection look again.
fn wake(shared: MutexGuard<'_, Shared>) {
    let waiting: Vec<Waker> = shared.wakers.values().cloned().collect();
    drop(shared);
    waiting.into_iter().for_each(Waker::wake);
}
