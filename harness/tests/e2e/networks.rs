//! Figure 8 in network namespaces, for real.

use crate::lab::{Lab, check};

/// Where the system refuses namespaces it is skipped, unless HARNESS_NAMESPACES_REQUIRED=1.
#[test]
fn figure_8_is_shown_in_namespaces_and_nothing_is_left() {
    let lab = Lab::new();
    let words = "run --network namespaces --bug commit-any-term --until-violation --seed 42 --json --quiet";
    let ended = lab.harness(words);
    if ended.exit == 255 && ended.stderr.contains("`--network proxy`") {
        assert!(
            std::env::var_os("HARNESS_NAMESPACES_REQUIRED").is_none(),
            "{}",
            ended.stderr
        );
        eprintln!("SKIPPED, there are no namespaces here: {}", ended.stderr);
        return;
    }
    let results = ended.with(1).json();
    assert_eq!(check(&results, "armed")["verdict"], "pass", "{results}");
    assert_eq!(
        check(&results, "linearizability")["verdict"],
        "violation",
        "{results}"
    );
    assert!(lab.nodes().is_empty());
}
