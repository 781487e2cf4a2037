//! Configurations, and the moves between them: where the pruning rules live.

use std::hash::Hash;

use super::Stuck;
use super::bits::Bits;
use super::cursor::Cursor;
use super::plan::Plan;
use super::seen::{Failed, Place};
use super::witness::{Linearized, PASS, witness};
use crate::spec::{Role, Spec};

/// What is linearized so far, as far as the future can tell.
#[derive(Clone)]
pub(super) struct Configuration<S, B> {
    /// Slots of pending operations that are linearized.
    pub done: B,
    /// Slots of pending operations that an overwrite has absorbed, should they need it.
    pub absorbed: B,
    /// Unknown operations that happened.
    pub used: B,
    /// An unobserved write was the last operation, at this very return event: no blind write may follow.
    pub fresh: bool,
    pub state: S,
}

impl<S: Clone, B: Bits> Configuration<S, B> {
    /// What must be equal, and what need only be no better, while it waits for the return event `at`.
    pub(super) fn split(&self, at: usize) -> (Place<S, B>, Failed<B>) {
        let Configuration {
            done,
            absorbed,
            used,
            fresh,
            state,
        } = self.clone();
        let at = at as u32;
        (
            Place { at, done, state },
            Failed {
                used,
                absorbed,
                fresh,
            },
        )
    }
}

/// Where the best attempt stands.
#[derive(Default)]
pub(super) struct Furthest {
    at: usize,
    pending: Vec<u32>,
}

impl Furthest {
    /// Remembers the configuration, where the cursor is now, if none came further; whether it does.
    pub(super) fn see<S: Spec, B: Bits>(
        &mut self,
        moves: &Moves<'_, S, B>,
        configuration: &Configuration<S::State, B>,
    ) -> bool {
        let at = moves.cursor.at();
        if at <= self.at && !self.pending.is_empty() {
            return false;
        }
        self.at = at;
        self.pending.clear();
        self.pending.extend(moves.cursor.returning());
        let waiting = moves.cursor.pending.without(&configuration.done);
        let others = waiting.ones().map(|slot| moves.cursor.holder(slot));
        self.pending
            .extend(others.filter(|&entry| Some(entry) != moves.cursor.returning()));
        true
    }

    /// The return events passed.
    pub(super) fn reached(&self) -> u64 {
        self.at as u64
    }

    /// The same in the history's terms, without the order that led there.
    pub(super) fn stuck<O>(&self, plan: &Plan<O>) -> Stuck {
        let id = |&entry: &u32| plan.entries[entry as usize].id;
        Stuck {
            explained: self.at,
            pending: self.pending.iter().map(id).collect(),
            order: Vec::new(),
        }
    }

    /// The same with the order, of which this is the path.
    pub(super) fn attempt<O: Clone + Eq + Hash>(&self, plan: &Plan<O>, path: &[Linearized]) -> Stuck {
        let order = witness(plan, path, self.at);
        let unknown = |step: &&Linearized| plan.entries[step.entry as usize].is_open();
        Stuck {
            explained: order.len() - path.iter().filter(unknown).count(),
            order,
            ..self.stuck(plan)
        }
    }
}

/// The moves of one search.
pub(super) struct Moves<'a, S: Spec, B> {
    spec: &'a S,
    plan: &'a Plan<S::Op>,
    pub cursor: Cursor<'a, S::Op, B>,
    /// By class: when it was last tried (rule Y).
    tried: Vec<u64>,
    round: u64,
    /// Entries in the order in which they are tried; kept for its memory.
    order: Vec<u32>,
    dead: Option<S::State>,
}

impl<'a, S: Spec, B: Bits> Moves<'a, S, B> {
    pub(super) fn new(spec: &'a S, plan: &'a Plan<S::Op>) -> Self {
        Moves {
            spec,
            plan,
            cursor: Cursor::new(plan),
            tried: vec![0; plan.classes],
            round: 0,
            order: Vec::new(),
            dead: spec.dead(),
        }
    }

    /// The first configuration.
    pub(super) fn start(&mut self, path: &mut Vec<Linearized>) -> Configuration<S::State, B> {
        let empty = || B::empty(self.plan.width());
        let mut start = Configuration {
            done: empty(),
            absorbed: empty(),
            used: empty(),
            fresh: false,
            state: self.spec.initial(),
        };
        self.settle(&mut start, path);
        start
    }

    /// The operations to try next, in the order of their completions, unknown ones last.
    pub(super) fn candidates(&mut self, from: &Configuration<S::State, B>, candidates: &mut Vec<(u32, u32)>) {
        candidates.clear();
        let Some(returning) = self.cursor.returning() else {
            return;
        };
        if from
            .absorbed
            .has(self.plan.entries[returning as usize].slot as usize)
        {
            candidates.push((PASS, 0));
        }
        let waiting = self.cursor.pending.without(&from.done).without(&self.cursor.pure);
        self.order.clear();
        self.order
            .extend(waiting.ones().map(|slot| self.cursor.holder(slot)));
        self.order
            .sort_unstable_by_key(|&entry| self.plan.entries[entry as usize].ret);
        let unused = self.cursor.live.without(&from.used);
        self.order.extend(unused.ones().map(|bit| self.plan.open[bit]));
        self.round += 1;
        for &at in &self.order {
            let entry = &self.plan.entries[at as usize];
            let last = std::mem::replace(&mut self.tried[entry.class as usize], self.round);
            if last != self.round && !(from.fresh && entry.role == Role::Blind) {
                let choices = self.spec.choices(&from.state, &entry.op) as u32;
                candidates.extend((0..choices).map(|choice| (at, choice)));
            }
        }
    }

    /// The configuration after `candidate`, with everything that follows by itself.
    pub(super) fn take(
        &mut self,
        from: &Configuration<S::State, B>,
        (candidate, choice): (u32, u32),
        path: &mut Vec<Linearized>,
    ) -> Option<Configuration<S::State, B>> {
        if candidate == PASS {
            let mut next = from.clone();
            let returning = self.cursor.returning()?;
            next.done
                .insert(self.plan.entries[returning as usize].slot as usize);
            self.settle(&mut next, path);
            return Some(next);
        }
        let entry = &self.plan.entries[candidate as usize];
        let state = self.spec.choose(&from.state, &entry.op, choice as usize)?;
        if entry.is_open() && state == from.state {
            return None;
        }
        let mut next = Configuration {
            state,
            ..from.clone()
        };
        if entry.is_open() {
            next.used.insert(entry.slot as usize);
        } else {
            next.done.insert(entry.slot as usize);
        }
        if entry.role == Role::Blind {
            next.absorbed.add_all(&self.cursor.blind.without(&next.done));
        }
        next.fresh = entry.is_open() || entry.role == Role::Blind;
        path.push(Linearized {
            entry: candidate,
            choice,
            at: self.cursor.at() as u32,
        });
        if self.absorb_pure(&mut next, path) {
            next.fresh = false;
        }
        self.settle(&mut next, path);
        let vain = next.fresh && entry.is_open() && Some(&next.state) == self.dead.as_ref();
        (!vain || self.spec.sees_absence()).then_some(next)
    }

    /// Rule S for all pending operations; whether there was one.
    fn absorb_pure(&self, next: &mut Configuration<S::State, B>, path: &mut Vec<Linearized>) -> bool {
        let waiting = self.cursor.pure.without(&next.done);
        let before = path.len();
        for slot in waiting.ones() {
            self.absorb_one(next, self.cursor.holder(slot), path);
        }
        path.len() > before
    }

    fn absorb_one(&self, next: &mut Configuration<S::State, B>, entry: u32, path: &mut Vec<Linearized>) {
        let prepared = &self.plan.entries[entry as usize];
        if self.spec.step(&next.state, &prepared.op).is_some() {
            next.done.insert(prepared.slot as usize);
            path.push(Linearized {
                entry,
                choice: 0,
                at: self.cursor.at() as u32,
            });
        }
    }

    /// Passes every return event whose operation is linearized.
    fn settle(&mut self, next: &mut Configuration<S::State, B>, path: &mut Vec<Linearized>) {
        if self.cursor.at() == 0 {
            self.absorb_pure(next, path);
        }
        while let Some(returning) = self.cursor.returning() {
            let slot = self.plan.entries[returning as usize].slot as usize;
            if !next.done.has(slot) {
                break;
            }
            next.done.remove(slot);
            next.absorbed.remove(slot);
            next.fresh = false;
            for entry in self.cursor.forward() {
                let prepared = &self.plan.entries[entry];
                if prepared.role == Role::Pure && !prepared.is_open() {
                    self.absorb_one(next, entry as u32, path);
                }
            }
        }
        self.bury(next);
    }

    /// Rule L.
    fn bury(&self, next: &mut Configuration<S::State, B>) {
        let (Some(dead), Some(value)) = (&self.dead, self.spec.shown(&next.state)) else {
            return;
        };
        let horizon = self.plan.horizon(self.cursor.at());
        let value = value as usize;
        if value >= self.plan.observed_inv.len() || self.plan.observed_inv[value] >= horizon {
            return;
        }
        let observer = |entry: u32| self.plan.entries[entry as usize].observes == Some(value as u32);
        let seen = self.plan.observed_ret[value] >= horizon && {
            let waiting = self.cursor.pending.without(&next.done);
            let unused = self.cursor.live.without(&next.used);
            waiting.ones().any(|slot| observer(self.cursor.holder(slot)))
                || unused.ones().any(|bit| observer(self.plan.open[bit]))
        };
        if !seen {
            next.state = dead.clone();
        }
    }
}
