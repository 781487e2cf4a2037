//! Maelstrom's smaller workloads: the example passes each, and is caught when it is mistaken.

use std::path::PathBuf;

use serde_json::Value;

use crate::lab::{Ended, Lab, check, has_python};

fn node() -> String {
    let node = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/maelstrom/workloads.py");
    node.display().to_string()
}

/// A short run of this workload; `as_node` is what the node takes itself to be for.
fn run(lab: &Lab, workload: &str, as_node: &str, mistake: &str, more: &str) -> Ended {
    let words = format!(
        "run --system maelstrom --bin {} --nodes 3 --workload {workload} --seed 3 --json",
        node()
    );
    let mut command = lab.command(&format!("{words} {more}"));
    command.env("WORKLOAD", as_node).env("MISTAKE", mistake);
    command.output().unwrap().into()
}

/// The check that finds the mistake, and where it does so.
const MISTAKES: [(&str, &str); 7] = [
    ("echo", "came back"),
    ("unique-ids", "were given the same"),
    ("broadcast", "is lost"),
    ("g-set", "is lost"),
    ("g-counter", "come to"),
    ("pn-counter", "come to"),
    ("kafka", "lost-write"),
];

#[test]
fn a_right_node_passes_and_a_mistaken_one_is_caught() {
    if !has_python() {
        return;
    }
    let calm = "--nemesis none --duration 1s --rate 1000 --max-recovery 1s";
    let judged = |(workload, wanted): (&str, &str)| {
        let lab = Lab::new();
        let right = run(&lab, workload, workload, "", calm).with(0).json();
        assert_eq!(check(&right, "bounds")["verdict"], "pass", "{right}");
        let tells = right["checks"].as_array().unwrap();
        let kept = tells.iter().find(|check| check["name"] == "durability");
        let is_kept = kept.is_some_and(|check| check["verdict"] == "pass");
        assert_eq!(is_kept, !["echo", "unique-ids"].contains(&workload), "{right}");
        let wrong = run(&lab, workload, workload, "1", calm).with(1).json();
        let why = check(&wrong, "bounds").to_string() + &wrong["violations"].to_string();
        assert!(why.contains(wanted), "{workload}: {why}");
    };
    std::thread::scope(|scope| {
        for mistake in MISTAKES {
            scope.spawn(move || judged(mistake));
        }
    });
}

#[test]
fn what_is_told_to_one_node_arrives_everywhere_after_cuts() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let cuts = "--nemesis partition --interval 500ms --duration 4s";
    let results = run(&lab, "broadcast", "broadcast", "", cuts).with(0).json();
    for name in ["bounds", "durability", "armed", "recovery"] {
        assert_eq!(check(&results, name)["verdict"], "pass", "{results}");
    }
    // At each node once.
    let finals: Vec<Value> = history(&lab)
        .into_iter()
        .filter(|event| event["final"] == true && event["type"] == "ok")
        .collect();
    let mut nodes: Vec<&str> = finals
        .iter()
        .map(|event| event["node"].as_str().unwrap())
        .collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["n1", "n2", "n3"]);
    lab.harness("check latest").with(0);
}

fn history(lab: &Lab) -> Vec<Value> {
    let text = std::fs::read_to_string(lab.store().join("latest/history.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Messages overtake each other, and what is not made for that shows it no fault that was not asked for.
#[test]
fn messages_take_as_long_as_is_asked_for_and_the_command_says_so() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let late = "--latency 30ms --latency-dist exponential --nemesis none --duration 1s --rate 200";
    let results = run(&lab, "g-counter", "g-counter", "", late).with(0).json();
    assert_eq!(check(&results, "bounds")["verdict"], "pass", "{results}");
    let record = std::fs::read_to_string(lab.store().join("latest/run.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let settings = &record["settings"];
    assert_eq!(settings["latency_ms"], 30, "{record}");
    assert_eq!(settings["latency_dist"], "exponential", "{record}");
    let page = std::fs::read_to_string(lab.store().join("latest/report.html")).unwrap();
    assert!(page.contains("--latency 30ms --latency-dist exponential"));
    let connected = format!("run --node-bin {} --latency 30ms --nemesis none", node());
    let ended = lab.harness(&connected).with(254);
    assert!(
        ended.stderr.contains("the harness carries no messages"),
        "{}",
        ended.stderr
    );
}

/// A node that does not know the workload's words fails everything, and nothing of that is a pass; one that does not take a
/// topology is not started.
#[test]
fn a_node_for_another_workload_is_no_pass() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let calm = "--nemesis none --duration 1s --rate 200 --max-recovery 500ms";
    let ended = run(&lab, "g-set", "echo", "", calm);
    assert_ne!(ended.exit, 0, "{}", ended.stdout);
    let ended = run(&lab, "broadcast", "echo", "", calm).with(255);
    assert!(
        ended.stderr.contains("answered `topology` with"),
        "{}",
        ended.stderr
    );
}
