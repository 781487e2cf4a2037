//! `partition`: the cluster falls apart into two sides, in both directions or in one only.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::proof::{self, Proof};
use super::unguided::{Fault, Scene, Unguided, names};
use crate::effect::{Choice, Effect, Link, LinkRule, NodeId};
use crate::schedule::{Profile, Row};

/// The row of this schedule.
pub const ROW: Row = Row {
    name: "partition",
    about: "random halves, one node or the leader cut off, both ways or one way; healed after a while",
    least_nodes: 3,
    nodes: 5,
    guided: false,
    profile: Profile::Full,
    workload: "register",
    build: |settings| Box::new(Unguided::new(settings, &[&[draw]])),
    armed: |evidence| proof::judge(evidence, &[Proof::cuts(evidence.effects)]),
};

pub(super) fn draw(rng: &mut ChaCha8Rng, scene: &Scene<'_>) -> Option<Fault> {
    let side = Side::draw(rng, scene);
    let mut rest = scene.nodes();
    rest.retain(|node| !side.nodes.contains(node));
    let (way, links) = match rng.random_range(0..4) {
        0 => ("what it sends", one_way(&side.nodes, &rest)),
        1 => ("what is sent to it", one_way(&rest, &side.nodes)),
        // Both ways is the plainest, and the one that a system must survive first.
        _ => ("both ways", Link::between(&side.nodes, &rest)),
    };
    let what = format!("cut {} off, {way}", side.whom);
    Some(link_fault("cut", LinkRule::Cut, links, what, side.resolved))
}

/// A rule for links, undone by letting them pass.
pub(super) fn link_fault(
    kind: &'static str,
    rule: LinkRule,
    links: Vec<Link>,
    what: String,
    resolved: String,
) -> Fault {
    Fault {
        kind,
        choice: Choice { what, resolved },
        victims: Vec::new(),
        begin: vec![Effect::links(rule, links.iter().copied())],
        end: vec![Effect::links(LinkRule::Pass, links)],
    }
}

/// One side of a partition: the smaller one.
pub(super) struct Side {
    /// As it was chosen.
    pub(super) whom: &'static str,
    /// What that came to.
    pub(super) resolved: String,
    pub(super) nodes: Vec<NodeId>,
}

impl Side {
    /// Half of the nodes (rounded down), one node that runs (from and to any other nothing is sent), or the leader.
    pub(super) fn draw(rng: &mut ChaCha8Rng, scene: &Scene<'_>) -> Self {
        let mut nodes = scene.nodes();
        nodes.shuffle(rng);
        let leader = scene.leader();
        match (rng.random_range(0..3), leader) {
            (0, _) => {
                nodes.truncate(nodes.len() / 2);
                nodes.sort_unstable();
                Side {
                    whom: "half of the nodes",
                    resolved: names(&nodes),
                    nodes,
                }
            }
            (1, Some((leader, resolved))) => Side {
                whom: "the leader",
                resolved,
                nodes: vec![leader],
            },
            (choice, _) => {
                let free = scene.free();
                nodes.sort_by_key(|node| !free.contains(node));
                nodes.truncate(1);
                let no_leader = format!("{}, as none is known", names(&nodes));
                let (whom, resolved) = match choice {
                    1 => ("the leader", no_leader),
                    _ => ("a node", names(&nodes)),
                };
                Side {
                    whom,
                    resolved,
                    nodes,
                }
            }
        }
    }
}

fn one_way(from: &[NodeId], to: &[NodeId]) -> Vec<Link> {
    let links = from.iter().flat_map(|a| to.iter().map(|b| Link(*a, *b)));
    links.collect()
}
