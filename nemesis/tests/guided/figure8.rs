//! The figure8 schedule against a modelled cluster: both ends of the story, every size, many seeds, and one run of
//! it word for word.

use std::fmt::Write;
use std::time::Duration;

use histories::{Nanos, Seed};
use nemesis::schedule::{Evidence, Settings};
use nemesis::schedules::figure8::evidence::{Cycle, Ending};
use nemesis::schedules::find;
use nemesis::{Armed, Effect, LinkRule};

use crate::model::{Cluster, Rules};

const CORRECT: Rules = Rules::CORRECT;
const NAIVE: Rules = Rules {
    current_term_only: false,
    no_op: false,
};

struct Played {
    cycles: Vec<Cycle>,
    records: Vec<serde_json::Value>,
    script: String,
}

fn play(nodes: usize, seed: u64, rules: Rules, seconds: u64) -> Played {
    let row = find("figure8").unwrap();
    let settings = Settings {
        nodes,
        seed: Seed(seed),
        interval: Duration::from_secs(3),
        can: Vec::new(),
    };
    let mut schedule = (row.build)(&settings);
    let mut cluster = Cluster::new(nodes, seed, rules);
    let mut script = String::new();
    let mut records = Vec::new();
    while cluster.now < Nanos::from_ms(seconds * 1000) {
        cluster.tick();
        let view = cluster.view();
        for effect in schedule.observe(&view) {
            let _ = writeln!(
                script,
                "{:>6} ms  {:<12} {}",
                cluster.now.as_ms(),
                schedule.stage(),
                told(&effect)
            );
            let outcome = cluster.apply(&effect);
            schedule.on_outcome(&effect, &outcome);
        }
        for record in schedule.take_records() {
            let cycle: Cycle = serde_json::from_value(record.clone()).unwrap();
            let _ = writeln!(script, "           => {:?}: {}", cycle.outcome, cycle.reason);
            records.push(record);
        }
    }
    let cycles = records
        .iter()
        .map(|record| serde_json::from_value(record.clone()).unwrap())
        .collect();
    Played {
        cycles,
        records,
        script,
    }
}

pub fn told(effect: &Effect) -> String {
    match effect {
        Effect::Links { rule, links } => {
            let links: Vec<String> = links
                .iter()
                .map(|link| format!("{}>{}", link.0, link.1))
                .collect();
            let word = match rule {
                LinkRule::Cut => "cut".to_owned(),
                LinkRule::Pass => "pass".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{word} {}", links.join(" "))
        }
        Effect::Record { links, .. } | Effect::Inject { links } => {
            let links: Vec<String> = links
                .iter()
                .map(|link| format!("{}>{}", link.0, link.1))
                .collect();
            format!("{} {}", effect.word(), links.join(" "))
        }
        Effect::Clients { nodes, .. } => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            format!("{} {}", effect.word(), nodes.join(" "))
        }
        Effect::Start(node) | Effect::Kill(node) | Effect::Pause(node) | Effect::Resume(node) => {
            format!("{} {node}", effect.word())
        }
        Effect::Probe(probe) => format!(
            "probe {} {} at {}",
            serde_json::json!(probe.op),
            probe.key,
            probe.node
        ),
        Effect::Gate { .. } => effect.word().to_owned(),
    }
}

fn count(played: &Played, ending: Ending) -> usize {
    played
        .cycles
        .iter()
        .filter(|cycle| cycle.outcome == ending)
        .count()
}

fn armed(played: &Played, seconds: u64) -> Armed {
    let ran = Duration::from_secs(seconds);
    (find("figure8").unwrap().armed)(&Evidence {
        effects: &[],
        records: &played.records,
        ran,
    })
}

#[test]
fn the_correct_node_refuses_and_closes_at_every_size_and_is_armed() {
    for nodes in 3..=7 {
        for seed in 0..10 {
            let played = play(nodes, seed, CORRECT, 30);
            assert_eq!(
                count(&played, Ending::Sprung),
                0,
                "n = {nodes}, seed {seed}\n{}",
                played.script
            );
            let armed = armed(&played, 30);
            assert!(
                armed.armed,
                "n = {nodes}, seed {seed}: {}\n{}",
                armed.reason, played.script
            );
            assert!(
                played.cycles.len() >= 10,
                "n = {nodes}, seed {seed}: {} cycles",
                played.cycles.len()
            );
        }
    }
}

#[test]
fn the_naive_node_loses_what_it_committed_in_the_first_cycle() {
    for nodes in 3..=7 {
        for seed in 0..10 {
            let played = play(nodes, seed, NAIVE, 5);
            let first = &played.cycles[0];
            assert_eq!(
                first.outcome,
                Ending::Sprung,
                "n = {nodes}, seed {seed}\n{}",
                played.script
            );
            assert!(first.was_committed());
            let panels: Vec<&str> = first.panels.iter().map(|panel| panel.panel.as_str()).collect();
            assert_eq!(panels, ["a", "b", "c", "d1"]);
        }
    }
}

#[test]
fn a_no_op_closes_the_trap_and_the_reason_says_so() {
    for seed in 0..5 {
        let played = play(5, seed, Rules { no_op: true, ..NAIVE }, 20);
        let armed = armed(&played, 20);
        assert!(
            !armed.armed && armed.reason.contains("trap closed by the no-op"),
            "seed {seed}: {}",
            armed.reason
        );
    }
}

#[test]
fn a_cycle_that_the_end_of_the_load_cuts_off_counts_for_nothing() {
    let row = find("figure8").unwrap();
    let mut schedule = (row.build)(&Settings {
        nodes: 5,
        seed: Seed(1),
        interval: Duration::ZERO,
        can: Vec::new(),
    });
    let mut cluster = Cluster::new(5, 1, CORRECT);
    while cluster.now < Nanos::from_ms(600) {
        cluster.tick();
        for effect in schedule.observe(&cluster.view()) {
            cluster.apply(&effect);
        }
    }
    schedule.interrupt(&cluster.view());
    let record: Cycle = serde_json::from_value(schedule.take_records().remove(0)).unwrap();
    assert_eq!(record.outcome, Ending::Unfinished);
}

/// Renewed by `UPDATE_SCRIPTS=1 cargo test -p nemesis`, and only when the difference is understood.
#[test]
fn two_cycles_word_for_word() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/guided/figure8-5-nodes-seed-1.txt"
    );
    let mut script = play(5, 1, CORRECT, 30).script;
    let end = script
        .match_indices("=>")
        .nth(1)
        .and_then(|(at, _)| script[at..].find('\n').map(|len| at + len));
    script.truncate(end.unwrap() + 1);
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        std::fs::write(path, &script).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert_eq!(script, golden);
}
