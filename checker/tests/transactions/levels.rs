//! Every level against a brute force over all orders of commits, all snapshots, and all writers that a read may mean.
//!
//! The definitions are written down here once more, by what each transaction sees, and share nothing with the checker.

use std::collections::BTreeSet;

use checker::{Budget, Isolation, Level, Order, Verdict};
use histories::Kind;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::random::{self, Micro, Transaction, check_of, events};
use crate::spelled::Model::{self, Lists, Registers};
use crate::spelled::judge_with;

/// A small history, in which much goes wrong.
fn drawn(random: &mut ChaCha8Rng, model: Model) -> Vec<Transaction> {
    let many = random.random_range(2..=4_usize);
    let keys = random.random_range(1..=2_usize);
    let unique = model == Lists || random.random_bool(0.6);
    let mut written: Vec<Vec<i64>> = vec![vec![]; keys];
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut next = 1;
    for at in 0..many {
        let mut micros = Vec::new();
        for _ in 0..random.random_range(1..=3_usize) {
            let key = random.random_range(0..keys);
            if random.random_bool(0.5) {
                let value = if unique { next } else { random.random_range(1..=2) };
                next += 1;
                written[key].push(value);
                micros.push(Micro::Write(key, value));
            } else {
                micros.push(Micro::Read(key, Vec::new()));
            }
        }
        let outcome = match random.random_range(0..10) {
            0 => Kind::Fail,
            1 => Kind::Info,
            _ => Kind::Ok,
        };
        transactions.push(Transaction {
            process: at as u64,
            micros,
            outcome,
            inv: 0,
            ret: 0,
        });
    }
    let versions: Vec<Vec<Vec<i64>>> = written
        .iter()
        .map(|values| states(random, model, values))
        .collect();
    for micro in transactions.iter_mut().flat_map(|of| &mut of.micros) {
        if let Micro::Read(key, found) = micro {
            let states = &versions[*key];
            found.clone_from(&states[random.random_range(0..states.len())]);
        }
    }
    if random.random_bool(0.5) {
        own_reads(random, model, &mut transactions);
    }
    times(random, &mut transactions);
    transactions
}

/// The states of which the reads of a key show one each.
fn states(random: &mut ChaCha8Rng, model: Model, values: &[i64]) -> Vec<Vec<i64>> {
    let mut states = vec![Vec::new()];
    let mut values = values.to_vec();
    for at in (1..values.len()).rev() {
        values.swap(at, random.random_range(0..=at));
    }
    for at in 0..values.len() {
        states.push(match model {
            Lists => values[..=at].to_vec(),
            Registers => vec![values[at]],
        });
    }
    states
}

/// Has each transaction find what it wrote itself.
fn own_reads(random: &mut ChaCha8Rng, model: Model, transactions: &mut [Transaction]) {
    for transaction in transactions {
        let mut own: Vec<(usize, i64)> = Vec::new();
        for micro in &mut transaction.micros {
            match micro {
                Micro::Write(key, value) => own.push((*key, *value)),
                Micro::Read(key, found) => {
                    let mine: Vec<i64> = own
                        .iter()
                        .filter(|(of, _)| of == key)
                        .map(|&(_, value)| value)
                        .collect();
                    if mine.is_empty() || random.random_range(0..20) == 0 {
                        continue;
                    }
                    match model {
                        Registers => *found = vec![mine[mine.len() - 1]],
                        Lists => {
                            found.retain(|value| !mine.contains(value));
                            found.extend(mine);
                        }
                    }
                }
            }
        }
    }
}

/// Times and processes: some overlap, some are one after the other, some share a process.
fn times(random: &mut ChaCha8Rng, transactions: &mut [Transaction]) {
    let mut now = 0;
    let mut open: Vec<usize> = Vec::new();
    let mut waiting: Vec<usize> = (0..transactions.len()).collect();
    for at in (1..waiting.len()).rev() {
        waiting.swap(at, random.random_range(0..=at));
    }
    while !waiting.is_empty() || !open.is_empty() {
        if !waiting.is_empty() && (open.is_empty() || random.random_bool(0.5)) {
            let at = waiting.pop().unwrap();
            // A process that is free, or one of its own.
            let busy: Vec<u64> = open.iter().map(|&at| transactions[at].process).collect();
            let lost = transactions
                .iter()
                .filter(|of| of.ret > 0 && of.outcome == Kind::Info);
            let lost: Vec<u64> = lost.map(|of| of.process).collect();
            let process = random.random_range(0..3);
            let process = match busy.contains(&process) || lost.contains(&process) {
                true => 100 + at as u64,
                false => process,
            };
            (transactions[at].inv, transactions[at].process) = (now, process);
            open.push(at);
        } else {
            let at = open.remove(random.random_range(0..open.len()));
            transactions[at].ret = now;
        }
        now += 1;
    }
    transactions.sort_by_key(|of| of.inv);
    // Who never gets an answer goes by a name of its own: see `events`.
    for (at, transaction) in transactions.iter_mut().enumerate() {
        if transaction.outcome == Kind::Info && transaction.inv % 2 == 1 {
            transaction.process = 1000 + at as u64;
        }
    }
}

/// What a read can mean: a place among the transactions that took effect, or the initial state.
type Source = Option<usize>;

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
    fn reads(&self, at: usize) -> Option<Vec<(usize, Vec<Source>)>> {
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
                    if !begins || half || inside != mine {
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
    fn snapshots(&self, level: Level, reads: &[Vec<(usize, Vec<Source>)>]) -> bool {
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
    fn sees(&self, level: Level, reads: &[Vec<(usize, Vec<Source>)>]) -> bool {
        let mut chosen: Vec<Vec<(usize, Source)>> = Vec::new();
        self.choose(level, reads, &mut chosen)
    }

    fn choose(
        &self,
        level: Level,
        reads: &[Vec<(usize, Vec<Source>)>],
        chosen: &mut Vec<Vec<(usize, Source)>>,
    ) -> bool {
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

    fn keeps(&self, level: Level) -> bool {
        if !self.respects(level.order) {
            return false;
        }
        let reads: Option<Vec<_>> = (0..self.order.len())
            .map(|at| match self.order[at].outcome {
                Kind::Ok => self.reads(at),
                _ => Some(Vec::new()),
            })
            .collect();
        let Some(reads) = reads else { return false };
        match level.isolation {
            Isolation::Serializable
            | Isolation::RepeatableRead
            | Isolation::SnapshotIsolation
            | Isolation::Prefix => self.snapshots(level, &reads),
            _ => self.sees(level, &reads),
        }
    }
}

/// Whether some world explains the history at this level.
fn brute_force(model: Model, transactions: &[Transaction], level: Level) -> bool {
    let possible: Vec<&Transaction> = transactions
        .iter()
        .filter(|of| of.outcome != Kind::Fail)
        .collect();
    let unknown: Vec<usize> = (0..possible.len())
        .filter(|&at| possible[at].outcome == Kind::Info)
        .collect();
    (0..1_u32 << unknown.len()).any(|chosen| {
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
        let mut order = Vec::new();
        permute(&there, &mut order, &mut |order| {
            World {
                model,
                order: order.to_vec(),
            }
            .keeps(level)
        })
    })
}

fn permute<'a>(
    left: &[&'a Transaction],
    order: &mut Vec<&'a Transaction>,
    accept: &mut impl FnMut(&[&'a Transaction]) -> bool,
) -> bool {
    if left.is_empty() {
        return accept(order);
    }
    (0..left.len()).any(|at| {
        let mut rest = left.to_vec();
        order.push(rest.remove(at));
        let accepted = permute(&rest, order, accept);
        order.pop();
        accepted
    })
}

/// Read uncommitted says nothing of reads but that somebody wrote what they show; the rest is said by the table of
/// anomalies.
fn judged(level: &&Level) -> bool {
    level.isolation != Isolation::ReadUncommitted
}

#[test]
fn every_level_agrees_with_the_brute_force() {
    let count = random::number("TRANSACTIONS_HISTORIES").unwrap_or(2_000);
    let first = random::number("TRANSACTIONS_SEED").unwrap_or(1);
    println!("seeds {first}..{}", first + count);
    let levels: Vec<Level> = Level::all().iter().filter(judged).copied().collect();
    let found: Vec<[u64; 2]> = (first..first + count)
        .into_par_iter()
        .map(|seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let model = if random.random_bool(0.5) { Lists } else { Registers };
            let transactions = drawn(&mut random, model);
            let mut tally = [0, 0];
            let mut kept = Vec::new();
            for &level in &levels {
                let legal = brute_force(model, &transactions, level);
                let check = check_of(model, &transactions, level);
                let expected = if legal { Verdict::Pass } else { Verdict::Violation };
                // To have nothing to prove is the only excuse.
                let vacuous = check.details["proof"]["vacuous"].is_string();
                let silent = check.verdict == Verdict::Inconclusive && vacuous;
                assert!(
                    check.verdict == expected || silent && legal,
                    "seed {seed}, {model:?}: {level} is {legal}, and the checker says: {}\n{:?}\n{transactions:#?}",
                    check.reason,
                    check.violations,
                );
                tally[usize::from(legal)] += 1;
                kept.extend(legal.then_some(level));
            }
            for stronger in &kept {
                for weaker in levels.iter().filter(|weaker| stronger.implies(**weaker)) {
                    assert!(kept.contains(weaker), "seed {seed}: {stronger} without {weaker}\n{transactions:#?}");
                }
            }
            tally
        })
        .collect();
    let sum = |at: usize| found.iter().map(|tally| tally[at]).sum::<u64>();
    println!("{} illegal, {} legal", sum(0), sum(1));
    assert!(sum(0) > count && sum(1) > count);
}

/// What the answer after a violation says of the other levels is what asking for them says.
#[test]
fn the_boundary_is_what_every_level_says_by_itself() {
    let mut violations = 0;
    for seed in 0..300 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let model = if random.random_bool(0.5) { Lists } else { Registers };
        let transactions = drawn(&mut random, model);
        let events = events(model, &transactions, histories::Value::from);
        let judge = |level: Level| judge_with(model, &events, level, &Budget::unlimited()).unwrap();
        let check = judge(Level::STRICT_SERIALIZABLE);
        if check.verdict != Verdict::Violation {
            continue;
        }
        violations += 1;
        let named = |field: &str| -> Vec<Level> {
            let names = check.details[field].as_array().unwrap().iter();
            names
                .map(|name| Level::find(name.as_str().unwrap()).unwrap())
                .collect()
        };
        let (not, permits) = (named("not"), named("permits"));
        for &level in Level::all() {
            let broken = not.iter().any(|weakest| level.implies(*weakest));
            let kept = permits.iter().any(|strongest| strongest.implies(level));
            let alone = || (judge(level).reason, &transactions);
            assert!(
                broken != kept,
                "seed {seed}: {level} {not:?} {permits:?} {:?}",
                alone()
            );
            let itself = judge(level).verdict == Verdict::Violation;
            assert_eq!(broken, itself, "seed {seed}: {level} {not:?} {permits:?}");
        }
    }
    assert!(violations > 100, "{violations}");
}
