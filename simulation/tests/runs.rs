//! Whole runs in virtual time: the same bytes from the same seed, no alarm of the correct node, and every bug caught.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use histories::{RunFolder, Seed};
use nemesis::Need;
use nemesis::schedule::Row;
use rayon::prelude::*;
use runs::case::Case;
use runs::cluster_node::BUGS;
use runs::ending::Ending;
use simulation::finding::{Cost, Finding};
use simulation::run::{Options, Plan};
use simulation::save::files;

fn options(seconds: u64) -> Options {
    Options {
        duration: Duration::from_secs(seconds),
        interval: Duration::from_millis(500),
        clients: 4,
        pause_ms: (2, 12),
        journals: true,
        filler: None,
    }
}

fn schedules() -> Vec<&'static Row> {
    nemesis::schedules::within(&Need::OVER_FRAMES).collect()
}

fn finding(case: &Case, bugs: &[&str], seed: u64, seconds: u64) -> Finding {
    let bugs: Vec<String> = bugs.iter().map(|bug| (*bug).to_owned()).collect();
    let plan = Plan::new(case, &bugs, &options(seconds)).unwrap();
    let played = plan.play(Seed(seed)).unwrap();
    let results = played.judge().unwrap();
    Finding::of(Seed(seed), !bugs.is_empty(), &played, &results, Cost::default())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    schedules().into_par_iter().for_each(|row| {
        let folder = RunFolder::at("run");
        let play = |seed| {
            let plan = Plan::new(&Case::under(row.name), &[], &options(3)).unwrap();
            let played = plan.play(Seed(seed)).unwrap();
            let results = played.judge().unwrap();
            files(&played, &results, &folder).unwrap()
        };
        let first = play(7);
        let again = play(7);
        for (path, bytes) in &first {
            assert_eq!(Some(bytes), again.get(path), "{}: {}", row.name, path.display());
        }
        assert_eq!(first.len(), again.len(), "{}", row.name);
        assert_ne!(
            first[&folder.history()],
            play(8)[&folder.history()],
            "{}",
            row.name
        );
    });
}

#[test]
fn figure8_keeps_what_a_new_leader_appends_apart() {
    let apart = Options {
        filler: Some(64),
        ..options(8)
    };
    let found = |bugs: &[String], seed| {
        let plan = Plan::new(&Case::under("figure8"), bugs, &apart).unwrap();
        let played = plan.play(Seed(seed)).unwrap();
        let results = played.judge().unwrap();
        Finding::of(Seed(seed), !bugs.is_empty(), &played, &results, Cost::default())
    };
    (1..=4).into_par_iter().for_each(|seed| {
        let right = found(&[], seed);
        assert_eq!(right.ending, Ending::Clean, "{right:?}");
        let naive = found(&["commit-any-term".to_owned()], seed);
        assert_eq!(naive.ending, Ending::Caught, "{naive:?}");
    });
}

#[test]
fn the_correct_node_raises_no_alarm_under_any_schedule() {
    schedules().into_par_iter().for_each(|row| {
        let seeds: Vec<Finding> = (1..=8)
            .map(|seed| finding(&Case::under(row.name), &[], seed, 5))
            .collect();
        for seed in &seeds {
            let is_well = matches!(seed.ending, Ending::Clean | Ending::Unarmed);
            assert!(is_well, "{}: {seed:?}", row.name);
        }
        let armed = seeds.iter().filter(|seed| seed.ending == Ending::Clean).count();
        assert!(armed >= 7, "{}: {seeds:?}", row.name);
    });
}

#[test]
fn every_bug_is_caught_by_its_schedule() {
    BUGS.par_iter().for_each(|bug| {
        let seeds: Vec<Finding> = (1..=4)
            .map(|seed| finding(&bug.case, &[bug.name], seed, 20))
            .collect();
        let caught = seeds.iter().filter(|seed| seed.ending == Ending::Caught).count();
        assert!(caught >= 3, "{}: {seeds:?}", bug.name);
    });
}
