//! The rule of one link, and what went through it.
//!
//! Whoever hands bytes on holds the gate's lock from the look at the rule to the end of the (non-blocking) write. So
//! when [`Gate::set`] returns, no byte is handed on that the new rule would have held back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use crate::effect::{Link, LinkRule};
use crate::evidence::{RuleEnded, Traffic};
use histories::Nanos;

use super::clock::{Clock, micros};

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
    /// Of a pass-then-cut: how many more frames of entries.
    pub(super) left: u64,
    /// Counts the cuts: what was queued before one is not delivered after it, however short it was.
    pub(super) cuts: u64,
    /// What went through since the run began.
    pub(super) traffic: Traffic,
    /// The same when the rule began.
    before: Traffic,
    connections: u64,
    /// Who is to look again when the rule changes.
    wakers: BTreeMap<ConnectionId, Waker>,
}

impl Shared {
    /// Whether nothing may pass.
    pub(super) fn is_cut(&self) -> bool {
        match self.rule {
            LinkRule::Cut => true,
            LinkRule::PassThenCut(_) => self.left == 0,
            LinkRule::Pass | LinkRule::DelayMs(_) => false,
        }
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
            left: matches!(self.rule, LinkRule::PassThenCut(_)).then_some(self.left),
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
                cuts: 0,
                traffic: Traffic::default(),
                before: Traffic::default(),
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
        shared.left = match rule {
            LinkRule::PassThenCut(frames) => frames,
            LinkRule::Pass | LinkRule::Cut | LinkRule::DelayMs(_) => 0,
        };
        shared.cuts += u64::from(shared.is_cut());
        let waiting: Vec<Waker> = shared.wakers.values().cloned().collect();
        drop(shared);
        waiting.into_iter().for_each(Waker::wake);
        ended
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
