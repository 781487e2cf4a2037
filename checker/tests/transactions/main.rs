//! Transactions over many keys: each anomaly by its name, what is no anomaly, and random histories against a
//! brute force.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests may fail, print and be told their seed"
)]

mod anomalies;
mod answer;
mod levels;
mod matrix;
mod orders;
mod random;
mod sessions;
mod spelled;
mod untimed;
mod worlds;

use std::path::{Path, PathBuf};

use checker::{Budget, Check, HistoryError, Level, Verdict};
use spelled::{Model, events, judge, judge_with, names};

/// Both of elle-cli's spellings of the example in Elle's paper have its cycle.
#[test]
fn the_example_of_the_paper_is_g_single() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HARNESS_CORPUS").map_or_else(beside, PathBuf::from);
    if !folder.join("index.tsv").exists() {
        assert!(
            std::env::var_os("HARNESS_CORPUS_REQUIRED").is_none(),
            "there is no corpus"
        );
        println!("skipped: there is no corpus; HARNESS_CORPUS names its folder");
        return;
    }
    for name in ["paper-example.edn", "paper-example.json"] {
        let path = folder.join("elle-cli/elle").join(name);
        let imported = histories::format::read_path(path, &Default::default()).unwrap();
        for consistency in [Level::SERIALIZABLE, Level::STRICT_SERIALIZABLE] {
            let events = &imported.history.events;
            let check = judge_with(Model::Lists, events, consistency, &Budget::unlimited()).unwrap();
            assert_eq!(check.verdict, Verdict::Violation, "{name}");
            assert!(
                check.details["anomalies"]["G-single"].as_u64() > Some(0),
                "{}",
                check.details
            );
            let violation = &check.violations[0];
            assert_eq!(violation.operations, [2, 4, 6]);
            for said in [
                "T1 did not observe T2's append of 8 to 255",
                "T3 observed T2's append of 8 to 255",
                "T1 appended 3 after T3 appended 4 to 256: a contradiction.",
            ] {
                assert!(violation.why.contains(said), "{}", violation.why);
            }
        }
    }
}

#[test]
fn a_cancelled_check_is_inconclusive() {
    let texts: Vec<String> = (0..2000).map(|at| format!("ax{at}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let events = events(Model::Lists, &texts, "");
    let budget = Budget::unlimited();
    budget.cancel();
    let check = judge_with(Model::Lists, &events, Level::STRICT_SERIALIZABLE, &budget).unwrap();
    assert_eq!(check.verdict, Verdict::Inconclusive);
    assert!(
        check.reason.contains("the time limit or an interrupt"),
        "{}",
        check.reason
    );
    let check = judge_with(
        Model::Lists,
        &events,
        Level::STRICT_SERIALIZABLE,
        &Budget::new(u64::MAX, 100),
    )
    .unwrap();
    assert!(check.reason.contains("the memory limit"), "{}", check.reason);
}

#[test]
fn what_was_proved_before_the_end_stays_proved() {
    let mut texts = vec!["ax1 ax2".to_owned(), "rx1".to_owned()];
    texts.extend((0..3000).map(|at| format!("ay{at}")));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let events = events(Model::Lists, &texts, "");
    let within = |bytes: u64| {
        let budget = Budget::new(u64::MAX, bytes);
        judge_with(Model::Lists, &events, Level::STRICT_SERIALIZABLE, &budget).unwrap()
    };
    let stopped = |check: &Check| check.details["stopped"] == "the memory limit";
    let known = |check: Check| stopped(&check) && check.verdict == Verdict::Violation;
    assert!((10..200).any(|step| known(within(5_000 * step))));
}

#[test]
fn an_element_appended_twice_is_told_apart_in_every_way() {
    let lists = |texts: &[&str], schedule| judge(Model::Lists, texts, schedule, Level::STRICT_SERIALIZABLE);
    let check = lists(&["ax1", "ax1", "rx11"], "ABCabc");
    assert_eq!(check.verdict, Verdict::Pass);
    assert!(
        check.reason.ends_with("told apart in one of 2 ways"),
        "{}",
        check.reason
    );
    // Shown more often than it was appended.
    let check = lists(&["ax1", "ax1", "rx111"], "ABCabc");
    assert_eq!(names(&check), ["duplicate-elements"]);
    // Whichever of the two was seen, the second one had completed.
    let check = lists(&["ax1", "ax1", "rx1"], "");
    assert_eq!(check.verdict, Verdict::Violation, "{}", check.reason);
    let why = &check.violations[0].why;
    assert!(why.contains("one of the 2 ways to tell them apart"), "{why}");
    // Five of one are more ways than are tried.
    let check = lists(&["ax1", "ax1", "ax1", "ax1", "ax1", "rx11111"], "ABCDEFabcdef");
    assert_eq!(check.verdict, Verdict::Inconclusive);
    assert!(
        check.reason.contains("1 was appended to \"x\" more than once"),
        "{}",
        check.reason
    );
    // Of a register it does not matter who wrote it.
    let check = judge(
        Model::Registers,
        &["wx1", "wx1", "rx1"],
        "ABCabc",
        Level::STRICT_SERIALIZABLE,
    );
    assert_eq!(check.verdict, Verdict::Pass);
    // A value that nobody read does not matter, nor does one that was written again after it failed.
    let check = judge(
        Model::Registers,
        &["wx1", "wx1", "wy2", "ry2"],
        "ABCDabcd",
        Level::STRICT_SERIALIZABLE,
    );
    assert_eq!(check.verdict, Verdict::Pass);
    let check = judge(
        Model::Lists,
        &["!ax1", "ax1", "rx1"],
        "",
        Level::STRICT_SERIALIZABLE,
    );
    assert_eq!(check.verdict, Verdict::Pass);
}

#[test]
fn nothing_that_succeeded_is_inconclusive() {
    for texts in [&[][..], &["!ax1"], &["?ax1"]] {
        let check = judge(Model::Lists, texts, "", Level::STRICT_SERIALIZABLE);
        assert_eq!(check.verdict, Verdict::Inconclusive, "{texts:?}");
    }
}

#[test]
fn malformed_transactions_are_errors_with_their_event() {
    let rows: &[(Model, &str, &str, u64)] = &[
        (Model::Lists, "txn", r#"[["append",1]]"#, 1),
        (Model::Lists, "txn", r#"[["w",1,2]]"#, 1),
        (Model::Lists, "txn", r#"[["r",1,2]]"#, 1),
        (Model::Lists, "txn", r#"7"#, 1),
        (Model::Lists, "txn", r#"[7]"#, 1),
        (Model::Registers, "txn", r#"[["append",1,2]]"#, 1),
        (Model::Registers, "txn", r#"[["r",1]]"#, 1),
        (Model::Registers, "txn", r#"null"#, 1),
        (Model::Registers, "write", r#"[["w",1,2]]"#, 0),
    ];
    for (model, f, value, expected) in rows {
        let mut events = events(*model, &[""], "");
        events.iter_mut().for_each(|event| event.f = (*f).into());
        events[1].value = serde_json::from_str(value).unwrap();
        let error =
            judge_with(*model, &events, Level::STRICT_SERIALIZABLE, &Budget::unlimited()).unwrap_err();
        let index = match error {
            HistoryError::BadValue { index, .. } | HistoryError::UnknownF { index, .. } => index,
            other => panic!("{value}: {other}"),
        };
        assert_eq!(index, *expected, "{value}");
    }
}
