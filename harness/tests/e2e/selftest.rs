//! The tester tested, and a run done again.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::lab::Lab;

/// What the node says of its own bugs.
fn bugs_of_the_node() -> Vec<Value> {
    let node = Path::new(env!("CARGO_BIN_EXE_harness")).with_file_name("cluster-node");
    let output = Command::new(node)
        .args(["--list-bugs", "--json"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_bugs_of_the_table_are_those_of_the_node() {
    let listed = Lab::new().harness("list bugs --json").with(0).json();
    let of_node = |bug: &Value| ["name", "rule", "seen"].map(|field| bug[field].clone());
    let of_table = |bug: &Value| ["bug", "broken rule", "seen for real"].map(|field| bug[field].clone());
    let table: Vec<_> = listed.as_array().unwrap().iter().map(of_table).collect();
    assert_eq!(table, bugs_of_the_node().iter().map(of_node).collect::<Vec<_>>());
    assert!(table.len() >= 24, "{listed}");
}

#[test]
fn a_selftest_catches_the_bugs_and_not_the_correct_node() {
    let lab = Lab::new();
    let junit = lab.folder.path().join("selftest.xml");
    let words = format!(
        "selftest --bug commit-any-term --bug cas-at-propose --seed 7 --correct-duration 12s --json --quiet --junit {}",
        junit.display()
    );
    let summary = lab.harness(&words).with(0).json();
    let rows = |name: &str| summary[name].as_array().unwrap().clone();
    assert_eq!((rows("bugs").len(), rows("correct").len()), (2, 2));
    for row in rows("bugs").iter().chain(&rows("correct")) {
        assert_eq!(row["standing"], "good", "{row}");
        assert_eq!(row["runs"][0]["armed"], true, "{row}");
    }
    crate::ci::assert_by_xsd(&junit);
    let xml = std::fs::read_to_string(junit).unwrap();
    assert!(
        xml.contains(r#"failures="0""#) && xml.contains("commit-any-term"),
        "{xml}"
    );
    // What ended as it should is not kept.
    assert!(!lab.store().join("selftest").exists());
    assert!(lab.nodes().is_empty());
}

#[test]
fn a_bug_without_its_faults_is_not_caught() {
    let lab = Lab::new();
    // So short a run never comes to the end of a cycle.
    let words = "selftest --bug commit-any-term --duration 100ms --correct-duration 100ms --seed 7 --quiet";
    let ended = lab.harness(words).with(2);
    assert!(ended.stdout.contains("0 of 1 bugs caught"), "{}", ended.stdout);
    assert!(ended.stdout.contains("saved in "), "{}", ended.stdout);
}

#[test]
fn a_run_is_done_again() {
    let lab = Lab::new();
    lab.harness(
        "run --nemesis kill --interval 500ms --nodes 3 --duration 2s --seed 3 --workload set --quiet",
    )
    .with(0);
    let replayed = lab.harness("replay latest -k 2 --json --quiet").with(0).json();
    assert_eq!(replayed["times"], 2);
    let runs = replayed["runs"].as_array().unwrap();
    assert!(
        runs.iter()
            .all(|run| run["verdict"] == "pass" && run["seed"] == 3),
        "{replayed}"
    );
    let listed = lab.harness("list runs --json").with(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
}
