//! Figure 8 in network namespaces, for real.

use crate::lab::{Lab, check, has_namespaces};

#[test]
fn figure_8_is_shown_in_namespaces_and_nothing_is_left() {
    if !has_namespaces() {
        return;
    }
    let lab = Lab::new();
    let words = "run --network namespaces --bug commit-any-term --until-violation --seed 42 --json --quiet";
    let results = lab.harness(words).with(1).json();
    for (name, verdict) in [("armed", "pass"), ("linearizability", "violation")] {
        assert_eq!(check(&results, name)["verdict"], verdict, "{results}");
    }
    assert!(lab.nodes().is_empty());
}
