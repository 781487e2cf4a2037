//! The binary as a process: its command line, its HTTP, its data folder, its end.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

mod forward;
mod journal;
mod node;
mod peer;

use std::fs;
use std::io::Write;

use node::{Cluster, Node, eventually, spawn};
use serde_json::{Value, json};

fn value_of(answer: &(u16, Value)) -> &Value {
    assert_eq!((answer.0, &answer.1["ok"]), (200, &json!(true)), "{}", answer.1);
    &answer.1["value"]
}

/// The error of an answer: its HTTP status, its code, whether it is definite.
fn error_of(answer: &(u16, Value)) -> (u16, &str, bool) {
    let error = &answer.1["error"];
    assert_eq!(answer.1["ok"], json!(false), "{}", answer.1);
    assert!(!error["message"].as_str().unwrap().is_empty());
    (
        answer.0,
        error["code"].as_str().unwrap(),
        error["definite"].as_bool().unwrap(),
    )
}

#[test]
fn every_operation_does_what_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::alone(folder.path());
    let get = |key: &str| node.op(json!({"f": "get", "key": key}));
    assert_eq!(value_of(&get("k")), &Value::Null);
    let put = node.op(json!({"f": "put", "key": "k", "value": {"a": [1, null]}}));
    assert_eq!((put.0, &put.1["value"]), (200, &Value::Null));
    let got = get("k");
    assert_eq!(value_of(&got), &json!({"a": [1, null]}));
    assert_eq!(
        (&got.1["index"], &got.1["term"]),
        (&put.1["index"], &put.1["term"])
    );

    value_of(&node.op(json!({"f": "put", "key": "k", "value": 1})));
    let mismatch = node.op(json!({"f": "cas", "key": "k", "from": 2, "to": 3}));
    assert_eq!(error_of(&mismatch), (409, "cas-mismatch", true));
    assert_eq!(mismatch.1["value"], json!(1));
    assert!(mismatch.1["index"].as_u64() > put.1["index"].as_u64());
    value_of(&node.op(json!({"f": "cas", "key": "k", "from": 1, "to": null})));
    assert_eq!(value_of(&get("k")), &Value::Null);
    value_of(&node.op(json!({"f": "cas", "key": "fresh", "from": null, "to": "x"})));

    for element in 1..=2 {
        value_of(&node.op(json!({"f": "append", "key": "list", "value": element})));
    }
    assert_eq!(value_of(&get("list")), &json!([1, 2]));
    assert_eq!(
        value_of(&node.op(json!({"f": "add", "key": "sum", "value": 5}))),
        &json!(5)
    );
    assert_eq!(
        value_of(&node.op(json!({"f": "add", "key": "sum", "value": -7}))),
        &json!(-2)
    );
    let wrong = node.op(json!({"f": "append", "key": "sum", "value": 1}));
    assert_eq!(error_of(&wrong), (409, "wrong-type", true));
}

#[test]
fn a_retry_is_applied_once_and_gets_the_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &["--session-limit", "1"]);
    let add = |client: u64, seq: u64, retry: bool| {
        node.op(json!({"f": "add", "key": "k", "value": 1, "client": client, "seq": seq, "retry": retry}))
    };
    let first = add(7, 1, false);
    assert_eq!(value_of(&first), &json!(1));
    assert_eq!(add(7, 1, true), first);
    assert_eq!(value_of(&add(7, 2, false)), &json!(2));
    assert_eq!(error_of(&add(7, 1, true)), (409, "stale-sequence", false));
    // Another client pushes the first one out of a table for one.
    assert_eq!(value_of(&add(8, 1, false)), &json!(3));
    assert_eq!(error_of(&add(7, 2, true)), (409, "session-expired", false));
    assert_eq!(value_of(&node.op(json!({"f": "get", "key": "k"}))), &json!(3));
}

#[test]
fn what_makes_no_sense_is_a_definite_error() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &["--body-limit-bytes", "200"]);
    let bad = [
        ("{", 400, "EOF"),
        ("[]", 400, "expected"),
        (r#"{"f":"get"}"#, 400, "missing field `key`"),
        (r#"{"key":"k"}"#, 400, "missing field `f`"),
        (r#"{"f":"put","key":"k"}"#, 400, "put needs value"),
        (r#"{"f":"cas","key":"k","from":1}"#, 400, "cas needs to"),
        (r#"{"f":"add","key":"k","value":1.5}"#, 400, "integer"),
        (r#"{"f":"pat","key":"k"}"#, 400, "get, put, cas, append, add"),
        (r#"{"f":"get","key":"k","client":1}"#, 400, "both or not at all"),
        (
            &format!(r#"{{"f":"get","key":"{}"}}"#, "k".repeat(200)),
            413,
            "longer than 200 bytes",
        ),
    ];
    for (body, status, words) in bad {
        let answer = node.http("POST", "/op", body);
        assert_eq!(error_of(&answer), (status, "bad-request", true), "{body}");
        assert!(
            answer.1["error"]["message"].as_str().unwrap().contains(words),
            "{}",
            answer.1
        );
    }
    assert_eq!(
        error_of(&node.http("GET", "/nothing", "")),
        (404, "bad-request", true)
    );
    assert_eq!(error_of(&node.http("GET", "/op", "")), (405, "bad-request", true));
    assert_eq!(
        error_of(&node.http("GET", "/status?tail=x", "")),
        (400, "bad-request", true)
    );
    assert_eq!(node.status("?tail=1")["tail"].as_array().unwrap().len(), 1);
}

#[test]
fn a_restart_keeps_everything_and_repairs_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::alone(folder.path());
    value_of(&node.op(json!({"f": "put", "key": "k", "value": 12})));
    node.kill();
    let log = folder.path().join("data/log");
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(&[9, 0, 0, 0, 1, 2, 3]).unwrap();
    drop(file);

    let node = Node::alone(folder.path());
    assert_eq!(value_of(&node.op(json!({"f": "get", "key": "k"}))), &json!(12));
    assert_eq!(node.status("")["incarnation"], json!(2));
    assert!(node.stop().contains("cut off a torn tail of "));
}

#[test]
fn a_damaged_middle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::alone(folder.path());
    for value in 0..3 {
        value_of(&node.op(json!({"f": "put", "key": "k", "value": value})));
    }
    node.kill();
    let log = folder.path().join("data/log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[8] ^= 1;
    fs::write(&log, bytes).unwrap();
    let (code, said) = spawn(folder.path(), &[]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(log.to_str().unwrap()) && said.contains("the record at byte 0 is damaged"),
        "{said}"
    );
}

#[test]
fn two_nodes_never_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Node::alone(folder.path());
    let (code, said) = spawn(folder.path(), &[]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("in use by another node"), "{said}");
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let wrong: [(&[&str], &str); 7] = [
        (
            &["--bug", "commit-any-trem"],
            "a similar value exists: 'commit-any-term'",
        ),
        (
            &["--heartbeat-ms", "500", "--election-min-ms", "100"],
            "the timings cannot work",
        ),
        (&["--peer", "n2"], "expected ID=ADDRESS"),
        (&["--peer", "n1=127.0.0.1:1"], "named twice"),
        (&["--op-timeout-ms", "0"], "0 is not in 1..=86400000"),
        (&["--batch", "0"], "--batch"),
        (&["--profile", "prud"], "prod"),
    ];
    for (args, words) in wrong {
        let (code, said) = spawn(folder.path(), args).end();
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn it_lists_its_bugs() {
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cluster-node"));
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&["--list-bugs"]);
    let json: Value = serde_json::from_str(&run(&["--list-bugs", "--json"])).unwrap();
    let bugs = json.as_array().unwrap();
    assert_eq!(bugs.len(), 24);
    for bug in bugs {
        for field in ["name", "rule", "seen"] {
            let words = bug[field].as_str().unwrap();
            assert!(!words.is_empty() && text.contains(words), "{bug}");
        }
    }
}

#[test]
fn it_stops_cleanly_when_told_and_when_its_input_ends() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::alone(folder.path());
    assert!(node.stop().contains("n1 has stopped"));

    let mut node = Node::start(folder.path(), &["--exit-with-stdin"]);
    drop(node.stdin());
    let (code, said) = node.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = spawn(folder.path(), &["--client-listen", &address]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("cannot listen at --client-listen {address}")),
        "{said}"
    );
}

#[test]
fn three_nodes_elect_and_a_follower_forwards_reads() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::of_three(folder.path());
    let leader = cluster.leader();
    let follower = (leader + 1) % 3;
    let name = format!("n{}", leader + 1);
    value_of(&cluster.nodes[leader].op(json!({"f": "put", "key": "k", "value": 1})));

    let put = json!({"f": "put", "key": "k", "value": 2});
    let refused = cluster.nodes[follower].op(put);
    assert_eq!(error_of(&refused), (421, "not-leader", true));
    assert_eq!(refused.1["error"]["leader"], json!(name));
    let refused = cluster.nodes[follower].op(json!({"f": "get", "key": "k"}));
    assert_eq!(error_of(&refused), (421, "not-leader", true));
    let forwarded = cluster.nodes[follower].op(json!({"f": "get", "key": "k", "forward": true}));
    assert_eq!(value_of(&forwarded), &json!(1));

    let status = cluster.nodes[leader].status("");
    assert_eq!(
        (&status["role"], &status["profile"]),
        (&json!("leader"), &json!("prod"))
    );
    assert_eq!(status["match"].as_object().unwrap().len(), 2);
    eventually("equal logs", || {
        let tails: Vec<Value> = cluster
            .nodes
            .iter()
            .map(|node| node.status("")["tail"].clone())
            .collect();
        tails.iter().all(|tail| *tail == tails[0])
    });
}
