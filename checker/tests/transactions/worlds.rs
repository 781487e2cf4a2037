//! The brute force: all orders of commits, all snapshots, and all writers that a read may mean.
//!
//! The definitions are written down here once more, by what each transaction sees, and share nothing with the checker.

use std::collections::BTreeSet;

use checker::{Isolation, Level, Order};
use histories::Kind;

use crate::orders::permute;
use crate::random::{Micro, Transaction};
use crate::spelled::Model::{self, Lists, Registers};

/// What a read can mean: a place among the transactions that took effect, or the initial state.
type Source = Option<usize>;

/// Of one transaction, each read from outside in order: its key, and from whom it may be.
type Meanings = Vec<(usize, Vec<Source>)>;

/// One way in which it may have been: those that took effect, in the order of their commits.
struct World<'a> {
    model: Model,
    order: Vec<&'a Transaction>,
}

impl World<'_> {
    /// The last value that a transaction left under a key.
    fn left(&self, at: usize, key: usize) -> Option<i64> {
        let writes = self.order[at].micros.iter().rev();
        writes.clone().find_map(|micro| match micro {
            Micro::Write(of, value) if *of == key => Some(*value),
            _ => None,
        })
    }

    fn writes(&self, at: usize, key: usize) -> bool {
        self.left(at, key).is_some()
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

    /// Whether one is bound to stand before another.
    fn bound(&self, order: Order, one: usize, other: usize) -> bool {
        let (one, other) = (self.order[one], self.order[other]);
        one.outcome == Kind::Ok
            && match order {
                Order::Any => false,
                Order::Session => one.process == other.process && one.inv < other.inv,
                Order::RealTime => one.ret < other.inv,
            }
    }

    fn respects(&self, order: Order) -> bool {
        let many = self.order.len();
        (0..many).all(|at| (at..many).all(|later| !self.bound(order, later, at)))
    }

    /// Levels at which everybody reads the state after some number of commits.
    fn snapshots(&self, level: Level, reads: &[Meanings]) -> bool {
        (0..self.order.len()).all(|at| {
            let least = (0..at)
                .filter(|&before| self.bound(level.order, before, at))
                .map(|before| before + 1)
                .max();
            let least = match level.isolation {
                Isolation::Serializable | Isolation::RepeatableRead => at,
                _ => least.unwrap_or(0),
            };
            (least..=at).any(|snapshot| {
                let last = |key: usize| (0..snapshot).rev().find(|&other| self.writes(other, key));
                let conflict =
                    |other: usize| (0..8).any(|key| self.writes(other, key) && self.writes(at, key));
                let free = level.isolation == Isolation::Prefix || !(snapshot..at).any(conflict);
                free && reads[at]
                    .iter()
                    .all(|(key, sources)| sources.contains(&last(*key)))
            })
        })
    }

    /// The other levels: for some choice of writers each reads the last of what it sees.
    fn sees(&self, level: Level, reads: &[Meanings]) -> bool {
        let mut chosen: Vec<Vec<(usize, Source)>> = Vec::new();
        self.choose(level, reads, &mut chosen)
    }

    fn choose(&self, level: Level, reads: &[Meanings], chosen: &mut Vec<Vec<(usize, Source)>>) -> bool {
        let at = chosen.len();
        if at == self.order.len() {
            return self.legal(level, chosen);
        }
        let mut choices: Vec<Vec<(usize, Source)>> = vec![Vec::new()];
        for (key, sources) in &reads[at] {
            // Nobody reads from who commits later.
            let before = sources
                .iter()
                .filter(|source| source.is_none_or(|source| source < at));
            choices = choices
                .iter()
                .flat_map(|choice| {
                    before
                        .clone()
                        .map(|&source| [choice.clone(), vec![(*key, source)]].concat())
                })
                .collect();
        }
        choices.into_iter().any(|choice| {
            chosen.push(choice);
            let legal = self.choose(level, reads, chosen);
            chosen.pop();
            legal
        })
    }

    fn legal(&self, level: Level, chosen: &[Vec<(usize, Source)>]) -> bool {
        let mut sees: Vec<BTreeSet<usize>> = Vec::new();
        for (at, reads) in chosen.iter().enumerate() {
            let mut direct: BTreeSet<usize> = reads.iter().filter_map(|&(_, source)| source).collect();
            direct.extend((0..at).filter(|&before| self.bound(level.order, before, at)));
            if level.isolation == Isolation::ParallelSnapshotIsolation {
                direct
                    .extend((0..at).filter(|&before| {
                        (0..8).any(|key| self.writes(before, key) && self.writes(at, key))
                    }));
            }
            let mut seen = direct.clone();
            if matches!(
                level.isolation,
                Isolation::Causal | Isolation::ParallelSnapshotIsolation
            ) {
                direct.iter().for_each(|&before| seen.extend(&sees[before]));
            }
            for (number, &(key, source)) in reads.iter().enumerate() {
                let visible: BTreeSet<usize> = match level.isolation {
                    Isolation::ReadCommitted => BTreeSet::new(),
                    Isolation::MonotonicAtomicView => {
                        reads[..number].iter().filter_map(|&(_, source)| source).collect()
                    }
                    _ => seen.clone(),
                };
                if visible
                    .iter()
                    .any(|&other| self.writes(other, key) && Some(other) > source)
                {
                    return false;
                }
            }
            sees.push(seen);
        }
        true
    }

    /// Whether of each key nobody meets an older version than somebody had left who is bound to stand before him. Every
    /// value was written once.
    fn goes_forward(&self, order: Order, reads: &[Meanings]) -> bool {
        let touch = |at: usize, key: usize| -> Option<[Source; 2]> {
            let read = reads[at]
                .iter()
                .find(|(of, _)| *of == key)
                .map(|(_, sources)| sources[0]);
            let written = self.writes(at, key).then_some(Some(at));
            Some([read.or(written)?, written.or(read)?])
        };
        let many = self.order.len();
        (0..many).all(|one| {
            (0..many)
                .filter(|&other| self.bound(order, one, other))
                .all(|other| {
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
                _ => self.sees(level, reads),
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
            let world = World {
                model,
                order: order.to_vec(),
            };
            if let Some(reads) = world.all_reads()
                && assumed.iter().all(|&order| world.goes_forward(order, &reads))
            {
                for (&level, kept) in levels.iter().zip(&mut kept) {
                    *kept = *kept || world.keeps(level, &reads);
                }
            }
            kept.iter().all(|&kept| kept)
        });
    }
    kept
}
