//! The verifier of what was assumed of keys: it takes an order and who wrote what was read, and asks of each key by itself
//! whether it goes forward. It shares no code with the engines.

use histories::{Kind, Process};
use rustc_hash::FxHashMap;

use super::guess::Commit;
use super::micro::Transactions;
use super::replay_sessions::Reads;
use crate::operations::OPEN;
use crate::options::Assume;

/// A transaction at a key: the places in the order of the versions that it met and left; 0 before every write.
struct Touch {
    transaction: u32,
    key: u32,
    met: usize,
    left: usize,
}

/// Whether every key by itself is what it was assumed to be.
pub(super) fn holds(transactions: &Transactions<'_>, order: &[u32], reads: &[Reads], assume: Assume) -> bool {
    let touches = touches(transactions, order, reads);
    (!assume.sequential_keys || in_order_of_processes(transactions, &touches))
        && (!assume.linearizable_keys || in_real_time(transactions, &touches))
}

/// From whom each transaction reads what it finds at its snapshot.
pub(super) fn at_snapshots(transactions: &Transactions<'_>, commits: &[Commit]) -> Vec<Reads> {
    let mut written: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    let mut all = Vec::with_capacity(commits.len());
    for (place, commit) in commits.iter().enumerate() {
        let mut reads: Reads = Vec::new();
        let mut own: Vec<u32> = Vec::new();
        for micro in transactions.micros(commit.transaction) {
            if micro.writes() {
                own.push(micro.key);
            } else if !own.contains(&micro.key) {
                let writers = written.get(&micro.key).map_or(&[][..], Vec::as_slice);
                let seen = writers.partition_point(|&writer| writer < commit.snapshot as usize);
                reads.push((micro.key, seen.checked_sub(1).map(|last| writers[last])));
            }
        }
        own.sort_unstable();
        own.dedup();
        own.into_iter()
            .for_each(|key| written.entry(key).or_default().push(place));
        all.push(reads);
    }
    all
}

fn touches(transactions: &Transactions<'_>, order: &[u32], reads: &[Reads]) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    for (place, (&transaction, reads)) in order.iter().zip(reads).enumerate() {
        let first = touches.len();
        for &(key, source) in reads {
            let met = source.map_or(0, |source| source + 1);
            if touches[first..].iter().all(|touch| touch.key != key) {
                let left = met;
                touches.push(Touch {
                    transaction,
                    key,
                    met,
                    left,
                });
            }
        }
        for micro in transactions
            .micros(transaction)
            .iter()
            .filter(|micro| micro.writes())
        {
            let (key, left) = (micro.key, place + 1);
            match touches[first..].iter_mut().find(|touch| touch.key == key) {
                Some(touch) => touch.left = left,
                None => touches.push(Touch {
                    transaction,
                    key,
                    met: left,
                    left,
                }),
            }
        }
    }
    touches.sort_by_key(|touch| transactions.operations[touch.transaction as usize].inv);
    touches
}

fn in_order_of_processes(transactions: &Transactions<'_>, touches: &[Touch]) -> bool {
    let mut last: FxHashMap<(Process, u32), usize> = FxHashMap::default();
    touches.iter().all(|touch| {
        let last = last
            .entry((transactions.process(touch.transaction), touch.key))
            .or_default();
        let forward = *last <= touch.met;
        if transactions.outcome(touch.transaction) == Kind::Ok {
            *last = touch.left.max(*last);
        }
        forward
    })
}

fn in_real_time(transactions: &Transactions<'_>, touches: &[Touch]) -> bool {
    let operation = |touch: &Touch| &transactions.operations[touch.transaction as usize];
    let mut ends: FxHashMap<u32, Vec<(u32, usize)>> = FxHashMap::default();
    for touch in touches.iter().filter(|touch| operation(touch).ret != OPEN) {
        let end = (operation(touch).ret, touch.left);
        ends.entry(touch.key).or_default().push(end);
    }
    for ends in ends.values_mut() {
        ends.sort_unstable();
        let mut most = 0;
        for end in ends {
            most = most.max(end.1);
            end.1 = most;
        }
    }
    touches.iter().all(|touch| {
        let ends = ends.get(&touch.key).map_or(&[][..], Vec::as_slice);
        let before = ends.partition_point(|&(ret, _)| ret < operation(touch).inv);
        before == 0 || ends[before - 1].1 <= touch.met
    })
}
