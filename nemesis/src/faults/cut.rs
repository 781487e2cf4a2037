//! `cut`: links that hand nothing on. A partition is a cut between two sides, in both directions or in one.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::commanded;
use super::rules::{self, RuleEnded};
use crate::effect::{Link, LinkRule, NodeId};
use crate::fault::{Chance, Fault, Look, Need, Shape};
use crate::scope::{Drawn, Scope};

/// The row of this fault.
pub static CUT: Fault = Fault {
    name: "cut",
    about: "links between nodes lose everything; they are healed",
    need: Need::Links,
    undo: rules::heal,
    proof: |spell| rules::ended(spell).is_some_and(|ended| ended.proves_cut()) || commanded::proves(spell),
    look: Some(LOOK),
    chance: Some(Chance {
        lane: "links",
        draw,
        asked_for: false,
    }),
};

/// Of whatever cuts links.
pub(super) const LOOK: Look = Look {
    band: "cut",
    shape: Shape::Under,
    word: "✂ cut off",
    colours: ["#c4183c", "#ff6b81"],
};

impl RuleEnded {
    /// Whether this proves a cut: something was offered, and nothing was delivered.
    pub fn proves_cut(&self) -> bool {
        let tried = !self.traffic.offered.is_zero() || self.traffic.refused > 0;
        self.was == LinkRule::Cut && tried && self.traffic.delivered.is_zero()
    }
}

fn draw(rng: &mut ChaCha8Rng, scope: &Scope<'_>) -> Option<Drawn> {
    let side = scope.side(rng);
    let mut rest = scope.nodes();
    rest.retain(|node| !side.nodes.contains(node));
    let (way, links) = match rng.random_range(0..4) {
        0 => ("what it sends", one_way(&side.nodes, &rest)),
        1 => ("what is sent to it", one_way(&rest, &side.nodes)),
        // Both ways is the plainest, and the one that a system must survive first.
        _ => ("both ways", Link::between(&side.nodes, &rest)),
    };
    let what = format!("cut {} off, {way}", side.whom);
    Some(rules::drawn(LinkRule::Cut, links, what, side))
}

fn one_way(from: &[NodeId], to: &[NodeId]) -> Vec<Link> {
    let links = from.iter().flat_map(|a| to.iter().map(|b| Link(*a, *b)));
    links.collect()
}
