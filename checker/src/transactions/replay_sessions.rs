//! The verifier of the guarantees to sessions: it takes an order of writes and who wrote what was read, and goes through
//! the definitions. It shares no code with the engine.

use histories::{Kind, Process};
use rustc_hash::FxHashMap;

use super::micro::Transactions;
use crate::budget::Meter;
use crate::error::Halt;
use crate::levels::Isolation;

/// An operation at its place in the order: from where each of its reads is, with the key; none: the initial value.
pub(super) type Reads = Vec<(u32, Option<usize>)>;

/// What the verifier goes through.
pub(super) struct Order<'a> {
    pub transactions: &'a Transactions<'a>,
    /// The operations that took effect, the writes in the order in which all see them.
    pub order: &'a [u32],
    /// What each of them read, by its place.
    pub reads: &'a [Reads],
    pub isolation: Isolation,
}

impl Order<'_> {
    fn asks_for(&self, guarantee: Isolation) -> bool {
        self.isolation.implies(guarantee)
    }

    fn keys_written(&self, place: usize) -> impl Iterator<Item = u32> {
        let micros = self.transactions.micros(self.order[place]).iter();
        micros.filter(|micro| micro.writes()).map(|micro| micro.key)
    }

    /// The places of each session's operations, in the order in which its process ran them; what came after one of
    /// unknown outcome is not bound to it.
    fn sessions(&self) -> Vec<Vec<usize>> {
        let mut sessions: FxHashMap<Process, Vec<usize>> = FxHashMap::default();
        let mut places: Vec<usize> = (0..self.order.len()).collect();
        places.sort_unstable_by_key(|&place| self.transactions.operations[self.order[place] as usize].inv);
        for place in places {
            let process = self.transactions.process(self.order[place]);
            sessions.entry(process).or_default().push(place);
        }
        sessions.into_values().collect()
    }

    fn succeeded(&self, place: usize) -> bool {
        self.transactions.outcome(self.order[place]) == Kind::Ok
    }

    /// Whether everything that was guaranteed is so.
    pub(super) fn holds(&self, meter: &mut Meter<'_>) -> Result<bool, Halt> {
        let sessions = self.sessions();
        let Some(brought) = self.brought(&sessions, meter)? else {
            return Ok(false);
        };
        for session in &sessions {
            // The writes that have to be seen from here on.
            let mut seen: Vec<usize> = Vec::new();
            for &place in session {
                meter.step()?;
                for &(key, source) in &self.reads[place] {
                    let misses = |&write: &usize| {
                        source.is_none_or(|source| write > source)
                            && self.keys_written(write).any(|of| of == key)
                    };
                    meter.pass(seen.len())?;
                    if seen.iter().any(misses) {
                        return Ok(false);
                    }
                }
                if !self.succeeded(place) {
                    continue;
                }
                if self.asks_for(Isolation::MonotonicReads) {
                    let sources = self.reads[place].iter().filter_map(|&(_, source)| source);
                    seen.extend(sources.flat_map(|source| brought[source].iter().copied()));
                }
                if self.asks_for(Isolation::ReadYourWrites) && self.keys_written(place).next().is_some() {
                    seen.extend(&brought[place]);
                }
                self.newest_alone(&mut seen);
            }
        }
        Ok(true)
    }

    /// Leaves the last write to each key: what it is not later than, no earlier one is.
    fn newest_alone(&self, seen: &mut Vec<usize>) {
        let mut last: FxHashMap<u32, usize> = FxHashMap::default();
        for &write in seen.iter() {
            for key in self.keys_written(write) {
                let newest = last.entry(key).or_insert(write);
                *newest = write.max(*newest);
            }
        }
        seen.clear();
        seen.extend(last.into_values());
        seen.sort_unstable();
        seen.dedup();
    }

    /// The writes that are seen with each one, of each key the last; none if one of them comes later, or a cas before
    /// what it read.
    fn brought(
        &self,
        sessions: &[Vec<usize>],
        meter: &mut Meter<'_>,
    ) -> Result<Option<Vec<Vec<usize>>>, Halt> {
        let mut lines: Vec<Line> = Vec::with_capacity(sessions.len());
        // Of each write its line, and how much of that stands before it.
        let mut behind = vec![None; self.order.len()];
        for session in sessions {
            let mut line = Line::default();
            for &place in session {
                let sources = self.reads[place].iter().filter_map(|&(_, source)| source);
                let writes = self.keys_written(place).next().is_some();
                if writes && sources.clone().any(|source| source >= place) {
                    return Ok(None);
                }
                let length = line.writes.len();
                if self.asks_for(Isolation::WritesFollowReads) {
                    line.writes.extend(sources);
                }
                behind[place] = writes.then_some((lines.len(), line.writes.len()));
                if !self.succeeded(place) {
                    // What is behind it stands for it alone.
                    let own = line.writes.split_off(length);
                    behind[place] = behind[place].map(|(line, _)| (line, length));
                    if own.iter().any(|&source| writes && source >= place) {
                        return Ok(None);
                    }
                    line.lone.push((place, own));
                } else if writes && self.asks_for(Isolation::MonotonicWrites) {
                    line.writes.push(place);
                }
            }
            lines.push(line);
        }
        let mut brought: Vec<Vec<usize>> = Vec::with_capacity(self.order.len());
        for (place, behind) in behind.into_iter().enumerate() {
            meter.step()?;
            let mut seen = vec![place];
            if let Some((line, length)) = behind {
                if lines[line].writes[..length].iter().any(|&write| write >= place) {
                    return Ok(None);
                }
                seen.extend(self.along(&mut lines[line], length, &brought, meter)?);
                let lone = lines[line].lone.iter().find(|(at, _)| *at == place);
                let own = lone.into_iter().flat_map(|(_, own)| own);
                seen.extend(own.flat_map(|&write| brought[write].iter().copied()));
            }
            self.newest_alone(&mut seen);
            meter.grow(seen.len() * 8)?;
            brought.push(seen);
        }
        Ok(Some(brought))
    }

    /// What the first so many writes of a line bring.
    fn along(
        &self,
        line: &mut Line,
        length: usize,
        brought: &[Vec<usize>],
        meter: &mut Meter<'_>,
    ) -> Result<Vec<usize>, Halt> {
        while line.seen.len() <= length {
            let mut seen = line.seen.last().cloned().unwrap_or_default();
            if let Some(next) = line.seen.len().checked_sub(1) {
                seen.extend(&brought[line.writes[next]]);
            }
            self.newest_alone(&mut seen);
            meter.grow(seen.len() * 8)?;
            line.seen.push(seen);
        }
        Ok(line.seen[length].clone())
    }
}

/// What a session's writes have to follow, in its order.
#[derive(Default)]
struct Line {
    writes: Vec<usize>,
    /// What is seen with the first of them, the first two, …; it begins with nothing.
    seen: Vec<Vec<usize>>,
    /// What a cas of unknown outcome read, which nothing else has to follow.
    lone: Vec<(usize, Vec<usize>)>,
}
