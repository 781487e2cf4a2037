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
use cluster_node::raft::bugs;
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

/// Where random trouble leads into the trap of each bug of the core: on this seed an invariant breaks, and only the rule
/// saves it. When a change of the core has made a seed lead elsewhere, `TRAP_SEEDS=20000` looks for others among so many.
const TRAPS: &[(&str, Profile, u64)] = &[
    ("commit-any-term", Profile::Fig8, 66),
    ("commit-no-min", Profile::Fig8, 1),
    ("match-is-last-index", Profile::Fig8, 58),
    ("quorum-even-off-by-one", Profile::Fig8, 8),
    ("self-counted-twice", Profile::Fig8, 1),
    ("ae-truncate-always", Profile::Fig8, 0),
    ("ae-no-truncate-on-conflict", Profile::Fig8, 1),
    ("prevterm-unchecked", Profile::Fig8, 1),
    ("stale-term-ae-accepted", Profile::Fig8, 1),
    ("commit-regress", Profile::Fig8, 0),
    ("vote-no-log-check", Profile::Fig8, 0),
    ("vote-length-only", Profile::Fig8, 1),
    ("vote-volatile", Profile::Fig8, 0),
    ("term-volatile", Profile::Fig8, 0),
    ("vote-reply-term-unchecked", Profile::Fig8, 49),
    ("read-leader-local", Profile::Fig8, 1),
    ("read-no-term-barrier", Profile::Fig8, 0),
    ("read-follower", Profile::Fig8, 0),
    ("ack-at-propose", Profile::Fig8, 0),
    ("ack-by-index", Profile::Fig8, 0),
    ("definite-fail-on-step-down", Profile::Fig8, 0),
];
const TRAP_STEPS: usize = 2000;
/// Bugs of the state machine and of the node around the core.
const NOT_OF_THE_CORE: [&str; 3] = ["no-session-dedupe", "cas-at-propose", "forward-retry-dup"];

#[test]
fn every_bug_of_the_core_breaks_an_invariant_and_only_the_bug() {
    let named = |bug: &str| TRAPS.iter().any(|(name, ..)| *name == bug) || NOT_OF_THE_CORE.contains(&bug);
    assert!(bugs::all().all(|bug| named(bug.name)), "a bug has no trap");
    let count = std::env::var("TRAP_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok());
    let mut missed = Vec::new();
    for &(bug, profile, seed) in TRAPS {
        let breaks = |seed: &u64| violation(profile, bug, *seed).is_some();
        let trap = count.map_or(Some(seed).filter(breaks), |count| (0..count).find(breaks));
        match trap {
            Some(seed) => {
                println!("{bug}: seed {seed}: {}", violation(profile, bug, seed).unwrap());
                if let Err(why) = simulate(profile, &[], seed, TRAP_STEPS) {
                    missed.push(format!("without {bug}, seed {seed}: {why}"));
                }
            }
            None => missed.push(format!("{bug}: look for another seed with TRAP_SEEDS=20000")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// What breaks; that nothing goes on is no invariant.
fn violation(profile: Profile, bug: &str, seed: u64) -> Option<String> {
    let result = simulate(profile, &[bug], seed, TRAP_STEPS).err();
    result.filter(|why| !why.contains("no convergence"))
}
