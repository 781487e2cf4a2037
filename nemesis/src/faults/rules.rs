//! What the faults of links between nodes share: a rule is proved by what went through under it, which is known when it
//! ends, and all are undone by letting the links pass.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::effect::{Choice, Effect, Link, LinkRule};
use crate::evidence::{self, Traffic};
use crate::fault::{Spell, Target};
use crate::scope::{Drawn, Scope, Side};

/// What went through a link under the rule that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleEnded {
    /// Which link.
    pub link: Link,
    /// The rule that ended.
    pub was: LinkRule,
    /// How long it was in force.
    pub for_us: u64,
    /// Of a rule that counts frames: how many it would still have handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// Of a rule that holds: whether it kept something back that came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// What went through.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// Evidence of new rules for links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesSet {
    /// From the call until the rule was in force on the last of the links.
    pub in_force_us: u64,
    /// What ended, link by link.
    pub ended: Vec<RuleEnded>,
}

/// Of links that passed nothing is told: a proof is about what they did to somebody.
impl fmt::Display for RulesSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ended in self.ended.iter().filter(|ended| ended.was != LinkRule::Pass) {
            let under = Effect::links(ended.was, [ended.link]);
            let (word, whom) = (under.word(), under.whom());
            let (offered, delivered) = (ended.traffic.offered, ended.traffic.delivered);
            // Of a plain stream no frames are known.
            let (unit, [offered, delivered]) = match offered.frames + delivered.frames {
                0 if !offered.is_zero() => ("bytes", [offered, delivered].map(|count| count.bytes)),
                _ => ("frames", [offered, delivered].map(|count| count.frames)),
            };
            write!(
                f,
                "under {word} {whom} offered {offered} {unit}, delivered {delivered}; "
            )?;
        }
        write!(f, "in force after {} µs", self.in_force_us)
    }
}

/// What went through the link of a spell.
pub(super) fn ended(spell: &Spell<'_>) -> Option<RuleEnded> {
    let set = evidence::of::<RulesSet>(spell.ended)?;
    let mut ended = set.ended.into_iter();
    ended.find(|ended| Target::Link(ended.link) == spell.target)
}

/// Let the links of this effect pass.
pub(super) fn heal(effect: &Effect) -> Option<Effect> {
    match effect {
        Effect::Links { links, .. } => Some(Effect::links(LinkRule::Pass, links.iter().copied())),
        _ => None,
    }
}

/// A rule for all links from and to the nodes of one side; `what` makes a sentence of whom it hits, and how much.
pub(super) fn around(
    rng: &mut ChaCha8Rng,
    scope: &Scope<'_>,
    rule: impl FnOnce(&mut ChaCha8Rng) -> LinkRule,
    what: impl FnOnce(&str, &str) -> String,
) -> Drawn {
    let side = scope.side(rng);
    let rule = rule(rng);
    let mut links: Vec<Link> = Link::all(scope.view.nodes.len()).collect();
    links.retain(|Link(from, to)| side.nodes.contains(from) || side.nodes.contains(to));
    let what = what(side.whom, &rule.amount().unwrap_or_default());
    drawn(rule, links, what, side)
}

/// A rule for the links of one side.
pub(super) fn drawn(rule: LinkRule, links: Vec<Link>, what: String, side: Side) -> Drawn {
    Drawn {
        choice: Choice {
            what,
            resolved: side.resolved,
        },
        effects: vec![Effect::Links { rule, links }],
    }
}
