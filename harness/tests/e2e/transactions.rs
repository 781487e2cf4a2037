//! Transactions, put to a store that has them: etcd, as it comes with the distribution.

use crate::lab::{Lab, check, has_etcd, has_namespaces};

#[test]
fn transactions_of_etcd_are_strictly_serializable_unless_they_read_by_themselves() {
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
    let stale = "--nemesis none --profile serializable --duration 20s --until-violation";
    let results = lab.harness(&format!("{words} {stale}")).with(1).json();
    let found = &check(&results, "strict-serializability")["verdict"];
    assert_eq!(found, "violation", "{results}");
    assert_eq!(results["judged_as"]["consistency"], "strict-serializable");
}
