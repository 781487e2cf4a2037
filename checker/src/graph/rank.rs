//! Lists and sets that grow, read as a whole: the rank check, in time proportional to the input.
//!
//! The reads of a legal history form a chain: each has the elements of the shorter ones. So each read has a
//! level (how many elements it saw) and each element one (that of the first read with it), and every legal order
//! is sorted by rank: a read of level k has rank 2k, the addition of an element of level k rank 2k-1, a completed
//! addition that no read saw the last rank of all. There is a legal order iff no a completed before some b of a
//! smaller rank was invoked. Of several additions of one element the one invoked first gives the element its
//! rank; the others only must not come before it.

use crate::budget::{Meter, Stop};
use crate::operations::OPEN;
use crate::spec::Entry;

/// The level of what no read saw.
pub(crate) const NEVER: u32 = u32::MAX;

/// A history of additions and reads, as places in the entries.
pub(crate) struct Levels {
    /// Additions and their elements, in the order of invocations.
    pub adds: Vec<(u32, u32)>,
    /// Reads and their levels.
    pub reads: Vec<(u32, u32)>,
    /// By element: its level.
    pub level: Vec<u32>,
    /// By element: a read of its level.
    pub seen_by: Vec<u32>,
}

/// Operations that exclude each other, and the elements that this is about.
#[derive(Debug, Default)]
pub(crate) struct Conflict {
    pub entries: Vec<u32>,
    pub elements: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Ranked {
    rank: u64,
    at: u32,
    /// The element that it adds; none for a read.
    adds: Option<u32>,
    /// Whether the rank is only the least possible.
    floating: bool,
}

/// A legal order of the entries' ids (empty unless wanted), or what excludes one.
pub(crate) fn order<O>(
    entries: &[Entry<O>],
    levels: &Levels,
    want_order: bool,
    meter: &mut Meter<'_>,
) -> Result<Result<Vec<u32>, Conflict>, Stop> {
    meter.grow((levels.adds.len() + levels.reads.len()) * size_of::<Ranked>() + levels.level.len())?;
    let mut ranked = match ranked(entries, levels, meter)? {
        Ok(ranked) => ranked,
        Err(conflict) => return Ok(Err(conflict)),
    };
    ranked.sort_unstable_by_key(|one| (one.rank, entries[one.at as usize].inv));
    let mut last: Option<Ranked> = None;
    let mut same = 0;
    for at in 0..ranked.len() {
        meter.tick()?;
        let one = ranked[at];
        while ranked[same].rank < one.rank {
            let smaller = ranked[same];
            let inv = |one: Ranked| entries[one.at as usize].inv;
            if !smaller.floating && last.is_none_or(|last| inv(last) < inv(smaller)) {
                last = Some(smaller);
            }
            same += 1;
        }
        if let Some(late) = last.filter(|late| entries[one.at as usize].ret < entries[late.at as usize].inv) {
            return Ok(Err(levels.explain(one, late)));
        }
    }
    Ok(Ok(if want_order {
        spell(entries, ranked)
    } else {
        Vec::new()
    }))
}

fn ranked<O>(
    entries: &[Entry<O>],
    levels: &Levels,
    meter: &mut Meter<'_>,
) -> Result<Result<Vec<Ranked>, Conflict>, Stop> {
    let mut ranked = Vec::with_capacity(levels.adds.len() + levels.reads.len());
    let mut added = vec![false; levels.level.len()];
    for &(at, element) in &levels.adds {
        meter.tick()?;
        let level = levels.level[element as usize];
        let floating = std::mem::replace(&mut added[element as usize], true);
        if level == NEVER && entries[at as usize].ret == OPEN {
            continue;
        }
        let rank = if level == NEVER {
            u64::MAX
        } else {
            2 * u64::from(level) - 1
        };
        ranked.push(Ranked {
            rank,
            at,
            adds: Some(element),
            floating,
        });
    }
    let unborn = |element: &usize| levels.level[*element] != NEVER && !added[*element];
    if let Some(element) = (0..added.len()).find(unborn) {
        return Ok(Err(Conflict {
            entries: vec![levels.seen_by[element]],
            elements: vec![element as u32],
        }));
    }
    let read = |&(at, level): &(u32, u32)| Ranked {
        rank: 2 * u64::from(level),
        at,
        adds: None,
        floating: false,
    };
    ranked.extend(levels.reads.iter().map(read));
    Ok(Ok(ranked))
}

impl Levels {
    /// `early` completed before `late` was invoked, and has the greater rank.
    fn explain(&self, early: Ranked, late: Ranked) -> Conflict {
        let level = |read: Ranked| (read.rank / 2) as u32;
        let mut conflict = Conflict {
            entries: vec![early.at, late.at],
            elements: Vec::new(),
        };
        match (early.adds, late.adds) {
            (Some(x), None) => conflict.elements.push(x),
            (None, Some(y)) => conflict.elements.push(y),
            (Some(x), Some(y)) => {
                conflict.elements.extend([x, y]);
                conflict.entries.push(self.seen_by[y as usize]);
            }
            (None, None) => {
                let between = |&x: &u32| {
                    let mine = self.level[x as usize];
                    level(late) < mine && mine <= level(early)
                };
                conflict
                    .elements
                    .extend((0..self.level.len() as u32).find(between));
            }
        }
        let about = |(at, element): &(u32, u32)| conflict.elements.contains(element).then_some(*at);
        let adds: Vec<u32> = self.adds.iter().filter_map(about).collect();
        conflict.entries.extend(adds);
        conflict.entries.sort_unstable();
        conflict.entries.dedup();
        conflict
    }
}

/// All by rank; a floating addition goes just before the least rank that must come after it.
fn spell<O>(entries: &[Entry<O>], mut ranked: Vec<Ranked>) -> Vec<u32> {
    let inv = |one: &Ranked| entries[one.at as usize].inv;
    let mut fixed: Vec<Ranked> = ranked.iter().filter(|one| !one.floating).copied().collect();
    fixed.sort_unstable_by_key(inv);
    let mut least = u64::MAX;
    let after: Vec<(u32, u64)> = fixed
        .iter()
        .rev()
        .map(|one| {
            least = least.min(one.rank);
            (inv(one), least)
        })
        .collect();
    for one in ranked.iter_mut().filter(|one| one.floating) {
        let later = after.partition_point(|(inv, _)| *inv > entries[one.at as usize].ret);
        one.rank = later.checked_sub(1).map_or(u64::MAX, |at| after[at].1);
    }
    ranked.sort_unstable_by_key(|one| (one.rank, inv(one)));
    ranked.iter().map(|one| entries[one.at as usize].id).collect()
}
