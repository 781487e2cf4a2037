//! The network as a schedule has drawn it.

use std::collections::BTreeMap;

use crate::effect::{Effect, Link, LinkRule, NodeId};

/// The rule of every link as the schedule has set it, so that only changes are asked for.
pub struct Net {
    nodes: usize,
    rules: BTreeMap<Link, LinkRule>,
}

impl Net {
    /// Every link passes.
    pub fn new(nodes: usize) -> Self {
        Net {
            nodes,
            rules: Link::all(nodes).map(|link| (link, LinkRule::Pass)).collect(),
        }
    }

    /// Links pass where `open` says so, and are cut elsewhere: cuts first, so that nothing slips through in between.
    pub fn set(&mut self, open: impl Fn(Link) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (rule, wanted) in [(LinkRule::Cut, false), (LinkRule::Pass, true)] {
            let links: Vec<Link> = Link::all(self.nodes)
                .filter(|link| open(*link) == wanted && self.rules.get(link) != Some(&rule))
                .collect();
            for link in &links {
                self.rules.insert(*link, rule);
            }
            if !links.is_empty() {
                effects.push(Effect::Links { rule, links });
            }
        }
        effects
    }

    /// Links pass inside `group` and are cut everywhere else.
    pub fn only(&mut self, group: &[NodeId]) -> Vec<Effect> {
        self.set(|Link(from, to)| group.contains(&from) && group.contains(&to))
    }

    /// Links pass between `centre` and each of `leaves`, and are cut everywhere else.
    pub fn star(&mut self, centre: NodeId, leaves: &[NodeId]) -> Vec<Effect> {
        self.set(|Link(from, to)| {
            (from == centre && leaves.contains(&to)) || (to == centre && leaves.contains(&from))
        })
    }

    /// Links into and out of `nodes` are cut; all others stay as they are.
    pub fn cut_off(&mut self, nodes: &[NodeId]) -> Vec<Effect> {
        let links = Link::all(self.nodes).filter(|Link(from, to)| nodes.contains(from) || nodes.contains(to));
        self.rule(LinkRule::Cut, links.collect())
    }

    /// These links have this rule; all others stay as they are.
    pub fn rule(&mut self, rule: LinkRule, mut links: Vec<Link>) -> Vec<Effect> {
        links.retain(|link| self.rules.insert(*link, rule) != Some(rule));
        match links.is_empty() {
            true => Vec::new(),
            false => vec![Effect::Links { rule, links }],
        }
    }

    /// Every link passes.
    pub fn heal(&mut self) -> Vec<Effect> {
        self.set(|_| true)
    }

    /// The links that are cut now.
    pub fn cut(&self) -> Vec<Link> {
        self.rules
            .iter()
            .filter(|(_, rule)| **rule == LinkRule::Cut)
            .map(|(link, _)| *link)
            .collect()
    }
}
