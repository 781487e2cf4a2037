//! kill -9 of the harness, and a harness that is not root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nemesis::NodeId;
use nemesis::faults::Stopped;
use nemesis::{Effect, hands};

use crate::cases::{stage, wait};
use crate::stage::{lives, until};

const NOBODY: u32 = 65534;

/// The process that the case below kills: it tells its nodes' numbers, and waits. One of them is paused.
pub fn the_harness(file: &str) {
    hands::allow_namespaces().unwrap();
    wait(async {
        let stage = stage().await;
        let mut pids = String::new();
        for node in NodeId::all(3) {
            let pid = stage.done::<Stopped>(Effect::Pause(node)).await.pid;
            pids += &format!("{pid}\n");
            if node.0 > 0 {
                let _: Stopped = stage.done(Effect::Resume(node)).await;
            }
        }
        let new = Path::new(file).with_extension("new");
        fs::write(&new, pids).unwrap();
        fs::rename(new, file).unwrap();
        std::future::pending::<()>().await;
    });
}

pub fn nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap();
    let before = mounts();
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .arg("harness")
        .arg(&file)
        .spawn()
        .unwrap();
    wait(async {
        until("the harness has started its nodes", || file.exists()).await;
        let pids: Vec<u32> = fs::read_to_string(&file)
            .unwrap()
            .lines()
            .map(|pid| pid.parse().unwrap())
            .collect();
        assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 3);
        let made: Vec<u64> = pids
            .iter()
            .map(|pid| namespace(&pid.to_string()).unwrap())
            .collect();
        assert!(made.iter().all(|made| namespaces().contains(made)));
        harness.kill().unwrap();
        harness.wait().unwrap();
        until("all its nodes are gone", || !pids.iter().any(|pid| lives(*pid))).await;
        assert!(!made.iter().any(|made| namespaces().contains(made)));
    });
    assert_eq!(mounts(), before);
}

/// The number of the network namespace that a process lives in.
fn namespace(pid: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
}

/// Those that anybody lives in.
fn namespaces() -> Vec<u64> {
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| namespace(entry.ok()?.file_name().to_str()?))
        .collect()
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
        && fs::read_to_string("/proc/self/uid_map")
            .unwrap()
            .contains("4294967295")
}

pub fn once_more_as_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    // What lies in a checkout is not always for everybody to read.
    let me = folder.path().join("as-nobody");
    fs::copy(std::env::current_exe().unwrap(), &me).unwrap();
    [folder.path(), &me].into_iter().for_each(open);
    let status = Command::new(&me)
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "as nobody: {status}");
    println!("test once more as nobody ... ok");
}
