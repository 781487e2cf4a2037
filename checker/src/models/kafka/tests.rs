//! Each anomaly in its shortest history, and what resembles it and is none.

use histories::{Event, Value};

use crate::Verdict;
use crate::testing::{check, history};

/// Process, word, outcome as in [`history`], and the completion's value as JSON.
type Line = (u64, &'static str, &'static str, &'static str);

/// These operations, one after the other.
fn operations(lines: &[Line]) -> Vec<Event> {
    let mut events = Vec::new();
    for (process, f, outcome, value) in lines {
        let value: Value = serde_json::from_str(value).unwrap();
        for (kind, value) in [("", argument(&value)), (*outcome, value)] {
            let mut event = history(&format!("{process} {f}{kind}")).remove(0);
            event.index = events.len() as u64;
            event.value = value;
            events.push(event);
        }
    }
    events
}

/// Without what only a completion knows.
fn argument(value: &Value) -> Value {
    let Some(micros) = value
        .as_list()
        .filter(|micros| micros.iter().all(|micro| micro.as_list().is_some()))
    else {
        return value.clone();
    };
    Value::list(micros.iter().map(|micro| match micro.as_list().unwrap() {
        [f, key, sent] => match sent.as_list() {
            Some([_, sent]) => Value::list([f.clone(), key.clone(), sent.clone()]),
            _ => micro.clone(),
        },
        [f, ..] => Value::list([f.clone()]),
        [] => micro.clone(),
    }))
}

const SEND_A: Line = (0, "send", ":", r#"[["send", 7, [0, "a"]]]"#);
const SEND_B: Line = (0, "send", ":", r#"[["send", 7, [2, "b"]]]"#);
const SEND_C: Line = (0, "send", ":", r#"[["send", 7, [3, "c"]]]"#);

fn polls(value: &'static str) -> Line {
    (1, "poll", ":", value)
}

#[test]
fn every_anomaly_is_found_by_its_name() {
    let all = polls(r#"[["poll", [[7, [[0, "a"], [2, "b"], [3, "c"]]]]]]"#);
    let first = polls(r#"[["poll", [[7, [[0, "a"]]]]]]"#);
    let third = polls(r#"[["poll", [[7, [[3, "c"]]]]]]"#);
    let cases: [(&str, Vec<Line>); 13] = [
        (
            "inconsistent-offsets",
            vec![SEND_A, polls(r#"[["poll", [[7, [[0, "b"]]]]]]"#)],
        ),
        (
            "duplicate",
            vec![SEND_A, polls(r#"[["poll", [[7, [[0, "a"], [5, "a"]]]]]]"#)],
        ),
        (
            "garbage-read",
            vec![SEND_A, polls(r#"[["poll", [[7, [[0, "a"], [9, "x"]]]]]]"#)],
        ),
        ("G1a", vec![(0, "send", "!", r#"[["send", 7, "a"]]"#), first]),
        ("lost-write", vec![SEND_A, SEND_B, SEND_C, first, third]),
        (
            "precommitted-read",
            vec![(
                1,
                "txn",
                ":",
                r#"[["send", 7, [0, "a"]], ["poll", [[7, [[0, "a"]]]]]]"#,
            )],
        ),
        (
            "int-nonmonotonic-poll",
            vec![
                SEND_A,
                SEND_B,
                polls(r#"[["poll", [[7, [[2, "b"], [0, "a"]]]]]]"#),
            ],
        ),
        (
            "int-poll-skip",
            vec![
                SEND_A,
                SEND_B,
                SEND_C,
                all,
                (2, "poll", ":", r#"[["poll", [[7, [[0, "a"], [3, "c"]]]]]]"#),
            ],
        ),
        (
            "int-nonmonotonic-send",
            vec![(
                0,
                "txn",
                ":",
                r#"[["send", 7, [2, "b"]], ["send", 7, [0, "a"]], ["poll", null]]"#,
            )],
        ),
        ("nonmonotonic-poll", vec![SEND_A, first, first]),
        (
            "poll-skip",
            vec![SEND_A, SEND_B, SEND_C, (2, "poll", ":", all.3), first, third],
        ),
        (
            "nonmonotonic-send",
            vec![
                SEND_B,
                SEND_A,
                polls(r#"[["poll", [[7, [[0, "a"], [2, "b"]]]]]]"#),
            ],
        ),
        (
            "nonmonotonic-poll",
            vec![SEND_A, (1, "assign", ":", "[7]"), first, first],
        ),
    ];
    for (name, lines) in cases {
        let check = check("kafka", &operations(&lines));
        assert_eq!(check.verdict, Verdict::Violation, "{name}: {}", check.reason);
        let why = &check.violations[0].why;
        assert!(why.contains(&format!(": {name}.")), "{name}: {why}");
    }
}

#[test]
fn what_only_resembles_an_anomaly_passes() {
    let all = polls(r#"[["poll", [[7, [[0, "a"], [2, "b"], [3, "c"]]]]]]"#);
    let first = polls(r#"[["poll", [[7, [[0, "a"]]]]]]"#);
    let legal: [Vec<Line>; 6] = [
        // Offset 1 is a transaction's own.
        vec![SEND_A, SEND_B, SEND_C, all],
        // Nobody polled as far.
        vec![SEND_A, SEND_B, first],
        // Sent, perhaps; its offset is not known.
        vec![
            SEND_A,
            (2, "send", "?", r#"[["send", 7, "b"]]"#),
            polls(r#"[["poll", [[7, [[0, "a"], [1, "b"]]]]]]"#),
        ],
        vec![SEND_A, (0, "send", ":", r#"[["send", 7, [null, "z"]]]"#), first],
        // Rebalanced, or assigned anew.
        vec![SEND_A, (1, "subscribe", ":", "[7]"), first, first],
        vec![SEND_A, first, (1, "assign", ":", "[7]"), first],
    ];
    for lines in legal {
        let check = check("kafka", &operations(&lines));
        assert_eq!(check.verdict, Verdict::Pass, "{lines:?}: {}", check.reason);
    }
    assert_eq!(
        check("kafka", &operations(&[SEND_A])).verdict,
        Verdict::Inconclusive
    );
}
