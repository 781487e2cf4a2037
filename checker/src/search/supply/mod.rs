//! A search for registers that asks what a value is needed for, and not in which order everything happened.
//!
//! TODO proof

mod configuration;
mod field;
mod moves;

use std::hash::Hash;
use std::rc::Rc;

use self::configuration::Configuration;
use self::field::{Field, width};
use self::moves::Moves;
use super::bits::{Bits, Wide};
use super::plan::Plan;
use super::trail::{START, Trail};
use super::witness::Linearized;
use super::{Chosen, Found, Outcome, Stuck, ids};
use crate::budget::{Meter, Stop};
use crate::spec::Spec;

/// No value, no place.
const NONE: u32 = u32::MAX;

/// Where a step of a trail belongs: at the end,
const APPENDED: u32 = 0;
/// at the end, and from now on others may be inserted before it,
const SLOT: u32 = 1;
/// before the last one of that kind.
const INSERTED: u32 = 2;

/// So many chains of cas are followed to or from a value.
const CHAINS: usize = 256;

/// How many configurations are followed at a return event, in one attempt after the other: first with what there is of
/// writes of unknown outcome, then as if there were any number of each, then again.
const ATTEMPTS: [(usize, bool); 4] = [(64, false), (1 << 10, true), (1 << 10, false), (1 << 13, false)];

/// Who decides.
const NAME: &str = "supply";

/// How an attempt ended.
enum End {
    /// The configuration explains everything.
    Legal(u32),
    /// None does; whether all were followed.
    Stuck { all: bool },
}

/// Decides the history; none if it is not for this search, or too much for it.
pub(super) fn run<S: Spec>(spec: &S, plan: &Plan<S::Op>, meter: &Meter<'_>) -> Option<Outcome> {
    if spec.sees_absence() || plan.entries.iter().any(|entry| spec.action(&entry.op).is_none()) {
        return None;
    }
    let actions: Vec<_> = plan
        .entries
        .iter()
        .filter_map(|entry| spec.action(&entry.op))
        .collect();
    let found = match width(plan, &actions) {
        0..=64 => attempts::<S, u64>(spec, plan, meter),
        65..=128 => attempts::<S, u128>(spec, plan, meter),
        _ => attempts::<S, Wide>(spec, plan, meter),
    };
    found.map(|found| Outcome { found, by: NAME })
}

fn attempts<S: Spec, B: Bits>(spec: &S, plan: &Plan<S::Op>, meter: &Meter<'_>) -> Option<Found> {
    let mut held = meter.beside();
    let field = match Field::<S::Op, B>::new(spec, plan, &mut held) {
        Ok(field) => field?,
        Err(stop) => return stopped(stop, Stuck::default()),
    };
    let mut search = Search {
        plan,
        field,
        initial: spec.shown(&spec.initial()).unwrap_or(NONE),
        trail: Trail::default(),
        front: Vec::new(),
        best: Best::default(),
    };
    let mut kept = Stuck::default();
    for (most, unlimited) in ATTEMPTS {
        if unlimited && search.field.counters == 0 {
            continue;
        }
        let mut meter = meter.beside();
        match search.attempt(most, unlimited, &mut meter) {
            Ok(End::Legal(trail)) if !unlimited => {
                let order = search.order(trail);
                return Some(Found::Legal(ids(order)));
            }
            Ok(End::Stuck { all: true }) => return Some(Found::Illegal(search.best.stuck(plan, Vec::new()))),
            Ok(_) if unlimited => {}
            Ok(_) => kept = search.stood(kept),
            Err(stop) if unlimited => return stopped(stop, kept),
            Err(stop) => return stopped(stop, search.stood(kept)),
        }
    }
    None
}

/// A search that needs too much memory leaves the history to others.
fn stopped(stop: Stop, stuck: Stuck) -> Option<Found> {
    match stop {
        Stop::Bytes => None,
        Stop::Cancelled | Stop::Steps => Some(Found::Stopped(stop, stuck)),
    }
}

/// Where the best attempt stands.
#[derive(Default)]
struct Best {
    at: usize,
    pending: Vec<u32>,
    trail: u32,
}

impl Best {
    fn stuck<O>(&self, plan: &Plan<O>, order: Vec<Chosen>) -> Stuck {
        let entry = |id: u32| &plan.entries[id as usize];
        let completed = |step: &&Chosen| {
            plan.entries
                .iter()
                .any(|entry| entry.id == step.id && !entry.is_open())
        };
        Stuck {
            explained: if order.is_empty() {
                self.at
            } else {
                order.iter().filter(completed).count()
            },
            pending: self.pending.iter().map(|&at| entry(at).id).collect(),
            order,
        }
    }
}

struct Search<'a, O, B> {
    plan: &'a Plan<O>,
    field: Field<'a, O, B>,
    initial: u32,
    trail: Trail,
    front: Vec<Configuration<B>>,
    best: Best,
}

impl<O: Clone + Eq + Hash, B: Bits> Search<'_, O, B> {
    /// From the beginning on with at most so many configurations at a return event.
    fn attempt(&mut self, most: usize, unlimited: bool, meter: &mut Meter<'_>) -> Result<End, Stop> {
        self.field.restart();
        self.trail = Trail::default();
        self.front.clear();
        self.best = Best {
            trail: START,
            ..Best::default()
        };
        let empty = || B::empty(width(self.plan, &self.field.actions));
        let mut next = vec![Configuration {
            done: empty(),
            swaps: empty(),
            used: Rc::new(vec![0; self.field.counters]),
            total: 0,
            state: self.initial,
            slot: 0,
            since: 0,
            trail: START,
        }];
        let mut all = true;
        loop {
            self.enter(&mut next, meter)?;
            all &= self.narrow(most);
            let Some(first) = self.front.first() else {
                return Ok(End::Stuck { all });
            };
            let Some(returning) = self.field.returning() else {
                return Ok(End::Legal(first.trail));
            };
            self.remember();
            let mut moves = Moves {
                field: &self.field,
                unlimited,
                trail: &mut self.trail,
                out: &mut next,
                lost: false,
            };
            for from in &self.front {
                moves.all(from, returning, meter)?;
            }
            all &= !moves.lost;
            for from in self.front.drain(..) {
                self.trail.release(from.trail);
            }
            self.field.pass();
        }
    }

    /// What is invoked now is seen by all, and what is no better than another is given up.
    fn enter(&mut self, next: &mut Vec<Configuration<B>>, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let invoked = self.field.invoke();
        for mut configuration in next.drain(..) {
            meter.step()?;
            self.see(&mut configuration, invoked.clone(), meter)?;
            if !self.is_needed(&configuration) {
                (configuration.state, configuration.slot, configuration.since) = (NONE, 0, 0);
            }
            self.add(configuration);
        }
        Ok(())
    }

    fn see(
        &mut self,
        configuration: &mut Configuration<B>,
        invoked: std::ops::Range<u32>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        use crate::spec::register::Action;
        for at in invoked {
            let Action::Read(value) = self.field.actions[at as usize] else {
                continue;
            };
            if value == configuration.state {
                configuration
                    .done
                    .insert(self.plan.entries[at as usize].slot as usize);
                let step = Linearized {
                    entry: at,
                    choice: APPENDED,
                    at: self.field.at as u32,
                };
                let before = configuration.trail;
                configuration.trail = self.trail.extend(before, &[step], meter)?;
                self.trail.release(before);
            }
        }
        Ok(())
    }

    /// Whether it may pay that the state stays what it is.
    fn is_needed(&self, configuration: &Configuration<B>) -> bool {
        let state = configuration.state;
        if state == NONE {
            return false;
        }
        let mut leaving = self.field.from[state as usize].iter();
        leaving.any(|&swap| {
            let entry = &self.plan.entries[swap as usize];
            match entry.is_open() {
                true => !configuration.swaps.has(self.field.bit(swap)),
                false => !configuration.done.has(entry.slot as usize),
            }
        }) || self.field.is_needed(state, configuration.since)
    }

    fn add(&mut self, configuration: Configuration<B>) {
        if self
            .front
            .iter()
            .any(|other| other.covers(&configuration, &self.field))
        {
            self.trail.release(configuration.trail);
            return;
        }
        let (field, trail) = (&self.field, &mut self.trail);
        self.front.retain(|other| {
            let covered = configuration.covers(other, field);
            if covered {
                trail.release(other.trail);
            }
            !covered
        });
        self.front.push(configuration);
    }

    /// Keeps the best; whether that is all of them.
    fn narrow(&mut self, most: usize) -> bool {
        if self.front.len() <= most {
            return true;
        }
        self.front.sort_by_key(|configuration| configuration.total);
        for given_up in self.front.drain(most..) {
            self.trail.release(given_up.trail);
        }
        false
    }

    /// The furthest place so far.
    fn remember(&mut self) {
        if self.field.at < self.best.at {
            return;
        }
        let Some(first) = self.front.first() else { return };
        self.trail.hold(first.trail);
        self.trail.release(self.best.trail);
        self.best = Best {
            at: self.field.at,
            pending: self.field.waiting(&first.done),
            trail: first.trail,
        };
    }

    /// The better one of this attempt and an earlier one.
    fn stood(&self, earlier: Stuck) -> Stuck {
        let stuck = self.best.stuck(self.plan, self.order(self.best.trail));
        if stuck.explained < earlier.explained {
            earlier
        } else {
            stuck
        }
    }

    /// The order of which this is the trail.
    fn order(&self, trail: u32) -> Vec<Chosen> {
        let (mut order, mut slot) = (Vec::new(), 0);
        for step in self.trail.path(trail) {
            let chosen = Chosen {
                id: self.plan.entries[step.entry as usize].id,
                choice: 0,
            };
            match step.choice {
                INSERTED => {
                    order.insert(slot, chosen);
                    slot += 1;
                }
                place => {
                    if place == SLOT {
                        slot = order.len();
                    }
                    order.push(chosen);
                }
            }
        }
        order
    }
}
