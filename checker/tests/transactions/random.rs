//! Random histories: of a simulated serial database, with reads changed, and against a brute force.

use std::env;

use checker::{Budget, Check, Level, Verdict};
use histories::{Event, Kind, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::spelled::Model::{self, Lists, Registers};
use crate::spelled::{judge_with, names, transaction};

/// A micro-operation: a write of this element, or a read of this state. Of a register the last element is its value.
#[derive(Clone, Debug, PartialEq)]
pub enum Micro {
    Write(usize, i64),
    Read(usize, Vec<i64>),
}

#[derive(Clone, Debug)]
pub struct Transaction {
    pub process: u64,
    pub micros: Vec<Micro>,
    pub outcome: Kind,
    pub inv: usize,
    pub ret: usize,
}

/// How large the random histories are.
#[derive(Clone, Copy)]
pub struct Size {
    pub transactions: usize,
    pub keys: usize,
    pub processes: usize,
    pub micros: usize,
}

/// A run of a serial database by several processes; `strict`: each transaction takes effect between its ends.
pub fn simulate(random: &mut ChaCha8Rng, size: Size, strict: bool) -> Vec<Transaction> {
    let mut done: Vec<Transaction> = Vec::new();
    let mut open: Vec<(Transaction, bool)> = Vec::new();
    let mut state = vec![Vec::new(); size.keys];
    let (mut now, mut invoked, mut next) = (0, 0, 1);
    while invoked < size.transactions || !open.is_empty() {
        let process = random.random_range(0..size.processes) as u64;
        let busy = open.iter().position(|(open, _)| open.process % 100 == process);
        match busy {
            None if invoked < size.transactions => {
                let micros = wishes(random, size, &mut next);
                let outcome = outcome(random);
                // A process whose transaction is unknown goes on under another name, or under its own.
                let process = process + 100 * random.random_range(0..2);
                open.push((
                    Transaction {
                        process,
                        micros,
                        outcome,
                        inv: now,
                        ret: usize::MAX,
                    },
                    false,
                ));
                (now, invoked) = (now + 1, invoked + 1);
            }
            None => {}
            Some(at) if !open[at].1 => {
                execute(random, &mut open[at].0, &mut state);
                open[at].1 = true;
            }
            Some(at) => {
                let (mut transaction, _) = open.remove(at);
                transaction.ret = now;
                now += 1;
                done.push(transaction);
            }
        }
    }
    done.sort_by_key(|transaction| transaction.inv);
    if !strict {
        shuffle_times(random, &mut done);
    }
    done
}

/// The same transactions with the times of others: serializable still, but not strictly.
fn shuffle_times(random: &mut ChaCha8Rng, transactions: &mut [Transaction]) {
    for at in (1..transactions.len()).rev() {
        let other = random.random_range(0..=at);
        let times = |of: &Transaction| (of.inv, of.ret, of.process);
        let (one, two) = (times(&transactions[at]), times(&transactions[other]));
        let set = |of: &mut Transaction, times: (usize, usize, u64)| (of.inv, of.ret, of.process) = times;
        set(&mut transactions[at], two);
        set(&mut transactions[other], one);
    }
    transactions.sort_by_key(|transaction| transaction.inv);
}

fn outcome(random: &mut ChaCha8Rng) -> Kind {
    match random.random_range(0..10) {
        0 => Kind::Fail,
        1 => Kind::Info,
        _ => Kind::Ok,
    }
}

fn wishes(random: &mut ChaCha8Rng, size: Size, next: &mut i64) -> Vec<Micro> {
    let count = random.random_range(1..=size.micros);
    let wish = |_| {
        let key = random.random_range(0..size.keys);
        if random.random_bool(0.5) {
            return Micro::Read(key, Vec::new());
        }
        *next += 1;
        Micro::Write(key, *next)
    };
    (0..count).map(wish).collect()
}

fn execute(random: &mut ChaCha8Rng, transaction: &mut Transaction, state: &mut [Vec<i64>]) {
    let applies = match transaction.outcome {
        Kind::Fail => false,
        Kind::Info => random.random_bool(0.5),
        _ => true,
    };
    for micro in transaction.micros.iter_mut().filter(|_| applies) {
        match micro {
            Micro::Write(key, element) => state[*key].push(*element),
            Micro::Read(key, found) => found.clone_from(&state[*key]),
        }
    }
}

/// Names for keys and elements.
pub type Naming = fn(i64) -> Value;

pub fn events(model: Model, transactions: &[Transaction], naming: Naming) -> Vec<Event> {
    let mut steps: Vec<(usize, usize, bool)> = Vec::new();
    for (at, transaction) in transactions.iter().enumerate() {
        steps.push((transaction.inv, at, true));
        // Every second unknown transaction never completes at all.
        if transaction.outcome != Kind::Info || transaction.inv % 2 == 0 {
            steps.push((transaction.ret, at, false));
        }
    }
    steps.sort_unstable();
    let mut lost = std::collections::BTreeSet::new();
    let steps = steps.into_iter().enumerate();
    let event = |(index, (_, at, invokes)): (usize, (usize, usize, bool))| {
        let of: &Transaction = &transactions[at];
        let ok = !invokes && of.outcome == Kind::Ok;
        let micros = of.micros.iter().map(|micro| spell(model, micro, ok, naming));
        let kind = if invokes { Kind::Invoke } else { of.outcome };
        if of.outcome == Kind::Info && of.inv % 2 == 1 {
            lost.insert(at);
        }
        // Who never gets an answer is not asked again.
        let process = if lost.contains(&at) {
            1000 + at as u64
        } else {
            of.process
        };
        transaction(index, process, kind, Value::list(micros))
    };
    steps.map(event).collect()
}

fn spell(model: Model, micro: &Micro, ok: bool, naming: Naming) -> Value {
    let (f, key, value) = match (micro, model) {
        (Micro::Write(key, element), Lists) => ("append", key, naming(*element)),
        (Micro::Write(key, element), Registers) => ("w", key, naming(*element)),
        (Micro::Read(key, _), _) if !ok => ("r", key, Value::Null),
        (Micro::Read(key, found), Lists) => ("r", key, Value::list(found.iter().copied().map(naming))),
        (Micro::Read(key, found), Registers) => ("r", key, found.last().copied().map_or(Value::Null, naming)),
    };
    Value::list([Value::from(f), naming(-1 - *key as i64), value])
}

pub fn check_of(model: Model, transactions: &[Transaction], consistency: Level) -> Check {
    let events = events(model, transactions, Value::from);
    judge_with(model, &events, consistency, &Budget::unlimited()).unwrap()
}

/// Whether there is an order that explains all reads: by trying all.
fn brute_force(model: Model, transactions: &[Transaction], strict: bool) -> bool {
    let possible: Vec<&Transaction> = transactions
        .iter()
        .filter(|of| of.outcome != Kind::Fail)
        .collect();
    let keys = transactions
        .iter()
        .flat_map(|of| &of.micros)
        .map(|micro| match micro {
            Micro::Write(key, _) | Micro::Read(key, _) => *key + 1,
        });
    let state = vec![Vec::new(); keys.max().unwrap_or(0)];
    places(model, &possible, 0, &state, strict)
}

fn places(model: Model, possible: &[&Transaction], placed: u32, state: &[Vec<i64>], strict: bool) -> bool {
    let left = |at: &usize| placed & 1 << at == 0;
    let all = || (0..possible.len()).filter(left);
    if all().all(|at| possible[at].outcome == Kind::Info) {
        return true;
    }
    all().any(|at| {
        let ok = |other: usize| possible[other].outcome == Kind::Ok;
        let too_early = strict && all().any(|other| ok(other) && possible[other].ret < possible[at].inv);
        let mut after = state.to_vec();
        !too_early
            && runs(model, possible[at], &mut after)
            && places(model, possible, placed | 1 << at, &after, strict)
    })
}

fn runs(model: Model, transaction: &Transaction, state: &mut [Vec<i64>]) -> bool {
    transaction.micros.iter().all(|micro| match micro {
        Micro::Write(key, element) => {
            state[*key].push(*element);
            true
        }
        Micro::Read(..) if transaction.outcome != Kind::Ok => true,
        Micro::Read(key, found) if model == Lists => state[*key] == *found,
        Micro::Read(key, found) => state[*key].last() == found.last(),
    })
}

/// Changes some of the reads to other states.
fn disturb(random: &mut ChaCha8Rng, transactions: &mut [Transaction]) {
    let mut states = vec![Vec::new()];
    for micro in transactions.iter().flat_map(|of| &of.micros) {
        if let Micro::Read(_, found) = micro {
            states.push(found.clone());
        }
    }
    for micro in transactions.iter_mut().flat_map(|of| &mut of.micros) {
        let Micro::Read(_, found) = micro else { continue };
        match random.random_range(0..6) {
            0 => drop(found.pop()),
            1 => *found = states[random.random_range(0..states.len())].clone(),
            2 if found.len() > 1 => found.swap(0, 1),
            _ => {}
        }
    }
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// How many histories, and the first seed; `TRANSACTIONS_HISTORIES` and `TRANSACTIONS_SEED` set others.
fn histories(count: u64) -> impl Iterator<Item = (u64, ChaCha8Rng)> {
    let first = number("TRANSACTIONS_SEED").unwrap_or(1);
    let count = number("TRANSACTIONS_HISTORIES").unwrap_or(count);
    println!("seeds {first}..{}", first + count);
    (first..first + count).map(|seed| (seed, ChaCha8Rng::seed_from_u64(seed)))
}

const TINY: Size = Size {
    transactions: 5,
    keys: 2,
    processes: 3,
    micros: 3,
};
const SMALL: Size = Size {
    transactions: 40,
    keys: 4,
    processes: 5,
    micros: 4,
};

/// What the brute force can explain is never a violation; and of what it cannot, most is found.
#[test]
fn no_false_alarm_by_brute_force() {
    let mut tally = [[0_u64; 2]; 2];
    for (seed, mut random) in histories(10_000) {
        let model = if random.random_bool(0.5) { Lists } else { Registers };
        let strict = random.random_bool(0.5);
        let mut transactions = simulate(&mut random, TINY, strict);
        if random.random_bool(0.8) {
            disturb(&mut random, &mut transactions);
        }
        for (strict, consistency) in [(true, Level::STRICT_SERIALIZABLE), (false, Level::SERIALIZABLE)] {
            let legal = brute_force(model, &transactions, strict);
            let check = check_of(model, &transactions, consistency);
            let found = check.verdict == Verdict::Violation;
            assert!(
                !(legal && found),
                "seed {seed}: a false alarm: {}\n{transactions:#?}",
                check.violations[0].why
            );
            tally[usize::from(model == Lists)][usize::from(found)] += u64::from(!legal);
        }
    }
    println!("illegal registers [missed, found], lists: {tally:?}");
    let [[_, registers], [missed, lists]] = tally;
    assert!(registers > 0 && lists > 20 * missed, "{tally:?}");
}

#[test]
fn a_serial_database_always_passes() {
    for (seed, mut random) in histories(1_000) {
        let model = if random.random_bool(0.5) { Lists } else { Registers };
        let strict = random.random_bool(0.5);
        let consistency = [Level::SERIALIZABLE, Level::STRICT_SERIALIZABLE][usize::from(strict)];
        let transactions = simulate(&mut random, SMALL, strict);
        let check = check_of(model, &transactions, consistency);
        assert_eq!(
            check.verdict,
            Verdict::Pass,
            "seed {seed}: {} {:?}",
            check.reason,
            check.violations
        );
    }
}

/// Whether the change was made.
type Injection = fn(&mut ChaCha8Rng, Model, &mut Vec<Transaction>) -> bool;

/// Two transactions at the end read one state, and both write.
fn lost_update(_: &mut ChaCha8Rng, _: Model, transactions: &mut Vec<Transaction>) -> bool {
    let end = transactions
        .iter()
        .map(|of| of.ret.max(of.inv))
        .max()
        .unwrap_or(0)
        + 1;
    for at in 0..2 {
        let micros = vec![Micro::Read(9, Vec::new()), Micro::Write(9, 1000 + at as i64)];
        let (inv, ret) = (end + at, end + 2 + at);
        transactions.push(Transaction {
            process: 700 + at as u64,
            micros,
            outcome: Kind::Ok,
            inv,
            ret,
        });
    }
    true
}

/// A transaction whose write somebody else read is aborted after all.
#[allow(clippy::ptr_arg, reason = "one signature for all injections")]
fn aborted_read(_: &mut ChaCha8Rng, _: Model, transactions: &mut Vec<Transaction>) -> bool {
    let reads: Vec<(usize, i64)> = transactions
        .iter()
        .enumerate()
        .filter(|(_, of)| of.outcome == Kind::Ok)
        .flat_map(|(at, of)| of.micros.iter().map(move |micro| (at, micro)))
        .filter_map(|(at, micro)| match micro {
            Micro::Read(_, found) => found.last().map(|&last| (at, last)),
            Micro::Write(..) => None,
        })
        .collect();
    let writes = |of: &Transaction, value: i64| {
        of.micros
            .iter()
            .any(|micro| matches!(micro, Micro::Write(_, element) if *element == value))
    };
    let writer = reads.into_iter().find_map(|(reader, value)| {
        transactions
            .iter()
            .position(|of| writes(of, value))
            .filter(|&at| at != reader)
    });
    writer
        .inspect(|&at| transactions[at].outcome = Kind::Fail)
        .is_some()
}

/// A new transaction reads the initial state of a key that was written long ago.
fn stale_read(_: &mut ChaCha8Rng, _: Model, transactions: &mut Vec<Transaction>) -> bool {
    let end = transactions
        .iter()
        .map(|of| of.ret.max(of.inv))
        .max()
        .unwrap_or(0)
        + 1;
    let ok = transactions.iter().filter(|of| of.outcome == Kind::Ok);
    let written = ok.flat_map(|of| &of.micros).find_map(|micro| match micro {
        Micro::Write(key, _) => Some(*key),
        Micro::Read(..) => None,
    });
    let Some(key) = written else { return false };
    let micros = vec![Micro::Read(key, Vec::new())];
    transactions.push(Transaction {
        process: 700,
        micros,
        outcome: Kind::Ok,
        inv: end,
        ret: end + 1,
    });
    true
}

#[test]
fn injected_anomalies_are_found() {
    let injections: [(&str, Injection); 3] = [
        ("lost update", lost_update),
        ("aborted read", aborted_read),
        ("stale read", stale_read),
    ];
    let mut made = [0; 3];
    for (seed, mut random) in histories(300) {
        for model in [Lists, Registers] {
            let good = simulate(&mut random, SMALL, true);
            for (at, (name, inject)) in injections.iter().enumerate() {
                let mut bad = good.clone();
                if inject(&mut random, model, &mut bad) {
                    made[at] += 1;
                    let check = check_of(model, &bad, Level::STRICT_SERIALIZABLE);
                    assert_eq!(check.verdict, Verdict::Violation, "seed {seed}: {name} missed");
                }
            }
        }
    }
    println!("injected: {made:?}");
    assert!(made.iter().all(|&made| made > 500));
}

#[test]
fn other_names_for_keys_and_values_change_nothing() {
    for (seed, mut random) in histories(300) {
        for model in [Lists, Registers] {
            let strict = random.random_bool(0.5);
            let mut transactions = simulate(&mut random, SMALL, strict);
            disturb(&mut random, &mut transactions);
            let plain = events(model, &transactions, Value::from);
            let renamed = events(model, &transactions, |number| {
                Value::from(format!("<{}>", -3 * number).as_str())
            });
            let judge =
                |events| judge_with(model, events, Level::STRICT_SERIALIZABLE, &Budget::unlimited()).unwrap();
            let (plain, renamed) = (judge(&plain), judge(&renamed));
            assert_eq!(names(&plain), names(&renamed), "seed {seed}");
            assert_eq!(
                plain.details["anomalies"], renamed.details["anomalies"],
                "seed {seed}"
            );
            let told = |check: &Check| {
                check
                    .violations
                    .iter()
                    .map(|one| one.operations.clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(told(&plain), told(&renamed), "seed {seed}");
        }
    }
}

/// Every cycle that is told is one: each edge leads to the next, and each edge of time is true.
#[test]
fn told_cycles_are_cycles() {
    let mut cycles = 0;
    for (seed, mut random) in histories(300) {
        let mut transactions = simulate(&mut random, SMALL, false);
        disturb(&mut random, &mut transactions);
        let events = events(Lists, &transactions, Value::from);
        let check = judge_with(Lists, &events, Level::STRICT_SERIALIZABLE, &Budget::unlimited()).unwrap();
        for violation in check
            .violations
            .iter()
            .filter(|violation| violation.why.starts_with('G'))
        {
            if violation.why.starts_with("G1a") || violation.why.starts_with("G1b") {
                continue;
            }
            cycles += 1;
            let edges = &violation.edges;
            assert!(
                edges.len() >= 2 && edges[0].from == edges[edges.len() - 1].to,
                "seed {seed}"
            );
            assert!(
                edges.windows(2).all(|pair| pair[0].to == pair[1].from),
                "seed {seed}"
            );
            assert!(
                !violation.why.contains("of the order of what"),
                "seed {seed}: {}",
                violation.why
            );
            for edge in edges
                .iter()
                .filter(|edge| edge.reason == checker::Reason::RealTime)
            {
                let process = events[edge.from as usize].process;
                let end = events.iter().position(|event| {
                    event.index > edge.from && event.process == process && event.kind.is_completion()
                });
                assert!(end.unwrap() < edge.to as usize, "seed {seed}: {}", violation.why);
            }
        }
    }
    println!("{cycles} cycles");
    assert!(cycles > 50);
}
