//! The arrows between the crates (ARCHITECTURE.md, "The map"): who may use whom.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

const CRATES: [&str; 5] = ["cluster-node", "histories", "checker", "nemesis", "harness"];

/// Which of our crates a crate depends on, tests included: `name.workspace = true` or `name = {…}` in its manifest.
fn uses(name: &str) -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
        .join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let depends_on = |ours: &&str| {
        text.lines().any(|line| {
            let rest = line.strip_prefix(*ours).unwrap_or_default().trim_start();
            rest.starts_with(".workspace") || rest.starts_with("= {")
        })
    };
    CRATES.into_iter().filter(depends_on).map(str::to_owned).collect()
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
