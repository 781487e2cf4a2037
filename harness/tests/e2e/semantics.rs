//! What a history leaves open is named, implied by its format, and can be said otherwise.

use crate::lab::Lab;

/// A register that forgot what was written, as Jepsen would write it down.
const FORGOT: &str = "\
{:process 0, :type :invoke, :f :write, :value 1}
{:process 0, :type :ok, :f :write, :value 1}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value nil}
";

/// A failed compare-and-set that must have found what it expected.
const FAILED: &str = "\
{:process 0, :type :invoke, :f :write, :value 1}
{:process 0, :type :ok, :f :write, :value 1}
{:process 1, :type :invoke, :f :cas, :value [1 2]}
{:process 1, :type :fail, :f :cas, :value [1 2]}
{:process 0, :type :invoke, :f :read, :value nil}
{:process 0, :type :ok, :f :read, :value 1}
";

/// An element that was acknowledged is missing from a first read, and there in the last one.
const LATE: &str = "\
{:process 0, :type :invoke, :f :add, :value 1}
{:process 0, :type :ok, :f :add, :value 1}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value #{}}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value #{1}}
";

/// A history, how it is checked, the exit code, and words of the answer.
const TABLE: &[(&str, &str, i32, &str)] = &[
    (FORGOT, "--model register", 2, "--null-read observation"),
    (
        FORGOT,
        "--model register --null-read says-nothing",
        2,
        "none that succeeded saw anything",
    ),
    (
        FORGOT,
        "--model register --null-read observation",
        1,
        "no legal order",
    ),
    (FAILED, "--model cas-register", 0, "legal order"),
    (
        FAILED,
        "--model cas-register --failed-cas observation",
        1,
        "no legal order",
    ),
    (LATE, "--model set", 0, ""),
    (LATE, "--model set --analysis linearizable", 1, "no legal order"),
];

#[test]
fn what_a_format_implies_can_be_said_otherwise() {
    let lab = Lab::new();
    let path = lab.folder.path().join("history.edn");
    for (text, options, exit, words) in TABLE {
        std::fs::write(&path, text).unwrap();
        let ended = lab.harness(&format!("check {options} {}", path.display()));
        let shown = ended
            .with(*exit)
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(shown.contains(words), "{options}: {shown}");
    }
}

#[test]
fn what_is_implied_survives_a_conversion() {
    let lab = Lab::new();
    let (edn, jsonl) = (lab.folder.path().join("h.edn"), lab.folder.path().join("h.jsonl"));
    for (text, options, exit, _) in TABLE.iter().filter(|row| row.1.split("--").count() == 2) {
        std::fs::write(&edn, text).unwrap();
        let convert = format!("convert {} {}", edn.display(), jsonl.display());
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(convert.split_whitespace())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        lab.harness(&format!("check {options} {}", jsonl.display()))
            .with(*exit);
        std::fs::remove_file(&jsonl).unwrap();
    }
}
