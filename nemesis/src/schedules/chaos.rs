//! `chaos`: kills, pauses, partitions and delays at once, by seed.
//!
//! Three lanes, so that faults overlap but never disturb each other's undo: one kills, one pauses (together never more
//! than a minority), and one has the links.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::partition::{Side, link_fault};
use super::proof::{self, Proof};
use super::unguided::{Draw, Fault, Scene, Unguided};
use super::{kill, partition, pause};
use crate::effect::{Link, LinkRule};
use crate::schedule::{Armed, Evidence, Profile, Row};

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "chaos",
    about: "a seeded mix of kills, pauses, partitions and delays, overlapping",
    least_nodes: 3,
    nodes: 5,
    guided: false,
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Unguided::new(settings, LANES)),
    armed,
};

const LANES: &[&[Draw]] = &[&[kill::draw], &[pause::draw], &[partition::draw, draw_delay]];

/// From what a busy network does to what looks like an election timeout.
const DELAYS_MS: [u64; 4] = [10, 30, 100, 300];

pub(super) fn draw_delay(rng: &mut ChaCha8Rng, scene: &Scene<'_>) -> Option<Fault> {
    let side = Side::draw(rng, scene);
    let delay = DELAYS_MS[rng.random_range(0..DELAYS_MS.len())];
    let mut links: Vec<Link> = Link::all(scene.view.nodes.len()).collect();
    links.retain(|Link(from, to)| side.nodes.contains(from) || side.nodes.contains(to));
    let what = format!("delay {} by {delay} ms", side.whom);
    Some(link_fault(
        "delay",
        LinkRule::DelayMs(delay),
        links,
        what,
        side.resolved,
    ))
}

pub(super) fn armed(evidence: &Evidence<'_>) -> Armed {
    let proofs = [
        Proof::kills(evidence.effects),
        Proof::pauses(evidence.effects),
        Proof::cuts(evidence.effects),
        Proof::delays(evidence.effects),
    ];
    proof::judge(evidence, &proofs)
}
