//! `kill`: kill -9 of a node, the leader or a minority, and a start after a while.

use rand_chacha::ChaCha8Rng;

use super::proof::{self, Proof};
use super::unguided::{Fault, Scene, Unguided, draw_victims};
use crate::effect::Effect;
use crate::schedule::{Profile, Row};

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "kill",
    about: "kill -9 of a random node, the leader or a minority; started again after a while",
    least_nodes: 3,
    nodes: 5,
    guided: false,
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Unguided::new(settings, &[&[draw]])),
    armed: |evidence| proof::judge(evidence, &[Proof::kills(evidence.effects)]),
};

pub(super) fn draw(rng: &mut ChaCha8Rng, scene: &Scene<'_>) -> Option<Fault> {
    let (choice, victims) = draw_victims(rng, scene, "kill")?;
    Some(Fault {
        kind: "kill",
        choice,
        begin: victims.iter().copied().map(Effect::Kill).collect(),
        end: victims.iter().copied().map(Effect::Start).collect(),
        victims,
    })
}
