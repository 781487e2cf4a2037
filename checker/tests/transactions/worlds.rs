//! The brute force: all orders of commits, all snapshots, and all writers that a read may mean.
//!
//! The definitions are written down here once more, by what each transaction sees, and share nothing with the checker.

use checker::{Isolation, Level, Order};
use histories::Kind;

use crate::orders::permute;
use crate::random::{Micro, Transaction};
use crate::spelled::Model::{self, Lists, Registers};

/// What a read can mean: a place among the transactions that took effect, or the initial state.
type Source = Option<usize>;

/// Of one transaction, each read from outside in order: its key, and from whom it may be.
type Meanings = Vec<(usize, Vec<Source>)>;

/// Several transactions: a bit for the place of each in the order of commits.
type Set = u32;

/// One way in which it may have been: those that took effect, in the order of their commits.
struct World<'a> {
    model: Model,
    order: &'a [&'a Transaction],
    /// For each key, who wrote it.
    writers: [Set; 8],
    /// By session and by real time: for each transaction, who is bound to stand before it.
    bound: [Vec<Set>; 2],
}

fn has(set: Set, at: usize) -> bool {
    set >> at & 1 == 1
}

/// The places before this one.
fn until(at: usize) -> Set {
    (1 << at) - 1
}

/// The last place of a set.
fn last(set: Set) -> Source {
    set.checked_ilog2().map(|at| at as usize)
}

impl<'a> World<'a> {
    fn new(model: Model, order: &'a [&'a Transaction]) -> Self {
        let mut writers = [0; 8];
        for (at, transaction) in order.iter().enumerate() {
            for micro in &transaction.micros {
                if let Micro::Write(key, _) = micro {
                    writers[*key] |= 1 << at;
                }
            }
        }
        let before = |bound: fn(&Transaction, &Transaction) -> bool| {
            let those = |other: &Transaction| {
                let each = order.iter().enumerate();
                each.map(|(at, one)| u32::from(one.outcome == Kind::Ok && bound(one, other)) << at)
                    .sum()
            };
            order.iter().map(|other| those(other)).collect()
        };
        let session = before(|one, other| one.process == other.process && one.inv < other.inv);
        let real_time = before(|one, other| one.ret < other.inv);
        World {
            model,
            order,
            writers,
            bound: [session, real_time],
        }
    }

    /// The last value that a transaction left under a key.
    fn left(&self, at: usize, key: usize) -> Option<i64> {
        let writes = self.order[at].micros.iter().rev();
        writes.clone().find_map(|micro| match micro {
            Micro::Write(of, value) if *of == key => Some(*value),
            _ => None,
        })
    }

    /// All elements of a list, with who appended them, in the order of commits.
    fn list(&self, key: usize) -> Vec<(i64, usize)> {
        let mut list = Vec::new();
        for (at, transaction) in self.order.iter().enumerate() {
            for micro in &transaction.micros {
                match micro {
                    Micro::Write(of, value) if *of == key => list.push((*value, at)),
                    _ => {}
                }
            }
        }
        list
    }

    /// For each read from outside of a transaction, in order: its key, and from whom it may be. None: impossible.
    fn reads(&self, at: usize) -> Option<Meanings> {
        let mut own: Vec<(usize, i64)> = Vec::new();
        let mut reads = Vec::new();
        for micro in &self.order[at].micros {
            let (key, found) = match micro {
                Micro::Write(key, value) => {
                    own.push((*key, *value));
                    continue;
                }
                Micro::Read(key, found) => (*key, found),
            };
            let mine: Vec<i64> = own
                .iter()
                .filter(|(of, _)| *of == key)
                .map(|&(_, value)| value)
                .collect();
            let sources: Vec<Source> = match self.model {
                Registers if !mine.is_empty() => {
                    if found.last() != mine.last() {
                        return None;
                    }
                    continue;
                }
                Registers => match found.last() {
                    None => vec![None],
                    Some(value) => {
                        let others = (0..self.order.len()).filter(|&other| other != at);
                        others
                            .filter(|&other| self.left(other, key) == Some(*value))
                            .map(Some)
                            .collect()
                    }
                },
                Lists => {
                    let split = found.len().checked_sub(mine.len())?;
                    let inside = &found[split..];
                    let list = self.list(key);
                    // As Elle reads lists: whatever was read is a beginning of what the key becomes.
                    let begins = found
                        .iter()
                        .enumerate()
                        .all(|(place, value)| list.get(place).map(|of| of.0) == Some(*value));
                    let half = split > 0 && list.get(split).is_some_and(|next| next.1 == list[split - 1].1);
                    // What it appended itself stands there as its own, not as another one's that looks alike.
                    let own = (split..found.len()).all(|place| list.get(place).is_some_and(|of| of.1 == at));
                    if !begins || half || inside != mine || !own {
                        return None;
                    }
                    let source = split.checked_sub(1).map(|last| list[last].1);
                    if source == Some(at) {
                        return None;
                    }
                    vec![source]
                }
            };
            if sources.is_empty() {
                return None;
            }
            reads.push((key, sources));
        }
        Some(reads)
    }

    /// Who is bound to stand before a transaction.
    fn bound(&self, order: Order, at: usize) -> Set {
        match order {
            Order::Any => 0,
            Order::Session => self.bound[0][at],
            Order::RealTime => self.bound[1][at],
        }
    }

    fn respects(&self, order: Order) -> bool {
        (0..self.order.len()).all(|at| self.bound(order, at) & !until(at) == 0)
    }

    /// Levels at which everybody reads the state after some number of commits.
    fn snapshots(&self, level: Level, reads: &[Meanings]) -> bool {
        (0..self.order.len()).all(|at| {
            let least = match level.isolation {
                Isolation::Serializable | Isolation::RepeatableRead => at,
                _ => last(self.bound(level.order, at) & until(at)).map_or(0, |before| before + 1),
            };
            (least..=at).any(|snapshot| {
                let between = until(at) & !until(snapshot);
                let conflict = |writers: &Set| has(*writers, at) && writers & between != 0;
                let free = level.isolation == Isolation::Prefix || !self.writers.iter().any(conflict);
                free && reads[at]
                    .iter()
                    .all(|(key, sources)| sources.contains(&last(self.writers[*key] & until(snapshot))))
            })
        })
    }

    /// The other levels: for some choice of writers each reads the last of what it sees. `seen` has what those before see.
    fn sees(&self, level: Level, reads: &[Meanings], seen: &mut Vec<Set>) -> bool {
        let at = seen.len();
        at == self.order.len() || self.choose(level, reads, seen, &mut Vec::new())
    }

    /// Chooses writers for the reads of the next transaction, and goes on with those after it.
    fn choose(
        &self,
        level: Level,
        reads: &[Meanings],
        seen: &mut Vec<Set>,
        chosen: &mut Vec<Source>,
    ) -> bool {
        let at = seen.len();
        let Some((_, sources)) = reads[at].get(chosen.len()) else {
            let Some(sees) = self.legal(level, &reads[at], seen, chosen) else {
                return false;
            };
            seen.push(sees);
            let legal = self.sees(level, reads, seen);
            seen.pop();
            return legal;
        };
        sources.iter().any(|&source| {
            // Nobody reads from who commits later.
            if source.is_some_and(|source| source >= at) {
                return false;
            }
            chosen.push(source);
            let legal = self.choose(level, reads, seen, chosen);
            chosen.pop();
            legal
        })
    }

    /// What a transaction sees that reads from those chosen; none if it should have read a later write of what it sees.
    fn legal(&self, level: Level, reads: &Meanings, seen: &[Set], chosen: &[Source]) -> Option<Set> {
        let at = seen.len();
        let sources =
            |chosen: &[Source]| -> Set { chosen.iter().flatten().fold(0, |set, &source| set | 1 << source) };
        let mut direct = sources(chosen) | self.bound(level.order, at) & until(at);
        if level.isolation == Isolation::ParallelSnapshotIsolation {
            let conflicting = self.writers.iter().filter(|&&writers| has(writers, at));
            direct |= conflicting.fold(0, |set, writers| set | writers & until(at));
        }
        let mut sees = direct;
        if matches!(
            level.isolation,
            Isolation::Causal | Isolation::ParallelSnapshotIsolation
        ) {
            let through = (0..at).filter(|&before| has(direct, before));
            sees = through.fold(direct, |set, before| set | seen[before]);
        }
        let newest = reads
            .iter()
            .zip(chosen)
            .enumerate()
            .all(|(number, (&(key, _), &source))| {
                let visible = match level.isolation {
                    Isolation::ReadCommitted => 0,
                    Isolation::MonotonicAtomicView => sources(&chosen[..number]),
                    _ => sees,
                };
                last(visible & self.writers[key]) <= source
            });
        newest.then_some(sees)
    }

    /// Whether of each key nobody meets an older version than somebody had left who is bound to stand before him. Every
    /// value was written once.
    fn goes_forward(&self, order: Order, reads: &[Meanings]) -> bool {
        let touch = |at: usize, key: usize| -> Option<[Source; 2]> {
            let read = reads[at]
                .iter()
                .find(|(of, _)| *of == key)
                .map(|(_, sources)| sources[0]);
            let written = has(self.writers[key], at).then_some(Some(at));
            Some([read.or(written)?, written.or(read)?])
        };
        let many = self.order.len();
        (0..many).all(|other| {
            (0..many)
                .filter(|&one| has(self.bound(order, other), one))
                .all(|one| {
                    (0..8).all(|key| match (touch(one, key), touch(other, key)) {
                        (Some([_, left]), Some([met, _])) => left <= met,
                        _ => true,
                    })
                })
        })
    }

    /// What each read can mean; none if one of them can mean nothing.
    fn all_reads(&self) -> Option<Vec<Meanings>> {
        let reads = |at: usize| match self.order[at].outcome {
            Kind::Ok => self.reads(at),
            _ => Some(Vec::new()),
        };
        (0..self.order.len()).map(reads).collect()
    }

    fn keeps(&self, level: Level, reads: &[Meanings]) -> bool {
        self.respects(level.order)
            && match level.isolation {
                Isolation::Serializable
                | Isolation::RepeatableRead
                | Isolation::SnapshotIsolation
                | Isolation::Prefix => self.snapshots(level, reads),
                _ => self.sees(level, reads, &mut Vec::new()),
            }
    }
}

/// For each level whether some world explains the history there.
pub fn brute_force(model: Model, transactions: &[Transaction], levels: &[Level]) -> Vec<bool> {
    brute_force_assuming(model, transactions, levels, &[])
}

/// The same in those worlds in which each key by itself respects these orders.
pub fn brute_force_assuming(
    model: Model,
    transactions: &[Transaction],
    levels: &[Level],
    assumed: &[Order],
) -> Vec<bool> {
    let mut kept = vec![false; levels.len()];
    let possible: Vec<&Transaction> = transactions
        .iter()
        .filter(|of| of.outcome != Kind::Fail)
        .collect();
    let unknown: Vec<usize> = (0..possible.len())
        .filter(|&at| possible[at].outcome == Kind::Info)
        .collect();
    for chosen in 0..1_u32 << unknown.len() {
        let happened = |at: usize| {
            unknown
                .iter()
                .position(|&of| of == at)
                .is_none_or(|bit| chosen >> bit & 1 == 1)
        };
        let there: Vec<&Transaction> = (0..possible.len())
            .filter(|&at| happened(at))
            .map(|at| possible[at])
            .collect();
        permute(&there, &mut Vec::new(), &mut |order| {
            let world = World::new(model, order);
            if let Some(reads) = world.all_reads()
                && assumed.iter().all(|&order| world.goes_forward(order, &reads))
            {
                for (&level, kept) in levels.iter().zip(&mut kept).filter(|(_, kept)| !**kept) {
                    *kept = world.keeps(level, &reads);
                }
            }
            kept.iter().all(|&kept| kept)
        });
    }
    kept
}
