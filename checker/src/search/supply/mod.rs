//! A search for registers that asks what a value is needed for, and not in which order everything happened.
//!
//! Where clients are many and values few almost everything overlaps almost everything. The general search
//! ([`configuration`](super::configuration)) then follows every set of operations that may have happened, and which of the
//! writes of unknown outcome were spent on it. Here an operation is given a place only when it returns, and the place is the
//! last one that will do.
//!
//! **Segments.** A legal order of a register's operations is a row of segments: a write, the cas that follow it, and the reads
//! of what each of them left. A segment asks nothing of the state before it. So right before any write of the order
//! there is room for other segments, if all their operations overlap that moment. The room before the last visible write is
//! the *slot*.
//!
//! **Moves.** A read of the state is linearized when it is invoked. Whatever else returns and has no place yet needs a segment
//! then, which goes
//! 1. to the end: it is visible, and the state is what it leaves. Before it cas may leave the state that was there;
//! 2. or into the slot, if all of it overlaps the slot: the state stays;
//! 3. or it is a chain of cas from the state on, without a write.
//!
//! Every read that overlaps the place of its value is linearized with it. Of several writes of the value the one that returns
//! first is taken, and one of unknown outcome only where there is no other: they are alike but for their moments, so they are
//! counted. Places never move back, so the one that was invoked as the k-th can be the k-th that is taken.
//!
//! **Why that is enough.** Take a legal order and go through its completions. By induction there is a configuration that
//! *covers* the order's beginning: it has all pending reads that the order has; it has no pending write, and of each value no
//! more unknown ones, that the order has not; it has the same cas; and either its state is the order's and its
//! slot not before the order's last visible write, or the order's state is not looked at any more. Let x return,
//! without a place in the configuration. If in the order x's segment is visible still, or was so after
//! the slot, the configuration appends it now (1, 3). If not, the order's state was set after x's segment; so
//! x overlaps the slot, as its segment does, and it goes there (2). In both cases its place is not before the one that the order gave it,
//! and every pending read that the order's place serves overlaps the later place, too. Where the order spent another write of the
//! value than the one that returns first, the two can change places. A cas is the exception to lateness, because a segment in
//! the slot cannot be continued later, nor the state that is left: so all chains that may follow there are tried at once.
//! The tests compare with a brute force on millions of small histories.
//!
//! **Pruning.** What another configuration covers is dropped ([`Configuration::covers`]). A state that nobody will look at before an operation
//! on another value has come and gone meanwhile need not stay ([`Field::is_needed`]): then everything goes to the end, which is
//! later than any slot.
//!
//! **Supply.** What stays exponential is which unknown writes were spent. So the configurations that spent the fewest are
//! followed first, a few at each return event: they find an order soon where there is one. Where they find none, the history
//! is judged as if each unknown write could happen any number of times; what has no legal order then has none at all.

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

/// So many moves a configuration are made, on average, before those of the worst are left out.
const MOVES: usize = 8;

/// An attempt.
#[derive(Clone, Copy)]
struct Attempt {
    /// So many configurations are followed at a return event.
    most: usize,
    /// So many pairs of them are compared.
    work: u64,
    /// Whether writes of unknown outcome may happen as often as one likes.
    unlimited: bool,
}

/// One after the other: first with what there is of writes of unknown outcome, which finds an order where there is one; then
/// as if there were any number of each, which finds that there is none; then again, with patience.
const ATTEMPTS: [Attempt; 4] = [
    attempt(1 << 6, 1 << 24, false),
    attempt(1 << 10, 1 << 26, true),
    attempt(1 << 10, 1 << 26, false),
    attempt(1 << 13, 1 << 28, false),
];

const fn attempt(most: usize, work: u64, unlimited: bool) -> Attempt {
    Attempt {
        most,
        work,
        unlimited,
    }
}

/// Who decides.
pub(crate) const NAME: &str = "supply";

/// How an attempt ended.
enum End {
    /// The configuration explains everything.
    Legal(u32),
    /// None does; whether all were followed.
    Stuck { all: bool },
}

/// Decides the history; none if it is not for this search, or too much for it.
///
/// `stays` is whether nobody else would try when it runs out of steps or memory.
pub(super) fn run<S: Spec>(spec: &S, plan: &Plan<S::Op>, stays: bool, meter: &Meter<'_>) -> Option<Outcome> {
    if !S::IS_A_VALUE {
        return None;
    }
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
        _ => attempts::<S, Wide>(spec, plan, meter),
    };
    match found {
        // Others may need less of it.
        Some(Found::Stopped(Stop::Bytes | Stop::Steps, _)) if !stays => None,
        found => found.map(|found| Outcome { found, by: NAME }),
    }
}

fn attempts<S: Spec, B: Bits>(spec: &S, plan: &Plan<S::Op>, meter: &Meter<'_>) -> Option<Found> {
    let mut held = meter.beside();
    let field = match Field::<S::Op, B>::new(spec, plan, &mut held) {
        Ok(field) => field?,
        Err(stop) => return Some(Found::Stopped(stop, Stuck::default())),
    };
    let mut search = Search {
        plan,
        field,
        initial: spec.shown(&spec.initial()).unwrap_or(NONE),
        trail: Trail::default(),
        front: Vec::new(),
        room: 0,
        work: 0,
        best: Best::default(),
    };
    let mut kept = Stuck::default();
    for attempt in ATTEMPTS {
        let unlimited = attempt.unlimited;
        if unlimited && search.field.counters == 0 {
            continue;
        }
        let mut meter = meter.beside();
        match search.attempt(attempt, &mut meter) {
            Ok(End::Legal(trail)) if !unlimited => {
                let order = search.order(trail);
                return Some(Found::Legal(ids(order)));
            }
            Ok(End::Stuck { all: true }) => return Some(Found::Illegal(search.best.stuck(plan, Vec::new()))),
            Ok(_) if unlimited => {}
            Ok(_) => kept = search.stood(kept),
            Err(stop) if unlimited => return Some(Found::Stopped(stop, kept)),
            Err(stop) => return Some(Found::Stopped(stop, search.stood(kept))),
        }
    }
    None
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
    /// The most configurations there were, as far as memory is concerned.
    room: usize,
    /// Pairs of configurations that were compared.
    work: u64,
    best: Best,
}

impl<O: Clone + Eq + Hash, B: Bits> Search<'_, O, B> {
    /// From the beginning on.
    fn attempt(&mut self, limits: Attempt, meter: &mut Meter<'_>) -> Result<End, Stop> {
        (self.work, self.room) = (0, 0);
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
            all &= self.narrow(limits.most);
            if self.work > limits.work {
                return Ok(End::Stuck { all: false });
            }
            let Some(first) = self.front.first() else {
                return Ok(End::Stuck { all });
            };
            let Some(returning) = self.field.returning() else {
                return Ok(End::Legal(first.trail));
            };
            self.remember();
            let mut moves = Moves {
                field: &self.field,
                unlimited: limits.unlimited,
                trail: &mut self.trail,
                out: &mut next,
                lost: false,
            };
            for from in &self.front {
                if moves.out.len() > MOVES * limits.most {
                    moves.lost = true;
                    break;
                }
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
        let room = self.room.max(next.len() + self.front.capacity());
        let before = std::mem::replace(&mut self.room, room);
        meter.grow(
            (self.room - before) * (size_of::<Configuration<B>>() + 2 * self.field.is_read.heap_bytes()),
        )?;
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
        self.work += 2 * self.front.len() as u64;
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
        self.front.sort_by_key(|configuration| configuration.total);
        if self.front.len() <= most {
            return true;
        }
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
