//! Histories of which only the order within each session is known: their order in the file is none in time.

use checker::{Budget, Level, Levels, Order, Subject, Verdict};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::answer::Answer;
use crate::levels::drawn;
use crate::random::{Size, Transaction, events, simulate};
use crate::spelled::Model::{Lists, Registers};
use crate::spelled::{judge_untimed, judge_with};

/// Session after session, as files have them that come without times.
fn one_session_after_the_other(transactions: &mut [Transaction]) {
    transactions.sort_by_key(|of| (of.process, of.inv));
    for (at, of) in transactions.iter_mut().enumerate() {
        (of.inv, of.ret) = (2 * at, 2 * at + 1);
    }
}

/// Without a clock to go by the search would not end within these steps.
#[test]
fn a_serial_database_is_recognised_without_its_times() {
    let size = Size {
        transactions: 1500,
        keys: 40,
        processes: 12,
        micros: 8,
    };
    for seed in 0..3 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut transactions = simulate(&mut random, size, true);
        one_session_after_the_other(&mut transactions);
        let events = events(Registers, &transactions, histories::Value::from);
        for level in [Level::SERIALIZABLE, Level::find("snapshot-isolation").unwrap()] {
            let check = judge_untimed(Registers, &events, level, &Budget::new(STEPS, u64::MAX));
            assert_eq!(
                check.verdict,
                Verdict::Pass,
                "seed {seed}, {level}: {}",
                check.reason
            );
        }
    }
}

const STEPS: u64 = 3_000_000;

/// Where no level asks for real time, what is said does not depend on whether there is one.
#[test]
fn times_that_nobody_asks_for_do_not_matter() {
    let untimed = |level: &&Level| level.order != Order::RealTime;
    let levels: Levels = Level::all().iter().filter(untimed).copied().collect();
    for seed in 0..1000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let model = if random.random_bool(0.5) { Lists } else { Registers };
        let transactions = drawn(&mut random, model);
        let events = events(model, &transactions, histories::Value::from);
        let budget = Budget::unlimited();
        let timed = judge_with(model, &events, levels, &budget).unwrap();
        let without = judge_untimed(model, &events, levels, &budget);
        for level in levels.iter() {
            let of = |check| Answer::of(check, Subject::Transactions, level);
            assert_eq!(of(&timed), of(&without), "seed {seed}: {level}");
        }
    }
}
