//! The zones of one register, 12 bytes a written value.

use histories::Kind;
use rustc_hash::FxHashMap;

use super::ahead::{Glance, Seen};
use super::{Flying, OPEN};

/// How far values may run ahead of their writes and still be in turn.
const SLACK: usize = 64;

/// One value's zone; positions count from 1.
#[derive(Clone, Copy)]
struct Zone {
    /// The invocation of its write; 0 if there is none, [`OPEN`] if it failed.
    write: u32,
    f: u32,
    s: u32,
}

const NONE: Zone = Zone {
    write: 0,
    f: OPEN,
    s: 0,
};

/// The zones of one register.
pub(super) struct Register {
    initial: Option<i64>,
    initial_zone: Zone,
    /// Zones of the values from 0 on, as long as they come about in turn.
    dense: Vec<Zone>,
    /// Zones of other values.
    sparse: FxHashMap<i64, Zone>,
    writes: usize,
    /// Whether a read succeeded, and said something.
    observed: bool,
}

impl Register {
    /// Before the first operation.
    pub(super) fn new(initial: Option<i64>) -> Self {
        Register {
            initial,
            initial_zone: Zone { f: 0, ..NONE },
            dense: Vec::new(),
            sparse: FxHashMap::default(),
            writes: 0,
            observed: false,
        }
    }

    /// None where a stream cannot tell.
    #[inline]
    pub(super) fn complete(&mut self, flying: Flying, position: u32, event: &Glance) -> Option<()> {
        match (flying.writes, event.kind) {
            (Some(value), Kind::Ok) => {
                let zone = self.zone(value)?;
                zone.f = zone.f.min(position);
            }
            (Some(value), Kind::Fail) => {
                let zone = self.zone(value)?;
                let unseen = zone.f == OPEN && zone.s == zone.write;
                *zone = Zone { write: OPEN, ..NONE };
                return unseen.then_some(());
            }
            (None, Kind::Ok) => {
                self.observed = true;
                let zone = match event.value {
                    Seen::Null if self.initial.is_none() => &mut self.initial_zone,
                    Seen::Int(value) if self.initial == Some(value) => &mut self.initial_zone,
                    Seen::Int(value) => self.zone(value)?,
                    _ => return None,
                };
                zone.f = zone.f.min(position);
                zone.s = zone.s.max(flying.inv);
            }
            _ => {}
        }
        Some(())
    }

    /// None if the value was there before.
    pub(super) fn begin_write(&mut self, value: i64, position: u32) -> Option<()> {
        self.writes += 1;
        if self.initial == Some(value) {
            return None;
        }
        let zone = Zone {
            write: position,
            f: OPEN,
            s: position,
        };
        match usize::try_from(value)
            .ok()
            .filter(|place| *place < 4 * self.writes + SLACK)
        {
            Some(place) if !self.sparse.contains_key(&value) => {
                if place >= self.dense.len() {
                    self.dense.resize(place + 1, NONE);
                }
                let old = std::mem::replace(&mut self.dense[place], zone);
                (old.write == 0).then_some(())
            }
            _ => self.sparse.insert(value, zone).is_none().then_some(()),
        }
    }

    /// The zone of a value that was written, or is being written.
    #[inline]
    fn zone(&mut self, value: i64) -> Option<&mut Zone> {
        let dense = usize::try_from(value)
            .ok()
            .and_then(|place| self.dense.get_mut(place));
        match dense.filter(|zone| zone.write != 0) {
            Some(zone) => Some(zone),
            None => self.sparse.get_mut(&value),
        }
        .filter(|zone| zone.write != OPEN)
    }

    /// Whether a read that succeeded could have contradicted a legal order.
    pub(super) fn is_observed(&self) -> bool {
        self.observed
    }

    /// Whether its operations have a legal order.
    pub(super) fn is_legal(&self) -> bool {
        let zones = || {
            let others = self.dense.iter().chain(self.sparse.values());
            others.chain([&self.initial_zone]).filter(|zone| zone.s != 0)
        };
        let mut forward: Vec<(u32, u32)> = zones()
            .filter(|zone| zone.f < zone.s)
            .map(|zone| (zone.f, zone.s))
            .collect();
        forward.sort_unstable();
        if forward.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return false;
        }
        let mut after = 0;
        for zone in zones().filter(|zone| zone.f > zone.s) {
            after = gallop(&forward, after, zone.s);
            if after > 0 && zone.f < forward[after - 1].1 {
                return false;
            }
        }
        true
    }
}

/// How many zones begin before `position`, looked for from a place that is probably near.
fn gallop(forward: &[(u32, u32)], from: usize, position: u32) -> usize {
    let starts_before = |at: usize| forward.get(at).is_some_and(|(f, _)| *f < position);
    let (mut low, mut high) = (from, from);
    let mut step = 1;
    while starts_before(high) {
        low = high;
        high += step;
        step *= 2;
    }
    step = 1;
    while low > 0 && !starts_before(low) {
        high = low;
        low = low.saturating_sub(step);
        step *= 2;
    }
    let high = high.min(forward.len());
    low + forward[low.min(high)..high].partition_point(|(f, _)| *f < position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galloping_finds_what_counting_finds() {
        let zones: Vec<(u32, u32)> = (0..50).map(|at| (3 * at + 1, 3 * at + 2)).collect();
        for from in 0..=50 {
            for position in 0..160 {
                let counted = zones.iter().filter(|(f, _)| *f < position).count();
                assert_eq!(gallop(&zones, from, position), counted, "{from} {position}");
            }
        }
    }
}
