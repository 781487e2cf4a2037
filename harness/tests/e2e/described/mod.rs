//! Systems that a file describes, in namespaces of their own: cluster-node, met as a stranger's store.

use std::path::PathBuf;
use std::time::Duration;

use crate::lab::{Lab, check, has_namespaces, wait_until};

/// The description, edited, in the test's own folder.
fn described(lab: &Lab, edits: &[(&str, &str)]) -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_harness")).with_file_name("cluster-node");
    let mut text = include_str!("store.toml").replace("PROGRAM", program.to_str().unwrap());
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = lab.folder.path().join("a-store.toml");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_store_that_a_file_describes_is_led_through_faults_and_judged() {
    if !has_namespaces() {
        return;
    }
    let lab = Lab::new();
    let file = described(&lab, &[]);
    let words = "--nemesis kill,partition --nodes 3 --duration 8s --interval 800ms --seed 5 --json";
    let results = lab
        .harness(&format!("run --system {} {words}", file.display()))
        .with(0)
        .json();
    assert_eq!(check(&results, "armed")["verdict"], "pass");
    assert_eq!(results["not_applicable"][0]["name"], "raft-safety");
    assert!(lab.nodes().is_empty());
    let run = lab.store().join("latest");
    // What the run was made of stays with it, whatever becomes of the file.
    std::fs::remove_file(&file).unwrap();
    assert!(
        std::fs::read_to_string(run.join("system.toml"))
            .unwrap()
            .contains("a-store")
    );
    lab.harness(&format!("check {}", run.display())).with(0);
    lab.harness("inspect latest").with(0);
}

#[test]
fn stale_reads_of_a_described_store_are_a_violation() {
    if !has_namespaces() {
        return;
    }
    let lab = Lab::new();
    let file = described(&lab, &[]);
    let words = "--profile local-reads --nemesis partition --interval 500ms --nodes 3 --duration 30s --seed 5 --until-violation --json";
    let results = lab
        .harness(&format!("run --system {} {words}", file.display()))
        .with(1)
        .json();
    assert_eq!(check(&results, "linearizability")["verdict"], "violation");
}

/// A slip in the file, or a program that is none, is never a violation of the store's, and never green.
#[test]
fn what_is_wrong_with_a_description_ends_the_run_with_its_reason() {
    if !has_namespaces() {
        return;
    }
    for (edits, exit, wanted) in [
        (
            vec![("about", "abuot")],
            254,
            "a-store.toml, line 4, column 1: unknown field `abuot`",
        ),
        (
            vec![("--id={{ name }}", "--id={{ nmae }}")],
            254,
            "undefined value",
        ),
        (
            vec![("--id={{ name }}", "--no-such-flag")],
            255,
            "n1 did not start",
        ),
        (
            vec![("\"{{ program }}\"", "\"/bin/true\"")],
            255,
            "ended before it was ready",
        ),
        (
            vec![("\"$.value\"", "\"$.velue\"")],
            255,
            "no value where it should be",
        ),
        (vec![("client = 7000", "client = 7009")], 0, ""),
        (
            vec![("\"--client-listen={{ address }}:{{ port }}\",", "")],
            255,
            "was not ready",
        ),
    ] {
        let lab = Lab::new();
        let file = described(&lab, &edits);
        let words = "--nemesis none --nodes 3 --duration 1s --clients 3";
        let ended = lab.harness(&format!("run --system {} {words}", file.display()));
        assert!(ended.stderr.contains(wanted), "{edits:?}: {}", ended.stderr);
        ended.with(exit);
        wait_until("no node is left", Duration::from_secs(5), || {
            lab.nodes().is_empty()
        });
    }
}

#[test]
fn a_description_is_begun_shown_and_checked_by_commands() {
    let lab = Lab::new();
    let harness = |words: &str| crate::lab::Ended::from(lab.bare(words).output().unwrap());
    assert!(
        harness("system show etcd")
            .with(0)
            .stdout
            .contains("name = \"etcd\"")
    );
    harness("system new mine --like etcd").with(0);
    harness("system check mine.toml").with(0);
    // Nothing is written over.
    let again = harness("system new mine").with(255);
    assert!(again.stderr.contains("mine.toml"), "{}", again.stderr);
    harness("system new My_Store").with(254);
    let schema = harness("system schema").with(0).json();
    let text = std::fs::read_to_string(lab.folder.path().join("mine.toml")).unwrap();
    let described: serde_json::Value = toml::from_str(&text).unwrap();
    assert!(jsonschema::is_valid(&schema, &described));
    let other = serde_json::json!({ "name": "mine", "abuot": "" });
    assert!(!jsonschema::is_valid(&schema, &other));
    let unknown = harness("run --system etdc").with(254);
    assert!(
        unknown.stderr.contains("cluster-node, etcd"),
        "{}",
        unknown.stderr
    );
}
