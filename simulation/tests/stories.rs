//! Every guided schedule on real nodes in virtual time: it sets its trap at every size and on many seeds, leaves a whole
//! record, and plays one cycle word for word.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use histories::{Nanos, Seed};
use nemesis::schedule::Row;
use nemesis::schedules::guided::record::{Outcome, Record, Tally};
use rayon::prelude::*;
use runs::case::Case;
use simulation::run::{Options, Plan, Played};

fn stories() -> Vec<&'static Row> {
    nemesis::TABLE.iter().filter(|row| row.guided).collect()
}

fn play(row: &Row, nodes: usize, seed: u64, seconds: u64, bugs: &[&str]) -> Played {
    let options = Options {
        duration: Duration::from_secs(seconds),
        interval: Duration::from_secs(1),
        clients: 4,
        pause_ms: (2, 12),
        journals: false,
        filler: None,
    };
    let bugs: Vec<String> = bugs.iter().map(|bug| (*bug).to_owned()).collect();
    let plan = Plan::new(&Case::under(row.name).nodes(nodes), &bugs, &options).unwrap();
    plan.play(Seed(seed)).unwrap()
}

fn cycles(played: &Played) -> &[Record] {
    played.left.nemesis.cycles()
}

/// What was done in the first so many cycles, and what each stage saw.
fn script(played: &Played, many: usize) -> String {
    let mut script = String::new();
    let mut effects = played.left.nemesis.effects().iter().peekable();
    for cycle in cycles(played).iter().take(many) {
        while let Some(line) = effects.next_if(|line| line.planned <= cycle.ended) {
            let (ms, effect) = (line.planned.as_ms(), &line.effect);
            let _ = writeln!(script, "{ms:>6} ms  {} {}", effect.word(), effect.whom());
        }
        for stage in &cycle.stages {
            let _ = writeln!(script, "           ({}) {}", stage.stage, stage.what);
        }
        let _ = writeln!(script, "           => {:?}: {}", cycle.outcome, cycle.reason);
    }
    script
}

#[test]
fn every_trap_is_set_at_every_size_on_every_seed() {
    let sizes = stories()
        .into_iter()
        .flat_map(|row| (row.least_nodes..=7).map(move |nodes| (row, nodes)));
    let runs: Vec<_> = sizes
        .flat_map(|(row, nodes)| (1..=3).map(move |seed| (row, nodes, seed)))
        .collect();
    runs.into_par_iter().for_each(|(row, nodes, seed)| {
        let played = play(row, nodes, seed, 12, &[]);
        let place = format!("{}, n = {nodes}, seed {seed}", row.name);
        let armed = played.left.nemesis.armed(&played.left.record).unwrap();
        assert_eq!(armed.verdict, checker::Verdict::Pass, "{place}: {}", armed.reason);
        let set = cycles(&played)
            .iter()
            .filter(|cycle| cycle.outcome.is_set())
            .count();
        // Two in three: the rest is what a missed election costs, and the cycle that the end cuts off.
        assert!(
            set * 3 + 3 >= cycles(&played).len() * 2,
            "{place}: {set} of {}",
            cycles(&played).len()
        );
    });
}

#[test]
fn a_record_has_its_cast_its_stages_in_order_and_its_reads() {
    for row in stories() {
        let played = play(row, row.nodes, 3, 12, &[]);
        let first = cycles(&played)
            .iter()
            .find(|cycle| cycle.outcome.is_set())
            .unwrap();
        assert_eq!((first.schedule.as_str(), first.n), (row.name, row.nodes));
        assert!(!first.cast.is_empty() && first.stages.len() >= 2, "{first:?}");
        let names: Vec<&str> = first.stages.iter().map(|stage| stage.stage.as_str()).collect();
        assert!(names.is_sorted(), "{}: {names:?}", row.name);
        let stages = first.stages.iter().map(|stage| stage.t);
        let times: Vec<Nanos> = [first.started]
            .into_iter()
            .chain(stages)
            .chain([first.ended])
            .collect();
        assert!(
            times.is_sorted() && first.started < first.ended,
            "{}: {times:?}",
            row.name
        );
    }
}

#[test]
fn figure8_is_refused_and_closed_by_the_correct_node_and_springs_on_the_naive_one() {
    let row = nemesis::schedules::find("figure8").unwrap();
    let runs: Vec<_> = (3..=7)
        .flat_map(|nodes| (1..=4).map(move |seed| (nodes, seed)))
        .collect();
    runs.into_par_iter().for_each(|(nodes, seed)| {
        let place = format!("n = {nodes}, seed {seed}");
        let tally = Tally::of(cycles(&play(row, nodes, seed, 12, &[])));
        assert!(
            tally.sprung == 0 && tally.refused > 0 && tally.closed > 0,
            "{place}: {tally}"
        );
        let naive = play(row, nodes, seed, 5, &["commit-any-term"]);
        let sprung = cycles(&naive)
            .iter()
            .find(|cycle| cycle.outcome == Outcome::Sprung);
        let sprung = sprung.unwrap_or_else(|| panic!("{place}\n{}", script(&naive, 9)));
        let stages: Vec<&str> = sprung.stages.iter().map(|stage| stage.stage.as_str()).collect();
        assert_eq!(stages, ["a", "b", "c", "d1"], "{place}");
        let by = sprung.committed_by(&sprung.stages[2].facts);
        assert!(by.contains(&"a commit index"), "{by:?}, {place}");
    });
}

/// Renewed by `UPDATE_SCRIPTS=1 cargo test -p simulation`, and only when the difference is understood.
#[test]
fn one_cycle_of_each_word_for_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    for row in stories() {
        // A story with two ends has each of them in turn.
        let many = if row.name == "figure8" { 2 } else { 1 };
        let script = script(&play(row, row.nodes, 1, 5, &[]), many);
        let path = folder.join(format!("{}.txt", row.name));
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &script).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(script, golden, "{}", row.name);
    }
}
