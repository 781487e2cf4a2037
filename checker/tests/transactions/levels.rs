//! Every level against the brute force, on random histories.

use checker::{Assume, Assumption, Budget, Isolation, Level, Levels, Order, Subject, Verdict};
use histories::Kind;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::answer::Answer;
use crate::random::{self, Micro, Transaction, events};
use crate::spelled::Model::{self, Lists, Registers};
use crate::spelled::{judge_assuming, judge_with};
use crate::worlds::{brute_force, brute_force_assuming};

/// A small history, in which much goes wrong.
pub fn drawn(random: &mut ChaCha8Rng, model: Model) -> Vec<Transaction> {
    let many = random.random_range(2..=4_usize);
    let keys = random.random_range(1..=2_usize);
    let unique = random.random_bool(if model == Lists { 0.8 } else { 0.6 });
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

/// Read uncommitted says nothing of reads but that somebody wrote what they show; the rest is said by the table of
/// anomalies.
fn judged(level: &&Level) -> bool {
    level.isolation != Isolation::ReadUncommitted
}

/// Of how many histories one is also held to each level by itself, as people ask; of all of them one check says it.
const ALONE: u64 = 20;

/// Whether an answer about a level is the brute force's. The only excuses are to have nothing to prove, and more ways to tell
/// equal elements apart than are tried.
fn agrees(answer: &Answer, legal: bool) -> bool {
    match answer {
        Answer::Says(said) => *said == legal,
        Answer::NothingToProve => legal,
        Answer::TooManyWays => true,
        Answer::Silent => false,
    }
}

#[test]
fn every_level_agrees_with_the_brute_force() {
    let count = random::number("TRANSACTIONS_TWINS").unwrap_or(10_000);
    let first = random::number("TRANSACTIONS_SEED").unwrap_or(1);
    println!("seeds {first}..{}", first + count);
    let levels: Vec<Level> = Level::all().iter().filter(judged).copied().collect();
    let all: Levels = levels.iter().copied().collect();
    let found: Vec<[u64; 3]> = (first..first + count)
        .into_par_iter()
        .map(|seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let model = if random.random_bool(0.5) { Lists } else { Registers };
            let transactions = drawn(&mut random, model);
            let events = events(model, &transactions, histories::Value::from);
            let mut tally = [0; 3];
            let together = judge_with(model, &events, all, &Budget::unlimited()).unwrap();
            let legal = brute_force(model, &transactions, &levels);
            for (&level, &legal) in levels.iter().zip(&legal) {
                let alone = seed % ALONE == 0;
                let alone =
                    alone.then(|| judge_with(model, &events, level, &Budget::unlimited()).unwrap());
                for check in alone.iter().chain([&together]) {
                    let answer = Answer::of(check, Subject::Transactions, level);
                    assert!(
                        agrees(&answer, legal),
                        "seed {seed}, {model:?}: {level} is {legal}, and the checker says: {}\n{:?}\n{transactions:#?}",
                        check.reason,
                        check.violations,
                    );
                    tally[2] += u64::from(answer == Answer::TooManyWays);
                }
                tally[usize::from(legal)] += 1;
            }
            let kept = levels.iter().zip(&legal).filter(|(_, legal)| **legal);
            for (stronger, _) in kept.clone() {
                for weaker in levels.iter().filter(|weaker| stronger.implies(**weaker)) {
                    let implied = kept.clone().any(|(level, _)| level == weaker);
                    assert!(implied, "seed {seed}: {stronger} without {weaker}\n{transactions:#?}");
                }
            }
            tally
        })
        .collect();
    let sum = |at: usize| found.iter().map(|tally| tally[at]).sum::<u64>();
    println!(
        "{} illegal, {} legal, {} with too many ways",
        sum(0),
        sum(1),
        sum(2)
    );
    assert!(count < 100 || sum(0) > count && sum(1) > count && sum(2) * 100 < sum(0) + sum(1));
}

/// What is assumed of keys holds of the order of versions, and of nothing else.
#[test]
fn what_is_assumed_of_keys_agrees_with_the_brute_force() {
    let count = random::number("TRANSACTIONS_TWINS").unwrap_or(10_000) / 5;
    let first = random::number("TRANSACTIONS_SEED").unwrap_or(1);
    let nothing = Assume::NOTHING;
    let linearizable = nothing.and(Assumption::LinearizableKeys);
    let sequential = nothing.and(Assumption::SequentialKeys);
    let both = linearizable
        .and(Assumption::SequentialKeys)
        .and(Assumption::WfrKeys);
    let assumptions: [(Assume, &[Order]); 3] = [
        (linearizable, &[Order::RealTime]),
        (sequential, &[Order::Session]),
        (both, &[Order::RealTime, Order::Session]),
    ];
    let levels = Level::all()
        .iter()
        .filter(judged)
        .filter(|level| level.order != Order::RealTime);
    let levels: Vec<Level> = levels.copied().collect();
    let all: Levels = levels.iter().copied().collect();
    let tallies: Vec<[u64; 3]> = (first..first + count)
        .into_par_iter()
        .map(|seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut transactions = drawn(&mut random, Registers);
            write_once(&mut transactions);
            let mut tally = [0; 3];
            let events = events(Registers, &transactions, histories::Value::from);
            let free = brute_force(Registers, &transactions, &levels);
            for (assume, orders) in assumptions {
                let legal = brute_force_assuming(Registers, &transactions, &levels, orders);
                let judge =
                    |asked: Levels| judge_assuming(Registers, &events, asked, assume, &Budget::unlimited());
                let together = judge(all).unwrap();
                for ((&level, legal), &free) in levels.iter().zip(legal).zip(&free) {
                    let alone = (seed % ALONE == 0).then(|| judge(level.into()).unwrap());
                    for check in alone.iter().chain([&together]) {
                        assert!(
                            agrees(&Answer::of(check, Subject::Transactions, level), legal),
                            "seed {seed}: {level}, {assume:?}, is {legal}, and the checker says: {}\n{:?}\n{transactions:#?}",
                            check.reason,
                            check.violations,
                        );
                        assert!(check.reason.contains("; assumed: "), "{}", check.reason);
                    }
                    tally[usize::from(legal)] += 1;
                    tally[2] += u64::from(!legal && free);
                }
            }
            tally
        })
        .collect();
    let sum = |at: usize| tallies.iter().map(|tally| tally[at]).sum::<u64>();
    println!(
        "{} illegal, {} legal, {} by the assumption alone",
        sum(0),
        sum(1),
        sum(2)
    );
    assert!(sum(0) > count && sum(1) > count && sum(2) > count / 10);
}

/// Has every write leave a value of its own, and every read show the first of those that it may have meant.
fn write_once(transactions: &mut [Transaction]) {
    let mut next = 0;
    let mut named: Vec<(usize, i64, i64)> = Vec::new();
    for micro in transactions.iter_mut().flat_map(|of| &mut of.micros) {
        if let Micro::Write(key, value) = micro {
            next += 1;
            named.push((*key, *value, next));
            *value = next;
        }
    }
    for micro in transactions.iter_mut().flat_map(|of| &mut of.micros) {
        if let Micro::Read(key, found) = micro {
            for value in found {
                let name = named.iter().find(|(of, old, _)| of == key && old == value);
                *value = name.map_or(*value, |&(.., new)| new);
            }
        }
    }
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
        // Of elements that can be told apart in too many ways the boundary is not looked for.
        if check.verdict != Verdict::Violation || check.details["unclear"].is_string() {
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
