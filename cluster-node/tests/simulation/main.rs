//! A cluster in memory: cores, disks that lose what was not synced, and a network that loses, delays, repeats and
//! cuts, all from a seed. After every step the invariants of Raft hold (figure 3 of the paper), no acknowledged write
//! is lost, and no read is older than what had been acknowledged before it began.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says plainly what cannot fail"
)]

mod cluster;
mod invariants;

use cluster::Cluster;
use cluster_node::raft::config::{Config, Profile};
use cluster_node::raft::rules::Rules;

/// So many steps of trouble has each seed, before everything is healed.
const STEPS: usize = 400;

fn simulate(profile: Profile, bugs: &[&str], seed: u64, steps: usize) -> Result<usize, String> {
    let bugs: Vec<String> = bugs.iter().map(|bug| (*bug).to_owned()).collect();
    let mut config = Config::of(profile);
    config.rules = Rules::with_bugs(&bugs).unwrap();
    let mut cluster = Cluster::new(config, seed);
    for _ in 0..steps {
        cluster.step()?;
    }
    cluster.heal_and_converge()
}

fn holds_for(profile: Profile, seeds: std::ops::Range<u64>) {
    let mut acknowledged = 0;
    for seed in seeds.clone() {
        match simulate(profile, &[], seed, STEPS) {
            Ok(writes) => acknowledged += writes,
            Err(violation) => panic!("{profile:?}, seed {seed}: {violation}"),
        }
    }
    // A simulation in which nothing happens proves nothing.
    let seeds = seeds.count();
    assert!(
        acknowledged > 5 * seeds,
        "{acknowledged} writes were acknowledged on {seeds} seeds"
    );
}

#[test]
fn invariants_hold_under_fig8() {
    holds_for(Profile::Fig8, 0..1000);
}

#[test]
fn invariants_hold_under_prod() {
    holds_for(Profile::Prod, 0..1000);
}

/// Random trouble seldom leads into Figure 8; this seed does, and only the rule saves it. When a change of the core has
/// made it lead elsewhere, `TRAP_SEEDS=20000` looks for another among so many.
const TRAP_SEED: u64 = 66;
const TRAP_STEPS: usize = 2000;

#[test]
fn commit_any_term_breaks_an_invariant() {
    let naive = |seed: &u64| simulate(Profile::Fig8, &["commit-any-term"], *seed, TRAP_STEPS).is_err();
    let count = std::env::var("TRAP_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok());
    let trap = count.map_or(Some(TRAP_SEED).filter(naive), |count| (0..count).find(naive));
    let seed = trap.expect("no seed leads into the trap; look for another with TRAP_SEEDS=20000");
    println!("seed {seed}");
    let violation = simulate(Profile::Fig8, &["commit-any-term"], seed, TRAP_STEPS).unwrap_err();
    let is_of_the_rule = ["leader completeness", "state-machine safety"]
        .iter()
        .any(|name| violation.contains(name));
    assert!(is_of_the_rule, "seed {seed}: {violation}");
    simulate(Profile::Fig8, &[], seed, TRAP_STEPS).unwrap();
}
