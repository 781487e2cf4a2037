//! The search for registers alone, on histories in which much is unknown.

use histories::{Event, Kind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::registers::Register;
use super::{Size, Twin, brute, calls, first_seed, how_many, random_history};
use crate::Budget;
use crate::certify::replay;
use crate::decode::Decode;
use crate::operations::groups;
use crate::search::{Found, SUPPLY, Tactic, search};
use crate::spec::register;
use crate::testing::header;

/// How often a change that completed is said to be unknown instead, in percent.
const UNKNOWN: [u32; 4] = [0, 10, 30, 60];

/// A random history with unknown changes, of few processes or many.
fn draw(twin: &Register, rng: &mut ChaCha8Rng) -> Vec<Event> {
    let size = Size {
        operations: rng.random_range(2..=9),
        processes: rng.random_range(1..=6),
    };
    let mut events = random_history(twin, size, rng);
    let unknown = UNKNOWN[rng.random_range(0..UNKNOWN.len())];
    for event in &mut events {
        if event.kind == Kind::Ok && &*event.f != "read" && rng.random_range(0..100) < unknown {
            event.kind = Kind::Info;
        }
    }
    events
}

/// The same verdict as a brute force, and an order that replays; gives whether it is legal, and who decided.
fn agrees(twin: &Register, seed: u64) -> (bool, bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let events = draw(twin, &mut rng);
    let expected = brute(twin, &calls(&events, &["read", "write", "cas"]));
    let (header, budget) = (header(false), Budget::unlimited());
    let group = groups(&header, &events).unwrap().remove(0);
    let decoded = register::Register::decode(&group, &twin.options(), &mut budget.meter()).unwrap();
    let (spec, entries) = (&decoded.spec, &decoded.entries);
    let outcome = search(spec, entries, Tactic::Supply, &mut budget.meter());
    let what = || {
        let lines = events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap() + "\n");
        format!("seed {seed}, {outcome:?}\n{}", lines.collect::<String>())
    };
    match &outcome.found {
        Found::Legal(order) => {
            assert!(expected, "no order is legal: {}", what());
            assert_eq!(
                replay(spec, entries, order, &mut budget.meter()),
                Ok(true),
                "{}",
                what()
            );
        }
        Found::Illegal(_) => assert!(!expected, "there is a legal order: {}", what()),
        Found::Stopped(..) => panic!("without limits: {}", what()),
    }
    (expected, outcome.by == SUPPLY)
}

#[test]
fn registers_of_which_much_is_unknown() {
    for (values, cas) in [(2, true), (3, true), (4, true), (3, false)] {
        let twin = Register::of(values, cas);
        let outcomes: Vec<(bool, bool)> = (first_seed()..first_seed() + how_many())
            .into_par_iter()
            .map(|seed| agrees(&twin, seed))
            .collect();
        let many = outcomes.len() / 100;
        for expected in [true, false] {
            let its = outcomes.iter().filter(|(legal, by)| *legal == expected && *by);
            assert!(its.count() > many, "{values} values, {expected}: no test");
        }
    }
}

/// Two reads of a value that only writes of unknown outcome brought, one each.
#[test]
fn what_is_spent_is_gone() {
    let verdict = |text: &str| crate::testing::check("register", &crate::testing::history(text)).verdict;
    let spent = "0 w 1, 1 w 1, 2 r, 2 r: 1, 2 w 2, 2 w: 2, 2 r, 2 r: 1, 2 w 2, 2 w: 2, 2 r, 2 r:";
    assert_eq!(verdict(&format!("{spent} 2")), crate::Verdict::Pass);
    assert_eq!(verdict(&format!("{spent} 1")), crate::Verdict::Violation);
}
