//! Zones: which blocks of operations cannot be put one after the other (Gibbons, Korach 1997, section 3).
//!
//! A block's operations stand together in every legal order. `f` is the least completion of a block, `s` the
//! greatest invocation. Of two blocks x before y needs that no operation of y completed before one of x was
//! invoked: not f(y) < s(x). So two blocks exclude each other iff f(x) < s(y) and f(y) < s(x).

use crate::budget::{Meter, Stop};

/// A block's ends. Positions start from 1; 0 is before everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    /// The least completion.
    pub f: u32,
    /// The greatest invocation.
    pub s: u32,
}

impl Zone {
    fn is_forward(self) -> bool {
        self.f < self.s
    }
}

/// Two zones that exclude each other, or the order in which all zones can stand.
pub(super) fn order(
    zones: &[Zone],
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Result<Vec<u32>, (usize, usize)>, Stop> {
    meter.grow(zones.len() * if want_order { 24 } else { 4 })?;
    let mut forward: Vec<u32> = (0..zones.len() as u32)
        .filter(|&at| zones[at as usize].is_forward())
        .collect();
    forward.sort_unstable_by_key(|&at| zones[at as usize].f);
    for pair in forward.windows(2) {
        let (x, y) = (pair[0] as usize, pair[1] as usize);
        if zones[y].f < zones[x].s {
            return Ok(Err((x, y)));
        }
    }
    let around = |zone: Zone| {
        let after = forward.partition_point(|&at| zones[at as usize].f < zone.s);
        after.checked_sub(1).map(|at| forward[at] as usize)
    };
    let mut keyed: Vec<((u32, u8, u32), u32)> = Vec::with_capacity(if want_order { zones.len() } else { 0 });
    for (at, &zone) in zones.iter().enumerate() {
        meter.tick()?;
        let key = if zone.is_forward() {
            (zone.f, 1, 0)
        } else {
            match around(zone).filter(|&outer| zone.s < zones[outer].s) {
                Some(outer) if zone.f < zones[outer].s => return Ok(Err((outer, at))),
                Some(outer) => (zones[outer].f, 2, zone.s),
                None => (zone.s, 0, 0),
            }
        };
        if want_order {
            keyed.push((key, at as u32));
        }
    }
    keyed.sort_unstable();
    Ok(Ok(keyed.into_iter().map(|(_, at)| at).collect()))
}
