//! The main job in numbers: is the bug caught on every seed, and how soon; is the correct node armed, and never
//! blamed; how many cycles a minute; and what does `prod` say.
//!
//!     cargo build --release && cargo bench -p harness --bench figure8 -- --seeds 20 --sizes 5

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code)]

mod lab;

use lab::{Run, Store, flag, median};
use serde_json::Value;

fn main() {
    let (seeds, sizes) = (flag("--seeds", 20), flag("--sizes", 5));
    let correct_seconds = flag("--correct-seconds", 30);
    let store = Store::new();
    println!("{:<44} {:>10} {:>12} {:>12}", "", "of seeds", "median", "worst");
    for (nodes, seeds) in [(5, seeds), (3, sizes), (4, sizes), (7, sizes)] {
        caught(&store, nodes, seeds);
    }
    for (nodes, seeds) in [(5, seeds), (3, sizes), (4, sizes), (7, sizes)] {
        correct(&store, nodes, seeds, correct_seconds);
    }
    prod(&store);
}

/// The bug, until the first violation, 60 s at most.
fn caught(store: &Store, nodes: u64, seeds: u64) {
    let mut times = Vec::new();
    for seed in 1..=seeds {
        let words = format!(
            "--nemesis figure8 --nodes {nodes} --duration 60s --until-violation --bug commit-any-term --seed {seed}"
        );
        let run = store.run(&words);
        match time_to_violation(&run) {
            Some(time) if run.exit == 1 => times.push(time),
            _ => println!(
                "    n = {nodes}, seed {seed}: NOT caught, exit {}, {}",
                run.exit,
                run.folder.display()
            ),
        }
        run.forget();
    }
    let worst = times.iter().copied().fold(0.0, f64::max);
    println!(
        "{:<44} {:>10} {:>10.2} s {:>10.2} s",
        format!("bug caught, n = {nodes}: from the first cycle on"),
        format!("{} of {seeds}", times.len()),
        median(times),
        worst
    );
}

/// Seconds from the first cycle's start to the completion of the last operation of the proof.
fn time_to_violation(run: &Run) -> Option<f64> {
    let start = run.lines("figure8.jsonl").first()?["started"].as_u64()?;
    let violation = run.results["violations"].as_array()?.iter().find(|violation| {
        violation["operations"]
            .as_array()
            .is_some_and(|operations| !operations.is_empty())
    })?;
    let last = violation["operations"]
        .as_array()?
        .iter()
        .filter_map(Value::as_u64)
        .max()?;
    let history = run.lines("history.jsonl");
    let invoke = history.get(last as usize + 1)?;
    let is_its_end =
        |event: &&Value| event["process"] == invoke["process"] && event["index"].as_u64() > Some(last);
    let end = history
        .iter()
        .filter(|event| event["index"].is_u64())
        .find(is_its_end)?;
    Some((end["time"].as_u64()? - start) as f64 / 1e9)
}

fn correct(store: &Store, nodes: u64, seeds: u64, seconds: u64) {
    let (mut armed, mut alarms, mut cycles) = (0, 0, Vec::new());
    for seed in 1..=seeds {
        let run = store.run(&format!(
            "--nemesis figure8 --nodes {nodes} --duration {seconds}s --seed {seed}"
        ));
        armed += u64::from(run.check("armed") == "pass");
        alarms += u64::from(run.exit == 1);
        if run.exit != 0 {
            println!(
                "    n = {nodes}, seed {seed}: exit {}: {}",
                run.exit, run.results["checks"]
            );
        }
        let complete = run
            .lines("figure8.jsonl")
            .iter()
            .filter(|cycle| cycle["outcome"] != "UNFINISHED")
            .count();
        cycles.push(complete as f64 * 60.0 / seconds as f64);
        run.forget();
    }
    let least = cycles.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "{:<44} {:>10} {:>10.0} /min {:>8.0} /min   {alarms} false alarms",
        format!("correct node armed, n = {nodes}; cycles"),
        format!("{armed} of {seeds}"),
        median(cycles),
        least
    );
}

fn prod(store: &Store) {
    let run = store.run("--nemesis figure8 --profile prod --bug commit-any-term --duration 20s --seed 1");
    let checks = run.results["checks"].as_array().cloned().unwrap_or_default();
    let armed = checks
        .into_iter()
        .find(|check| check["name"] == "armed")
        .unwrap_or_default();
    println!("prod with the bug: exit {}, {}", run.exit, armed["reason"]);
}
