//! Every model keeps its budget, wherever the limit strikes: in decoding, in an engine, in a proof.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test, with a clock"
)]

use std::time::{Duration, Instant};

use checker::{Budget, Check, Engine, Options, Verdict, linearizability, models};
use histories::{Event, Header};

/// Operations of the history that each model gets.
const OPERATIONS: i64 = 30_000;

fn header() -> Header {
    serde_json::from_str(r#"{"history": 1}"#).unwrap()
}

fn event(index: usize, process: i64, kind: &str, f: &str, value: &str) -> Event {
    let text = format!(
        r#"{{"index":{index},"time":{index},"process":{process},"type":"{kind}","f":"{f}","value":{value}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// Pairs of overlapping operations: a word, an argument, and a result.
fn overlapping(operation: impl Fn(i64) -> (&'static str, String, String)) -> Vec<Event> {
    let mut events = Vec::new();
    for pair in 0..OPERATIONS / 2 {
        let two = [operation(2 * pair), operation(2 * pair + 1)];
        for (process, (f, argument, _)) in two.iter().enumerate() {
            events.push(event(events.len(), process as i64, "invoke", f, argument));
        }
        for (process, (f, _, result)) in two.iter().enumerate() {
            events.push(event(events.len(), process as i64, "ok", f, result));
        }
    }
    events
}

/// The models whose history here is none: a violation that is found before the flag is set is right.
const ILLEGAL: &[&str] = &[
    "mutex",
    "owned-mutex",
    "reentrant-mutex",
    "fenced-mutex",
    "reentrant-fenced-mutex",
    "semaphore",
    "set-full",
    "comments",
    "causal-reverse",
    "adya-g2",
];

/// A long history of the model, legal but for those of [`ILLEGAL`].
fn legal(model: &str) -> Vec<Event> {
    let same = |f, value: String| (f, value.clone(), value);
    overlapping(|at| match (model, at % 2) {
        ("register" | "cas-register", 0) => same("write", at.to_string()),
        ("register" | "cas-register", _) => ("read", "null".into(), (at - 1).to_string()),
        ("versioned-register" | "revision-register", 0) => {
            let version = at / 2 + 1;
            ("write", format!("[null, {at}]"), format!("[{version}, {at}]"))
        }
        ("versioned-register" | "revision-register", _) => {
            let version = at / 2 + 1;
            ("read", "null".into(), format!("[{version}, {}]", at - 1))
        }
        ("multi-register", 0) => same("txn", format!(r#"[["write", 0, {at}]]"#)),
        ("multi-register", _) => same("txn", format!(r#"[["read", 0, {}]]"#, at - 1)),
        ("kv", 0) => same("put", format!("\"{at}\"")),
        ("kv", _) => ("get", "null".into(), format!("\"{}\"", at - 1)),
        ("append", _) => same("append", at.to_string()),
        ("set-full", 1) if at == OPERATIONS - 1 => ("read", "null".into(), "[0]".into()),
        ("set" | "set-full" | "set-remove", _) => same("add", at.to_string()),
        ("counter" | "pn-counter", _) => same("add", "1".into()),
        ("echo", _) => same("echo", at.to_string()),
        ("unordered-queue" | "fifo-queue", 0) => same("enqueue", at.to_string()),
        ("unordered-queue" | "fifo-queue", _) => ("dequeue", "null".into(), (at - 1).to_string()),
        ("mutex", 0) => same("acquire", "null".into()),
        ("mutex", _) => same("release", "null".into()),
        ("owned-mutex", _) => same("acquire", "null".into()),
        ("reentrant-mutex", 0) => same("acquire", "null".into()),
        ("reentrant-mutex", _) => same("release", "null".into()),
        ("fenced-mutex" | "reentrant-fenced-mutex", 0) => ("acquire", "null".into(), (at + 1).to_string()),
        ("fenced-mutex" | "reentrant-fenced-mutex", _) => same("release", "null".into()),
        ("semaphore", 0) => same("acquire", "1".into()),
        ("semaphore", _) => same("release", "1".into()),
        ("unique-ids", _) => ("generate", "null".into(), at.to_string()),
        ("comments" | "causal-reverse", 0) => same("write", at.to_string()),
        ("comments" | "causal-reverse", _) => ("read", "null".into(), read_of_all(at)),
        ("bank", _) => ("read", "null".into(), "[[0, 5], [1, 5]]".into()),
        ("kafka", 0) => (
            "send",
            format!(r#"[["send", 0, {at}]]"#),
            format!(r#"[["send", 0, [{at}, {at}]]]"#),
        ),
        ("kafka", _) => (
            "poll",
            r#"[["poll"]]"#.into(),
            format!(r#"[["poll", [[0, [[{0}, {0}]]]]]]"#, at - 1),
        ),
        ("adya-g2", _) => same("insert", format!("[{at}, null]")),
        ("monotonic", _) => ("read", "null".into(), format!("[[0, {at}]]")),
        ("long-fork", _) => same("read", r#"[["r", 0, null], ["r", 1, 3]]"#.into()),
        ("list-append", 0) => same("txn", format!(r#"[["append", {at}, 1]]"#)),
        ("list-append", _) => same("txn", format!(r#"[["r", {}, [1]]]"#, at - 1)),
        ("rw-register", 0) => same("txn", format!(r#"[["w", {at}, 1]]"#)),
        ("rw-register", _) => same("txn", format!(r#"[["r", {}, 1]]"#, at - 1)),
        (other, _) => panic!("{other} has no history here"),
    })
}

/// What was written until then: every second number.
fn read_of_all(until: i64) -> String {
    let written: Vec<String> = (0..until).step_by(2).take(8).map(|at| at.to_string()).collect();
    format!("[{}]", written.join(", "))
}

fn judge(model: &models::Model, events: &[Event], engine: Engine, budget: &Budget) -> Check {
    let options = Options {
        engine,
        certify: true,
        ..Options::default()
    };
    linearizability(&header(), events, model, &options, budget).unwrap()
}

#[test]
fn a_small_byte_limit_ends_every_model_as_inconclusive() {
    for model in models::TABLE {
        let events = legal(model.name);
        for engine in [Engine::Auto, Engine::Search] {
            for limit in [1 << 10, 1 << 18] {
                let budget = Budget::new(u64::MAX, limit);
                let check = judge(model, &events, engine, &budget);
                assert_eq!(
                    check.verdict,
                    Verdict::Inconclusive,
                    "{} {limit}: {}",
                    model.name,
                    check.reason
                );
                assert!(
                    check.reason.contains("the memory limit"),
                    "{}: {}",
                    model.name,
                    check.reason
                );
            }
        }
    }
}

/// The flag is set at moments that fall into every part of a check. How late a check may end is a matter of
/// the bench; here only that it does not go on to its end as if nothing had been said.
#[test]
fn the_flag_from_another_thread_ends_every_model() {
    for model in models::TABLE {
        let events = legal(model.name);
        for engine in [Engine::Auto, Engine::Search] {
            for delay in [0, 300, 3_000, 30_000] {
                let budget = Budget::unlimited();
                let (check, late) = std::thread::scope(|scope| {
                    let timer = scope.spawn(|| {
                        std::thread::sleep(Duration::from_micros(delay));
                        budget.cancel();
                        Instant::now()
                    });
                    let check = judge(model, &events, engine, &budget);
                    let ended = Instant::now();
                    let set = timer.join().unwrap();
                    (check, ended.saturating_duration_since(set))
                });
                assert!(
                    check.verdict != Verdict::Violation || ILLEGAL.contains(&model.name),
                    "{}: {}",
                    model.name,
                    check.reason
                );
                assert!(
                    late < Duration::from_secs(2),
                    "{} ended after {late:?}",
                    model.name
                );
            }
        }
    }
}
