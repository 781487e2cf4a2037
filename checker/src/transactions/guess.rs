//! A first attempt at an order, led by the clock: each transaction takes effect when it has to be done, after those
//! whose writes it read and those that read what it replaces.
//!
//! It is right for nearly all histories of databases that keep their word, in one pass and without a graph. What it
//! gives is only a proposal: the order is replayed, or mended by the [`solver`](super::solver).

use super::facts::{Clock, Effect, Facts, Read};
use super::micro::NONE;
use crate::budget::Meter;
use crate::error::Halt;
use crate::operations::OPEN;

/// How deep one transaction may ask for another that asks for another, and how many it may ask for in all.
const DEPTH: u32 = 32;
const ASKED: u32 = 400;

/// How far back a snapshot is looked for, in versions of a key.
const BACK: usize = 64;

/// Where a transaction reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Where it commits.
    AtCommit,
    /// At a snapshot that may be older; no key that it writes has changed since.
    FromSnapshot,
}

/// A transaction in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// Its number.
    pub transaction: u32,
    /// How many of the commits before it see into its snapshot.
    pub snapshot: u32,
}

/// The order, and whether it is meant to be legal.
#[derive(Debug)]
pub(super) struct Guess {
    pub order: Vec<Commit>,
    pub fits: bool,
}

/// An order of all that took effect, in which nobody stands before who had returned when he began.
pub(super) fn guess(facts: &Facts, reads: Reads, meter: &mut Meter<'_>) -> Result<Guess, Halt> {
    meter.grow(facts.len() as usize * 40 + facts.keys * 40)?;
    let mut guesser = Guesser::new(facts, reads);
    for (at, returns) in steps(facts) {
        meter.step()?;
        if !returns {
            guesser.invoke(at);
            continue;
        }
        if guesser.place[at as usize] == NONE && facts.certain(at) && !guesser.ensure(at, 0, meter)? {
            guesser.force(at);
        }
        guesser.returned = guesser.returned.max(guesser.place[at as usize].wrapping_add(1));
    }
    guesser.finish(meter)
}

/// For each version the last invocation of a transaction that reads it; 0 where several wrote it, and nobody knows whose
/// was read.
fn read_until(facts: &Facts) -> Vec<u32> {
    let [inv, _] = facts.times();
    let mut until = vec![0; facts.versions()];
    for at in 0..facts.len() {
        let one = |read: &&Read| read.version != NONE && facts.sources(**read).len() == 1;
        for read in facts.reads.of(at).iter().filter(one) {
            let last = &mut until[read.version as usize];
            *last = inv[at as usize].max(*last);
        }
    }
    until
}

/// Invocations and completions in their order; `true` for a completion.
fn steps(facts: &Facts) -> Box<dyn Iterator<Item = (u32, bool)> + '_> {
    match &facts.imagined {
        Some(clock) => Box::new(imagined_steps(facts, clock)),
        None => Box::new(known_steps(facts)),
    }
}

fn imagined_steps(facts: &Facts, clock: &Clock) -> impl Iterator<Item = (u32, bool)> {
    let all = (0..facts.len()).filter(|&at| facts.effects[at as usize] != Effect::None);
    let ends = |at: u32| {
        let end = (facts.ret[at as usize] != OPEN).then_some((clock.ret[at as usize], at, true));
        [Some((clock.inv[at as usize], at, false)), end]
    };
    let mut steps: Vec<(u32, u32, bool)> = all.flat_map(ends).flatten().collect();
    steps.sort_unstable();
    steps.into_iter().map(|(_, at, returns)| (at, returns))
}

/// A transaction's number is its place among the invocations.
fn known_steps(facts: &Facts) -> impl Iterator<Item = (u32, bool)> {
    let mut ends: Vec<(u32, u32)> = (0..facts.len())
        .map(|at| (facts.ret[at as usize], at))
        .filter(|&(ret, _)| ret != OPEN)
        .collect();
    ends.sort_unstable();
    let mut ends = ends.into_iter().peekable();
    let mut next = 0;
    std::iter::from_fn(move || {
        let inv = facts.inv.get(next).copied().unwrap_or(OPEN);
        match ends.next_if(|&(ret, _)| ret < inv) {
            Some((_, at)) => Some((at, true)),
            None if inv == OPEN => None,
            None => {
                next += 1;
                Some((next as u32 - 1, false))
            }
        }
    })
}

/// A version of a key and the number of commits up to its own.
type Stand = (u32, u32);

struct Guesser<'f> {
    facts: &'f Facts,
    reads: Reads,
    order: Vec<Commit>,
    /// Where each stands; [`NONE`] as long as it does not.
    place: Vec<u32>,
    invoked: Vec<bool>,
    /// The versions of each key, the newest last; when reads look at the newest only, there is no other.
    stands: Vec<Vec<Stand>>,
    /// Of lists, how many elements of the key's order stand there.
    filled: Vec<u32>,
    /// Who waits to read each version, with those that have read it.
    readers: Vec<Vec<u32>>,
    /// The same for what stands there before every write, by key.
    first_readers: Vec<Vec<u32>>,
    /// When each version is read for the last time, by the invocations of its readers.
    read_until: Vec<u32>,
    /// Who waits to write each key, with those that have written it.
    writers: Vec<Vec<u32>>,
    /// How many commits a snapshot has to see: those that had returned when its transaction was invoked.
    least: Vec<u32>,
    returned: u32,
    /// On their way to a place.
    doing: Vec<bool>,
    /// How many were asked for since somebody had to be done.
    asked: u32,
    fits: bool,
}

impl<'f> Guesser<'f> {
    fn new(facts: &'f Facts, reads: Reads) -> Self {
        let many = facts.len() as usize;
        Guesser {
            facts,
            reads,
            order: Vec::with_capacity(many),
            place: vec![NONE; many],
            invoked: vec![false; many],
            stands: vec![vec![(NONE, 0)]; facts.keys],
            filled: vec![0; if facts.of_whole_lists() { facts.keys } else { 0 }],
            readers: vec![Vec::new(); facts.versions()],
            first_readers: vec![Vec::new(); facts.keys],
            read_until: read_until(facts),
            writers: vec![Vec::new(); facts.keys],
            least: vec![0; many],
            returned: 0,
            doing: vec![false; many],
            asked: 0,
            fits: true,
        }
    }

    fn invoke(&mut self, at: u32) {
        if self.facts.effects[at as usize] == Effect::None {
            return;
        }
        self.invoked[at as usize] = true;
        self.least[at as usize] = self.returned;
        for &read in self.facts.reads.of(at) {
            self.waiting(read).push(at);
        }
        for write in self.facts.writes.of(at) {
            self.writers[write.key as usize].push(at);
        }
    }

    fn waiting(&mut self, read: Read) -> &mut Vec<u32> {
        match read.version {
            NONE => &mut self.first_readers[read.key as usize],
            version => &mut self.readers[version as usize],
        }
    }

    /// Puts a transaction into the order, and before it those that it needs; whether it fits there.
    fn ensure(&mut self, at: u32, depth: u32, meter: &mut Meter<'_>) -> Result<bool, Halt> {
        meter.step()?;
        if self.place[at as usize] != NONE {
            return Ok(true);
        }
        self.asked = if depth == 0 { 0 } else { self.asked + 1 };
        if depth > DEPTH || self.asked > ASKED || self.doing[at as usize] || !self.invoked[at as usize] {
            return Ok(false);
        }
        self.doing[at as usize] = true;
        let placed = self.bring_about(at, depth, meter);
        self.doing[at as usize] = false;
        placed
    }

    fn bring_about(&mut self, at: u32, depth: u32, meter: &mut Meter<'_>) -> Result<bool, Halt> {
        for _ in 0..2 {
            self.ask_for_sources(at, depth, meter)?;
            self.let_writers_go_first(at, depth, meter)?;
            if self.reads == Reads::AtCommit {
                self.let_readers_go_first(at, depth, meter)?;
            }
            if let Some(snapshot) = self.snapshot(at) {
                self.commit(at, snapshot);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn ask_for_sources(&mut self, at: u32, depth: u32, meter: &mut Meter<'_>) -> Result<(), Halt> {
        let facts = self.facts;
        for &read in facts.reads.of(at) {
            if self.newest(read.key) == read.version {
                continue;
            }
            for &source in facts.sources(read).iter().filter(|&&source| source != NONE) {
                if self.place[source as usize] == NONE && self.ensure(source, depth + 1, meter)? {
                    break;
                }
            }
        }
        for write in facts.writes.of(at).iter().filter(|_| facts.of_whole_lists()) {
            while self.filled[write.key as usize] < write.after.min(facts.lengths[write.key as usize]) {
                let next = facts.appender(write.key, self.filled[write.key as usize]);
                let placed = next == NONE || self.place[next as usize] != NONE;
                if placed || !self.ensure(next, depth + 1, meter)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Those that wait to read what this one replaces.
    fn let_readers_go_first(&mut self, at: u32, depth: u32, meter: &mut Meter<'_>) -> Result<(), Halt> {
        for &write in self.facts.writes.of(at) {
            let read = Read {
                key: write.key,
                version: self.newest(write.key),
            };
            let mut waiting = std::mem::take(self.waiting(read));
            waiting.retain(|&reader| self.place[reader as usize] == NONE);
            for &reader in &waiting {
                if reader != at {
                    self.ensure(reader, depth + 1, meter)?;
                }
            }
            self.waiting(read).append(&mut waiting);
        }
        Ok(())
    }

    /// Those that have to write a key before this one does, since what it writes is still read when they are done.
    fn let_writers_go_first(&mut self, at: u32, depth: u32, meter: &mut Meter<'_>) -> Result<(), Halt> {
        for &write in self.facts.writes.of(at) {
            let [_, ret] = self.facts.times();
            let until = self.read_until[write.version as usize];
            let mut waiting = std::mem::take(&mut self.writers[write.key as usize]);
            waiting.retain(|&writer| self.place[writer as usize] == NONE);
            for &writer in &waiting {
                if writer != at && ret[writer as usize] < until {
                    self.ensure(writer, depth + 1, meter)?;
                }
            }
            self.writers[write.key as usize].append(&mut waiting);
        }
        Ok(())
    }

    fn newest(&self, key: u32) -> u32 {
        self.stands[key as usize]
            .last()
            .map_or(NONE, |&(version, _)| version)
    }

    /// How many commits a transaction can see that commits now; none if its reads do not fit.
    fn snapshot(&self, at: u32) -> Option<u32> {
        let now = self.order.len() as u32;
        let (mut from, mut until) = (self.least[at as usize], now);
        for read in self.facts.reads.of(at) {
            let stands = &self.stands[read.key as usize];
            let back = stands
                .iter()
                .rev()
                .take(BACK)
                .position(|&(version, _)| version == read.version)?;
            let place = stands.len() - 1 - back;
            from = from.max(stands[place].1);
            if let Some(&(_, replaced)) = stands.get(place + 1) {
                until = until.min(replaced - 1);
            }
        }
        for write in self.facts.writes.of(at) {
            from = from.max(self.stands[write.key as usize].last()?.1);
            if let Some(&filled) = self.filled.get(write.key as usize)
                && filled != write.after
            {
                return None;
            }
        }
        if self.reads == Reads::AtCommit && until < now {
            return None;
        }
        (from <= until).then_some(until)
    }

    fn commit(&mut self, at: u32, snapshot: u32) {
        self.place[at as usize] = self.order.len() as u32;
        self.order.push(Commit {
            transaction: at,
            snapshot,
        });
        let now = self.order.len() as u32;
        for write in self.facts.writes.of(at) {
            let stands = &mut self.stands[write.key as usize];
            if self.reads == Reads::AtCommit {
                stands.clear();
            }
            stands.push((write.version, now));
            if let Some(filled) = self.filled.get_mut(write.key as usize) {
                *filled = write.until;
            }
        }
    }

    fn force(&mut self, at: u32) {
        self.fits = false;
        self.commit(at, self.order.len() as u32);
    }

    /// Places those that are left.
    fn finish(mut self, meter: &mut Meter<'_>) -> Result<Guess, Halt> {
        for at in 0..self.facts.len() {
            if self.facts.certain(at) && self.place[at as usize] == NONE && !self.ensure(at, 0, meter)? {
                self.force(at);
            }
        }
        Ok(Guess {
            order: self.order,
            fits: self.fits,
        })
    }
}
