//! Every workload against real nodes, some of which are killed: the correct store passes each.

use crate::lab::{Lab, check};

#[test]
fn every_workload_passes_while_nodes_are_killed() {
    let lab = Lab::new();
    let listed = lab.harness("list workloads --json").with(0).json();
    let rows = listed.as_array().unwrap();
    assert!(rows.len() >= 6, "{listed}");
    for row in rows {
        let name = row["workload"].as_str().unwrap();
        // It has neither, and they are refused (e2e/maelstrom and e2e/etcd have systems with them).
        let lacks = match name {
            "txn-list-append" | "txn-rw-register" => Some("has no transactions"),
            "watch" => Some("has no watch"),
            "echo" | "broadcast" => Some("has no"),
            "g-set" | "g-counter" | "pn-counter" => Some("without a key, which it is made of"),
            "kafka" => Some("has no logs with offsets"),
            _ => None,
        };
        if let Some(lacks) = lacks {
            let ended = lab
                .harness(&format!("run --workload {name} --nemesis none"))
                .with(254);
            assert!(ended.stderr.contains(lacks), "{}", ended.stderr);
            continue;
        }
        // Where nobody knows whether a dequeue took something, nobody knows that nothing was lost.
        let again = if name == "queue" { " --retry" } else { "" };
        let words = format!(
            "run --workload {name}{again} --nemesis kill --interval 500ms --nodes 3 --duration 3s --seed 5 --json --quiet"
        );
        let results = lab.harness(&words).with(0).json();
        let of_history = match name {
            "bank" | "long-fork" | "unique-ids" => "bounds",
            _ => "linearizability",
        };
        for proved in [of_history, "durability", "recovery", "activity"] {
            // Of identifiers nothing is kept.
            if (name, proved) == ("unique-ids", "durability") {
                assert_eq!(results["not_applicable"][0]["name"], proved, "{results}");
                continue;
            }
            assert_eq!(check(&results, proved)["verdict"], "pass", "{name}: {results}");
        }
    }
}

#[test]
fn clients_may_ask_again_and_read_anywhere_and_the_command_says_so() {
    let lab = Lab::new();
    let words = "run --workload counter --retry --reads follower --nemesis kill --interval 500ms --nodes 3 --duration 3s";
    let ended = lab.harness(&format!("{words} --seed 5 --quiet")).with(0);
    assert!(
        ended.stdout.contains("--workload counter") && ended.stdout.contains("--retry --reads follower"),
        "{}",
        ended.stdout
    );
}
