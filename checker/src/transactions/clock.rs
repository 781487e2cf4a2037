//! When transactions may have happened of which the history says no more than which session each belongs to.
//!
//! The engines begin with an order that the clock proposes ([`guess`](super::guess)), and such a history has none. So one is
//! imagined: session beside session, each as far as the others, and of those that could be next one whose reads show what
//! stands there, and that replaces nothing that somebody is still to read. It is no more than a proposal: what is shown by it is
//! replayed, and what breaks a level does so whatever stands here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use histories::Process;
use rustc_hash::FxHashMap;

use super::facts::{Clock, Effect, Facts, Read};
use super::micro::NONE;
use crate::budget::Meter;
use crate::error::Halt;

/// So many sessions are looked at for the next transaction, those first that are behind the others.
const LOOKED_AT: usize = 128;

/// Progress of a session is counted in so many parts.
const PARTS: u64 = 1 << 32;

/// How well a transaction fits as the next one; the least is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Its reads show what stands there, and nobody waits to read what it replaces.
    Well,
    /// Its reads show what stands there.
    Early,
    /// What it read was written, but something else stands there.
    Late,
    /// Something that it read is still to be written.
    Not,
}

/// A session, as far as it has come.
struct Session {
    transactions: Vec<u32>,
    done: usize,
    /// When its last transaction ended.
    ended: u32,
}

impl Session {
    fn progress(&self) -> u64 {
        self.done as u64 * PARTS / self.transactions.len() as u64
    }

    fn is_over(&self) -> bool {
        self.done == self.transactions.len()
    }

    /// The next transaction of one that is not over.
    fn next(&self) -> u32 {
        self.transactions[self.done]
    }
}

/// What stands under the keys.
struct Stage<'f> {
    facts: &'f Facts,
    placed: Vec<bool>,
    /// The version of each key.
    stands: Vec<u32>,
    /// How many transactions are still to read each version; at last, by key, what stands there before every write.
    readers: Vec<u32>,
    first_readers: Vec<u32>,
}

impl<'f> Stage<'f> {
    fn new(facts: &'f Facts) -> Self {
        let mut stage = Stage {
            facts,
            placed: vec![false; facts.len() as usize],
            stands: vec![NONE; facts.keys],
            readers: vec![0; facts.versions()],
            first_readers: vec![0; facts.keys],
        };
        for at in 0..facts.len() {
            for &read in facts.reads.of(at) {
                *stage.readers_of(read) += 1;
            }
        }
        stage
    }

    fn readers_of(&mut self, read: Read) -> &mut u32 {
        match read.version {
            NONE => &mut self.first_readers[read.key as usize],
            version => &mut self.readers[version as usize],
        }
    }

    fn fit(&self, at: u32) -> Fit {
        let (facts, mut fit) = (self.facts, Fit::Well);
        for &read in facts.reads.of(at) {
            if self.stands[read.key as usize] == read.version {
                continue;
            }
            let mut sources = facts.sources(read).iter();
            match sources.any(|&source| source == NONE || self.placed[source as usize]) {
                true => fit = Fit::Late,
                false => return Fit::Not,
            }
        }
        let replaces = |key: u32| {
            let waiting = match self.stands[key as usize] {
                NONE => self.first_readers[key as usize],
                version => self.readers[version as usize],
            };
            let own = facts.reads.of(at).iter().filter(|read| read.key == key);
            waiting > own.count() as u32
        };
        match facts.writes.of(at).iter().any(|write| replaces(write.key)) {
            true => fit.max(Fit::Early),
            false => fit,
        }
    }

    fn place(&mut self, at: u32) {
        let facts = self.facts;
        self.placed[at as usize] = true;
        for &read in facts.reads.of(at) {
            *self.readers_of(read) -= 1;
        }
        for write in facts.writes.of(at) {
            self.stands[write.key as usize] = write.version;
        }
    }
}

/// A clock for transactions of which only the order within each session is known.
pub(super) fn imagined(facts: &Facts, meter: &mut Meter<'_>) -> Result<Clock, Halt> {
    let many = facts.len() as usize;
    meter.grow(many * 24 + facts.versions() * 4 + facts.keys * 8)?;
    let mut sessions = sessions(facts);
    let mut waiting: BinaryHeap<Reverse<(u64, usize)>> =
        (0..sessions.len()).map(|session| Reverse((0, session))).collect();
    let mut stage = Stage::new(facts);
    let mut clock = Clock {
        inv: vec![0; many],
        ret: vec![0; many],
    };
    let (mut now, mut looked_at) = (0, Vec::new());
    while !waiting.is_empty() {
        let mut best: Option<(Fit, usize)> = None;
        while looked_at.len() < LOOKED_AT
            && let Some(next) = waiting.pop()
        {
            meter.step()?;
            let session = next.0.1;
            looked_at.push(next);
            let fit = stage.fit(sessions[session].next());
            if best.is_none_or(|(known, _)| fit < known) {
                best = Some((fit, session));
            }
            // Those that are left are no more behind than this one.
            if fit == Fit::Well {
                break;
            }
        }
        let chosen = best.map(|(_, session)| session);
        waiting.extend(looked_at.drain(..).filter(|next| Some(next.0.1) != chosen));
        let Some(session) = chosen else { break };
        let of = &mut sessions[session];
        let at = of.next();
        stage.place(at);
        now += 2;
        (clock.inv[at as usize], clock.ret[at as usize]) = (of.ended + 1, now);
        (of.done, of.ended) = (of.done + 1, now);
        if !of.is_over() {
            waiting.push(Reverse((of.progress(), session)));
        }
    }
    Ok(clock)
}

/// The transactions of each session that may have taken effect, in its order.
fn sessions(facts: &Facts) -> Vec<Session> {
    let mut places: FxHashMap<Process, usize> = FxHashMap::default();
    let mut sessions: Vec<Session> = Vec::new();
    for at in (0..facts.len()).filter(|&at| facts.effects[at as usize] != Effect::None) {
        let place = *places.entry(facts.process[at as usize]).or_insert_with(|| {
            sessions.push(Session {
                transactions: Vec::new(),
                done: 0,
                ended: 0,
            });
            sessions.len() - 1
        });
        sessions[place].transactions.push(at);
    }
    sessions
}
