//! Nodes that tell how they stand are led through stories; others are not, and that is said.

use std::path::PathBuf;

use crate::lab::{Ended, Lab, check, has_python};

fn example(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/maelstrom");
    folder.join(name).display().to_string()
}

/// A run of these nodes, whose state is on disk.
fn run(lab: &Lab, node: &str, naive: bool, more: &str) -> Ended {
    let words = format!(
        "run --system maelstrom --bin {} --profile disk --seed 3 --json",
        example(node)
    );
    let mut command = lab.command(&format!("{words} {more}"));
    if naive {
        command.env("NAIVE", "1");
    }
    command.output().unwrap().into()
}

#[test]
fn a_raft_that_tells_how_it_stands_is_led_into_its_traps() {
    if !has_python() {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let lab = Lab::new();
            let led = run(&lab, "raft.py", false, "--nemesis stale-leader --duration 6s");
            let results = led.with(0).json();
            for name in ["linearizability", "durability", "raft-safety", "armed"] {
                assert_eq!(check(&results, name)["verdict"], "pass", "{results}");
            }
            lab.harness("check latest").with(0);
        });
        scope.spawn(|| {
            let lab = Lab::new();
            let led = run(
                &lab,
                "raft.py",
                true,
                "--nemesis figure8 --duration 60s --until-violation",
            );
            let results = led.with(1).json();
            assert_eq!(
                check(&results, "raft-safety")["verdict"],
                "violation",
                "{results}"
            );
        });
    });
}

#[test]
fn who_does_not_tell_how_it_stands_is_led_nowhere() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let ended = run(&lab, "node.py", false, "--nemesis stale-leader --duration 5s").with(254);
    for wanted in ["answered `status` with", "see docs/maelstrom.md"] {
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    // Nobody asks for what no schedule needs.
    let calm = "--nodes 3 --nemesis none --duration 1s --rate 200";
    run(&lab, "node.py", false, calm).with(0);
    let status = std::fs::read_to_string(lab.store().join("latest/status.jsonl")).unwrap_or_default();
    assert_eq!(status, "");
}
