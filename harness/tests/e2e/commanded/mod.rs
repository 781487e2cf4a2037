//! Clusters that commands lead: cluster-node, met as somebody else's, through a shell and through the system's own sshd.

mod sshd;
mod theirs;

use std::path::Path;
use std::time::Duration;

use crate::lab::{Lab, check, wait_until};
use theirs::Theirs;

/// What is owed by the newest run.
fn undo(lab: &Lab) -> String {
    std::fs::read_to_string(lab.store().join("latest/undo")).unwrap_or_default()
}

fn run(theirs: &Theirs, words: &str) -> String {
    format!("run --system {} {words}", theirs.file().display())
}

#[test]
fn a_cluster_that_runs_is_killed_and_paused_by_commands_and_each_is_proved() {
    let theirs = Theirs::new("others");
    theirs.start();
    let lab = &theirs.lab;
    let words = "--nemesis kill,pause --duration 6s --interval 500ms --clients 5 --seed 3 --json --quiet";
    // Nobody has said that it may be hurt: what would be done is told, and nothing is.
    let refused = lab.harness(&run(&theirs, words)).with(254);
    for wanted in ["n1 is n1, at", "kill: sh -c 'kill -9", "--i-own-this-cluster"] {
        assert!(refused.stderr.contains(wanted), "{wanted}: {}", refused.stderr);
    }
    assert!(!lab.store().exists());
    let ended = lab.harness(&run(&theirs, &format!("{words} --i-own-this-cluster")));
    let results = ended.with(0).json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
    let latest = lab.store().join("latest");
    assert!(!latest.join("undo").exists());
    // What somebody else has started goes on to run, and its logs are kept.
    assert!(
        theirs
            .pids()
            .iter()
            .all(|pid| Path::new(&format!("/proc/{pid}")).exists())
    );
    assert!(latest.join("nodes/n1/node.log").exists());
    let commands = std::fs::read_to_string(latest.join("commands.jsonl")).unwrap();
    assert!(commands.contains("\"what\":\"n1: logs\""), "{commands}");
    lab.harness(&format!("check {}", latest.display())).with(0);
    lab.harness("inspect latest").with(0);
    // A replay is asked for by itself, and may not hurt either.
    lab.harness("replay latest --quiet").with(254);
}

#[test]
fn a_cut_without_a_probe_is_attempted_and_nobody_is_told_that_it_happened() {
    let theirs = Theirs::new("harness");
    let lab = &theirs.lab;
    let words = "--nemesis partition --duration 3s --interval 400ms --clients 3 --seed 3 --json --quiet";
    let results = lab.harness(&run(&theirs, words)).with(2).json();
    let armed = check(&results, "armed");
    let reason = armed["reason"].as_str().unwrap();
    assert!(reason.contains("only attempted: no probe proves it"), "{reason}");
    assert_eq!(undo(lab), "");
    // What the run has started it has stopped.
    assert!(theirs.alive().is_empty());
}

#[test]
fn a_command_that_fails_is_no_fault_and_one_that_says_so_before_proves_nothing() {
    for (from, to, wanted) in [
        (
            "\"kill -9 $(cat",
            "\"echo no such thing; exit 3; (cat",
            "exit status: 3",
        ),
        (
            "probe = \"does-not-answer\"",
            "probe.run = [\"true\"]",
            "said so before",
        ),
        ("\"kill -9 $(cat", "\"sleep 60; (cat", "not within 300ms"),
    ] {
        let limit = (
            "[life.commands.kill]\n",
            "[life.commands.kill]\nwithin = \"300ms\"\n",
        );
        let theirs = Theirs::edited("harness", &[(from, to), limit]);
        let words = "--nemesis kill --duration 2s --interval 300ms --clients 3 --seed 3 --json --quiet";
        let results = theirs.lab.harness(&run(&theirs, words)).with(2).json();
        assert_eq!(check(&results, "armed")["verdict"], "inconclusive", "{results}");
        let effects = std::fs::read_to_string(theirs.lab.store().join("latest/nemesis.jsonl")).unwrap();
        assert!(effects.contains(wanted), "{wanted}: {effects}");
    }
}

#[test]
fn what_has_no_command_is_not_offered() {
    let theirs = Theirs::new("others");
    let text = std::fs::read_to_string(theirs.file()).unwrap();
    let begin = text.find("[life.commands.cut]").unwrap();
    let end = text.find("[network]").unwrap();
    std::fs::write(theirs.file(), text[..begin].to_owned() + &text[end..]).unwrap();
    let words = "--nemesis kill,partition --duration 2s --i-own-this-cluster --quiet";
    let ended = theirs.lab.harness(&run(&theirs, words)).with(254);
    let wanted = "--nemesis partition: the description of their-store has no commands for it";
    assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    let words = "--nemesis kill --nodes 5 --i-own-this-cluster --quiet";
    let ended = theirs.lab.harness(&run(&theirs, words)).with(254);
    assert!(ended.stderr.contains("has a cluster of 3"), "{}", ended.stderr);
}

/// The harness is killed while a node is paused: the next run, and doctor, name the command that is owed.
#[test]
fn what_a_killed_run_leaves_in_force_is_named_until_it_is_undone() {
    let theirs = Theirs::new("others");
    theirs.start();
    let lab = &theirs.lab;
    let words =
        "--nemesis pause --duration 60s --interval 20s --clients 3 --seed 3 --i-own-this-cluster --quiet";
    let short = words.replace("--interval 20s", "--interval 2s");
    let mut harness = lab.command(&run(&theirs, &short)).spawn().unwrap();
    wait_until("a node is paused", Duration::from_secs(20), || {
        theirs.states().contains(&'T')
    });
    harness.kill().unwrap();
    harness.wait().unwrap();
    let owed = undo(lab);
    assert!(owed.contains("kill -CONT"), "{owed}");
    for (words, exit) in [(run(&theirs, words), 254), ("doctor".to_owned(), 2)] {
        let ended = lab.harness(&words).with(exit);
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("kill -CONT") && said.contains("undo"), "{said}");
    }
    // The file is a script that undoes it.
    let undone = std::process::Command::new("sh")
        .arg(lab.store().join("latest/undo"))
        .status();
    assert!(undone.unwrap().success());
    assert!(!theirs.states().contains(&'T'));
}

/// Ctrl-C in the middle of a fault: it is undone, and judged as usual.
#[test]
fn an_interrupt_undoes_what_is_in_force() {
    let theirs = Theirs::new("others");
    theirs.start();
    let lab = &theirs.lab;
    let words =
        "--nemesis pause --duration 60s --interval 2s --clients 3 --seed 3 --i-own-this-cluster --quiet";
    let mut harness = lab.command(&run(&theirs, words)).spawn().unwrap();
    wait_until("a node is paused", Duration::from_secs(20), || {
        theirs.states().contains(&'T')
    });
    let pid = rustix::process::Pid::from_child(&harness);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    harness.wait().unwrap();
    assert_eq!(undo(lab), "");
    assert!(!theirs.states().contains(&'T'));
}
