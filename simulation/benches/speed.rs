//! How many times as fast as real time a core plays and judges figure8 on five nodes, with four clients that pause 2 to 12 ms.
//!
//!     cargo bench -p simulation --bench speed            # 20 seeds
//!     cargo bench -p simulation --bench speed -- 2       # so many

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use histories::Seed;
use runs::case::Case;
use simulation::run::{Options, Plan};

const SEEDS: u64 = 20;

fn main() {
    // Cargo adds a word of its own.
    let seeds = std::env::args()
        .find_map(|word| word.parse().ok())
        .unwrap_or(SEEDS);
    for journals in [false, true] {
        let options = Options {
            duration: Duration::from_secs(20),
            interval: Duration::from_secs(1),
            clients: 4,
            pause_ms: (2, 12),
            journals,
            filler: None,
        };
        let plan = Plan::new(&Case::under("figure8"), &[], &options).unwrap();
        let (mut virtual_time, mut played_in, mut operations) = (Duration::ZERO, Duration::ZERO, 0);
        let begun = Instant::now();
        for seed in 1..=seeds {
            let start = Instant::now();
            let played = plan.play(Seed(seed)).unwrap();
            played_in += start.elapsed();
            virtual_time += played.took();
            operations += played.judge().unwrap().operations.ok;
        }
        let times = |cost: Duration| virtual_time.as_secs_f64() / cost.as_secs_f64();
        println!(
            "{} journals: {:.0} x real time, {:.0} x without the checks; {:.0} operations a second of virtual time",
            if journals { "with" } else { "without" },
            times(begun.elapsed()),
            times(played_in),
            operations as f64 / virtual_time.as_secs_f64(),
        );
    }
}
