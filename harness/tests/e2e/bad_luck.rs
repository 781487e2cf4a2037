//! What may befall a run: its harness is killed, its user loses patience, a node breaks.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::lab::{Ended, Lab, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

/// A harness that runs; killed if the test gives up on it.
struct Running(Option<Child>);

impl Running {
    fn id(&self) -> String {
        self.0.as_ref().unwrap().id().to_string()
    }

    fn end(mut self) -> Ended {
        Ended::from(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(lab: &Lab, words: &str) -> Running {
    let child = lab
        .command(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let child = Running(Some(child));
    wait_until("all nodes run", LIMIT, || lab.nodes().len() == 3);
    wait_until("operations are recorded", LIMIT, || {
        let history = lab.store().join("latest/history.jsonl");
        std::fs::metadata(history).is_ok_and(|metadata| metadata.len() > 20_000)
    });
    child
}

fn signal(child: &Running, signal: &str) {
    let pid = child.id();
    assert!(
        std::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_killed_harness_leaves_no_node_and_a_history_that_can_be_judged() {
    let lab = Lab::new();
    let child = start(
        &lab,
        "run --nemesis pause --interval 500ms --nodes 3 --duration 60s --seed 3 --quiet",
    );
    // The harness dies while one of its nodes is paused: that one must go, too.
    wait_until("a node is paused", LIMIT, || {
        let paused = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('T'))
        };
        lab.nodes().iter().any(paused)
    });
    signal(&child, "-KILL");
    assert_eq!(child.end().exit, -1, "killed by the signal");
    wait_until("no node is left", LIMIT, || lab.nodes().is_empty());
    let ended = lab.harness("check latest").with(2);
    assert!(ended.stdout.contains("cut short"), "{}", ended.stdout);
}

#[test]
fn ctrl_c_ends_the_load_early_and_judges_as_usual() {
    let lab = Lab::new();
    let child = start(
        &lab,
        "run --nemesis none --nodes 3 --duration 600s --seed 3 --json --quiet",
    );
    signal(&child, "-INT");
    let results = child.end().with(0).json();
    assert_eq!(results["verdict"], "pass");
    assert!(lab.nodes().is_empty());
}

#[test]
fn a_second_ctrl_c_stops_at_once() {
    let lab = Lab::new();
    let child = start(
        &lab,
        "run --nemesis none --nodes 3 --duration 600s --seed 3 --quiet",
    );
    // Paused nodes cannot recover, so that the run is still busy when the second one comes.
    for pid in lab.nodes() {
        assert!(
            std::process::Command::new("kill")
                .args(["-STOP", &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
    }
    signal(&child, "-INT");
    wait_until("the load is over", LIMIT, || {
        let record = std::fs::read_to_string(lab.store().join("latest/run.json")).unwrap_or_default();
        record.contains("\"load\"")
    });
    signal(&child, "-INT");
    let ended = child.end().with(130);
    assert!(ended.stderr.contains("second interrupt"), "{}", ended.stderr);
    wait_until("no node is left", LIMIT, || lab.nodes().is_empty());
}

#[test]
fn a_node_that_breaks_is_told_with_its_last_words() {
    let lab = Lab::new();
    let script = lab.folder.path().join("broken-node");
    std::fs::write(
        &script,
        "#!/bin/sh\necho 'cannot open the log: it is on fire' >&2\nexit 1\n",
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let ended = lab
        .harness(&format!("run --duration 1s --node-bin {}", script.display()))
        .with(255);
    assert!(ended.stderr.contains("it is on fire"), "{}", ended.stderr);
}

#[test]
fn a_node_that_dies_by_itself_ends_the_run() {
    let lab = Lab::new();
    let child = start(
        &lab,
        "run --nemesis none --nodes 3 --duration 600s --seed 3 --quiet",
    );
    let victim = lab.nodes()[0].to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-ABRT", &victim])
            .status()
            .unwrap()
            .success()
    );
    let ended = child.end().with(255);
    assert!(ended.stderr.contains("ended by itself"), "{}", ended.stderr);
    assert!(lab.nodes().is_empty());
    lab.harness("check latest").with(2);
}
