//! What holds for every seed, every size and every speed of the hands.

use std::time::Duration;

use histories::{Nanos, Seed};
use nemesis::effect::EffectLine;
use nemesis::fault::Target;
use nemesis::faults::InForce;
use nemesis::schedule::Settings;
use nemesis::{Effect, Need, Outcome};
use proptest::prelude::*;

use crate::cluster::Play;

const NAMES: [&str; 5] = ["kill", "pause", "partition", "chaos", "swarm"];
const INTERVAL: Duration = Duration::from_millis(500);
const RUN: Duration = Duration::from_secs(20);

/// A fault is undone after at most this long, and the time that the hands take.
const LONGEST: Duration = Duration::from_millis(750 + 50);

#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    nodes: usize,
    seed: u64,
    latency_ms: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let name = prop::sample::select(&NAMES[..]);
    (
        name,
        3..8_usize,
        any::<u64>(),
        prop::sample::select(&[0, 5, 60, 400][..]),
    )
        .prop_map(|(name, nodes, seed, latency_ms)| Case {
            name,
            nodes,
            seed,
            latency_ms,
        })
}

fn play(case: &Case) -> Vec<EffectLine> {
    let settings = Settings {
        nodes: case.nodes,
        seed: Seed(case.seed),
        interval: INTERVAL,
        can: vec![Need::Processes, Need::Restarts, Need::Links, Need::Delays],
        filler: None,
        failover: Duration::from_millis(300),
        tells: Vec::new(),
    };
    let mut play = Play::new(case.name, &settings);
    play.latency = Duration::from_millis(case.latency_ms);
    play.play(RUN);
    play.lines
}

/// Whether `later` ends the fault that `line` began on this target.
fn undoes(later: &EffectLine, line: &EffectLine, target: Target) -> bool {
    let undo = line.effect.undo().map(|undo| undo.word());
    undo == Some(later.effect.word()) && later.effect.act().targets.contains(&target)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_and_views_give_the_same_effects(case in case()) {
        prop_assert_eq!(play(&case), play(&case));
    }

    #[test]
    fn a_majority_is_never_taken_away(case in case()) {
        let mut gone = vec![false; case.nodes];
        for line in play(&case) {
            match line.effect {
                Effect::Kill(node) | Effect::Pause(node) => gone[node.0] = true,
                Effect::Start(node) | Effect::Resume(node) => gone[node.0] = false,
                _ => {}
            }
            let gone = gone.iter().filter(|gone| **gone).count();
            prop_assert!(gone <= (case.nodes - 1) / 2, "{} of {} are gone", gone, case.nodes);
        }
    }

    #[test]
    fn every_fault_is_undone_and_nothing_is_asked_for_in_vain(case in case()) {
        let lines = play(&case);
        prop_assert!(lines.len() > 5, "only {} effects", lines.len());
        let limit = LONGEST + Duration::from_millis(2 * case.latency_ms);
        for (place, line) in lines.iter().enumerate() {
            prop_assert!(!matches!(line.outcome, Outcome::Skipped { .. }), "{:?}", line);
            prop_assert!(line.choice.is_some());
            if line.done + limit > Nanos(0) + RUN {
                continue;
            }
            for target in line.effect.fault().map_or(Vec::new(), |_| line.effect.act().targets) {
                let undone = lines[place..].iter().find(|later| undoes(later, line, target));
                let soon = undone.is_some_and(|undone| undone.done <= line.done + limit);
                prop_assert!(soon, "{:?} is not undone in time: {:?}", line, undone);
            }
        }
    }

    #[test]
    fn no_two_faults_have_the_same_target(case in case()) {
        let mut in_force = InForce::default();
        for line in play(&case) {
            let over = in_force.after(&line.effect, &line.outcome, &());
            prop_assert!(!line.effect.act().targets.is_empty());
            prop_assert!(over.is_empty() || line.effect.fault().is_none(), "{:?}", line);
        }
    }
}
