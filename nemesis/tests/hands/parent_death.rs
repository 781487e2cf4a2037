//! kill -9 of the harness: no node survives it, a paused one neither.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use nemesis::faults::Stopped;
use nemesis::{Effect, NodeId};

use crate::stage::{N2, Stage, lives, until};

/// Names the file into which [`the_harness`] writes the numbers of its nodes.
const ACT: &str = "NEMESIS_TEST_ACT_AS_HARNESS";

/// Not a test of its own: the process that the test below kills. It is this very test binary once more.
#[tokio::test(flavor = "multi_thread")]
async fn the_harness() {
    let Some(file) = std::env::var_os(ACT) else { return };
    let stage = Stage::idle().await;
    let mut pids = String::new();
    for node in NodeId::all(3) {
        let pid = stage.done::<Stopped>(Effect::Pause(node)).await.pid;
        pids += &format!("{pid}\n");
        if node != N2 {
            let _: Stopped = stage.done(Effect::Resume(node)).await;
        }
    }
    let new = Path::new(&file).with_extension("new");
    std::fs::write(&new, pids).unwrap();
    std::fs::rename(new, file).unwrap();
    std::future::pending::<()>().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_node_outlives_a_killed_harness() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent_death::the_harness", "--nocapture"])
        .env(ACT, &file)
        .spawn()
        .unwrap();
    until("the harness has started its nodes", || file.exists()).await;
    let pids: Vec<u32> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| lives(*pid)));
    harness.kill().unwrap();
    assert_eq!(harness.wait().unwrap().signal(), Some(9));
    until("all its nodes are gone", || !pids.iter().any(|pid| lives(*pid))).await;
}
