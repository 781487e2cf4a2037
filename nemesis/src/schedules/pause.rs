//! `pause`: SIGSTOP of a node, the leader or a minority, and SIGCONT after a while. A paused leader wakes up and still
//! believes that it leads.

use rand_chacha::ChaCha8Rng;

use super::proof::{self, Proof};
use super::unguided::{Fault, Scene, Unguided, draw_victims};
use crate::effect::Effect;
use crate::schedule::{Profile, Row};

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "pause",
    about: "SIGSTOP of a random node, the leader or a minority; continued after a while",
    least_nodes: 3,
    nodes: 5,
    guided: false,
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Unguided::new(settings, &[&[draw]])),
    armed: |evidence| proof::judge(evidence, &[Proof::pauses(evidence.effects)]),
};

pub(super) fn draw(rng: &mut ChaCha8Rng, scene: &Scene<'_>) -> Option<Fault> {
    let (choice, victims) = draw_victims(rng, scene, "pause")?;
    Some(Fault {
        kind: "pause",
        choice,
        begin: victims.iter().copied().map(Effect::Pause).collect(),
        end: victims.iter().copied().map(Effect::Resume).collect(),
        victims,
    })
}
