//! Depth-first: fast where the history is legal.

use std::hash::Hash;

use super::bits::Bits;
use super::configuration::{Configuration, Linearized, Moves, PASS};
use super::plan::Plan;
use super::seen::{Failed, Place, Seen};
use super::{Found, Role, Spec, Stuck};
use crate::budget::{Meter, Stop};

struct Frame<S, B> {
    configuration: Configuration<S, B>,
    /// The return event that it waits for.
    at: usize,
    /// How many candidates were tried.
    tried: usize,
    /// The length of the path that led here.
    path: usize,
}

/// Searches all orders.
pub(super) fn run<S: Spec, B: Bits>(spec: &S, plan: &Plan<S::Op>, meter: &mut Meter<'_>) -> Found {
    let mut search = Depth::<S, B> {
        moves: Moves::new(spec, plan),
        plan,
        path: Vec::new(),
        frames: Vec::new(),
        failed: Seen::new(),
        best: 0,
        stuck: Vec::new(),
    };
    match search.run(meter) {
        Ok(true) => Found::Legal(witness(plan, &search.path)),
        Ok(false) => Found::Illegal(search.stuck()),
        Err(stop) => Found::Stopped(stop, search.stuck()),
    }
}

struct Depth<'a, S: Spec, B> {
    moves: Moves<'a, S, B>,
    plan: &'a Plan<S::Op>,
    path: Vec<Linearized>,
    frames: Vec<Frame<S::State, B>>,
    failed: Seen<S::State, B>,
    best: usize,
    stuck: Vec<u32>,
}

impl<S: Spec, B: Bits> Depth<'_, S, B> {
    fn run(&mut self, meter: &mut Meter<'_>) -> Result<bool, Stop> {
        let start = self.moves.start(&mut self.path);
        self.push(start, meter)?;
        let mut candidates = Vec::new();
        while let Some(frame) = self.frames.last_mut() {
            self.moves.cursor.back_to(frame.at);
            self.path.truncate(frame.path);
            if self.moves.cursor.returning().is_none() {
                return Ok(true);
            }
            self.moves.candidates(&frame.configuration, &mut candidates);
            let mut next = None;
            while next.is_none() && frame.tried < candidates.len() {
                meter.step()?;
                next = self
                    .moves
                    .take(&frame.configuration, candidates[frame.tried], &mut self.path);
                frame.tried += 1;
                if next.is_none() {
                    self.moves.cursor.back_to(frame.at);
                    self.path.truncate(frame.path);
                }
            }
            match next {
                Some(next) if self.is_new(&next) => self.push(next, meter)?,
                Some(_) => {}
                None => self.fail(meter)?,
            }
        }
        Ok(false)
    }

    fn push(&mut self, configuration: Configuration<S::State, B>, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let at = self.moves.cursor.at();
        if self.frames.len() == self.frames.capacity() {
            let more = self.frames.len().max(64);
            meter
                .grow(more * (size_of::<Frame<S::State, B>>() + 3 * configuration.done.heap_bytes() + 16))?;
            self.frames.reserve_exact(more);
        }
        let heap = S::state_bytes(&configuration.state);
        if heap > 0 {
            meter.grow(heap)?;
        }
        if at > self.best || self.frames.is_empty() {
            self.best = at;
            self.note(&configuration);
        }
        self.frames.push(Frame {
            configuration,
            at,
            tried: 0,
            path: self.path.len(),
        });
        Ok(())
    }

    /// Remembers where the best attempt stands.
    fn note(&mut self, configuration: &Configuration<S::State, B>) {
        self.stuck.clear();
        self.stuck.extend(self.moves.cursor.returning());
        let waiting = self.moves.cursor.pending.without(&configuration.done);
        let others = waiting.ones().map(|slot| self.moves.cursor.holder(slot));
        self.stuck
            .extend(others.filter(|&entry| Some(entry) != self.moves.cursor.returning()));
    }

    fn stuck(&self) -> Stuck {
        let id = |&entry: &u32| self.plan.entries[entry as usize].id;
        Stuck {
            explained: self.best,
            pending: self.stuck.iter().map(id).collect(),
        }
    }

    fn is_new(&self, next: &Configuration<S::State, B>) -> bool {
        let (place, rest) = split(next, self.moves.cursor.at());
        !self.failed.cover(&place, &rest)
    }

    /// The last frame leads nowhere.
    fn fail(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let (place, rest) = split(&frame.configuration, frame.at);
        self.failed.add(place, rest, meter)
    }
}

fn split<S: Clone, B: Bits>(configuration: &Configuration<S, B>, at: usize) -> (Place<S, B>, Failed<B>) {
    let Configuration {
        done,
        absorbed,
        used,
        fresh,
        state,
    } = configuration.clone();
    (
        Place {
            at: at as u32,
            done,
            state,
        },
        Failed {
            used,
            absorbed,
            fresh,
        },
    )
}

/// The whole order: the path, and each absorbed write just before the overwrite that absorbed it.
fn witness<O: Clone + Eq + Hash>(plan: &Plan<O>, path: &[Linearized]) -> Vec<u32> {
    let mut visible = vec![false; plan.entries.len()];
    path.iter().for_each(|step| visible[step.entry as usize] = true);
    let overwrites: Vec<usize> = (0..path.len())
        .filter(|&step| plan.entries[path[step].entry as usize].role == Role::Blind)
        .collect();
    let mut absorbed: Vec<(usize, u32)> = Vec::new();
    for (at, entry) in plan
        .entries
        .iter()
        .enumerate()
        .filter(|(at, entry)| !visible[*at] && !entry.is_open())
    {
        let first = overwrites.partition_point(|&step| plan.horizon(path[step].at as usize) < entry.inv);
        absorbed.push((overwrites.get(first).copied().unwrap_or(path.len()), at as u32));
    }
    absorbed.sort_unstable();
    let mut absorbed = absorbed.into_iter().peekable();
    let mut order = Vec::with_capacity(plan.entries.len());
    for (step, linearized) in path.iter().enumerate() {
        while let Some((_, entry)) = absorbed.next_if(|(before, _)| *before <= step) {
            order.push(plan.entries[entry as usize].id);
        }
        order.push(plan.entries[linearized.entry as usize].id);
    }
    debug_assert!(absorbed.peek().is_none() && !path.iter().any(|step| step.entry == PASS));
    order
}
