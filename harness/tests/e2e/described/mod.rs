//! Systems that a file describes, in namespaces of their own: cluster-node, met as a stranger's store.

use std::path::PathBuf;
use std::time::Duration;

use crate::lab::{Lab, check, has_namespaces, has_python, wait_until};

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

/// Who tells the end of its log is led through Figure 8 like our own node: by a file.
#[test]
fn figure_8_springs_in_a_described_store_that_breaks_its_rule() {
    if !has_namespaces() {
        return;
    }
    let lab = Lab::new();
    let whole = "path = \"/status?tail=48\"\nform = \"cluster-node\"";
    let file = described(&lab, &[("path = \"/status\"", whole)]);
    let words =
        "--profile any-term --nemesis figure8 --duration 60s --until-violation --seed 42 --json --quiet";
    let results = lab
        .harness(&format!("run --system {} {words}", file.display()))
        .with(1)
        .json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
    assert_eq!(
        check(&results, "linearizability")["verdict"],
        "violation",
        "{results}"
    );
}

/// The worked example of docs/your-raft.md: its mistake is shown, and the line that mends it refuses the trap.
#[test]
fn a_raft_that_somebody_has_written_is_led_through_figure_8() {
    if !has_namespaces() || !has_python() {
        return;
    }
    let lab = Lab::new();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/your-raft/raft.toml");
    let words = format!(
        "run --system {} --seed 1 --json --quiet --nemesis",
        file.display()
    );
    let naive = lab.harness(&format!(
        "{words} figure8 --profile naive --duration 60s --until-violation"
    ));
    let results = naive.with(1).json();
    assert_eq!(
        check(&results, "raft-safety")["verdict"],
        "violation",
        "{results}"
    );
    assert!(results["cycles"]["sprung"].as_u64() >= Some(1), "{results}");
    // How many cycles there are in so much time is the machine's; that none of them springs is the node's.
    let right = lab
        .harness(&format!("{words} figure8 --profile right --duration 20s"))
        .json();
    assert_eq!(check(&right, "linearizability")["verdict"], "pass", "{right}");
    assert_eq!(check(&right, "raft-safety")["verdict"], "pass", "{right}");
    assert_eq!(right["cycles"]["sprung"], 0, "{right}");
    assert!(lab.nodes().is_empty());
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
        (
            vec![(
                "[network]",
                "[life.init]\nwithin = \"1s\"\nhttp = { path = \"/status\", answer = { ok = { status = 201 } } }\n\n[network]",
            )],
            255,
            "[life.init] was not done within 1s",
        ),
        (
            vec![
                ("client = 7000", "client = 7009"),
                (
                    "[network]",
                    "[life.init]\nhttp = { path = \"/status\" }\n\n[network]",
                ),
            ],
            0,
            "",
        ),
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
    for builtin in systems::builtin::TABLE {
        let described: serde_json::Value = toml::from_str(builtin.text).unwrap();
        assert!(jsonschema::is_valid(&schema, &described), "{}", builtin.name);
    }
    let other = serde_json::json!({ "name": "mine", "abuot": "" });
    assert!(!jsonschema::is_valid(&schema, &other));
    let unknown = harness("run --system etdc").with(254);
    assert!(
        unknown
            .stderr
            .contains("cluster-node, maelstrom, consul, dqlite, etcd"),
        "{}",
        unknown.stderr
    );
}

/// `harness doctor` on the description with these edits; neither a node nor a folder is left.
fn doctor(edits: &[(&str, &str)], words: &str) -> crate::lab::Ended {
    let lab = Lab::new();
    let file = described(&lab, edits);
    let mut command = lab.bare(&format!("doctor {} {words}", file.display()));
    // Where it makes its folder, so that its nodes are found.
    let ended = command.env("TMPDIR", lab.folder.path()).output().unwrap();
    assert!(lab.nodes().is_empty());
    let left = std::fs::read_dir(lab.folder.path()).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["a-store.toml"]);
    ended.into()
}

#[test]
fn doctor_tells_what_a_described_store_can_do() {
    if !has_namespaces() {
        return;
    }
    let seen = doctor(&[], "--json").with(0).json();
    assert_eq!(seen["level"], 1);
    let led = |one: &serde_json::Value| one["role"] == "leader" && one["term"].is_u64();
    assert_eq!(
        seen["standings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| led(one))
            .count(),
        1
    );
    let visits = seen["visits"].as_array().unwrap();
    for spot in ["alone", "leader", "follower", "killed", "paused", "cut-off"] {
        assert!(visits.iter().any(|visit| visit["spot"] == spot), "{spot}: {seen}");
    }
    let alone = visits[0]["answers"].as_array().unwrap();
    let classes: Vec<_> = alone
        .iter()
        .map(|answer| answer["class"].as_str().unwrap())
        .collect();
    assert_eq!(classes, ["ok", "ok", "ok", "ok", "ok", "fail", "ok"]);
    assert_eq!(
        alone[5]["basis"],
        serde_json::json!({ "by": "row", "number": 1, "code": "cas-mismatch" })
    );
    for tried in seen["faults"].as_array().unwrap() {
        assert_eq!(tried["proved"], true, "{tried}");
    }
    // What is missing is no hindrance.
    let missing = seen["missing"].as_array().unwrap().iter();
    let missing: Vec<&str> = missing.map(|one| one["text"].as_str().unwrap()).collect();
    assert!(missing[0].starts_with("no life.failover: it took"), "{missing:?}");
    assert!(
        missing[1].starts_with("3 of 3 error rows without a recorded answer"),
        "{missing:?}"
    );
}

#[test]
fn doctor_names_what_is_wrong_with_a_description() {
    if !has_namespaces() {
        return;
    }
    for (edit, exit, wanted) in [
        (
            ("\"$.value\"", "\"$.term\""),
            2,
            "read of an absent key at n1: null was there, and the read found",
        ),
        (
            ("{{ expected }}", "0"),
            2,
            "what it expects was there, and it was refused",
        ),
        (
            ("equals = \"cas-mismatch\"", "equals = \"nothing\""),
            0,
            "refused",
        ),
        (("about =", "abuot ="), 254, "a-store.toml, line 4, column 1"),
        (("--id={{ name }}", "--no-such-flag"), 255, "n1 did not start"),
    ] {
        let ended = doctor(&[edit], "--quiet --op-timeout 500ms");
        let said = ended.stdout.clone() + &ended.stderr;
        assert!(said.contains(wanted), "{edit:?}: {said}");
        ended.with(exit);
    }
}

#[test]
fn doctor_tells_what_this_machine_can_do() {
    let lab = Lab::new();
    let ended = crate::lab::Ended::from(lab.bare("doctor").output().unwrap());
    let ended = ended.with(if has_namespaces() { 0 } else { 2 });
    assert!(ended.stdout.contains("network namespaces"), "{}", ended.stdout);
}
