//! Depth-first: fast where the history is legal.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::configuration::{Configuration, Linearized, Moves, PASS};
use super::plan::Plan;
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
        failed: FxHashMap::default(),
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
    failed: FxHashMap<Place<S::State, B>, Failures<B>>,
    best: usize,
    stuck: Vec<u32>,
}

/// The part of a configuration that must be equal.
#[derive(PartialEq, Eq, Hash)]
struct Place<S, B> {
    at: u32,
    done: B,
    state: S,
}

/// The part of a configuration that need only be no better.
struct Failed<B> {
    used: B,
    absorbed: B,
    fresh: bool,
}

/// What failed at one place, none better than another; one is so common that it needs no allocation.
struct Failures<B> {
    first: Failed<B>,
    more: Vec<Failed<B>>,
}

impl<B: Bits> Failures<B> {
    fn cover(&self, other: &Failed<B>) -> bool {
        self.first.covers(other) || self.more.iter().any(|one| one.covers(other))
    }

    fn add(&mut self, failed: Failed<B>) {
        self.more.retain(|other| !failed.covers(other));
        if failed.covers(&self.first) {
            self.first = failed;
        } else {
            self.more.push(failed);
        }
    }
}

impl<B: Bits> Failed<B> {
    /// Whether whatever can be done from `other` could have been done from here (rule D).
    fn covers(&self, other: &Failed<B>) -> bool {
        self.used.is_subset(&other.used)
            && other.absorbed.is_subset(&self.absorbed)
            && self.fresh <= other.fresh
    }
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
        self.failed.get(&place).is_none_or(|failed| !failed.cover(&rest))
    }

    /// The last frame leads nowhere.
    fn fail(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let (place, rest) = split(&frame.configuration, frame.at);
        let heap = frame.configuration.done.heap_bytes();
        meter.grow(size_of::<Failed<B>>() + 2 * heap)?;
        match self.failed.entry(place) {
            Entry::Occupied(mut others) => others.get_mut().add(rest),
            Entry::Vacant(new) => {
                new.insert(Failures {
                    first: rest,
                    more: Vec::new(),
                });
                meter.grow(2 * size_of::<(Place<S::State, B>, Failures<B>)>() + heap)?;
            }
        }
        Ok(())
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
