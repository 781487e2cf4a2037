//! Known bugs, on a store whose bug and mending are at hand: our own.

use std::time::Duration;

use crate::lab::{Ended, Lab, wait_until};

/// A row of our own node; these packages are wanted for the version with the bug.
fn row(packages: &str) -> String {
    format!(
        r#"
name = "own-figure8"
bug = "a leader commits entries of any term"
source = "docs/selftest.md"
vendor = "a seeded bug"
run = "--nemesis figure8"
caught-by = ["raft-safety", "linearizability"]

[before]
version = "commit-any-term"
words = "--bug commit-any-term --duration 30s"
packages = [{packages}]

[after]
version = "right"
words = "--duration 12s"
"#
    )
}

fn known(lab: &Lab, row: &str, words: &str) -> Ended {
    std::fs::write(lab.folder.path().join("row.toml"), row).unwrap();
    let mut command = lab.bare(&format!("known {words} --cache cache"));
    Ended::from(command.output().unwrap())
}

#[test]
fn a_bug_is_shown_before_it_was_mended_and_not_after() {
    let lab = Lab::new();
    let ended = known(&lab, &row(""), "run row.toml --json --markdown record.md").with(0);
    let told = &ended.json()[0];
    assert_eq!(told["standing"], "reproduced", "{told}");
    let [before, after] = told["versions"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!(before["runs"][0]["ending"], "caught", "{told}");
    assert_eq!(after["runs"][0]["ending"], "clean", "{told}");
    let record = std::fs::read_to_string(lab.folder.path().join("record.md")).unwrap();
    assert!(
        record.contains("| own-figure8 | commit-any-term | has it | caught 1 of 1 |"),
        "{record}"
    );
}

#[test]
fn a_bug_that_is_not_there_is_not_shown() {
    let lab = Lab::new();
    let none = row("").replace("--bug commit-any-term --duration 30s", "--duration 6s");
    let ended = known(&lab, &none, "run row.toml").with(1);
    assert!(ended.stdout.contains("caught 0 of 1"), "{}", ended.stdout);
}

#[test]
fn what_is_not_to_be_had_is_no_verdict() {
    let lab = Lab::new();
    let gone = format!(
        r#"{{ by = "apt", what = "no-such-store=1", sha256 = "{}" }}"#,
        "0".repeat(64)
    );
    for words in ["run row.toml", "get row.toml"] {
        let ended = known(&lab, &row(&gone), words).with(2);
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains("no-such-store=1 is not to be had"), "{told}");
    }
    let slip = row("").replace("caught-by", "cought-by");
    let told = known(&lab, &slip, "run row.toml").with(254).stderr;
    assert!(told.contains("line 7") && told.contains("cought-by"), "{told}");
}

#[test]
fn where_nothing_is_to_be_brought_no_cache_is_needed() {
    let lab = Lab::new();
    std::fs::write(lab.folder.path().join("row.toml"), row("")).unwrap();
    let mut command = lab.bare("known get row.toml");
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let told = Ended::from(command.output().unwrap()).with(0).stdout;
    assert!(told.contains("right: what is installed"), "{told}");
}

#[test]
fn nothing_is_left_of_one_that_is_killed() {
    let lab = Lab::new();
    std::fs::write(lab.folder.path().join("row.toml"), row("")).unwrap();
    let mut killed = lab
        .bare("known run row.toml --cache cache --quiet")
        .spawn()
        .unwrap();
    wait_until("its nodes run", Duration::from_secs(20), || {
        lab.nodes().len() == 5
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_until("they are gone", Duration::from_secs(20), || {
        lab.nodes().is_empty()
    });
}
