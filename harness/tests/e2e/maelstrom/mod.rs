//! Programs that speak Maelstrom's protocol, met as a stranger's: a right one, a mistaken one, and those that break it.

mod guided;
mod workloads;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::lab::{Lab, check, has_python};

/// The node of docs/maelstrom.md.
fn node() -> String {
    let node = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/maelstrom/node.py");
    node.display().to_string()
}

#[test]
fn a_right_node_is_led_through_cuts_of_its_messages_and_passes() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let words = "--nodes 3 --nemesis partition,pause --interval 500ms --duration 8s --seed 3 --json";
    let results = lab.harness(&format!("run --system maelstrom --bin {} {words}", node()));
    let results = results.with(0).json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
    assert_eq!(check(&results, "linearizability")["verdict"], "pass");
    lab.harness("check latest").with(0);
}

/// Nodes that hand requests on are asked twice, answered twice, and out of order.
#[test]
fn what_a_network_does_to_single_messages_is_proved() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let words = "--nodes 3 --nemesis messages --interval 500ms --duration 8s --seed 3 --json";
    let ended = lab.harness(&format!("run --system maelstrom --bin {} {words}", node()));
    let results = ended.json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
}

#[test]
fn stale_reads_of_a_mistaken_node_are_a_violation() {
    if !has_python() {
        return;
    }
    let lab = Lab::new();
    let words =
        "--nodes 3 --nemesis partition --interval 500ms --duration 30s --seed 3 --until-violation --json";
    let mut command = lab.command(&format!("run --system maelstrom --bin {} {words}", node()));
    let ended: crate::lab::Ended = command.env("MISTAKE", "local-reads").output().unwrap().into();
    let results = ended.with(1).json();
    assert_eq!(check(&results, "linearizability")["verdict"], "violation");
}

#[test]
fn transactions_are_held_to_an_order_of_all() {
    if !has_python() {
        return;
    }
    for workload in ["txn-list-append", "txn-rw-register"] {
        let words = format!("--workload {workload} --nodes 3 --rate 500 --seed 3 --json");
        let run = |mistake: &str, more: &str| -> crate::lab::Ended {
            let lab = Lab::new();
            let mut command = lab.command(&format!("run --system maelstrom --bin {} {words} {more}", node()));
            command.env("MISTAKE", mistake).output().unwrap().into()
        };
        // What cuts show in so short a run, and whether they are proved, is a matter of chance; other tests ask for them.
        let results = run("", "--nemesis none --duration 4s").with(0).json();
        assert_eq!(
            check(&results, "strict-serializability")["verdict"],
            "pass",
            "{results}"
        );
        assert_eq!(check(&results, "durability")["verdict"], "pass", "{results}");
        run("forgets", "--nemesis none --duration 20s --until-violation").with(1);
    }
}

/// Proxies of a service are as consistent as the service.
#[test]
fn services_keep_what_their_names_say() {
    if !has_python() {
        return;
    }
    for (service, exit) in [("lin-kv", 0), ("seq-kv", 1), ("lww-kv", 1)] {
        let lab = Lab::new();
        let words = "--nodes 3 --nemesis none --duration 4s --seed 3 --until-violation --json";
        let mut command = lab.command(&format!("run --system maelstrom --bin {} {words}", node()));
        let ended: crate::lab::Ended = command.env("SERVICE", service).output().unwrap().into();
        ended.with(exit);
    }
}

#[test]
fn kills_are_refused_unless_nodes_keep_their_state() {
    let lab = Lab::new();
    let ended = lab.harness(&format!(
        "run --system maelstrom --bin {} --nodes 3 --nemesis kill",
        node()
    ));
    let ended = ended.with(254);
    assert!(ended.stderr.contains("--profile disk"), "{}", ended.stderr);
}

/// A node that does this with every request but `init`, or with `init` as well.
fn bad(lab: &Lab, knows_init: bool, does: &str) -> String {
    let script = format!(
        r#"#!/usr/bin/env python3
import json, os, sys, time
sys.stderr.write("last words\n")
sys.stderr.flush()
def say(message):
    print(message if isinstance(message, str) else json.dumps(message), flush=True)
for line in sys.stdin:
    got = json.loads(line)
    me, body = got["dest"], got["body"]
    def ok(**more):
        say({{"src": me, "dest": got["src"], "body": {{"in_reply_to": body["msg_id"], **more}}}})
    if body["type"] == "init" and {}:
        ok(type="init_ok")
    else:
        {does}
"#,
        if knows_init { "True" } else { "False" }
    );
    let file = lab.folder.path().join("bad.py");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

/// Nothing that such a node says counts, so nothing of it is a violation.
#[test]
fn what_breaks_the_protocol_ends_the_run_and_says_why() {
    if !has_python() {
        return;
    }
    for (knows_init, does, wanted) in [
        (true, r#"say("hello")"#, "printed what is no message"),
        (true, r#"say("")"#, "printed what is no message"),
        (true, r#"say({"src": me, "body": {}})"#, "missing field `dest`"),
        (
            true,
            r#"sys.stdout.write("{\"src\""); sys.stdout.flush(); os.close(1); time.sleep(100)"#,
            "closed its standard output in the middle of a line: {\"src\"",
        ),
        (
            true,
            r#"sys.stdout.write("{\"src\""); sys.stdout.flush(); os._exit(3)"#,
            "ended by itself (exit status: 3)",
        ),
        (
            true,
            r#"say({"src": me, "dest": "n9", "body": {}})"#,
            "\"n9\", which is nobody: there are n1 to n3",
        ),
        (
            true,
            r#"ok(type="write_ok"); ok(type="write_ok")"#,
            "a second time",
        ),
        (
            true,
            r#"say({"src": me, "dest": got["src"], "body": {"type": "write_ok"}})"#,
            "there is no in_reply_to",
        ),
        (true, "sys.exit(4)", "ended by itself (exit status: 4)"),
        (false, r#"ok(type="error", code=13)"#, "answered `init` with"),
        (false, r#"say("starting")"#, "printed what is no message"),
        (false, "pass", "did not answer `init`"),
    ] {
        let lab = Lab::new();
        let file = bad(&lab, knows_init, does);
        let words = "--nodes 3 --nemesis none --duration 20s --seed 1 --quiet";
        let ended = lab.harness(&format!("run --system maelstrom --bin {file} {words}"));
        let ended = ended.with(255);
        assert!(ended.stderr.contains(wanted), "{does}: {}", ended.stderr);
        assert!(ended.stderr.contains("last words"), "{does}: {}", ended.stderr);
    }
}
