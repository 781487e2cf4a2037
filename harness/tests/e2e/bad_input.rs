//! What a user may get wrong: one clear sentence, the right exit code, and nothing started.

use crate::lab::Lab;

/// The command, its exit code, and words that its error has.
const TABLE: &[(&str, i32, &[&str])] = &[
    ("run --nemesis figure9", 254, &["figure8"]),
    ("run --nemesis kill,figure9", 254, &["figure8"]),
    ("run --nemesis kill,kill", 254, &["named twice"]),
    ("run --nemesis messages", 254, &["bytes and no messages"]),
    (
        "run --workload queue",
        254,
        &["--nemesis figure8", "--nemesis kill,partition"],
    ),
    ("run --bug commit-any-trm", 254, &["commit-any-term"]),
    ("run --nodes 2", 254, &["at least 3 nodes"]),
    ("run --duration 0s", 254, &["--duration 0"]),
    ("run --duration forever", 254, &["60s"]),
    ("run --rate 0", 254, &["--rate"]),
    ("run --op-timeout 0s", 254, &["--op-timeout"]),
    ("run --nemesis kill --interval 0s", 254, &["--interval"]),
    ("run --max-recovery 0s", 254, &["--max-recovery"]),
    ("run --clients 1000000", 254, &["--clients"]),
    ("run --clients 0", 254, &["--clients 0"]),
    ("run --control", 254, &["--bug"]),
    ("run --nothing", 254, &["--nothing"]),
    (
        "run --node-bin /nowhere/cluster-node",
        255,
        &["cargo build --release"],
    ),
    ("check latest", 254, &["latest"]),
    ("check /nowhere/history.jsonl", 254, &["/nowhere/history.jsonl"]),
    (
        "check Cargo.toml",
        254,
        &[
            "Cargo.toml is of no known format; history1 begins with",
            "jepsen-log",
        ],
    ),
    ("inspect latest", 254, &["there is no run"]),
];

#[test]
fn each_mistake_is_one_clear_sentence() {
    for (words, exit, expected) in TABLE {
        let lab = Lab::new();
        let ended = lab.harness(words).with(*exit);
        for word in *expected {
            assert!(ended.stderr.contains(word), "{words}: {}", ended.stderr);
        }
        assert!(
            !ended.stderr.contains("panicked") && ended.stdout.is_empty(),
            "{words}: {}",
            ended.stderr
        );
        assert!(!lab.store().exists(), "{words} left a store behind");
    }
}

#[test]
fn a_store_that_cannot_be_written_is_255() {
    let lab = Lab::new();
    std::fs::write(lab.store(), "a file is no folder").unwrap();
    let ended = lab.harness("run --duration 1s").with(255);
    assert!(ended.stderr.contains("store"), "{}", ended.stderr);
}

#[test]
fn a_folder_of_jepsen_is_judged_and_is_no_run() {
    let lab = Lab::new();
    let folder = lab.folder.path().join("jepsen");
    std::fs::create_dir(&folder).unwrap();
    let read = "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 2}\n";
    std::fs::write(folder.join("history.edn"), read).unwrap();
    std::fs::write(folder.join("results.edn"), "{:valid? true}\n").unwrap();
    let ended = lab.harness(&format!("check {}", folder.display())).with(1);
    let said = "note             DISAGREEMENT: results.edn says :valid? true";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    let ended = lab.harness(&format!("inspect {}", folder.display())).with(254);
    assert!(
        ended.stderr.contains("jepsen` judges its history"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_malformed_history_is_254_with_its_line() {
    let lab = Lab::new();
    let path = lab.folder.path().join("broken.jsonl");
    let header = r#"{"history":1,"model":"register","keyed":false,"initial":null}"#;
    let invoke = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","value":1}"#;
    for (text, line) in [
        (format!("{header}\n{invoke}\n{{\"index\":1,\"ti"), 3),
        (format!("{header}\n{}\n", invoke.replace("invoke", "perhaps")), 2),
    ] {
        std::fs::write(&path, text).unwrap();
        let ended = lab.harness(&format!("check {}", path.display())).with(254);
        assert!(
            ended.stderr.contains(&format!("broken.jsonl:{line}")),
            "{}",
            ended.stderr
        );
    }
}
