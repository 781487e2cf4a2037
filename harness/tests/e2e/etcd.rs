//! etcd, as it comes with the distribution: a store that has transactions and can be watched.

use crate::lab::{Lab, check, has_etcd, has_namespaces};

#[test]
fn transactions_of_etcd_are_strictly_serializable() {
    if !has_namespaces() || !has_etcd() {
        return;
    }
    let lab = Lab::new();
    let words = "run --system etcd --workload txn-list-append --nodes 3 --clients 6 --rate 400 --seed 3 --json --quiet";
    let calm = lab.harness(&format!("{words} --nemesis none --duration 2s"));
    let results = calm.with(0).json();
    for name in ["strict-serializability", "durability", "revisions"] {
        assert_eq!(check(&results, name)["verdict"], "pass", "{results}");
    }
    assert_eq!(results["judged_as"]["consistency"], "strict-serializable");
}

/// Whether a short run is armed is a matter of chance; that a killed node's watchers are told the rest elsewhere is not.
#[test]
fn whoever_watches_etcd_is_told_of_every_change() {
    if !has_namespaces() || !has_etcd() {
        return;
    }
    let lab = Lab::new();
    let words =
        "run --system etcd --workload watch --nemesis kill --interval 1s --nodes 3 --duration 5s --seed 3";
    let results = lab.harness(&format!("{words} --rate 500 --json --quiet")).json();
    let watch = check(&results, "watch");
    assert_eq!(watch["verdict"], "pass", "{results}");
    assert_eq!(watch["details"]["watchers"], 3, "{results}");
    lab.harness("inspect latest").with(0);
}
