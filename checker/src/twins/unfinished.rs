//! What a search knew when it was stopped: a legal beginning, as long as it says.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::collections::{Collection, Queue};
use super::others::{Counter, FEW, Kv, MultiRegister, Mutex};
use super::registers::{Register, Versioned};
use super::{Size, Twin, first_seed, how_many, random_history};
use crate::Budget;
use crate::budget::Stop;
use crate::certify::beginning;
use crate::decode::{Decode, Decoded};
use crate::models::{append, counter, kv, multi_register, mutex, queue, set, versioned_register};
use crate::operations::{OPEN, groups};
use crate::search::{Found, Stuck, Tactic, search};
use crate::spec::register;
use crate::testing::header;
use crate::unfinished::unfinished;

/// Searches of long histories that are stopped by steps or by memory, at any moment.
fn is_a_beginning<S: Decode>(twin: &impl Twin) {
    let many = (how_many() / 100).max(200);
    let stopped: usize = (first_seed()..first_seed() + many)
        .into_par_iter()
        .map(|seed| {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let size = Size {
                operations: rng.random_range(8..=60),
                processes: rng.random_range(2..=8),
            };
            let events = random_history(twin, size, rng);
            let header = header(false);
            let group = groups(&header, &events).unwrap().remove(0);
            let decoded = S::decode(&group, &twin.options(), &mut Budget::unlimited().meter()).unwrap();
            let tactic = [
                Tactic::Race,
                Tactic::DepthFirst,
                Tactic::BreadthFirst,
                Tactic::Supply,
            ][rng.random_range(0..4)];
            let (steps, bytes) = match rng.random_bool(0.5) {
                true => (rng.random_range(1..=size.operations as u64), u64::MAX),
                false => (u64::MAX, rng.random_range(1 << 11..1 << 15)),
            };
            let budget = Budget::new(u64::MAX, bytes);
            let outcome = search(
                &decoded.spec,
                &decoded.entries,
                tactic,
                &mut budget.meter().capped(steps),
            );
            let Found::Stopped(stop, stuck) = outcome.found else {
                return 0;
            };
            let what = format!("seed {seed}, {tactic:?} stopped by {stop:?}: {stuck:?}");
            assert_eq!(stop == Stop::Bytes, bytes < u64::MAX, "{what}");
            assert_eq!(holds::<S>(&decoded, &stuck), Ok(()), "{what}");
            let expected = stuck.order.len();
            let told = unfinished(&group, &decoded, stuck).attempt;
            let steps = told.map_or(0, |told| {
                assert!(told.initial.is_some(), "{what}");
                assert!(told.order.iter().all(|step| step.state.is_some()), "{what}");
                told.before + told.order.len()
            });
            assert_eq!(steps, expected, "{what}");
            usize::from(steps > 0)
        })
        .sum();
    assert!(stopped as u64 > many / 20, "{stopped} of {many}: no test");
}

/// Whether the order is legal, and has as many completed operations as it is said to explain.
fn holds<S: Decode>(decoded: &Decoded<S>, stuck: &Stuck) -> Result<(), String> {
    let order: Vec<u32> = stuck.order.iter().map(|step| step.id).collect();
    let left = beginning(
        &decoded.spec,
        &decoded.entries,
        &order,
        &mut Budget::unlimited().meter(),
    );
    let Ok(Some(left)) = left else {
        return Err("it is no legal beginning".to_owned());
    };
    let completed = decoded.entries.iter().filter(|entry| entry.ret != OPEN).count();
    let missing = left.iter().filter(|entry| entry.ret != OPEN).count();
    let first = left.iter().map(|entry| entry.ret).min().unwrap_or(OPEN);
    let next = |id: &u32| left.iter().any(|entry| entry.id == *id && entry.inv < first);
    match () {
        () if completed - missing != stuck.explained => Err(format!("it explains {}", completed - missing)),
        () if !stuck.pending.iter().all(next) => Err("what is pending cannot come next".to_owned()),
        () => Ok(()),
    }
}

#[test]
fn registers_that_are_stopped() {
    for (values, cas) in [(2, true), (3, false), (100, true)] {
        is_a_beginning::<register::Register>(&Register::of(values, cas));
    }
    is_a_beginning::<versioned_register::VersionedRegister<false>>(&Versioned::of(3, false));
    is_a_beginning::<versioned_register::VersionedRegister<true>>(&Versioned::of(3, true));
    is_a_beginning::<multi_register::MultiRegister>(&MultiRegister);
    is_a_beginning::<kv::Kv>(&Kv(FEW));
}

#[test]
fn collections_that_are_stopped() {
    is_a_beginning::<queue::Queue<false>>(&Queue::unordered(3));
    is_a_beginning::<queue::Queue<true>>(&Queue::fifo(3));
    is_a_beginning::<append::List>(&Collection::list(4));
    is_a_beginning::<set::Set<true>>(&Collection::with_removal(3));
}

#[test]
fn counters_and_locks_that_are_stopped() {
    is_a_beginning::<counter::Counter>(&Counter::of(&[1, 2, -1, 0], true));
    is_a_beginning::<mutex::Mutex<true>>(&Mutex { owned: true });
    is_a_beginning::<mutex::Mutex<false>>(&Mutex { owned: false });
}
