//! The arrows between the crates (ARCHITECTURE.md, "The map"): who may use whom.

use std::collections::BTreeSet;
use std::path::Path;

const CRATES: [&str; 5] = ["cluster-node", "histories", "checker", "nemesis", "harness"];

/// Which of our crates a crate names in its manifest, tests included.
fn uses(name: &str) -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
        .join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let begins = |line: &&str| {
        CRATES
            .iter()
            .any(|ours| line.split(['.', ' ', '=']).next() == Some(ours))
    };
    text.lines()
        .filter(begins)
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn crates_use_only_whom_they_may() {
    assert_eq!(uses("histories"), set(&[]));
    assert_eq!(
        uses("cluster-node"),
        set(&[]),
        "the node is met over the wire only"
    );
    assert_eq!(uses("checker"), set(&["histories"]));
    assert_eq!(uses("nemesis"), set(&["histories"]));
    assert_eq!(
        uses("harness"),
        set(&["checker", "histories", "nemesis"]),
        "and never cluster-node"
    );
}
