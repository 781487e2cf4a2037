//! Breadth-first: holds the configurations that wait for one return event, and those ahead of it, and forgets all before.

use std::collections::{BTreeMap, VecDeque};

use super::bits::Bits;
use super::configuration::{Configuration, Furthest, Moves};
use super::engine::{Back, Engine, Turn};
use super::plan::Plan;
use super::seen::Seen;
use super::trail::{START, Trail};
use super::witness::{Linearized, witness};
use super::{Found, Stuck, ids};
use crate::budget::{Meter, Stop};
use crate::spec::Spec;

/// Places in a table that is worth to be kept for the next layer.
const SPARE: usize = 1 << 8;

/// A configuration whose moves have not been made yet.
struct Waiting<S, B> {
    configuration: Configuration<S, B>,
    /// What is linearized in it, by its last step.
    trail: u32,
}

/// The configurations that wait for the same return event.
struct Layer<S, B> {
    waiting: VecDeque<Waiting<S, B>>,
    /// Those, and the ones that have been there: whatever is no better than one of them is dropped (rule D).
    seen: Seen<S, B>,
    bytes: u64,
}

/// A search that follows all orders at the same pace.
pub(super) struct Breadth<'a, S: Spec, B> {
    moves: Moves<'a, S, B>,
    plan: &'a Plan<S::Op>,
    layers: BTreeMap<usize, Layer<S::State, B>>,
    spare: Vec<Layer<S::State, B>>,
    trail: Trail,
    furthest: Furthest,
    /// The trail to the furthest place.
    best: u32,
    /// Kept for their memory.
    candidates: Vec<(u32, u32)>,
    path: Vec<Linearized>,
    begun: bool,
}

impl<'a, S: Spec, B: Bits> Breadth<'a, S, B> {
    /// At the beginning.
    pub(super) fn new(spec: &'a S, plan: &'a Plan<S::Op>) -> Self {
        Breadth {
            moves: Moves::new(spec, plan),
            plan,
            layers: BTreeMap::new(),
            spare: Vec::new(),
            trail: Trail::default(),
            furthest: Furthest::default(),
            best: START,
            candidates: Vec::new(),
            path: Vec::new(),
            begun: false,
        }
    }

    fn begin(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        self.begun = true;
        let start = self.moves.start(&mut self.path);
        self.reach(start, START, meter)
    }

    /// The next configuration, with the cursor at its return event; layers without one are given up.
    fn next(&mut self, meter: &mut Meter<'_>) -> Option<(usize, Waiting<S::State, B>)> {
        loop {
            let mut layer = self.layers.first_entry()?;
            let at = *layer.key();
            if let Some(waiting) = layer.get_mut().waiting.pop_front() {
                self.moves.cursor.forward_to(at);
                return Some((at, waiting));
            }
            let mut layer = layer.remove();
            meter.shrink(std::mem::take(&mut layer.bytes));
            if layer.seen.is_small(SPARE) && layer.waiting.capacity() <= SPARE {
                layer.seen.clear();
                self.spare.push(layer);
            }
        }
    }

    /// Makes all moves of a configuration; whether one of them explains the whole history.
    fn expand(
        &mut self,
        at: usize,
        waiting: &Waiting<S::State, B>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<u32>, Stop> {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.moves.candidates(&waiting.configuration, &mut candidates);
        for &candidate in &candidates {
            meter.step()?;
            self.path.clear();
            if let Some(next) = self.moves.take(&waiting.configuration, candidate, &mut self.path) {
                if self.moves.cursor.returning().is_none() {
                    return Ok(Some(self.trail.extend(waiting.trail, &self.path, meter)?));
                }
                self.reach(next, waiting.trail, meter)?;
            }
            self.moves.cursor.back_to(at);
        }
        self.candidates = candidates;
        Ok(None)
    }

    /// Adds a configuration to the layer where the cursor is, unless one that is as good is there.
    fn reach(
        &mut self,
        configuration: Configuration<S::State, B>,
        from: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let at = self.moves.cursor.at();
        let spare = &mut self.spare;
        let layer = self.layers.entry(at).or_insert_with(|| {
            spare.pop().unwrap_or_else(|| Layer {
                waiting: VecDeque::new(),
                seen: Seen::new(),
                bytes: 0,
            })
        });
        let (place, rest) = configuration.split(at);
        if layer.seen.cover(&place, &rest) {
            return Ok(());
        }
        let before = meter.held();
        let heap = 3 * configuration.done.heap_bytes() + S::state_bytes(&configuration.state);
        let more = match layer.waiting.len() == layer.waiting.capacity() {
            true => layer.waiting.len().max(4) * size_of::<Waiting<S::State, B>>(),
            false => 0,
        };
        if heap + more > 0 {
            meter.grow(heap + more)?;
        }
        layer.seen.add(place, rest, meter)?;
        layer.bytes += meter.held() - before;
        let trail = self.trail.extend(from, &self.path, meter)?;
        // Where a place is the furthest so far, no configuration that came there before can cover this one.
        if self.furthest.see(&self.moves, &configuration) {
            self.trail.hold(trail);
            self.trail.release(std::mem::replace(&mut self.best, trail));
        }
        layer.waiting.push_back(Waiting { configuration, trail });
        Ok(())
    }
}

impl<S: Spec, B: Bits> Engine for Breadth<'_, S, B> {
    const NAME: &'static str = "breadth-first";

    fn advance(&mut self, turn: &mut Turn<'_>, meter: &mut Meter<'_>) -> Result<Option<Found>, Stop> {
        if !self.begun {
            self.begin(meter)?;
        }
        loop {
            if turn.is_over() {
                return Ok(None);
            }
            let Some((at, waiting)) = self.next(meter) else {
                return Ok(Some(Found::Illegal(self.furthest.stuck(self.plan))));
            };
            let end = match self.moves.cursor.returning() {
                None => Some(waiting.trail),
                Some(_) => self.expand(at, &waiting, meter)?,
            };
            if let Some(end) = end {
                let path = self.trail.path(end);
                return Ok(Some(Found::Legal(ids(witness(
                    self.plan,
                    &path,
                    self.plan.returns.len(),
                )))));
            }
            self.trail.release(waiting.trail);
        }
    }

    fn reached(&self) -> u64 {
        self.furthest.reached()
    }

    fn attempt(self, back: Back) -> Stuck {
        let Breadth {
            plan,
            trail,
            furthest,
            best,
            layers,
            spare,
            ..
        } = self;
        back.give((layers, spare));
        furthest.attempt(plan, &trail.path(best))
    }
}
