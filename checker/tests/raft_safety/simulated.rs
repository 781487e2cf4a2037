//! Journals of simulated clusters: a correct one never alarms, whenever its nodes are killed; a broken rule is found
//! by the check that it belongs to.
//!
//! `HARNESS_TWINS` sets how many clusters are simulated, `HARNESS_SEED` the first seed.

use checker::{Check, RaftSafety, Verdict};
use histories::journal::Reader;
use histories::{Incarnation, NodeName};

use crate::cluster::{Bug, Cluster};

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

fn judge(cluster: &Cluster, nodes: usize) -> Check {
    let names: Vec<NodeName> = (1..=nodes).map(NodeName::numbered).collect();
    let mut safety = RaftSafety::new(&names).expect("few nodes");
    for ((node, incarnation), text) in &cluster.journals {
        let incarnation = Incarnation(*incarnation);
        let mut journal = safety.journal(&names[*node], incarnation).expect("a node");
        let mut lines = Reader::new(text.as_slice(), names[*node].clone(), incarnation);
        while let Some(line) = lines.next_line().expect("a journal") {
            journal.take(&line);
        }
    }
    safety.finish(&[])
}

fn simulate(seed: u64, bug: Bug) -> Check {
    let nodes = [3, 5, 4, 3][seed as usize % 4];
    let mut cluster = Cluster::new(seed, nodes, bug);
    cluster.run(400 + (seed % 7) as usize * 100);
    judge(&cluster, nodes)
}

#[test]
fn a_correct_cluster_never_alarms() {
    let (first, count) = (number("HARNESS_SEED", 0), number("HARNESS_TWINS", 1_000));
    let mut passed = 0;
    for seed in first..first + count {
        let check = simulate(seed, Bug::None);
        let is_silent = check.violations.is_empty() && check.verdict != Verdict::Violation;
        assert!(is_silent, "HARNESS_SEED={seed}: {check:#?}");
        passed += u64::from(check.verdict == Verdict::Pass);
    }
    // A cluster may commit nothing, and a kill may leave an entry of which no line tells what stands before it.
    assert!(passed * 2 >= count, "{passed} of {count} passed");
}

#[test]
fn a_broken_rule_is_found_by_the_check_that_it_belongs_to() {
    let table = [
        (Bug::CommitAnyTerm, "commit oracle"),
        (Bug::SmallQuorum, "commit oracle"),
        (Bug::VoteTwice, "one vote a term"),
        (Bug::VoteTwice, "election safety"),
        (Bug::VoteNoLogCheck, "leader completeness"),
        (Bug::VoteNoLogCheck, "committed stays"),
        (Bug::CommitNoMin, "commit oracle"),
        (Bug::CommitNoMin, "state machine safety"),
        (Bug::NoTruncation, "log matching"),
        (Bug::NoSync, "commit oracle"),
        (Bug::NoDedupe, "replies"),
        (Bug::AckAtPropose, "replies"),
    ];
    for (bug, name) in table {
        let found = (0..300).find(|seed| {
            let check = simulate(*seed, bug);
            check.details["checks"][name]["violations"] != 0
        });
        assert!(found.is_some(), "{bug:?} was not found by {name}");
    }
}
