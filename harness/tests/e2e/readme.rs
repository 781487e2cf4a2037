//! Every command of the README works as it says.

use std::path::Path;

use crate::lab::Lab;

/// The commands of the README that are ours, without the path of the binary.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let ours = |line: &str| Some(line.strip_prefix("    target/release/harness ")?.to_owned());
    text.lines().filter_map(ours).collect()
}

/// What each command's exit code is to be; a command that is not here fails the test.
fn expected(command: &str) -> i32 {
    match command.split_whitespace().next() {
        Some("run") if command.contains("--bug") => 1,
        // Where there is no etcd it says how to get it.
        Some("run") if command.contains("--system etcd") && !has_etcd() => 255,
        Some("check") if command.contains("bad/") => 1,
        Some("check" | "replay") if command.contains("latest") => 1,
        Some("run" | "inspect" | "known" | "list" | "report" | "selftest" | "system") => 0,
        _ => panic!("the README has a command that no test knows: {command}"),
    }
}

fn has_etcd() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("etcd").is_file())
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let (lab, other) = (Lab::new(), Lab::new());
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // A minute is long for a test; a quarter of it sets the trap often enough.
        let shorter = command.replace("--duration 60s", "--duration 15s");
        // One bug of all: the selftest has a test of its own.
        let shorter = shorter.replace(
            "selftest",
            "selftest --bug commit-any-term --correct-duration 12s",
        );
        let mut harness = match shorter.starts_with("system ") || shorter.starts_with("known ") {
            // It has no store.
            true => lab.bare(&shorter),
            // What is looked at afterwards is the run of our own node. Which faults come in so short a time is no matter of chance.
            false if shorter.contains("--system etcd") => {
                other.command(&format!("{shorter} --nemesis kill --seed 1"))
            }
            false => lab.command(&shorter),
        };
        let ended = harness.current_dir(root).output().unwrap();
        let ended = crate::lab::Ended::from(ended);
        assert_eq!(
            ended.exit,
            expected(&command),
            "{command}\n{}\n{}",
            ended.stdout,
            ended.stderr
        );
    }
}
