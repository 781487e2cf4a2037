//! Depth-first: fast where the history is legal.

use super::bits::Bits;
use super::configuration::{Configuration, Furthest, Moves};
use super::engine::{Back, Engine, Turn};
use super::plan::Plan;
use super::seen::Seen;
use super::witness::{Linearized, witness};
use super::{Found, Stuck, ids};
use crate::budget::{Meter, Stop};
use crate::spec::Spec;

/// What the path and the best one hold for a frame, more or less.
const PATH_BYTES: usize = 48;

struct Frame<S, B> {
    configuration: Configuration<S, B>,
    /// The return event that it waits for.
    at: usize,
    /// How many candidates were tried.
    tried: usize,
    /// The length of the path that led here.
    path: usize,
}

/// The path to the furthest place: the beginning of the path that is followed now, and what was given up since.
#[derive(Default)]
struct Best {
    common: usize,
    /// The last step first.
    given_up: Vec<Linearized>,
}

impl Best {
    /// It is this path.
    fn is(&mut self, path: &[Linearized]) {
        self.common = path.len();
        self.given_up.clear();
    }

    /// The path is about to be cut to `length`: a step is kept once at most for each time that it was made.
    #[inline]
    fn keep(&mut self, path: &[Linearized], length: usize) {
        if length < self.common {
            self.given_up.extend(path[length..self.common].iter().rev());
            self.common = length;
        }
    }

    fn of(self, mut path: Vec<Linearized>) -> Vec<Linearized> {
        path.truncate(self.common);
        path.extend(self.given_up.iter().rev());
        path
    }
}

/// A search that follows one order as far as it goes, and remembers what led nowhere.
pub(super) struct Depth<'a, S: Spec, B> {
    moves: Moves<'a, S, B>,
    plan: &'a Plan<S::Op>,
    path: Vec<Linearized>,
    frames: Vec<Frame<S::State, B>>,
    failed: Seen<S::State, B>,
    furthest: Furthest,
    best: Best,
    /// The candidates of the last frame; kept for its memory.
    candidates: Vec<(u32, u32)>,
    begun: bool,
}

impl<'a, S: Spec, B: Bits> Depth<'a, S, B> {
    /// At the beginning.
    pub(super) fn new(spec: &'a S, plan: &'a Plan<S::Op>) -> Self {
        Depth {
            moves: Moves::new(spec, plan),
            plan,
            path: Vec::new(),
            frames: Vec::new(),
            failed: Seen::new(),
            furthest: Furthest::default(),
            best: Best::default(),
            candidates: Vec::new(),
            begun: false,
        }
    }

    fn begin(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        self.begun = true;
        let start = self.moves.start(&mut self.path);
        self.push(start, meter)
    }

    /// The next configuration from the last frame, if there is one.
    fn next(&mut self, meter: &mut Meter<'_>) -> Result<Option<Configuration<S::State, B>>, Stop> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(None);
        };
        self.moves.candidates(&frame.configuration, &mut self.candidates);
        while let Some(&candidate) = self.candidates.get(frame.tried) {
            meter.step()?;
            frame.tried += 1;
            let next = self.moves.take(&frame.configuration, candidate, &mut self.path);
            if next.is_some() {
                return Ok(next);
            }
            self.moves.cursor.back_to(frame.at);
            self.path.truncate(frame.path);
        }
        Ok(None)
    }

    fn push(&mut self, configuration: Configuration<S::State, B>, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let at = self.moves.cursor.at();
        if self.frames.len() == self.frames.capacity() {
            let more = self.frames.len().max(64);
            meter.grow(
                more * (size_of::<Frame<S::State, B>>() + 3 * configuration.done.heap_bytes() + PATH_BYTES),
            )?;
            self.frames.reserve_exact(more);
        }
        let heap = S::state_bytes(&configuration.state);
        if heap > 0 {
            meter.grow(heap)?;
        }
        if self.furthest.see(&self.moves, &configuration) {
            self.best.is(&self.path);
        }
        self.frames.push(Frame {
            configuration,
            at,
            tried: 0,
            path: self.path.len(),
        });
        Ok(())
    }

    fn is_new(&self, next: &Configuration<S::State, B>) -> bool {
        let (place, rest) = next.split(self.moves.cursor.at());
        !self.failed.cover(&place, &rest)
    }

    /// The last frame leads nowhere.
    fn fail(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let (place, rest) = frame.configuration.split(frame.at);
        self.failed.add(place, rest, meter)
    }
}

impl<S: Spec, B: Bits> Engine for Depth<'_, S, B> {
    const NAME: &'static str = "depth-first";

    fn advance(&mut self, turn: &mut Turn<'_>, meter: &mut Meter<'_>) -> Result<Option<Found>, Stop> {
        if !self.begun {
            self.begin(meter)?;
        }
        while let Some(frame) = self.frames.last() {
            if turn.is_over() {
                return Ok(None);
            }
            self.moves.cursor.back_to(frame.at);
            self.best.keep(&self.path, frame.path);
            self.path.truncate(frame.path);
            if self.moves.cursor.returning().is_none() {
                return Ok(Some(Found::Legal(ids(witness(
                    self.plan,
                    &self.path,
                    self.moves.cursor.at(),
                )))));
            }
            match self.next(meter)? {
                Some(next) if self.is_new(&next) => self.push(next, meter)?,
                Some(_) => {}
                None => self.fail(meter)?,
            }
        }
        Ok(Some(Found::Illegal(self.furthest.stuck(self.plan))))
    }

    fn reached(&self) -> u64 {
        self.furthest.reached()
    }

    fn attempt(self, back: Back) -> Stuck {
        let Depth {
            plan,
            path,
            furthest,
            best,
            frames,
            failed,
            ..
        } = self;
        back.give((frames, failed));
        furthest.attempt(plan, &best.of(path))
    }
}
